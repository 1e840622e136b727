//! Who is inside, from the database: open stays that have not expired, with masked contacts.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use serde::{Deserialize, Serialize};

use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, MemberId, SessionId, VenueId},
        keys::Keys,
    },
    members,
    venues::Venue,
};

/// Somebody who is presumed inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    pub session: SessionId,
    /// Masked.
    pub name: String,
    /// Masked; of a child the guardian's.
    pub phone: Option<String>,
    pub is_child: bool,
    pub entered_at: DateTime<Utc>,
    /// When such a stay usually ends.
    pub usual_until: DateTime<Utc>,
    /// Not presumed inside any longer from here on.
    pub expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub struct Stay {
    pub id: SessionId,
    pub member_id: MemberId,
    pub venue_id: VenueId,
    pub entered_at: DateTime<Utc>,
    pub presence_expires_at: DateTime<Utc>,
}

const STAYS: &str = "SELECT s.id, s.member_id, s.venue_id, s.entered_at, s.presence_expires_at \
     FROM venues v JOIN sessions s ON s.venue_id = v.id \
     WHERE s.left_at IS NULL AND NOT s.void AND s.presence_expires_at >= $1";

/// The open stays of one venue, oldest first.
pub async fn stays_at(
    db: &impl ConnectionTrait,
    venue: VenueId,
    now: DateTime<Utc>,
) -> Result<Vec<Stay>, DbErr> {
    stays(db, "AND v.id = $2", vec![now.into(), venue.0.into()]).await
}

/// The open stays of a division's venues, or of all.
pub async fn stays_within(
    db: &impl ConnectionTrait,
    division: Option<&DivisionCode>,
    now: DateTime<Utc>,
) -> Result<Vec<Stay>, DbErr> {
    match division {
        None => stays(db, "", vec![now.into()]).await,
        Some(code) => {
            let first = code.as_str();
            let values = vec![now.into(), first.into(), format!("{first:9<12}").into()];
            stays(db, "AND v.community BETWEEN $2 AND $3", values).await
        }
    }
}

async fn stays(
    db: &impl ConnectionTrait,
    among: &str,
    values: Vec<Value>,
) -> Result<Vec<Stay>, DbErr> {
    let sql = format!("{STAYS} {among} ORDER BY s.entered_at, s.id");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Stay::find_by_statement(statement).all(db).await
}

/// The people of these stays by venue, in the stays' order; whoever was erased meanwhile is
/// there without a name.
pub async fn people<'a>(
    db: &impl ConnectionTrait,
    keys: &Keys,
    venue: impl Fn(VenueId) -> Option<&'a Venue>,
    stays: Vec<Stay>,
    now: DateTime<Utc>,
) -> Result<BTreeMap<VenueId, Vec<Present>>, Error> {
    let ids: Vec<MemberId> = stays.iter().map(|stay| stay.member_id).collect();
    let mut contacts: HashMap<MemberId, members::Contact> =
        members::contacts(db, keys, &ids, now).await?;
    let mut people: BTreeMap<VenueId, Vec<Present>> = BTreeMap::new();
    for stay in stays {
        let contact = contacts.remove(&stay.member_id);
        let usual_until = venue(stay.venue_id)
            .map_or(stay.presence_expires_at, |venue| venue.estimated_end(stay.entered_at));
        let is_child = contact.as_ref().is_some_and(|contact| contact.is_child);
        let phone = contact.as_ref().and_then(|contact| contact.phone.clone());
        people.entry(stay.venue_id).or_default().push(Present {
            session: stay.id,
            name: contact.map_or_else(|| "*".to_owned(), |contact| contact.name),
            phone,
            is_child,
            entered_at: stay.entered_at,
            usual_until,
            expires_at: stay.presence_expires_at,
        });
    }
    Ok(people)
}
