// Business days with their state, and reports with charts and files to take away.

import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { download, query } from "../api";
import { useList, useLoad } from "../load";
import { useDesk } from "../session";
import { useCommand, Said } from "../ui/form";
import { Chart } from "../ui/chart";
import { LongList, Rows } from "../ui/list";
import { Card, Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import { Dialog } from "@base-ui/react/dialog";
import * as words from "../words";

interface Minutes { total: number; measured: number; self_declared: number; estimated: number; corrected: number }
interface Day { day: string; state: string; version: number; visits: number; people?: number | null; minutes: Minutes; published_at?: string | null }
interface Whole extends Day {
  revisions: { at: string; version: number; state: string; visits: number; minutes: Minutes; causes: { cause: string; serial?: string; records?: number; sessions?: number }[] }[];
  waits_for: { terminal_id: string; serial: string; venue_id: string; watermark_at?: string | null }[];
}
interface Report {
  as_of: string; columns: { name: string; title: string }[]; rows: (string | number | null)[][]; state: string; digest: string; definition: number;
  watermark?: string | null; lost_terminals: string[];
}

const CAUSES: Record<string, string> = { late_records: "补传的记录", corrected: "更正", declared: "居民自报", absent: "清点时不在场", venue_restated: "场馆重述", other_entries: "其他记录" };

function Revisions({ day, of, close }: { day: string; of: Record<string, string>; close: () => void }) {
  const { venueName } = useDesk();
  const whole = useLoad<Whole>(`/days/${day}${query(of)}`);
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="veil" />
        <Dialog.Popup className="dialog wide">
          <Dialog.Title className="dialog-title">{day} 的各版本</Dialog.Title>
          <Ready of={whole}>
            {(data) => (
              <>
                {data.waits_for.length > 0 && <p className="notice warn">还在等 {data.waits_for.length} 台终端的记录：{data.waits_for.slice(0, 5).map((one) => `${one.serial}（${venueName(one.venue_id)}）`).join("、")}</p>}
                {data.revisions.length === 0 ? <Nothing what="还没有发布过。" /> : (
                  <ul className="plain-list">{data.revisions.slice(0, 100).map((one) => (
                    <li key={one.version}>
                      <span>第 {one.version} 版 · {words.dayState(one.state)} · {words.time(one.at)}</span>
                      <span>{words.number(one.visits)} 人次，{words.number(one.minutes.total)} 分钟{one.causes.length > 0 && `；因为${one.causes.map((cause) => (CAUSES[cause.cause] ?? cause.cause) + (cause.serial ? `（${cause.serial}）` : "")).join("、")}`}</span>
                    </li>
                  ))}</ul>
                )}
              </>
            )}
          </Ready>
          <div className="dialog-acts"><Dialog.Close className="button primary">关闭</Dialog.Close></div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Days() {
  const { venues } = useDesk();
  const [venue, setVenue] = useState("");
  const [first, setFirst] = useState(words.day(-30));
  const [last, setLast] = useState(words.day());
  const [open, setOpen] = useState<string | null>(null);
  const list = useList<Day>(first && last ? `/days${query({ venue, from: first, to: last })}` : null);
  const days = [...list.items].sort((a, b) => (a.day < b.day ? -1 : 1));
  return (
    <>
      <div className="filters">
        <label>场馆{" "}<select value={venue} onChange={(event) => setVenue(event.target.value)}><option value="">全部</option>{venues.slice(0, 500).map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
        <label>从{" "}<input type="date" value={first} onChange={(event) => setFirst(event.target.value)} /></label>
        <label>到{" "}<input type="date" value={last} onChange={(event) => setLast(event.target.value)} /></label>
      </div>
      {days.length > 1 && (
        <Card title="每日运动时长（分钟，按来源）">
          <Chart label="每日运动时长，按来源" unit="分钟" names={days.map((day) => day.day.slice(5))} series={(["measured", "estimated", "self_declared", "corrected"] as const).map((kind) => ({ name: words.provenance(kind), stack: "all", values: days.map((day) => day.minutes[kind]) }))} />
        </Card>
      )}
      <LongList label="营业日" of={list} none="这段时间没有记录。" keyOf={(day) => day.day} columns={[
        { name: "日期", width: "8rem", show: (day) => day.day },
        { name: "状态", width: "7rem", show: (day) => <Tag tone={day.state === "final" ? "good" : day.state === "restated" ? "warn" : "plain"}>{words.dayState(day.state)}</Tag> },
        { name: "人次", isNumber: true, show: (day) => words.number(day.visits) },
        { name: "人数", isNumber: true, show: (day) => words.number(day.people) },
        { name: "分钟", isNumber: true, show: (day) => words.number(day.minutes.total) },
        { name: "其中实测", isNumber: true, show: (day) => words.number(day.minutes.measured) },
        { name: "版本", width: "8rem", show: (day) => <button className="button small" onClick={() => setOpen(day.day)}>第 {day.version} 版</button> },
      ]} />
      {open && <Revisions day={open} of={venue ? { venue } : {}} close={() => setOpen(null)} />}
    </>
  );
}

interface Wanted { kind: string; from: string; to: string; by: string }

function Files({ wanted }: { wanted: Wanted }) {
  const { isBusy, problem, run } = useCommand();
  const { kind, ...rest } = wanted;
  const take = (format: string) =>
    void run([wanted, format], () => download(`/reports/${kind}${query({ ...rest, format })}`, `${words.reportKind(kind)}-${wanted.from}-${wanted.to}.${format}`));
  return (
    <div className="acts">
      <button className="button" disabled={isBusy} onClick={() => take("csv")}>下载 CSV</button>
      <button className="button" disabled={isBusy} onClick={() => take("xlsx")}>下载 Excel</button>
      {isBusy && <progress aria-label="正在生成" />}
      <Said problem={problem} />
    </div>
  );
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-/;
/** More would be too narrow to tell apart. */
const BARS_MAX = 62;

function Table({ report, wanted }: { report: Report; wanted: Wanted }) {
  // Ids are for machines: the files hold them, the table shows names.
  const columns = report.columns.map((column, n) => ({ column, n })).filter(({ n }) => !report.rows.some((row) => ID.test(String(row[n]))));
  const figures = columns.filter(({ n }) => report.rows.some((row) => typeof row[n] === "number"));
  const label = columns.find((one) => !figures.includes(one));
  const first = figures[0];
  const sums = new Map<string, number>();
  if (label && first)
    for (const row of report.rows) {
      const name = String(row[label.n] ?? "—");
      sums.set(name, (sums.get(name) ?? 0) + (Number(row[first.n]) || 0));
    }
  const bars = [...sums].slice(0, BARS_MAX);
  return (
    <>
      <p className="hint">
        <Tag tone={report.state === "provisional" ? "warn" : "good"}>{words.dayState(report.state)}</Tag> 截至 {words.time(report.as_of)}，记录齐至 {words.time(report.watermark)}，定义第 {report.definition} 版，摘要 <code>{report.digest.slice(0, 12)}</code>
        {report.lost_terminals.length > 0 && `；有 ${report.lost_terminals.length} 台终端失联，数字可能偏少`}
      </p>
      <Files wanted={wanted} />
      {report.rows.length === 0 ? <Nothing what="这段时间没有数据。" /> : (
        <>
          {first && bars.length > 0 && <Card title={`${first.column.title}，按${label?.column.title}`}><Chart label={`${words.reportKind(wanted.kind)}图表`} names={bars.map(([name]) => name)} series={[{ name: first.column.title, values: bars.map(([, sum]) => sum) }]} /></Card>}
          <Rows label="报表" items={report.rows.map((row, n) => ({ row, n }))} keyOf={({ n }) => String(n)}
            columns={columns.map(({ column, n }) => ({ name: column.title, isNumber: figures.some((one) => one.n === n), show: ({ row }: { row: (string | number | null)[] }) => (typeof row[n] === "number" ? words.number(row[n] as number) : (row[n] ?? "—")) }))} />
        </>
      )}
    </>
  );
}

const lastMonth = () => {
  const [year = 0, month = 1] = words.day().split("-").map(Number);
  const iso = (date: Date) => date.toISOString().slice(0, 10);
  return { from: iso(new Date(Date.UTC(year, month - 2, 1))), to: iso(new Date(Date.UTC(year, month - 1, 0))) };
};

function Reports_() {
  const [draft, setDraft] = useState<Wanted>({ kind: "activity", by: "day", ...lastMonth() });
  const [wanted, setWanted] = useState<Wanted>(draft);
  const { kind, ...rest } = wanted;
  const report = useLoad<Report>(`/reports/${kind}${query(rest)}`);
  const set = (name: keyof Wanted) => (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value });
  return (
    <>
      <form className="filters" onSubmit={(event) => { event.preventDefault(); setWanted(draft); }}>
        <label>报表{" "}<select value={draft.kind} onChange={set("kind")}>{words.REPORT_KINDS.map((code) => <option key={code} value={code}>{words.reportKind(code)}</option>)}</select></label>
        <label>按{" "}<select value={draft.by} onChange={set("by")}><option value="day">日</option><option value="month">月</option></select></label>
        <label>从{" "}<input type="date" required value={draft.from} onChange={set("from")} /></label>
        <label>到{" "}<input type="date" required value={draft.to} onChange={set("to")} /></label>
        <button className="button primary">生成</button>
      </form>
      <Ready of={report}>{(data) => <Table report={data} wanted={wanted} />}</Ready>
    </>
  );
}

export function Reports() {
  return (
    <>
      <Title text="日报与报表" />
      <Needs right="see_places">
        <Tabs.Root defaultValue="days">
          <Tabs.List className="tabs" aria-label="数据"><Tabs.Tab value="days" className="tab">营业日</Tabs.Tab><Tabs.Tab value="reports" className="tab">报表</Tabs.Tab></Tabs.List>
          <Tabs.Panel value="days" className="panel"><Days /></Tabs.Panel>
          <Tabs.Panel value="reports" className="panel"><Reports_ /></Tabs.Panel>
        </Tabs.Root>
      </Needs>
    </>
  );
}
