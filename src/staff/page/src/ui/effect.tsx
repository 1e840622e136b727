// What a change does to somebody's stays and minutes, in words before it is done.

import * as words from "../words";

interface Stay { id: string; entered_at: string; left_at?: string | null; minutes: number; provenance?: string | null; venue_id: string }
export interface MinutesEffect { minutes_before: number; minutes_after: number; stays: { before?: Stay | null; after?: Stay | null }[] }

const told = (stay: Stay | null | undefined) =>
  stay ? `${words.time(stay.entered_at)} 至 ${stay.left_at ? words.hour(stay.left_at) : "未离场"}，${stay.minutes} 分钟（${words.provenance(stay.provenance)}）` : "无";

export function Effect({ of }: { of: MinutesEffect }) {
  const more = of.minutes_after - of.minutes_before;
  return (
    <>
      <p>
        累计时长 <b>{words.number(of.minutes_before)}</b> → <b>{words.number(of.minutes_after)}</b> 分钟
        {more === 0 ? "（不变）" : `（${more > 0 ? "增加" : "减少"} ${Math.abs(more)} 分钟）`}
      </p>
      {of.stays.length > 0 && (
        <ul>
          {of.stays.map((change, n) => (
            <li key={n}>由「{told(change.before)}」变为「{told(change.after)}」</li>
          ))}
        </ul>
      )}
    </>
  );
}
