// What every page of the console must stand: eyes, keys, ears, an API that fails, very long lists,
// and whoever would like to have the session.

import { note } from "../lib/checks.mjs";
import {
  assert,
  faults,
  gone,
  goes,
  lastRow,
  picture,
  says,
  settled,
  story,
} from "../lib/desk.mjs";

const PLACES = [
  "/",
  "/work",
  "/members",
  "/members/new",
  "/venues",
  "/terminals",
  "/roll-call",
  "/reports",
  "/screens",
  "/staff",
  "/audit",
  "/own",
  "/tickets",
  "/bookings",
  "/coaches",
  "/groups",
  "/activities",
  "/fitness",
  "/holidays",
  "/trials",
];

export async function session(boss) {
  const { town } = boss;
  await story(
    boss,
    "no script reads the session, and no command goes without its word",
    async () => {
      const page = await boss.at("/");
      const cookie = (await page.context().cookies(`${town.server.url}/api/v1/staff`)).find(
        ({ name }) => name === "fitgate_staff",
      );
      assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Strict"]);
      const seen = await page.evaluate(async () => {
        const ask = (method, path, headers = {}) =>
          fetch(`/api/v1/staff${path}`, {
            method,
            headers: { "Content-Type": "application/json", ...headers },
            body: method === "GET" ? undefined : "{}",
          });
        const stored = JSON.stringify([
          document.cookie,
          { ...localStorage },
          { ...sessionStorage },
        ]);
        const current = await (await ask("GET", "/sessions/current")).text();
        const bare = await ask("DELETE", "/sessions/current");
        const wrong = await ask("POST", "/members/search", { "Fitgate-Csrf": "0".repeat(64) });
        return {
          stored,
          current,
          bare: [bare.status, (await bare.json()).code],
          wrong: wrong.status,
        };
      });
      for (const text of [seen.stored, seen.current]) assert.ok(!text.includes(cookie.value));
      assert.deepEqual(seen.bare, [403, "csrf_required"]);
      assert.equal(seen.wrong, 403);
      const answer = await page.request.get(`${town.server.url}/staff`);
      const policy = answer.headers()["content-security-policy"];
      assert.ok(policy.includes("default-src 'self'") && !policy.includes("unsafe"), policy);
      await page.context().close();
    },
  );
}

export async function looks(boss) {
  const { size, town } = boss;
  await story(boss, "nothing serious for ears and nothing cut on any page", async () => {
    const found = [];
    const page = await boss.at("/");
    const door = await boss.window();
    await door.goto(`${town.server.url}/staff`);
    await door.getByLabel("用户名").waitFor();
    found.push(...(await faults(door, "sign-in")));
    await door.context().close();
    for (const place of PLACES) {
      await goes(page, place);
      found.push(...(await faults(page, place)));
      await picture(page, `all${place.replaceAll("/", "-")}-${size}`);
    }
    for (const [list, inner] of [
      ["/members", "居民资料"],
      ["/venues", null],
      ["/terminals", null],
    ]) {
      await goes(page, list);
      await page.locator(`[role="cell"] a[href*="#${list}/"]`).first().click();
      if (inner) await page.getByRole("heading", { name: inner }).waitFor();
      await settled(page);
      found.push(...(await faults(page, `${list}/{id}`)));
      await picture(page, `one${list.replaceAll("/", "-")}-${size}`);
    }
    await goes(page, "/screens");
    await page.getByRole("button", { name: "新增大屏" }).click();
    await page.getByRole("dialog").waitFor();
    found.push(...(await faults(page, "dialog")));
    await picture(page, `dialog-${size}`);
    await page.context().close();
    assert.deepEqual(found, []);
  });
}

/** The name of what has the focus. */
const focused = (page) =>
  page.evaluate(
    () =>
      document.activeElement?.textContent?.trim() ||
      document.activeElement?.getAttribute("name") ||
      "",
  );

