// How it looks: hostile names, every size with few and many, committed pictures, months of updates.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fresh, open } from "../lib/browser.mjs";
import { check, note } from "../lib/checks.mjs";
import * as documents from "../lib/documents.mjs";
import { chartNumbers, expected } from "../lib/figures.mjs";
import { inspect } from "../lib/inspect.mjs";
import { compare } from "../lib/pictures.mjs";
import { Stage } from "../lib/stage.mjs";

export const SIZES = [
  [1920, 1080],
  [1366, 768],
  [3840, 2160],
  [2560, 1080],
  [1080, 1920],
];
const CROWDS = {
  "no members": documents.nobody,
  "four venues and all figures": documents.community,
  "five venues": documents.district,
  "three hundred venues": documents.city,
  "a map of the bureau's own": documents.mapped,
  "names of twenty characters": documents.longNames,
  "names of one character": documents.oneOfEach,
};

/** A page that shows `doc` with its clock standing still and every motion done. */
async function posed({ browser, stage }, doc, width, height) {
  stage.document = doc;
  stage.sheet = doc.map ? documents.sheet(doc) : null;
  stage.streams = "refuse";
  const page = await open(browser, { viewport: { width, height }, reducedMotion: "reduce" });
  // Not before: half a second may bring a poll, and the real server refuses the stage's token.
  page.context().on("close", () => {
    stage.document = stage.sheet = null;
    stage.streams = "pass";
  });
  await page.clock.install({ time: documents.NOW });
  await page.clock.pauseAt(documents.NOW + 1000);
  await page.goto(`${stage.url}/screen/${doc.division}#token=stage`);
  await fresh(page);
  if (doc.map) await page.locator("#map path").first().waitFor({ state: "visible" });
  await page.evaluate(() => document.fonts.ready);
  await page.clock.runFor(500);
  return page;
}

export async function names(town) {
  await check(
    "a document full of markup and of more than there is room for does no harm",
    async () => {
      const doc = documents.community();
      const evil = '<script>window.harmed=1</script><img src=x onerror="window.harmed=1">';
      doc.name = evil;
      for (const list of [doc.venues, doc.ranking]) for (const item of list) item.name = evil;
      const entry = { ...doc.latest[0], name: evil, venue: evil };
      doc.latest = Array.from({ length: 1000 }, () => ({ ...entry }));
      const page = await posed(town, doc, 1920, 1080);
      assert.equal(await page.evaluate(() => window.harmed), undefined);
      assert.equal(await page.locator("#latest li").count(), 12);
      assert.ok((await page.locator("#name").textContent()).startsWith("<script>"));
      const { wrong } = await page.evaluate(inspect);
      assert.deepEqual(wrong, []);
      await page.context().close();
    },
  );
}

export async function sizes(town) {
  for (const [crowd, make] of Object.entries(CROWDS)) {
    for (const [width, height] of SIZES) {
      await check(
        `${crowd} at ${width} × ${height}: nothing cut, faint or overlapping; every number true`,
        async () => {
          const doc = make();
          const page = await posed(town, doc, width, height);
          const { wrong, fields, charts } = await page.evaluate(inspect);
          for (const [path, text] of fields) {
            const wanted = expected(doc, path);
            if (wanted !== null && text !== wanted)
              wrong.push(`${path} shows "${text}", not "${wanted}"`);
          }
          for (const [id, numbers] of Object.entries(chartNumbers(doc))) {
            for (const number of numbers)
              if (!charts[id]?.includes(number)) wrong.push(`${id} lacks ${number}`);
          }
          assert.ok(fields.length > 20, `only ${fields.length} numbers`);
          assert.deepEqual(wrong, []);
          await page.context().close();
        },
      );
    }
  }
}

export async function pictures(town) {
  const out = join(town.here, "out");
  mkdirSync(out, { recursive: true });
  const poses = SIZES.map(([width, height]) => ["community", documents.community, width, height]);
  poses.push(
    ["district", documents.district, 1920, 1080],
    ["city", documents.city, 1920, 1080],
    ["map", documents.mapped, 1920, 1080],
  );
  for (const [name, make, width, height] of poses) {
    await check(`the ${name} at ${width} × ${height} looks as committed`, async () => {
      const page = await posed(town, make(), width, height);
      const bytes = await page.screenshot({ animations: "disabled" });
      const file = `${name}-${width}x${height}`;
      const part = compare(bytes, join(town.here, "screens", `${file}.png`), join(out, file));
      note("pixels that differ", `${(100 * part).toFixed(3)} %`);
      await page.context().close();
    });
  }
}

