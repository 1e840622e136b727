// A town's own data, through its own doors: a thousand people of one name and a venue whose name is
// markup, and the map that a bureau supplies.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fresh, open, shown } from "../lib/browser.mjs";
import { check, note } from "../lib/checks.mjs";
import { crowdEnters } from "../lib/door.mjs";
import { expected } from "../lib/figures.mjs";
import { inspect } from "../lib/inspect.mjs";
import { DISTRICT, EVIL, namesakes, place } from "../lib/office.mjs";
import { SIZES } from "./looks.mjs";

const PEOPLE = 1000;

const address = (server, { division, token }) => `${server.url}/screen/${division}#token=${token}`;

/** What the page shows of the document that the server gives now, and whether all of it is true. */
async function faults(page, doc) {
  const { wrong, fields } = await page.evaluate(inspect);
  for (const [path, text] of fields) {
    const wanted = expected(doc, path);
    if (wanted !== null && text !== wanted) wrong.push(`${path} shows "${text}", not "${wanted}"`);
  }
  return wrong;
}

/** Charts follow their places a frame later. */
const chartsFit = () =>
  [...document.querySelectorAll("[role=img]")].every(
    (e) => e.firstChild.clientWidth === e.clientWidth,
  );

const becomes = (page, field, text) =>
  page.waitForFunction(
    ([name, wanted]) => document.querySelector(`[data-field="${name}"]`).textContent === wanted,
    [field, text],
    { polling: 50 },
  );

export async function crowd({ browser, server }) {
  await check("a thousand registered people of one name, all inside, do no harm", async () => {
    const { office, terminal, community } = await place(server);
    const page = await open(browser, { reducedMotion: "reduce" });
    await page.goto(address(server, community));
    await fresh(page);
    assert.equal(await shown(page, "registered"), "0");
    const report = await office.send("members/import", namesakes(PEOPLE), "application/x-ndjson");
    assert.equal(report.members, PEOPLE);
    const faces = Array.from({ length: PEOPLE }, (_, n) => `namesake-${n}`);
    const began = performance.now();
    await crowdEnters(server.url, terminal, faces);
    await becomes(page, "inside", "1,000");
    note("a thousand entries, sent and shown", `${Math.round(performance.now() - began)} ms`);
    await becomes(page, "registered", "1,000");
    await becomes(page, "today.people", "1,000");
    await page.locator("#latest li:visible").nth(11).waitFor();
    const names = await page.locator("#latest .who").allTextContents();
    assert.deepEqual(names, Array(12).fill("王*"));
    const doc = await server.document(community);
    assert.equal(doc.inside, PEOPLE);
    assert.ok(!JSON.stringify(doc).includes("王伟"));
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await page.waitForFunction(chartsFit, null, { polling: 50 });
      assert.deepEqual(await faults(page, doc), [], `${width} × ${height}`);
    }
    await page.context().close();
  });

  await check("markup that a town's office typed as names is shown as text", async () => {
    const { community } = await place(server);
    const page = await open(browser);
    await page.goto(address(server, community));
    await fresh(page);
    assert.equal(await page.evaluate(() => window.harmed), undefined);
    assert.equal(await page.locator("main script, main img, h1 img").count(), 0);
    for (const field of ["name", "venues.0.name"])
      assert.ok(EVIL.startsWith((await shown(page, field)).replace("…", "")), field);
    await page.context().close();
  });
}

/** Two towns side by side, of no real place; the venue stands in the eastern one. */
function towns() {
  const town = (name, west, east) => ({
    type: "Feature",
    properties: { name },
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [west, 30.6],
          [east, 30.6],
          [east, 30.8],
          [west, 30.8],
          [west, 30.6],
        ],
      ],
    },
  });
  return {
    type: "FeatureCollection",
    features: [town("西镇", 121, 121.1), town("东镇", 121.1, 121.3)],
  };
}

export async function map({ browser, server, folder }) {
  const file = join(folder, "map.geojson");
  const supply = async (content) => {
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    const words = ["--division", DISTRICT, "--file", file, "--coordinates", "gcj02"];
    return server.command("screens", "map", ...words, "--approval-number", "示例 0001");
  };

  await check("a file that is no map of the place is refused, in words that help", async () => {
    await place(server);
    const point = towns();
    point.features[1].geometry = { type: "Point", coordinates: [121, 30.7] };
    const swapped = JSON.parse(JSON.stringify(towns()), (_, value) =>
      Array.isArray(value) && typeof value[0] === "number" ? value.toReversed() : value,
    );
    const elsewhere = JSON.parse(JSON.stringify(towns()).replaceAll("30.", "40."));
    for (const [content, words] of [
      ["\0\0Shapefile", /第 1 行.*不是有效的 JSON/],
      [{ type: "Topology" }, /FeatureCollection.*TopoJSON/],
      [point, /features\[1\]: 只接受 Polygon/],
      [swapped, /features\[0\]: 经度和纬度颠倒了/],
      [elsewhere, /没有一个落在图上.*None of the division's venues/],
    ])
      await assert.rejects(
        supply(content),
        (error) => error.code === 2 && words.test(error.stderr),
      );
  });

  await check(
    "a bureau's map is drawn on its screen, also after a reboot, until it is taken away",
    async () => {
      const { district, venue, terminal } = await place(server);
      const page = await open(browser);
      await page.goto(address(server, district));
      await fresh(page);
      assert.equal(await page.locator("#map").isVisible(), false);
      const taken = JSON.parse(await supply(towns()));
      assert.deepEqual([taken.shapes, taken.venues_on_it], [2, 1]);
      await page.locator("#map path").first().waitFor();
      assert.equal(await page.locator("#map path").count(), 2);
      assert.equal(await page.locator("#map circle").count(), 1);
      assert.deepEqual(await page.locator("#map text").allTextContents(), ["东镇", "西镇"]);
      assert.equal(await page.locator("#map-number").textContent(), "审图号：示例 0001");
      const doc = await server.document(district);
      assert.deepEqual(await faults(page, doc), []);
      await crowdEnters(server.url, terminal, [server.credentials.members[50].credential]);
      await page.locator('#map circle:not([data-level="empty"])').waitFor();
      assert.equal(doc.venues[0].id, venue);
      await page.evaluate(() => window.dispatchEvent(new Event("pagehide")));
      await page.route("**/api/**", (route) => route.abort());
      await page.reload();
      await page.locator("#map path").first().waitFor();
      await page.unroute("**/api/**");
      await fresh(page);
      await server.command("screens", "unmap", "--division", DISTRICT);
      await page.locator("#map").waitFor({ state: "hidden" });
      assert.ok(await page.locator("#venues li").first().isVisible());
      assert.equal(
        await page.evaluate(() => Object.keys(localStorage).some((key) => key.endsWith(".map"))),
        false,
      );
      await page.context().close();
    },
  );
}
