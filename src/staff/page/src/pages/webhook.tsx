// One subscribed address: what was and will be sent to it, sending a message once more, and what else
// can be done about it.

import { useState } from "react";
import { useParams } from "react-router";
import { act, type Page } from "../api";
import { useAll, useWatched, type Loaded } from "../load";
import { useDesk } from "../session";
import { Confirm } from "../ui/form";
import { Rows } from "../ui/list";
import { Card, Facts, Tag, Title, type Tone } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";
import { standing, type Webhook as Hook } from "./webhooks";

interface Delivery { event_id: string; kind: string; state: string; attempts: number; due_at: string; created_at: string; outcome?: string | null; ended_at?: string | null }

const TONES: Record<string, Tone> = { pending: "warn", delivered: "good", given_up: "bad" };
/** How often the list is read again while a message is on its way. */
const WATCH_MS = 2_000;
/** A message that is due later than that is not waited for. */
const SOON_MS = 180_000;
const DELIVERIES_MAX = 200;

const isUnderWay = (one: Delivery) => one.state === "pending" && new Date(one.due_at).getTime() < Date.now() + SOON_MS;
const outcome = (one: Delivery) => (!one.outcome ? "—" : /^\d+$/.test(one.outcome) ? `HTTP ${one.outcome}` : words.webhookOutcome(one.outcome));

function stateOf(one: Delivery) {
  const name = one.state === "pending" && one.attempts > 0 ? "等待再次发送" : words.deliveryState(one.state);
  return <Tag tone={TONES[one.state] ?? "plain"}>{name}</Tag>;
}

function Deliveries({ hook, list }: { hook: Hook; list: Loaded<Page<Delivery>> }) {
  const [open, setOpen] = useState<Delivery | null>(null);
  return (
    <Card title="推送记录" aside={<button className="link" onClick={list.reload}>刷新</button>}>
      <Ready of={list}>
        {({ items, next_cursor: more }) => items.length === 0 ? <Nothing what="还没有发送过消息。" hint="可以先发一条测试消息。" /> : (
          <>
            <Rows label="推送记录" items={items} keyOf={(one) => one.event_id} columns={[
              { name: "内容", show: (one) => words.webhookKind(one.kind) },
              { name: "发生时间", width: "10rem", show: (one) => words.time(one.created_at) },
              { name: "状态", width: "8rem", show: stateOf },
              { name: "次数", width: "4rem", isNumber: true, show: (one) => one.attempts },
              { name: "上次结果", width: "8rem", show: outcome },
              { name: "下次发送", width: "10rem", show: (one) => one.state === "pending" ? words.time(one.due_at) : "—" },
              { name: "处理", width: "6rem", show: (one) => hook.status === "active" ? <button className="button small" onClick={() => setOpen(one)}>重发</button> : "—" },
            ]} />
            <p className="hint">{more ? `只列出最近的 ${DELIVERIES_MAX} 条。` : ""}结束的消息保留 90 天。</p>
          </>
        )}
      </Ready>
      {open && <Confirm title="重发这条消息" isDanger={false} confirm="重发" says={<><p>{words.webhookKind(open.kind)}，{words.time(open.created_at)}：立即再发一次，内容和编号（webhook-id）都与原来一样。</p><p>接收方若已处理过，应按编号认出是同一条。</p></>}
        act={async (key) => void (await act("POST", `/webhooks/${hook.id}/redeliveries`, { event_id: open.event_id }, key))} done="已安排重发" close={() => setOpen(null)} after={list.reload} />}
    </Card>
  );
}

type Act = "ping" | "secret" | "resume" | "end";

function Acts({ hook, act: which, close, after }: { hook: Hook; act: Act; close: () => void; after: () => void }) {
  const path = `/webhooks/${hook.id}`;
  switch (which) {
    case "ping":
      return <Confirm title="发送测试消息" isDanger={false} confirm="发送" says="向这个地址发一条不含内容的消息，看它能否收到。" done="已安排发送" close={close} after={after}
        act={async (key) => void (await act("POST", `${path}/pings`, undefined, key))} />;
    case "secret":
      return <Confirm title="更换签名密钥" confirm="更换" says="从现在起用新密钥签名；一天之内旧密钥的签名也一并附上，接收方须在此之前换好。" close={close} after={after}
        act={async () => <Secret name="新的签名密钥" value={(await act<{ secret: string }>("POST", `${path}/secret`)).secret} />} />;
    case "resume":
      return <Confirm title="恢复推送" isDanger={false} confirm="恢复推送" says="从现在起重新推送；停推期间放弃的消息不会补发，需要时可逐条重发。" done="已恢复" close={close} after={after}
        act={async (key) => void (await act("POST", `${path}/resumption`, undefined, key))} />;
    case "end":
      return <Confirm title="结束订阅" confirm="结束订阅" says="立即不再推送，等待发送的消息也不再发；不能恢复，要再用须重新订阅并审批。" done="已结束" close={close} after={after}
        act={async (key) => void (await act("DELETE", path, undefined, key))} />;
  }
}

function Whole({ hook, reload }: { hook: Hook; reload: () => void }) {
  const { divisionName } = useDesk();
  const [open, setOpen] = useState<Act | null>(null);
  const list = useWatched<Page<Delivery>>(`/webhooks/${hook.id}/deliveries?limit=${DELIVERIES_MAX}`, ({ items }) => items.some(isUnderWay), WATCH_MS);
  const isOn = hook.status === "active";
  const acts: [Act, string, boolean][] = [
    ["ping", "发送测试消息", isOn], ["resume", "恢复推送", hook.status === "disabled"], ["secret", "更换签名密钥", isOn || hook.status === "disabled"], ["end", "结束订阅", hook.status !== "ended"],
  ];
  return (
    <>
      <Card title={hook.url} aside={standing(hook)}>
        {hook.status === "waiting" && <p className="notice warn">等市级的另一位同事批准；在那之前不推送。</p>}
        {hook.status === "disabled" && <p className="notice bad">连续五天没有送达，已停止推送。请先修好接收方，再恢复。</p>}
        <Facts items={[["推送什么", hook.kinds.map(words.webhookKind).join("、")], ["区域", divisionName(hook.division)], ["订阅时间", words.time(hook.created_at)], ["没有送达自", words.time(hook.failing_since)]]} />
        <div className="acts">{acts.filter(([, , can]) => can).map(([code, name]) => <button key={code} className={code === "end" ? "button danger-line" : "button"} onClick={() => setOpen(code)}>{name}</button>)}</div>
      </Card>
      <Deliveries hook={hook} list={list} />
      {open && <Acts hook={hook} act={open} close={() => setOpen(null)} after={() => { reload(); list.reload(); }} />}
    </>
  );
}

export function Webhook() {
  const { id = "" } = useParams();
  const { may } = useDesk();
  const all = useAll<Hook>(may("manage_webhooks") ? "/webhooks" : null);
  return (
    <>
      <Title text="推送详情" back={["/webhooks", "推送订阅"]} />
      <Needs right="manage_webhooks">
        <Ready of={all}>
          {(hooks) => {
            const hook = hooks.find((one) => one.id === id);
            return hook ? <Whole hook={hook} reload={all.reload} /> : <Nothing what="没有找到这个订阅" hint="可能不在您负责的区域。" />;
          }}
        </Ready>
      </Needs>
    </>
  );
}
