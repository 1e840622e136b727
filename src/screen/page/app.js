// The screen of a division: reads the document's stream, falls back to polling, and never shows a
// number without knowing how old it is.

import { byId, clockFormat, dateFormat, minuteFormat, put, redraw, show } from "./draw.js";

const FRESH_MS = 15_000;
const LATE_MS = 30_000;
const STALE_MS = 300_000;
const POLL_MS = 5_000;
const BACKOFF_MAX_MS = 60_000;
/** A stream that says nothing for so long is dead: two and a half signs of life. */
const SILENCE_MAX_MS = 25_000;
const REQUEST_MAX_MS = 15_000;
/** Between two writes of the last document to the disk. */
const KEEP_MS = 10_000;
const HOUR_MS = 3_600_000;

const division = location.pathname.split("/").filter(Boolean).pop() ?? "";
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
const address = `/api/v1/screens/${encodeURIComponent(division)}`;
const memory = `fitgate.screen.${division}`;

/** What is shown, and how old it was when it came. */
let shown = null;
let ageMs = 0;
let cameAt = performance.now();
let etag = "";
let pageBuild = "";
let refused = false;
let keepAt = 0;

/** How old what is shown is now. */
const age = () => ageMs + (performance.now() - cameAt);

/** What the server's clock said when this page's began. */
let serverBegan = Date.now() - performance.now();

/** The server's time, as far as it ever told. */
const serverNow = () => serverBegan + performance.now();

/** What was true at `asOf` is now `olderByMs` old: which also tells the server's time. */
function settle(asOf, olderByMs) {
  ageMs = olderByMs;
  cameAt = performance.now();
  if (asOf) serverBegan = Date.parse(asOf) + olderByMs - cameAt;
}

// ---------------------------------------------------------------- truth

function tick() {
  put(byId("clock"), clockFormat().format(serverNow()));
  put(byId("date"), dateFormat().format(serverNow()));
  const old = age();
  let state = "waiting";
  if (shown) state = old < FRESH_MS ? "fresh" : old < LATE_MS ? "recent" : old < STALE_MS ? "late" : "stale";
  document.body.dataset.state = state;
  document.body.dataset.shift = String(Math.floor(Date.now() / HOUR_MS) % 4);
  const seconds = Math.floor(old / 1000);
  const late = seconds < 3600 ? `${seconds} 秒` : `${Math.floor(seconds / 3600)} 小时`;
  const words = { waiting: "正在连接", fresh: "实时", recent: "实时", late: `数据延迟 ${late}`, stale: `数据延迟 ${late}` };
  put(byId("age"), words[state]);
  reloadAtNight(old);
}

/** A fresh page a day, while nobody looks, and only if there is a server to give it. */
const nightMinute = 240 + Math.floor(Math.random() * 21) - 10;
function reloadAtNight(old) {
  const parts = minuteFormat().formatToParts(serverNow());
  const part = (type) => Number(parts.find((p) => p.type === type).value);
  const minute = (part("hour") % 24) * 60 + part("minute");
  if (minute === nightMinute && performance.now() > HOUR_MS && old < FRESH_MS) location.reload();
}

function accept(doc, olderByMs) {
  settle(doc.as_of, olderByMs);
  refused = false;
  byId("notice").hidden = true;
  shown = doc;
  show(doc);
  keep();
  tick();
}

/** What is shown is still true; under a 304 nobody says as of when. */
function confirm(asOf, olderByMs) {
  settle(asOf, olderByMs);
  tick();
}

/** Keeps the last good document over a reboot, with the time at which it was true. */
function keep() {
  if (performance.now() < keepAt) return;
  keepAt = performance.now() + KEEP_MS;
  try {
    localStorage.setItem(memory, JSON.stringify({ doc: shown, trueAt: Date.now() - age() }));
  } catch {
    // A full or forbidden store: the screen only starts empty after a reboot.
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(memory) ?? "null");
    if (!kept) return;
    show(kept.doc);
    shown = kept.doc;
    ageMs = Math.max(LATE_MS, Date.now() - kept.trueAt);
    cameAt = performance.now();
  } catch {
    shown = null;
    localStorage.removeItem(memory);
  }
}

