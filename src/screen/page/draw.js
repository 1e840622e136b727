// How a document becomes numbers, rows and curves. Nodes are made once and refilled, so that months
// of updates leave no garbage; text goes in by textContent only.

const SOURCES = ["measured", "self_declared", "estimated", "corrected"];
const SEXES = { male: "男", female: "女", m: "男", f: "女", 1: "男", 2: "女" };

export const byId = (id) => document.getElementById(id);

// ---------------------------------------------------------------- numbers and times

const whole = new Intl.NumberFormat("zh-CN");
const formats = new Map();

/** The zone of the division's days; the server says it. */
let zone = "Asia/Shanghai";

function format(kind, options) {
  const key = `${kind} ${zone}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.DateTimeFormat("zh-CN", { timeZone: zone, ...options }));
  }
  return formats.get(key);
}

export const clockFormat = () =>
  format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
export const minuteFormat = () => format("minute", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const dateFormat = () =>
  format("date", { year: "numeric", month: "long", day: "numeric", weekday: "long" });

const number = (value) => (typeof value === "number" ? whole.format(value) : "—");
const percent = (value) => (typeof value === "number" ? `${value.toFixed(1)}%` : "—");

function short(value) {
  if (value >= 100_000_000) return `${+(value / 100_000_000).toFixed(1)}亿`;
  return value >= 10_000 ? `${+(value / 10_000).toFixed(1)}万` : whole.format(value);
}

// ---------------------------------------------------------------- nodes, made once

function node(name, className, parent) {
  const made = document.createElement(name);
  if (className) made.className = className;
  parent?.append(made);
  return made;
}

function shape(name, className, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (className) made.setAttribute("class", className);
  parent.append(made);
  return made;
}

export function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function track(parent) {
  return node("i", "", node("span", "track", parent));
}

const fields = new Map();
for (const element of document.querySelectorAll("[data-field]")) {
  fields.set(element.dataset.field, element);
}

function rows(list, most, make) {
  const parent = byId(list);
  return Array.from({ length: most }, (_, n) => {
    const row = make(parent, n);
    row.root.hidden = true;
    return row;
  });
}

const venueRows = rows("venues", 10, (parent, n) => {
  const root = node("li", "", parent);
  const label = node("span", "label", root);
  const count = node("span", "count", root);
  const inside = node("b", "", count);
  inside.dataset.field = `venues.${n}.inside`;
  const capacity = node("span", "", count);
  return { root, label, inside, capacity, fill: track(root), visits: node("span", "visits", root) };
});

const rankRows = rows("ranking", 5, (parent, n) => {
  const root = node("li", "", parent);
  put(node("span", "place-no", root), String(n + 1));
  const label = node("span", "label", root);
  const minutes = node("b", "", root);
  minutes.dataset.field = `ranking.${n}.minutes`;
  return { root, label, minutes, fill: track(root) };
});

const latestRows = rows("latest", 12, (parent, n) => {
  const root = node("li", "", parent);
  const [way, name, venue] = ["way", "who", "venue"].map((part) => node("span", part, root));
  name.dataset.field = `latest.${n}.name`;
  return { root, way, name, venue, at: node("time", "", root) };
});

const ageRows = rows("ages", 7, (parent, n) => {
  const root = node("div", "", parent);
  const label = node("span", "", root);
  const fill = track(root);
  const people = node("b", "", root);
  people.dataset.field = `ages.${n}.people`;
  return { root, label, fill, people };
});

const sexRows = rows("sexes", 3, (parent, n) => {
  const root = node("div", "", parent);
  const label = node("span", "", root);
  const people = node("b", "", root);
  people.dataset.field = `sexes.${n}.people`;
  return { root, label, people };
});

const sourceBars = SOURCES.map((source) => node("span", source, byId("sources")));

const hours = byId("hours");
const curve = {
  grid: shape("path", "grid", hours),
  area: shape("path", "area", hours),
  usual: shape("path", "usual", hours),
  line: shape("path", "line", hours),
  dot: shape("circle", "dot", hours),
  top: shape("text", "value", hours),
  marks: Array.from({ length: 5 }, () => shape("text", "", hours)),
};

const days = byId("days");
const bars = {
  grid: shape("path", "grid", days),
  all: Array.from({ length: 30 }, () => shape("rect", "bar", days)),
  top: shape("text", "value", days),
  marks: Array.from({ length: 4 }, () => shape("text", "", days)),
};

// ---------------------------------------------------------------- filling them

/** Shows `doc`, whatever its age. */
export function show(doc) {
  zone = doc.time_zone;
  for (const [path, element] of fields) {
    const value = path.split(".").reduce((part, key) => part?.[key], doc);
    if (path === "name") put(element, value ?? doc.division);
    else if (!path.endsWith("_share") && path !== "residents.coverage") put(element, number(value));
  }
  const minutes = doc.today.minutes;
  const measured = minutes.total > 0 ? (100 * minutes.measured) / minutes.total : undefined;
  put(fields.get("today.measured_share"), percent(measured));
  put(fields.get("residents.coverage"), percent(doc.residents?.coverage_percent));
  sourceBars.forEach((bar, n) => { bar.style.flexGrow = String(Math.max(0, minutes[SOURCES[n]])); });
  document.title = `${doc.name ?? doc.division} · 运动家`;
  showSigns(doc);
  showVenues(doc);
  showRanking(doc);
  showPeople(doc);
  showLatest(doc);
  redraw(doc);
}

function showSigns(doc) {
  byId("degraded").hidden = !doc.degraded || doc.rebuilding;
  byId("rebuilding").hidden = !doc.rebuilding;
  const silent = doc.terminals.total - doc.terminals.online;
  byId("silent").hidden = silent <= 0;
  put(byId("silent"), `${number(silent)} 台终端离线`);
  document.body.classList.toggle("about", doc.rebuilding || doc.silent_terminals.length > 0);
}

/** Fills as many rows as there are items; the rest is hidden. */
function fill(list, items, each) {
  list.forEach((row, n) => {
    row.root.hidden = n >= items.length;
    if (n < items.length) each(row, items[n]);
  });
}

function width(element, part) {
  element.style.width = `${Math.min(100, Math.max(0, 100 * part)).toFixed(1)}%`;
}

function showVenues(doc) {
  byId("venues").classList.toggle("few", doc.venues.length <= 4);
  fill(venueRows, doc.venues, (row, venue) => {
    put(row.label, venue.name);
    put(row.inside, number(venue.inside));
    put(row.visits, `今日 ${number(venue.visits)} 人次 · ${number(venue.minutes)} 分钟`);
    put(row.capacity, venue.capacity ? ` / ${number(venue.capacity)}` : " 人");
    width(row.fill, venue.capacity ? venue.inside / venue.capacity : 0);
    const crowded = venue.capacity_soft ?? (venue.capacity ? venue.capacity * 0.8 : Infinity);
    row.root.classList.toggle("open-ended", !venue.capacity);
    row.root.classList.toggle("full", Boolean(venue.capacity) && venue.inside >= venue.capacity);
    row.root.classList.toggle("busy", venue.inside >= crowded);
  });
}

function showRanking(doc) {
  put(byId("ranking-title"), doc.ranking[0]?.venue_id ? "本月场馆排行" : "本月社区排行");
  const most = Math.max(1, ...doc.ranking.map((place) => place.minutes));
  fill(rankRows, doc.ranking, (row, place) => {
    put(row.label, place.name ?? place.division);
    put(row.minutes, number(place.minutes));
    width(row.fill, place.minutes / most);
  });
}

function showPeople(doc) {
  const sexes = doc.sexes.filter((group) => group.people !== 0 && SEXES[group.sex]);
  fill(sexRows, sexes, (row, group) => {
    put(row.label, SEXES[group.sex]);
    put(row.people, group.people === null ? "—" : number(group.people));
  });
  const ages = doc.ages.filter((band) => band.from !== null);
  const most = Math.max(1, ...ages.map((band) => band.people ?? 0));
  fill(ageRows, ages, (row, band) => {
    put(row.label, band.to === null ? `${band.from} 岁以上` : `${band.from}–${band.to} 岁`);
    put(row.people, number(band.people));
    width(row.fill, (band.people ?? 0) / most);
  });
}

function showLatest(doc) {
  fill(latestRows, doc.latest, (row, entry) => {
    row.root.classList.toggle("out", entry.direction === "out");
    put(row.way, entry.direction === "out" ? "离场" : "入场");
    put(row.name, entry.name ?? "居民");
    put(row.venue, entry.venue ?? "");
    put(row.at, minuteFormat().format(Date.parse(entry.at)));
  });
}

// ---------------------------------------------------------------- charts

/** The drawing's size in tenths of a rem, so that text and lines grow with the screen. */
function canvas(svg) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize) / 10;
  const [w, h] = [svg.clientWidth / rem, svg.clientHeight / rem];
  svg.setAttribute("viewBox", `0 0 ${w.toFixed(1)} ${h.toFixed(1)}`);
  return { w, bottom: h - 20, top: 18 };
}

/** A round number at or above `value`: the top of the scale. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value);
}

function write(text, x, y, anchor, content) {
  text.setAttribute("x", x.toFixed(1));
  text.setAttribute("y", y.toFixed(1));
  text.setAttribute("text-anchor", anchor);
  put(text, content);
}

function gridLines(path, { w, top, bottom }) {
  const lines = [top, (top + bottom) / 2, bottom].map((y) => `M0 ${y.toFixed(1)}H${w.toFixed(1)}`);
  path.setAttribute("d", lines.join(""));
}

function drawHours(doc) {
  const area = canvas(hours);
  const most = ceiling(Math.max(4, ...doc.hours.flatMap((h) => [h.visits, h.usual_visits ?? 0])));
  const x = (n) => 6 + ((area.w - 12) * n) / 23;
  const y = (value) => area.bottom - ((area.bottom - area.top) * value) / most;
  const path = (points) => points.map(([px, py], n) => `${n ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  const hourNow = Number(minuteFormat().formatToParts(Date.parse(doc.as_of)).find((p) => p.type === "hour").value);
  const last = Math.max(0, doc.hours.findIndex((h) => h.hour === hourNow % 24));
  const now = doc.hours.slice(0, last + 1).map((h, n) => [x(n), y(h.visits)]);
  const usual = doc.hours.filter((h) => h.usual_visits !== null).map((h, n) => [x(n), y(h.usual_visits)]);
  gridLines(curve.grid, area);
  curve.line.setAttribute("d", path(now));
  curve.area.setAttribute("d", `${path(now)}L${x(last).toFixed(1)} ${area.bottom.toFixed(1)}L${x(0).toFixed(1)} ${area.bottom.toFixed(1)}Z`);
  curve.usual.setAttribute("d", path(usual));
  curve.dot.setAttribute("cx", x(last).toFixed(1));
  curve.dot.setAttribute("cy", y(doc.hours[last].visits).toFixed(1));
  curve.dot.setAttribute("r", "5");
  write(curve.top, 0, area.top - 5, "start", short(most));
  curve.marks.forEach((mark, n) => {
    const at = Math.min(23, n * 6);
    const anchor = n === 0 ? "start" : n === 4 ? "end" : "middle";
    const hour = n === 4 ? (doc.hours[23].hour + 1) % 24 : doc.hours[at].hour;
    write(mark, n === 0 ? 0 : n === 4 ? area.w : x(at), area.bottom + 16, anchor, `${hour} 时`);
  });
}

function drawDays(doc) {
  const area = canvas(days);
  const most = ceiling(Math.max(10, ...doc.days.map((day) => day.minutes)));
  const step = area.w / bars.all.length;
  gridLines(bars.grid, area);
  bars.all.forEach((bar, n) => {
    const day = doc.days[n];
    const height = day ? Math.max(0, ((area.bottom - area.top) * day.minutes) / most) : 0;
    bar.setAttribute("x", (n * step + step * 0.16).toFixed(1));
    bar.setAttribute("width", (step * 0.68).toFixed(1));
    bar.setAttribute("y", (area.bottom - height).toFixed(1));
    bar.setAttribute("height", height.toFixed(1));
    bar.setAttribute("rx", "2");
    const open = day?.state === "provisional";
    bar.setAttribute("class", n === bars.all.length - 1 ? "last" : open ? "open" : "bar");
  });
  write(bars.top, 0, area.top - 5, "start", short(most));
  bars.marks.forEach((mark, n) => {
    const at = Math.min(doc.days.length - 1, n * 10);
    const [, month, day] = (doc.days[at]?.day ?? "--").split("-");
    const anchor = n === 0 ? "start" : n === 3 ? "end" : "middle";
    const x = n === 0 ? 0 : n === 3 ? area.w : (at + 0.5) * step;
    write(mark, x, area.bottom + 16, anchor, n === 3 ? "今日" : `${Number(month)}/${Number(day)}`);
  });
}

/** Draws again what depends on the size of the screen. */
export function redraw(doc) {
  drawHours(doc);
  drawDays(doc);
}
