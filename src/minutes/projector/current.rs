//! The current rows of what changed, as absolute values for the counters. Each kind is read by
//! one statement, so that values and version are of one moment.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, Utc};
use sea_orm::{DatabaseConnection, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::Trouble;
use crate::base::{
    counters::{Counters, Family, Person, Presence, Projected},
    db::bulk::{self, Kind, Lookup},
    ids::{DivisionCode, MemberId, VenueId},
};

/// Something whose counters follow from rows of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A venue's day with its hours.
    VenueDay(VenueId, NaiveDate),
    MemberDay(MemberId, NaiveDate),
    /// Whether a member is inside a venue.
    Presence(MemberId, VenueId),
    /// Of which divisions' people a member is on a day.
    People(MemberId, NaiveDate),
}

/// The numbers of a venue-day, of a member-day without the people, as columns and fields.
pub const DAY_FIELDS: [&str; 6] = [
    "visits",
    "people",
    "minutes_measured",
    "minutes_self_declared",
    "minutes_estimated",
    "minutes_corrected",
];

/// Fields of a venue's hours by local hour.
pub const HOUR_VISITS: [&str; 24] = [
    "visits_00",
    "visits_01",
    "visits_02",
    "visits_03",
    "visits_04",
    "visits_05",
    "visits_06",
    "visits_07",
    "visits_08",
    "visits_09",
    "visits_10",
    "visits_11",
    "visits_12",
    "visits_13",
    "visits_14",
    "visits_15",
    "visits_16",
    "visits_17",
    "visits_18",
    "visits_19",
    "visits_20",
    "visits_21",
    "visits_22",
    "visits_23",
];
pub const HOUR_MINUTES: [&str; 24] = [
    "minutes_00",
    "minutes_01",
    "minutes_02",
    "minutes_03",
    "minutes_04",
    "minutes_05",
    "minutes_06",
    "minutes_07",
    "minutes_08",
    "minutes_09",
    "minutes_10",
    "minutes_11",
    "minutes_12",
    "minutes_13",
    "minutes_14",
    "minutes_15",
    "minutes_16",
    "minutes_17",
    "minutes_18",
    "minutes_19",
    "minutes_20",
    "minutes_21",
    "minutes_22",
    "minutes_23",
];

/// How far a correction may carry a session from one business day to another and still be found
/// when the day that it left is written.
const MOVED_MAX: Days = Days::new(2);

const VENUE_DAYS: Lookup = Lookup {
    select: "d.venue_id AS owner, d.business_day AS day, d.visits AS visits, d.people AS people, \
             d.minutes_measured AS minutes_measured, \
             d.minutes_self_declared AS minutes_self_declared, \
             d.minutes_estimated AS minutes_estimated, \
             d.minutes_corrected AS minutes_corrected, d.version AS version",
    from: "venue_days d",
    on: "d.venue_id = q.k1 AND d.business_day = q.k2",
    keys: &[Kind::Uuid, Kind::Day],
    lock: None,
};

const VENUE_HOURS: Lookup = Lookup {
    select: "h.venue_id AS owner, h.business_day AS day, h.hour AS hour, h.visits AS visits, \
             h.minutes AS minutes, h.version AS version",
    from: "venue_day_hours h",
    on: "h.venue_id = q.k1 AND h.business_day = q.k2",
    keys: &[Kind::Uuid, Kind::Day],
    lock: None,
};

const MEMBER_DAYS: Lookup = Lookup {
    select: "d.member_id AS owner, d.business_day AS day, d.visits AS visits, \
             d.minutes_measured AS minutes_measured, \
             d.minutes_self_declared AS minutes_self_declared, \
             d.minutes_estimated AS minutes_estimated, \
             d.minutes_corrected AS minutes_corrected, d.version AS version",
    from: "member_days d",
    on: "d.member_id = q.k1 AND d.business_day = q.k2",
    keys: &[Kind::Uuid, Kind::Day],
    lock: None,
};

