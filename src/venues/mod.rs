//! Divisions, communities and venues: where doors are, when they open, by which rules.
//!
//! Rules, hours and exceptions are versions that are only added. The first ones begin on the
//! opening day; later ones on a future business day, so that what is recorded already is never
//! judged anew.

mod adoption;
pub mod calendar;
mod circle;
pub mod closures;
mod community;
mod find;
mod routes;
mod rules;
mod tables;
pub mod terms;
mod world;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction,
    EntityTrait as _, IntoActiveModel as _, QuerySelect as _, SqlErr, sea_query::OnConflict,
};

pub use adoption::{Numbers, adopt_numbers};
pub use circle::{Standpoint, as_gcj02};
pub use find::{
    CommunityView, DivisionView, ZoneView, community, divisions, has_zone, venues, within, zones,
};
pub use routes::{Admission, LookAround, Surroundings, UsualHour, routes};
#[cfg(test)]
pub use rules::Closure;
#[cfg(test)]
pub use rules::{DAY_MIN, sample};
pub use rules::{LONGEST_STAY_MAX, Open, Pairing, Passback, Rules, Venue, VenueStatus};
use tables::{
    division, pairing_text, passback_text, venue, venue_exception, venue_gate, venue_hours,
    venue_rules, zone,
};
use terms::{Area, Coordinates, Kind, Name, Opening, Position, Terms, Week};
pub use world::{load, load_world, revision, touch};

use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{DivisionCode, VenueId, ZoneId},
    },
    staff::audit::{self, Deed},
};

/// A province, city, county, street or community that is not registered yet.
#[derive(Clone, Debug)]
pub struct NewDivision {
    pub code: DivisionCode,
    pub name: Name,
    pub resident_population: Option<i64>,
}

/// Registers a division.
///
/// # Errors
/// `Conflict` when the code is registered.
pub async fn add_division(
    db: &DatabaseConnection,
    new: NewDivision,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let object = format!("division:{}", new.code);
    let row = division::Model {
        level: level(&new.code).to_owned(),
        code: new.code.to_string(),
        name: new.name.into_string(),
        resident_population: new.resident_population,
    };
    match row.into_active_model().insert(&tx).await {
        Err(error) if is_taken(&error) => return Err(Error::Conflict(Code::DivisionExists)),
        done => done?,
    };
    audited(tx, by, "division_added", &object, now).await
}

/// The word for the level of a code, by its digits.
fn level(code: &DivisionCode) -> &'static str {
    match code.as_str().len() {
        2 => "province",
        4 => "city",
        6 => "county",
        9 => "street",
        _ => "community",
    }
}

/// A venue that is to stand in a community.
#[derive(Clone, Debug)]
pub struct NewVenue {
    pub community: DivisionCode,
    pub name: Name,
    pub kind: Kind,
    pub area: Option<Area>,
    pub position: Option<Position>,
    /// The first business day; may be past.
    pub opened_on: NaiveDate,
    pub terms: Terms,
    /// `None` is open at all hours.
    pub week: Option<Week>,
}

/// Adds a venue with its first rules and hours, in force from the opening day.
///
/// # Errors
/// `Invalid` when the community is not registered.
pub async fn add_venue(
    db: &DatabaseConnection,
    new: NewVenue,
    by: &str,
    now: DateTime<Utc>,
) -> Result<VenueId, Error> {
    let tx = db::begin(db).await?;
    require_community(&tx, &new.community).await?;
    let id = VenueId::new();
    let row = venue::Model {
        id,
        community: new.community,
        name: new.name.into_string(),
        kind: new.kind.into_string(),
        area_m2: new.area.map(Area::square_metres),
        lat: new.position.map(Position::lat),
        lng: new.position.map(Position::lng),
        coordinates: new
            .position
            .map_or(Coordinates::Wgs84, Position::coordinates)
            .as_str()
            .to_owned(),
        status: tables::OPEN.to_owned(),
        created_at: now,
    };
    row.into_active_model().insert(&tx).await?;
    let adoption = Adoption { venue: id, version: 1, valid_from: new.opened_on };
    insert_rules(&tx, adoption, &new.terms, by, now).await?;
    if let Some(week) = &new.week {
        insert_week(&tx, adoption, week, None).await?;
    }
    touch(&tx).await?;
    audited(tx, by, "venue_added", &object_of(id), now).await?;
    Ok(id)
}

