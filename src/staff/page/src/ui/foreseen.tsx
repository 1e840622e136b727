// What other numbers in the rules would have made of a past period.

import * as words from "../words";
import { Chart } from "./chart";
import { Figure } from "./page";

interface Sums { minutes: { total: number; measured: number; estimated: number }; visits: number }
export interface Difference { before: Sums; after: Sums; sessions_changed: number; not_replayed: number; days: { day: string; before: Sums; after: Sums }[] }

/** Days that can be told apart without their year. */
const SHORT_DAYS = 300;

export function Foreseen({ of, span }: { of: Difference; span: string }) {
  const name = (day: string) => (of.days.length > SHORT_DAYS ? day : day.slice(5));
  return (
    <>
      <p>如果{span}用的是这些数字：</p>
      <div className="figures small">
        <Figure name="运动时长" value={`${words.number(of.before.minutes.total)} → ${words.number(of.after.minutes.total)}`} unit="分钟" />
        <Figure name="人次" value={`${words.number(of.before.visits)} → ${words.number(of.after.visits)}`} />
        <Figure name="会改变的停留" value={words.number(of.sessions_changed)} unit="次" />
      </div>
      {of.days.length > 0 && <Chart label="每日时长，现在与修改后" unit="分钟" names={of.days.map((one) => name(one.day))}
        series={[{ name: "现在", values: of.days.map((day) => day.before.minutes.total) }, { name: "修改后", kind: "line", values: of.days.map((day) => day.after.minutes.total) }]} />}
      {of.not_replayed > 0 && <p className="hint">另有 {of.not_replayed} 次停留无法重算，未计入。</p>}
    </>
  );
}
