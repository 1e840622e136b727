// My division now: who is inside, today's figures, terminals, and what waits.

import { useState } from "react";
import { Link } from "react-router";
import type { Page } from "../api";
import { useLoad } from "../load";
import { useDesk } from "../session";
import { Chart } from "../ui/chart";
import { Card, Figure, Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";

interface Period { visits: number; people: number; minutes: { total: number; measured: number; self_declared: number; estimated: number; corrected: number } }
interface Now {
  as_of: string; degraded: boolean; rebuilding: boolean; silent_terminals: { id: string; venue?: string | null; last_seen_at?: string | null }[];
  terminals: { online: number; total: number }; inside: number; today: Period; month: Period; registered: number; business_day: string;
  venues: { id: string; name: string; inside: number; capacity?: number | null; visits: number; minutes: number }[];
  hours: { hour: number; visits: number; usual_visits?: number | null }[];
  days: { day: string; visits: number; minutes: number }[];
}
interface WorkItem { kind: string; id?: string | null; venue_id?: string | null; at?: string | null }
interface Watched { session_id: string; name: string; venue: string; minutes_inside: number; concerns: string[]; is_child: boolean }

const EVERY_MS = 15_000;

function Waits() {
  const { may } = useDesk();
  const work = useLoad<Page<WorkItem>>(may("see_work") ? "/work?limit=200" : null, 60_000);
  if (!may("see_work")) return null;
  return (
    <Card title="等待处理" aside={<Link to="/work">去处理</Link>}>
      <Ready of={work}>
        {({ items, next_cursor }) => {
          const kinds = new Map<string, number>();
          for (const item of items) kinds.set(item.kind, (kinds.get(item.kind) ?? 0) + 1);
          if (kinds.size === 0) return <Nothing what="没有待办，一切正常。" />;
          return (
            <ul className="counts">
              {[...kinds].map(([kind, count]) => (
                <li key={kind}>
                  <Link to={`/work?kind=${kind}`}>{words.workKind(kind)}</Link>
                  <b>{count}{next_cursor ? "+" : ""}</b>
                </li>
              ))}
            </ul>
          );
        }}
      </Ready>
    </Card>
  );
}

function Watch() {
  const { may } = useDesk();
  const watch = useLoad<{ items: Watched[] }>(may("register_members") ? "/watch" : null, 60_000);
  if (!may("register_members")) return null;
  return (
    <Card title="需要留意的人">
      <Ready of={watch}>
        {({ items }) =>
          items.length === 0 ? <Nothing what="没有独自一人或停留过长的人。" /> : (
            <ul className="plain-list">
              {items.slice(0, 20).map((one) => (
                <li key={one.session_id}>
                  <span>{one.name}{one.is_child && "（儿童）"} · {one.venue}</span>
                  <span>{one.concerns.map((concern) => <Tag key={concern} tone="warn">{words.watchReason(concern)}</Tag>)} 已 {one.minutes_inside} 分钟</span>
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
    </Card>
  );
}

function Figures({ now }: { now: Now }) {
  const about = now.silent_terminals.length > 0 || now.rebuilding ? "约 " : "";
  const { measured, total } = now.today.minutes;
  const [mostVenues, setMost] = useState(12);
  return (
    <>
      {now.rebuilding && <p className="notice warn" role="status">统计正在重建，数字暂为约数。</p>}
      {now.degraded && <p className="notice warn" role="status">统计恢复中，数据直接取自数据库。</p>}
      <div className="figures">
        <Figure name="此刻在场" value={about + words.number(now.inside)} unit="人" note={`截至 ${words.hour(now.as_of)}`} />
        <Figure name="今日入场" value={about + words.number(now.today.visits)} unit="人次" note={`${words.number(now.today.people)} 人`} />
        <Figure name="今日运动" value={about + words.number(total)} unit="分钟" note={total > 0 ? `实测 ${Math.round((100 * measured) / total)}%` : "暂无记录"} />
        <Figure name="终端在线" value={`${now.terminals.online} / ${now.terminals.total}`} to="/terminals"
          note={now.silent_terminals.length > 0 ? <span className="warn-text">{now.silent_terminals.length} 台静默</span> : "全部有响应"} />
        <Figure name="注册居民" value={words.number(now.registered)} unit="人" note={`本月 ${words.number(now.month.people)} 人来过`} />
      </div>
      <div className="cards">
        <Card title="今日各时段入场" wide>
          <Chart label="今日各时段入场人次，与平日比较" unit="人次" names={now.hours.map((one) => `${one.hour}时`)}
            series={[{ name: "今日", values: now.hours.map((one) => one.visits) }, { name: "平日", kind: "line", values: now.hours.map((one) => one.usual_visits ?? null) }]} />
        </Card>
        <Waits />
        <Card title="各场馆在场" wide aside={<Link to="/venues">全部场馆</Link>}>
          {now.venues.length === 0 ? <Nothing what="这个区域还没有场馆。" /> : (
            <ul className="meters">
              {now.venues.slice(0, mostVenues).map((venue) => (
                <li key={venue.id}>
                  <Link to={`/venues/${venue.id}`}>{venue.name}</Link>
                  <meter min={0} max={Math.max(venue.capacity ?? 50, 1)} high={(venue.capacity ?? 50) * 0.8} optimum={0} value={venue.inside} aria-label={`${venue.name}在场`} />
                  <span>{venue.inside}{venue.capacity ? ` / ${venue.capacity}` : ""} 人</span>
                </li>
              ))}
            </ul>
          )}
          {now.venues.length > mostVenues && <button className="link" onClick={() => setMost(now.venues.length > 200 ? 200 : now.venues.length)}>显示更多</button>}
        </Card>
        <Watch />
      </div>
    </>
  );
}

export function Overview() {
  const { session, divisionName } = useDesk();
  const now = useLoad<Now>("/overview", EVERY_MS);
  return (
    <>
      <Title text={`${divisionName(session.staff.division)}概览`} />
      <Needs right="see_places"><Ready of={now}>{(data) => <Figures now={data} />}</Ready></Needs>
    </>
  );
}
