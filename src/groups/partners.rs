//! Finding partners by sport and hour: whoever agrees to be found, by a consent of its own, says
//! when they play, and sees who plays then too, by masked name. What is said next goes through us:
//! nobody learns how to reach anybody.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{ConnectionTrait, DatabaseTransaction, SqlErr};
use uuid::Uuid;

use super::tables::{OFFERS, OfferRow, count, execute, rows};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, VenueId},
        keys::Keys,
        outbox::{self, Note},
    },
    members::{self, Purpose, Status},
    venues::{self, terms::Kind as Sport},
};

/// What the settings know the template of invitations by.
const MESSAGE: &str = "partner";
/// Years of age from which on somebody may look for partners among strangers.
const ADULT: i32 = 18;
/// Hours that one member offers.
const OFFERS_MAX: i64 = 20;
/// Others that are shown at once.
const PARTNERS_MAX: i64 = 50;
/// How far ahead somebody is invited.
const AHEAD_MAX: TimeDelta = TimeDelta::days(14);

/// An hour of the week at which somebody plays.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "an hour of the day is called so")]
pub struct Hour {
    pub sport: Sport,
    /// 1 is Monday, 7 Sunday.
    pub weekday: i32,
    /// 0 to 23, by the local clock.
    pub hour: i32,
}

/// An hour that somebody offers; of another one with a masked name.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: Uuid,
    pub name: String,
    pub sport: String,
    pub weekday: i32,
    pub hour: i32,
}

impl From<OfferRow> for Offer {
    fn from(row: OfferRow) -> Self {
        let OfferRow { id, name, sport, weekday, hour, .. } = row;
        Self { id, name, sport, weekday, hour }
    }
}

/// Refuses (403) who has not agreed to be found, is no adult, or is suspended.
async fn require_looking(
    db: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let facts = members::facts_for(db, keys, &[member]).await?;
    let facts = facts.get(&member).ok_or(Error::NotFound(Code::NotFound))?;
    if facts.status != Status::Active {
        return Err(Error::Forbidden(Code::Forbidden));
    }
    if facts.age_at(now).is_none_or(|age| age < ADULT) {
        return Err(Error::Forbidden(Code::AgeUnsuitable));
    }
    if !facts.consents_to(Purpose::PartnerSearch, now) {
        return Err(Error::Forbidden(Code::PartnerConsentRequired));
    }
    Ok(())
}

/// A member says when they play; the same hour once.
pub async fn offer(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    at: Hour,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    require_looking(tx, keys, member, now).await?;
    if !(1..=7).contains(&at.weekday) {
        return Err(Error::invalid("/weekday", Code::OutOfRange));
    }
    if !(0..=23).contains(&at.hour) {
        return Err(Error::invalid("/hour", Code::OutOfRange));
    }
    let sql = "SELECT COUNT(*) AS n FROM partner_offers WHERE member_id = $1";
    if count(tx, sql, vec![member.0.into()]).await? >= OFFERS_MAX {
        return Err(Error::Conflict(Code::TooManyItems));
    }
    let (id, home) = (Uuid::now_v7(), members::home_of(tx, member).await?);
    let sql = "INSERT INTO partner_offers (id, member_id, community, sport, weekday, hour, \
               created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = vec![
        id.into(),
        member.0.into(),
        home.as_str().into(),
        at.sport.into_string().into(),
        at.weekday.into(),
        at.hour.into(),
        now.into(),
    ];
    execute(tx, sql, values).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::Conflict),
        _ => error.into(),
    })?;
    Ok(id)
}

/// The hours that a member offers, whether they are found by them now or not.
pub async fn offers(db: &impl ConnectionTrait, member: MemberId) -> Result<Vec<Offer>, Error> {
    let sql = "SELECT o.id, o.member_id, '' AS name, o.sport, o.weekday, o.hour \
               FROM partner_offers o WHERE o.member_id = $1 ORDER BY o.weekday, o.hour, o.sport";
    let found: Vec<OfferRow> = rows(db, sql, vec![member.0.into()]).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// A member plays then no more.
pub async fn take_back(
    tx: &DatabaseTransaction,
    member: MemberId,
    offer: Uuid,
) -> Result<(), Error> {
    let sql = "DELETE FROM partner_offers WHERE id = $1 AND member_id = $2";
    match execute(tx, sql, vec![offer.into(), member.0.into()]).await? {
        0 => Err(Error::NotFound(Code::NotFound)),
        _ => Ok(()),
    }
}

/// Others of the same community who play at one of the member's hours, the newest first.
pub async fn partners(
    db: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    offer: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Offer>, Error> {
    require_looking(db, keys, member, now).await?;
    let sql = format!(
        "{OFFERS} JOIN partner_offers a ON a.id = $1 AND a.member_id = $2 \
         AND o.community = a.community AND o.sport = a.sport AND o.weekday = a.weekday \
         AND o.hour = a.hour WHERE o.member_id <> $2 ORDER BY o.id DESC LIMIT $3"
    );
    let values = vec![offer.into(), member.0.into(), PARTNERS_MAX.into()];
    let found: Vec<OfferRow> = rows(db, &sql, values).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// Invites whoever stands behind an offer that the member can see, to a venue at a time: by one
/// message a day, in words that we write.
pub async fn invite(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    (offer, venue, at): (Uuid, VenueId, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    require_looking(tx, keys, member, now).await?;
    if at <= now || at - now > AHEAD_MAX {
        return Err(Error::invalid("/at", Code::BadTime));
    }
    let unknown = || Error::invalid("/venue_id", Code::UnknownVenue);
    let venue = venues::load(tx, venue).await?.ok_or_else(unknown)?;
    let sql = format!(
        "{OFFERS} JOIN partner_offers a ON a.member_id = $2 AND o.community = a.community \
         AND o.sport = a.sport AND o.weekday = a.weekday AND o.hour = a.hour \
         WHERE o.id = $1 AND o.member_id <> $2"
    );
    let found: Vec<OfferRow> = rows(tx, &sql, vec![offer.into(), member.0.into()]).await?;
    let other = found.into_iter().next().ok_or(Error::NotFound(Code::NotFound))?;
    let sql = "SELECT '' AS sport, m.name_masked AS name, m.id, m.id AS member_id, \
               0 AS weekday, 0 AS hour \
               FROM members m WHERE m.id = $1";
    let own: Vec<OfferRow> = rows(tx, sql, vec![member.0.into()]).await?;
    let own = own.into_iter().next().map(|row| row.name).unwrap_or_default();
    let (local, other) = (at.with_timezone(&Shanghai), MemberId(other.member_id));
    let note = Note {
        member: other,
        kind: MESSAGE,
        name: format!("partner:{member}:{other}:{}", members::local_day(now)),
        session: None,
        page: format!("pages/partners/index?offer={offer}"),
        fields: vec![
            ("thing1", outbox::thing(&format!("{own}邀您一起运动"))),
            ("time2", local.format("%Y年%-m月%-d日 %H:%M").to_string()),
            ("thing3", outbox::thing(&venue.name)),
        ],
        not_before: now,
        valid_until: Some(at),
    };
    outbox::put(tx, keys, note, now).await
}
