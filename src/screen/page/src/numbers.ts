// Numbers: how they are written, and how the large ones turn over digit by digit without moving
// their neighbours.

import { mark } from "./nodes";

const whole = new Intl.NumberFormat("zh-CN");
const tenths = new Intl.NumberFormat("zh-CN", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** What is unknown. */
export const NOTHING = "—";

export const number = (value: number | null | undefined): string =>
  typeof value === "number" ? whole.format(value) : NOTHING;
export const decimal = (value: number | null | undefined): string =>
  typeof value === "number" ? tenths.format(value) : NOTHING;
export const percent = (value: number | null | undefined): string =>
  typeof value === "number" ? `${tenths.format(value)}%` : NOTHING;

/** For the scale of a chart. */
export function short(value: number): string {
  if (value >= 100_000_000) return `${Number((value / 100_000_000).toFixed(1))}亿`;
  return value >= 10_000 ? `${Number((value / 10_000).toFixed(1))}万` : whole.format(value);
}

/** The widths of the cells in the style, with what rounding to whole pixels may add. */
const DIGIT_UNITS = 0.66;
const MARK_UNITS = 0.43;
const LETTER_UNITS = 1.08;

function unitsOf(letter: string): number {
  if (letter >= "0" && letter <= "9") return DIGIT_UNITS;
  return letter === "," || letter === "." ? MARK_UNITS : LETTER_UNITS;
}

interface Cell {
  root: HTMLElement;
  face: HTMLElement;
  letter: string;
}

/** A number in cells, filled from the right, so that ones stay ones whatever stands before them. */
export class Digits {
  private readonly cells: Cell[] = [];
  private text: string | null = null;

  constructor(private readonly root: HTMLElement) {
    root.textContent = "";
    root.classList.add("digits");
  }

  set(text: string): void {
    if (this.text === text) return;
    const isFirst = this.text === null;
    this.text = text;
    const letters = [...text].reverse();
    while (this.cells.length < letters.length) this.grow();
    while (this.cells.length > letters.length) this.cells.pop()?.root.remove();
    letters.forEach((letter, n) => this.turn(n, letter, isFirst));
    const units = letters.reduce((sum, letter) => sum + unitsOf(letter), 0);
    this.root.style.setProperty("--units", units.toFixed(2));
  }

  private grow(): void {
    const root = document.createElement("span");
    const face = document.createElement("span");
    root.append(face);
    this.root.prepend(root);
    this.cells.push({ root, face, letter: "" });
  }

  /** The old digit leaves as content of the style, never as text of the page. */
  private turn(n: number, letter: string, isFirst: boolean): void {
    const cell = this.cells[n];
    if (!cell || cell.letter === letter) return;
    if (!isFirst && cell.letter) {
      cell.root.dataset.was = cell.letter;
      // Two names of one motion: to change the name is to begin anew.
      cell.root.dataset.turn = cell.root.dataset.turn === "a" ? "b" : "a";
    }
    cell.letter = letter;
    cell.face.textContent = letter;
    const units = unitsOf(letter);
    cell.root.className =
      units === DIGIT_UNITS ? "digit" : units === MARK_UNITS ? "mark" : "letter";
  }
}

/** The large numbers of the page's own markup, by the document's path. */
export class Headlines {
  private readonly byPath = new Map<string, Digits>();

  constructor(root: ParentNode) {
    for (const element of root.querySelectorAll<HTMLElement>("b[data-field]")) {
      const path = element.dataset.field ?? "";
      this.byPath.set(path, new Digits(mark(element, path)));
    }
  }

  put(path: string, text: string): void {
    this.byPath.get(path)?.set(text);
  }

  paths(): IterableIterator<string> {
    return this.byPath.keys();
  }
}
