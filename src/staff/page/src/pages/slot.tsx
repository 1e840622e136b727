// One slot: who booked it, who did not come, and calling it or its series off.

import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { act, query } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Facts, Tag, type Tone } from "../ui/page";
import * as words from "../words";
import * as life from "../words-life";
import { standing, type Slot } from "./bookings";

interface Booked { id: string; member_id: string; name: string; state: string; held_until?: string | null; rating?: number | null }

const TONES: Record<string, Tone> = { confirmed: "good", attended: "good", held: "warn", no_show: "bad", cancelled_late: "bad" };
const why = { name: "reason", label: "理由（居民可见）", type: "area", required: true, max: 200 } as const;

export function SlotPanel({ slot, name, close, after }: { slot: Slot; name: string; close: () => void; after: () => void }) {
  const { may, session, venueName } = useDesk();
  const seesBookings = may("manage_bookings") || session.staff.role === "instructor";
  const list = useList<Booked>(seesBookings ? `/slots/${slot.id}/bookings` : null);
  const [open, setOpen] = useState<"one" | "series" | null>(null);
  const [pardoned, setPardoned] = useState<Booked | null>(null);
  const head = useRef<HTMLHeadingElement>(null);
  // Whoever chose a slot by keys or by ear goes on here.
  useEffect(() => head.current?.focus(), []);
  const [text, tone] = standing(slot);
  const isAhead = slot.status === "open" && new Date(slot.ends_at).getTime() > Date.now();
  const again = () => { after(); list.reload(); };
  return (
    <section className="card" aria-label="所选时段">
      <div className="card-head"><h2 ref={head} tabIndex={-1}>{name}　{words.time(slot.starts_at)}–{words.hour(slot.ends_at)}</h2><div className="aside"><Tag tone={tone}>{text}</Tag><button className="link" onClick={close}>收起</button></div></div>
      {slot.reason && <p className="notice bad">已停开：{slot.reason}</p>}
      <Facts items={[
        ["场馆", venueName(slot.venue_id)], ["项目", life.sport(slot.sport)], ["名额", `${slot.capacity}`], ["候补", `${slot.waiting} 人`],
        ["价格", slot.price_cents ? `${(slot.price_cents / 100).toFixed(2)} 元` : "—"], ["重复", slot.series_id ? "每周系列之一" : "单次"],
      ]} />
      {isAhead && seesBookings && (
        <div className="acts">
          <button className="button danger-line" onClick={() => setOpen("one")}>停开这个时段</button>
          {slot.series_id && <button className="button danger-line" onClick={() => setOpen("series")}>停开整个系列</button>}
        </div>
      )}
      {seesBookings ? (
        <LongList label="预约名单" of={list} none="还没有人预约。" keyOf={(one) => one.id} columns={[
          { name: "姓名", show: (one) => may("see_members") ? <Link to={`/members/${one.member_id}`}>{one.name}</Link> : one.name },
          { name: "状态", width: "9rem", show: (one) => <Tag tone={TONES[one.state] ?? "plain"}>{life.bookingState(one.state)}</Tag> },
          { name: "暂留到", width: "10rem", show: (one) => words.time(one.held_until) },
          { name: "评价", width: "6rem", show: (one) => one.rating ? `${one.rating} 星` : "—" },
          { name: "处理", width: "9rem", show: (one) => one.state === "no_show" && may("manage_bookings") ? <button className="button small" onClick={() => setPardoned(one)}>谅解缺席</button> : "" },
        ]} />
      ) : <p className="hint">预约名单只对管理预约的人员和教练本人开放。</p>}
      {open === "one" && <FormDialog title="停开这个时段" isDanger intro="停开后不能恢复；已预约和候补的居民都会收到通知，不算他们缺席。" fields={[why]} confirm="停开"
        submit={async (values, key) => void (await act("DELETE", `/slots/${slot.id}${query({ reason: values["reason"] })}`, undefined, key))} done="已停开" close={() => setOpen(null)} after={again} />}
      {open === "series" && <FormDialog title="停开整个系列" isDanger intro="这个系列从现在起的所有时段都停开，不能恢复；已预约和候补的居民都会收到通知，不算他们缺席。" fields={[why]} confirm="停开整个系列"
        submit={async (values, key) => {
          const { slots } = await act<{ slots: string[] }>("DELETE", `/slot-series/${slot.series_id}${query({ reason: values["reason"] })}`, undefined, key);
          return <p className="notice">已停开 {slots.length} 个时段。</p>;
        }} close={() => setOpen(null)} after={again} />}
      {pardoned && <FormDialog title={`谅解${pardoned.name}的缺席`} intro="到现在为止的缺席不再计入，这位居民又可以预约。理由写入审计。" fields={[{ ...why, label: "理由" }]} confirm="谅解"
        submit={async (values, key) => void (await act("POST", `/members/${pardoned.member_id}/booking-pardon`, values, key))} done="已谅解" close={() => setPardoned(null)} after={again} />}
    </section>
  );
}
