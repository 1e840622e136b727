// The bureau's own map, where one was supplied: outlines and names once, a pin a venue that grows
// and changes its colour. Drawn as SVG by hand, since ECharts' maps would weigh as much as all the
// charts, and project again what the server has projected.

import type { MapSheet, ScreenDocument, Shape } from "./document";
import { level } from "./level";
import { byId, put, putName, units } from "./nodes";
import { number } from "./numbers";

const SVG = "http://www.w3.org/2000/svg";
/** In rem: names of shapes, and pins from the emptiest to the fullest. */
const NAME_REM = 1.5;
const PIN_MIN_REM = 0.45;
const PIN_MAX_REM = 1.3;
/** Around the drawing, so that no pin at its edge is cut. */
const MARGIN_REM = 1.4;
/** A full venue without a like is not drawn larger than one of so many people. */
const MOST_MIN = 20;

const frame = byId("map");
const picture = make("svg", frame);
const shapes = make("g", picture);
const pins = make("g", picture);
// Above the pins, so that a street is not called by half of its name.
const names = make("g", picture);

let sheet: MapSheet | null = null;
let shown: ScreenDocument | null = null;
let pinOf = new Map<string, SVGElement>();

function make(name: string, parent: Element): SVGElement {
  const made = document.createElementNS(SVG, name);
  parent.append(made);
  return made;
}

function set(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Whether there is a map for what is shown. */
export const hasMap = (doc: ScreenDocument): boolean => Boolean(doc.map) && sheet !== null;

/** Takes a map, or takes it away. */
export function useMap(next: MapSheet | null): void {
  if (next?.tag === sheet?.tag) return;
  sheet = next;
  for (const group of [shapes, names, pins]) group.textContent = "";
  pinOf = new Map();
  if (!sheet) return;
  for (const shape of sheet.shapes) set(make("path", shapes), "d", shape.path);
  for (const { id, x, y } of sheet.venues) {
    const pin = make("circle", pins);
    set(pin, "cx", String(x));
    set(pin, "cy", String(y));
    pinOf.set(id, pin);
  }
  putName(byId("map-number"), `审图号：${sheet.approval_number}`);
  layOut();
}

/** Units of the drawing in a rem, as it is now. */
function unitsInRem(): number {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const { width, height } = frame.getBoundingClientRect();
  const [wide, high] = [width, height].map((side) => side - 2 * MARGIN_REM * rem);
  if (!sheet || !wide || !high || wide <= 0 || high <= 0) return 0;
  return rem / Math.min(wide / sheet.width, high / sheet.height);
}

let perRem = 0;

/** Names and pins keep their size on the screen, whatever the size of the map. */
function layOut(): void {
  perRem = unitsInRem();
  if (!sheet || perRem === 0) return;
  const margin = MARGIN_REM * perRem;
  const [width, height] = [sheet.width, sheet.height].map((side) => (side + 2 * margin).toFixed(1));
  set(picture, "viewBox", `${(-margin).toFixed(1)} ${(-margin).toFixed(1)} ${width} ${height}`);
  names.textContent = "";
  const size = NAME_REM * perRem;
  set(names, "font-size", size.toFixed(1));
  const taken: Box[] = [];
  for (const shape of sheet.shapes) writeName(shape, size, taken);
  if (shown) showMap(shown);
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The name of a shape, unless a larger shape's name stands there already. */
function writeName(shape: Shape, size: number, taken: Box[]): void {
  if (!sheet || !shape.name) return;
  const half = (units(shape.name) * size) / 2 + size * 0.2;
  if (half * 2 > sheet.width) return;
  const x = Math.min(Math.max(shape.x, half), sheet.width - half);
  const y = Math.min(Math.max(shape.y, size), sheet.height - size);
  const box = { left: x - half, right: x + half, top: y - size * 0.7, bottom: y + size * 0.7 };
  const isFree = taken.every(
    (other) =>
      box.right < other.left ||
      box.left > other.right ||
      box.bottom < other.top ||
      box.top > other.bottom,
  );
  if (!isFree) return;
  taken.push(box);
  const text = make("text", names);
  set(text, "x", x.toFixed(1));
  set(text, "y", y.toFixed(1));
  text.textContent = shape.name;
}

/** How full every venue on the map is. */
export function showMap(doc: ScreenDocument): void {
  shown = doc;
  if (!sheet) return;
  const most = Math.max(MOST_MIN, ...doc.venues.map((venue) => venue.inside));
  let off = 0;
  for (const venue of doc.venues) {
    const pin = pinOf.get(venue.id);
    if (!pin) {
      off += 1;
      continue;
    }
    // By area, as an eye compares.
    const part = Math.sqrt(Math.max(0, venue.inside) / most);
    const radius = PIN_MIN_REM + (PIN_MAX_REM - PIN_MIN_REM) * part;
    set(pin, "r", (radius * perRem).toFixed(1));
    set(pin, "data-level", level(venue));
  }
  byId("map-off").hidden = off === 0;
  put(byId("map-off"), ` · ${number(off)} 处未标注位置`);
}

new ResizeObserver(layOut).observe(frame);
