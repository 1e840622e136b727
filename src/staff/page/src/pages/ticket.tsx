// One ticket: what was said, every step with who took it, what was told to whom, and the steps that
// can follow.

import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useLoad } from "../load";
import { useDesk } from "../session";
import { FormDialog, type Field } from "../ui/form";
import { Card, Facts, Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";

export interface TicketLine { id: string; venue_id: string; zone_id?: string | null; community: string; kind: string; state: string; reported_at: string; due_at?: string | null; ended_at?: string | null }
interface Step { act: string; state: string; note?: string | null; by?: string | null; at: string }
interface Ticket extends TicketLine {
  member_id?: string | null; text: string; assignee?: string | null; steps: Step[];
  notices: { id: string; title: string; division: string; at: string; seen_at?: string | null }[];
}

interface Possible { act: string; to: string; isOnward?: boolean }
/** What can be done about a ticket in each state, as the server has it too. */
export const STEPS: Record<string, Possible[]> = {
  reported: [{ act: "triage", to: "triaged", isOnward: true }, { act: "dismiss", to: "dismissed" }],
  triaged: [{ act: "assign", to: "assigned", isOnward: true }, { act: "progress", to: "triaged" }, { act: "triage", to: "triaged" }, { act: "dismiss", to: "dismissed" }],
  assigned: [{ act: "fix", to: "fixed", isOnward: true }, { act: "progress", to: "assigned" }, { act: "assign", to: "assigned" }, { act: "dismiss", to: "dismissed" }],
  // That it is fixed indeed is for whoever reported it to say.
  fixed: [{ act: "reopen", to: "assigned" }],
};

export const isLate = (ticket: TicketLine) => !ticket.ended_at && Boolean(ticket.due_at) && new Date(ticket.due_at!).getTime() < Date.now();

const SAYS: Record<string, string> = {
  triage: "确认这是什么问题。安全隐患可以立即关闭分区或场馆：各门从现在起拒绝入场，直到修复、不处理，或在这里恢复开放。",
  assign: "交给一位负责人或一家单位处理，并开始计算修复期限。",
  progress: "只记录进展，状态和期限不变；上报的居民能看到。",
  fix: "说明已经修好。因它关闭的分区或场馆随即恢复开放；上报的居民有七天可以说没有修好。",
  reopen: "没有修好，退回给原负责人重修。",
  dismiss: "不予处理，工单结束，不能恢复；上报的居民能看到理由。",
};

function fieldsOf(which: string, ticket: TicketLine): Field[] {
  const note: Field = { name: "note", label: which === "dismiss" ? "理由（居民可见）" : "说明（居民可见）", type: "area", max: 500, required: which === "dismiss" };
  const kinds = ["equipment", "hygiene", "safety"].map((code): [string, string] => [code, life.ticketKind(code)]);
  if (which === "assign") return [{ name: "assignee", label: "负责人或单位", required: true, max: 60 }, note];
  if (which !== "triage") return [note];
  return [
    { name: "kind", label: "问题种类", type: "select", options: kinds, value: ticket.kind },
    { name: "closes", label: "关闭", type: "select", show: (all) => all["kind"] === "safety",
      options: [["", "不改变"], ...(ticket.zone_id ? [["zone", "关闭这个分区"] as [string, string]] : []), ["venue", "关闭整个场馆"], ["nothing", "恢复开放"]] },
    note,
  ];
}

export function StepDialog({ ticket, act: which, close, after }: { ticket: TicketLine; act: string; close: () => void; after: () => void }) {
  const { venueName, reloadPlaces } = useDesk();
  return (
    <FormDialog title={`${life.ticketAct(which)}：${venueName(ticket.venue_id)}`} intro={SAYS[which]} isDanger={which === "dismiss"} confirm={life.ticketAct(which)} fields={fieldsOf(which, ticket)}
      submit={async (values, key) => {
        const given = Object.entries(values).filter(([name, value]) => value && !(name === "kind" && value === ticket.kind) && !(name === "closes" && values["kind"] !== "safety"));
        await act("POST", `/tickets/${ticket.id}/steps`, { act: which, ...Object.fromEntries(given) }, key);
      }}
      done={`已${life.ticketAct(which)}`} close={close} after={() => { after(); reloadPlaces(); }} />
  );
}

function Whole({ ticket, reload }: { ticket: Ticket; reload: () => void }) {
  const { may, venueName, venues, divisionName } = useDesk();
  const [open, setOpen] = useState<string | null>(null);
  const zone = venues.find((venue) => venue.id === ticket.venue_id)?.zones.find((one) => one.id === ticket.zone_id);
  const steps = may("answer_work") ? (STEPS[ticket.state] ?? []) : [];
  return (
    <>
      <Card title={venueName(ticket.venue_id)} aside={<><Tag tone={ticket.kind === "safety" ? "bad" : "plain"}>{life.ticketKind(ticket.kind)}</Tag><Tag tone={isLate(ticket) ? "bad" : "good"}>{isLate(ticket) ? "已逾期" : life.ticketState(ticket.state)}</Tag></>}>
        <p className="said-by">{ticket.text || "文字正在等待内容安全检查，暂不显示。"}</p>
        <Facts items={[
          ["状态", life.ticketState(ticket.state)], ["社区", divisionName(ticket.community)], ["分区", zone ? <span key="z">{zone.name} {zone.closed && <Tag tone="bad">已关闭</Tag>}</span> : "—"],
          ["上报时间", words.time(ticket.reported_at)], ["期限", words.time(ticket.due_at)], ["负责人", ticket.assignee ?? "—"],
          ["上报人", ticket.member_id ? may("see_members") ? <Link key="m" to={`/members/${ticket.member_id}`}>看居民</Link> : "居民" : "已注销"],
        ]} />
        {ticket.state === "fixed" && <p className="hint">等上报的居民确认是否修好；七天没有回应，算作已确认。</p>}
        {steps.length > 0 && <div className="acts">{steps.map((step) => <button key={step.act} className={step.isOnward ? "button primary" : step.act === "dismiss" ? "button danger-line" : "button"} onClick={() => setOpen(step.act)}>{life.ticketAct(step.act)}</button>)}</div>}
      </Card>
      <div className="cards">
        <Card title="经过" wide>
          <ol className="steps">{ticket.steps.map((step) => (
            <li key={step.at + step.act}><b>{life.ticketAct(step.act)}</b> → {life.ticketState(step.state)} <span className="hint">{words.time(step.at)}</span>{step.note && <p>{step.note}</p>}</li>
          ))}</ol>
          {ticket.steps.length === 0 && <Nothing what="还没有人处理。" />}
        </Card>
        <Card title="通知单">
          {ticket.notices.length === 0 ? <Nothing what="没有发出过通知单。" /> : (
            <ul className="plain-list">{ticket.notices.map((one) => <li key={one.id}><span>{one.title} → {divisionName(one.division)}</span><span>{words.time(one.at)}{one.seen_at ? "，已阅" : "，未阅"}</span></li>)}</ul>
          )}
        </Card>
      </div>
      {open && <StepDialog ticket={ticket} act={open} close={() => setOpen(null)} after={reload} />}
    </>
  );
}

export function Ticket() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const ticket = useLoad<Ticket>(may("see_work") ? `/tickets/${id}` : null);
  return (
    <>
      <Title text="工单详情" back={["/tickets", "工单"]} />
      <Needs right="see_work"><Ready of={ticket}>{(data) => <Whole ticket={data} reload={ticket.reload} />}</Ready></Needs>
    </>
  );
}
