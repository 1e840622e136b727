// One venue: hours and closures, zones, capacity and rules with a preview of what they would have
// done, and by which ways people come in.

import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useLoad } from "../load";
import { useDesk, type Venue as Place } from "../session";
import { Foreseen, type Difference } from "../ui/foreseen";
import { FormDialog, type Field } from "../ui/form";
import { Card, Facts, Tag, Title } from "../ui/page";
import { Needs, Nothing, Ready, Waiting } from "../ui/states";
import { Chart } from "../ui/chart";
import * as words from "../words";

interface Numbers { usual_stay_min: number; longest_stay_min: number; repeat_window_s: number; capacity?: number | null; capacity_soft?: number | null; pairing: string; passback: string; guardian_under?: number | null; prerequisites: string[]; ways_in: string[]; time_zone: string; day_starts_at: number }
interface Standing { version: number; valid_from: string; rules: Numbers }

type Act = "hours" | "exception" | "holiday" | "zone" | "capacity" | "numbers";
const WEEK = [1, 2, 3, 4, 5, 6, 7];
const from: Field = { name: "valid_from", label: "生效日", type: "date", required: true, value: words.day(1), min: words.day(1), help: "最早从明天起，今天的账不变。" };

const changed = (values: Record<string, string>) => ({
  usual_stay_min: Number(values["usual_stay_min"]), longest_stay_min: Number(values["longest_stay_min"]), repeat_window_s: Number(values["repeat_window_s"]),
});

