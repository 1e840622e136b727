// How the page talks to the server: the session is a cookie that no script can read, and whatever
// changes something bears a word that the server gave for it. Problems come as the server says them.

export interface FieldProblem {
  pointer: string;
  code: string;
  detail: string;
}

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: FieldProblem[] = [],
    readonly traceId = "",
  ) {
    super(detail);
  }
  /** Whether asking again may help. */
  get passes() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface Session {
  staff: { id: string; name: string; role: string; division: string };
  functions: string[];
  csrf?: string | null;
}

let csrf = "";
/** Called when the server no longer knows the session. */
let whenEnded: () => void = () => {};
/** Asks for both factors again; false if somebody thought better of it. */
let askFactors: () => Promise<boolean> = async () => false;

export const keepWord = (session: Session | null) => void (csrf = session?.csrf ?? "");
export const onEnded = (act: () => void) => void (whenEnded = act);
export const onConfirm = (ask: () => Promise<boolean>) => void (askFactors = ask);

/** Longer than the server lets any request take. */
const WAIT_MAX_MS = 60_000;

const BASE = "/api/v1/staff";

export interface Ask {
  method?: string;
  body?: unknown;
  /** A body that is not JSON. */
  text?: { type: string; body: string | Blob };
  /** The command's own key: the same for every attempt at one and the same command. */
  key?: string;
  signal?: AbortSignal;
}

async function send(path: string, ask: Ask): Promise<Response> {
  const method = ask.method ?? "GET";
  const headers: Record<string, string> = { "Accept-Language": "zh-CN" };
  if (method !== "GET") {
    headers["Idempotency-Key"] = ask.key ?? crypto.randomUUID();
    if (csrf) headers["Fitgate-Csrf"] = csrf;
  }
  let body: string | Blob | undefined;
  if (ask.text) {
    headers["Content-Type"] = ask.text.type;
    body = ask.text.body;
  } else if (ask.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(ask.body);
  }
  const late = AbortSignal.timeout(WAIT_MAX_MS);
  const signal = ask.signal ? AbortSignal.any([ask.signal, late]) : late;
  let answer: Response;
  try {
    const url = path.startsWith("/api/") ? path : BASE + path;
    answer = await fetch(url, { method, headers, body, signal, credentials: "same-origin" });
  } catch (error) {
    if (ask.signal?.aborted) throw error;
    throw new Problem(0, "unreachable", "连接不上服务器，请检查网络后重试。");
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Problem(
    answer.status,
    said.code ?? "internal",
    said.detail ?? "系统出现问题，请稍后再试。",
    said.errors ?? [],
    said.trace_id ?? "",
  );
}

/** Asks, and asks for both factors first where the server wants them fresh. */
export async function ask(path: string, how: Ask = {}): Promise<Response> {
  try {
    return await send(path, how);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "confirmation_required" && (await askFactors())) return send(path, how);
    if (error.code === "session_ended" || error.code === "unauthenticated") whenEnded();
    throw error;
  }
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, { signal })).json();
}

export async function act<T>(
  method: string,
  path: string,
  body?: unknown,
  key?: string,
): Promise<T> {
  const answer = await ask(path, { method, body, key });
  return answer.status === 204 ? (null as T) : ((await answer.json().catch(() => null)) as T);
}

export function query(values: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  if (pairs.length === 0) return "";
  return (
    "?" + pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")
  );
}

/** All items of a list, page by page; `most` bounds what a long list may cost. */
export async function all<T>(path: string, most = 4000, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null | undefined;
  do {
    const joint = path.includes("?") ? "&" : "?";
    const behind = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const page: Page<T> = await get(`${path}${joint}limit=200${behind}`, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

export async function download(path: string, name: string): Promise<void> {
  const blob = await (await ask(path)).blob();
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