const UPDATES = 20_000;
const WARM_UP = 3_000;
/** On a machine that does other things besides. */
const SOAK_MAX_MS = 600_000;
const HEAP_PART_MAX = 0.1;

/** Heap in use, listeners, nodes: the least that some collections of garbage leave. */
async function usage(session) {
  const least = { heap: Infinity, listeners: Infinity, nodes: Infinity };
  for (let n = 0; n < 5; n += 1) {
    await session.send("HeapProfiler.collectGarbage");
    const { metrics } = await session.send("Performance.getMetrics");
    const value = (name) => metrics.find((metric) => metric.name === name).value;
    least.heap = Math.min(least.heap, value("JSHeapUsedSize"));
    least.listeners = Math.min(least.listeners, value("JSEventListeners"));
    least.nodes = Math.min(least.nodes, value("Nodes"));
  }
  return least;
}

/**
 * Begins the updates, and gives what comes true when they are done: so much of the time is the
 * page's own that other checks may go on beside it.
 */
export async function soak({ browser, server }) {
  const stage = await Stage.before(server);
  const base = documents.community();
  stage.document = base;
  const page = await open(browser);
  await page.goto(`${stage.url}/screen/${base.division}#token=stage`);
  await fresh(page);
  const name = `${UPDATES} updates at speed leave the heap flat and the listeners constant`;
  const done = check(name, () => updates(page, stage, base), SOAK_MAX_MS);
  return { done: done.finally(() => stage.close()) };
}

async function updates(page, stage, base) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const reach = async (from, to) => {
    await stage.flood(to - from, (n) => changed(base, from + n + 1));
    await page.waitForFunction(
      (text) => document.querySelector('[data-field="registered"]').textContent === text,
      to.toLocaleString("en-US"),
      { polling: 100, timeout: SOAK_MAX_MS },
    );
  };
  await reach(0, WARM_UP);
  const before = await usage(session);
  const began = performance.now();
  // The figure at half way tells a slope from a step.
  await reach(WARM_UP, WARM_UP + UPDATES / 2);
  const half = await usage(session);
  await reach(WARM_UP + UPDATES / 2, WARM_UP + UPDATES);
  const took = performance.now() - began;
  const after = await usage(session);
  note("heap", `${before.heap} → ${half.heap} → ${after.heap} bytes in ${Math.round(took)} ms`);
  note(
    "listeners",
    `${before.listeners} → ${after.listeners}; nodes ${before.nodes} → ${after.nodes}`,
  );
  assert.ok(Math.abs(after.heap / before.heap - 1) <= HEAP_PART_MAX);
  assert.equal(after.listeners, before.listeners);
  assert.ok(after.nodes <= before.nodes * 1.05);
  await page.context().close();
}

/** The `n`th document: everything that can move has moved. */
function changed(base, n) {
  const wave = (most) => Math.round(most * (1 + Math.sin(n / 7)) * 0.5);
  return {
    ...base,
    as_of: new Date(documents.NOW + n * 10).toISOString(),
    registered: n,
    inside: wave(1200),
    today: { ...base.today, visits: 100 + n, people: wave(900) },
    venues: base.venues.map((venue, place) => ({ ...venue, inside: wave(40 + place) })),
    hours: base.hours.map((hour, place) => ({ ...hour, visits: wave(20 + place) })),
    days: base.days.map((day, place) => ({
      ...day,
      minutes: wave(3000 + place * 10),
      visits: wave(60),
    })),
    ranking: base.ranking.map((place) => ({ ...place, minutes: place.minutes + n })),
    latest: base.latest.map((entry, place) => ({
      ...entry,
      at: new Date(documents.NOW + (n - place) * 60_000).toISOString(),
    })),
    ages: base.ages.map((band, place) => ({ ...band, people: wave(300 + place) + 10 })),
  };
}
