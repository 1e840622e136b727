// My own account: what I may do, and another password.

import { useState } from "react";
import { act } from "../api";
import { useDesk } from "../session";
import { FormDialog } from "../ui/form";
import { Card, Facts, Title } from "../ui/page";
import * as words from "../words";

const RIGHTS: [string, string][] = [
  ["see_members", "查看居民（遮盖）"], ["register_members", "登记居民"], ["approve_members", "批准准入"], ["manage_members", "停用居民"], ["unmask_members", "申请查看完整信息"],
  ["see_places", "查看场馆与终端"], ["manage_venues", "管理场馆"], ["manage_terminals", "管理终端"], ["see_work", "查看待办"], ["answer_work", "处理待办"],
  ["correct_sessions", "更正时长"], ["publish_slots", "发布预约时段"], ["manage_bookings", "管理预约"], ["organise_community", "组织社群与活动"], ["keep_fitness", "录入体质测试"], ["manage_instructors", "管理教练"], ["decide_requests", "审批"], ["manage_staff", "管理人员"], ["read_audit", "查看审计"], ["manage_webhooks", "管理推送订阅"],
];

export function Own() {
  const { session, divisionName, may } = useDesk();
  const [open, setOpen] = useState(false);
  const { staff } = session;
  return (
    <>
      <Title text="我的账号" />
      <Card>
        <Facts items={[["用户名", staff.name], ["角色", words.role(staff.role)], ["区域", divisionName(staff.division)]]} />
        <h2>我能做什么</h2>
        <p>{RIGHTS.filter(([code]) => may(code)).map(([, name]) => name).join("、") || "—"}</p>
        <div className="acts"><button className="button" onClick={() => setOpen(true)}>更换密码</button></div>
      </Card>
      {open && (
        <FormDialog title="更换密码" intro="更换后，您在其他地方的登录会结束。"
          fields={[
            { name: "password", label: "现在的密码", type: "password", required: true, autoComplete: "current-password" },
            { name: "code", label: "六位动态口令", type: "code", required: true, max: 6, autoComplete: "one-time-code" },
            { name: "new_password", label: "新密码", type: "password", required: true, autoComplete: "new-password" },
          ]} confirm="更换" submit={async (values, key) => void (await act("PUT", "/password", values, key))} done="密码已更换" close={() => setOpen(false)} />
      )}
    </>
  );
}
