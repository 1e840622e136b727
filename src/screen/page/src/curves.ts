// The charts over time: today's hours against the usual day, the week, thirty days.

import type { Option, Picture, Scale } from "./charts";
import { hourOf } from "./clock";
import { BLUE, CYAN, FAINT, INK, LINE, MINT } from "./colours";
import type { Day, ScreenDocument } from "./document";
import { number, short } from "./numbers";

const HOURS = 24;
const DAYS = 30;
const WEEK = 7;
/** What ECharts takes for a gap. */
const GAP = "-";
const WEEKDAYS = ["日", "一", "二", "三", "四", "五", "六"];

/** A round even number at or above `value`: the top of a scale with a line at its half. */
export function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const tops = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((step) => Math.round(step * power));
  return tops.find((top) => top >= value && top % 2 === 0) ?? 10 * power;
}

function grid({ rem }: Scale, left: number): Option {
  return {
    left: left * rem,
    right: 1 * rem,
    top: 1.2 * rem,
    bottom: 2.6 * rem,
    outerBoundsMode: "none",
  };
}

function axes({ rem }: Scale, labels: Option): Option {
  return {
    xAxis: {
      type: "category",
      axisLine: { lineStyle: { color: LINE } },
      axisTick: { show: false },
      axisLabel: {
        color: FAINT,
        fontSize: 1.4 * rem,
        margin: 0.9 * rem,
        hideOverlap: true,
        ...labels,
      },
      data: [],
    },
    yAxis: {
      type: "value",
      min: 0,
      axisLabel: { color: FAINT, fontSize: 1.4 * rem, margin: 0.8 * rem, formatter: short },
      splitLine: { lineStyle: { color: LINE, width: Math.max(1, 0.1 * rem) } },
    },
  };
}

function base(scale: Scale, left: number, labels: Option): Option {
  return {
    animationDurationUpdate: 600,
    textStyle: { fontFamily: scale.font },
    grid: grid(scale, left),
    ...axes(scale, labels),
  };
}

const top = (most: number): Option => ({ max: most, interval: most / 2 });

// ---------------------------------------------------------------- today's hours

export function hoursOption(scale: Scale): Option {
  const line = { type: "line", smooth: 0.3, smoothMonotone: "x", silent: true };
  const width = 0.3 * scale.rem;
  return {
    ...base(scale, 4.6, { interval: (n: number) => n % 4 === 0, formatter: "{value}时" }),
    series: [
      {
        ...line,
        symbol: "none",
        lineStyle: {
          color: FAINT,
          width: 0.2 * scale.rem,
          type: [0.6 * scale.rem, 0.5 * scale.rem],
        },
        data: [],
      },
      {
        ...line,
        symbol: "circle",
        showSymbol: true,
        showAllSymbol: true,
        itemStyle: { color: "#ffffff", borderColor: CYAN, borderWidth: width },
        lineStyle: { color: CYAN, width },
        areaStyle: { color: fade("79, 210, 255", 0.32) },
        data: [],
      },
    ],
  };
}

/** From a colour above to nothing below. */
function fade(rgb: string, alpha: number): Option {
  const stops = [alpha, 0].map((part, offset) => ({ offset, color: `rgba(${rgb}, ${part})` }));
  return { type: "linear", x: 0, y: 0, x2: 0, y2: 1, colorStops: stops };
}

export function hours(doc: ScreenDocument, { rem }: Scale): Picture {
  const all = doc.hours.slice(0, HOURS);
  const hourNow = hourOf(Date.parse(doc.as_of));
  const last = Math.max(
    0,
    all.findIndex((hour) => hour.hour === hourNow),
  );
  const visits = all.map((hour, n) =>
    // Only the hour that runs has a dot.
    n > last ? GAP : { value: hour.visits, symbolSize: n === last ? 1.1 * rem : 0 },
  );
  const usual = all.map((hour) => hour.usual_visits ?? GAP);
  const most = ceiling(
    Math.max(4, ...all.flatMap((hour) => [hour.visits, hour.usual_visits ?? 0])),
  );
  const told = all.slice(0, last + 1).map((hour) => `${hour.hour} 时 ${number(hour.visits)}`);
  const usually = all.map((hour) => number(hour.usual_visits));
  return {
    option: {
      xAxis: { data: all.map((hour) => hour.hour) },
      yAxis: top(most),
      series: [{ data: usual }, { data: visits }],
    },
    words: `今日入场人次：${told.join("，")}。平日：${usually.join("，")}`,
  };
}

