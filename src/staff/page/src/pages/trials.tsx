// Other numbers in the rules, tried on up to a year in the background: begun here, with how far each
// is, what it came to, and adopting it from a day to come. A trial changes nothing.

import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { act, Problem, type Page } from "../api";
import { useWatched } from "../load";
import { useDesk } from "../session";
import { Foreseen, type Difference } from "../ui/foreseen";
import { FormDialog, type Values } from "../ui/form";
import { Rows } from "../ui/list";
import { Card, Facts, Tag, Title, type Tone } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";

interface Numbers { usual_stay_min?: number | null; longest_stay_min?: number | null; repeat_window_s?: number | null }
interface Asked { venue_id?: string | null; venues: number; from: string; to: string; rules: Numbers }
interface Trial { id: string; division: string; asked?: Asked | null; state: string; people: number; people_done: number; asked_at: string; ended_at?: string | null; answer?: Difference | null }

/** How often somebody who waits is told how far it is. */
const STEP_MS = 1_000;
/** The same of a list, which may have several on their way. */
const LIST_MS = 3_000;

const TONES: Record<string, Tone> = { going: "warn", done: "good", failed: "bad" };
const NAMES: (keyof Numbers)[] = ["usual_stay_min", "longest_stay_min", "repeat_window_s"];
const isGoing = (trial: Trial) => trial.state === "going";

function told(rules: Numbers): string {
  const { usual_stay_min: usual, longest_stay_min: longest, repeat_window_s: pause } = rules;
  return [usual ? `估算 ${usual} 分钟` : "", longest ? `最长 ${longest} 分钟` : "", pause || pause === 0 ? `重复间隔 ${pause} 秒` : ""].filter(Boolean).join("，");
}

function useWhere() {
  const { venueName, divisionName } = useDesk();
  return ({ asked, division }: Trial) => (asked?.venue_id ? venueName(asked.venue_id) : `${divisionName(division)}${asked ? `（${asked.venues} 个场馆）` : ""}`);
}

const State = ({ of }: { of: Trial }) => <Tag tone={TONES[of.state] ?? "plain"}>{words.trialState(of.state)}</Tag>;

function Progress({ of }: { of: Trial }) {
  return (
    <span className="going">
      <progress aria-label="试算进度" max={Math.max(1, of.people)} value={of.people_done} />
      <span>已算 {words.number(of.people_done)} / {words.number(of.people)} 人</span>
    </span>
  );
}

/** What was left blank stays as it is. */
const numbersOf = (values: Values): Numbers => Object.fromEntries(NAMES.filter((name) => values[name]).map((name) => [name, Number(values[name])]));

function Begin({ venue, close }: { venue: string; close: () => void }) {
  const { venues, divisions, divisionName, session } = useDesk();
  const go = useNavigate();
  const own = session.staff.division;
  const places = divisions.length > 0 ? divisions.map((one): [string, string] => [`division:${one.code}`, `${one.name}（${words.level(one.level)}）的所有场馆`]) : [[`division:${own}`, `${divisionName(own)}的所有场馆`] as [string, string]];
  return (
    <FormDialog title="新的试算" isWide confirm="开始试算" done="已开始，可以离开这一页" close={close}
      intro="用过去的记录试算其他数字会带来什么不同，最长一年。只是试算，不改变任何时长；在后台进行，结果保留 30 天。不填的数字保持不变，至少填一个。"
      fields={[
        { name: "scope", label: "哪些场馆", type: "select", required: true, options: [...venues.map((one): [string, string] => [`venue:${one.id}`, one.name]), ...places], value: venue ? `venue:${venue}` : `division:${own}` },
        { name: "from", label: "从", type: "date", required: true, value: words.day(-365) },
        { name: "to", label: "到", type: "date", required: true, value: words.day(-1), check: (value, all) => (value < (all["from"] ?? "") ? "不能早于第一天。" : null) },
        { name: "usual_stay_min", label: "没刷出时按多少分钟估算", type: "number", min: 1, pointer: "/rules/usual_stay_min" },
        { name: "longest_stay_min", label: "一次停留最长（分钟）", type: "number", min: 1, pointer: "/rules/longest_stay_min" },
        { name: "repeat_window_s", label: "重复刷脸间隔（秒）", type: "number", min: 0, pointer: "/rules/repeat_window_s" },
      ]}
      submit={async (values, key) => {
        const [kind, where] = (values["scope"] ?? "").split(":");
        const rules = numbersOf(values);
        if (Object.keys(rules).length === 0) throw new Problem(422, "required", "请至少填一个要试算的数字。");
        const body = { [kind === "venue" ? "venue_id" : "division"]: where, from: values["from"], to: values["to"], rules };
        const { id } = await act<Trial>("POST", "/rules/trials", body, key);
        void go(`/trials/${id}`);
      }} />
  );
}

