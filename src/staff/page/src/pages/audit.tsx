// Who did what: the chain of deeds, the newest first, and its ends day by day.

import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { query } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { LongList } from "../ui/list";
import { Title } from "../ui/page";
import { Needs } from "../ui/states";
import * as words from "../words";

interface Deed { chain: string; n: number; at: string; actor: string; act: string; object: string; reason?: string | null; hash: string }
interface Account { id: string; name: string }
/** Of a division's code, down to a city. */
const CITY_DIGITS = 4;
interface Head { day: string; chain: string; n: number; hash: string; at: string }

const ACTS: Record<string, string> = {
  signed_in: "登录", signed_out: "退出", sign_in_failed: "登录失败", member_shown: "查看居民", member_registered: "登记居民", staff_added: "新增人员",
  staff_invited: "邀请人员", staff_changed: "调整人员", member_suspended: "停用居民", member_reinstated: "恢复居民", member_verified: "核验居民",
  unmask_asked: "申请查看完整信息", correction_asked: "申请更正", unmask_approved: "批准查看", correction_approved: "批准更正", rules_adopted: "采用规则",
  screen_token_made: "新增大屏", screen_token_ended: "停用大屏", confirmed: "再次确认身份", terminal_claimed: "认领终端", command_ordered: "下发命令",
  webhook_asked: "申请订阅推送", webhook_approved: "批准订阅推送", webhook_message_sent_again: "重发消息", webhook_pinged: "发送测试消息", webhook_secret_rotated: "更换推送密钥",
  webhook_resumed: "恢复推送", webhook_disabled: "停止推送", webhook_ended: "结束推送",
};

function Deeds() {
  const { session } = useDesk();
  // Below a city, deeds are read person by person.
  const isWide = session.staff.division.length <= CITY_DIGITS;
  const own = `staff:${session.staff.id}`;
  const accounts = useList<Account>("/accounts");
  const [draft, setDraft] = useState({ actor: isWide ? "" : own, act: "", object: "", from: "", to: "" });
  const [asked, setAsked] = useState(draft);
  const list = useList<Deed>(`/audit${query({
    actor: asked.actor, act: asked.act, object: asked.object, from: asked.from && words.instant(`${asked.from}T00:00`), to: asked.to && words.instant(`${asked.to}T00:00`),
  })}`);
  const names = new Map([[own, session.staff.name], ...accounts.items.map((one): [string, string] => [`staff:${one.id}`, one.name])]);
  const set = (name: keyof typeof draft) => (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value });
  return (
    <>
      <form className="filters" onSubmit={(event) => { event.preventDefault(); setAsked(draft); }}>
        <label>谁{" "}
          <select value={draft.actor} onChange={set("actor")}>
            {isWide && <option value="">全部</option>}
            <option value={own}>我自己</option>
            {accounts.items.filter((one) => one.id !== session.staff.id).map((one) => <option key={one.id} value={`staff:${one.id}`}>{one.name}</option>)}
          </select>
        </label>
        <label>操作{" "}<select value={draft.act} onChange={set("act")}><option value="">全部</option>{Object.entries(ACTS).map(([code, name]) => <option key={code} value={code}>{name}</option>)}</select></label>
        <label>对象{" "}<input value={draft.object} onChange={set("object")} placeholder="如 member:编号" maxLength={100} /></label>
        <label>从{" "}<input type="date" value={draft.from} onChange={set("from")} /></label>
        <label>到{" "}<input type="date" value={draft.to} onChange={set("to")} /></label>
        <button className="button primary">筛选</button>
      </form>
      <LongList label="审计记录" of={list} none="没有符合的记录。" keyOf={(deed) => `${deed.chain} ${deed.n}`} columns={[
        { name: "时间", width: "10rem", show: (deed) => words.time(deed.at) },
        { name: "操作", width: "10rem", show: (deed) => ACTS[deed.act] ?? deed.act },
        { name: "谁", show: (deed) => names.get(deed.actor) ?? <code>{deed.actor}</code> },
        { name: "对象", show: (deed) => <code>{deed.object}</code> },
        { name: "理由", show: (deed) => deed.reason ?? "—" },
        { name: "链号", width: "8rem", show: (deed) => `${deed.chain} ${deed.n}` },
      ]} />
    </>
  );
}

function Heads() {
  const list = useList<Head>("/audit/heads");
  return (
    <>
      <p className="hint">每条链每天的末端。抄存到系统之外，日后链被改动就能发现。</p>
      <LongList label="链的末端" of={list} none="还没有。" keyOf={(head) => `${head.day} ${head.chain}`} columns={[
        { name: "日期", width: "8rem", show: (head) => head.day },
        { name: "链", width: "10rem", show: (head) => head.chain },
        { name: "第几条", width: "7rem", isNumber: true, show: (head) => words.number(head.n) },
        { name: "校验值", show: (head) => <code>{head.hash}</code> },
      ]} />
    </>
  );
}

export function Audit() {
  const { may } = useDesk();
  return (
    <>
      <Title text="审计" />
      <Needs right="read_audit">
        {may("read_audit") && (
          <Tabs.Root defaultValue="deeds">
            <Tabs.List className="tabs" aria-label="审计"><Tabs.Tab value="deeds" className="tab">操作记录</Tabs.Tab><Tabs.Tab value="heads" className="tab">链的末端</Tabs.Tab></Tabs.List>
            <Tabs.Panel value="deeds" className="panel"><Deeds /></Tabs.Panel>
            <Tabs.Panel value="heads" className="panel"><Heads /></Tabs.Panel>
          </Tabs.Root>
        )}
      </Needs>
    </>
  );
}
