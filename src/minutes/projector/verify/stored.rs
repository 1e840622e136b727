//! What the counters hold of all that is current, against what SQL says of it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{DatabaseConnection, DbErr};
use uuid::Uuid;

use super::{
    super::{
        BATCH, Trouble,
        current::{self, DAY_FIELDS, HOUR_MINUTES, HOUR_VISITS, Subject},
        generation,
        rebuild::{current_days, rows},
    },
    Difference, differ, sessions_inside,
};
use crate::base::{
    counters::{Counters, Family, Fields},
    ids::{DivisionCode, MemberId, VenueId},
};

/// What was compared, and what of it differs.
#[derive(Default)]
pub struct Found {
    pub differences: BTreeSet<Difference>,
    pub compared: u64,
    pub not_zero: u64,
}

impl Found {
    /// One number of the counters, and what SQL has in its place.
    fn number(
        &mut self,
        (what, key, day): (&'static str, &dyn fmt::Display, Option<NaiveDate>),
        field: &str,
        counted: i64,
        other: (&'static str, i64),
    ) {
        self.compared += 1;
        self.not_zero += u64::from(counted != 0 || other.1 != 0);
        self.differences.extend(differ(what, key, day, field, ("counters", counted), other));
    }
}

/// Compares all that is current at `now`.
pub async fn compare(
    db: &DatabaseConnection,
    counters: &Counters,
    now: DateTime<Utc>,
) -> Result<Found, Trouble> {
    let mut found = Found::default();
    let generation = generation(db).await?;
    let marked = counters.generation().await?;
    if marked != Some(generation) {
        let one = ("counters", marked.unwrap_or(0));
        let other = ("SQL", generation);
        found.differences.extend(differ("generation", "", None, "n", one, other));
        return Ok(found);
    }
    // A handle of its own: whether the server may trust its counters is not decided here.
    let counters = &counters.since(generation);
    let venues = venues(db).await?;
    let inside = sessions_inside(db, now).await?;
    let ids: Vec<VenueId> = venues.iter().map(|(venue, _)| *venue).collect();
    for (venue, counted) in ids.iter().zip(counters.inside(&ids, now).await?) {
        let other = ("sessions", inside.get(&venue.0).copied().unwrap_or(0));
        found.number(("presence", venue, None), "inside", counted, other);
    }
    let divisions: BTreeSet<DivisionCode> =
        venues.iter().flat_map(|(_, community)| community.ancestry()).collect();
    let divisions: Vec<DivisionCode> = divisions.into_iter().collect();
    for day in current_days(now) {
        let (people, members) = people(db, day).await?;
        for (division, counted) in divisions.iter().zip(counters.people(&divisions, day).await?) {
            let distinct = people.get(division).map_or(0, HashSet::len);
            let other = ("sessions", i64::try_from(distinct).unwrap_or(i64::MAX));
            found.number(("people", division, Some(day)), "people", counted, other);
        }
        let venues = ids.iter().map(|venue| Subject::VenueDay(*venue, day));
        let members = members.into_iter().map(|member| Subject::MemberDay(MemberId(member), day));
        let subjects: Vec<Subject> = venues.chain(members).collect();
        for piece in subjects.chunks(BATCH) {
            days(&mut found, db, counters, piece, day).await?;
        }
    }
    Ok(found)
}

/// Compares the stored days of `subjects` with their roll-ups.
async fn days(
    found: &mut Found,
    db: &DatabaseConnection,
    counters: &Counters,
    subjects: &[Subject],
    day: NaiveDate,
) -> Result<(), Trouble> {
    let rolled = current::day_rows(db, subjects).await?;
    let rolled: HashMap<(Family, Uuid), Fields> = rolled
        .into_iter()
        .map(|row| ((row.family, row.key), row.fields.into_iter().collect()))
        .collect();
    for (family, what) in [
        (Family::VenueDay, "venue_day"),
        (Family::VenueHours, "venue_hours"),
        (Family::MemberDay, "member_day"),
    ] {
        let keys: Vec<Uuid> = subjects.iter().filter_map(|subject| key(subject, family)).collect();
        let nothing = Fields::default();
        for (key, stored) in keys.iter().zip(counters.get(family, &keys, day).await?) {
            let stored = stored.map(|stored| stored.fields).unwrap_or_default();
            let rolled = rolled.get(&(family, *key)).unwrap_or(&nothing);
            // Also what no row of this family should have.
            let names: BTreeSet<&str> =
                names(family).into_iter().chain(stored.iter().map(|(name, _)| name)).collect();
            for name in names {
                let other = ("roll-ups", rolled.get(name));
                found.number((what, key, Some(day)), name, stored.get(name), other);
            }
        }
    }
    Ok(())
}

/// The numbers that rows of `family` have.
fn names(family: Family) -> Vec<&'static str> {
    match family {
        Family::VenueDay => DAY_FIELDS.to_vec(),
        Family::VenueHours => [HOUR_VISITS, HOUR_MINUTES].concat(),
        Family::MemberDay => DAY_FIELDS.into_iter().filter(|name| *name != "people").collect(),
    }
}

/// The subject's key, if it has numbers of `family`.
fn key(subject: &Subject, family: Family) -> Option<Uuid> {
    match (subject, family) {
        (Subject::VenueDay(venue, _), Family::VenueDay | Family::VenueHours) => Some(venue.0),
        (Subject::MemberDay(member, _), Family::MemberDay) => Some(member.0),
        (Subject::VenueDay(..), Family::MemberDay)
        | (Subject::MemberDay(..), Family::VenueDay | Family::VenueHours)
        | (Subject::Presence(..) | Subject::People(..), _) => None,
    }
}

async fn venues(db: &DatabaseConnection) -> Result<Vec<(VenueId, DivisionCode)>, DbErr> {
    let mut venues = Vec::new();
    for row in rows(db, "SELECT id, community FROM venues", []).await? {
        let community: String = row.try_get("", "community")?;
        let community = community.parse().map_err(|_| DbErr::Type("a community".to_owned()))?;
        venues.push((VenueId(row.try_get("", "id")?), community));
    }
    Ok(venues)
}

/// The distinct members of each division on a day, and all who have sessions then, void ones too.
async fn people(
    db: &DatabaseConnection,
    day: NaiveDate,
) -> Result<(HashMap<DivisionCode, HashSet<Uuid>>, HashSet<Uuid>), DbErr> {
    let sql = "SELECT DISTINCT community, member_id, void FROM sessions WHERE business_day = $1";
    let (mut people, mut all) = (HashMap::<DivisionCode, HashSet<Uuid>>::new(), HashSet::new());
    for row in rows(db, sql, [day.into()]).await? {
        let member: Uuid = row.try_get("", "member_id")?;
        all.insert(member);
        if row.try_get("", "void")? {
            continue;
        }
        let community: String = row.try_get("", "community")?;
        let community: DivisionCode =
            community.parse().map_err(|_| DbErr::Type("a session's community".to_owned()))?;
        for division in community.ancestry() {
            people.entry(division).or_default().insert(member);
        }
    }
    Ok((people, all))
}
