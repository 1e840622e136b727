// The calendar of what can be booked at a venue: a week by days, or a day by coaches and courts;
// publishing hours, once or every week.

import { useState } from "react";
import { useSearchParams } from "react-router";
import { act, query } from "../api";
import { useAll } from "../load";
import { useDesk } from "../session";
import { FormDialog, type Field, type Values } from "../ui/form";
import { Tag, Title, type Tone } from "../ui/page";
import { Failed, Needs, Nothing, Waiting } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";
import type { Instructor } from "./coaches";
import { SlotPanel } from "./slot";

export interface Slot {
  id: string; kind: string; resource_id: string; part: number; venue_id: string; sport?: string | null; starts_at: string; ends_at: string; capacity: number;
  free: number; waiting: number; price_cents?: number | null; series_id?: string | null; status: string; reason?: string | null;
}

/** Of a column in the week; a day shows the rest. */
const WEEK_ROWS = 24;
const DAY_ROWS = 190;

export function standing(slot: Slot): [string, Tone] {
  if (slot.status === "called_off") return ["已停开", "bad"];
  if (new Date(slot.ends_at).getTime() < Date.now()) return ["已结束", "plain"];
  if (slot.free === 0) return [slot.waiting ? `已满，候补 ${slot.waiting}` : "已满", "warn"];
  return [`可约 ${slot.free} / ${slot.capacity}`, "good"];
}

function useNames(coaches: Instructor[]) {
  const { venues } = useDesk();
  const names = new Map(coaches.map((one) => [one.id, `${one.name}教练`]));
  for (const venue of venues) for (const zone of venue.zones) names.set(zone.id, zone.name);
  return (slot: Slot) => (names.get(slot.resource_id) ?? (slot.kind === "coach" ? "教练" : "场地")) + (slot.part > 0 ? ` ${slot.part} 号` : "");
}

function Entry({ slot, name, isOpen, open }: { slot: Slot; name: string; isOpen: boolean; open: () => void }) {
  const [text, tone] = standing(slot);
  return (
    <li>
      <button className={`slot ${tone}`} aria-pressed={isOpen} onClick={open}>
        <span className="when">{words.hour(slot.starts_at)}–{words.hour(slot.ends_at)}</span>
        <span className="whose">{name}</span>
        <Tag tone={tone}>{text}</Tag>
      </button>
    </li>
  );
}

function publishBody(values: Values, venue: string): Record<string, unknown> {
  const [kind, id] = (values["resource"] ?? "").split(":");
  const days = [1, 2, 3, 4, 5, 6, 7].filter((n) => values[`w${n}`] === "yes");
  return {
    venue_id: venue, ...(kind === "coach" ? { instructor_id: id, capacity: Number(values["capacity"] || 1) } : { zone_id: id, part: Number(values["part"] || 0) }),
    starts_at: words.instant(`${values["day"]}T${values["from"]}`), ends_at: words.instant(`${values["day"]}T${values["until"]}`),
    ...(values["price"] ? { price_cents: Math.round(Number(values["price"]) * 100) } : {}),
    ...(values["sport"] ? { sport: values["sport"] } : {}),
    ...(days.length > 0 ? { repeat: { weekdays: days, until: values["repeat_until"] } } : {}),
  };
}

