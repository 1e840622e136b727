// The venues of my division, and a new one.

import { useState } from "react";
import { Link } from "react-router";
import { act } from "../api";
import { useList } from "../load";
import { useDesk, type Venue } from "../session";
import { FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import * as words from "../words";

const KINDS = ["gym", "multi_sport_court", "indoor_hall", "school_grounds", "pool", "park", "trail"];

export function Venues() {
  const { may, divisionName, divisions, session, reloadPlaces } = useDesk();
  const list = useList<Venue>(may("see_places") ? "/venues" : null);
  const [adds, setAdds] = useState(false);
  const communities = divisions.filter((one) => one.level === "community").map((one): [string, string] => [one.code, one.name]);
  return (
    <>
      <Title text="场馆">{may("manage_venues") && <button className="button primary" onClick={() => setAdds(true)}>新增场馆</button>}</Title>
      <Needs right="see_places">
        <LongList
          label="场馆列表" of={list} none="这个区域还没有场馆。" keyOf={(venue) => venue.id}
          columns={[
            { name: "场馆", show: (venue) => <Link to={`/venues/${venue.id}`}>{venue.name}</Link> },
            { name: "种类", width: "8rem", show: (venue) => words.venueKind(venue.kind) },
            { name: "社区", show: (venue) => divisionName(venue.community) },
            { name: "容量", width: "5rem", isNumber: true, show: (venue) => venue.capacity ?? "不限" },
            { name: "现在", width: "10rem", show: (venue) => venue.open.now ? <Tag tone="good">开放{venue.open.until && `至 ${words.hour(venue.open.until)}`}</Tag> : <Tag>关闭</Tag> },
          ]}
        />
      </Needs>
      {adds && (
        <FormDialog title="新增场馆" intro="从启用日起按常用规则开放；时间、容量和规则可在场馆页再改。"
          fields={[
            { name: "name", label: "名称", required: true, max: 64 },
            { name: "kind", label: "种类", type: "select", options: KINDS.map((kind) => [kind, words.venueKind(kind)]) },
            { name: "community", label: "社区", type: "select", required: true, options: communities.length > 0 ? communities : [[session.staff.division, session.staff.division]] },
            { name: "opened_on", label: "启用日", type: "date", required: true, value: words.day() },
            { name: "area_m2", label: "面积（平方米）", type: "number", min: 1 },
            { name: "capacity", label: "最多人数", type: "number", min: 1, pointer: "/rules/capacity" },
          ]}
          confirm="新增"
          submit={async (values, key) => {
            const { name, kind, community, opened_on } = values;
            const body: Record<string, unknown> = { name, kind, community, opened_on };
            if (values["area_m2"]) body["area_m2"] = Number(values["area_m2"]);
            if (values["capacity"]) body["rules"] = { capacity: Number(values["capacity"]) };
            await act("POST", "/venues", body, key);
          }}
          done="已新增" close={() => setAdds(false)} after={() => { list.reload(); reloadPlaces(); }} />
      )}
    </>
  );
}
