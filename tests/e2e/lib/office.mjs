// Somebody of the staff at work: signs in with password and one-time code, and sends what a town's
// office sends. And the place of no real town that the stories use, founded through that desk.

import { createHmac, randomUUID } from "node:crypto";

export const DISTRICT = "330499";
export const COMMUNITY = "330499001001";
/** As long as a name may be, and what it must never become. */
export const EVIL = '<script>harmed=1</script><img src=x onerror="harmed=1">';

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The six digits that an authenticator app shows now, or at another instant (RFC 6238). */
export function code(secret, at = Date.now()) {
  const bits = [...secret].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0"));
  const bytes = bits
    .join("")
    .match(/.{8}/g)
    .map((byte) => parseInt(byte, 2));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac("sha1", Buffer.from(bytes)).update(step).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

export class Office {
  /** The admin at a desk, signed in once a server, as a code is good once. */
  static of(server) {
    server.office ??= Office.signedIn(server);
    return server.office;
  }

  static async signedIn(server) {
    const office = new Office();
    office.server = server;
    const { name, password, totp_secret } = server.credentials.staff.find(
      (account) => account.role === "admin",
    );
    const body = { name, password, code: code(totp_secret) };
    office.token = (await office.send("sessions", JSON.stringify(body))).token;
    return office;
  }

  async read(path) {
    const headers = { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.server.url}/api/v1/staff/${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  async send(path, body, type = "application/json") {
    const answer = await fetch(`${this.server.url}/api/v1/staff/${path}`, {
      method: "POST",
      headers: {
        "Content-Type": type,
        "Idempotency-Key": randomUUID(),
        ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
      },
      body,
    });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said}`);
    return said === "" ? null : JSON.parse(said);
  }
}

/**
 * A community with one venue whose name is markup, a door to it, and a screen each for the
 * community and its district. Founded once a server.
 */
export async function place(server) {
  server.place ??= found(server);
  return server.place;
}

async function found(server) {
  const office = await Office.of(server);
  for (const [digits, name] of [
    [DISTRICT, "示例区"],
    ["330499001", "示例街道"],
    [COMMUNITY, EVIL],
  ])
    await office.send("divisions", JSON.stringify({ code: digits, name }));
  const venue = await office.send(
    "venues",
    JSON.stringify({
      community: COMMUNITY,
      name: EVIL,
      kind: "gym",
      opened_on: "2026-01-01",
      position: { lat: 30.7, lng: 121.15, coordinates: "gcj02" },
    }),
  );
  const words = ["--venue", venue.id, "--direction", "both", "--serial", "E2E-1"];
  const terminal = JSON.parse(await server.command("terminals", "add", ...words));
  const screen = async (division) =>
    JSON.parse(await server.command("screens", "add", "--division", division));
  return {
    office,
    venue: venue.id,
    terminal,
    community: await screen(COMMUNITY),
    district: await screen(DISTRICT),
  };
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/**
 * The identity number of an invented person: a county that does not exist, a digit that checks, and
 * a year in which nobody of the demo's is born.
 */
export function identity(n) {
  const year = n % 2 === 0 ? 1931 + (n % 10) : 2002 + (n % 6);
  return identityOf(`${year}0${1 + (n % 9)}1${n % 10}`, n);
}

/** The same of somebody who was born on that day. */
export function identityOf(born, n) {
  const digits = `330499${born}${String(n % 1000).padStart(3, "0")}`;
  const sum = [...digits].reduce((all, digit, place) => all + digit * WEIGHTS[place], 0);
  return digits + "10X98765432"[sum % 11];
}

/** `count` people, all called 王伟, as a town takes its lists over; each has a face at the door. */
export function namesakes(count) {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const consent = (purpose) => ({ purpose, granted: true, at: yesterday });
  const person = (n) => ({
    document: { type: "resident_id", number: identity(n) },
    name: "王伟",
    home_community: COMMUNITY,
    registered_at: yesterday,
    consents: ["door_face", "minutes_statistics"].map(consent),
    credentials: [{ kind: "face", handle: `namesake-${n}` }],
  });
  return Array.from({ length: count }, (_, n) => JSON.stringify(person(n))).join("\n");
}
