// The lists: the month's ranking and the latest entries.

import { momentOf } from "./clock";
import type { ScreenDocument } from "./document";
import { byId, fill, make, mark, put, putName, setPart } from "./nodes";
import { number } from "./numbers";

const PLACES = 7;
const ENTRIES = 12;
/** Of a community's code; within one, venues are ranked. */
const COMMUNITY_DIGITS = 12;
/** A masked name is a letter and a star; whatever else comes is cut here. */
const MASKED_MAX = 4;

const ranking = Array.from({ length: PLACES }, (_, n) => {
  const root = make("li", "", byId("ranking"));
  const place = make("span", "no", root);
  place.dataset.label = "";
  put(place, String(n + 1));
  const name = mark(make("span", "name", make("span", "place", root)), `ranking.${n}.name`);
  const minutes = mark(make("b", "", root), `ranking.${n}.minutes`);
  return { root, name, minutes, fill: make("i", "", make("span", "track", root)) };
});

const latest = Array.from({ length: ENTRIES }, (_, n) => {
  const root = make("li", "", byId("latest"));
  const way = make("span", "way", root);
  const name = mark(make("span", "who", root), `latest.${n}.name`);
  const at = mark(make("time", "", root), `latest.${n}.at`);
  const venue = mark(make("span", "name", make("span", "place", root)), `latest.${n}.venue`);
  return { root, way, name, at, venue };
});

export function showRanking(doc: ScreenDocument): void {
  put(
    byId("ranking-title"),
    doc.division.length === COMMUNITY_DIGITS ? "本月场馆排行" : "本月社区排行",
  );
  byId("no-ranking").hidden = doc.ranking.length > 0;
  const most = Math.max(1, ...doc.ranking.map((place) => place.minutes));
  fill(ranking, doc.ranking.slice(0, PLACES), (row, place) => {
    putName(row.name, place.name ?? place.division);
    put(row.minutes, number(place.minutes));
    setPart(row.fill, place.minutes / most);
  });
}

export function showLatest(doc: ScreenDocument): void {
  byId("no-latest").hidden = doc.latest.length > 0;
  const asOf = Date.parse(doc.as_of);
  fill(latest, doc.latest, (row, entry) => {
    row.root.dataset.way = entry.direction;
    put(row.way, entry.direction === "out" ? "离场" : "入场");
    put(row.name, [...(entry.name ?? "居民")].slice(0, MASKED_MAX).join(""));
    putName(row.venue, entry.venue ?? "");
    put(row.at, momentOf(Date.parse(entry.at), asOf));
  });
}
