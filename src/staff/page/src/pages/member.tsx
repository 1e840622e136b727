// One member, masked: who, consents, minutes with where each comes from, the face door by door,
// and what the desk may do.

import { Tabs } from "@base-ui/react/tabs";
import { useState, type ReactNode } from "react";
import { Link, useParams } from "react-router";
import { act, get } from "../api";
import { useList, useLoad } from "../load";
import { useDesk } from "../session";
import { Effect, type MinutesEffect } from "../ui/effect";
import { Confirm, FormDialog } from "../ui/form";
import { LongList, Rows } from "../ui/list";
import { Card, Facts, Tag, Title } from "../ui/page";
import { Nothing, Ready, Needs } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";

export interface Person {
  id: string; name: string; birth_year?: number | null; sex?: string | null; phone?: string | null; home_community: string;
  document: { type: string; number: string }; status: string; verification: string; registered_at: string; guardian_id?: string | null;
  consents: { purpose: string; granted: boolean; needs_renewal: boolean; text_version: string; at: string }[];
  approvals: { kind: string; valid_from: string; valid_to?: string | null }[];
}
interface Stay {
  id: string; business_day: string; entered_at: string; left_at?: string | null; minutes: number; provenance?: string | null; ended_by?: string | null;
  disputed: boolean; venue: { id: string; name: string }; why: string; rule_version: number;
  ledger: { cause: string; minutes: number; provenance: string; recorded_at: string }[];
}
interface Faces { enrolled: boolean; taken_at?: string | null; terminals: { terminal_id: string; venue_name: string; state: string; at?: string | null }[] }
interface Leave { id: string; what: string; at: string }

/** Which numbers I have asked to see of whom: ids only, so that an approved one is found again. */
const kept = (member: string) => `fitgate unmaskings ${member}`;
function readKept(member: string): Leave[] {
  try { return JSON.parse(sessionStorage.getItem(kept(member)) ?? "[]"); } catch { return []; }
}
function keep(member: string, leave: Leave) {
  sessionStorage.setItem(kept(member), JSON.stringify([leave, ...readKept(member)].slice(0, 5)));
}

function Seen({ leave }: { leave: Leave }) {
  const [value, setValue] = useState<ReactNode>(null);
  const look = () =>
    get<{ value?: string | null; written?: string | null }>(`/unmaskings/${leave.id}`).then(
      (seen) =>
        setValue(
          <code className="plain-value">
            {seen.value ?? "没有登记"}
            {seen.written && `（登记时写作 ${seen.written}）`}
          </code>,
        ),
      (error) => setValue(<span className="bad-text">{error.detail}</span>),
    );
  return (
    <li>
      <span>{words.unmaskable(leave.what)}（{words.time(leave.at)} 申请）</span>
      {value ?? <button className="button small" onClick={() => void look()}>查看</button>}
    </li>
  );
}