// ---------------------------------------------------------------- thirty days

export function daysOption(scale: Scale): Option {
  const everyWeek = (n: number): boolean => (DAYS - 1 - n) % WEEK === 0;
  return {
    ...base(scale, 5.8, { interval: everyWeek }),
    series: [{ type: "bar", barWidth: "62%", silent: true, data: [] }],
  };
}

function dayName(day: Day | undefined, isToday: boolean): string {
  const [, month, date] = (day?.day ?? "").split("-");
  return isToday ? "今日" : `${Number(month)}/${Number(date)}`;
}

/** Days that may still change are drawn lighter than those that are final. */
function barColour(day: Day, isToday: boolean): string {
  if (isToday) return MINT;
  return day.state === "provisional" ? "rgba(63, 140, 240, 0.55)" : BLUE;
}

export function days(doc: ScreenDocument, { rem }: Scale): Picture {
  const all = doc.days.slice(-DAYS);
  const isToday = (n: number): boolean => n === all.length - 1;
  const bars = all.map((day, n) => ({
    value: day.minutes,
    itemStyle: { color: barColour(day, isToday(n)), borderRadius: [0.3 * rem, 0.3 * rem, 0, 0] },
  }));
  const told = all.map((day) => `${day.day} ${number(day.minutes)}`);
  return {
    option: {
      xAxis: { data: all.map((day, n) => dayName(day, isToday(n))) },
      yAxis: top(ceiling(Math.max(10, ...all.map((day) => day.minutes)))),
      series: [{ data: bars }],
    },
    words: `近 30 日运动分钟：${told.join("，")}`,
  };
}

// ---------------------------------------------------------------- the week

export function weekOption(scale: Scale): Option {
  const { rem } = scale;
  const round = [0.4 * rem, 0.4 * rem, 0, 0];
  return {
    ...base(scale, 0.4, {}),
    grid: {
      left: 0.4 * rem,
      right: 0.4 * rem,
      top: 1 * rem,
      bottom: 5 * rem,
      outerBoundsMode: "none",
    },
    xAxis: [
      axes(scale, {
        interval: 0,
        margin: 0.7 * rem,
        rich: {
          day: { color: FAINT, fontSize: 1.4 * rem, lineHeight: 2 * rem },
          visits: { color: INK, fontSize: 1.7 * rem, fontWeight: 600, lineHeight: 2.2 * rem },
        },
      }).xAxis,
      { type: "category", show: false, data: [] },
    ],
    yAxis: { type: "value", min: 0, show: false },
    series: [
      {
        // The same weekday a week ago, behind: on an axis of its own, so as not to stand beside.
        type: "bar",
        silent: true,
        xAxisIndex: 1,
        barWidth: "70%",
        z: 1,
        itemStyle: { color: "rgba(140, 180, 240, 0.16)", borderRadius: round },
        data: [],
      },
      {
        type: "bar",
        silent: true,
        barWidth: "36%",
        z: 2,
        data: [],
      },
    ],
  };
}

export function week(doc: ScreenDocument, { rem }: Scale): Picture {
  const ours = doc.days.slice(-WEEK);
  const before = doc.days.slice(-2 * WEEK, -WEEK);
  const isToday = (n: number): boolean => n === ours.length - 1;
  const bars = ours.map((day, n) => ({
    value: day.visits,
    itemStyle: { color: isToday(n) ? MINT : CYAN, borderRadius: [0.4 * rem, 0.4 * rem, 0, 0] },
  }));
  // The number under its bar: above it would stand in the bar of the week before.
  const names = ours.map((day, n) => {
    const name = isToday(n) ? "今日" : `周${weekday(day.day)}`;
    return `{visits|${short(day.visits)}}\n{day|${name}}`;
  });
  const told = ours.map((day) => `${day.day} ${number(day.visits)}`);
  const earlier = before.map((day) => number(day.visits));
  const most = Math.max(4, ...[...ours, ...before].map((day) => day.visits));
  return {
    option: {
      xAxis: [{ data: names }, { data: names }],
      yAxis: { max: most },
      series: [{ data: before.map((day) => day.visits) }, { data: bars }],
    },
    words: `近 7 日入场人次：${told.join("，")}。上周：${earlier.join("，")}`,
  };
}

function weekday(day: string): string {
  return WEEKDAYS[new Date(`${day}T00:00:00Z`).getUTCDay()] ?? "";
}
