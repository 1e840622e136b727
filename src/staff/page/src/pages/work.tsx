// What waits for somebody: things that look wrong, what members dispute, what colleagues ask for.

import { Tabs } from "@base-ui/react/tabs";
import { useState, type ReactNode } from "react";
import { Link, useSearchParams } from "react-router";
import { act, query } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { Effect, type MinutesEffect } from "../ui/effect";
import { Confirm, FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import * as words from "../words";

interface Item { kind: string; id?: string | null; actions: string[]; at?: string | null; detail?: string | null; member_id?: string | null; terminal_id?: string | null; venue_id?: string | null }
interface Dispute { id: string; member_id: string; session_id: string; text: string; venue_id: string; created_at: string }
interface Asked { id: string; asked_at: string; asked_by: string; details: unknown; division: string; matter: string; member_id?: string | null; object: string; reason: string }
interface ViewRequest { id: string; member_id: string; asked_by: string; asked_at: string; reason: string }
interface Answered { effect?: MinutesEffect | null }

function answerBody(values: Record<string, string>, action: string) {
  const body: Record<string, unknown> = { action, reason: values["reason"] };
  if (action === "accept") {
    if (values["member"]) body["member_id"] = values["member"].trim();
    if (values["at"]) body["occurred_at"] = words.instant(values["at"]);
  }
  return body;
}

const NAMES: Record<string, string> = { accept: "补记", reject: "搁置", declare_lost: "宣告丢失" };
const INTROS: Record<string, string> = {
  accept: "这条记录会成为某位居民在某个时间的进出，计入时长账本；先预览效果，再确认。",
  reject: "这一条会从待办中移除，不改变任何时长；理由会写入审计。",
  declare_lost: "不再等待这台终端补传缺号的记录，从待办中移除；之后若又补传上来，仍会照常计入。理由会写入审计。",
};

function AnswerDialog({ item, action, close, after }: { item: Item; action: string; close: () => void; after: () => void }) {
  const accepts = action === "accept";
  const path = `/work-items/${item.kind}/${item.id}`;
  return (
    <FormDialog
      title={`${NAMES[action]}：${words.workKind(item.kind)}`}
      intro={INTROS[action]}
      fields={[
        { name: "member", label: "居民编号", required: !item.member_id, value: item.member_id ?? "", show: () => accepts, help: "在居民页面查到后复制。" },
        { name: "at", label: "发生时间", type: "datetime-local", show: () => accepts, help: "留空则用终端记下的时间；列表里的是收到的时间。" },
        { name: "reason", label: "理由", type: "area", required: true, max: 200 },
      ]}
      confirm={`确认${NAMES[action]}`}
      preview={accepts ? async (values) => {
        const { effect } = await act<Answered>("POST", `${path}/preview`, answerBody(values, action));
        return effect ? <Effect of={effect} /> : <p>不改变任何时长。</p>;
      } : undefined}
      submit={async (values, key) => void (await act("POST", `${path}/answer`, answerBody(values, action), key))}
      done={`已${NAMES[action]}`}
      close={close}
      after={after}
    />
  );
}

function Items() {
  const { may, venueName } = useDesk();
  const [params, setParams] = useSearchParams();
  const kind = params.get("kind") ?? "";
  const list = useList<Item>(`/work${query({ kind })}`);
  const [open, setOpen] = useState<{ item: Item; action: string } | null>(null);
  const acts = (item: Item): ReactNode => (
    <span className="inline">
      {item.actions.includes("accept") && item.id && may("answer_work") && <button className="button small" onClick={() => setOpen({ item, action: "accept" })}>补记</button>}
      {item.actions.includes("reject") && item.id && may("answer_work") && <button className="button small" onClick={() => setOpen({ item, action: "reject" })}>搁置</button>}
      {item.actions.includes("declare_lost") && item.id && may("answer_work") && <button className="button small" onClick={() => setOpen({ item, action: "declare_lost" })}>宣告丢失</button>}
      {item.kind === "ticket" && item.id && <Link to={`/tickets/${item.id}`}>看工单</Link>}
      {item.member_id && <Link to={`/members/${item.member_id}`}>看居民</Link>}
      {item.terminal_id && <Link to={`/terminals/${item.terminal_id}`}>看终端</Link>}
      {item.kind === "quarantined_device" && <Link to="/terminals">去认领</Link>}
    </span>
  );
  return (
    <>
      <div className="filters">
        <label>类别{" "}
          <select value={kind} onChange={(event) => setParams(event.target.value ? { kind: event.target.value } : {})}>
            <option value="">全部</option>
            {words.WORK_KINDS.map((code) => <option key={code} value={code}>{words.workKind(code)}</option>)}
          </select>
        </label>
      </div>
      <LongList
        label="待办" of={list} none="没有待办，一切正常。" keyOf={(item) => `${item.kind} ${item.id ?? item.terminal_id} ${item.at}`}
        columns={[
          { name: "类别", width: "9rem", show: (item) => <Tag tone="warn">{words.workKind(item.kind)}</Tag> },
          { name: "场馆", show: (item) => venueName(item.venue_id) },
          { name: "时间", width: "10rem", show: (item) => words.time(item.at) },
          { name: "说明", show: (item) => words.workDetail(item.detail) },
          { name: "处理", width: "14rem", show: acts },
        ]}
      />
      {open && <AnswerDialog {...open} close={() => setOpen(null)} after={list.reload} />}
    </>
  );
}

/** Of a text that may not be shown before it was checked. */
const HELD = "文字正在等待内容安全检查，暂不显示";

function Disputes() {
  const { venueName } = useDesk();
  const list = useList<Dispute>("/disputes");
  const [open, setOpen] = useState<Dispute | null>(null);
  return (
    <>
      <LongList
        label="居民异议" of={list} none="没有居民提出异议。" keyOf={(one) => one.id}
        columns={[
          { name: "场馆", show: (one) => venueName(one.venue_id) },
          { name: "提出时间", width: "10rem", show: (one) => words.time(one.created_at) },
          { name: "居民说", width: "2fr", show: (one) => one.text || HELD },
          { name: "处理", width: "12rem", show: (one) => <span className="inline"><button className="button small" onClick={() => setOpen(one)}>答复</button><Link to={`/members/${one.member_id}`}>看停留</Link></span> },
        ]}
      />
      {open && (
        <FormDialog
          title="答复居民异议"
          intro={<><p>居民说：「{open.text || HELD}」</p><p>答复会显示给居民。需要改时长的，请先在居民页面做更正。</p></>}
          fields={[
            { name: "outcome", label: "结论", type: "select", options: [["accepted", "采纳"], ["rejected", "不采纳"]] },
            { name: "answer", label: "答复", type: "area", required: true, max: 200 },
          ]}
          confirm="发送答复"
          submit={async (values, key) => void (await act("POST", `/disputes/${open.id}/answer`, values, key))}
          done="已答复" close={() => setOpen(null)} after={list.reload}
        />
      )}
    </>
  );
}

function told(asked: Asked): ReactNode {
  if (asked.matter === "unmask") return `查看${words.unmaskable((asked.details as { what?: string } | null)?.what)}`;
  if (asked.matter === "webhook") {
    const { url, kinds } = (asked.details ?? {}) as { url?: string; kinds?: string[] };
    return `${url ?? "—"}：${(kinds ?? []).map(words.webhookKind).join("、")}`;
  }
  const details = (asked.details ?? {}) as { entered_at?: string; left_at?: string };
  return details.entered_at ? `停留改为 ${words.time(details.entered_at)} 至 ${words.hour(details.left_at)}` : words.matter(asked.matter);
}

const APPROVED: Record<string, string> = {
  unmask: "批准后，申请人一天内可以查看；居民能看到谁在何时查看过。",
  correction: "批准后更正立即生效，写入时长账本，并留下您的审批记录。",
  export: "批准后，申请人一天内可以取走这些居民的信息；会写入审计。",
  webhook: "批准后立即开始向这个地址推送；请确认地址属于用途里所说的系统。",
};
const REFUSED: Record<string, string> = {
  webhook: "驳回后，这个订阅就此结束，什么都不会推送；申请人可以重新订阅。",
};

function Requests() {
  const { session, divisionName } = useDesk();
  const list = useList<Asked>("/requests");
  const children = useList<ViewRequest>("/view-requests");
  const [open, setOpen] = useState<{ asked: Asked; approve: boolean } | null>(null);
  const [child, setChild] = useState<ViewRequest | null>(null);
  const own = `staff:${session.staff.id}`;
  return (
    <>
      <LongList
        label="等待第二人审批" of={list} none="没有等待审批的申请。" hint="大额更正和查看证件号码需要另一位同事批准。" keyOf={(one) => one.id}
        columns={[
          { name: "事项", width: "8rem", show: (one) => words.matter(one.matter) },
          { name: "内容", show: told },
          { name: "理由", show: (one) => one.reason },
          { name: "区域", width: "9rem", show: (one) => divisionName(one.division) },
          { name: "申请时间", width: "10rem", show: (one) => words.time(one.asked_at) },
          {
            name: "处理", width: "13rem",
            show: (one) => one.asked_by === own ? <span className="hint">自己的申请由同事审批</span> : (
              <span className="inline">
                <button className="button small" onClick={() => setOpen({ asked: one, approve: true })}>批准</button>
                <button className="button small" onClick={() => setOpen({ asked: one, approve: false })}>驳回</button>
                {one.member_id && <Link to={`/members/${one.member_id}`}>看居民</Link>}
              </span>
            ),
          },
        ]}
      />
      {children.items.length > 0 && (
        <>
          <h2 className="between">查看未满 14 岁儿童的申请</h2>
          <LongList
            label="查看儿童的申请" of={children} none="没有" keyOf={(one) => one.id}
            columns={[
              { name: "申请时间", width: "10rem", show: (one) => words.time(one.asked_at) },
              { name: "理由", show: (one) => one.reason },
              { name: "处理", width: "9rem", show: (one) => one.asked_by === own ? <span className="hint">等待同事</span> : <button className="button small" onClick={() => setChild(one)}>批准</button> },
            ]}
          />
        </>
      )}
      {open && (
        <Confirm
          title={open.approve ? "批准申请" : "驳回申请"}
          says={<><p>{words.matter(open.asked.matter)}：{told(open.asked)}。理由：{open.asked.reason}</p><p>{open.approve ? APPROVED[open.asked.matter] : (REFUSED[open.asked.matter] ?? "驳回后，什么都不会改变；申请人可以重新申请。")}</p></>}
          confirm={open.approve ? "批准" : "驳回"} isDanger={!open.approve}
          act={async (key) => void (await act("POST", `/requests/${open.asked.id}/decision`, { approve: open.approve }, key))}
          done={open.approve ? "已批准" : "已驳回"} close={() => setOpen(null)} after={list.reload}
        />
      )}
      {child && (
        <Confirm title="批准查看儿童信息" says={`理由：${child.reason}。批准后，申请人一天内可以查看这位儿童的（遮盖后的）信息。`} confirm="批准" isDanger={false}
          act={async (key) => void (await act("POST", `/view-requests/${child.id}/approve`, undefined, key))}
          done="已批准" close={() => setChild(null)} after={children.reload} />
      )}
    </>
  );
}

export function Work() {
  const { may } = useDesk();
  const tabs: [string, string, ReactNode, boolean][] = [
    ["items", "异常待办", <Items />, may("see_work")],
    ["disputes", "居民异议", <Disputes />, may("see_work")],
    ["requests", "审批", <Requests />, may("decide_requests")],
  ];
  return (
    <>
      <Title text="待办与审批" />
      <Needs right="see_work">
        <Tabs.Root defaultValue="items">
          <Tabs.List className="tabs" aria-label="待办类别">
            {tabs.filter(([, , , open]) => open).map(([value, name]) => <Tabs.Tab key={value} value={value} className="tab">{name}</Tabs.Tab>)}
          </Tabs.List>
          {tabs.filter(([, , , open]) => open).map(([value, , page]) => <Tabs.Panel key={value} value={value} className="panel">{page}</Tabs.Panel>)}
        </Tabs.Root>
      </Needs>
    </>
  );
}
