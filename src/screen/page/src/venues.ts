// The schematic picture of the venues: a tile each while they are few; with many, tiles for the
// fullest and one small cell for every other. A map only where the bureau supplied one, since a
// public map needs an approval number: then the fullest stand beside it.

import type { ScreenDocument, Venue } from "./document";
import { level } from "./level";
import { hasMap, showMap } from "./map";
import { byId, fill, make, mark, put, putName, setPart } from "./nodes";
import { number } from "./numbers";

/** Up to so many venues each have a tile. */
const TILES_MAX = 12;
/** Tiles of the fullest, where there are more venues. */
const TOP_TILES = 8;
/** Tiles beside a map. */
const MAP_TILES = 5;
/** Cells at most; a city has more venues only in its caption. */
const CELLS_MAX = 800;
/** Of cells, however few there are. */
const COLUMNS_MIN = 40;
const list = byId("venues");
const cells = byId("cells");

const tiles = Array.from({ length: TILES_MAX }, (_, n) => {
  const root = make("li", "tile", list);
  const name = mark(make("span", "name", make("span", "place", root)), `venues.${n}.name`);
  const count = make("span", "count", root);
  const inside = mark(make("b", "", count), `venues.${n}.inside`);
  const capacity = mark(make("span", "capacity", count), `venues.${n}.capacity`);
  const fillOf = make("i", "", make("span", "track", root));
  const day = make("span", "day", root);
  const visits = mark(make("span", "", day), `venues.${n}.visits`);
  make("span", "unit", day).textContent = "人次";
  const minutes = mark(make("span", "", day), `venues.${n}.minutes`);
  make("span", "unit", day).textContent = "分钟";
  return { root, name, inside, capacity, fill: fillOf, visits, minutes };
});

const dots: HTMLElement[] = [];

/** Columns of tiles that leave no hole but in the first row, which then stretches. */
function columnsFor(count: number): number {
  if (count <= 3) return Math.max(1, count);
  if (count === 4) return 2;
  return count <= 6 || count === 9 ? 3 : 4;
}

export function showVenues(doc: ScreenDocument): void {
  const { venues } = doc;
  const isDrawn = hasMap(doc);
  const isMany = venues.length > TILES_MAX;
  const shown = isDrawn ? Math.min(MAP_TILES, venues.length) : isMany ? TOP_TILES : venues.length;
  const columns = isDrawn ? 1 : columnsFor(shown);
  byId("places").dataset.drawn = String(isDrawn);
  byId("map").hidden = !isDrawn;
  if (isDrawn) showMap(doc);
  list.dataset.crowd = isMany || isDrawn ? "many" : "few";
  list.dataset.size = isDrawn ? "small" : shown <= 4 ? "large" : shown <= 6 ? "middle" : "small";
  list.style.setProperty("--columns", String(columns));
  // A row that is not full comes first: the fullest venues have the widest tiles.
  const first = shown % columns;
  list.style.setProperty("--first", String(Math.max(1, first)));
  byId("no-venues").hidden = venues.length > 0;
  fill(tiles, venues.slice(0, shown), (tile, venue, n) => {
    tile.root.dataset.row = n < first ? "first" : "full";
    putName(tile.name, venue.name);
    put(tile.inside, number(venue.inside));
    put(tile.capacity, venue.capacity === null ? "" : number(venue.capacity));
    tile.root.dataset.level = level(venue);
    tile.root.dataset.limit = venue.capacity === null ? "none" : "some";
    setPart(tile.fill, venue.capacity ? venue.inside / venue.capacity : 0);
    put(tile.visits, number(venue.visits));
    put(tile.minutes, number(venue.minutes));
  });
  showCells(isMany && !isDrawn ? venues.slice(TOP_TILES, TOP_TILES + CELLS_MAX) : []);
  byId("cells-caption").hidden = !isMany && !isDrawn;
  byId("cells-others").hidden = isDrawn;
  byId("map-approval").hidden = !isDrawn;
  if (!isDrawn) byId("map-off").hidden = true;
  put(byId("venues-more"), number(Math.max(0, venues.length - TOP_TILES)));
  put(byId("venues-in-use"), number(venues.filter((venue) => venue.inside > 0).length));
}

function showCells(venues: readonly Venue[]): void {
  cells.hidden = venues.length === 0;
  while (dots.length < venues.length) dots.push(make("i", "", cells));
  dots.forEach((dot, n) => {
    const venue = venues[n];
    dot.hidden = venue === undefined;
    if (venue) dot.dataset.level = level(venue);
  });
  // About fourteen times as wide as high, whatever their number, and never larger than a key.
  const columns = Math.max(COLUMNS_MIN, Math.ceil(Math.sqrt(venues.length * 14)));
  cells.style.setProperty("--columns", String(columns));
}
