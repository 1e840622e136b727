// What outlives a reboot: the last good document, in the browser's store, and the page itself, in
// its cache, from which the worker serves it when the server cannot be reached.

import type { MapSheet, ScreenDocument } from "./document";

/** Between two writes of the document to the disk. */
const KEEP_EVERY_MS = 10_000;
const CACHE = "fitgate-screen";
/** All that the page is made of; its own address is added. */
const PARTS = ["app.js", "app.css", "icon.svg"].map((name) => `/screen/page/${name}`);

let keepAt = 0;

const slot = (division: string): string => `fitgate.screen.${division}`;
const mapSlot = (division: string): string => `${slot(division)}.map`;

/** Keeps `shown` with the age it has; at most every ten seconds unless it is `urgent`. */
export function keep(division: string, shown: ScreenDocument, urgent = false): void {
  if (!urgent && performance.now() < keepAt) return;
  keepAt = performance.now() + KEEP_EVERY_MS;
  try {
    localStorage.setItem(slot(division), JSON.stringify(shown));
  } catch {
    // A full or forbidden store: the screen only starts empty after a reboot.
  }
}

export function recall(division: string): ScreenDocument | null {
  try {
    const kept = JSON.parse(localStorage.getItem(slot(division)) ?? "null") as unknown;
    return isDocument(kept) ? kept : null;
  } catch {
    return null;
  }
}

export function forget(division: string): void {
  try {
    localStorage.removeItem(slot(division));
    localStorage.removeItem(mapSlot(division));
  } catch {
    // As above.
  }
}

/** Keeps the bureau's map, or that there is none. */
export function keepMap(division: string, sheet: MapSheet | null): void {
  try {
    if (sheet) localStorage.setItem(mapSlot(division), JSON.stringify(sheet));
    else localStorage.removeItem(mapSlot(division));
  } catch {
    // As above: it is asked for again after a reboot.
  }
}

export function recallMap(division: string): MapSheet | null {
  try {
    const kept = JSON.parse(localStorage.getItem(mapSlot(division)) ?? "null") as MapSheet | null;
    return kept && Array.isArray(kept.shapes) && Array.isArray(kept.venues) ? kept : null;
  } catch {
    return null;
  }
}

/** An older build may have kept another shape: what this one cannot show is worth nothing. */
function isDocument(kept: unknown): kept is ScreenDocument {
  const lists = ["venues", "hours", "days", "ranking", "latest", "ages", "sexes"];
  if (typeof kept !== "object" || kept === null) return false;
  const fields = kept as Record<string, unknown>;
  return typeof fields.as_of === "string" && lists.every((list) => Array.isArray(fields[list]));
}

/** Lets the page start without the server. Needs HTTPS, loopback, or a kiosk told to trust us. */
export async function keepPage(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/screen/page/worker.js", {
      scope: "/screen/",
      updateViaCache: "none",
    });
    const cache = await caches.open(CACHE);
    await cache.addAll([location.pathname, ...PARTS]);
  } catch {
    // Without it the page works as before, but not after a reboot without network.
  }
}
