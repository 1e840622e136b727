// One terminal: health, clock, gaps, backlog, roster, what it said, and what it is told.

import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { act, all } from "../api";
import { useList, useLoad } from "../load";
import { useDesk } from "../session";
import { Confirm, FormDialog } from "../ui/form";
import { LongList } from "../ui/list";
import { Card, Facts, Tag, Title } from "../ui/page";
import { Failed, Needs, Nothing, Ready, Waiting } from "../ui/states";
import { Secret } from "../ui/secret";
import { useEffect } from "react";
import { Problem } from "../api";
import { usePlaceFields, type Line } from "./terminals";
import * as words from "../words";

interface Device {
  id: string; serial: string; protocol: string; firmware?: string | null; faces?: number | null; queue_length?: number | null; clock_offset_ms: number;
  last_seen_at?: string | null; watermark_at?: string | null; lost_at?: string | null; time_zone: string;
  place?: { venue_id: string; direction: string; valid_from: string } | null;
  keys: { key_id: string; created_at: string; activated_at?: string | null; expires_at?: string | null; revoked_at?: string | null }[];
}
interface Command { id: string; kind: string; status: string; created_at: string; finished_at?: string | null; detail?: string | null }
interface Notice { id: string; kind: string; code: string; received_at: string; detail?: string | null }

type Act = "open" | "restart" | "time" | "roster" | "records" | "key" | "token" | "place" | "end";

function Acts({ device, which, close, after }: { device: Device; which: Act; close: () => void; after: () => void }) {
  const path = `/terminals/${device.id}`;
  const go = useNavigate();
  const place = usePlaceFields();
  const tell = (kind: string, more: object = {}) => async (key: string) => void (await act("POST", `${path}/commands`, { kind, ...more }, key));
  switch (which) {
    case "open":
      return <FormDialog title="远程开门" isDanger intro="门会立即打开，任何人都能进入。请确认门口情况；操作会写入审计。"
        fields={[{ name: "seconds", label: "开门秒数", type: "number", required: true, value: "5", min: 1 }]} confirm="开门"
        submit={async (values, key) => void (await act("POST", `${path}/commands`, { kind: "open_door", seconds: Number(values["seconds"]) }, key))} done="已下发开门" close={close} after={after} />;
    case "restart":
      return <Confirm title="重启终端" says="重启期间（约一两分钟）这扇门不能识别。" confirm="重启" act={tell("restart")} done="已下发" close={close} after={after} />;
    case "time":
      return <Confirm title="校准时钟" says="终端的时钟会改为服务器时间；已上报的记录不受影响。" confirm="校时" isDanger={false} act={tell("sync_time")} done="已下发" close={close} after={after} />;
    case "roster":
      return <Confirm title="重发名册" says="终端会重新接收全部人员，可能需要几分钟；期间照常识别。" confirm="重发" isDanger={false} act={tell("refill_roster")} done="已下发" close={close} after={after} />;
    case "records":
      return <FormDialog title="补传记录" intro="让终端把这段时间的记录再传一遍。重复的记录不会重复计算。"
        fields={[{ name: "from", label: "从", type: "datetime-local", required: true }, { name: "to", label: "到", type: "datetime-local", required: true }]} confirm="补传"
        submit={async (values, key) => void (await act("POST", `${path}/commands`, { kind: "query_records", from: words.instant(values["from"]!), to: words.instant(values["to"]!) }, key))} done="已下发" close={close} after={after} />;
    case "key":
      return <Confirm title="更换密钥" says="会生成第二把密钥。新密钥第一次使用后，旧密钥再保留一周。" confirm="生成新密钥" isDanger={false} close={close} after={after}
        act={async (key) => {
          const made = await act<{ key_id: string; key: string }>("POST", `${path}/keys`, undefined, key);
          return <><Secret name="密钥编号" value={made.key_id} note="" /><Secret name="密钥" value={made.key} /></>;
        }} />;
    case "token":
      return <Confirm title="更换路径令牌" says="旧令牌再保留一周，请在此之前把新令牌填到设备上。" confirm="生成新令牌" isDanger={false} close={close} after={after}
        act={async (key) => <Secret name="路径令牌" value={(await act<{ path_token: string }>("POST", `${path}/path-token`, undefined, key)).path_token} />} />;
    case "place":
      return <FormDialog title="移到别处" intro="从所选营业日起，它的记录计入新的场馆；之前的不变。"
        fields={[...place, { name: "valid_from", label: "生效日", type: "date", required: true, value: words.day(1), min: words.day(1) }]} confirm="移动"
        submit={async (values, key) => void (await act("POST", `${path}/place`, values, key))} done="已安排" close={close} after={after} />;
    case "end":
      return <Confirm title="停用终端" says="立即停用。之后它再上报的记录会被隔离，不计入时长；要再用须重新登记或认领。" confirm="停用"
        act={async (key) => void (await act("DELETE", path, undefined, key))} done="已停用" close={close} after={() => void go("/terminals")} />;
  }
}

