// What each number of the page must say, worked out from the document by other means than the
// page's own.

const grouped = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const tenth = (value) => {
  const [whole, part] = value.toFixed(1).split(".");
  return `${grouped(whole)}.${part}`;
};
const ZONE_MS = 8 * 3_600_000;

const local = (at) => new Date(Date.parse(at) + ZONE_MS).toISOString();
const dayNumber = (at) => Math.floor((Date.parse(at) + ZONE_MS) / 86_400_000);

/** A time of today, of yesterday, or of a day before. */
function moment(at, asOf) {
  const minute = local(at).slice(11, 16);
  const before = dayNumber(asOf) - dayNumber(at);
  if (before === 0) return minute;
  const [, month, day] = local(at).slice(0, 10).split("-").map(Number);
  return `${before === 1 ? "昨日" : `${month}/${day}`} ${minute}`;
}

const share = ({ total, measured }) => (total > 0 ? `${tenth((100 * measured) / total)}%` : "—");

/** Figures that the page works out from others. */
const DERIVED = {
  "terminals.silent": (doc) => doc.terminals.total - doc.terminals.online,
  "venues.length": (doc) => doc.venues.length,
  "venues.more": (doc) => Math.max(0, doc.venues.length - 8),
  "venues.in_use": (doc) => doc.venues.filter((venue) => venue.inside > 0).length,
};

/** The text that the element of `path` must show; null where any shortened name will do. */
export function expected(doc, path) {
  if (DERIVED[path]) return grouped(DERIVED[path](doc));
  const parts = path.split(".");
  const last = parts.at(-1);
  if (last === "measured_share") return share(doc[parts[0]].minutes);
  const value = parts.reduce((part, key) => part?.[key], doc);
  if (last === "at") return moment(value, doc.as_of);
  if (parts[0] === "latest" && last === "name") return [...(value ?? "居民")].slice(0, 4).join("");
  if (["name", "venue"].includes(last)) return null;
  if (last === "coverage_percent") return `${tenth(value)}%`;
  if (last === "month_minutes_per_capita") return tenth(value);
  if (last === "capacity") return value === null ? "" : grouped(value);
  return value === null ? "—" : grouped(value);
}

/** What the charts say of themselves must hold every number that they draw. */
export function chartNumbers(doc) {
  const shown = (groups) =>
    groups.filter((group) => group.people !== null).map((group) => grouped(group.people));
  const known = doc.ages.filter((band) => band.from !== null);
  return {
    days: doc.days.map((day) => `${day.day} ${grouped(day.minutes)}`),
    week: doc.days.slice(-7).map((day) => `${day.day} ${grouped(day.visits)}`),
    hours: doc.hours.slice(0, 16).map((hour) => `${hour.hour} 时 ${grouped(hour.visits)}`),
    "age-ring": shown(known),
    "sex-ring": shown(doc.sexes),
  };
}
