// Somebody's fitness tests: how each item moves against their own age and sex, what follows in plain
// words, the plan and how far it was followed, and entering the next test.

import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useLoad } from "../load";
import { useDesk } from "../session";
import { Chart } from "../ui/chart";
import { FormDialog, type Field } from "../ui/form";
import { Rows } from "../ui/list";
import { Card, Facts, Figure, Tag, Title, type Tone } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";

interface Scored { item: string; name?: string | null; value: number; points?: number | null }
interface Test { id: string; tested_at: string; venue_id?: string | null; standard: string; provisional: boolean; by_device: boolean; age: number; sex: string; items: Scored[]; total?: number | null; grade_title?: string | null; missing: string[] }
interface Trend { item: string; name?: string | null; since_last: string; since_first: string; points: { day: string; value: number; points?: number | null }[] }
interface History { items: Test[]; trends: Trend[] }
interface Guidance {
  items: { item: string; name: string; need: string; sentence: string }[]; test_again: boolean; note: string;
  plan?: { text: string; weekly_minutes: number; starts_on: string; ends_on: string; minutes_planned: number; minutes_attended: number } | null;
}
interface Standard { name: string; version: number; compared_at?: string | null; measures: { item: string; name?: string | null; unit?: string | null }[] }

const NEEDS: Record<string, Tone> = { first: "bad", improve: "warn", keep: "good" };
const MOVES: Record<string, Tone> = { better: "good", worse: "bad" };
const moved = (code: string) => <Tag tone={MOVES[code] ?? "plain"}>{life.move(code)}</Tag>;

function Trends({ trends, units }: { trends: Trend[]; units: Map<string, string> }) {
  const [picked, setPicked] = useState(trends[0]?.item ?? "");
  const trend = trends.find((one) => one.item === picked) ?? trends[0];
  if (!trend) return <Nothing what="还没有可比较的项目。" />;
  const name = trend.name ?? trend.item;
  const unit = units.get(trend.item);
  return (
    <>
      <div className="filters"><label>项目{" "}<select value={trend.item} onChange={(event) => setPicked(event.target.value)}>{trends.map((one) => <option key={one.item} value={one.item}>{one.name ?? one.item}</option>)}</select></label>
        <span className="inline">与上次相比 {moved(trend.since_last)} 与首次相比 {moved(trend.since_first)}</span></div>
      <div className="pair">
        <div>
          <h3>得分（按测试当天本人的年龄与性别）</h3>
          {trend.points.every((point) => point.points === null || point.points === undefined) ? <Nothing what="标准没有给这个年龄和性别评分。" hint="实测值仍然保存，可以与自己比较。" /> : (
            <Chart label={`${name}得分，按测试当天本人的年龄与性别`} unit="分" names={trend.points.map((point) => point.day)} series={[{ name: "得分", kind: "line", values: trend.points.map((point) => point.points ?? null) }]} />
          )}
        </div>
        <div>
          <h3>实测值{unit ? `（${unit}）` : ""}</h3>
          <Chart label={`${name}实测值`} unit={unit} names={trend.points.map((point) => point.day)} series={[{ name: "实测值", kind: "line", values: trend.points.map((point) => point.value), colour: "#d9822b" }]} />
        </div>
      </div>
    </>
  );
}

function Enter({ id, standard, close, after }: { id: string; standard: Standard; close: () => void; after: () => void }) {
  const { venues } = useDesk();
  const items = standard.measures.map((one): Field => ({ name: `item-${one.item}`, label: `${one.name ?? one.item}${one.unit ? `（${one.unit}）` : ""}`, type: "number", step: "any" }));
  return (
    <FormDialog title="录入测试" isWide intro="没有测的项目留空；总分只在各项齐全时给出。结果加密保存，居民本人可以看到是谁录入的。" confirm="录入" done="已录入" close={close} after={after}
      fields={[
        { name: "venue_id", label: "测试地点", type: "select", required: true, options: venues.map((venue) => [venue.id, venue.name]) },
        { name: "tested_at", label: "测试时间", type: "datetime-local", required: true, value: words.local(new Date().toISOString()) },
        ...items,
      ]}
      submit={async (values, key) => {
        const measured = standard.measures.filter((one) => values[`item-${one.item}`]).map((one) => ({ item: one.item, value: Number(values[`item-${one.item}`]) }));
        await act("POST", `/members/${id}/fitness-tests`, { venue_id: values["venue_id"], tested_at: words.instant(values["tested_at"]!), items: measured }, key);
      }} />
  );
}

function Plan({ id, test, close, after }: { id: string; test: Test; close: () => void; after: () => void }) {
  return (
    <FormDialog title="制定运动计划" intro="居民在小程序里看到计划；完成情况按门上实测的分钟计算。新计划取代原来的。" confirm="保存计划" done="已保存" close={close} after={after}
      fields={[
        { name: "text", label: "建议", type: "area", required: true, max: 1000 },
        { name: "weekly_minutes", label: "每周运动（分钟）", type: "number", required: true, min: 10, value: "150" },
        { name: "starts_on", label: "开始", type: "date", required: true, value: words.day() },
        { name: "ends_on", label: "结束", type: "date", required: true, value: words.day(90) },
      ]}
      submit={async (values, key) => void (await act("POST", `/members/${id}/fitness-plans`, { ...values, weekly_minutes: Number(values["weekly_minutes"]), test_id: test.id }, key))} />
  );
}

