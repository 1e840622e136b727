// Groups that residents found: staff read what they say of themselves, approve, refuse or close them,
// and see what they do together.

import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useList, useLoad } from "../load";
import { useDesk } from "../session";
import { FormDialog } from "../ui/form";
import { LongList, Rows } from "../ui/list";
import { Card, Facts, Figure, Tag, Title, type Tone } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";

interface Group { id: string; community: string; name: string; sport: string; about: string; state: string; members: number; created_at: string; reason?: string | null }
interface Meetup { id: string; venue_id: string; venue: string; starts_at: string; ends_at: string; cancelled: boolean }
interface Overseen {
  group: Group; meetups: Meetup[];
  month: { month: string; minutes: number; meetups: { meetup: Meetup; minutes: number; people: number }[]; ranking: { rank: number; member_id: string; name: string; minutes: number }[] };
}

const TONES: Record<string, Tone> = { proposed: "warn", active: "good" };
const stateOf = (group: Group) => <Tag tone={TONES[group.state] ?? "plain"}>{life.groupState(group.state)}</Tag>;

function Decision({ group, approve, close, after }: { group: Group; approve: boolean; close: () => void; after: () => void }) {
  const isActive = group.state === "active";
  const name = approve ? "批准" : isActive ? "解散" : "不通过";
  return (
    <FormDialog title={`${name}「${group.name}」`} isDanger={!approve} confirm={name}
      intro={approve ? "批准后，本社区居民能看到并申请加入这个社群。" : isActive ? "解散后不能恢复：成员不再看到它，也不能再约聚会；已有的运动时长不变。" : "不通过后，只有发起人能看到结果和理由；发起人可以重新发起。"}
      fields={[{ name: "reason", label: "理由（负责人可见）", type: "area", required: true, max: 200 }]}
      submit={async (values, key) => void (await act("POST", `/groups/${group.id}/decision`, { approve, reason: values["reason"] }, key))}
      done={`已${name}`} close={close} after={after} />
  );
}

export function Groups() {
  const { may, divisionName } = useDesk();
  const [state, setState] = useState("active");
  const waiting = useLoad<{ items: Group[]; next_cursor?: string | null }>(may("see_places") ? "/groups?state=proposed&limit=200" : null);
  const list = useList<Group>(may("see_places") ? `/groups?state=${state}` : null);
  const count = waiting.data?.items.length ?? 0;
  return (
    <>
      <Title text="社群" />
      <Needs right="see_places">
        {count > 0 && state !== "proposed" && <p className="notice warn">有 {count}{waiting.data?.next_cursor ? "+" : ""} 个社群等待审核。<button className="link" onClick={() => setState("proposed")}>去审核</button></p>}
        <div className="filters">
          <label>状态{" "}<select value={state} onChange={(event) => setState(event.target.value)}>{["active", "proposed", "refused", "closed"].map((code) => <option key={code} value={code}>{life.groupState(code)}</option>)}</select></label>
        </div>
        <LongList label="社群列表" of={list} none={state === "proposed" ? "没有等待审核的社群。" : "没有这样的社群。"} hint="居民在小程序里发起社群，审核通过后别人才能看到。" keyOf={(one) => one.id} columns={[
          { name: "名称", show: (one) => <Link to={`/groups/${one.id}`}>{one.name}</Link> },
          { name: "项目", width: "7rem", show: (one) => life.sport(one.sport) },
          { name: "社区", show: (one) => divisionName(one.community) },
          { name: "成员", width: "5rem", isNumber: true, show: (one) => words.number(one.members) },
          { name: "状态", width: "7rem", show: stateOf },
          { name: "发起时间", width: "10rem", show: (one) => words.time(one.created_at) },
        ]} />
      </Needs>
    </>
  );
}

const period = (one: Meetup) => `${words.time(one.starts_at)} – ${words.hour(one.ends_at)}`;

function Whole({ all, reload, month, setMonth }: { all: Overseen; reload: () => void; month: string; setMonth: (month: string) => void }) {
  const { may, divisionName } = useDesk();
  const [approve, setApprove] = useState<boolean | null>(null);
  const { group, meetups, month: score } = all;
  const decides = may("organise_community");
  return (
    <>
      <Card title={group.name} aside={stateOf(group)}>
        <p className="said-by">{group.about || "没有写简介。"}</p>
        <Facts items={[
          ["项目", life.sport(group.sport)], ["社区", divisionName(group.community)], ["成员", `${words.number(group.members)} 人`],
          ["发起时间", words.time(group.created_at)], ["审核意见", group.reason ?? "—"],
        ]} />
        {decides && (group.state === "proposed" || group.state === "active") && (
          <div className="acts">
            {group.state === "proposed" && <button className="button primary" onClick={() => setApprove(true)}>批准</button>}
            <button className="button danger-line" onClick={() => setApprove(false)}>{group.state === "active" ? "解散" : "不通过"}</button>
          </div>
        )}
      </Card>
      <div className="filters"><label>月份{" "}<input type="month" value={month} max={words.day().slice(0, 7)} onChange={(event) => event.target.value && setMonth(event.target.value)} /></label></div>
      <div className="figures">
        <Figure name="一起运动" value={words.number(score.minutes)} unit="分钟" note="成员在聚会时段内的停留" />
        <Figure name="聚会" value={words.number(score.meetups.filter(({ meetup }) => !meetup.cancelled).length)} unit="次" />
        <Figure name="到场最多" value={words.number(Math.max(0, ...score.meetups.map((one) => one.people)))} unit="人" />
      </div>
      <div className="cards">
        <Card title="本月聚会" wide>
          {score.meetups.length === 0 ? <Nothing what="这个月没有聚会。" /> : (
            <Rows label="本月聚会" items={score.meetups} keyOf={({ meetup }) => meetup.id} columns={[
              { name: "时间", width: "14rem", show: ({ meetup }) => period(meetup) },
              { name: "场馆", show: ({ meetup }) => <>{meetup.venue}{meetup.cancelled && <Tag>已取消</Tag>}</> },
              { name: "到场", width: "5rem", isNumber: true, show: (one) => one.people },
              { name: "分钟", width: "5rem", isNumber: true, show: (one) => words.number(one.minutes) },
            ]} />
          )}
        </Card>
        <Card title="排行">
          {score.ranking.length === 0 ? <Nothing what="没有可显示的排行。" hint="只列出愿意出现在排行里的成员。" /> : (
            <ol className="plain-list">{score.ranking.slice(0, 50).map((one) => <li key={one.member_id}><span>第 {one.rank} 名　{one.name}</span><span>{words.number(one.minutes)} 分钟</span></li>)}</ol>
          )}
        </Card>
        <Card title="将要举行" wide>
          {meetups.length === 0 ? <Nothing what="没有约好的聚会。" /> : <ul className="plain-list">{meetups.map((one) => <li key={one.id}><span>{period(one)}</span><span>{one.venue} {one.cancelled && <Tag>已取消</Tag>}</span></li>)}</ul>}
        </Card>
      </div>
      {approve !== null && <Decision group={group} approve={approve} close={() => setApprove(null)} after={reload} />}
    </>
  );
}

export function Group() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const [month, setMonth] = useState(words.day().slice(0, 7));
  const all = useLoad<Overseen>(may("see_places") ? `/groups/${id}?month=${month}-01` : null);
  return (
    <>
      <Title text="社群详情" back={["/groups", "社群"]} />
      <Needs right="see_places"><Ready of={all}>{(data) => <Whole all={data} reload={all.reload} month={month} setMonth={setMonth} />}</Ready></Needs>
    </>
  );
}
