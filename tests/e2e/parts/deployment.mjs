// What stands around the page: the kiosk that starts it, and the build that makes it.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { fresh } from "../lib/browser.mjs";
import { check, note, skip } from "../lib/checks.mjs";

const run = promisify(execFile);

/** Whether any process of this machine tells `secret` in its command line. */
async function isTold(secret) {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    processes.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.some((line) => line.includes(secret));
}

export async function kiosk({ server, folder, root }) {
  const script = join(root, "deploy/kiosk/fitgate-kiosk");
  await check("the kiosk opens the screen, and its token is in no command line", async () => {
    const { division, token } = server.screen(0);
    const home = join(folder, "kiosk");
    await mkdir(home);
    const flags = "--headless --no-sandbox --disable-gpu --disable-quic --remote-debugging-port=0";
    const child = spawn(script, [], {
      env: {
        PATH: process.env.PATH,
        HOME: home,
        STATE_DIRECTORY: join(home, "state"),
        RUNTIME_DIRECTORY: join(home, "run"),
        FITGATE_SCREEN_URL: `${server.url}/screen/${division}`,
        FITGATE_SCREEN_TOKEN: token,
        FITGATE_KIOSK_FLAGS: flags,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(child, "exit");
    try {
      const lines = createInterface({ input: child.stderr });
      const address = await new Promise((hears, fails) => {
        lines.on("line", (line) => {
          const told = line.match(/DevTools listening on (ws:\S+)/);
          if (told) hears(told[1]);
        });
        child.once("exit", (code) => fails(new Error(`the kiosk ended with ${code}`)));
      });
      const browser = await chromium.connectOverCDP(address);
      const [context] = browser.contexts();
      const page = context.pages()[0] ?? (await context.waitForEvent("page"));
      await page.waitForURL(/\/screen\//);
      await fresh(page);
      assert.equal(await isTold(token), false);
      await browser.close();
    } finally {
      child.kill();
      await ended;
    }
  });

  await check("the kiosk refuses what is no address and no token", async () => {
    const env = { PATH: process.env.PATH, HOME: folder };
    for (const [url, token] of [
      ["file:///etc/passwd", "t"],
      ['http://a/"><script>', "t"],
      ["http://a/", 't"&'],
      ["http://a/", ""],
    ]) {
      const started = run(script, [], {
        env: { ...env, FITGATE_SCREEN_URL: url, FITGATE_SCREEN_TOKEN: token },
      });
      await assert.rejects(
        started,
        (error) => error.code === 2 || error.code === 1,
        `${url} ${token}`,
      );
    }
  });

  const unit = join(root, "deploy/kiosk/fitgate-kiosk.service");
  const verify = await run("systemd-analyze", ["--version"]).then(
    () => true,
    () => false,
  );
  if (!verify) return skip("systemd accepts the kiosk's unit", "there is no systemd-analyze here");
  await check("systemd accepts the kiosk's unit", async () => {
    const said = await run("systemd-analyze", ["verify", unit]).then(
      (ok) => ok.stderr,
      (bad) => bad.stderr,
    );
    // The programs that it names need not be installed where it is tested.
    const complaints = said
      .split("\n")
      .filter(
        (line) =>
          line.includes("fitgate-kiosk.service:") && !/not executable|No such file/.test(line),
      );
    assert.deepEqual(complaints, []);
  });
}

const PAGES = { screen: "src/screen/page", console: "src/staff/page" };

export async function build({ root, folder }) {
  for (const [name, place] of Object.entries(PAGES)) {
    await check(`the committed page of the ${name} is what its sources build`, () =>
      isBuilt(join(root, place), join(folder, "page")),
    );
  }
}

async function isBuilt(page, copy) {
  const isSource = (path) => !/\/(node_modules|dist)(\/|$)/.test(path.slice(page.length));
  await cp(page, copy, { recursive: true, filter: isSource });
  const options = { cwd: copy, maxBuffer: 1 << 24 };
  await run("npm", ["ci", "--no-audit", "--no-fund"], options);
  await run("npm", ["run", "build"], options);
  const [ours, built] = await Promise.all(
    [page, copy].map((place) => readdir(join(place, "dist"))),
  );
  assert.deepEqual(built.sort(), ours.sort());
  for (const file of ours) {
    const [committed, made] = await Promise.all(
      [page, copy].map((place) => readFile(join(place, "dist", file))),
    );
    assert.ok(
      committed.equals(made),
      `dist/${file} is not what the sources build: npm ci && npm run build`,
    );
  }
  note("files", ours.join(" "));
  await rm(copy, { recursive: true });
}
