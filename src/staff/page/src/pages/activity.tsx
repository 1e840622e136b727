// One activity: who signed up and who waits, who came, results with places, and calling it off.

import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useList, useLoad, type Paged } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog, Said, useCommand } from "../ui/form";
import { LongList, type Column } from "../ui/list";
import { Card, Facts, Tag, Title } from "../ui/page";
import { Failed, Needs, Nothing, Ready, Waiting } from "../ui/states";
import { toast } from "../ui/toast";
import * as words from "../words";
import * as life from "../words-life";
import { standing, type Event } from "./activities";

interface SignUp { id: string; member_id: string; name: string; team?: number | null; captain: boolean; state: string; attended_at?: string | null; attended_by?: string | null; place?: number | null; result?: string | null }

/** Results of one command, as the server takes them. */
const RESULTS_MAX = 200;
/** Rows of the form for results in the document at once. */
const FORM_ROWS = 50;

function SignUps({ list, event, reload }: { list: Paged<SignUp>; event: Event; reload: () => void }) {
  const { may } = useDesk();
  const [came, setCame] = useState<SignUp | null>(null);
  const isOn = !event.cancelled_at && may("organise_community");
  const columns: Column<SignUp>[] = [
    { name: "姓名", show: (one) => <>{may("see_members") ? <Link to={`/members/${one.member_id}`}>{one.name}</Link> : one.name}{one.captain && event.team_max ? "（队长）" : ""}</> },
    ...(event.team_max ? [{ name: "队", width: "4rem", show: (one: SignUp) => one.team ?? "—" }] : []),
    { name: "报名", width: "6rem", show: (one) => <Tag tone={one.state === "in" ? "good" : one.state === "waiting" ? "warn" : "plain"}>{life.place(one.state)}</Tag> },
    { name: "到场", width: "13rem", show: (one) => one.attended_at ? `${words.hour(one.attended_at)} ${life.attendedBy(one.attended_by)}` : "—" },
    { name: "名次", width: "5rem", show: (one) => one.place ?? "—" },
    { name: "成绩", width: "8rem", show: (one) => one.result ?? "—" },
    { name: "处理", width: "8rem", show: (one) => isOn && one.state === "in" && !one.attended_at ? <button className="button small" onClick={() => setCame(one)}>登记到场</button> : "" },
  ];
  return (
    <>
      <LongList label="报名名单" of={list} none="还没有人报名。" keyOf={(one) => one.id} columns={columns} />
      {came && <Confirm title="登记到场" isDanger={false} confirm="已到场" says={`确认 ${came.name} 本人已到现场。刷脸进入场馆的会自动登记，不必重复。`}
        act={async (key) => void (await act("POST", `/activities/${event.id}/attendance`, { member_id: came.member_id }, key))} done="已登记" close={() => setCame(null)} after={reload} />}
    </>
  );
}

/** Places and results of everybody with a place; what was entered before stands there. */
function Results({ list, event, reload }: { list: Paged<SignUp>; event: Event; reload: () => void }) {
  const { may } = useDesk();
  const [typed, setTyped] = useState<Record<string, { place: string; result: string }>>({});
  const [from, setFrom] = useState(0);
  const { isBusy, problem, run } = useCommand();
  if (list.items.length === 0 && list.problem) return <Failed problem={list.problem} again={list.reload} />;
  if (list.isLoading && list.items.length === 0) return <Waiting />;
  const all = list.items.filter((one) => one.state === "in" && (!event.team_max || one.captain));
  if (all.length === 0) return <Nothing what="没有可以登记成绩的人。" />;
  if (event.cancelled_at || new Date(event.starts_at).getTime() > Date.now()) return <Nothing what={event.cancelled_at ? "活动已取消，没有成绩。" : "活动开始后才能登记成绩。"} />;
  const of = (one: SignUp) => typed[one.id] ?? { place: one.place?.toString() ?? "", result: one.result ?? "" };
  const set = (one: SignUp, field: "place" | "result") => (change: { target: { value: string } }) => setTyped({ ...typed, [one.id]: { ...of(one), [field]: change.target.value } });
  const save = async (submit: { preventDefault: () => void }) => {
    submit.preventDefault();
    const results = Object.entries(typed).slice(0, RESULTS_MAX).map(([sign_up_id, { place, result }]) => ({ sign_up_id, ...(place ? { place: Number(place) } : {}), ...(result ? { result } : {}) }));
    if (results.length === 0) return toast("没有改动");
    if (await run(results, async (key) => void (await act("POST", `/activities/${event.id}/results`, { results }, key)))) {
      setTyped({});
      toast(`已保存 ${results.length} 条成绩`);
      reload();
    }
  };
  return (
    <form onSubmit={(submit) => void save(submit)}>
      <p className="hint">名次相同的并列。保存后居民立即能看到（姓名遮盖）；再次保存会替换同一人的成绩。{event.team_max ? "团队成绩记在队长名下。" : ""}</p>
      <div className="plain-scroll" tabIndex={0} role="region" aria-label="成绩登记">
        <table className="plain full">
          <thead><tr><th scope="col">{event.team_max ? "队" : "姓名"}</th><th scope="col">名次</th><th scope="col">成绩</th></tr></thead>
          <tbody>{all.slice(from, from + FORM_ROWS).map((one) => {
            const name = event.team_max ? `第 ${one.team} 队（${one.name}）` : one.name;
            return (
              <tr key={one.id}>
                <th scope="row">{name}</th>
                <td><input aria-label={`${name}的名次`} type="number" min={1} className="short" value={of(one).place} onChange={set(one, "place")} disabled={!may("organise_community")} /></td>
                <td><input aria-label={`${name}的成绩`} maxLength={40} value={of(one).result} onChange={set(one, "result")} disabled={!may("organise_community")} /></td>
              </tr>
            );
          })}</tbody>
        </table>
      </div>
      {all.length > FORM_ROWS && <p className="inline"><button type="button" className="link" disabled={from === 0} onClick={() => setFrom(from - FORM_ROWS)}>前 {FORM_ROWS} 人</button><button type="button" className="link" disabled={from + FORM_ROWS >= all.length} onClick={() => setFrom(from + FORM_ROWS)}>后 {FORM_ROWS} 人</button></p>}
      {list.hasMore && <p className="hint">名单还没有全部载入。<button type="button" className="link" onClick={list.toEnd}>载入全部</button></p>}
      <Said problem={problem} />
      {may("organise_community") && <div className="acts"><button className="button primary" aria-disabled={isBusy} aria-busy={isBusy}>{isBusy ? "请稍候…" : "保存成绩"}</button></div>}
    </form>
  );
}

