// Nodes are found once, made once and refilled, so that months of updates leave no garbage behind.
// Text goes in as text only: a name is never markup.

/** The element that the page's own markup must have. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

export function make(name: string, className: string, parent: Element): HTMLElement {
  const made = document.createElement(name);
  if (className) made.className = className;
  parent.append(made);
  return made;
}

export function put(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Names the document's path that an element shows. */
export function mark(element: HTMLElement, path: string): HTMLElement {
  element.dataset.field = path;
  return element;
}

/** A share of a track, from 0 to 1. */
export function setPart(element: HTMLElement, part: number): void {
  const bounded = Math.min(1, Math.max(0, Number.isFinite(part) ? part : 0));
  const text = bounded.toFixed(4);
  if (element.style.getPropertyValue("--part") !== text) element.style.setProperty("--part", text);
}

/** Names longer than this are shortened; at most sixty characters come. */
const NAME_UNITS_MAX = 22;
const WIDE = /[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-｠￠-￦]|[\ud800-\udbff]/;
const NARROW_UNITS = 0.58;

/** How wide a text is, in its own font size, as far as a glance at it tells. */
export function units(text: string): number {
  let sum = 0;
  for (const letter of text) sum += WIDE.test(letter) ? 1 : NARROW_UNITS;
  return sum;
}

function shortened(text: string): string {
  let sum = 0;
  let kept = "";
  for (const letter of text) {
    sum += units(letter);
    if (sum > NAME_UNITS_MAX) return `${kept}…`;
    kept += letter;
  }
  return text;
}

/** A name in a place of its own: the style makes it as large as the place allows. */
export function putName(target: HTMLElement, name: string): void {
  if (target.dataset.whole === name) return;
  target.dataset.whole = name;
  const text = shortened(name);
  target.textContent = text;
  target.style.setProperty("--units", Math.max(1, units(text)).toFixed(2));
}

/** Gives every row of a list an item, and hides the rows that are left. */
export function fill<Row extends { root: HTMLElement }, Item>(
  rows: readonly Row[],
  items: readonly Item[],
  each: (row: Row, item: Item, n: number) => void,
): void {
  rows.forEach((row, n) => {
    const item = items[n];
    row.root.hidden = item === undefined;
    if (item !== undefined) each(row, item, n);
  });
}
