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

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export class Desk {
  /** Hires somebody by the operator's command. */
  static async hired(town, role, division) {
    const desk = new Desk();
    desk.town = town;
    desk.role = role;
    desk.division = division;
    desk.name = `console-${role}`;
    const words = ["staff", "add", "--name", desk.name, "--role", role, "--division", division];
    Object.assign(desk, JSON.parse(await town.server.command(...words)));
    return desk;
  }

  code() {
    return code(this.totp_secret);
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

export { assert };
