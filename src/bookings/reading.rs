//! Reading what is offered and what was booked: slots of a resource or a venue, one's own bookings,
//! those of a slot, and how coaches were rated.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};
use uuid::Uuid;

use super::{
    holding::state_of,
    rules::{BOOKED_AHEAD, Kind, State},
    statement,
};
use crate::base::{
    error::Error,
    ids::{BookingId, InstructorId, MemberId, SlotId, VenueId},
};

/// Ratings older than this say little of somebody; and so a long career costs no more to add up.
const RATED_WITHIN: TimeDelta = TimeDelta::days(365);

/// A slot as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Offered {
    pub id: SlotId,
    pub kind: String,
    pub resource_id: Uuid,
    pub part: i16,
    pub venue_id: VenueId,
    pub sport: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub capacity: i32,
    pub price_cents: Option<i32>,
    pub series_id: Option<Uuid>,
    pub status: String,
    pub reason: Option<String>,
    pub taken: i64,
    pub waiting: i64,
    /// 1 where another slot has these hours of the same thing.
    pub blocked: i32,
}

impl Offered {
    /// Seats that can be booked now.
    pub fn free(&self) -> i64 {
        let open = self.status == super::publishing::OPEN && self.blocked == 0;
        if open { (i64::from(self.capacity) - self.taken).max(0) } else { 0 }
    }
}

/// Whose slots are listed.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// A coach's or a court's; those that were called off are left out.
    Resource(Uuid),
    /// A venue's, whatever became of them.
    Venue(VenueId),
}

/// Where a list of slots goes on.
pub type Place = (DateTime<Utc>, SlotId);