function Whole({ event, reload }: { event: Event; reload: () => void }) {
  const { may, divisionName } = useDesk();
  const keeps = may("organise_community");
  const list = useList<SignUp>(keeps ? `/activities/${event.id}/sign-ups` : null);
  const [open, setOpen] = useState<"cancel" | "code" | null>(null);
  const isOver = Boolean(event.cancelled_at) || new Date(event.ends_at).getTime() < Date.now();
  const again = () => { reload(); list.reload(); };
  const ages = [event.age_min ? `满 ${event.age_min} 岁` : "", event.age_max ? `${event.age_max} 岁以下` : ""].filter(Boolean).join("，");
  return (
    <>
      <Card title={event.title} aside={standing(event)}>
        {event.cancelled_reason && <p className="notice bad">已取消：{event.cancelled_reason}</p>}
        {event.about && <p className="said-by">{event.about}</p>}
        <Facts items={[
          ["种类", life.activityKind(event.kind)], ["地点", event.venue ?? event.place ?? "—"], ["区域", divisionName(event.division)],
          ["时间", `${words.time(event.starts_at)} – ${words.hour(event.ends_at)}`], ["报名截止", words.time(event.sign_up_until)],
          [event.team_max ? "队数" : "名额", `${event.taken} / ${event.capacity}`], ["候补", `${event.waiting}`], ["年龄", ages || "不限"],
          ["举办", event.held_at ? words.time(event.held_at) : "结束并有人到场后自动记为已举办"],
        ]} />
        {keeps && !isOver && <div className="acts"><button className="button" onClick={() => setOpen("code")}>按二维码登记到场</button><button className="button danger-line" onClick={() => setOpen("cancel")}>取消活动</button></div>}
      </Card>
      {keeps ? (
        <Tabs.Root defaultValue="people">
          <Tabs.List className="tabs" aria-label="活动">{[["people", "报名与到场"], ["results", "成绩与名次"]].map(([value, name]) => <Tabs.Tab key={value} value={value} className="tab">{name}</Tabs.Tab>)}</Tabs.List>
          <Tabs.Panel value="people" className="panel"><SignUps list={list} event={event} reload={again} /></Tabs.Panel>
          <Tabs.Panel value="results" className="panel"><Results list={list} event={event} reload={again} /></Tabs.Panel>
        </Tabs.Root>
      ) : <Nothing what="您的角色不能查看报名名单。" hint="名单只对组织活动的人员开放。" />}
      {open === "code" && <FormDialog title="按二维码登记到场" intro="用扫码枪扫居民小程序上的入场码，或输入码下的文字。" fields={[{ name: "code", label: "入场码", required: true, max: 200 }]} confirm="登记"
        submit={async (values, key) => void (await act("POST", `/activities/${event.id}/attendance`, values, key))} done="已登记" close={() => setOpen(null)} after={again} />}
      {open === "cancel" && <FormDialog title={`取消「${event.title}」`} isDanger intro={`取消后不能恢复；已报名的 ${event.taken} 个名额和候补的人都会收到通知，并看到理由。`}
        fields={[{ name: "reason", label: "理由（居民可见）", type: "area", required: true, max: 200 }]} confirm="取消活动"
        submit={async (values, key) => void (await act("POST", `/activities/${event.id}/cancellation`, values, key))} done="已取消" close={() => setOpen(null)} after={again} />}
    </>
  );
}

export function Activity() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const event = useLoad<Event>(may("see_places") ? `/activities/${id}` : null);
  return (
    <>
      <Title text="活动详情" back={["/activities", "活动"]} />
      <Needs right="see_places"><Ready of={event}>{(data) => <Whole event={data} reload={event.reload} />}</Ready></Needs>
    </>
  );
}
