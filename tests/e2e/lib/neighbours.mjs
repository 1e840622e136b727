// Residents of the demo's town on their telephones, and a door that tells of them later than it saw
// them.

import { createHash, createHmac, randomUUID } from "node:crypto";

/** Stories look back less far: a newer stay would be taken for the one that a story made. */
const AT_HOME_MS = 6 * 3_600_000;

export class Neighbour {
  /**
   * Adults of a community who have not been out lately, those last in the list: the demo lets the
   * first ones live.
   */
  static async of(server, community, count) {
    const found = [];
    const known = [...server.credentials.members].reverse();
    for (let n = 0; n < known.length && found.length < count; n += 40) {
      const asked = known.slice(n, n + 40).map(async (member) => {
        const neighbour = Object.assign(new Neighbour(), { server, ...member });
        neighbour.me = await neighbour.get("/me");
        const [stay] = (await neighbour.get("/me/sessions?limit=1")).items;
        neighbour.isAtHome = !stay || Date.parse(stay.entered_at) < Date.now() - AT_HOME_MS;
        return neighbour;
      });
      for (const neighbour of await Promise.all(asked)) {
        const { home_community: home, birth_year: born, status } = neighbour.me;
        const isGrown = born && born < 2000 && born > 1970;
        if (home === community && isGrown && status === "active" && neighbour.isAtHome)
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

/** The doors of a venue: they ask, or send later what they saw. */
export class Doors {
  /** Those that the demo hung: a terminal vouches for no time before it was there. */
  static at(server, venue) {
    const doors = Object.assign(new Doors(), { server, seq: 0 });
    doors.epoch = Math.floor(Date.now() / 1000);
    const own = server.credentials.terminals.filter((one) => one.venue_id === venue);
    for (const direction of ["in", "out"])
      doors[direction] = own.find((one) => [direction, "both"].includes(one.direction));
    if (!doors.in || !doors.out) throw new Error(`no doors at ${venue}`);
    return doors;
  }

  /** `when` is an instant, or so many minutes ago. */
  record(credential, direction, when = 0) {
    this.seq += 1;
    return {
      epoch: this.epoch,
      seq: this.seq,
      device_time: (when instanceof Date
        ? when
        : new Date(Date.now() - when * 60_000)
      ).toISOString(),
      direction,
      method: "face",
      credential,
      score: 0.97,
      outcome: "opened",
    };
  }

  /** What the door is told about somebody who stands before it. */
  asks(credential) {
    return this.post(this.in, "/api/v1/terminal/decisions", this.record(credential, "in"));
  }

  /** Gives what became of each of the sights. */
  async saw(...sights) {
    const results = [];
    for (const sight of sights) {
      const events = [this.record(...sight)];
      const { items } = await this.post(this[sight[1]], "/api/v1/terminal/events", { events });
      results.push(items[0].reason ?? items[0].result);
    }
    return results;
  }

  async post(terminal, path, what) {
    const body = JSON.stringify(what);
    const { id, key_id: keyId, key } = terminal;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const nonce = randomUUID().replaceAll("-", "");
    const digest = createHash("sha256").update(body).digest("hex");
    const lines = ["v1", "POST", path, digest, id, keyId, timestamp, nonce].join("\n");
    const mac = createHmac("sha256", Buffer.from(key, "base64url")).update(lines).digest("hex");
    const answer = await fetch(this.server.url + path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Fitgate-Terminal": id,
        "Fitgate-Key": keyId,
        "Fitgate-Timestamp": timestamp,
        "Fitgate-Nonce": nonce,
        "Fitgate-Signature": `v1=${mac}`,
      },
      body,
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(said).slice(0, 1000)}`);
    return said;
  }
}

/** A day from today, as a calendar of the town writes it. */
export const day = (shift) =>
  new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(
    Date.now() + shift * 86_400_000,
  );