function refuse(chinese, english) {
  refused = true;
  localStorage.removeItem(memory);
  const [zh, en] = byId("notice").querySelectorAll("p");
  put(zh, chinese);
  put(en, english);
  byId("notice").hidden = false;
}

// ---------------------------------------------------------------- the server

/** Answers that no repetition makes better are said plainly; true if `response` was one. */
function isRefusal(response) {
  if (response.status === 401) {
    refuse("访问令牌无效或已停用，请联系管理员获取新的大屏链接。",
      "The access token is wrong or revoked; ask for a new link.");
  } else if (response.status === 404) {
    refuse("没有这个区域，或此链接无权查看。", "There is no such place, or this link may not show it.");
  }
  return response.status === 401 || response.status === 404;
}

/** A page of an older server reloads itself, at most every ten minutes. */
function checkBuild(response) {
  const build = response.headers.get("fitgate-build") ?? "";
  if (pageBuild && build && build !== pageBuild && performance.now() > 600_000) location.reload();
  pageBuild ||= build;
}

async function ask(path, headers, signal) {
  const response = await fetch(path, {
    headers: { Authorization: `Bearer ${token}`, ...headers }, cache: "no-store", signal,
  });
  checkBuild(response);
  return response;
}

/** One poll. True if the server answered with a truth. */
async function poll() {
  const headers = etag && shown ? { "If-None-Match": etag } : {};
  const response = await ask(address, headers, AbortSignal.timeout(REQUEST_MAX_MS));
  const older = Number(response.headers.get("fitgate-age-ms")) || 0;
  if (response.status === 304) {
    confirm(null, older);
    return true;
  }
  if (isRefusal(response) || !response.ok) return false;
  const doc = await response.json();
  etag = response.headers.get("etag") ?? "";
  accept(doc, older);
  return true;
}

/** Reads the stream until it ends. True if it ever said anything. */
async function follow() {
  const control = new AbortController();
  let watchdog = setTimeout(() => control.abort(), REQUEST_MAX_MS);
  const hide = () => { if (document.hidden) control.abort(); };
  document.addEventListener("visibilitychange", hide);
  let heard = false;
  try {
    const response = await ask(`${address}/stream`, {}, control.signal);
    if (isRefusal(response) || !response.ok) return false;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return heard;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => control.abort(), SILENCE_MAX_MS);
      text += value;
      const frames = text.split("\n\n");
      text = frames.pop();
      frames.forEach(handle);
      heard ||= frames.length > 0;
    }
  } catch {
    return heard;
  } finally {
    clearTimeout(watchdog);
    document.removeEventListener("visibilitychange", hide);
  }
}

function handle(frame) {
  const lines = frame.split("\n");
  const part = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  const data = part("data");
  if (part("event") === "document") accept(JSON.parse(data), 0);
  if (part("event") === "age") {
    const { as_of: asOf, age_ms: olderByMs } = JSON.parse(data);
    confirm(asOf, olderByMs);
  }
}

const sleep = (ms) => new Promise((wake) => { setTimeout(wake, ms); });
const jitter = (ms) => ms * (0.75 + Math.random() * 0.5);

function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((wake) => {
    document.addEventListener("visibilitychange", wake, { once: true });
  });
}

/** Polls for about a minute, or until the server fails. True if the last poll was answered. */
async function pollAWhile() {
  for (let n = 0; n < 12; n += 1) {
    const answered = await poll().catch(() => false);
    if (!answered || document.hidden) return answered;
    await sleep(jitter(POLL_MS));
  }
  return true;
}

async function run() {
  if (!token) {
    refuse("缺少访问令牌，请使用管理员提供的完整链接打开本页。", "The access token is missing; open the full link.");
    return;
  }
  recall();
  tick();
  let wait = POLL_MS;
  for (;;) {
    await seen();
    const answered = (await follow()) || (!refused && (await pollAWhile()));
    // Refused, it asks as seldom as may be: somebody has to give it another link first.
    await sleep(jitter(refused ? BACKOFF_MAX_MS : answered ? POLL_MS / 2 : wait));
    wait = answered ? POLL_MS : Math.min(BACKOFF_MAX_MS, wait * 2);
  }
}

addEventListener("hashchange", () => location.reload());
addEventListener("resize", () => { if (shown) redraw(shown); });
setInterval(tick, 1000);
tick();
run();
