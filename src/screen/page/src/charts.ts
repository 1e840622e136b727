// The five charts. One instance each for as long as the page lives, arrays of fixed length, and
// nothing but setOption: to dispose and begin anew on each tick would leak by nightfall.

import { BarChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { byId } from "./nodes";
import type { ScreenDocument } from "./document";
import { days, daysOption, hours, hoursOption, week, weekOption } from "./curves";
import { ring, ringOption } from "./rings";
import { ageSlices, sexSlices } from "./people";

use([LineChart, BarChart, PieChart, GridComponent, CanvasRenderer]);

/** What a chart shows: its series, and the same in words, for those who cannot see it. */
export type Option = Record<string, unknown>;

export interface Picture {
  option: Option;
  words: string;
}

/** Lengths in CSS pixels, and the font that the page uses. */
export interface Scale {
  rem: number;
  font: string;
}

interface Kind {
  id: string;
  /** Axes, colours and sizes: set once, and again when the screen's size changes. */
  option(scale: Scale): Option;
  picture(doc: ScreenDocument, scale: Scale): Picture;
}

const KINDS: Kind[] = [
  { id: "hours", option: hoursOption, picture: hours },
  { id: "days", option: daysOption, picture: days },
  { id: "week", option: weekOption, picture: week },
  {
    id: "age-ring",
    option: (scale) => ringOption(scale, "年龄"),
    picture: (doc) => ring("年龄", ageSlices(doc)),
  },
  {
    id: "sex-ring",
    option: (scale) => ringOption(scale, "性别"),
    picture: (doc) => ring("性别", sexSlices(doc)),
  },
];

class Chart {
  private readonly element: HTMLElement;
  private readonly chart: EChartsType;
  private words = "";

  constructor(private readonly kind: Kind) {
    this.element = byId(kind.id);
    this.chart = init(this.element, null, { renderer: "canvas" });
    this.chart.setOption({ ...kind.option(scale), animation: !isStill(), animationDuration: 0 });
  }

  show(doc: ScreenDocument): void {
    const picture = this.kind.picture(doc, scale);
    // The words say all that is drawn: the same words, the same picture.
    if (picture.words === this.words) return;
    this.words = picture.words;
    this.element.setAttribute("aria-label", picture.words);
    this.chart.setOption(picture.option, { lazyUpdate: true });
  }

  resize(doc: ScreenDocument | null): void {
    this.chart.resize();
    this.chart.setOption({ ...this.kind.option(scale), animation: false });
    if (doc) this.chart.setOption(this.kind.picture(doc, scale).option);
    this.chart.setOption({ animation: !isStill() });
  }
}

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const isStill = (): boolean => stillness.matches;

/** Measured when the screen's size changes, not at each update: to ask the style is to lay out. */
let scale: Scale = { rem: 10, font: "sans-serif" };

function measure(): void {
  scale = {
    rem: parseFloat(getComputedStyle(document.documentElement).fontSize),
    font: getComputedStyle(document.body).fontFamily,
  };
}

let charts: Chart[] = [];
let shown: ScreenDocument | null = null;

/** Makes the charts once the page has its sizes. */
export function startCharts(): void {
  measure();
  charts = KINDS.map((kind) => new Chart(kind));
  const observer = new ResizeObserver(() => {
    measure();
    for (const chart of charts) chart.resize(shown);
  });
  for (const kind of KINDS) observer.observe(byId(kind.id));
}

export function showCharts(doc: ScreenDocument): void {
  shown = doc;
  for (const chart of charts) chart.show(doc);
}
