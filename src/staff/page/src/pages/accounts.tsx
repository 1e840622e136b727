// Who works here, in which role and where; inviting, changing, and ending an account's use.

import { useState } from "react";
import { act } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";

interface Account { id: string; name: string; role: string; division: string; status: string; created_at: string; last_seen_at?: string | null }
interface Enrolment { code: string; expires_at: string }

const RANKS: Record<string, number> = { instructor: 0, venue: 1, community: 2, district: 3, bureau: 3, city: 4, admin: 5 };

export function Accounts() {
  const { may, divisions, divisionName, session } = useDesk();
  const list = useList<Account>(may("manage_staff") ? "/accounts" : null);
  const [open, setOpen] = useState<{ act: "invite" | "change" | "renew" | "end" | "back"; of?: Account } | null>(null);
  const mine = session.staff;
  const keeps = (role: string) => mine.role === "admin" || (RANKS[role] ?? 9) < (RANKS[mine.role] ?? 0);
  const roles = Object.keys(RANKS).filter(keeps).map((code): [string, string] => [code, words.role(code)]);
  const places = divisions.length > 0 ? divisions.map((one): [string, string] => [one.code, `${one.name}（${words.level(one.level)}）`]) : [[mine.division, mine.division] as [string, string]];
  const close = () => setOpen(null);
  const code = ({ code, expires_at }: Enrolment, name: string) => (
    <><p>请把用户名「{name}」和邀请码当面告诉本人，由其在登录页选「用邀请码开通账号」。</p><Secret name="邀请码" value={code} note={`有效至 ${words.time(expires_at)}，只能用一次，只显示这一次。`} /></>
  );
  return (
    <>
      <Title text="人员与角色">{may("manage_staff") && <button className="button primary" onClick={() => setOpen({ act: "invite" })}>邀请同事</button>}</Title>
      <Needs right="manage_staff">
        <LongList label="人员" of={list} none="还没有其他人员。" keyOf={(one) => one.id} columns={[
          { name: "用户名", show: (one) => one.name },
          { name: "角色", width: "9rem", show: (one) => words.role(one.role) },
          { name: "区域", show: (one) => divisionName(one.division) },
          { name: "状态", width: "6rem", show: (one) => <Tag tone={one.status === "active" ? "good" : "plain"}>{words.accountStatus(one.status)}</Tag> },
          { name: "最近使用", width: "7rem", show: (one) => words.ago(one.last_seen_at) },
          { name: "处理", width: "15rem", show: (one) => one.id === mine.id ? <span className="hint">您自己</span> : !keeps(one.role) ? "—" : (
            <span className="inline">
              <button className="button small" onClick={() => setOpen({ act: "change", of: one })}>调整</button>
              <button className="button small" onClick={() => setOpen({ act: "renew", of: one })}>重发邀请</button>
              {one.status === "disabled" ? <button className="button small" onClick={() => setOpen({ act: "back", of: one })}>恢复</button> : <button className="button small danger-line" onClick={() => setOpen({ act: "end", of: one })}>停用</button>}
            </span>
          ) },
        ]} />
      </Needs>
      {open?.act === "invite" && (
        <FormDialog title="邀请同事" intro="只能邀请级别低于您的角色；权限限于所选区域。"
          fields={[
            { name: "name", label: "用户名", required: true, max: 64 },
            { name: "role", label: "角色", type: "select", required: true, options: roles },
            { name: "division", label: "负责的区域", type: "select", required: true, options: places },
          ]} confirm="邀请" submit={async (values) => code(await act<Enrolment>("POST", "/accounts", values), values["name"]!)} close={close} after={list.reload} />
      )}
      {open?.act === "change" && open.of && (
        <FormDialog title={`调整 ${open.of.name}`} intro="立即生效，也包括正在进行的登录。"
          fields={[
            { name: "role", label: "角色", type: "select", required: true, options: roles, value: open.of.role },
            { name: "division", label: "负责的区域", type: "select", required: true, options: places, value: open.of.division },
          ]} confirm="调整" submit={async (values, key) => void (await act("PATCH", `/accounts/${open.of!.id}`, values, key))} done="已调整" close={close} after={list.reload} />
      )}
      {open?.act === "renew" && open.of && (
        <Confirm title={`给 ${open.of.name} 重发邀请`} says="原来的密码和验证器立即失效，正在进行的登录也会结束；本人须用新的邀请码重新开通。" confirm="重发邀请"
          act={async () => code(await act<Enrolment>("POST", `/accounts/${open.of!.id}/enrolment`), open.of!.name)} close={close} after={list.reload} />
      )}
      {(open?.act === "end" || open?.act === "back") && open.of && (
        <Confirm title={open.act === "end" ? `停用 ${open.of.name}` : `恢复 ${open.of.name}`} isDanger={open.act === "end"} confirm={open.act === "end" ? "停用" : "恢复"}
          says={open.act === "end" ? "账号立即不能使用，正在进行的登录随即结束；以往的操作记录保留。可以恢复。" : "账号可以重新登录。"}
          act={async (key) => void (await act("PATCH", `/accounts/${open.of!.id}`, { enabled: open.act === "back" }, key))} done="已完成" close={close} after={list.reload} />
      )}
    </>
  );
}
