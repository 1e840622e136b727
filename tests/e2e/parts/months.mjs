// What keeps a screen right for months: new builds, a fresh start at night, no burnt-in picture,
// and numbers that say when they are not certain.

import assert from "node:assert/strict";
import { fresh, open } from "../lib/browser.mjs";
import { check } from "../lib/checks.mjs";
import * as documents from "../lib/documents.mjs";

const isDocument = (answer) => answer.url().includes("/api/v1/screens/");

/** A page that polls the stage's documents. */
async function watching({ browser, stage }, doc, install) {
  stage.document = doc;
  stage.streams = "refuse";
  const page = await open(browser);
  if (install) await page.clock.install({ time: Date.parse(doc.as_of) });
  page.loads = 0;
  page.on("load", () => {
    page.loads += 1;
  });
  await page.goto(`${stage.url}/screen/${doc.division}#token=stage`);
  return page;
}

async function leave({ stage }, page) {
  stage.document = null;
  stage.streams = "pass";
  stage.build = null;
  await page.context().close();
}

/** The community as it is at an hour and minute of a day, by the server's clock. */
const at = (hour, minute) => ({
  ...documents.community(),
  as_of: new Date(Date.UTC(2026, 10, 23, hour - 8, minute, 5)).toISOString(),
});

export async function months(town) {
  const { stage } = town;
  await check("a server of another build gets the page loaded anew, once", async () => {
    stage.build = '"ffffffffffffffff"';
    const page = await watching(town, documents.community());
    while (page.loads < 2) await page.waitForEvent("load");
    await fresh(page);
    await page.waitForResponse(isDocument);
    await page.waitForResponse(isDocument);
    assert.equal(page.loads, 2);
    await leave(town, page);
  });

  await check("about four in the morning the page is loaded anew, once", async () => {
    const page = await watching(town, at(27, 30), true);
    await fresh(page);
    await page.clock.fastForward("01:01:00");
    await fresh(page);
    const before = page.loads;
    for (let minute = 45; minute < 75; minute += 1) {
      stage.document = at(27 + Math.floor(minute / 60), minute % 60);
      const clock = `0${3 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, "0")}`;
      const isTold = page
        .waitForFunction(
          (wanted) => document.getElementById("clock").textContent.startsWith(wanted),
          clock,
          { polling: 20 },
        )
        .catch(() => page.waitForLoadState());
      await page.clock.fastForward(5_000).catch(() => {});
      await isTold;
    }
    assert.equal(page.loads - before, 1);
    await leave(town, page);
  });

  await check("the picture moves by a pixel an hour, and by no more", async () => {
    const page = await watching(town, at(18, 30), true);
    const places = new Set();
    for (const hour of [18, 19, 20, 21]) {
      stage.document = at(hour, 30);
      await page.clock.fastForward(5_000);
      await page.waitForFunction(
        (wanted) => document.getElementById("clock").textContent.startsWith(wanted),
        `${hour}:30`,
        { polling: 20 },
      );
      const place = await page.evaluate(() => getComputedStyle(document.body).translate);
      assert.match(place, /^(none|[01]px( [01]px)?)$/);
      places.add(place);
    }
    assert.equal(places.size, 4);
    await leave(town, page);
  });

  await check("a digit that turns over moves none of its neighbours", async () => {
    const page = await watching(town, { ...documents.community(), inside: 1111 });
    await fresh(page);
    const places = () =>
      page
        .locator('[data-field="inside"] > span, #inside i')
        .evaluateAll((all) => all.map((e) => [e.getBoundingClientRect().x, e.offsetWidth]));
    const before = await places();
    assert.equal(before.length, 6);
    stage.document = { ...documents.community(), inside: 8048 };
    await page.waitForFunction(
      () => document.querySelector('[data-field="inside"]').textContent === "8,048",
      null,
      { polling: 20 },
    );
    assert.deepEqual(await places(), before);
    await leave(town, page);
  });

  await check("numbers are 约 while a terminal is silent or counters are rebuilt", async () => {
    const certain = documents.community();
    const silent = { id: certain.venues[0].id, venue: certain.venues[0].name, last_seen_at: null };
    for (const [change, isAbout] of [
      [{}, false],
      [{ rebuilding: true }, true],
      [{ silent_terminals: [silent], terminals: { online: 6, total: 7 } }, true],
    ]) {
      const page = await watching(town, { ...certain, ...change });
      await fresh(page);
      const marks = await page
        .locator("em")
        .evaluateAll((all) => all.map((em) => em.checkVisibility()));
      assert.ok(marks.length >= 10 && marks.every((isShown) => isShown === isAbout), String(marks));
      await leave(town, page);
    }
  });
}
