// The board of tickets: a column a state, the oldest first, with what is overdue marked. A ticket is
// moved by its button, by Alt and an arrow key, or by dragging it to the next column; each way
// asks what the step needs, and changes nothing before it is confirmed.

import { Tabs } from "@base-ui/react/tabs";
import { useState, type DragEvent, type KeyboardEvent } from "react";
import { Link } from "react-router";
import { act } from "../api";
import { useList, type Paged } from "../load";
import { useDesk } from "../session";
import { Confirm } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title, type Tone } from "../ui/page";
import { Failed, Needs, Nothing, Waiting } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";
import { isLate, STEPS, StepDialog, type TicketLine } from "./ticket";

interface Notice { id: string; ticket_id: string; kind: string; title: string; division: string; state: string; at: string }

/** Of a column; five of them keep the document below two hundred rows. */
const CARDS_MAX = 36;
const TONES: Record<string, Tone> = { safety: "bad", hygiene: "warn", equipment: "plain" };

interface Open { ticket: TicketLine; act: string }

/** The column in which a ticket of this state goes on, and by what act. */
const onward = (state: string) => STEPS[state]?.find((step) => step.isOnward);

function Card({ ticket, open }: { ticket: TicketLine; open: (what: Open) => void }) {
  const { may, venueName } = useDesk();
  const next = may("answer_work") ? onward(ticket.state) : undefined;
  const back = may("answer_work") ? STEPS[ticket.state]?.find((step) => step.act === "reopen") : undefined;
  const press = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? next : event.key === "ArrowLeft" ? back : undefined;
    if (!event.altKey || !step) return;
    event.preventDefault();
    open({ ticket, act: step.act });
  };
  const drag = (event: DragEvent) => event.dataTransfer.setData("text/plain", ticket.id);
  const late = isLate(ticket);
  return (
    <li className={late ? "ticket late" : "ticket"} draggable={Boolean(next ?? back)} onDragStart={drag} onKeyDown={press}>
      <p><Tag tone={TONES[ticket.kind] ?? "plain"}>{life.ticketKind(ticket.kind)}</Tag>{late && <Tag tone="bad">已逾期</Tag>}</p>
      <Link to={`/tickets/${ticket.id}`} aria-keyshortcuts={next ? "Alt+ArrowRight" : back ? "Alt+ArrowLeft" : undefined}>{venueName(ticket.venue_id)}</Link>
      <p className="hint">{words.time(ticket.reported_at).slice(5)} 上报</p>
      {ticket.due_at && !ticket.ended_at && <p className={late ? "bad-text" : "hint"}>限 {words.time(ticket.due_at).slice(5)}</p>}
      {next && <button className="button small" onClick={() => open({ ticket, act: next.act })}>{life.ticketAct(next.act)}</button>}
      {back && <button className="button small" onClick={() => open({ ticket, act: back.act })}>{life.ticketAct(back.act)}</button>}
    </li>
  );
}

function Column({ state, of, open, dropped }: { state: string; of: Paged<TicketLine>; open: (what: Open) => void; dropped: (id: string) => void }) {
  const [from, setFrom] = useState(0);
  const [isOver, setOver] = useState(false);
  const shown = of.items.slice(from, from + CARDS_MAX);
  const over = (event: DragEvent, is: boolean) => {
    event.preventDefault();
    setOver(is);
  };
  const later = () => {
    if (from + CARDS_MAX >= of.items.length - CARDS_MAX && of.hasMore) of.more();
    setFrom(from + CARDS_MAX);
  };
  return (
    <section className={isOver ? "column over" : "column"} aria-labelledby={`column-${state}`}
      onDragOver={(event) => over(event, true)} onDragLeave={(event) => over(event, false)}
      onDrop={(event) => { over(event, false); dropped(event.dataTransfer.getData("text/plain")); }}>
      <h2 id={`column-${state}`}>{life.ticketState(state)} <small>{of.items.length}{of.hasMore ? "+" : ""}</small></h2>
      {of.items.length === 0 && (of.problem ? <Failed problem={of.problem} again={of.reload} /> : of.isLoading ? <Waiting /> : <Nothing what="没有工单" />)}
      <ul>{shown.map((ticket) => <Card key={ticket.id} ticket={ticket} open={open} />)}</ul>
      {(from > 0 || from + CARDS_MAX < of.items.length || of.hasMore) && of.items.length > 0 && (
        <p className="inline">
          <button className="link" disabled={from === 0} onClick={() => setFrom(Math.max(0, from - CARDS_MAX))}>前 {CARDS_MAX} 张</button>
          <button className="link" disabled={from + CARDS_MAX >= of.items.length && !of.hasMore} onClick={later}>后 {CARDS_MAX} 张</button>
        </p>
      )}
    </section>
  );
}