const TIMELINES: Lookup = Lookup {
    select: "t.version AS version, t.open_venue AS open_venue, \
             t.presence_expires_at AS expires_at, q.k1 AS member, q.k2 AS venue",
    from: "timelines t",
    on: "t.member_id = q.k1",
    keys: &[Kind::Uuid, Kind::Uuid],
    lock: None,
};

/// The community of each session of a member around a day, and whether it counts on it; void ones
/// too: where they no longer count, that must be written as well. Grouping them here would cost
/// more than finding them.
const STAYS: Lookup = Lookup {
    select: "q.k1 AS member, q.k2 AS day, t.version AS version, s.community AS community, \
             CASE WHEN s.void OR s.business_day <> q.k2 THEN 0 ELSE 1 END AS counts",
    from: "timelines t JOIN sessions s ON s.member_id = t.member_id",
    on: "t.member_id = q.k1 AND s.business_day BETWEEN q.k3 AND q.k4",
    keys: &[Kind::Uuid, Kind::Day, Kind::Day, Kind::Day],
    lock: None,
};

/// Where somebody who was joined to another registration had stays, which are the other's now.
const JOINED: Lookup = Lookup {
    select: "q.k1 AS member, q.k2 AS day, t.version AS version, s.community AS community, \
             0 AS counts",
    from: "member_joins j JOIN timelines t ON t.member_id = j.gone_id \
           JOIN sessions s ON s.member_id = j.kept_id",
    on: "j.gone_id = q.k1 AND s.business_day BETWEEN q.k3 AND q.k4",
    keys: &[Kind::Uuid, Kind::Day, Kind::Day, Kind::Day],
    lock: None,
};

/// Writes the current values of `subjects` into the counters.
pub async fn project(
    db: &DatabaseConnection,
    counters: &Counters,
    generation: i64,
    subjects: &BTreeSet<Subject>,
    now: DateTime<Utc>,
) -> Result<(), Trouble> {
    let (mut days, mut inside, mut people) = (vec![], vec![], vec![]);
    for subject in subjects {
        match *subject {
            Subject::VenueDay(..) | Subject::MemberDay(..) => days.push(*subject),
            Subject::Presence(member, venue) => inside.push(vec![member.0.into(), venue.0.into()]),
            Subject::People(member, day) => {
                let (from, to) = (day - MOVED_MAX, day + MOVED_MAX);
                people.push(vec![member.0.into(), day.into(), from.into(), to.into()]);
            }
        }
    }
    let mut rows = day_rows(db, &days).await?;
    for row in &mut rows {
        row.generation = generation;
    }
    counters.put(&rows).await?;
    counters.present(&presences(db, inside, generation).await?, now).await?;
    counters.put_people(&persons(db, people, generation).await?).await?;
    Ok(())
}

/// The roll-ups of those `subjects` that are days, in generation 0.
pub async fn day_rows(
    db: &DatabaseConnection,
    subjects: &[Subject],
) -> Result<Vec<Projected>, DbErr> {
    let (mut venues, mut members) = (vec![], vec![]);
    for subject in subjects {
        match *subject {
            Subject::VenueDay(venue, day) => venues.push(vec![venue.0.into(), day.into()]),
            Subject::MemberDay(member, day) => members.push(vec![member.0.into(), day.into()]),
            Subject::Presence(..) | Subject::People(..) => {}
        }
    }
    let mut rows = days(db, Family::VenueDay, &VENUE_DAYS, venues.clone()).await?;
    rows.extend(hours(db, venues).await?);
    rows.extend(days(db, Family::MemberDay, &MEMBER_DAYS, members).await?);
    Ok(rows)
}

