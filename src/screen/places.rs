//! What stands in a division: its name, its venues with today's capacities, its terminals.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{maps, tables::statement};
use crate::{
    base::ids::{DivisionCode, TerminalId, VenueId},
    venues::{Standpoint, terms::Coordinates},
};

/// The zone and the start of a business day where no venue says otherwise.
const DEFAULT_ZONE: Tz = chrono_tz::Asia::Shanghai;
const DEFAULT_DAY_STARTS_AT: i32 = 4 * 60;
/// A terminal that said nothing for so long is silent: five missed heartbeats.
const SILENT_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A division as the screen knows it.
#[derive(Clone, Debug)]
pub struct Places {
    /// The division's name; none where the code was never named.
    pub name: Option<String>,
    pub residents: Option<i64>,
    /// Names of the communities in it.
    pub communities: HashMap<DivisionCode, String>,
    /// By id; retired ones too, since their past counts.
    pub venues: Vec<Venue>,
    /// Which of the bureau's maps to draw; none where none was supplied.
    pub map: Option<String>,
    pub zone: Tz,
    /// Minutes of local time at which a business day begins.
    pub day_starts_at: i32,
}

#[derive(Clone, Debug)]
pub struct Venue {
    pub id: VenueId,
    pub name: String,
    pub community: DivisionCode,
    pub kind: String,
    pub retired: bool,
    pub capacity: Option<i32>,
    pub capacity_soft: Option<i32>,
    /// Where it stands, if that is known.
    pub point: Option<Standpoint>,
}

impl Places {
    /// The business day that `at` belongs to.
    pub fn business_day(&self, at: DateTime<Utc>) -> NaiveDate {
        business_day(self.zone, self.day_starts_at, at)
    }

    /// The local hour in which a business day begins.
    pub fn first_hour(&self) -> usize {
        usize::try_from(self.day_starts_at / 60).unwrap_or_default() % 24
    }
}

fn business_day(zone: Tz, day_starts_at: i32, at: DateTime<Utc>) -> NaiveDate {
    (at.with_timezone(&zone).naive_local() - TimeDelta::minutes(day_starts_at.into())).date()
}

#[derive(FromQueryResult)]
struct DivisionRow {
    code: DivisionCode,
    name: String,
    resident_population: Option<i64>,
}

#[derive(FromQueryResult)]
struct VenueRow {
    id: VenueId,
    name: String,
    community: DivisionCode,
    kind: String,
    status: String,
    valid_from: Option<NaiveDate>,
    capacity: Option<i32>,
    capacity_soft: Option<i32>,
    time_zone: Option<String>,
    day_starts_at: Option<i32>,
    lat: Option<f64>,
    lng: Option<f64>,
    coordinates: String,
}

impl VenueRow {
    fn point(&self) -> Option<Standpoint> {
        let coordinates = Coordinates::parse(&self.coordinates)?;
        let (lat, lng) = self.lat.zip(self.lng)?;
        Some(Standpoint { lat, lng, coordinates })
    }
}

/// What stands in `division`; none where there is neither such a division nor a venue in it.
pub async fn find(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    now: DateTime<Utc>,
) -> Result<Option<Places>, DbErr> {
    let names = DivisionRow::find_by_statement(statement(
        db,
        "SELECT code, name, resident_population FROM divisions WHERE code BETWEEN $1 AND $2",
        division.bounds(),
    ))
    .all(db)
    .await?;
    let rows = VenueRow::find_by_statement(statement(
        db,
        "SELECT v.id, v.name, v.community, v.kind, v.status, r.valid_from, r.capacity, \
                r.capacity_soft, r.time_zone, r.day_starts_at, v.lat, v.lng, v.coordinates \
         FROM venues v LEFT JOIN venue_rules r ON r.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 ORDER BY v.id, r.version",
        division.bounds(),
    ))
    .all(db)
    .await?;
    let known = !rows.is_empty() || names.iter().any(|row| row.code == *division);
    if !known {
        return Ok(None);
    }
    let mut places = places(division, names, rows, now);
    places.map = maps::tag(db, division, &places.venues).await?;
    Ok(Some(places))
}

