// Chromium, and what every page of it is watched for: breaches of the policy, requests to other
// origins, errors.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
  "--font-render-hinting=none",
  "--enable-precise-memory-info",
  "--js-flags=--expose-gc",
];
const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

export const executable = () => PLACES.find((place) => place && existsSync(place));

export const launch = () => chromium.launch({ executablePath: executable(), args: ARGUMENTS });

/** What went wrong in any page: complaints of the browser and addresses outside the origin. */
export const complaints = { policy: [], foreign: [], errors: [] };

export async function open(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1920, height: 1080 },
    serviceWorkers: "block",
    ...options,
  });
  watch(context);
  const page = await context.newPage();
  return page;
}

export function watch(context) {
  const isOurs = (url) => /^(https?:\/\/127\.0\.0\.1:|about:|data:|blob:)/.test(url);
  context.on("request", (asked) => {
    if (!isOurs(asked.url())) complaints.foreign.push(asked.url());
    if (asked.url().split("#")[0].includes("token="))
      complaints.foreign.push(`token in ${asked.url()}`);
  });
  context.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy|Refused to/.test(text)) complaints.policy.push(text);
  });
  context.on("weberror", (error) => complaints.errors.push(String(error.error()?.stack)));
}

/** Waits until the page shows data that it calls fresh. */
export const fresh = (page) => trusted(page, "fresh");
export const trusted = (page, trust) =>
  page.waitForFunction((wanted) => document.body.dataset.trust === wanted, trust, { polling: 50 });

export const shown = (page, field) => page.locator(`[data-field="${field}"]`).first().textContent();
