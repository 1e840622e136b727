// Holidays and swapped workdays of a division: runs of days of one name are one row; they are set
// or taken back by hand, and a year comes as a file.

import { useState } from "react";
import { ask } from "../api";
import { useLoad } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog, type Values } from "../ui/form";
import { Rows } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import { Upload } from "../ui/upload";
import * as words from "../words";

interface Day { day: string; kind: string; name: string; as_weekday?: number | null }
interface Run extends Day { until: string; days: number }
interface Imported { days: number; hours: number }

/** The longest run that is set at once; no holiday is longer. */
const RUN_MAX = 31;

/** Days that follow one another and are the same make one row. */
function joined(days: Day[]): Run[] {
  const runs: Run[] = [];
  for (const day of [...days].sort((a, b) => a.day.localeCompare(b.day))) {
    const last = runs.at(-1);
    const isNext = last && words.shifted(last.until, 1) === day.day;
    // Swapped workdays each count as a weekday of their own.
    if (isNext && last.kind === day.kind && last.name === day.name && day.kind !== "workday") Object.assign(last, { until: day.day, days: last.days + 1 });
    else runs.push({ ...day, until: day.day, days: 1 });
  }
  return runs;
}

/** A cell of CSV; the server refuses what is no name. */
const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;

function daysOf(from: string, until: string): string[] {
  const days: string[] = [];
  for (let day = from; day <= until && days.length < RUN_MAX; day = words.shifted(day, 1)) days.push(day);
  return days;
}

interface Span { from: string; until: string; kind: string; name: string; asWeekday?: string }

/** The span as a file; what it leaves of the run that it replaces is an ordinary day again. */
function file({ from, until, kind, name, asWeekday = "" }: Span, old: Run | null = null): string {
  const line = (day: string, what: string) => [day, what, cell(name), what === "workday" ? asWeekday : ""].join(",");
  const set = daysOf(from, until);
  const left = old ? daysOf(old.day, old.until).filter((day) => !set.includes(day)) : [];
  return ["day,kind,name,as_weekday", ...set.map((day) => line(day, kind)), ...left.map((day) => line(day, "ordinary"))].join("\n") + "\n";
}

async function send(text: string, key: string): Promise<Imported> {
  return (await ask("/calendar", { method: "POST", text: { type: "text/csv", body: text }, key })).json();
}

const told = ({ days, hours }: Imported) => `已更新 ${days} 天，${hours} 个场馆日的开放时间随之改变`;

function Edit({ run, close, after }: { run: Run | null; close: () => void; after: () => void }) {
  const isWorkday = (all: Values) => all["kind"] === "workday";
  const length = (until: string, all: Values) => {
    const days = (Date.parse(until) - Date.parse(all["from"] ?? "")) / 86_400_000 + 1;
    if (days < 1) return "不能早于第一天。";
    return days > RUN_MAX ? `一次最多 ${RUN_MAX} 天。` : `✓ 共 ${days} 天`;
  };
  return (
    <FormDialog title={run ? "修改节假日" : "新增节假日"} intro="设了节假日时间的场馆在放假日按节假日时间开放；调休上班日按所指的星期开放。今天和以前的日子不变。"
      fields={[
        { name: "from", label: "第一天", type: "date", required: true, value: run?.day ?? "" },
        { name: "until", label: "最后一天", type: "date", required: true, value: run?.until ?? "", check: length },
        { name: "kind", label: "种类", type: "select", options: [["holiday", "放假"], ["workday", "调休上班"]], value: run?.kind ?? "holiday" },
        { name: "name", label: "名称", required: true, max: 20, value: run?.name ?? "" },
        { name: "as_weekday", label: "按哪天开放", type: "select", show: isWorkday, options: [1, 2, 3, 4, 5, 6, 7].map((n) => [String(n), words.weekday(n)]), value: String(run?.as_weekday ?? 1) },
      ]}
      confirm="保存"
      submit={async (values, key) => <p className="notice">{told(await send(file({ from: values["from"]!, until: values["until"]!, kind: values["kind"]!, name: values["name"]!, asWeekday: values["as_weekday"] }, run), key))}。</p>}
      close={close} after={after} />
  );
}

