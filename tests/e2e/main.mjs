// The stories of the big screen and of the staff console, told in Chromium against the real binary.
//   node main.mjs [PART…]   parts: live outage reboot tokens names crowd map sizes pictures soak months kiosk console life build
// UPDATE_SCREENS=1 makes the seen pictures the committed ones, RECORD_TIMES=1 the times of `live`. FITGATE_BINARY names the binary.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { complaints, launch } from "./lib/browser.mjs";
import { check, close, isWanted } from "./lib/checks.mjs";
import { Server } from "./lib/server.mjs";
import { Stage } from "./lib/stage.mjs";
import * as truth from "./parts/truth.mjs";
import * as looks from "./parts/looks.mjs";
import { crowd, map } from "./parts/places.mjs";
import { months } from "./parts/months.mjs";
import { console_ } from "./parts/console.mjs";
import { life } from "./parts/console-life.mjs";
import * as deployment from "./parts/deployment.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const folder = await mkdtemp(join(tmpdir(), "fitgate-e2e-"));
const binary = process.env.FITGATE_BINARY ?? join(root, "target/debug/fitgate");
const parts = [
  ["outage", truth.outage],
  ["reboot", truth.reboot],
  ["tokens", truth.tokens],
  ["names", looks.names],
  ["crowd", crowd],
  ["map", map],
  ["sizes", looks.sizes],
  ["pictures", looks.pictures],
  ["months", months],
  ["kiosk", deployment.kiosk],
  ["console", console_],
  ["life", life],
  ["build", deployment.build],
];

let browser;
let server;
let stage;
try {
  server = await Server.founded(binary, folder);
  await server.start();
  stage = await Stage.before(server);
  browser = await launch();
  const town = { browser, server, stage, folder, root, here, binary };
  // Speed is measured alone; the long soak then runs beside the rest.
  if (isWanted("live")) await truth.live(town);
  const soak = isWanted("soak") ? await looks.soak(town) : null;
  for (const [name, part] of parts.filter(([name]) => isWanted(name))) {
    // A part that failed while the server was away must not take the others with it.
    if (!server.isRunning) await server.start();
    await part(town);
  }
  await soak?.done;
  await check("no page asked another origin, broke the policy or failed", () => {
    const found = Object.entries(complaints).filter(([, list]) => list.length > 0);
    if (found.length > 0) throw new Error(JSON.stringify(found, null, 1));
  });
} finally {
  await browser?.close();
  stage?.close();
  await server?.kill();
  await rm(folder, { recursive: true, force: true });
}
close();
