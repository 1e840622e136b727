// Somebody of the staff in a browser: an account of their own, signed in by hand once, in a window
// of a desk's or a phone's size.

import { join } from "node:path";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { open } from "./browser.mjs";
import { code } from "./office.mjs";

export const DESK = { width: 1366, height: 768 };
export const PHONE = { width: 390, height: 844 };

/** Longer than any page takes on a busy machine, and shorter than a check. */
const WAIT_MAX_MS = 20_000;

/** How long an authenticator's code stands. */
const STEP_MS = 30_000;

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Desk {
  /** Hires somebody by the operator's command; `part` tells those of one role apart. */
  static async hired(town, role, division, part = "") {
    const desk = new Desk();
    desk.town = town;
    desk.role = role;
    desk.division = division;
    desk.name = `console-${part}${role}`;
    const words = ["staff", "add", "--name", desk.name, "--role", role, "--division", division];
    Object.assign(desk, JSON.parse(await town.server.command(...words)));
    return desk;
  }

  code() {
    this.step = Math.floor(Date.now() / STEP_MS);
    return code(this.totp_secret);
  }

  /** A code that was not used yet: each is good once, so the next may have to be waited for. */
  async nextCode() {
    const from = ((this.step ?? 0) + 1) * STEP_MS;
    if (Date.now() < from) await new Promise((wake) => setTimeout(wake, from - Date.now() + 50));
    return this.code();
  }

  /** A window before anybody has signed in. */
  async window(size = DESK, options = {}) {
    const page = await open(this.town.browser, {
      viewport: size,
      reducedMotion: "reduce",
      locale: "zh-CN",
      timezoneId: "Asia/Shanghai",
      acceptDownloads: true,
      hasTouch: size === PHONE,
      ...options,
    });
    page.setDefaultTimeout(WAIT_MAX_MS);
    return page;
  }

  async signsIn(page) {
    await page.goto(`${this.town.server.url}/staff`);
    await page.getByLabel("用户名").fill(this.name);
    await page.getByLabel("密码").fill(this.password);
    await page.getByLabel("六位动态口令").fill(this.code());
    await page.getByRole("button", { name: "登录" }).click();
    await page.getByRole("heading", { level: 1, name: /概览/ }).waitFor();
    this.kept = await page.context().storageState();
  }

  /** A window at a place of the console, in the session that was begun before. */
  async at(path, size = DESK, options = {}) {
    const page = await this.window(size, { storageState: this.kept, ...options });
    await page.goto(`${this.town.server.url}/staff#${path}`);
    await settled(page);
    return page;
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
