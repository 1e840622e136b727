// A native terminal at a door, written from the protocol's description.

import { createHash, createHmac } from "node:crypto";

const PATH = "/api/v1/terminal/events";

/** Posts one record of somebody whose face opened the door now. */
export async function enters(base, terminal, member, seq) {
  const record = {
    epoch: Math.floor(Date.now() / 1000),
    seq,
    device_time: new Date().toISOString(),
    direction: "in",
    method: "face",
    credential: member.credential,
    score: 0.97,
    outcome: "opened",
  };
  const body = JSON.stringify({ events: [record] });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const digest = createHash("sha256").update(body).digest("hex");
  const lines = ["v1", "POST", PATH, digest, terminal.id, terminal.key_id, timestamp, ""].join(
    "\n",
  );
  const key = Buffer.from(terminal.key, "base64url");
  const answer = await fetch(base + PATH, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "Fitgate-Terminal": terminal.id,
      "Fitgate-Key": terminal.key_id,
      "Fitgate-Timestamp": timestamp,
      "Fitgate-Nonce": "",
      "Fitgate-Signature": `v1=${createHmac("sha256", key).update(lines).digest("hex")}`,
    },
    body,
  });
  const said = await answer.json();
  if (said.items?.[0]?.result !== "accepted")
    throw new Error(`the door got ${JSON.stringify(said)}`);
}
