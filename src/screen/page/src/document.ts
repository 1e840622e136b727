// The document that the server sends, as src/screen/document.rs writes it. What is null is unknown
// and is left out, never shown as zero.

export interface Minutes {
  total: number;
  measured: number;
  self_declared: number;
  estimated: number;
  corrected: number;
}

export interface Period {
  visits: number;
  people: number;
  minutes: Minutes;
}

export interface Venue {
  id: string;
  name: string;
  community: string;
  kind: string;
  inside: number;
  capacity: number | null;
  capacity_soft: number | null;
  visits: number;
  people: number;
  minutes: number;
}

export interface Hour {
  hour: number;
  visits: number;
  minutes: number;
  usual_visits: number | null;
}

export interface Day {
  day: string;
  visits: number;
  people: number | null;
  minutes: number;
  state: "provisional" | "final" | "restated" | null;
}

export interface Ranked {
  division: string;
  venue_id: string | null;
  name: string | null;
  minutes: number;
  visits: number;
}

export interface Entry {
  name: string | null;
  venue_id: string;
  venue: string | null;
  direction: "in" | "out";
  at: string;
}

export interface AgeBand {
  from: number | null;
  to: number | null;
  people: number | null;
}

export interface SexGroup {
  sex: string | null;
  people: number | null;
}

/** What is announced, in a line. */
export interface NoticeLine {
  venue: string | null;
  title: string;
  until: string;
}

export interface Residents {
  total: number;
  month_minutes_per_capita: number;
  coverage_percent: number;
}

/** A part of the bureau's map, as src/screen/map.rs draws it. */
export interface Shape {
  name: string | null;
  x: number;
  y: number;
  path: string;
}

/** The bureau's map with a pin for every venue on it. */
export interface MapSheet {
  tag: string;
  approval_number: string;
  width: number;
  height: number;
  shapes: Shape[];
  venues: { id: string; x: number; y: number }[];
}

export interface ScreenDocument {
  as_of: string;
  division: string;
  name: string | null;
  business_day: string;
  time_zone: string;
  day_starts_at: number;
  degraded: boolean;
  rebuilding: boolean;
  silent_terminals: { id: string; venue: string | null; last_seen_at: string | null }[];
  terminals: { online: number; total: number };
  inside: number;
  today: Period;
  month: Period;
  ever: Period;
  people_as_of: string;
  registered: number;
  instructors: number | null;
  groups: number | null;
  activities: number | null;
  /** Absent in documents that were kept from before there were notices. */
  notices?: NoticeLine[];
  residents: Residents | null;
  map: string | null;
  venues: Venue[];
  hours: Hour[];
  days: Day[];
  ranking: Ranked[];
  latest: Entry[];
  ages: AgeBand[];
  sexes: SexGroup[];
}
