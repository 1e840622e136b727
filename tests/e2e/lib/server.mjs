// The real binary: a small town loaded once, then served, killed and served again on one port.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Only what a program needs; nothing of a developer's own fitgate. */
const environment = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("FITGATE_")));

export async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

export class Server {
  /** A town with a month of history in `folder`. */
  static async founded(binary, folder) {
    const server = new Server();
    server.binary = binary;
    server.database = `sqlite://${join(folder, "town.db")}?mode=rwc`;
    const file = join(folder, "credentials.json");
    // What stands beside the doors is filled in by the stories themselves.
    const words = ["--months", "1", "--doors-only", "--load-only", "--credentials", file];
    await server.command("demo", ...words);
    server.credentials = JSON.parse(await readFile(file, "utf8"));
    server.port = await freePort();
    server.opsPort = await freePort();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Runs a command of the binary on the town's database; gives what it printed. */
  async command(...words) {
    const options = { env: { ...environment(), FITGATE_DATABASE_URL: this.database } };
    const { stdout } = await run(this.binary, words, { ...options, maxBuffer: 1 << 24 });
    return stdout;
  }

  async start() {
    // Where webhooks go is a server of the stories' own, on this machine.
    const words = ["serve", "--database-url", this.database, "--webhooks-anywhere"];
    const places = [
      "--listen",
      `127.0.0.1:${this.port}`,
      "--ops-listen",
      `127.0.0.1:${this.opsPort}`,
    ];
    this.process = spawn(this.binary, [...words, ...places], {
      env: environment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.log = [];
    const lines = createInterface({ input: this.process.stderr });
    const listening = new Promise((hears, fails) => {
      lines.on("line", (line) => {
        this.log.push(line);
        if (line.includes("fitgate is listening")) hears();
      });
      this.process.once("exit", (code) =>
        fails(new Error(`fitgate ended with ${code}: ${this.log.join("\n")}`)),
      );
    });
    await listening;
  }

  get isRunning() {
    return (
      Boolean(this.process) && this.process.exitCode === null && this.process.signalCode === null
    );
  }

  /** As a power cut would. */
  async kill() {
    if (!this.isRunning) return;
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }

  /** The page of the `n`th screen of the town, here or behind another address. */
  screen(n, base = this.url) {
    const { division, token } = this.credentials.screens[n];
    return { division, token, url: `${base}/screen/${division}#token=${token}` };
  }

  async document({ division, token }) {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`${this.url}/api/v1/screens/${division}`, { headers });
    if (!answer.ok) throw new Error(`the document's status is ${answer.status}`);
    return answer.json();
  }
}
