// How a document becomes the page: every part is told what to show, and none asks how old it is.

import { useZone } from "./clock";
import { showCharts } from "./charts";
import type { Period, ScreenDocument } from "./document";
import { showLatest, showRanking } from "./lists";
import { byId, put, putName, setPart } from "./nodes";
import { decimal, Headlines, number, percent } from "./numbers";
import { showPeople } from "./people";
import { showVenues } from "./venues";

const SOURCES = ["measured", "self_declared", "estimated", "corrected"] as const;
/** What a code of so many digits is the code of. */
const LEVELS: Record<number, string> = {
  2: "省级",
  4: "市级",
  6: "区县",
  9: "街道乡镇",
  12: "社区",
};

const headlines = new Headlines(document);
const bars = SOURCES.map((source) => byId(`source-${source}`));

/** Shows `doc`, whatever its age. */
export function show(doc: ScreenDocument): void {
  useZone(doc.time_zone);
  const name = doc.name ?? doc.division;
  putName(byId("name"), name);
  put(byId("level"), LEVELS[doc.division.length] ?? "");
  const title = `${name} · 运动家`;
  if (document.title !== title) document.title = title;
  showFigures(doc);
  showFacts(doc);
  showNews(doc);
  showSigns(doc);
  showVenues(doc);
  showRanking(doc);
  showLatest(doc);
  showPeople(doc);
  showCharts(doc);
}

function showFigures(doc: ScreenDocument): void {
  headlines.put("inside", number(doc.inside));
  for (const span of ["today", "month", "ever"] as const) showPeriod(span, doc[span]);
  const { minutes } = doc.today;
  bars.forEach((bar, n) => {
    const source = SOURCES[n];
    if (source) setPart(bar, minutes.total > 0 ? minutes[source] / minutes.total : 0);
  });
}

function showPeriod(span: string, period: Period): void {
  headlines.put(`${span}.visits`, number(period.visits));
  headlines.put(`${span}.people`, number(period.people));
  headlines.put(`${span}.minutes.total`, number(period.minutes.total));
  const { total, measured } = period.minutes;
  headlines.put(
    `${span}.minutes.measured_share`,
    percent(total > 0 ? (100 * measured) / total : null),
  );
}

/** What a newspaper prints. A figure that this deployment does not keep is left out. */
function showFacts(doc: ScreenDocument): void {
  const facts: Record<string, string | null> = {
    registered: number(doc.registered),
    instructors: doc.instructors === null ? null : number(doc.instructors),
    groups: doc.groups === null ? null : number(doc.groups),
    activities: doc.activities === null ? null : number(doc.activities),
    "venues.length": number(doc.venues.length),
    "residents.month_minutes_per_capita":
      doc.residents && decimal(doc.residents.month_minutes_per_capita),
    "residents.coverage_percent": doc.residents && percent(doc.residents.coverage_percent),
  };
  for (const [path, text] of Object.entries(facts)) {
    byId(`fact-${path}`).hidden = text === null;
    if (text !== null) headlines.put(path, text);
  }
}

/** The latest notice stands where the motto does. */
function showNews(doc: ScreenDocument): void {
  const notice = doc.notices?.[0];
  byId("news").hidden = !notice;
  byId("motto").hidden = Boolean(notice);
  if (!notice) return;
  const venue = notice.venue ? `${notice.venue} · ` : "";
  putName(byId("news-line"), `公告：${venue}${notice.title}`);
}

function showSigns(doc: ScreenDocument): void {
  byId("degraded").hidden = !doc.degraded || doc.rebuilding;
  byId("rebuilding").hidden = !doc.rebuilding;
  const silent = doc.terminals.total - doc.terminals.online;
  byId("silent").hidden = silent <= 0;
  put(byId("silent-count"), number(silent));
  headlines.put("terminals.online", number(doc.terminals.online));
  headlines.put("terminals.total", number(doc.terminals.total));
  // A number that something may still be missing from says so.
  const isAbout = doc.rebuilding || doc.silent_terminals.length > 0;
  document.body.dataset.about = String(isAbout);
  byId("key-usual").hidden = doc.hours.every((hour) => hour.usual_visits === null);
}