function Stays({ id }: { id: string }) {
  const { may } = useDesk();
  const list = useList<Stay>(`/members/${id}/sessions`);
  const [why, setWhy] = useState<Stay | null>(null);
  const [wrong, setWrong] = useState<Stay | null>(null);
  return (
    <>
      <LongList
        label="停留与时长" of={list} none="还没有入场记录。" keyOf={(stay) => stay.id}
        columns={[
          { name: "日期", width: "7rem", show: (stay) => stay.business_day },
          { name: "场馆", show: (stay) => stay.venue.name },
          { name: "进出", width: "9rem", show: (stay) => `${words.hour(stay.entered_at)} – ${stay.left_at ? words.hour(stay.left_at) : "在场"}` },
          { name: "分钟", width: "5rem", isNumber: true, show: (stay) => stay.minutes },
          { name: "来源", width: "7rem", show: (stay) => <Tag tone={stay.provenance === "measured" ? "good" : "plain"}>{words.provenance(stay.provenance)}</Tag> },
          { name: "处理", width: "11rem", show: (stay) => (
            <span className="inline">
              <button className="button small" onClick={() => setWhy(stay)}>逐条核验</button>
              {may("correct_sessions") && stay.left_at && <button className="button small" onClick={() => setWrong(stay)}>更正</button>}
            </span>
          ) },
        ]}
      />
      {why && (
        <Confirm title={`${why.business_day} 在${why.venue.name}`} confirm="知道了" isDanger={false} close={() => setWhy(null)} act={async () => {}}
          says={<>
            <p>{why.why}</p>
            <p>规则版本 {why.rule_version}{why.disputed && "；居民对此有异议"}。账本：</p>
            <ul>{why.ledger.map((row, n) => <li key={n}>{words.time(row.recorded_at)}　{row.minutes > 0 ? "+" : ""}{row.minutes} 分钟，{words.provenance(row.provenance)}（{row.cause}）</li>)}</ul>
          </>} />
      )}
      {wrong && (
        <FormDialog
          title="更正这次停留"
          intro="更正会在账本上新增记录，原来的记录保留。改变超过 60 分钟的，或已更正过的，需要另一位同事批准后才生效。"
          fields={[
            { name: "entered_at", label: "进场时间", type: "datetime-local", required: true, value: words.local(wrong.entered_at) },
            { name: "left_at", label: "离场时间", type: "datetime-local", required: true, value: wrong.left_at ? words.local(wrong.left_at) : "" },
            { name: "reason", label: "理由", type: "area", required: true, max: 200 },
          ]}
          confirm="确认更正"
          preview={async (values) => {
            const times = { entered_at: words.instant(values["entered_at"]!), left_at: words.instant(values["left_at"]!) };
            const { effect, needs_second } = await act<{ effect: MinutesEffect; needs_second: boolean }>("POST", `/sessions/${wrong.id}/corrections/preview`, times);
            return <><Effect of={effect} />{needs_second && <p><Tag tone="warn">需要审批</Tag> 提交后由另一位同事批准才生效。</p>}</>;
          }}
          submit={async (values, key) => {
            const body = { entered_at: words.instant(values["entered_at"]!), left_at: words.instant(values["left_at"]!), reason: values["reason"] };
            const { request_id } = await act<{ request_id?: string | null }>("POST", `/sessions/${wrong.id}/corrections`, body, key);
            return request_id ? <p className="notice">已提交审批，批准后生效。</p> : undefined;
          }}
          done="已提交" close={() => setWrong(null)} after={list.reload}
        />
      )}
    </>
  );
}

function FaceDoors({ id }: { id: string }) {
  const faces = useLoad<Faces>(`/members/${id}/face`);
  return (
    <Ready of={faces}>
      {(data) => (
        <>
          <p className="hint">{data.enrolled ? `人脸已采集（${words.time(data.taken_at)}）。照片不在这里显示。` : "没有采集人脸照片。"}</p>
          {data.terminals.length === 0 ? <Nothing what="没有终端持有这张人脸。" /> : (
            <Rows label="各终端上的人脸" items={data.terminals} keyOf={(door) => door.terminal_id}
              columns={[
                { name: "场馆", show: (door) => door.venue_name },
                { name: "状态", width: "9rem", show: (door) => <Tag tone={door.state === "present" ? "good" : door.state === "refused" ? "bad" : "plain"}>{words.faceAt(door.state)}</Tag> },
                { name: "时间", width: "10rem", show: (door) => words.time(door.at) },
              ]} />
          )}
        </>
      )}
    </Ready>
  );
}

function Consents({ person, after }: { person: Person; after: () => void }) {
  const { may } = useDesk();
  const [open, setOpen] = useState(false);
  return (
    <>
      {person.consents.length === 0 ? <Nothing what="没有同意记录。" /> : (
        <ul className="plain-list">
          {person.consents.map((one) => (
            <li key={one.purpose}>
              <span>{words.purpose(one.purpose)}</span>
              <span><Tag tone={one.granted ? "good" : "plain"}>{one.granted ? "同意" : "不同意"}</Tag>{one.needs_renewal && <Tag tone="warn">文本已更新，须重新确认</Tag>} {words.time(one.at)}</span>
            </li>
          ))}
        </ul>
      )}
      {may("register_members") && <button className="button" onClick={() => setOpen(true)}>记录同意或撤回</button>}
      {open && (
        <FormDialog title="记录同意或撤回" intro="须由本人（或监护人）当面表示。撤回人脸同意后，各终端会删除这张人脸。"
          fields={[
            { name: "purpose", label: "事项", type: "select", options: words.PURPOSES.map((code) => [code, words.purpose(code)]) },
            { name: "granted", label: "表示", type: "select", options: [["yes", "同意"], ["no", "撤回 / 不同意"]] },
          ]}
          confirm="记录"
          submit={async (values, key) => void (await act("POST", `/members/${person.id}/consents`, { purpose: values["purpose"], granted: values["granted"] === "yes" }, key))}
          done="已记录" close={() => setOpen(false)} after={after} />
      )}
    </>
  );
}

type Act = "verify" | "suspend" | "reinstate" | "unmask" | "guardian" | "card" | "approve" | "desk" | "recover" | "leave";