function Publish({ venue, coaches, day, close, after }: { venue: string; coaches: Instructor[]; day: string; close: () => void; after: () => void }) {
  const { venues, may } = useDesk();
  const zones = may("manage_bookings") ? (venues.find((one) => one.id === venue)?.zones ?? []) : [];
  const options = [...coaches.filter((one) => one.is_coach && one.status === "active").map((one): [string, string] => [`coach:${one.id}`, `教练 ${one.name}`]), ...zones.map((zone): [string, string] => [`court:${zone.id}`, `场地 ${zone.name}`])];
  const isCourt = (values: Values) => (values["resource"] ?? "").startsWith("court:");
  const repeats = (values: Values) => [1, 2, 3, 4, 5, 6, 7].some((n) => values[`w${n}`] === "yes");
  const week = [1, 2, 3, 4, 5, 6, 7].map((n): Field => ({ name: `w${n}`, label: `每${words.weekday(n)}重复`, type: "check" }));
  return (
    <FormDialog title="发布时段" isWide intro="发布后居民立即可以预约。时间须落在一刻钟上，并在开放时间内；重复的日子遇闭馆会自动跳过。" confirm="发布" close={close} after={after}
      fields={[
        { name: "resource", label: "教练或场地", type: "select", required: true, options },
        { name: "day", label: "日期", type: "date", required: true, value: day, min: words.day() },
        { name: "from", label: "开始", type: "time", required: true, pointer: "/starts_at" },
        { name: "until", label: "结束", type: "time", required: true, pointer: "/ends_at" },
        { name: "capacity", label: "最多学员", type: "number", min: 1, value: "1", show: (values) => !isCourt(values) },
        { name: "part", label: "第几块场地", type: "number", min: 0, value: "0", help: "0 为整块场地。", show: isCourt },
        { name: "sport", label: "项目", type: "select", options: [["", "不限"], ...life.SPORTS.map((code): [string, string] => [code, life.sport(code)])] },
        { name: "price", label: "价格（元，仅展示）", type: "number", min: 0, step: "0.01", pointer: "/price_cents" },
        ...week,
        { name: "repeat_until", label: "重复到", type: "date", required: true, min: day, show: repeats, pointer: "/repeat/until", help: "最多 92 天。" },
      ]}
      submit={async (values, key) => {
        const { slots, skipped } = await act<{ slots: string[]; skipped: string[] }>("POST", "/slots", publishBody(values, venue), key);
        return <><p className="notice">已发布 {slots.length} 个时段。</p>{skipped.length > 0 && <><p>跳过了（闭馆、证书到期或已发布）：</p><ul>{skipped.map((at) => <li key={at}>{words.time(at)}</li>)}</ul></>}</>;
      }} />
  );
}

function Court({ venue, close }: { venue: string; close: () => void }) {
  const { venues } = useDesk();
  const zones = venues.find((one) => one.id === venue)?.zones ?? [];
  return (
    <FormDialog title="设为可预约场地" intro="把一个分区设为可以按时段预约的场地；分成几块以后不能再改。" confirm="设置" done="已设置" close={close}
      fields={[
        { name: "zone_id", label: "分区", type: "select", required: true, options: zones.map((zone) => [zone.id, zone.name]) },
        { name: "sport", label: "项目", type: "select", options: life.SPORTS.map((code) => [code, life.sport(code)]) },
        { name: "parts", label: "可分成几块", type: "number", required: true, min: 1, value: "1" },
      ]}
      submit={async (values, key) => void (await act("POST", "/courts", { venue_id: venue, zone_id: values["zone_id"], sport: values["sport"], parts: Number(values["parts"]) }, key))} />
  );
}

function Calendar({ slots, view, day, goDay, nameOf, open, setOpen }: { slots: Slot[]; view: string; day: string; goDay: (day: string) => void; nameOf: (slot: Slot) => string; open: string; setOpen: (id: string) => void }) {
  const entry = (slot: Slot) => <Entry key={slot.id} slot={slot} name={nameOf(slot)} isOpen={open === slot.id} open={() => setOpen(slot.id)} />;
  if (view === "day") {
    const shown = slots.slice(0, DAY_ROWS);
    const names = [...new Set(shown.map(nameOf))].sort();
    return (
      <>
        <div className="calendar day">{names.map((name) => (
          <section key={name} aria-label={name}><h2>{name}</h2><ul>{shown.filter((slot) => nameOf(slot) === name).map(entry)}</ul></section>
        ))}</div>
        {slots.length > DAY_ROWS && <p className="hint">这一天有 {slots.length} 个时段，只列出前 {DAY_ROWS} 个；请在上面选一位教练或一块场地。</p>}
      </>
    );
  }
  const first = words.monday(day);
  return (
    <div className="calendar week">{[0, 1, 2, 3, 4, 5, 6].map((n) => {
      const date = words.shifted(first, n);
      const own = slots.filter((slot) => words.localDay(slot.starts_at) === date);
      return (
        <section key={date} aria-label={date} className={date === words.day() ? "today" : own.length === 0 ? "empty" : undefined}>
          <h2>{words.weekday(n + 1)} <small>{date.slice(5)}</small></h2>
          {own.length === 0 ? <p className="hint">没有时段</p> : <ul>{own.slice(0, WEEK_ROWS).map(entry)}</ul>}
          {own.length > WEEK_ROWS && <button className="link" onClick={() => goDay(date)}>还有 {own.length - WEEK_ROWS} 个，看这一天</button>}
        </section>
      );
    })}</div>
  );
}

