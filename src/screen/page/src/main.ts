// The screen of a division: shows what the server says, and how old that is. The token comes in the
// fragment of the address, which no browser sends to any server.

import "./style/base.css";
import "./style/cards.css";
import "./style/shapes.css";

import {
  ageInWords,
  dateOf,
  hourOf,
  minuteOf,
  serverNow,
  settle,
  settleKept,
  timeOf,
  trust,
  weekdayOf,
} from "./clock";
import { startCharts } from "./charts";
import type { ScreenDocument } from "./document";
import { Link, type Refusal } from "./link";
import { useMap } from "./map";
import { forget, keep, keepMap, keepPage, recall, recallMap } from "./memory";
import { byId, put } from "./nodes";
import { show } from "./show";

const HOUR_MS = 3_600_000;
const division = location.pathname.split("/").filter(Boolean).pop() ?? "";
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

const REFUSALS: Record<Refusal | "missing", [string, string]> = {
  missing: [
    "缺少访问令牌，请使用管理员提供的完整链接打开本页。",
    "The access token is missing: open the full link that you were given.",
  ],
  token: [
    "访问令牌无效或已停用，请联系管理员获取新的大屏链接。",
    "The access token is wrong or revoked: ask for a new link.",
  ],
  division: [
    "没有这个区域，或此链接无权查看。",
    "There is no such place, or this link may not show it.",
  ],
};

/** Between two attempts to get a map that could not be had. */
const MAP_EVERY_MS = 30_000;

let shown: ScreenDocument | null = null;
let link: Link | null = null;
/** The map that is drawn or was asked for, and when it may be asked for again. */
let map = { tag: "", nextAt: 0 };

/** Once a second: the time, the age, and what follows from them. */
function tick(): void {
  const now = serverNow();
  put(byId("clock"), timeOf(now));
  put(byId("date"), dateOf(now));
  put(byId("weekday"), weekdayOf(now));
  put(byId("age"), ageInWords());
  document.body.dataset.trust = trust();
  // One pixel an hour, so that nothing burns in.
  document.body.dataset.shift = String(Math.floor(now / HOUR_MS) % 4);
  reloadAtNight(now);
}

/** A fresh page a day, while nobody looks, and only if there is a server to give it. */
const nightMinute = 240 + Math.floor(Math.random() * 21) - 10;
function reloadAtNight(now: number): void {
  const [hour = 0, minute = 0] = minuteOf(now).split(":").map(Number);
  if (hour * 60 + minute !== nightMinute || trust() !== "fresh") return;
  // The page that comes draws another minute, which may lie ahead.
  const key = "fitgate.screen.night";
  if (sessionStorage.getItem(key) === dateOf(now)) return;
  sessionStorage.setItem(key, dateOf(now));
  location.reload();
}

function refuse(why: Refusal | "missing"): void {
  forget(division);
  shown = null;
  const [chinese, english] = REFUSALS[why];
  put(byId("notice-chinese"), chinese);
  put(byId("notice-english"), english);
  byId("notice").hidden = false;
  byId("page").hidden = true;
}

function accept(doc: ScreenDocument, olderByMs: number): void {
  settle(doc.as_of, olderByMs);
  if (!shown) {
    byId("notice").hidden = true;
    byId("page").hidden = false;
  }
  shown = doc;
  show(doc);
  keep(division, doc);
  tick();
  void followMap(doc);
}

/** Gets the bureau's map when the document tells of another than we have. */
async function followMap(doc: ScreenDocument): Promise<void> {
  if (!doc.map) {
    if (map.tag) keepMap(division, null);
    map = { tag: "", nextAt: 0 };
    return useMap(null);
  }
  if (!link || doc.map === map.tag || performance.now() < map.nextAt) return;
  map.nextAt = performance.now() + MAP_EVERY_MS;
  const sheet = await link.map().catch(() => null);
  if (!sheet || !shown?.map) return;
  map.tag = sheet.tag;
  useMap(sheet);
  keepMap(division, sheet);
  show(shown);
}

function confirm(asOf: string | null, olderByMs: number): void {
  settle(asOf, olderByMs);
  if (shown) {
    const hourShown = hourOf(Date.parse(shown.as_of));
    // What the disk keeps says as of when it is true; a quiet night must not age it.
    shown.as_of = asOf ?? new Date(serverNow() - olderByMs).toISOString();
    if (hourOf(Date.parse(shown.as_of)) !== hourShown) show(shown);
    keep(division, shown);
  }
  tick();
}

function start(): void {
  startCharts();
  setInterval(tick, 1000);
  addEventListener("hashchange", () => location.reload());
  if (!token) return refuse("missing");
  const sheet = recallMap(division);
  if (sheet) {
    map.tag = sheet.tag;
    useMap(sheet);
  }
  const kept = recall(division);
  if (kept) {
    shown = kept;
    show(kept);
    settleKept(kept.as_of);
  }
  tick();
  const path = `/api/v1/screens/${encodeURIComponent(division)}`;
  link = new Link(path, token, { document: accept, confirm, refuse });
  void link.run();
  addEventListener("pagehide", () => {
    if (shown) keep(division, shown, true);
  });
  void keepPage();
}

start();