function Acts({ person, act: which, close, after }: { person: Person; act: Act; close: () => void; after: () => void }) {
  const path = `/members/${person.id}`;
  switch (which) {
    case "verify":
      return <Confirm title="前台核验" says="请确认：证件原件与本人在场，照片、姓名、号码都一致。核验后居民标记为「前台核验」。" confirm="证件与本人一致" isDanger={false}
        act={async (key) => void (await act("POST", `${path}/verification`, undefined, key))} done="已核验" close={close} after={after} />;
    case "suspend":
      return <FormDialog title="停用这位居民" isDanger intro="停用后，所有门都会拒绝其入场，直到恢复；已有的运动时长不受影响。理由写入审计。"
        fields={[{ name: "reason", label: "理由", type: "area", required: true, max: 200 }]} confirm="停用"
        submit={async (values, key) => void (await act("POST", `${path}/suspension`, values, key))} done="已停用" close={close} after={after} />;
    case "reinstate":
      return <FormDialog title="恢复这位居民" intro="恢复后，各门重新按规则放行。"
        fields={[{ name: "reason", label: "理由", type: "area", required: true, max: 200 }]} confirm="恢复"
        submit={async (values, key) => void (await act("POST", `${path}/reinstatement`, values, key))} done="已恢复" close={close} after={after} />;
    case "unmask":
      return <FormDialog title="查看完整信息" intro="需要说明理由；居民能看到谁在何时查看过。证件号码和儿童的信息须另一位同事批准。"
        fields={[
          { name: "what", label: "查看什么", type: "select", options: [["name", "姓名"], ["phone", "手机号"], ["document", "证件号码"]] },
          { name: "reason", label: "理由", type: "area", required: true, max: 200 },
        ]}
        confirm="申请查看"
        submit={async (values, key) => {
          const { id, waits } = await act<{ id: string; waits: boolean }>("POST", `${path}/unmaskings`, values, key);
          const leave = { id, what: values["what"]!, at: new Date().toISOString() };
          keep(person.id, leave);
          if (waits) return <p className="notice">已提交，等待另一位同事批准。批准后回到这一页查看，一天内有效。</p>;
          return <ul className="plain-list"><Seen leave={leave} /></ul>;
        }}
        close={close} after={after} />;
    case "guardian":
      return <FormDialog title="设置监护人" intro="监护人须已登记。"
        fields={[{ name: "guardian_id", label: "监护人的居民编号", required: true, help: "在监护人的页面上复制。" }]} confirm="设置"
        submit={async (values, key) => void (await act("POST", `${path}/guardian`, values, key))} done="已设置" close={close} after={after} />;
    case "card":
      return <FormDialog title="发卡" intro="这张卡从现在起能在各门识别这位居民。"
        fields={[{ name: "handle", label: "卡号", required: true, max: 64 }]} confirm="发卡"
        submit={async (values, key) => void (await act("POST", `${path}/credentials`, { kind: "card", handle: values["handle"] }, key))} done="已发卡" close={close} after={after} />;
    case "approve":
      return <FormDialog title="批准准入" intro="有的场馆要求准入（如学校场地、器械培训）。到期后自动失效。"
        fields={[
          { name: "kind", label: "准入种类", type: "select", options: [["school_ground", "学校场地"], ["induction", "器械培训"]] },
          { name: "valid_from", label: "开始", type: "datetime-local", required: true, value: words.local(new Date().toISOString()) },
          { name: "valid_to", label: "结束", type: "datetime-local" },
        ]}
        confirm="批准"
        submit={async (values, key) => {
          const body: Record<string, string> = { kind: values["kind"]!, valid_from: words.instant(values["valid_from"]!) };
          if (values["valid_to"]) body["valid_to"] = words.instant(values["valid_to"]);
          await act("PUT", `${path}/approvals`, body, key);
        }}
        done="已批准" close={close} after={after} />;
    case "desk":
      return <Confirm title="借用入场口令" isDanger={false} confirm="生成口令" says="生成一个临时口令，供没带手机、刷不了脸的居民在键盘上输入。" close={close} after={after}
        act={async () => {
          const { code, valid_to } = await act<{ code: string; valid_to: string }>("POST", `${path}/desk-code`, {});
          return <Secret name="入场口令" value={code} note={`有效至 ${words.time(valid_to)}，只显示这一次。`} />;
        }} />;
    case "recover":
      return <Confirm title="找回账号" isDanger={false} confirm="生成找回码" says="请先核对证件原件与本人。居民在小程序里输入找回码，就能找回自己的账号。" close={close} after={after}
        act={async () => {
          const { code, expires_at } = await act<{ code: string; expires_at: string }>("POST", `${path}/recovery-code`);
          return <Secret name="找回码" value={code} note={`有效至 ${words.time(expires_at)}，只显示这一次。`} />;
        }} />;
    case "leave":
      return <FormDialog title="申请查看儿童信息" intro="未满 14 岁儿童的信息，须另一位同事批准后才能查看。"
        fields={[{ name: "reason", label: "理由", type: "area", required: true, max: 200 }]} confirm="申请"
        submit={async (values, key) => void (await act("POST", `${path}/view-requests`, values, key))} done="已申请" close={close} after={after} />;
  }
}