/// `rows` come by venue, then version; the day in force is told by the first venue's first rules.
fn places(
    division: &DivisionCode,
    names: Vec<DivisionRow>,
    rows: Vec<VenueRow>,
    now: DateTime<Utc>,
) -> Places {
    let first = rows.first();
    let zone = first.and_then(|row| row.time_zone.as_ref()?.parse().ok()).unwrap_or(DEFAULT_ZONE);
    let day_starts_at = first.and_then(|row| row.day_starts_at).unwrap_or(DEFAULT_DAY_STARTS_AT);
    let today = business_day(zone, day_starts_at, now);
    let own = names.iter().find(|row| row.code == *division);
    Places {
        name: own.map(|row| row.name.clone()),
        residents: own.and_then(|row| row.resident_population).filter(|people| *people > 0),
        communities: names
            .into_iter()
            .filter(|row| row.code.is_community())
            .map(|row| (row.code, row.name))
            .collect(),
        venues: in_force(rows, today),
        map: None,
        zone,
        day_starts_at,
    }
}

/// One venue each with the newest rules that hold today; before its opening day, the first.
fn in_force(rows: Vec<VenueRow>, today: NaiveDate) -> Vec<Venue> {
    let mut venues: Vec<Venue> = Vec::new();
    for row in rows {
        let seen = venues.last().is_some_and(|venue| venue.id == row.id);
        if seen && row.valid_from.is_none_or(|from| from > today) {
            continue;
        }
        if seen {
            venues.pop();
        }
        venues.push(Venue {
            point: row.point(),
            id: row.id,
            name: row.name,
            community: row.community,
            kind: row.kind,
            retired: row.status == "retired",
            capacity: row.capacity,
            capacity_soft: row.capacity_soft,
        });
    }
    venues
}

/// The terminals that stand in a division now.
#[derive(Clone, Debug, Default)]
pub struct Terminals {
    pub total: i64,
    /// Those that said something lately.
    pub online: i64,
    /// The silent ones, longest silence first.
    pub silent: Vec<SilentTerminal>,
}

#[derive(Clone, Debug)]
pub struct SilentTerminal {
    pub id: TerminalId,
    pub venue: VenueId,
    pub last_seen_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct TerminalRow {
    id: TerminalId,
    venue_id: VenueId,
    last_seen_at: Option<DateTime<Utc>>,
}

/// The terminals whose place at `now` is a venue of the division.
pub async fn terminals(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    now: DateTime<Utc>,
) -> Result<Terminals, DbErr> {
    let [first, last] = division.bounds();
    let rows = TerminalRow::find_by_statement(statement(
        db,
        "SELECT t.id, p.venue_id, t.last_seen_at \
         FROM venues v JOIN terminal_places p ON p.venue_id = v.id \
         JOIN terminals t ON t.id = p.terminal_id \
         WHERE v.community BETWEEN $1 AND $2 AND v.status <> 'retired' \
           AND t.status NOT IN ('retired', 'unclaimed') AND p.valid_from <= $3 \
           AND NOT EXISTS (SELECT 1 FROM terminal_places n WHERE n.terminal_id = p.terminal_id \
                           AND n.valid_from > p.valid_from AND n.valid_from <= $3) \
         ORDER BY t.last_seen_at, t.id",
        [first, last, now.into()],
    ))
    .all(db)
    .await?;
    let total = rows.len();
    let silent: Vec<SilentTerminal> = rows
        .into_iter()
        .filter(|row| row.last_seen_at.is_none_or(|at| now - at > SILENT_AFTER))
        .map(|row| SilentTerminal {
            id: row.id,
            venue: row.venue_id,
            last_seen_at: row.last_seen_at,
        })
        .collect();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Terminals { total: count(total), online: count(total - silent.len()), silent })
}