/** Tabs on until `name` has the focus. */
export async function reach(page, name) {
  for (let n = 0; n < 60; n += 1) {
    if ((await focused(page)) === name) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no way to "${name}" by keys; the focus is on "${await focused(page)}"`);
}

/** That the title of the page has the focus, wherever it was before. */
const isTitled = (page, title) =>
  page.waitForFunction(
    (text) =>
      document.activeElement?.tagName === "H1" && document.activeElement.textContent === text,
    title,
  );

export async function keyboard(desk) {
  await story(
    desk,
    "all is done by keys alone, and the focus returns to where it was",
    async () => {
      const page = await desk.at("/");
      await page.keyboard.press("Tab");
      assert.equal(await focused(page), "跳到正文");
      if (desk.size === "phone") {
        await reach(page, "☰");
        await page.keyboard.press("Enter");
        await page.locator(".drawer").waitFor();
      }
      await reach(page, "居民");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "居民" }).waitFor();
      await gone(page.locator(".drawer"));
      await settled(page);
      await isTitled(page, "居民");
      const first = page.locator('[role="cell"] a').first();
      await first.waitFor();
      await reach(page, await first.textContent());
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "居民资料" }).waitFor();
      await settled(page);
      await reach(page, "查看完整信息");
      await page.keyboard.press("Enter");
      await page.locator(".dialog").waitFor();
      // It takes the focus with the next frame; nobody is as fast as a test.
      await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
      for (let n = 0; n < 12; n += 1) {
        await page.keyboard.press("Tab");
        // From the last field to the first it goes by way of a guard, within a frame or two.
        await page.waitForFunction(
          () =>
            document.activeElement?.closest('[role="dialog"] :is(input, select, textarea, button)'),
          null,
          { timeout: 2000 },
        );
      }
      await page.keyboard.press("Escape");
      await page.locator(".dialog").waitFor({ state: "detached" });
      assert.equal(await focused(page), "查看完整信息");
      await reach(page, "停留与时长");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.getByRole("tab", { name: "同意与准入", selected: true }).waitFor();
      await page.context().close();
    },
  );
}

export async function failures(boss) {
  await story(
    boss,
    "where the API fails half-way, nothing typed is lost and nothing is done twice",
    async () => {
      const page = await boss.at("/screens");
      const keys = [];
      const refuse = {
        status: 503,
        contentType: "application/problem+json",
        body: JSON.stringify({
          code: "database_unavailable",
          status: 503,
          detail: "系统正忙，请稍后再试。",
          trace_id: "t",
        }),
      };
      // The first page of a list comes, the second does not; then it does.
      let pages = 0;
      const rows = (from) =>
        Array.from({ length: 200 }, (_, n) => ({
          id: `id-${from + n}`,
          name: "王*",
          birth_year: 1990,
          home_community: boss.division,
          registered_at: "2026-11-01T00:00:00Z",
          status: "active",
          verification: "desk",
        }));
      await page.route("**/members/search", (route) => {
        pages += 1;
        if (pages === 2) return route.fulfill(refuse);
        return route.fulfill({
          json: { items: rows(pages * 1000), next_cursor: pages < 3 ? "more" : null },
        });
      });
      await goes(page, "/members");
      await page.getByRole("button", { name: "载入全部" }).click();
      await says(page, "后面的没能载入：系统正忙");
      await picture(page, `half-way-${boss.size}`);
      await page.getByRole("button", { name: "重试" }).click();
      await says(page, "共 400 行");
      await page.unroute("**/members/search");

      await goes(page, boss.member);
      let tries = 0;
      await page.route("**/credentials", (route) => {
        keys.push(route.request().headers()["idempotency-key"]);
        tries += 1;
        return tries < 3 ? (tries === 1 ? route.abort() : route.fulfill(refuse)) : route.continue();
      });
      await page.getByRole("button", { name: "发卡", exact: true }).click();
      const form = page.locator(".dialog");
      const card = `CARD-${Date.now()}`;
      await form.getByLabel("卡号").fill(card);
      await form.getByRole("button", { name: "发卡" }).click();
      await says(page, "连接不上服务器");
      assert.equal(await form.getByLabel("卡号").inputValue(), card);
      await form.getByRole("button", { name: "发卡" }).click();
      await says(page, "系统正忙，请稍后再试。 您填写的内容还在");
      await picture(page, `retry-${boss.size}`);
      await form.getByRole("button", { name: "发卡" }).click();
      await form.waitFor({ state: "detached" });
      await says(page, "已发卡");
      assert.equal(new Set(keys).size, 1, "every attempt is the same command");
      // What was shown stays, and is called old.
      await goes(page, "/");
      await page.route("**/overview", (route) => route.fulfill(refuse));
      await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
      await page.getByText("暂时无法更新").waitFor({ timeout: 25_000 });
      assert.ok(await page.getByText("此刻在场").isVisible());
      // A session that ended leads to the door, and back to the same page.
      await page.route("**/venues/*/rules", (route) =>
        route.fulfill({
          status: 401,
          contentType: "application/problem+json",
          body: JSON.stringify({ code: "session_ended", detail: "登录已失效，请重新登录。" }),
        }),
      );
      await goes(page, "/venues");
      await page.locator('[role="cell"] a[href*="#/venues/"]').first().click();
      await says(page, "登录已失效，请重新登录。登录后会回到刚才的页面。");
      await page.context().close();
    },
  );
}

const ROWS = 100_000;
const PAGE = 200;
const NODES_MAX = 200;

export async function long(boss) {
  await story(
    boss,
    "a hundred thousand rows keep at most two hundred in the document, and stay quick",
    async () => {
      const page = await boss.at("/own");
      // Answers come from within the page: what is measured is the list, not the wire.
      await page.evaluate(
        ({ rows, step, division }) => {
          const real = window.fetch;
          window.fetch = async (url, options) => {
            if (!String(url).endsWith("/members/search")) return real(url, options);
            const from = Number(JSON.parse(options.body).cursor ?? 0);
            const items = Array.from({ length: step }, (_, n) => ({
              id: `id-${from + n}`,
              name: `第${from + n}*`,
              birth_year: 1990,
              home_community: division,
              registered_at: "2026-11-01T00:00:00Z",
              status: "active",
              verification: "desk",
            }));
            const next = from + step < rows ? String(from + step) : null;
            return new Response(JSON.stringify({ items, next_cursor: next }), {
              headers: { "Content-Type": "application/json" },
            });
          };
        },
        { rows: ROWS, step: PAGE, division: boss.division },
      );
      await goes(page, "/members");
      await page.getByRole("button", { name: "载入全部" }).click();
      await page.getByText(`共 ${ROWS.toLocaleString("zh-CN")} 行`).waitFor({ timeout: 60_000 });
      const list = page.getByRole("region", { name: "居民列表" });
      const took = await list.evaluate(async (place) => {
        const frame = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
        const began = performance.now();
        const most = { rows: 0 };
        for (const part of [0, 0.25, 0.5, 0.75, 1]) {
          place.scrollTop = place.scrollHeight * part;
          await frame();
          await frame();
          most.rows = Math.max(most.rows, place.querySelectorAll('[role="row"]').length);
        }
        return { ms: (performance.now() - began) / 5, ...most };
      });
      await (await lastRow(list)).getByText(`第${ROWS - 1}*`).waitFor();
      note("rows in the document at most", took.rows);
      note("a jump", `${Math.round(took.ms)} ms`);
      assert.ok(took.rows > 5 && took.rows <= NODES_MAX, `${took.rows} rows`);
      assert.ok(took.ms < 500, `${took.ms} ms`);
      await page.context().close();
    },
  );
}
