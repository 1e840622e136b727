// Documents as the server would send them, the same at every run: for pictures and for sizes.

/** A Monday evening in Pinghu. */
export const NOW = Date.parse("2026-11-23T11:24:36.000Z");
const BUSINESS_DAY = "2026-11-23";
const DAY_MS = 86_400_000;

const SURNAMES = [..."沈陆朱王金马吴戴杨张钱顾"];
const TOWNS = ["永兴", "当湖", "钟埭", "曹桥", "广陈", "新埭", "独山港", "乍浦", "新仓", "林埭"];
const KINDS = ["百姓健身房", "室内馆", "多功能运动场", "小学运动场", "乒乓球馆", "健身驿站"];

/** Chance that always falls the same way. */
function chance(seed) {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const uuid = (n) => `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`;

function minutes(total) {
  const measured = Math.round(total * 0.624);
  const declared = Math.round(total * 0.041);
  const corrected = Math.round(total * 0.006);
  const estimated = total - measured - declared - corrected;
  return { total, measured, self_declared: declared, estimated, corrected };
}

const period = (visits, people, total) => ({ visits, people, minutes: minutes(total) });

function venues(count, names) {
  const roll = chance(count);
  const all = Array.from({ length: count }, (_, n) => {
    const capacity = [120, null, null, 300, 40, 60][n % 6];
    const inside = Math.floor((capacity ?? 30) * roll() ** 2 * 1.02);
    return {
      id: uuid(n + 1),
      name: names(n),
      community: `330482100${String(200 + (n % 40)).padStart(3, "0")}`,
      kind: "gym",
      inside: Math.min(inside, capacity ?? inside),
      capacity,
      capacity_soft: capacity ? Math.floor(capacity * 0.8) : null,
      visits: inside * 4 + Math.floor(roll() * 30),
      people: inside * 3,
      minutes: inside * 190 + Math.floor(roll() * 900),
    };
  });
  return all.sort((a, b) => b.inside - a.inside || (a.id < b.id ? -1 : 1));
}

const CURVE = [0, 3, 9, 14, 12, 8, 6, 4, 5, 6, 7, 8, 12, 19, 27, 31, 24, 12, 5, 2, 0, 0, 0, 0];

function hours(scale, isUsual = true) {
  const roll = chance(7);
  return CURVE.map((share, n) => {
    const hour = (n + 4) % 24;
    const isPast = n <= 15;
    return {
      hour,
      visits: isPast ? Math.round(share * scale * (0.75 + roll() * 0.5) * (n === 15 ? 0.5 : 1)) : 0,
      minutes: isPast ? Math.round(share * scale * 70) : 0,
      usual_visits: isUsual ? Math.round(share * scale) : null,
    };
  });
}

function days(scale, today) {
  const roll = chance(11);
  return Array.from({ length: 30 }, (_, n) => {
    const day = new Date(Date.parse(BUSINESS_DAY) - (29 - n) * DAY_MS).toISOString().slice(0, 10);
    const isWeekend = [0, 6].includes(new Date(day).getUTCDay());
    const visits = Math.round(scale * (isWeekend ? 46 : 36) * (0.8 + roll() * 0.4));
    const state = n > 27 ? "provisional" : "final";
    if (n === 29)
      return {
        day,
        visits: today.visits,
        people: today.people,
        minutes: today.minutes.total,
        state,
      };
    return {
      day,
      visits,
      people: n > 27 ? null : Math.round(visits * 0.9),
      minutes: visits * 68,
      state,
    };
  });
}

function latest(venues, name) {
  return Array.from({ length: venues.length ? 12 : 0 }, (_, n) => {
    const venue = venues[n % venues.length];
    return {
      name: name(n),
      venue_id: venue.id,
      venue: venue.name,
      direction: n % 3 === 2 ? "out" : "in",
      at: new Date(NOW - 7_000 - n * 41_000).toISOString(),
    };
  });
}

const BANDS = [
  [0, 6],
  [7, 17],
  [18, 34],
  [35, 59],
  [60, 79],
  [80, null],
  [null, null],
];

function people(registered) {
  const shares = [0.004, 0.07, 0.15, 0.41, 0.29, 0.072, 0.004];
  const bands = BANDS.map(([from, to], n) => ({
    from,
    to,
    people: Math.round(registered * shares[n]),
  }));
  const women = Math.round(registered * 0.567);
  return {
    ages: bands,
    sexes: [
      { sex: "female", people: women },
      { sex: "male", people: registered - women },
    ],
  };
}

function compose({
  division,
  name,
  venues: all,
  scale,
  registered,
  residents,
  names,
  ranking,
  ...rest
}) {
  const today = period(Math.round(scale * 38), Math.round(scale * 36), Math.round(scale * 2_214));
  return {
    as_of: new Date(NOW - 1_000).toISOString(),
    division,
    name,
    business_day: BUSINESS_DAY,
    time_zone: "Asia/Shanghai",
    day_starts_at: 4,
    degraded: false,
    rebuilding: false,
    silent_terminals: [],
    terminals: {
      online: all.length * 2 - (all.length ? 1 : 0),
      total: all.length * 2 - (all.length ? 1 : 0),
    },
    inside: all.reduce((sum, venue) => sum + venue.inside, 0),
    today,
    month: period(Math.round(scale * 933), Math.round(scale * 740), Math.round(scale * 61_552)),
    ever: period(
      Math.round(scale * 23_218),
      Math.round(scale * 2_435),
      Math.round(scale * 1_566_716),
    ),
    people_as_of: new Date(NOW - 20_000).toISOString(),
    registered,
    instructors: null,
    groups: null,
    activities: null,
    residents: residents
      ? {
          total: residents,
          month_minutes_per_capita: 6.2,
          coverage_percent: Math.round((registered * 1000) / residents) / 10,
        }
      : null,
    map: null,
    venues: all,
    hours: hours(scale * 0.21),
    days: days(scale, today),
    ranking,
    latest: latest(all, names),
    ...people(registered),
    ...rest,
  };
}

const masked = (n) => `${SURNAMES[n % SURNAMES.length]}*`;

const byVenue = (all) =>
  all
    .map((venue, n) => ({
      division: venue.community,
      venue_id: venue.id,
      name: venue.name,
      minutes: 30_063 - n * 4_917,
      visits: 400 - n,
    }))
    .filter((place) => place.minutes > 0);

const byCommunity = (count, most) =>
  Array.from({ length: Math.min(20, count) }, (_, n) => ({
    division: `330482100${200 + n}`,
    venue_id: null,
    name: `${TOWNS[n % TOWNS.length]}${["", "东", "西", "南", "北"][Math.floor(n / TOWNS.length)]}社区`,
    minutes: Math.round(most / (n * 0.31 + 1)),
    visits: Math.round(most / 70 / (n * 0.31 + 1)),
  }));

/** 永兴社区 with everything that a screen can show. */
export function community() {
  const all = venues(4, (n) => `永兴${KINDS[n]}`);
  return compose({
    division: "330482100201",
    name: "永兴社区",
    venues: all,
    scale: 1,
    registered: 2_550,
    residents: 9_850,
    names: masked,
    ranking: byVenue(all),
    instructors: 20,
    groups: 76,
    activities: 42,
  });
}

/** A district with five venues, without what later parts bring. */
export function district() {
  const all = venues(5, (n) => `${TOWNS[n]}${KINDS[n % KINDS.length]}`);
  return compose({
    division: "330482",
    name: "平湖市",
    venues: all,
    scale: 4,
    registered: 9_412,
    residents: 38_400,
    names: masked,
    ranking: byCommunity(4, 61_552),
  });
}

const PARTS = ["城东", "城南", "湖滨", "城西", "港口", "城北", "新区"].map((name) => `${name}街道`);

/** A district of no real place, for which the bureau supplied a map. */
export function mapped() {
  const all = venues(64, (n) => `${PARTS[n % 7].slice(0, 2)}${KINDS[n % 6]}${n > 41 ? 2 : ""}`);
  return compose({
    division: "330499",
    name: "示例区",
    venues: all,
    scale: 40,
    registered: 96_412,
    residents: 384_000,
    names: masked,
    ranking: byCommunity(40, 161_552),
    map: "a1b2c3d4e5f60718",
  });
}

/** Its map, as the server would draw it: a middle and seven parts around it, all invented. */
export function sheet(doc) {
  const roll = chance(3);
  const round = (radius, turn) => {
    const wave =
      1 + 0.13 * Math.sin(3 * turn + 1) + 0.07 * Math.sin(7 * turn) + 0.03 * Math.sin(19 * turn);
    return [500 + 600 * radius * wave * Math.cos(turn), 330 - 345 * radius * wave * Math.sin(turn)];
  };
  const path = (points) =>
    `M${points.map((point) => point.map((part) => part.toFixed(1)).join(" ")).join("L")}Z`;
  const steps = (from, to) => Array.from({ length: 25 }, (_, n) => from + ((to - from) * n) / 24);
  const part = (name, n) => {
    const [from, to] = [n, n + 1].map(
      (edge) => ((edge + 0.16 * Math.sin(edge * 5)) / 7) * 2 * Math.PI,
    );
    const outer = steps(from, to).map((turn) => round(0.82, turn));
    const inner = steps(to, from).map((turn) => round(0.34, turn));
    const [x, y] = round(0.62, (from + to) / 2);
    return { name, x, y, path: path([...outer, ...inner]) };
  };
  const whole = (n) => (n / 24) * 2 * Math.PI;
  const middle = Array.from({ length: 24 }, (_, n) => round(0.34, whole(n)));
  const parts = [...PARTS.map(part), { name: "老城街道", x: 500, y: 330, path: path(middle) }];
  const pins = doc.venues.slice(1).map(({ id }) => {
    const [x, y] = round(0.1 + 0.66 * Math.sqrt(roll()), roll() * 2 * Math.PI);
    return { id, x, y };
  });
  return {
    tag: doc.map,
    approval_number: "示例（虚构，不对应任何行政区）",
    width: 1000,
    height: 660,
    shapes: parts,
    venues: pins,
  };
}

/** A city with three hundred venues and numbers to match. */
export function city() {
  const all = venues(
    300,
    (n) => `${TOWNS[n % 10]}${KINDS[n % 6]}${n > 59 ? Math.floor(n / 60) + 1 : ""}`,
  );
  return compose({
    division: "3304",
    name: "嘉兴市",
    venues: all,
    scale: 310,
    registered: 1_284_530,
    residents: 5_558_000,
    names: masked,
    ranking: byCommunity(40, 1_961_552),
    instructors: 4_820,
    groups: 9_176,
    activities: 1_342,
  });
}

/** A community on its first morning: nobody registered, nothing opened. */
export function nobody() {
  const nothing = period(0, 0, 0);
  return {
    ...compose({
      division: "330482100202",
      name: "新华社区",
      venues: [],
      scale: 0,
      registered: 0,
      residents: null,
      names: masked,
      ranking: [],
    }),
    today: nothing,
    month: nothing,
    ever: nothing,
    hours: hours(0, false),
    sexes: [],
    days: days(0, nothing).map((day) => ({ ...day, state: null })),
  };
}

/** Every name twenty characters long, an uncertain town: the most that must find room. */
export function longNames() {
  const long = (n) =>
    `${TOWNS[n % 10]}经济技术开发区中心全民健身多功能运动馆`.slice(0, 19) + (n % 10);
  const all = venues(9, long);
  const dense = compose({
    division: "330482100203",
    name: "平湖经济技术开发区永兴社区联合党群服务中心",
    venues: all,
    scale: 310,
    registered: 1_284_530,
    residents: 5_558_000,
    names: () => "阿卜杜拉买买提艾则孜玉素甫江吾布力卡斯木",
    ranking: byVenue(all).map((place) => ({ ...place, minutes: place.minutes * 310 })),
    instructors: 4_820,
    groups: 9_176,
    activities: 1_342,
  });
  // Nobody came since the day before yesterday: times with their dates are the longest.
  const latest = dense.latest.map((entry, n) => ({
    ...entry,
    at: new Date(NOW - (n < 6 ? 1 : 2) * DAY_MS).toISOString(),
  }));
  return {
    ...dense,
    latest,
    rebuilding: true,
    terminals: { online: 12, total: 17 },
    silent_terminals: [{ id: uuid(900), venue: long(1), last_seen_at: null }],
  };
}

/** One character each, one venue, one of everything. */
export function oneOfEach() {
  const all = venues(1, () => "馆");
  return compose({
    division: "330482100204",
    name: "城",
    venues: all,
    scale: 0.02,
    registered: 14,
    residents: 100,
    names: () => "*",
    ranking: byVenue(all),
    instructors: 1,
    groups: 1,
    activities: 1,
    ages: BANDS.map(([from, to], n) => ({ from, to, people: n === 3 || n === 4 ? null : 0 })),
    sexes: [
      { sex: "female", people: null },
      { sex: "male", people: null },
    ],
  });
}
