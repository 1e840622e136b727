// Instructors and coaches: their certificates, what they teach, and the service that doors prove.

import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useList, useLoad } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Card, Facts, Figure, Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";

export interface Instructor { id: string; member_id: string; name: string; account_id?: string | null; home_community: string; status: string; is_coach: boolean; certified_until?: string | null; specialities: string[] }
interface Certificate { id: string; level: string; issuer: string; issued_on: string; expires_on?: string | null; revoked_at?: string | null }
interface Details extends Instructor { certificates: Certificate[]; service: { from: string; to: string; slots: number; minutes: number; learners: number } }

const certified = (one: Instructor) => !one.certified_until ? <Tag tone="bad">没有证书</Tag> : one.certified_until < words.day() ? <Tag tone="bad">{one.certified_until} 到期</Tag>
  : one.certified_until < words.day(60) ? <Tag tone="warn">{one.certified_until} 到期</Tag> : one.certified_until > "9000" ? "长期" : one.certified_until;

export function Coaches() {
  const { may, divisions, divisionName, session } = useDesk();
  const list = useList<Instructor>(may("see_members") ? "/instructors" : null);
  const [isOpen, setOpen] = useState(false);
  const communities = divisions.filter((one) => one.code.length === 12).map((one): [string, string] => [one.code, one.name]);
  return (
    <>
      <Title text="教练与指导员">{may("manage_instructors") && <button className="button primary" onClick={() => setOpen(true)}>登记</button>}</Title>
      <Needs right="see_members">
        <LongList label="教练与指导员" of={list} none="还没有教练或指导员。" hint="从已核验的居民中登记，再录入证书。" keyOf={(one) => one.id} columns={[
          { name: "姓名", width: "7rem", show: (one) => <Link to={`/coaches/${one.id}`}>{one.name}</Link> },
          { name: "社区", show: (one) => divisionName(one.home_community) },
          { name: "身份", width: "7rem", show: (one) => one.is_coach ? "教练" : "指导员" },
          { name: "项目", show: (one) => one.specialities.map(life.sport).join("、") || "—" },
          { name: "证书", width: "10rem", show: certified },
          { name: "状态", width: "6rem", show: (one) => <Tag tone={one.status === "active" ? "good" : "plain"}>{life.instructorStatus(one.status)}</Tag> },
        ]} />
      </Needs>
      {isOpen && <FormDialog title="登记教练或指导员" intro="须是姓名已核验的居民。没有有效证书的，不能开放预约。" confirm="登记" done="已登记" close={() => setOpen(false)} after={list.reload}
        fields={[
          { name: "member_id", label: "居民编号", required: true, help: "在居民页面查到后复制。" },
          { name: "home_community", label: "社区", type: "select", options: communities.length ? communities : [[session.staff.division, divisionName(session.staff.division)]] },
          { name: "sport", label: "主要项目", type: "select", options: life.SPORTS.map((code) => [code, life.sport(code)]) },
          { name: "is_coach", label: "作为教练开放预约", type: "check" },
        ]}
        submit={async (values, key) => void (await act("POST", "/instructors", { member_id: values["member_id"]!.trim(), home_community: values["home_community"], specialities: [values["sport"]], is_coach: values["is_coach"] === "yes" }, key))} />}
    </>
  );
}

type Act = "certify" | "status" | "coach" | "link";

interface Account { id: string; name: string; role: string }

/** With an account of the role, an instructor publishes their own hours. */
function LinkAccount({ one, close, after }: { one: Details; close: () => void; after: () => void }) {
  const accounts = useList<Account>("/accounts");
  const fitting = accounts.items.filter((account) => account.role === "instructor").map((account): [string, string] => [account.id, account.name]);
  if (fitting.length === 0) return (
    <Confirm title="关联账号" isDanger={false} confirm="知道了" says={accounts.isLoading ? "正在载入账号…" : "还没有「社会体育指导员」角色的账号，请先在「人员与角色」里邀请。"} act={async () => {}} close={close} />
  );
  return <FormDialog title="关联账号" intro="关联后，本人用这个账号登录，只能发布和停开自己的时段、看自己的预约。" confirm="关联" done="已关联" close={close} after={after}
    fields={[{ name: "account_id", label: "账号", type: "select", required: true, options: fitting }]}
    submit={async (values, key) => void (await act("PATCH", `/instructors/${one.id}`, values, key))} />;
}

