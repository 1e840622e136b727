// Activities: competitions, classes, lectures and outings; publishing one for residents to sign up.

import { useState } from "react";
import { Link } from "react-router";
import { act } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { FormDialog, type Values } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import * as words from "../words";
import * as life from "../words-life";

export interface Event {
  id: string; division: string; venue_id?: string | null; venue?: string | null; place?: string | null; kind: string; title: string; about: string;
  starts_at: string; ends_at: string; sign_up_until: string; capacity: number; taken: number; waiting: number; age_min?: number | null; age_max?: number | null;
  team_max?: number | null; cancelled_at?: string | null; cancelled_reason?: string | null; held_at?: string | null;
}

export function standing(one: Event) {
  const now = Date.now();
  if (one.cancelled_at) return <Tag tone="bad">已取消</Tag>;
  if (one.held_at) return <Tag tone="good">已举办</Tag>;
  if (now >= new Date(one.ends_at).getTime()) return <Tag>已结束</Tag>;
  if (now >= new Date(one.starts_at).getTime()) return <Tag tone="good">进行中</Tag>;
  if (now >= new Date(one.sign_up_until).getTime()) return <Tag>报名截止</Tag>;
  return one.taken >= one.capacity ? <Tag tone="warn">已满，可候补</Tag> : <Tag tone="good">报名中</Tag>;
}

const whole = (text: string | undefined) => (text ? Number(text) : undefined);

function body(values: Values, division: string): Record<string, unknown> {
  const at = values["venue_id"] ? { venue_id: values["venue_id"] } : { division, place: values["place"] };
  return {
    ...at, kind: values["kind"], title: values["title"], about: values["about"] ?? "", capacity: Number(values["capacity"]),
    starts_at: words.instant(values["starts_at"]!), ends_at: words.instant(values["ends_at"]!),
    ...(values["sign_up_until"] ? { sign_up_until: words.instant(values["sign_up_until"]) } : {}),
    age_min: whole(values["age_min"]), age_max: whole(values["age_max"]), team_max: whole(values["team_max"]),
  };
}

function Publish({ close, after }: { close: () => void; after: () => void }) {
  const { venues, session } = useDesk();
  return (
    <FormDialog title="发布活动" isWide intro="发布后居民立即可以在小程序报名；发布后不能修改，只能取消。" confirm="发布" done="已发布" close={close} after={after}
      fields={[
        { name: "title", label: "名称", required: true, max: 40 },
        { name: "kind", label: "种类", type: "select", options: ["competition", "class", "lecture", "outing"].map((code) => [code, life.activityKind(code)]) },
        { name: "venue_id", label: "场馆", type: "select", options: [...venues.map((venue): [string, string] => [venue.id, venue.name]), ["", "不在场馆，另填地点"]] },
        { name: "place", label: "地点", required: true, max: 60, show: (all) => !all["venue_id"] },
        { name: "starts_at", label: "开始", type: "datetime-local", required: true },
        { name: "ends_at", label: "结束", type: "datetime-local", required: true, help: "开始后三天以内。" },
        { name: "sign_up_until", label: "报名截止", type: "datetime-local", help: "留空则到开始为止。" },
        { name: "capacity", label: "名额", type: "number", required: true, min: 1, help: "个人活动为人数，团队活动为队数；满额后自动候补。" },
        { name: "team_max", label: "每队最多人数", type: "number", min: 2, help: "留空为个人参加。" },
        { name: "age_min", label: "最小年龄", type: "number", min: 0 },
        { name: "age_max", label: "最大年龄", type: "number", min: 0 },
        { name: "about", label: "介绍", type: "area", max: 2000 },
      ]}
      submit={async (values, key) => void (await act("POST", "/activities", body(values, session.staff.division), key))} />
  );
}

export function Activities() {
  const { may, divisionName } = useDesk();
  const list = useList<Event>(may("see_places") ? "/activities" : null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Title text="活动">{may("organise_community") && <button className="button primary" onClick={() => setOpen(true)}>发布活动</button>}</Title>
      <Needs right="see_places">
        <LongList label="活动列表" of={list} none="还没有活动。" hint="发布后居民就能在小程序报名。" keyOf={(one) => one.id} columns={[
          { name: "名称", show: (one) => <Link to={`/activities/${one.id}`}>{one.title}</Link> },
          { name: "种类", width: "6rem", show: (one) => life.activityKind(one.kind) },
          { name: "地点", show: (one) => one.venue ?? one.place ?? divisionName(one.division) },
          { name: "开始", width: "10rem", show: (one) => words.time(one.starts_at) },
          { name: "报名", width: "8rem", show: (one) => `${one.taken} / ${one.capacity}${one.waiting ? `，候补 ${one.waiting}` : ""}` },
          { name: "状态", width: "8rem", show: standing },
        ]} />
      </Needs>
      {isOpen && <Publish close={() => setOpen(false)} after={list.reload} />}
    </>
  );
}