async fn require_community(tx: &impl ConnectionTrait, code: &DivisionCode) -> Result<(), Error> {
    if !code.is_community() {
        return Err(Error::invalid("/community", Code::NotACommunity));
    }
    let known = division::Entity::find_by_id(code.to_string()).one(tx).await?;
    known.map(|_| ()).ok_or_else(|| Error::invalid("/community", Code::UnknownDivision))
}

/// Adopts new rules from a future business day on; answers their version.
///
/// # Errors
/// `NotFound` without such a venue; `Invalid` unless `valid_from` is a future business day.
pub async fn adopt_rules(
    db: &DatabaseConnection,
    venue: VenueId,
    terms: &Terms,
    valid_from: NaiveDate,
    by: &str,
    now: DateTime<Utc>,
) -> Result<i32, Error> {
    let tx = db::begin(db).await?;
    let current = locked(&tx, venue).await?;
    require_future(&current, valid_from, now, "/valid_from")?;
    let version = 1 + current.rules.iter().map(|r| r.version).max().unwrap_or(0);
    insert_rules(&tx, Adoption { venue, version, valid_from }, terms, by, now).await?;
    touch(&tx).await?;
    audited(tx, by, "venue_rules_adopted", &object_of(venue), now).await?;
    Ok(version)
}

