// How full a venue is, in words that the style has colours for.

import type { Venue } from "./document";

/** Where no soft capacity is set, this part of the capacity is crowded. */
const CROWDED_PART = 0.8;
/** From this part of the capacity on, a venue is busy. */
const BUSY_PART = 0.4;
/** Without a capacity, so many people inside are shown as a busy venue. */
const BUSY_PEOPLE = 20;

export type Level = "empty" | "calm" | "busy" | "crowded" | "full";

export function level(venue: Venue): Level {
  const { inside, capacity, capacity_soft: soft } = venue;
  if (inside <= 0) return "empty";
  if (capacity !== null && inside >= capacity) return "full";
  const crowded = soft ?? (capacity === null ? Infinity : capacity * CROWDED_PART);
  if (inside >= crowded) return "crowded";
  const busy = capacity === null ? BUSY_PEOPLE : capacity * BUSY_PART;
  return inside >= busy ? "busy" : "calm";
}