/// At most `rows` slots that begin within a period, by their beginning, behind `after`.
pub async fn slots(
    db: &impl ConnectionTrait,
    whose: Whose,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    after: Option<Place>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Offered>, DbErr> {
    let (column, id) = match whose {
        Whose::Resource(id) => ("s.status = 'open' AND s.resource_id", id),
        Whose::Venue(id) => ("s.venue_id", id.0),
    };
    let sql = format!(
        "{OFFERED} WHERE {column} = $2 AND s.starts_at >= $3 AND s.starts_at < $4 \
         AND s.starts_at >= $5 AND (s.starts_at > $5 OR s.id > $6) \
         ORDER BY s.starts_at, s.id LIMIT {rows}"
    );
    let (at, last) = after.unwrap_or((from, SlotId(Uuid::nil())));
    let values: [Value; 6] =
        [now.into(), id.into(), from.into(), to.into(), at.into(), last.0.into()];
    Offered::find_by_statement(statement(db, &sql, values)).all(db).await
}

/// Slots with what is taken of them at `$1`.
const OFFERED: &str = "SELECT s.id, s.kind, s.resource_id, s.part, s.venue_id, s.sport, \
     s.starts_at, s.ends_at, s.capacity, s.price_cents, s.series_id, s.status, s.reason, \
     (SELECT COUNT(*) FROM bookings b WHERE b.slot_id = s.id AND b.seat IS NOT NULL \
      AND (b.state <> 'held' OR b.held_until > $1)) AS taken, \
     (SELECT COUNT(*) FROM slot_waiters w WHERE w.slot_id = s.id AND w.state = 'waiting') \
      AS waiting, \
     CASE WHEN EXISTS (SELECT 1 FROM slot_claims c WHERE c.unit_id = s.resource_id \
      AND c.quarter >= s.first_quarter AND c.quarter < s.end_quarter AND c.slot_id <> s.id \
      AND (s.part = 0 OR c.part = s.part)) THEN 1 ELSE 0 END AS blocked FROM slots s";

/// Every slot that can be booked by now, so far ahead as anybody books, for everybody to read.
pub async fn bookable(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<Offered>, DbErr> {
    let sql =
        format!("{OFFERED} WHERE s.status = 'open' AND s.starts_at > $1 AND s.starts_at <= $2");
    let values = [now.into(), (now + BOOKED_AHEAD).into()];
    Offered::find_by_statement(statement(db, &sql, values)).all(db).await
}

/// A booking as its owner or the house sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub id: BookingId,
    pub slot: SlotId,
    pub member: MemberId,
    /// Masked.
    pub name: String,
    pub kind: Kind,
    pub resource: Uuid,
    pub venue: VenueId,
    pub state: State,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub held_until: Option<DateTime<Utc>>,
    pub rating: Option<i16>,
}

#[derive(FromQueryResult)]
struct Row {
    id: BookingId,
    slot_id: SlotId,
    member_id: MemberId,
    name_masked: String,
    kind: String,
    resource_id: Uuid,
    venue_id: VenueId,
    state: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    held_until: Option<DateTime<Utc>>,
    rating: Option<i16>,
}

const SELECT: &str = "SELECT b.id, b.slot_id, b.member_id, m.name_masked, b.kind, b.resource_id, \
     b.venue_id, b.state, b.starts_at, b.ends_at, b.held_until, b.rating FROM bookings b \
     JOIN members m ON m.id = b.member_id";

/// At most `rows` bookings of a member, those that begin last first, behind `before`.
pub async fn of_member(
    db: &impl ConnectionTrait,
    member: MemberId,
    before: Option<(DateTime<Utc>, BookingId)>,
    rows: u64,
) -> Result<Vec<Booked>, Error> {
    let (bound, values) = match before {
        None => ("", vec![member.0.into()]),
        Some((at, id)) => (
            "AND b.starts_at <= $2 AND (b.starts_at < $2 OR b.id < $3)",
            vec![member.0.into(), at.into(), id.0.into()],
        ),
    };
    let sql = format!(
        "{SELECT} WHERE b.member_id = $1 {bound} ORDER BY b.starts_at DESC, b.id DESC LIMIT {rows}"
    );
    read(db, &sql, values).await
}

/// Everybody who has booked a slot, also those who cancelled, in the order of booking.
pub async fn of_slot(
    db: &impl ConnectionTrait,
    slot: SlotId,
    after: Option<BookingId>,
    rows: u64,
) -> Result<Vec<Booked>, Error> {
    let sql = format!("{SELECT} WHERE b.slot_id = $1 AND b.id > $2 ORDER BY b.id LIMIT {rows}");
    let after = after.map_or(Uuid::nil(), |id| id.0);
    read(db, &sql, vec![slot.0.into(), after.into()]).await
}

async fn read(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Booked>, Error> {
    let rows = Row::find_by_statement(statement(db, sql, values)).all(db).await?;
    rows.into_iter()
        .map(|row| {
            let state = state_of(&row.state)?;
            let kind = Kind::from_text(&row.kind)
                .ok_or_else(|| anyhow::anyhow!("booking {} is of no kind", row.id))?;
            Ok(Booked {
                id: row.id,
                slot: row.slot_id,
                member: row.member_id,
                name: row.name_masked,
                kind,
                resource: row.resource_id,
                venue: row.venue_id,
                state,
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                held_until: row.held_until.filter(|_| state == State::Held),
                rating: row.rating,
            })
        })
        .collect()
}

/// How somebody was rated within a year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rated {
    pub ratings: i64,
    pub stars: i64,
}

impl Rated {
    /// The mean in tenths of a star; none without a rating.
    pub fn tenths(self) -> Option<i64> {
        (self.ratings > 0).then(|| (self.stars * 10 + self.ratings / 2) / self.ratings)
    }
}

#[derive(FromQueryResult)]
struct RatedRow {
    resource_id: Uuid,
    ratings: i64,
    stars: i64,
}

/// How each of these coaches was rated; who was not has no entry.
pub async fn ratings(
    db: &impl ConnectionTrait,
    coaches: &[InstructorId],
    now: DateTime<Utc>,
) -> Result<HashMap<InstructorId, Rated>, DbErr> {
    if coaches.is_empty() {
        return Ok(HashMap::new());
    }
    let places: Vec<String> = (0..coaches.len()).map(|n| format!("${}", n + 2)).collect();
    let sql = format!(
        "SELECT resource_id, CAST(COUNT(*) AS BIGINT) AS ratings, \
         CAST(SUM(rating) AS BIGINT) AS stars FROM bookings \
         WHERE rated_at > $1 AND resource_id IN ({}) GROUP BY resource_id",
        places.join(", ")
    );
    let mut values: Vec<Value> = vec![(now - RATED_WITHIN).into()];
    values.extend(coaches.iter().map(|id| Value::from(id.0)));
    let rows = RatedRow::find_by_statement(statement(db, &sql, values)).all(db).await?;
    let rated = |row: RatedRow| {
        let RatedRow { resource_id, ratings, stars } = row;
        (InstructorId(resource_id), Rated { ratings, stars })
    };
    Ok(rows.into_iter().map(rated).collect())
}
