// Talks to the server: reads the document's stream, polls while the stream says nothing, backs off
// when nobody answers, and rests while nobody looks. It knows nothing of how things are shown.

import type { MapSheet, ScreenDocument } from "./document";

declare const BUILD_ID: string;

/** The server's document may be a second old: so an entry is here within two, jitter included. */
const POLL_MS = 600;
/** Polls between two attempts at a stream that is blocked: about a minute. */
const POLLS_A_ROUND = 100;
const BACKOFF_MIN_MS = 5000;
const BACKOFF_MAX_MS = 60_000;
const REQUEST_MAX_MS = 15_000;
/** A stream that says nothing for so long is dead: two and a half signs of life. */
const SILENCE_MAX_MS = 25_000;
/** A page of another build reloads itself at most so often. */
const RELOAD_EVERY_MS = 600_000;

export type Refusal = "token" | "division";

/** What the page does with what the server says. */
export interface Listener {
  document(doc: ScreenDocument, olderByMs: number): void;
  /** What is shown is still true, `olderByMs` ago; under a 304 nobody says as of when. */
  confirm(asOf: string | null, olderByMs: number): void;
  refuse(why: Refusal): void;
}

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));
const jitter = (ms: number): number => ms * (0.75 + Math.random() * 0.5);

/** One try at the stream. */
interface Attempt {
  /** Comes true with its first word, false if it ends without one. */
  spoke: Promise<boolean>;
  ended: Promise<void>;
  close(): void;
}

export class Link {
  private etag = "";
  private refused = false;
  private wait = BACKOFF_MIN_MS;

  constructor(
    private readonly path: string,
    private readonly token: string,
    private readonly listener: Listener,
  ) {}

  /** The bureau's map; none where there is none, or none to be had now. */
  async map(): Promise<MapSheet | null> {
    const response = await this.ask(`${this.path}/map`, {}, AbortSignal.timeout(REQUEST_MAX_MS));
    return response.ok ? ((await response.json()) as MapSheet) : null;
  }

  /** For as long as the page lives. */
  async run(): Promise<never> {
    for (;;) {
      await seen();
      const answered = await this.round().catch(() => false);
      if (answered) {
        this.wait = BACKOFF_MIN_MS;
        await pause(jitter(POLL_MS));
      } else if (!document.hidden) {
        // Refused, it asks as seldom as may be: somebody has to give it another link first.
        await pause(jitter(this.refused ? BACKOFF_MAX_MS : this.wait));
        this.wait = Math.min(BACKOFF_MAX_MS, this.wait * 2);
      }
    }
  }

  /** A poll for a quick first look, then the stream, or polls while it is blocked. */
  private async round(): Promise<boolean> {
    if (!(await this.poll())) return false;
    const stream = this.open();
    try {
      for (let n = 0; n < POLLS_A_ROUND && !document.hidden; n += 1) {
        const spoke = await Promise.race([stream.spoke, pause(jitter(POLL_MS)).then(() => null)]);
        if (spoke) {
          await stream.ended;
          return true;
        }
        if (spoke === false) await pause(jitter(POLL_MS));
        if (!(await this.poll())) return false;
      }
      return true;
    } finally {
      stream.close();
    }
  }

  private async ask(path: string, headers: HeadersInit, signal: AbortSignal): Promise<Response> {
    const response = await fetch(path, {
      headers: { Authorization: `Bearer ${this.token}`, ...headers },
      cache: "no-store",
      signal,
    });
    checkBuild(response);
    return response;
  }

  /** Answers that no repetition makes better are said plainly; true if `response` was one. */
  private isRefusal(response: Response): boolean {
    this.refused = response.status === 401 || response.status === 404;
    if (this.refused) {
      this.etag = "";
      this.listener.refuse(response.status === 401 ? "token" : "division");
    }
    return this.refused;
  }

  /** True if the server answered with a truth. */
  private async poll(): Promise<boolean> {
    const headers: HeadersInit = this.etag ? { "If-None-Match": this.etag } : {};
    const response = await this.ask(this.path, headers, AbortSignal.timeout(REQUEST_MAX_MS));
    const older = Number(response.headers.get("fitgate-age-ms")) || 0;
    if (response.status === 304) {
      this.listener.confirm(null, older);
      return true;
    }
    if (this.isRefusal(response) || !response.ok) return false;
    const doc = (await response.json()) as ScreenDocument;
    this.etag = response.headers.get("etag") ?? "";
    this.listener.document(doc, older);
    return true;
  }

  private open(): Attempt {
    const control = new AbortController();
    const close = (): void => control.abort();
    const hide = (): void => {
      if (document.hidden) close();
    };
    document.addEventListener("visibilitychange", hide);
    let say: (spoke: boolean) => void = () => {};
    const spoke = new Promise<boolean>((settle) => {
      say = settle;
    });
    const ended = this.read(control, () => say(true))
      .catch(() => {})
      .finally(() => {
        document.removeEventListener("visibilitychange", hide);
        say(false);
      });
    return { spoke, ended, close };
  }

  /** Reads the stream until it ends, falls silent or is closed. */
  private async read(control: AbortController, heard: () => void): Promise<void> {
    let watchdog = setTimeout(() => control.abort(), SILENCE_MAX_MS);
    try {
      const response = await this.ask(`${this.path}/stream`, {}, control.signal);
      if (this.isRefusal(response) || !response.ok || !response.body) return;
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      let text = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => control.abort(), SILENCE_MAX_MS);
        const frames = (text + decoder.decode(value, { stream: true })).split("\n\n");
        text = frames.pop() ?? "";
        for (const frame of frames) this.handle(frame);
        if (frames.length > 0) heard();
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  private handle(frame: string): void {
    let event = "";
    let data = "";
    for (const line of frame.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice("event: ".length);
      if (line.startsWith("data: ")) data = line.slice("data: ".length);
    }
    if (event === "document") {
      // The next poll must not be told that nothing changed since an older document.
      this.etag = "";
      this.listener.document(JSON.parse(data) as ScreenDocument, 0);
    }
    if (event === "age") {
      const { as_of: asOf, age_ms: olderByMs } = JSON.parse(data) as AgeEvent;
      this.listener.confirm(asOf, olderByMs);
    }
  }
}

interface AgeEvent {
  as_of: string;
  age_ms: number;
}

/** Comes when somebody looks. */
function seen(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((wake) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      wake();
    };
    document.addEventListener("visibilitychange", look);
  });
}

/** A server of another build has another page: ours goes, but never in a circle. */
function checkBuild(response: Response): void {
  const build = response.headers.get("fitgate-build")?.replaceAll('"', "");
  if (!build || build === BUILD_ID) return;
  const key = "fitgate.screen.reloaded";
  const [last, at] = (sessionStorage.getItem(key) ?? " 0").split(" ");
  const isRecent = Math.abs(Date.now() - Number(at)) < RELOAD_EVERY_MS;
  if (last === build && isRecent) return;
  sessionStorage.setItem(key, `${build} ${Date.now()}`);
  location.reload();
}
