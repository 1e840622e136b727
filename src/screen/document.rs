//! The document that a screen shows, as JSON: what is unknown is null, never invented.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::base::ids::{Direction, DivisionCode, TerminalId, VenueId};

/// Everything a screen shows of one division.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ScreenDocument)]
pub struct Document {
    /// When these figures were last read; the only field that moves when nothing happens.
    #[serde(serialize_with = "millis")]
    pub as_of: DateTime<Utc>,
    pub division: DivisionCode,
    pub name: Option<String>,
    /// The business day that `today` is, in `time_zone`; it begins at hour `day_starts_at`.
    pub business_day: NaiveDate,
    pub time_zone: String,
    pub day_starts_at: usize,
    /// The counters are lost; the figures of today come from SQL.
    pub degraded: bool,
    /// The counters are being built anew.
    pub rebuilding: bool,
    pub silent_terminals: Vec<SilentTerminal>,
    pub terminals: TerminalCount,
    /// Members inside now.
    pub inside: i64,
    pub today: Period,
    pub month: Period,
    pub ever: Period,
    /// When the distinct people of `month` and `ever` were last counted.
    #[serde(serialize_with = "millis")]
    pub people_as_of: DateTime<Utc>,
    /// Members whose home is here.
    pub registered: i64,
    /// Active instructors who are at home here and hold a certificate that is good today.
    pub instructors: Option<i64>,
    /// Active ones; null while there is none.
    pub groups: Option<i64>,
    /// Those that were held; null while there is none.
    pub activities: Option<i64>,
    /// What is announced now, the latest first, three at most.
    pub notices: Vec<NoticeLine>,
    /// Null where the number of residents is unknown.
    pub residents: Option<Residents>,
    /// The version of the bureau's own map, to be had under `/map`; null where none was supplied.
    pub map: Option<String>,
    /// Venues in use, the fullest first.
    pub venues: Vec<VenueNow>,
    /// The 24 local hours in the order of the business day.
    pub hours: Vec<HourOfDay>,
    /// The last 30 business days, oldest first, today last.
    pub days: Vec<TrendDay>,
    /// By minutes of this month: communities, or the venues of a single community.
    pub ranking: Vec<Ranked>,
    /// Entries and exits, newest first, names masked.
    pub latest: Vec<Latest>,
    /// Registered members by age.
    pub ages: Vec<AgeBand>,
    /// Registered members by sex.
    pub sexes: Vec<SexGroup>,
}

/// A notice in a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeLine {
    /// Null where it is for the whole division.
    pub venue: Option<String>,
    pub title: String,
    pub until: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    pub visits: i64,
    /// Distinct members.
    pub people: i64,
    pub minutes: Minutes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Minutes {
    pub total: i64,
    pub measured: i64,
    pub self_declared: i64,
    pub estimated: i64,
    pub corrected: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SilentTerminal {
    pub id: TerminalId,
    pub venue: Option<String>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TerminalCount {
    pub online: i64,
    pub total: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Residents {
    pub total: i64,
    /// Minutes of this month per resident, to one decimal.
    pub month_minutes_per_capita: f64,
    /// Registered members per hundred residents, to one decimal.
    pub coverage_percent: f64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VenueNow {
    pub id: VenueId,
    pub name: String,
    pub community: DivisionCode,
    pub kind: String,
    pub inside: i64,
    /// People at most; null where there is no limit.
    pub capacity: Option<i32>,
    /// People from which it is called crowded.
    pub capacity_soft: Option<i32>,
    pub visits: i64,
    pub people: i64,
    pub minutes: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourOfDay {
    pub hour: usize,
    pub visits: i64,
    pub minutes: i64,
    /// The mean of this weekday's last four weeks.
    pub usual_visits: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrendDay {
    pub day: NaiveDate,
    pub visits: i64,
    /// Null until the day is final.
    pub people: Option<i64>,
    pub minutes: i64,
    /// `provisional`, `final` or `restated`; null where nothing happened.
    pub state: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RankedPlace)]
pub struct Ranked {
    pub division: DivisionCode,
    /// Null where communities are ranked.
    pub venue_id: Option<VenueId>,
    pub name: Option<String>,
    pub minutes: i64,
    pub visits: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Latest {
    /// Masked; null for a member erased since.
    pub name: Option<String>,
    pub venue_id: VenueId,
    pub venue: Option<String>,
    pub direction: Direction,
    pub at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgeBand {
    /// Years of age, included; both ends are null for unknown ages.
    pub from: Option<i32>,
    pub to: Option<i32>,
    /// Null where the group is hidden.
    pub people: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SexGroup {
    /// As registered; null where unknown.
    pub sex: Option<String>,
    /// Null where the group is hidden.
    pub people: Option<i64>,
}

/// Always with three decimals, so that every document spends the same bytes on it.
fn millis<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