function Acts({ place, rules, which, close, after }: { place: Place; rules: Standing; which: Act; close: () => void; after: () => void }) {
  const path = `/venues/${place.id}`;
  const now = rules.rules;
  switch (which) {
    case "hours": {
      const hours = new Map(place.hours?.map((one) => [one.weekday, one]) ?? []);
      return <FormDialog title="每周开放时间" isWide intro="留空的日子关闭。结束时间不晚于开始时间的，算到次日。" fields={[
        ...WEEK.flatMap((n): Field[] => [
          { name: `o${n}`, label: `${words.weekday(n)} 开`, type: "time", value: hours.get(n)?.opens ?? "" },
          { name: `c${n}`, label: `${words.weekday(n)} 关`, type: "time", value: hours.get(n)?.closes ?? "" },
        ]), from]} confirm="改为这些时间"
        submit={async (values, key) => {
          const open = WEEK.filter((n) => values[`o${n}`] && values[`c${n}`]).map((n) => ({ weekday: n, opens: values[`o${n}`], closes: values[`c${n}`] }));
          await act("POST", `${path}/hours`, { valid_from: values["valid_from"], hours: open }, key);
        }} done="已安排" close={close} after={after} />;
    }
    case "exception":
      return <FormDialog title="某天闭馆或改时间" intro="时间都留空就是全天闭馆：当天各门拒绝入场，居民在小程序能看到。" fields={[
        { name: "day", label: "日期", type: "date", required: true, value: words.day(1), min: words.day(1) },
        { name: "opens", label: "开", type: "time" }, { name: "closes", label: "关", type: "time" },
        { name: "reason", label: "原因（居民可见）", required: true, max: 64 },
      ]} confirm="确认" isDanger
        submit={async (values, key) => {
          const body: Record<string, string> = { day: values["day"]!, reason: values["reason"]! };
          if (values["opens"] && values["closes"]) Object.assign(body, { opens: values["opens"], closes: values["closes"] });
          await act("POST", `${path}/exceptions`, body, key);
        }} done="已安排" close={close} after={after} />;
    case "holiday":
      return <FormDialog title="节假日开放时间" intro="用于国家公布的放假日；都留空就是放假日闭馆。单独安排过的日子不变。" fields={[{ name: "opens", label: "开", type: "time" }, { name: "closes", label: "关", type: "time" }]} confirm="设置"
        submit={async (values, key) => void (await act("PUT", `${path}/holiday-hours`, values["opens"] && values["closes"] ? values : {}, key))} done="已设置" close={close} after={after} />;
    case "zone":
      return <FormDialog title="新增分区" fields={[
        { name: "name", label: "名称", required: true, max: 64 },
        { name: "kind", label: "种类（小写字母）", required: true, max: 40, value: "fitness" },
        { name: "area_m2", label: "面积（平方米）", type: "number", min: 1 },
      ]} confirm="新增"
        submit={async (values, key) => {
          const body: Record<string, unknown> = { name: values["name"], kind: values["kind"] };
          if (values["area_m2"]) body["area_m2"] = Number(values["area_m2"]);
          await act("POST", `${path}/zones`, body, key);
        }} done="已新增" close={close} after={after} />;
    case "capacity":
      return <FormDialog title="容量与准入" intro="满员后门会拒绝入场；离场永远放行。其余规则不变。" fields={[
        { name: "capacity", label: "最多人数", type: "number", min: 1, value: now.capacity?.toString() ?? "", help: "留空为不限。", pointer: "/rules/capacity" },
        { name: "capacity_soft", label: "拥挤提示人数", type: "number", min: 1, value: now.capacity_soft?.toString() ?? "", pointer: "/rules/capacity_soft" },
        { name: "guardian_under", label: "须有监护人的年龄（未满）", type: "number", min: 1, value: now.guardian_under?.toString() ?? "", pointer: "/rules/guardian_under" },
        from,
      ]} confirm="采用"
        submit={async (values, key) => {
          const whole = (name: string) => (values[name] ? Number(values[name]) : null);
          const next = { ...now, capacity: whole("capacity"), capacity_soft: whole("capacity_soft"), guardian_under: whole("guardian_under") };
          await act("POST", `${path}/rules`, { valid_from: values["valid_from"], rules: next }, key);
        }} done="已安排" close={close} after={after} />;
    case "numbers":
      return <FormDialog title="计时规则" isWide intro="先用过去 28 天的记录预览效果，再决定是否采用。" fields={[
        { name: "usual_stay_min", label: "没刷出时按多少分钟估算", type: "number", required: true, min: 1, value: String(now.usual_stay_min), pointer: "/rules/usual_stay_min" },
        { name: "longest_stay_min", label: "一次停留最长（分钟）", type: "number", required: true, min: 1, value: String(now.longest_stay_min), pointer: "/rules/longest_stay_min" },
        { name: "repeat_window_s", label: "重复刷脸间隔（秒）", type: "number", required: true, min: 0, value: String(now.repeat_window_s), pointer: "/rules/repeat_window_s" },
        from,
      ]} confirm="采用这些规则"
        preview={async (values) => {
          const difference = await act<Difference>("POST", "/rules/what-if", { venue_id: place.id, from: words.day(-28), to: words.day(-1), rules: changed(values) });
          return <><Foreseen of={difference} span="过去 28 天" /><p>只影响生效日之后，过去的账不变。</p></>;
        }}
        submit={async (values, key) => void (await act("POST", "/rules/adoptions", { venue_id: place.id, valid_from: values["valid_from"], rules: changed(values) }, key))}
        done="已采用" close={close} after={after} />;
  }
}

function Ways({ id }: { id: string }) {
  const ways = useLoad<{ items: { method: string; entries: number; per_mille: number }[] }>(`/venues/${id}/ways-in?days=28`);
  return (
    <Ready of={ways}>
      {({ items }) => items.every((way) => way.entries === 0) ? <Nothing what="近 28 天没有入场。" /> : (
        <Chart label="近 28 天的入场方式" unit="次" names={items.map((way) => words.wayIn(way.method))} series={[{ name: "次数", values: items.map((way) => way.entries) }]} />
      )}
    </Ready>
  );
}