/// Sets the week's hours from a future business day on; answers their version.
///
/// # Errors
/// `NotFound` without such a venue; `Invalid` unless `valid_from` is a future business day.
pub async fn set_hours(
    db: &DatabaseConnection,
    venue: VenueId,
    week: &Week,
    valid_from: NaiveDate,
    reason: Option<Name>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<i32, Error> {
    let tx = db::begin(db).await?;
    let current = locked(&tx, venue).await?;
    require_future(&current, valid_from, now, "/valid_from")?;
    let version = 1 + current.hours.iter().map(|h| h.version).max().unwrap_or(0);
    insert_week(&tx, Adoption { venue, version, valid_from }, week, reason).await?;
    touch(&tx).await?;
    audited(tx, by, "venue_hours_set", &object_of(venue), now).await?;
    Ok(version)
}

/// What one future day has instead of its weekday's hours; `None` closes it.
#[derive(Clone, Debug)]
pub struct NewException {
    pub day: NaiveDate,
    pub opening: Option<Opening>,
    pub reason: Name,
}

/// Adds an exception or a closure of one future business day; answers its version. The newest
/// version of a day holds.
///
/// # Errors
/// `NotFound` without such a venue; `Invalid` unless the day is a future business day.
pub async fn add_exception(
    db: &DatabaseConnection,
    venue: VenueId,
    new: NewException,
    by: &str,
    now: DateTime<Utc>,
) -> Result<i32, Error> {
    let tx = db::begin(db).await?;
    let current = locked(&tx, venue).await?;
    require_future(&current, new.day, now, "/day")?;
    let of_day = current.exceptions.iter().filter(|e| e.day == new.day);
    let version = 1 + of_day.map(|e| e.version).max().unwrap_or(0);
    let row = venue_exception::Model {
        venue_id: venue,
        day: new.day,
        version,
        // It holds from the first business day whose events nobody has judged yet.
        valid_from: current.business_day(now).succ_opt().unwrap_or(new.day),
        opens: new.opening.map(Opening::opens),
        closes: new.opening.map(Opening::closes),
        reason: new.reason.into_string(),
    };
    row.into_active_model().insert(&tx).await?;
    touch(&tx).await?;
    audited(tx, by, "venue_exception_added", &object_of(venue), now).await?;
    Ok(version)
}

/// A part of a venue that is not there yet.
#[derive(Clone, Debug)]
pub struct NewZone {
    pub kind: Kind,
    pub name: Name,
    pub area: Option<Area>,
}

/// Adds a zone.
///
/// # Errors
/// `NotFound` without such a venue.
pub async fn add_zone(
    db: &DatabaseConnection,
    venue: VenueId,
    new: NewZone,
    by: &str,
    now: DateTime<Utc>,
) -> Result<ZoneId, Error> {
    let tx = db::begin(db).await?;
    locked(&tx, venue).await?;
    let id = ZoneId::new();
    let row = zone::Model {
        id,
        venue_id: venue,
        kind: new.kind.into_string(),
        name: new.name.into_string(),
        area_m2: new.area.map(Area::square_metres),
    };
    row.into_active_model().insert(&tx).await?;
    touch(&tx).await?;
    audited(tx, by, "zone_added", &object_of(venue), now).await?;
    Ok(id)
}

/// Enters the change into the audit chain of places and commits it.
async fn audited(
    tx: DatabaseTransaction,
    actor: &str,
    act: &str,
    object: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let deed = Deed { actor, act, object, before: None, after: None, reason: None };
    audit::append(&tx, "places", &deed, at).await?;
    tx.commit().await?;
    Ok(())
}

fn object_of(venue: VenueId) -> String {
    format!("venue:{venue}")
}

/// Locks a venue's row, so that of two changes the second sees the first, and reads the whole.
async fn locked(tx: &DatabaseTransaction, id: VenueId) -> Result<rules::Venue, Error> {
    let row = venue::Entity::find_by_id(id).lock_exclusive().all(tx).await?;
    let venue = world::complete(tx, row, Some(&[id])).await?.pop();
    venue.ok_or(Error::NotFound(Code::NotFound))
}

/// Days that have begun are judged already.
fn require_future(
    venue: &rules::Venue,
    day: NaiveDate,
    now: DateTime<Utc>,
    pointer: &str,
) -> Result<(), Error> {
    if day > venue.business_day(now) {
        Ok(())
    } else {
        Err(Error::invalid(pointer, Code::NotInFuture))
    }
}

/// Which version of a venue's rules or hours begins when.
#[derive(Clone, Copy)]
struct Adoption {
    venue: VenueId,
    version: i32,
    valid_from: NaiveDate,
}

async fn insert_rules(
    tx: &impl ConnectionTrait,
    adoption: Adoption,
    terms: &Terms,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let terms = terms.get();
    let row = venue_rules::Model {
        venue_id: adoption.venue,
        version: adoption.version,
        valid_from: adoption.valid_from,
        pairing: pairing_text(terms.pairing).to_owned(),
        repeat_window_s: terms.repeat_window_s,
        usual_stay_min: terms.usual_stay_min,
        longest_stay_min: terms.longest_stay_min,
        passback: passback_text(terms.passback).to_owned(),
        guardian_under: terms.guardian_under,
        prerequisites: serde_json::to_string(&terms.prerequisites)
            .expect("a list of texts is always JSON"),
        capacity_soft: terms.capacity_soft,
        capacity: terms.capacity,
        time_zone: terms.time_zone.name().to_owned(),
        day_starts_at: terms.day_starts_at,
        adopted_by: by.to_owned(),
        adopted_at: now,
        ways_in: Some(
            serde_json::to_string(&terms.ways_in).expect("a list of words is always JSON"),
        ),
    };
    row.into_active_model().insert(tx).await?;
    if terms.capacity.is_some() {
        let gate = venue_gate::Model { venue_id: adoption.venue };
        venue_gate::Entity::insert(gate.into_active_model())
            .on_conflict(OnConflict::column(venue_gate::Column::VenueId).do_nothing().to_owned())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn insert_week(
    tx: &impl ConnectionTrait,
    adoption: Adoption,
    week: &Week,
    reason: Option<Name>,
) -> Result<(), Error> {
    let reason = reason.map(Name::into_string);
    let rows = week.days().iter().map(|day| {
        let row = venue_hours::Model {
            venue_id: adoption.venue,
            weekday: day.weekday(),
            version: adoption.version,
            valid_from: adoption.valid_from,
            opens: day.opening.map(Opening::opens),
            closes: day.opening.map(Opening::closes),
            reason: reason.clone(),
        };
        row.into_active_model()
    });
    venue_hours::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

fn is_taken(error: &sea_orm::DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

#[cfg(test)]
mod tests;
