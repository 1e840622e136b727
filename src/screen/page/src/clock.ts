// Two questions that the page must answer honestly: what time it is, and how old is what it shows.
// Both by the server's clock; the screen's own is only used to count on from what the server said.

const FRESH_MS = 15_000;
const LATE_MS = 30_000;
const STALE_MS = 300_000;

/** How far the data can be trusted: `waiting` before there is any. */
export type Trust = "waiting" | "fresh" | "recent" | "late" | "stale";

/** The zone of the division's days; the document says it. */
let zone = "Asia/Shanghai";
const formats = new Map<string, Intl.DateTimeFormat>();

export function useZone(name: string): void {
  zone = name;
}

function format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${kind} ${zone}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, ...options });
    formats.set(key, made);
  }
  return made;
}

const DAY_MS = 86_400_000;
const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

export const timeOf = (at: number): string =>
  format("second", { ...TIME, second: "2-digit" }).format(at);
export const minuteOf = (at: number): string => format("minute", TIME).format(at);
export const dateOf = (at: number): string =>
  format("date", { year: "numeric", month: "long", day: "numeric" }).format(at);
export const weekdayOf = (at: number): string => format("weekday", { weekday: "long" }).format(at);
export const hourOf = (at: number): number => Number(minuteOf(at).slice(0, 2)) % 24;

/** Today's are told by the time alone: a time of another day must not pass for one of today. */
export function momentOf(at: number, now: number): string {
  if (dateOf(at) === dateOf(now)) return minuteOf(at);
  if (dateOf(at) === dateOf(now - DAY_MS)) return `昨日 ${minuteOf(at)}`;
  const day = format("day", { month: "numeric", day: "numeric" }).format(at);
  return `${day} ${minuteOf(at)}`;
}

/** A moment by both of the screen's clocks: one stands still while it sleeps, one may be set. */
interface Moment {
  steady: number;
  wall: number;
}
const here = (): Moment => ({ steady: performance.now(), wall: Date.now() });

/** How long ago `then` was; the longer answer, since an age must not be understated. */
function elapsed(then: Moment): number {
  const now = here();
  return Math.max(now.steady - then.steady, now.wall - then.wall, 0);
}

/** What the server's clock said, and when we heard it. */
let serverAt = Date.now();
let heard = here();
/** How old the figures were when they came, and when that was. */
let ageAtArrival = 0;
let arrived: Moment | null = null;
/** Whether the age is known at all: after a reboot with a wrong clock it is not. */
let isAgeKnown = true;

export const serverNow = (): number => serverAt + elapsed(heard);
const age = (): number => (arrived ? ageAtArrival + elapsed(arrived) : 0);

/** Figures that were true `olderByMs` ago came; `asOf`, if told, is when that was. */
export function settle(asOf: string | null, olderByMs: number): void {
  arrived = here();
  ageAtArrival = olderByMs;
  isAgeKnown = true;
  if (asOf) {
    serverAt = Date.parse(asOf) + olderByMs;
    heard = here();
  }
}

/** Figures kept on the disk came, true as of `asOf`: never shown as fresh. */
export function settleKept(asOf: string): void {
  const old = Date.now() - Date.parse(asOf);
  arrived = here();
  isAgeKnown = old >= 0;
  ageAtArrival = isAgeKnown ? Math.max(LATE_MS, old) : STALE_MS;
}

export function trust(): Trust {
  if (!arrived) return "waiting";
  const old = age();
  if (old < FRESH_MS) return "fresh";
  if (old < LATE_MS) return "recent";
  return old < STALE_MS ? "late" : "stale";
}

/** The age in words; from five minutes on with the moment that is shown. */
export function ageInWords(): string {
  const state = trust();
  if (state === "waiting") return "正在连接";
  if (state === "fresh") return "实时";
  const old = age();
  if (state === "recent") return `${Math.floor(old / 1000)} 秒前`;
  const asOf = momentOf(serverNow() - old, serverNow());
  if (!isAgeKnown) return "数据延迟 时长未知";
  const seconds = Math.floor(old / 1000);
  if (state === "late") return `数据延迟 ${seconds} 秒`;
  return `数据延迟 ${spell(seconds)} · 截至 ${asOf}`;
}

function spell(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} 分钟`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} 小时 ${minutes % 60} 分`;
  return `${Math.floor((seconds * 1000) / DAY_MS)} 天 ${hours % 24} 小时`;
}
