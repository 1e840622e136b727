// Addresses that are told what happens: who is told what, and subscribing another, which a second
// person of the city approves.

import { useState } from "react";
import { Link } from "react-router";
import { act, Problem } from "../api";
import { useAll } from "../load";
import { useDesk } from "../session";
import { FormDialog, type Field } from "../ui/form";
import { Rows } from "../ui/list";
import { Tag, Title, type Tone } from "../ui/page";
import { Needs, Nothing, Ready } from "../ui/states";
import { Secret } from "../ui/secret";
import * as words from "../words";

export interface Webhook { id: string; division: string; url: string; kinds: string[]; status: string; created_at: string; failing_since?: string | null }

const TONES: Record<string, Tone> = { waiting: "warn", active: "good", disabled: "bad" };
export const standing = (hook: Webhook) => (
  <>
    <Tag tone={TONES[hook.status] ?? "plain"}>{words.webhookStatus(hook.status)}</Tag>
    {hook.status === "active" && hook.failing_since && <Tag tone="bad">自 {words.time(hook.failing_since).slice(5)} 没有送达</Tag>}
  </>
);

/** Where the field of a kind stands in the form. */
const box = (kind: string) => `tell ${kind}`;

function Subscribe({ close, after }: { close: () => void; after: () => void }) {
  const { divisions, divisionName, session } = useDesk();
  const own = session.staff.division;
  const places = divisions.length > 0 ? divisions.map((one): [string, string] => [one.code, `${one.name}（${words.level(one.level)}）`]) : [[own, divisionName(own)] as [string, string]];
  const kinds = words.WEBHOOK_KINDS.map((kind): Field => ({ name: box(kind), label: `推送「${words.webhookKind(kind)}」`, type: "check" }));
  return (
    <FormDialog title="订阅推送" confirm="提交审批" close={close} after={after}
      intro={<><p>所选的事情发生时，向这个地址发送带签名的消息（Standard Webhooks）。消息只含编号与日期，不含居民信息和数字。</p><p>市级的另一位同事批准之后才开始推送。</p></>}
      fields={[
        { name: "url", label: "接收地址", required: true, max: 500, help: "https:// 开头的公网地址，端口 443。" },
        { name: "division", label: "哪个区域的事", type: "select", required: true, options: places, value: own },
        ...kinds,
        { name: "reason", label: "用途（审批人可见）", type: "area", required: true, max: 200 },
      ]}
      submit={async (values) => {
        const { url, division, reason } = values;
        const chosen = words.WEBHOOK_KINDS.filter((kind) => values[box(kind)]);
        if (chosen.length === 0) throw new Problem(422, "no_items", "请至少选择一件要推送的事。");
        // Nothing that answers with a secret takes a key: stored answers would hold it.
        const made = await act<{ secret: string }>("POST", "/webhooks", { url, division, reason, kinds: chosen });
        return <><p className="notice">已提交，等市级的另一位同事在「待办与审批」里批准。</p><Secret name="签名密钥" value={made.secret} note="接收方用它核对签名；只显示这一次，请现在保存。" /></>;
      }} />
  );
}

export function Webhooks() {
  const { may, divisionName } = useDesk();
  const list = useAll<Webhook>(may("manage_webhooks") ? "/webhooks" : null);
  const [isOpen, setOpen] = useState(false);
  const [isPast, setPast] = useState(false);
  return (
    <>
      <Title text="推送订阅">{may("manage_webhooks") && <button className="button primary" onClick={() => setOpen(true)}>订阅</button>}</Title>
      <Needs right="manage_webhooks">
        <div className="filters"><label>显示{" "}<select value={isPast ? "past" : "now"} onChange={(event) => setPast(event.target.value === "past")}><option value="now">现在的订阅</option><option value="past">已结束的</option></select></label></div>
        <Ready of={list}>
          {(all) => {
            const shown = all.filter((hook) => (hook.status === "ended") === isPast);
            return shown.length === 0 ? <Nothing what={isPast ? "没有结束的订阅。" : "还没有订阅。"} hint={isPast ? undefined : "其他系统需要知道这里发生的事时，订阅一个接收地址。"} /> : (
              <Rows label="推送订阅" items={shown} keyOf={(hook) => hook.id} columns={[
                { name: "地址", width: "2fr", show: (hook) => <Link to={`/webhooks/${hook.id}`}>{hook.url}</Link> },
                { name: "推送什么", show: (hook) => hook.kinds.map(words.webhookKind).join("、") },
                { name: "区域", width: "8rem", show: (hook) => divisionName(hook.division) },
                { name: "状态", width: "9rem", show: standing },
                { name: "订阅时间", width: "10rem", show: (hook) => words.time(hook.created_at) },
              ]} />
            );
          }}
        </Ready>
      </Needs>
      {isOpen && <Subscribe close={() => setOpen(false)} after={list.reload} />}
    </>
  );
}