function Whole({ person, reload }: { person: Person; reload: () => void }) {
  const { may, divisionName } = useDesk();
  const [open, setOpen] = useState<Act | null>(null);
  const isActive = person.status === "active";
  const acts: [Act, string, boolean][] = [
    ["verify", "前台核验", may("register_members") && isActive && person.verification === "unverified"],
    ["unmask", "查看完整信息", may("unmask_members")],
    ["card", "发卡", may("register_members") && isActive],
    ["desk", "入场口令", may("register_members") && isActive],
    ["recover", "找回账号", may("register_members") && isActive],
    ["guardian", "设置监护人", may("register_members") && isActive],
    ["approve", "批准准入", may("approve_members") && isActive],
    ["suspend", "停用", may("manage_members") && isActive],
    ["reinstate", "恢复", may("manage_members") && person.status === "suspended"],
  ];
  const leaves = readKept(person.id);
  return (
    <>
      <Card aside={<Tag tone={isActive ? "good" : "bad"}>{words.memberStatus(person.status)}</Tag>} title={person.name}>
        <Facts items={[
          ["证件", <span key="d">{words.documentKind(person.document.type)} <code>{person.document.number}</code></span>], ["手机", person.phone ?? "—"],
          ["出生年份", person.birth_year ?? "—"], ["性别", words.sex(person.sex)], ["社区", divisionName(person.home_community)],
          ["核验", words.verification(person.verification)], ["登记时间", words.time(person.registered_at)],
          ["监护人", person.guardian_id ? <Link to={`/members/${person.guardian_id}`}>查看监护人</Link> : "—"],
          ["居民编号", <code key="id">{person.id}</code>],
        ]} />
        <div className="acts">{acts.filter(([, , can]) => can).map(([code, name]) => <button key={code} className={code === "suspend" ? "button danger-line" : "button"} onClick={() => setOpen(code)}>{name}</button>)}</div>
        {leaves.length > 0 && <><h3>我申请查看的信息</h3><ul className="plain-list">{leaves.map((leave) => <Seen key={leave.id} leave={leave} />)}</ul></>}
      </Card>
      <Tabs.Root defaultValue="stays">
        <Tabs.List className="tabs" aria-label="居民资料">
          {[["stays", "停留与时长"], ["consents", "同意与准入"], ["faces", "人脸与终端"]].map(([value, name]) => <Tabs.Tab key={value} value={value} className="tab">{name}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="stays" className="panel"><Stays id={person.id} /></Tabs.Panel>
        <Tabs.Panel value="consents" className="panel">
          <Consents person={person} after={reload} />
          <h3>准入</h3>
          {person.approvals.length === 0 ? <Nothing what="没有准入。" /> : <ul className="plain-list">{person.approvals.map((one) => <li key={one.kind + one.valid_from}><span>{({ school_ground: "学校场地", induction: "器械培训" } as Record<string, string>)[one.kind] ?? one.kind}</span><span>{words.time(one.valid_from)} 至 {one.valid_to ? words.time(one.valid_to) : "长期"}</span></li>)}</ul>}
        </Tabs.Panel>
        <Tabs.Panel value="faces" className="panel"><FaceDoors id={person.id} /></Tabs.Panel>
      </Tabs.Root>
      {open && <Acts person={person} act={open} close={() => setOpen(null)} after={reload} />}
    </>
  );
}

export function Member() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const person = useLoad<Person>(may("see_members") ? `/members/${id}` : null);
  const [asks, setAsks] = useState(false);
  const isChild = person.problem?.code === "leave_required";
  return (
    <>
      <Title text="居民资料" back={["/members", "居民"]} />
      <Needs right="see_members">
        {isChild ? (
          <Nothing what="这是一位未满 14 岁的儿童。" hint="须另一位同事批准后才能查看。"><button className="button primary" onClick={() => setAsks(true)}>申请查看</button></Nothing>
        ) : (
          <Ready of={person}>{(data) => <Whole person={data} reload={person.reload} />}</Ready>
        )}
        {asks && <Acts person={{ id } as Person} act="leave" close={() => setAsks(false)} after={() => {}} />}
      </Needs>
    </>
  );
}
