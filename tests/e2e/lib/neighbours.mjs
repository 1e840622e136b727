// Residents of the demo's town on their telephones, and a door that tells of them later than it saw
// them.

import { createHash, createHmac, randomUUID } from "node:crypto";

export class Neighbour {
  /** Adults of a community, those last in the list: the demo lets the first ones live. */
  static async of(server, community, count) {
    const found = [];
    const known = [...server.credentials.members].reverse();
    for (let n = 0; n < known.length && found.length < count; n += 40) {
      const asked = known.slice(n, n + 40).map(async (member) => {
        const neighbour = Object.assign(new Neighbour(), { server, ...member });
        neighbour.me = await neighbour.get("/me");
        return neighbour;
      });
      for (const neighbour of await Promise.all(asked)) {
        const { home_community: home, birth_year: born, status } = neighbour.me;
        if (home === community && born && born < 2000 && born > 1960 && status === "active")
          found.push(neighbour);
      }
    }
    if (found.length < count) throw new Error(`only ${found.length} adults live in ${community}`);
    return found.slice(0, count);
  }

  async ask(method, path, body) {
    const answer = await fetch(`${this.server.url}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body ? { "Content-Type": "application/json" } : {}),
        ...(method === "GET" ? {} : { "Idempotency-Key": randomUUID() }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  get(path) {
    return this.ask("GET", path);
  }

  post(path, body) {
    return this.ask("POST", path, body);
  }
}

const PATH = "/api/v1/terminal/events";

/** A door of a venue that sends what it saw so many minutes ago. */
export class Door {
  static async at(server, venue, serial) {
    const words = ["--venue", venue, "--direction", "both", "--serial", serial];
    const door = Object.assign(new Door(), { server, seq: 0, serial });
    door.terminal = JSON.parse(await server.command("terminals", "add", ...words));
    return door;
  }

  async saw(...sights) {
    const events = sights.map(([credential, direction, minutesAgo]) => {
      this.seq += 1;
      return {
        epoch: 1,
        seq: this.seq,
        device_time: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
        direction,
        method: "face",
        credential,
        score: 0.97,
        outcome: "opened",
      };
    });
    const body = JSON.stringify({ events });
    const { id, key_id: keyId, key } = this.terminal;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const digest = createHash("sha256").update(body).digest("hex");
    const lines = ["v1", "POST", PATH, digest, id, keyId, timestamp, ""].join("\n");
    const secret = Buffer.from(key, "base64url");
    const answer = await fetch(this.server.url + PATH, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Fitgate-Terminal": id,
        "Fitgate-Key": keyId,
        "Fitgate-Timestamp": timestamp,
        "Fitgate-Nonce": "",
        "Fitgate-Signature": `v1=${createHmac("sha256", secret).update(lines).digest("hex")}`,
      },
      body,
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(JSON.stringify(said).slice(0, 1000));
    return said.items.map(({ result }) => result);
  }
}

/** A day from today, as a calendar of the town writes it. */
export const day = (shift) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(
    Date.now() + shift * 86_400_000,
  );