function Board() {
  const { may } = useDesk();
  const columns: Record<string, Paged<TicketLine>> = {
    reported: useList<TicketLine>("/tickets?state=reported"),
    triaged: useList<TicketLine>("/tickets?state=triaged"),
    assigned: useList<TicketLine>("/tickets?state=assigned"),
    fixed: useList<TicketLine>("/tickets?state=fixed"),
    confirmed: useList<TicketLine>("/tickets?state=confirmed"),
  };
  const [open, setOpen] = useState<Open | null>(null);
  const [said, setSaid] = useState("");
  const reload = () => Object.values(columns).forEach((column) => column.reload());
  const drop = (state: string) => (id: string) => {
    const ticket = Object.values(columns).flatMap((column) => column.items).find((one) => one.id === id);
    if (!ticket || ticket.state === state) return;
    const step = STEPS[ticket.state]?.find((one) => one.to === state);
    if (step) setOpen({ ticket, act: step.act });
    else setSaid(state === "confirmed" && ticket.state === "fixed" ? "是否修好由上报的居民确认；七天没有回应，算作已确认。" : `「${life.ticketState(ticket.state)}」的工单不能直接移到「${life.ticketState(state)}」。`);
  };
  return (
    <>
      {may("answer_work") && <p className="hint">点按钮、拖到下一列，或选中工单后按 Alt + → 推进；Alt + ← 把已修复的退回。每一步都会先问清楚。</p>}
      {said && <p className="notice warn" role="alert">{said} <button className="link" onClick={() => setSaid("")}>知道了</button></p>}
      <div className="board" role="group" aria-label="工单看板">
        {life.TICKET_STATES.map((state) => <Column key={state} state={state} of={columns[state]!} open={setOpen} dropped={drop(state)} />)}
      </div>
      {open && <StepDialog ticket={open.ticket} act={open.act} close={() => setOpen(null)} after={reload} />}
    </>
  );
}

function Notices() {
  const { may, divisionName } = useDesk();
  const list = useList<Notice>("/ticket-notices");
  const [open, setOpen] = useState<Notice | null>(null);
  return (
    <>
      <p className="hint">快到期限时社区收到预警单；逾期后由上级督办；曾经督办的工单有进展时收到进度单。</p>
      <LongList label="通知单" of={list} none="没有未阅的通知单。" keyOf={(one) => one.id} columns={[
        { name: "种类", width: "7rem", show: (one) => <Tag tone={one.kind === "supervision" ? "bad" : one.kind === "warning" ? "warn" : "plain"}>{one.title}</Tag> },
        { name: "发给", show: (one) => divisionName(one.division) },
        { name: "当时状态", width: "8rem", show: (one) => life.ticketState(one.state) },
        { name: "时间", width: "10rem", show: (one) => words.time(one.at) },
        { name: "处理", width: "13rem", show: (one) => (
          <span className="inline">
            <Link to={`/tickets/${one.ticket_id}`}>看工单</Link>
            {may("answer_work") && <button className="button small" onClick={() => setOpen(one)}>已阅</button>}
          </span>
        ) },
      ]} />
      {open && <Confirm title={`${open.title}标为已阅`} says="标为已阅后不再列出；谁在何时阅过会记入审计。" confirm="已阅" isDanger={false}
        act={async (key) => void (await act("POST", `/ticket-notices/${open.id}/seen`, undefined, key))} done="已阅" close={() => setOpen(null)} after={list.reload} />}
    </>
  );
}

function Dismissed() {
  const { venueName } = useDesk();
  const list = useList<TicketLine>("/tickets?state=dismissed");
  return (
    <LongList label="不处理的工单" of={list} none="没有不处理的工单。" keyOf={(one) => one.id} columns={[
      { name: "场馆", show: (one) => <Link to={`/tickets/${one.id}`}>{venueName(one.venue_id)}</Link> },
      { name: "种类", width: "8rem", show: (one) => life.ticketKind(one.kind) },
      { name: "上报时间", width: "10rem", show: (one) => words.time(one.reported_at) },
      { name: "结束时间", width: "10rem", show: (one) => words.time(one.ended_at) },
    ]} />
  );
}

export function Tickets() {
  const { may } = useDesk();
  return (
    <>
      <Title text="工单" />
      <Needs right="see_work">
        {may("see_work") && (
          <Tabs.Root defaultValue="board">
            <Tabs.List className="tabs" aria-label="工单">
              {[["board", "看板"], ["notices", "通知单"], ["dismissed", "不处理"]].map(([value, name]) => <Tabs.Tab key={value} value={value} className="tab">{name}</Tabs.Tab>)}
            </Tabs.List>
            <Tabs.Panel value="board" className="panel"><Board /></Tabs.Panel>
            <Tabs.Panel value="notices" className="panel"><Notices /></Tabs.Panel>
            <Tabs.Panel value="dismissed" className="panel"><Dismissed /></Tabs.Panel>
          </Tabs.Root>
        )}
      </Needs>
    </>
  );
}
