// A native terminal at a door, written from the protocol's description.

import { createHash, createHmac } from "node:crypto";

const PATH = "/api/v1/terminal/events";
/** Records of one request. */
const RECORDS_MAX = 250;

/** Posts one record of somebody whose face opened the door now. */
export const enters = (base, terminal, member, seq) =>
  post(base, terminal, [record(member.credential, seq)]);

/** Posts what a door saw that many people pass, a record each, in as many requests as it takes. */
export async function crowdEnters(base, terminal, faces) {
  const records = faces.map((face, n) => record(face, n + 1));
  for (let n = 0; n < records.length; n += RECORDS_MAX)
    await post(base, terminal, records.slice(n, n + RECORDS_MAX));
}

const record = (face, seq) => ({
  epoch: Math.floor(Date.now() / 1000),
  seq,
  device_time: new Date().toISOString(),
  direction: "in",
  method: "face",
  credential: face,
  score: 0.97,
  outcome: "opened",
});

async function post(base, terminal, records) {
  const body = JSON.stringify({ events: records });
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
  const taken = said.items?.filter((item) => item.result === "accepted").length ?? 0;
  if (taken !== records.length)
    throw new Error(`the door got ${JSON.stringify(said).slice(0, 2000)}`);
}
