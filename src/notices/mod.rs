//! Notices (公告) of divisions and venues: staff publish, schedule and withdraw them; residents and
//! screens read them. That a venue is closed is told by message as well, to whoever was there lately.

mod routes;
mod rules;
mod tables;
mod telling;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

pub use routes::routes;
pub use rules::{Kind, State};
pub use telling::tell;

use self::tables::{Row, execute, find};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, VenueId},
        outbox,
    },
    staff::{
        Function, StaffCaller,
        audit::{self, Deed},
    },
    venues,
};

const CHAIN: &str = "notices";

/// A notice that is to be published.
#[derive(Clone, Debug)]
pub struct NewNotice {
    /// Whom it is for: everybody of the division, or of one venue.
    pub division: Option<DivisionCode>,
    pub venue: Option<VenueId>,
    pub kind: Kind,
    pub title: String,
    pub body: String,
    /// At once without it.
    pub publish_at: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// A notice as it is shown.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: Uuid,
    pub division: DivisionCode,
    pub venue: Option<(Uuid, String)>,
    pub kind: Kind,
    pub title: String,
    pub body: String,
    pub publish_at: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub state: State,
}

impl Notice {
    fn new(row: Row, now: DateTime<Utc>) -> Self {
        Self {
            id: row.id,
            state: rules::state(row.publish_at, row.until, row.withdrawn_at, now),
            venue: row.venue_id.zip(row.venue),
            kind: Kind::from_text(&row.kind).unwrap_or(Kind::Notice),
            division: row.division,
            title: row.title,
            body: row.body,
            publish_at: row.publish_at,
            until: row.until,
        }
    }
}

/// Publishes a notice, or schedules it. Refuses (404) what is outside the caller's division, and
/// (422) a closure of no venue, and one that names both or neither of division and venue.
pub async fn publish(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    new: &NewNotice,
    now: DateTime<Utc>,
) -> Result<Notice, Error> {
    let (division, venue) = match (&new.division, new.venue) {
        (Some(division), None) if new.kind == Kind::Notice => (division.clone(), None),
        (None, Some(venue)) => {
            let venue = venues::load(tx, venue).await?.ok_or(Error::NotFound(Code::NotFound))?;
            (venue.community.clone(), Some(venue))
        }
        (Some(_), _) => return Err(Error::invalid("/division", Code::InvalidValue)),
        (None, None) => return Err(Error::invalid("/division", Code::Required)),
    };
    by.require(Function::OrganiseCommunity, &division)?;
    let (title, body) = rules::texts(&new.title, &new.body)?;
    let (publish_at, until) = rules::span(new.publish_at, new.until, now)?;
    let id = Uuid::now_v7();
    let sql = "INSERT INTO notices (id, division, venue_id, kind, title, body, publish_at, until, \
               created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = vec![
        id.into(),
        division.as_str().into(),
        venue.as_ref().map(|venue| venue.id.0).into(),
        new.kind.as_str().into(),
        title.clone().into(),
        body.clone().into(),
        publish_at.into(),
        until.into(),
        by.actor().into(),
        now.into(),
    ];
    execute(tx, sql, values).await?;
    note(tx, by, "notice_published", id, now).await?;
    let state = rules::state(publish_at, until, None, now);
    let venue = venue.map(|venue| (venue.id.0, venue.name));
    let kind = new.kind;
    Ok(Notice { id, division, venue, kind, title, body, publish_at, until, state })
}

/// Takes a notice back, and what was not sent of it yet. Once more changes nothing.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Notice, Error> {
    let found = find(tx, "WHERE n.id = $1", vec![id.into()]).await?;
    let row = found.into_iter().next().ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::OrganiseCommunity, &row.division)?;
    let sql = "UPDATE notices SET withdrawn_at = $2, withdrawn_by = $3 \
               WHERE id = $1 AND withdrawn_at IS NULL";
    let values = vec![id.into(), now.into(), by.actor().into()];
    if execute(tx, sql, values).await? > 0 {
        outbox::take_back(tx, &telling::names(id)).await?;
        note(tx, by, "notice_withdrawn", id, now).await?;
    }
    Ok(Notice { state: State::Withdrawn, ..Notice::new(row, now) })
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    act: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (actor, object) = (by.actor(), format!("notice:{id}"));
    let deed =
        Deed { actor: &actor, act, object: &object, before: None, after: None, reason: None };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}

/// Every notice of the caller's division, the newest first, behind `before`.
pub async fn kept(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    before: Option<Uuid>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Notice>, Error> {
    by.require(Function::SeePlaces, &by.division)?;
    let [first, last] = by.division.bounds();
    let rest =
        "WHERE n.division >= $1 AND n.division <= $2 AND n.id < $3 ORDER BY n.id DESC LIMIT $4";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values = vec![first, last, before.unwrap_or(Uuid::max()).into(), rows.into()];
    let found = find(db, rest, values).await?;
    Ok(found.into_iter().map(|row| Notice::new(row, now)).collect())
}

/// Whose notices are read.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Those of the division, of what it covers and of what covers it.
    Division(DivisionCode),
    /// Those of the venue and of the divisions around it.
    Venue(VenueId),
}

/// Where a list of published notices goes on.
pub type Place = (DateTime<Utc>, Uuid);

/// What is published now, the latest first, behind `before`. Refuses (404) an unknown venue.
pub async fn published(
    db: &impl ConnectionTrait,
    scope: &Scope,
    before: Option<Place>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Notice>, Error> {
    match scope {
        Scope::Division(division) => {
            let whole = (division, division.bounds(), None);
            Ok(read(db, whole, before, rows, now).await?)
        }
        Scope::Venue(id) => {
            let venue = venues::load(db, *id).await?.ok_or(Error::NotFound(Code::UnknownVenue))?;
            // No division lies between these.
            let alone = (&venue.community, ["~".into(), "".into()], Some(id.0));
            Ok(read(db, alone, before, rows, now).await?)
        }
    }
}

/// The latest notices of a division, of what it covers and of what covers it.
pub async fn of_division(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Notice>, DbErr> {
    read(db, (division, division.bounds(), None), None, rows, now).await
}

/// What is published around a division, between two codes, and of one venue. Only what is not over
/// is looked at.
async fn read(
    db: &impl ConnectionTrait,
    (division, [first, last], venue): (&DivisionCode, [Value; 2], Option<Uuid>),
    before: Option<Place>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Notice>, DbErr> {
    // Nothing that is published now is newer than now.
    let (at, id) = before.unwrap_or((now, Uuid::max()));
    let around: Vec<DivisionCode> = division.ancestry().collect();
    let places: Vec<String> = (0..around.len()).map(|n| format!("${}", n + 9)).collect();
    let rest = format!(
        "WHERE n.until > $1 AND n.withdrawn_at IS NULL AND n.publish_at <= $2 \
         AND (n.publish_at < $3 OR n.id < $4) \
         AND ((n.division >= $5 AND n.division <= $6) OR n.venue_id = $7 \
         OR (n.venue_id IS NULL AND n.division IN ({}))) \
         ORDER BY n.publish_at DESC, n.id DESC LIMIT $8",
        places.join(", ")
    );
    let mut values = vec![
        now.into(),
        at.into(),
        at.into(),
        id.into(),
        first,
        last,
        venue.into(),
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
    ];
    values.extend(around.iter().map(|code| code.as_str().into()));
    let found = find(db, &rest, values).await?;
    Ok(found.into_iter().map(|row| Notice::new(row, now)).collect())
}