function Advice({ id, test, said, reload }: { id: string; test: Test; said: Guidance; reload: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const { plan } = said;
  return (
    <div className="cards">
      <Card title="建议" wide>
        {said.test_again && <p className="notice warn">计划已结束，或上次测试已过半年，建议再测一次。</p>}
        {said.items.length === 0 ? <Nothing what="没有可给出的建议。" /> : <ul className="plain-list">{said.items.map((one) => <li key={one.item}><span><b>{one.name}</b>　{one.sentence}</span><Tag tone={NEEDS[one.need] ?? "plain"}>{life.need(one.need)}</Tag></li>)}</ul>}
        <p className="hint">{said.note}</p>
      </Card>
      <Card title="运动计划" aside={<button className="button small" onClick={() => setOpen(true)}>{plan ? "换一份计划" : "制定计划"}</button>}>
        {plan ? (
          <>
            <p className="said-by">{plan.text}</p>
            <Facts items={[["期间", `${plan.starts_on} 至 ${plan.ends_on}`], ["每周", `${plan.weekly_minutes} 分钟`]]} />
            <label className="meter">到今天完成 {words.number(plan.minutes_attended)} / {words.number(plan.minutes_planned)} 分钟<meter min={0} max={Math.max(1, plan.minutes_planned)} value={plan.minutes_attended} /></label>
          </>
        ) : <Nothing what="还没有计划。" />}
      </Card>
      {isOpen && <Plan id={id} test={test} close={() => setOpen(false)} after={reload} />}
    </div>
  );
}

function Tests({ history, units }: { history: History; units: Map<string, string> }) {
  const { venueName } = useDesk();
  const [open, setOpen] = useState(history.items[0]?.id ?? "");
  const test = history.items.find((one) => one.id === open);
  return (
    <>
      <Rows label="历次测试" items={history.items} keyOf={(one) => one.id} columns={[
        { name: "时间", width: "10rem", show: (one) => words.time(one.tested_at) },
        { name: "地点", show: (one) => one.by_device ? "测试设备上传" : venueName(one.venue_id) },
        { name: "年龄", width: "5rem", isNumber: true, show: (one) => one.age },
        { name: "总分", width: "9rem", show: (one) => one.total === null || one.total === undefined ? `缺 ${one.missing.length} 项` : one.total },
        { name: "等级", width: "8rem", show: (one) => one.grade_title ?? (one.provisional ? <Tag>分数暂定</Tag> : "—") },
        { name: "明细", width: "6rem", show: (one) => <button className="button small" aria-pressed={one.id === open} onClick={() => setOpen(one.id)}>看明细</button> },
      ]} />
      {test && (
        <Card title={`${words.time(test.tested_at)} 的明细`} aside={`${test.age} 岁，${words.sex(test.sex)}`}>
          <Facts items={test.items.map((one): [string, string] => [one.name ?? one.item, `${one.value}${units.has(one.item) ? ` ${units.get(one.item)}` : ""}　${one.points ?? "—"} 分`])} />
        </Card>
      )}
    </>
  );
}

function Whole({ id, history, again }: { id: string; history: History; again: () => void }) {
  const { may } = useDesk();
  const standards = useLoad<{ items: Standard[] }>("/fitness-standards");
  const guidance = useLoad<Guidance>(history.items.length > 0 ? `/members/${id}/fitness-guidance` : null);
  const [isOpen, setOpen] = useState(false);
  const newest = history.items[0];
  return (
    <Ready of={standards}>
      {({ items: [standard] }) => {
        const units = new Map((standard?.measures ?? []).flatMap((one): [string, string][] => one.unit ? [[one.item, one.unit]] : []));
        return (
          <>
            <div className="acts">
              {standard ? <button className="button primary" onClick={() => setOpen(true)}>录入测试</button> : <p className="notice warn">系统还没有载入评分标准，暂不能录入；请联系系统管理员。</p>}
              {may("see_members") && <Link className="button" to={`/members/${id}`}>居民资料</Link>}
            </div>
            {!newest ? <Nothing what="还没有测试记录。" hint="录入第一次测试后，这里会显示趋势和建议。" /> : (
              <>
                <div className="figures">
                  <Figure name="最近总分" value={newest.total ?? "—"} unit={newest.total === null || newest.total === undefined ? undefined : "分"} note={words.time(newest.tested_at)} />
                  <Figure name="等级" value={newest.grade_title ?? "—"} note={newest.provisional ? "标准尚未核对，分数暂定" : newest.standard} />
                  <Figure name="测试" value={history.items.length} unit="次" note={`测时 ${newest.age} 岁，${words.sex(newest.sex)}`} />
                </div>
                <Card title="趋势"><Trends trends={history.trends} units={units} /></Card>
                <Ready of={guidance}>{(said) => <Advice id={id} test={newest} said={said} reload={guidance.reload} />}</Ready>
                <h2 className="between">历次测试</h2>
                <Tests history={history} units={units} />
              </>
            )}
            {isOpen && standard && <Enter id={id} standard={standard} close={() => setOpen(false)} after={() => { again(); guidance.reload(); }} />}
          </>
        );
      }}
    </Ready>
  );
}

export function FitnessMember() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const history = useLoad<History>(may("keep_fitness") ? `/members/${id}/fitness-tests` : null);
  return (
    <>
      <Title text="体质档案" back={["/fitness", "体质测试"]} />
      <Needs right="keep_fitness">
        {history.data === null && history.problem?.code === "health_consent_required" ? (
          <Nothing what="这位居民没有同意保存体质测试结果。" hint="须先由本人同意：在小程序里，或由前台在居民页面的「同意与准入」里记录。">
            {may("register_members") && <Link className="button" to={`/members/${id}`}>去记录同意</Link>}
          </Nothing>
        ) : <Ready of={history}>{(data) => <Whole id={id} history={data} again={history.reload} />}</Ready>}
      </Needs>
    </>
  );
}
