// Somebody of the staff in a browser: an account of their own, signed in by hand once, in windows of
// one size, a desk's or a phone's; and which roles have been told of at which of them.

import { join } from "node:path";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { open } from "./browser.mjs";
import { check } from "./checks.mjs";
import { code } from "./office.mjs";

const SIZES = { desk: { width: 1366, height: 768 }, phone: { width: 390, height: 844 } };

/**
 * What of the town each size has to itself, so that no story meets what another one did: a venue
 * with a door to go in and a door to go out, and numbers of people.
 */
export const OWN = {
  desk: { venue: "永兴百姓健身房", door: "FG-YX-GYM-IN", numbers: 7_000 },
  phone: { venue: "永兴小学运动场", door: "FG-YX-SCHOOL-IN", numbers: 7_010 },
};
export const EVERY_SIZE = Object.keys(SIZES);

/** Longer than any page takes on a busy machine, and shorter than a check. */
const WAIT_MAX_MS = 20_000;

/** How long an authenticator's code stands. */
const STEP_MS = 30_000;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** "role size", once a story of theirs has held from the sign-in on. */
const told = new Set();

/** A check of what one person does at their size, after they have signed in by hand. */
export async function story(who, name, body, maxMs) {
  const holds = await check(`console, ${who.size}: ${name}`, body, maxMs);
  if (holds && who.kept) told.add(`${who.role} ${who.size}`);
}

/** Which of the roles have no story at which size. */
export const untold = (roles) =>
  roles
    .flatMap((role) => EVERY_SIZE.map((size) => `${role} ${size}`))
    .filter((pair) => !told.has(pair));

export class Desk {
  /** Hires somebody by the operator's command; `part` tells those of one role apart. */
  static async hired(town, role, division, size, part = "") {
    const name = `console-${part}${size}-${role}`;
    const words = ["staff", "add", "--name", name, "--role", role, "--division", division];
    const given = JSON.parse(await town.server.command(...words));
    return Desk.of({ town, role, division, size, name, ...given });
  }

  /** Somebody whose account came about in another way. */
  static of(what) {
    return Object.assign(new Desk(), what);
  }

  /** What the town has for this size alone. */
  get own() {
    return OWN[this.size];
  }

  /**
   * A code that was not used yet, as each is good once. That of the next half minute is taken too,
   * for telephones whose clocks run ahead: two may follow each other, a third has to be waited for.
   */
  async code() {
    this.step = Math.max(Math.floor(Date.now() / STEP_MS), (this.step ?? 0) + 1);
    const from = (this.step - 1) * STEP_MS;
    if (Date.now() < from) await new Promise((wake) => setTimeout(wake, from - Date.now() + 50));
    return code(this.totp_secret, this.step * STEP_MS);
  }

  /** A window before anybody has signed in. */
  async window(options = {}) {
    const page = await open(this.town.browser, {
      viewport: SIZES[this.size],
      reducedMotion: "reduce",
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      acceptDownloads: true,
      hasTouch: this.size === "phone",
      ...options,
    });
    page.setDefaultTimeout(WAIT_MAX_MS);
    return page;
  }

  async signsIn(page) {
    await page.goto(`${this.town.server.url}/staff`);
    await page.getByLabel("用户名").fill(this.name);
    await page.getByLabel("密码").fill(this.password);
    await page.getByLabel("六位动态口令").fill(await this.code());
    await page.getByRole("button", { name: "登录" }).click();
    await page.getByRole("heading", { level: 1, name: /概览/ }).waitFor();
    this.kept = await page.context().storageState();
  }

  /** A window at a place of the console, in the session that was begun before. */
  async at(path, options = {}) {
    const page = await this.window({ storageState: this.kept, ...options });
    await page.goto(`${this.town.server.url}/staff#${path}`);
    await settled(page);
    return page;
  }

  /** The menu, which lies in a drawer on a phone. */
  async menu(page) {
    if (this.size === "phone") await press(page, "打开菜单");
    return page.getByRole("navigation", { name: "主菜单" });
  }

  async leavesMenu(page) {
    if (this.size !== "phone") return;
    await confirms(page, "关闭菜单");
    await gone(dialog(page));
  }
}

/** Waits until the page has a title and nothing of it is loading. */
export async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector(".spinner"), null, { polling: 50 });
}

/** Goes elsewhere within the page, as a link would. */
export async function goes(page, path) {
  await page.evaluate((place) => {
    location.hash = place;
    return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  }, path);
  await settled(page);
}

/** What axe finds serious, as one line a finding; and what is wider than the window. */
export async function faults(page, where) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    const serious = violations.filter(
      ({ impact }) => impact === "serious" || impact === "critical",
    );
    const lines = serious.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map((node) => node.html.slice(0, 160))
          .join(" | ")}`,
    );
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth + 1) lines.push(`wider than the window: ${scrollWidth}`);
    return lines;
  });
  return found.map((line) => `${where}: ${line}`);
}

/** Nothing of a page with something on it is serious for ears, or cut; leaves a picture of it. */
export async function stands(page, name) {
  await picture(page, name);
  assert.deepEqual(await faults(page, name), []);
}

/** With CONSOLE_PICTURES=FOLDER, leaves a picture there, to be looked at. */
export async function picture(page, name) {
  const folder = process.env.CONSOLE_PICTURES;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

export async function says(page, text) {
  await page.getByText(text).first().waitFor();
}

/** The row of a list with this text; there is none while a dialog lies over the page. */
export const row = (page, text) => page.getByRole("row").filter({ hasText: text });

/** Goes from a list to the thing of this name. */
export async function picks(page, name) {
  await page.locator('[role="cell"] a').filter({ hasText: name }).first().click();
  await settled(page);
}

/**
 * The last row of a list, scrolled to: how high the rows are is known only once they have come into
 * sight.
 */
export async function lastRow(list) {
  await list.getByRole("row").nth(1).waitFor();
  await list.evaluate(async (place) => {
    const drawn = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next)));
    const count = place.querySelector('[role="table"]').getAttribute("aria-rowcount");
    for (let n = 0; n < 100; n += 1) {
      place.scrollTo(0, place.scrollHeight);
      await drawn();
      const seen = [...place.querySelectorAll('.body [role="row"]')].map((one) => one.ariaRowIndex);
      if (seen.includes(count)) return;
    }
    throw new Error("the last row does not come into sight");
  });
  return list.getByRole("row").last();
}

export async function gone(locator) {
  await locator.waitFor({ state: "detached" });
}

/** Notices that pass have the role too. */
export const dialog = (page) => page.locator(".dialog, .drawer");
export const press = (page, name) =>
  page.getByRole("button", { name, exact: true }).first().click();
export const confirms = (page, name) =>
  dialog(page).getByRole("button", { name, exact: true }).click();

/** Fills the fields of a dialog by their labels. */
export async function fills(page, values) {
  for (const [label, value] of Object.entries(values)) {
    const field = dialog(page).getByLabel(label).first();
    if ((await field.evaluate((node) => node.tagName)) === "SELECT")
      await field.selectOption(value);
    else await field.fill(value);
  }
}

/** Opens a destructive act, reads what it says, thinks better of it, and opens it again. */
export async function hesitates(page, name, warning) {
  for (const isSure of [false, true]) {
    await press(page, name);
    await dialog(page).getByText(warning).first().waitFor();
    if (isSure) break;
    await confirms(page, "取消");
    await gone(dialog(page));
  }
}

export { assert };