/** One of a list that has no path of its own. */
function useOne<T extends { id: string }>(path: string, id: string) {
  const [state, setState] = useState<{ one?: T | null; problem?: Problem }>({});
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    all<T>(path, 20_000, stop.signal).then(
      (items) => setState({ one: items.find((item) => item.id === id) ?? null }),
      (problem) => stop.signal.aborted || setState({ problem }),
    );
    return () => stop.abort();
  }, [path, id, turn]);
  return { ...state, reload: () => setTurn((n) => n + 1) };
}

function Whole({ device, line, reload }: { device: Device; line?: Line | null; reload: () => void }) {
  const { may, venueName } = useDesk();
  const keeps = may("manage_terminals");
  const commands = useList<Command>(keeps ? `/terminals/${device.id}/commands` : null);
  const notices = useList<Notice>(keeps ? `/terminals/${device.id}/notices` : null);
  const roster = useLoad<{ items: { state: string; persons: number }[] }>(keeps ? `/terminals/${device.id}/roster` : null);
  const [open, setOpen] = useState<Act | null>(null);
  const isNative = device.protocol === "native";
  const acts: [Act, string][] = [["open", "开门"], ["time", "校时"], ["records", "补传记录"], ["roster", "重发名册"], ["restart", "重启"], ["place", "移到别处"], isNative ? ["key", "更换密钥"] : ["token", "更换路径令牌"], ["end", "停用"]];
  return (
    <>
      {line && <p className={line.troubles.length > 0 ? "notice warn" : "notice"}>{line.sentence}</p>}
      <Card title="状况" aside={line?.troubles.map((one) => <Tag key={one} tone="bad">{words.trouble(one)}</Tag>)}>
        <Facts items={[
          ["场馆", venueName(device.place?.venue_id)], ["方向", words.direction(device.place?.direction)], ["品牌", words.protocol(device.protocol)],
          ["固件", device.firmware ?? "—"], ["最近通信", `${words.ago(device.last_seen_at)}（${words.time(device.last_seen_at)}）`],
          ["时钟偏差", words.duration(Math.abs(device.clock_offset_ms) / 1000)], ["记录缺号", line ? `${line.missing_records} 条` : "—"],
          ["记录积压", `${words.number(line?.waiting_records ?? device.queue_length ?? 0)} 条`], ["名册差异", line ? `${line.roster_mismatch} 人` : "—"],
          ["人脸数", words.number(device.faces)], ["记录齐至", words.time(device.watermark_at)], ["平常间隔", words.duration(line?.usual_pause_s)],
        ]} />
        {keeps && <div className="acts">{acts.map(([code, name]) => <button key={code} className={code === "end" || code === "open" ? "button danger-line" : "button"} onClick={() => setOpen(code)}>{name}</button>)}</div>}
      </Card>
      {keeps && (
        <div className="cards">
          <Card title="名册"><Ready of={roster}>{({ items }) => items.length === 0 ? <Nothing what="名册为空。" /> : <Facts items={items.map((one): [string, string] => [words.terminalState(one.state), `${words.number(one.persons)} 人`])} />}</Ready></Card>
          <Card title="下发的命令" wide>
            <LongList label="命令" of={commands} none="没有下发过命令。" keyOf={(one) => one.id} columns={[
              { name: "命令", show: (one) => words.order(one.kind) },
              { name: "状态", width: "7rem", show: (one) => <Tag tone={one.status === "done" ? "good" : one.status === "failed" ? "bad" : "plain"}>{words.orderStatus(one.status)}</Tag> },
              { name: "时间", width: "10rem", show: (one) => words.time(one.created_at) },
              { name: "结果", show: (one) => one.detail ?? "—" },
            ]} />
          </Card>
          <Card title="设备通知" whole>
            <LongList label="设备通知" of={notices} none="没有通知。" keyOf={(one) => one.id} columns={[
              { name: "种类", width: "9rem", show: (one) => one.kind },
              { name: "代码", width: "7rem", show: (one) => one.code },
              { name: "时间", width: "10rem", show: (one) => words.time(one.received_at) },
              { name: "说明", show: (one) => one.detail ?? "—" },
            ]} />
          </Card>
        </div>
      )}
      {open && <Acts device={device} which={open} close={() => setOpen(null)} after={() => { reload(); commands.reload(); }} />}
    </>
  );
}

export function Terminal() {
  const { id = "" } = useParams();
  const device = useOne<Device>("/terminals", id);
  const line = useOne<Line>("/terminal-ledger", id);
  return (
    <>
      <Title text={device.one ? `终端 ${device.one.serial}` : "终端"} back={["/terminals", "终端"]} />
      <Needs right="see_places">
        {device.problem ? <Failed problem={device.problem} again={device.reload} />
          : device.one === undefined ? <Waiting />
          : device.one === null ? <Nothing what="没有找到这台终端" hint="可能已停用，或不在您负责的区域。" />
          : <Whole device={device.one} line={line.one} reload={() => { device.reload(); line.reload(); }} />}
      </Needs>
    </>
  );
}