function Whole({ one, reload }: { one: Details; reload: () => void }) {
  const { may, divisionName } = useDesk();
  const [open, setOpen] = useState<Act | null>(null);
  const [ended, setEnded] = useState<Certificate | null>(null);
  const keeps = may("manage_instructors");
  const close = () => setOpen(null);
  const change = (body: object) => async (key: string) => void (await act("PATCH", `/instructors/${one.id}`, body, key));
  return (
    <>
      <Card title={one.name} aside={<Tag tone={one.status === "active" ? "good" : "plain"}>{life.instructorStatus(one.status)}</Tag>}>
        <Facts items={[
          ["社区", divisionName(one.home_community)], ["身份", one.is_coach ? "教练（可预约）" : "指导员"], ["项目", one.specialities.map(life.sport).join("、") || "—"], ["证书有效", <span key="c">{certified(one)}</span>],
          ["账号", one.account_id ? "已关联，可自己发布时段" : "未关联"], ["居民", <Link key="m" to={`/members/${one.member_id}`}>看居民</Link>],
        ]} />
        {keeps && <div className="acts">
          <button className="button primary" onClick={() => setOpen("certify")}>录入证书</button>
          <button className="button" onClick={() => setOpen("coach")}>{one.is_coach ? "不再接受预约" : "开放预约"}</button>
          {may("manage_staff") && <button className="button" onClick={() => setOpen("link")}>{one.account_id ? "换一个账号" : "关联账号"}</button>}
          <button className={one.status === "active" ? "button danger-line" : "button"} onClick={() => setOpen("status")}>{one.status === "active" ? "暂停" : "恢复在岗"}</button>
        </div>}
      </Card>
      <div className="figures">
        <Figure name="近一年授课" value={words.number(one.service.slots)} unit="次" note="教练与学员都由门上证实" />
        <Figure name="授课时长" value={words.number(one.service.minutes)} unit="分钟" />
        <Figure name="学员" value={words.number(one.service.learners)} unit="人次" />
      </div>
      <Card title="证书">
        {one.certificates.length === 0 ? <Nothing what="还没有证书。" /> : (
          <ul className="plain-list">{one.certificates.map((held) => (
            <li key={held.id}><span>{life.instructorLevel(held.level)}　{held.issuer}</span>
              <span className="inline">{held.issued_on} 至 {held.expires_on ?? "长期"} {held.revoked_at ? <Tag tone="bad">已撤销</Tag> : keeps && <button className="button small danger-line" onClick={() => setEnded(held)}>撤销</button>}</span></li>
          ))}</ul>
        )}
      </Card>
      {open === "certify" && <FormDialog title="录入证书" intro="请核对证书原件。号码加密保存，之后不再显示。" confirm="录入" done="已录入" close={close} after={reload}
        fields={[
          { name: "level", label: "等级", type: "select", options: life.LEVELS.map((code) => [code, life.instructorLevel(code)]), value: "second" },
          { name: "issuer", label: "发证机关", required: true, max: 60 }, { name: "number", label: "证书号码", required: true, max: 60 },
          { name: "issued_on", label: "发证日期", type: "date", required: true }, { name: "expires_on", label: "有效到", type: "date", help: "留空为长期。" },
        ]}
        submit={async (values, key) => void (await act("POST", `/instructors/${one.id}/certificates`, Object.fromEntries(Object.entries(values).filter(([, value]) => value)), key))} />}
      {open === "link" && <LinkAccount one={one} close={close} after={reload} />}
      {open === "coach" && <Confirm title={one.is_coach ? "不再接受预约" : "开放预约"} isDanger={one.is_coach} confirm={one.is_coach ? "不再接受预约" : "开放预约"} act={change({ is_coach: !one.is_coach })} done="已更改" close={close} after={reload}
        says={one.is_coach ? "这位教练不能再发布时段，居民不再看到；以往的记录保留。" : "这位指导员可以发布时段，供居民预约。"} />}
      {open === "status" && <Confirm title={one.status === "active" ? `暂停${one.name}` : `恢复${one.name}`} isDanger={one.status === "active"} confirm={one.status === "active" ? "暂停" : "恢复在岗"} act={change({ status: one.status === "active" ? "suspended" : "active" })} done="已更改" close={close} after={reload}
        says={one.status === "active" ? "暂停后不再计入在岗人数，也不能开放预约；可以恢复。" : "重新计入在岗人数。"} />}
      {ended && <Confirm title="撤销证书" confirm="撤销" says={`${life.instructorLevel(ended.level)}（${ended.issuer}）撤销后不能恢复；没有其他有效证书的，不能再开放预约。`}
        act={async (key) => void (await act("DELETE", `/instructors/${one.id}/certificates/${ended.id}`, undefined, key))} done="已撤销" close={() => setEnded(null)} after={reload} />}
    </>
  );
}

export function Coach() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const one = useLoad<Details>(may("see_members") ? `/instructors/${id}` : null);
  return (
    <>
      <Title text="教练与指导员资料" back={["/coaches", "教练与指导员"]} />
      <Needs right="see_members"><Ready of={one}>{(data) => <Whole one={data} reload={one.reload} />}</Ready></Needs>
    </>
  );
}