function Whole({ place, rules, reload }: { place: Place; rules: Standing; reload: () => void }) {
  const { may, divisionName } = useDesk();
  const [open, setOpen] = useState<Act | null>(null);
  const keeps = may("manage_venues");
  const now = rules.rules;
  const button = (which: Act, name: string) => keeps && <button className="button" onClick={() => setOpen(which)}>{name}</button>;
  return (
    <>
      <Card>
        <Facts items={[
          ["种类", words.venueKind(place.kind)], ["社区", divisionName(place.community)], ["面积", place.area_m2 ? `${place.area_m2} 平方米` : "—"],
          ["现在", place.open.now ? <Tag key="o" tone="good">开放</Tag> : <Tag key="o">关闭</Tag>], ["下次开放", place.open.now ? "—" : words.time(place.open.next)],
          ["在场点名", may("register_members") ? <Link key="r" to={`/roll-call/${place.id}`}>查看谁在里面</Link> : "—"],
        ]} />
      </Card>
      <Tabs.Root defaultValue="hours">
        <Tabs.List className="tabs" aria-label="场馆">
          {[["hours", "开放时间"], ["rules", "容量与规则"], ["zones", "分区"], ["ways", "入场方式"]].map(([value, name]) => <Tabs.Tab key={value} value={value} className="tab">{name}</Tabs.Tab>)}
        </Tabs.List>
        <Tabs.Panel value="hours" className="panel">
          {!place.hours || place.hours.length === 0 ? <Nothing what="没有设置时间：全天开放。" /> : (
            <Facts items={WEEK.map((n): [string, string] => {
              const one = place.hours?.find((hours) => hours.weekday === n);
              return [words.weekday(n), one?.opens ? `${one.opens} – ${one.closes}` : "关闭"];
            })} />
          )}
          <div className="acts">{button("hours", "改每周时间")}{button("exception", "某天闭馆或改时间")}{button("holiday", "节假日时间")}</div>
        </Tabs.Panel>
        <Tabs.Panel value="rules" className="panel">
          <p className="hint">第 {rules.version} 版，自 {rules.valid_from} 起。</p>
          <Facts items={[
            ["最多人数", now.capacity ? `${now.capacity} 人` : "不限"], ["拥挤提示", now.capacity_soft ? `${now.capacity_soft} 人` : "—"],
            ["须有监护人", now.guardian_under ? `未满 ${now.guardian_under} 岁` : "不要求"], ["识别方式", words.pairing(now.pairing)], ["再次进入", words.passback(now.passback)],
            ["没刷出时估算", `${now.usual_stay_min} 分钟`], ["最长停留", `${now.longest_stay_min} 分钟`], ["重复刷脸间隔", `${now.repeat_window_s} 秒`],
            ["入场方式", now.ways_in.map((way) => words.wayIn(way)).join("、")],
          ]} />
          <div className="acts">{button("capacity", "改容量与准入")}{button("numbers", "改计时规则（先预览）")}{keeps && <Link className="button" to={`/trials?venue=${place.id}`}>试算更长时间</Link>}</div>
        </Tabs.Panel>
        <Tabs.Panel value="zones" className="panel">
          {place.zones.length === 0 ? <Nothing what="没有分区。" /> : <ul className="plain-list">{place.zones.map((zone) => <li key={zone.id}><span>{zone.name} {zone.closed && <Tag tone="bad">已关闭</Tag>}</span><span>{words.venueKind(zone.kind)}{zone.area_m2 ? ` · ${zone.area_m2} 平方米` : ""}</span></li>)}</ul>}
          <div className="acts">{button("zone", "新增分区")}</div>
        </Tabs.Panel>
        <Tabs.Panel value="ways" className="panel"><Ways id={place.id} /></Tabs.Panel>
      </Tabs.Root>
      {open && <Acts place={place} rules={rules} which={open} close={() => setOpen(null)} after={reload} />}
    </>
  );
}

export function Venue() {
  const { id = "" } = useParams();
  const { venues, reloadPlaces } = useDesk();
  const place = venues.find((one) => one.id === id);
  const rules = useLoad<Standing>(`/venues/${id}/rules`);
  return (
    <>
      <Title text={place?.name ?? "场馆"} back={["/venues", "场馆"]} />
      <Needs right="see_places">
        <Ready of={rules}>{(standing) => place ? <Whole place={place} rules={standing} reload={() => { rules.reload(); reloadPlaces(); }} /> : venues.length > 0 ? <Nothing what="没有找到这个场馆" hint="可能不在您负责的区域。" /> : <Waiting />}</Ready>
      </Needs>
    </>
  );
}
