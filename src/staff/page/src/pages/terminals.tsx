// Terminals: how each stands, those that nobody has claimed, and new ones.

import { Tabs } from "@base-ui/react/tabs";
import { useState } from "react";
import { Link } from "react-router";
import { act } from "../api";
import { useList } from "../load";
import { useDesk } from "../session";
import { FormDialog, type Field } from "../ui/form";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";

export interface Line {
  id: string; serial: string; protocol: string; venue_id?: string | null; troubles: string[]; sentence: string; clock_offset_ms: number;
  missing_records: number; waiting_records: number; roster_mismatch: number; silent_s?: number | null; usual_pause_s: number; last_seen_at?: string | null;
  last_record_at?: string | null; catching_up: boolean;
}
interface Unclaimed { serial: string; protocol: string; records: number; first_seen_at: string; last_seen_at: string }

const DIRECTIONS: [string, string][] = [["in", "进"], ["out", "出"], ["both", "进出"]];

export function usePlaceFields(): Field[] {
  const { venues } = useDesk();
  return [
    { name: "venue_id", label: "场馆", type: "select", required: true, options: venues.map((venue) => [venue.id, venue.name]) },
    { name: "direction", label: "方向", type: "select", required: true, options: DIRECTIONS },
  ];
}

function Standing() {
  const { venueName } = useDesk();
  const list = useList<Line>("/terminal-ledger");
  return (
    <LongList
      label="终端" of={list} none="还没有终端。" hint="新终端接入后，在「未认领」里认领。" keyOf={(line) => line.id}
      columns={[
        { name: "序列号", width: "11rem", show: (line) => <Link to={`/terminals/${line.id}`}>{line.serial}</Link> },
        { name: "场馆", show: (line) => venueName(line.venue_id) },
        { name: "状况", width: "9rem", show: (line) => line.troubles.length === 0 ? <Tag tone="good">正常</Tag> : <Tag tone="bad">{words.trouble(line.troubles[0])}{line.troubles.length > 1 && ` 等 ${line.troubles.length} 项`}</Tag> },
        { name: "说明", width: "2fr", show: (line) => line.sentence },
        { name: "最近通信", width: "7rem", show: (line) => words.ago(line.last_seen_at) },
      ]}
    />
  );
}

function Unclaimeds() {
  const list = useList<Unclaimed>("/unclaimed-terminals");
  const place = usePlaceFields();
  const [open, setOpen] = useState<Unclaimed | null>(null);
  return (
    <>
      <LongList
        label="未认领的终端" of={list} none="没有未认领的终端。" hint="终端第一次上报后会出现在这里。" keyOf={(one) => one.protocol + one.serial}
        columns={[
          { name: "序列号", show: (one) => one.serial },
          { name: "品牌", width: "8rem", show: (one) => words.protocol(one.protocol) },
          { name: "待认领记录", width: "7rem", isNumber: true, show: (one) => words.number(one.records) },
          { name: "首次上报", width: "10rem", show: (one) => words.time(one.first_seen_at) },
          { name: "处理", width: "7rem", show: (one) => <button className="button small" onClick={() => setOpen(one)}>认领</button> },
        ]}
      />
      {open && (
        <FormDialog title={`认领终端 ${open.serial}`} intro={`认领后，它上报的 ${words.number(open.records)} 条记录会计入所选场馆。请核对机身序列号，认错会把别处的人记到这里。`}
          fields={place} confirm="认领"
          submit={async (values, key) => {
            const { released, path_token } = await act<{ released: number; path_token?: string | null }>("POST", "/terminals/claims", { ...values, serial: open.serial, protocol: open.protocol }, key);
            return <><p className="notice">已认领，{words.number(released)} 条记录已计入。</p>{path_token && <Secret name="路径令牌（填到设备上）" value={path_token} />}</>;
          }}
          close={() => setOpen(null)} after={list.reload} />
      )}
    </>
  );
}

export function Terminals() {
  const { may } = useDesk();
  const place = usePlaceFields();
  const [adds, setAdds] = useState(false);
  const [turn, setTurn] = useState(0);
  return (
    <>
      <Title text="终端">{may("manage_terminals") && <button className="button primary" onClick={() => setAdds(true)}>登记原生终端</button>}</Title>
      <Needs right="see_places">
        <Tabs.Root defaultValue="standing">
          <Tabs.List className="tabs" aria-label="终端">
            <Tabs.Tab value="standing" className="tab">全部终端</Tabs.Tab>
            {may("manage_terminals") && <Tabs.Tab value="unclaimed" className="tab">未认领</Tabs.Tab>}
          </Tabs.List>
          <Tabs.Panel value="standing" className="panel"><Standing key={turn} /></Tabs.Panel>
          {may("manage_terminals") && <Tabs.Panel value="unclaimed" className="panel"><Unclaimeds /></Tabs.Panel>}
        </Tabs.Root>
      </Needs>
      {adds && (
        <FormDialog title="登记原生终端" intro="登记后得到一把密钥，填到终端上。密钥只显示一次。"
          fields={[{ name: "serial", label: "序列号", required: true, max: 64 }, ...place]} confirm="登记"
          submit={async (values, key) => {
            const made = await act<{ id: string; key_id: string; key: string }>("POST", "/terminals", values, key);
            return <><Secret name="终端编号" value={made.id} note="" /><Secret name="密钥编号" value={made.key_id} note="" /><Secret name="密钥" value={made.key} /></>;
          }}
          close={() => setAdds(false)} after={() => setTurn((n) => n + 1)} />
      )}
    </>
  );
}
