// Who is inside a venue and how sure that is; on paper too, for the day when it matters.

import { useState } from "react";
import { Link, useParams } from "react-router";
import { act } from "../api";
import { useLoad } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog } from "../ui/form";
import { Rows } from "../ui/list";
import { Figure, Tag, Title } from "../ui/page";
import { usePrinting } from "../ui/printing";
import { Needs, Nothing, Ready } from "../ui/states";
import * as words from "../words";

interface Call {
  name: string; as_of: string; presumed: number; source: string; head_count?: { at: string; counted: number; inside: number } | null;
  people: { session_id: string; name: string; is_child: boolean; phone?: string | null; entered_at: string; sure: string }[];
}
interface Going { items: { id: string; venue_id: string; reason: string; started_at: string; presumed: number }[] }

export function RollCalls() {
  const { venues, venueName } = useDesk();
  const going = useLoad<Going>("/evacuations", 15_000);
  return (
    <>
      <Title text="在场点名" />
      <Needs right="register_members">
        {going.data?.items.map((one) => (
          <p key={one.id} className="notice bad" role="alert">{venueName(one.venue_id)}正在疏散（{one.reason}）。<Link to={`/roll-call/${one.venue_id}`}>去点名</Link></p>
        ))}
        {venues.length === 0 ? <Nothing what="这个区域还没有场馆。" /> : (
          <Rows label="选择场馆" items={venues} keyOf={(venue) => venue.id} columns={[
            { name: "场馆", show: (venue) => <Link to={`/roll-call/${venue.id}`}>{venue.name}</Link> },
            { name: "种类", width: "9rem", show: (venue) => words.venueKind(venue.kind) },
          ]} />
        )}
      </Needs>
    </>
  );
}

type Person = Call["people"][number];
const sure = (one: Person) => <Tag tone={one.sure === "seen" ? "good" : one.sure === "doubtful" ? "warn" : "plain"}>{words.sure(one.sure)}</Tag>;

/** Everybody: on a screen the rows in sight, on paper all of them, with a box to tick. */
function People({ people }: { people: Person[] }) {
  const isPrinting = usePrinting();
  if (!isPrinting) {
    const numbers = new Map(people.map((one, n) => [one.session_id, n + 1]));
    return (
      <>
        <Rows label="在场名单" items={people} keyOf={(one) => one.session_id} columns={[
          { name: "序号", width: "4rem", show: (one) => numbers.get(one.session_id) },
          { name: "姓名", show: (one) => `${one.name}${one.is_child ? "（儿童）" : ""}` },
          { name: "电话", width: "10rem", show: (one) => one.phone ?? "—" },
          { name: "进场", width: "6rem", show: (one) => words.hour(one.entered_at) },
          { name: "把握", width: "9rem", show: sure },
        ]} />
        <p className="list-foot">共 {words.number(people.length)} 人；打印时全部列出。</p>
      </>
    );
  }
  return (
    <table className="plain full">
      <caption className="unseen">在场名单</caption>
      <thead><tr><th scope="col">序号</th><th scope="col">姓名</th><th scope="col">电话</th><th scope="col">进场</th><th scope="col">把握</th><th scope="col">已确认</th></tr></thead>
      <tbody>{people.map((one, n) => (
        <tr key={one.session_id}><td>{n + 1}</td><td>{one.name}{one.is_child && "（儿童）"}</td><td>{one.phone ?? "—"}</td><td>{words.hour(one.entered_at)}</td><td>{words.sure(one.sure)}</td><td>□</td></tr>
      ))}</tbody>
    </table>
  );
}

function Whole({ call, id, going, reload }: { call: Call; id: string; going?: Going["items"][number]; reload: () => void }) {
  const { may } = useDesk();
  const [open, setOpen] = useState<"count" | "begin" | "end" | null>(null);
  return (
    <>
      {going && <p className="notice bad" role="alert">正在疏散：{going.reason}，{words.hour(going.started_at)} 开始，当时在场 {going.presumed} 人。各门保持打开。</p>}
      {call.source === "copy" && <p className="notice warn" role="alert">数据库暂时不可用，以下来自服务器的备份副本。</p>}
      <div className="figures">
        <Figure name="推定在场" value={call.presumed} unit="人" note={`截至 ${words.time(call.as_of)}`} />
        <Figure name="其中儿童" value={call.people.filter((one) => one.is_child).length} unit="人" />
        {call.head_count && <Figure name="最近清点" value={call.head_count.counted} unit="人" note={`${words.time(call.head_count.at)}；据此现在 ${call.head_count.inside} 人`} />}
      </div>
      <div className="acts no-print">
        <button className="button" onClick={() => print()}>打印</button>
        <button className="button" onClick={reload}>刷新</button>
        <button className="button" onClick={() => setOpen("count")}>登记清点人数</button>
        {may("register_members") && (going
          ? <button className="button primary" onClick={() => setOpen("end")}>结束疏散</button>
          : <button className="button danger-line" onClick={() => setOpen("begin")}>紧急疏散</button>)}
      </div>
      {call.people.length === 0 ? <Nothing what="推定无人在场。" hint="仍请到现场确认。" /> : (
        <People people={call.people} />
      )}
      {open === "count" && <FormDialog title="登记清点人数" intro="以现场数到的人数为准；之后显示的在场人数从这个数算起。若数到的人比显示的少，最早该离开的人的停留会就此结束（离开时间为估算，本人仍可自报）。"
        fields={[{ name: "counted", label: "现场人数", type: "number", required: true, min: 0 }]} confirm="登记"
        submit={async (values, key) => void (await act("POST", `/venues/${id}/head-counts`, { counted: Number(values["counted"]) }, key))} done="已登记" close={() => setOpen(null)} after={reload} />}
      {open === "begin" && <FormDialog title="紧急疏散" isDanger intro={<><p>本场馆<b>所有的门会立即打开</b>并保持打开，直到结束疏散；任何人都能进出。</p><p>操作会写入审计。</p></>}
        fields={[{ name: "reason", label: "原因", type: "area", required: true, max: 200 }]} confirm="打开所有的门"
        submit={async (values, key) => {
          const { doors } = await act<{ doors: { serial: string; ordered: boolean }[] }>("POST", `/venues/${id}/evacuations`, values, key);
          const not = doors.filter((door) => !door.ordered);
          return <><p className="notice">已通知 {doors.length - not.length} 台终端开门。</p>{not.length > 0 && <p className="notice bad">请派人手动打开：{not.map((door) => door.serial).join("、")}</p>}</>;
        }} close={() => setOpen(null)} after={reload} />}
      {open === "end" && going && <Confirm title="结束疏散" says="各门恢复识别。请确认所有人都已清点。" confirm="结束疏散" isDanger={false}
        act={async (key) => void (await act("POST", `/evacuations/${going.id}/end`, undefined, key))} done="已结束" close={() => setOpen(null)} after={reload} />}
    </>
  );
}

export function RollCall() {
  const { id = "" } = useParams();
  const call = useLoad<Call>(`/venues/${id}/roll-call`, 30_000);
  const going = useLoad<Going>("/evacuations", 15_000);
  return (
    <>
      <Title text={call.data ? `${call.data.name}在场点名` : "在场点名"} back={["/roll-call", "选择场馆"]} />
      <Needs right="register_members">
        <Ready of={call}>{(data) => <Whole call={data} id={id} going={going.data?.items.find((one) => one.venue_id === id)} reload={() => { call.reload(); going.reload(); }} />}</Ready>
      </Needs>
    </>
  );
}