export function Holidays() {
  const { may } = useDesk();
  const calendar = useLoad<{ items: Day[] }>(may("see_places") ? "/calendar" : null);
  const [year, setYear] = useState(words.day().slice(0, 4));
  const [open, setOpen] = useState<{ act: "edit" | "end" | "import"; run: Run | null } | null>(null);
  const keeps = may("manage_venues");
  const close = () => setOpen(null);
  return (
    <>
      <Title text="节假日">
        {keeps && <><button className="button" onClick={() => setOpen({ act: "import", run: null })}>导入一年</button><button className="button primary" onClick={() => setOpen({ act: "edit", run: null })}>新增</button></>}
      </Title>
      <Needs right="see_places">
        <Ready of={calendar}>
          {({ items }) => {
            const special = items.filter((one) => one.kind !== "ordinary");
            const years = [...new Set([...special.map((one) => one.day.slice(0, 4)), words.day().slice(0, 4), words.day(366).slice(0, 4)])].sort();
            const runs = joined(special.filter((one) => one.day.startsWith(year)));
            return (
              <>
                <div className="filters"><label>年份{" "}<select value={year} onChange={(event) => setYear(event.target.value)}>{years.map((one) => <option key={one}>{one}</option>)}</select></label></div>
                <p className="hint">国务院每年公布放假安排；本区域没有另设的，按上级区域的。各场馆的节假日时间在场馆页设置。</p>
                {runs.length === 0 ? <Nothing what={`${year} 年还没有节假日。`} hint="可以从文件导入一年，或逐段新增。" /> : (
                  <Rows label="节假日" items={runs} keyOf={(run) => run.day} columns={[
                    { name: "日期", width: "14rem", show: (run) => run.days === 1 ? `${run.day} ${words.weekday(words.weekdayOf(run.day))}` : `${run.day} 至 ${run.until.slice(5)}` },
                    { name: "天数", width: "5rem", isNumber: true, show: (run) => run.days },
                    { name: "名称", show: (run) => run.name },
                    { name: "种类", width: "12rem", show: (run) => <><Tag tone={run.kind === "holiday" ? "good" : "warn"}>{words.dayKind(run.kind)}</Tag>{run.as_weekday ? ` 按${words.weekday(run.as_weekday)}` : ""}</> },
                    { name: "处理", width: "11rem", show: (run) => keeps && run.until > words.day() ? <span className="inline"><button className="button small" onClick={() => setOpen({ act: "edit", run })}>修改</button><button className="button small danger-line" onClick={() => setOpen({ act: "end", run })}>取消</button></span> : "" },
                  ]} />
                )}
              </>
            );
          }}
        </Ready>
      </Needs>
      {open?.act === "edit" && <Edit run={open.run} close={close} after={calendar.reload} />}
      {open?.act === "end" && open.run && (
        <Confirm title={`取消${open.run.name}`} confirm="恢复为普通日" says={`${open.run.day}${open.run.days > 1 ? ` 至 ${open.run.until}` : ""} 恢复为普通日：各场馆当天按每周时间开放（场馆自己另设的除外）。`}
          act={async (key) => <p className="notice">{told(await send(file({ from: open.run!.day, until: open.run!.until, kind: "ordinary", name: open.run!.name }), key))}。</p>} close={close} after={calendar.reload} />
      )}
      {open?.act === "import" && (
        <Upload title="导入一年的节假日" path="/calendar" accept=".csv" types={[["text/csv", "CSV（UTF-8）"]]} close={close} after={calendar.reload}
          intro={<><p>CSV 表头为 <code>day,kind,name,as_weekday</code>：kind 是 holiday（放假）、workday（调休上班）或 ordinary（普通日）；调休上班写按星期几（1 是周一）。</p><p>整份导入，或一行也不导入。</p></>}
          done={(answer) => <p className="notice">{told(answer as Imported)}。</p>} />
      )}
    </>
  );
}