/// The rows of days that `lookup` finds, with the fields that its family has.
async fn days(
    db: &DatabaseConnection,
    family: Family,
    lookup: &Lookup,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<Projected>, DbErr> {
    let mut days = Vec::with_capacity(keys.len());
    for row in bulk::find(db, lookup, keys).await? {
        let mut fields = Vec::with_capacity(DAY_FIELDS.len());
        for name in DAY_FIELDS {
            if name == "people" && family == Family::MemberDay {
                continue;
            }
            fields.push((name, row.try_get("", name)?));
        }
        let (key, day) = (row.try_get("", "owner")?, row.try_get("", "day")?);
        let version = row.try_get("", "version")?;
        days.push(Projected { family, key, day, generation: 0, version, fields });
    }
    Ok(days)
}

/// The hours of venues' days, all of a day as one value. Its version is the sum of its rows': none
/// ever goes, and each only grows.
async fn hours(db: &DatabaseConnection, keys: Vec<Vec<Value>>) -> Result<Vec<Projected>, DbErr> {
    let mut days: BTreeMap<(Uuid, NaiveDate), Projected> = BTreeMap::new();
    for row in bulk::find(db, &VENUE_HOURS, keys).await? {
        let (key, day) = (row.try_get("", "owner")?, row.try_get("", "day")?);
        let hour = usize::try_from(row.try_get::<i16>("", "hour")?).unwrap_or_default();
        let version: i64 = row.try_get("", "version")?;
        let hours = days.entry((key, day)).or_insert_with(|| Projected {
            family: Family::VenueHours,
            key,
            day,
            generation: 0,
            version: 0,
            fields: Vec::new(),
        });
        hours.version += version;
        if let (Some(visits), Some(minutes)) = (HOUR_VISITS.get(hour), HOUR_MINUTES.get(hour)) {
            hours.fields.push((visits, row.try_get("", "visits")?));
            hours.fields.push((minutes, row.try_get("", "minutes")?));
        }
    }
    Ok(days.into_values().collect())
}

async fn presences(
    db: &DatabaseConnection,
    keys: Vec<Vec<Value>>,
    generation: i64,
) -> Result<Vec<Presence>, DbErr> {
    let presence = |row: QueryResult| {
        let venue: Uuid = row.try_get("", "venue")?;
        let inside = row.try_get::<Option<Uuid>>("", "open_venue")? == Some(venue);
        let expires_at: Option<DateTime<Utc>> = row.try_get("", "expires_at")?;
        Ok(Presence {
            venue: VenueId(venue),
            member: MemberId(row.try_get("", "member")?),
            generation,
            version: row.try_get("", "version")?,
            expires_at: expires_at.filter(|_| inside),
        })
    };
    bulk::find(db, &TIMELINES, keys).await?.into_iter().map(presence).collect()
}

async fn persons(
    db: &DatabaseConnection,
    keys: Vec<Vec<Value>>,
    generation: i64,
) -> Result<Vec<Person>, DbErr> {
    let mut people: BTreeMap<(MemberId, NaiveDate, DivisionCode), Person> = BTreeMap::new();
    let mut rows = bulk::find(db, &STAYS, keys.clone()).await?;
    let mut found = BTreeSet::new();
    for row in &rows {
        found.insert((row.try_get::<Uuid>("", "member")?, row.try_get::<NaiveDate>("", "day")?));
    }
    let stayless = |key: &Vec<Value>| match key.as_slice() {
        [Value::Uuid(Some(member)), Value::ChronoDate(Some(day)), ..] => {
            !found.contains(&(*member, *day))
        }
        _ => true,
    };
    rows.extend(bulk::find(db, &JOINED, keys.into_iter().filter(stayless).collect()).await?);
    for row in rows {
        let (member, day) = (MemberId(row.try_get("", "member")?), row.try_get("", "day")?);
        let version = row.try_get("", "version")?;
        let counts = row.try_get::<i32>("", "counts")? == 1;
        let community: String = row.try_get("", "community")?;
        let community: DivisionCode =
            community.parse().map_err(|_| DbErr::Type("a session's community".to_owned()))?;
        for division in community.ancestry() {
            let person = people.entry((member, day, division.clone())).or_insert(Person {
                division,
                day,
                member,
                generation,
                version,
                present: false,
            });
            person.present |= counts;
        }
    }
    Ok(people.into_values().collect())
}