export function Trials() {
  const { may } = useDesk();
  const [params] = useSearchParams();
  const venue = params.get("venue") ?? "";
  const [isOpen, setOpen] = useState(venue !== "");
  const where = useWhere();
  const list = useWatched<Page<Trial>>(may("manage_venues") ? "/rules/trials?limit=200" : null, ({ items }) => items.some(isGoing), LIST_MS);
  return (
    <>
      <Title text="规则试算">{may("manage_venues") && <button className="button primary" onClick={() => setOpen(true)}>新的试算</button>}</Title>
      <Needs right="manage_venues">
        <p className="hint">改计时规则之前，先看看过去一年会有什么不同。算完后可以从将来的某一天起采用。</p>
        <Ready of={list}>
          {({ items }) => items.length === 0 ? <Nothing what="还没有试算。" hint="点「新的试算」，用过去的记录比较不同的数字。" /> : (
            <Rows label="试算" items={items} keyOf={(one) => one.id} columns={[
              { name: "场馆", show: (one) => <Link to={`/trials/${one.id}`}>{where(one)}</Link> },
              { name: "时段", width: "14rem", show: (one) => one.asked ? `${one.asked.from} 至 ${one.asked.to}` : "—" },
              { name: "数字", show: (one) => one.asked ? told(one.asked.rules) : "—" },
              { name: "状态", width: "13rem", show: (one) => isGoing(one) ? <Progress of={one} /> : <State of={one} /> },
              { name: "开始时间", width: "10rem", show: (one) => words.time(one.asked_at) },
            ]} />
          )}
        </Ready>
      </Needs>
      {isOpen && may("manage_venues") && <Begin venue={venue} close={() => setOpen(false)} />}
    </>
  );
}

function Adopt({ trial, asked, close }: { trial: Trial; asked: Asked; close: () => void }) {
  const { reloadPlaces } = useDesk();
  return (
    <FormDialog title="采用这些规则" isDanger confirm="采用" close={close} after={reloadPlaces}
      intro={<><p>从生效日起，{asked.venues} 个场馆改用：{told(asked.rules)}。其他规则不变，生效日之前的账不变。</p><p>以后要改回来，须再采用一次。</p></>}
      fields={[{ name: "valid_from", label: "生效日", type: "date", required: true, value: words.day(1), min: words.day(1), help: "最早从明天起，今天的账不变。" }]}
      submit={async (values, key) => {
        const where = asked.venue_id ? { venue_id: asked.venue_id } : { division: trial.division };
        const { items } = await act<{ items: unknown[] }>("POST", "/rules/adoptions", { ...where, valid_from: values["valid_from"], rules: asked.rules }, key);
        return <p className="notice">已采用：{words.number(items.length)} 个场馆从 {values["valid_from"]} 起用这些数字。</p>;
      }} />
  );
}

function Whole({ trial }: { trial: Trial }) {
  const [isOpen, setOpen] = useState(false);
  const where = useWhere();
  const { asked } = trial;
  return (
    <>
      <Card title={where(trial)} aside={<State of={trial} />}>
        <Facts items={[
          ["时段", asked ? `${asked.from} 至 ${asked.to}` : "—"], ["试算的数字", asked ? told(asked.rules) : "—"],
          ["开始时间", words.time(trial.asked_at)], ["完成时间", words.time(trial.ended_at)],
        ]} />
        {isGoing(trial) && <div className="meter"><p role="status">正在后台试算，可以离开这一页，之后在「规则试算」里查看。</p><Progress of={trial} /></div>}
        {trial.state === "failed" && <p className="notice bad" role="alert">没能算完：试算期间场馆采用了别的规则，与这些数字不相容。没有改变任何时长，可以换数字重新试算。</p>}
      </Card>
      {trial.answer && (
        <Card title="结果">
          <Foreseen of={trial.answer} span="这段时间" />
          {asked && <div className="acts"><button className="button primary" onClick={() => setOpen(true)}>采用这些规则</button></div>}
        </Card>
      )}
      {isOpen && asked && <Adopt trial={trial} asked={asked} close={() => setOpen(false)} />}
    </>
  );
}

export function Trial() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const trial = useWatched<Trial>(may("manage_venues") ? `/rules/trials/${id}` : null, isGoing, STEP_MS);
  return (
    <>
      <Title text="试算详情" back={["/trials", "规则试算"]} />
      <Needs right="manage_venues"><Ready of={trial}>{(data) => <Whole trial={data} />}</Ready></Needs>
    </>
  );
}