function Desk({ coaches }: { coaches: Instructor[] }) {
  const { venues, may, session } = useDesk();
  const [params, setParams] = useSearchParams();
  const [open, setOpen] = useState("");
  const [form, setForm] = useState<"publish" | "court" | null>(null);
  const venue = params.get("venue") ?? venues[0]?.id ?? "";
  const view = params.get("view") ?? "week";
  const day = params.get("day") ?? words.day();
  const of = params.get("of") ?? "";
  const go = (change: Record<string, string>) => setParams({ venue, view, day, of, ...change }, { replace: true });
  const first = view === "week" ? words.monday(day) : day;
  const span = view === "week" ? 7 : 1;
  const path = `/slots${query({ venue_id: venue, from: words.instant(`${first}T00:00`), to: words.instant(`${words.shifted(first, span)}T00:00`) })}`;
  const slots = useAll<Slot>(venue ? path : null);
  const nameOf = useNames(coaches);
  const shown = (slots.data ?? []).filter((slot) => !of || slot.resource_id === of);
  const picked = slots.data?.find((slot) => slot.id === open);
  const resources = new Map((slots.data ?? []).map((slot) => [slot.resource_id, nameOf({ ...slot, part: 0 })]));
  const publishes = may("publish_slots") && (session.staff.role !== "instructor" || coaches.length > 0);
  if (!venue) return <Nothing what="这个区域还没有场馆。" />;
  return (
    <>
      <div className="filters">
        <label>场馆{" "}<select value={venue} onChange={(event) => go({ venue: event.target.value, of: "" })}>{venues.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
        <label>显示{" "}<select value={view} onChange={(event) => go({ view: event.target.value })}><option value="week">一周</option><option value="day">一天</option></select></label>
        <label>日期{" "}<input type="date" value={day} onChange={(event) => event.target.value && go({ day: event.target.value })} /></label>
        <label>教练或场地{" "}<select value={of} onChange={(event) => go({ of: event.target.value })}><option value="">全部</option>{[...resources].map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>
        <span className="inline">
          <button className="button" onClick={() => go({ day: words.shifted(day, -span) })}>{view === "week" ? "上一周" : "前一天"}</button>
          <button className="button" onClick={() => go({ day: words.day() })}>今天</button>
          <button className="button" onClick={() => go({ day: words.shifted(day, span) })}>{view === "week" ? "下一周" : "后一天"}</button>
          {may("manage_bookings") && <button className="button" onClick={() => setForm("court")}>设为可预约场地</button>}
          {publishes && <button className="button primary" onClick={() => setForm("publish")}>发布时段</button>}
        </span>
      </div>
      {slots.data === null ? (slots.problem ? <Failed problem={slots.problem} again={slots.reload} /> : <Waiting />) : (
        <>
          {slots.problem && <p className="notice warn" role="alert">暂时无法更新：{slots.problem.detail} <button className="link" onClick={slots.reload}>重试</button></p>}
          {shown.length === 0 ? <Nothing what={view === "week" ? "这一周没有时段。" : "这一天没有时段。"} hint={publishes ? "点「发布时段」开放预约。" : undefined} />
            : <Calendar slots={shown} view={view} day={day} goDay={(date) => go({ view: "day", day: date })} nameOf={nameOf} open={open} setOpen={setOpen} />}
        </>
      )}
      {picked && <SlotPanel key={picked.id} slot={picked} name={nameOf(picked)} close={() => setOpen("")} after={slots.reload} />}
      {form === "publish" && <Publish venue={venue} coaches={coaches} day={day < words.day() ? words.day() : day} close={() => setForm(null)} after={slots.reload} />}
      {form === "court" && <Court venue={venue} close={() => setForm(null)} />}
    </>
  );
}

export function Bookings() {
  const { may } = useDesk();
  // Whose name a slot bears is a comfort: without the list they are "a coach".
  const coaches = useAll<Instructor>(may("see_members") || may("publish_slots") ? "/instructors" : null);
  return (
    <>
      <Title text="教练与场地预约" />
      <Needs right="see_places"><Desk coaches={coaches.data ?? []} /></Needs>
    </>
  );
}

