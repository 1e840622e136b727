//! Claiming vendors' terminals: an unknown serial number is noted until staff claim it for a place;
//! path tokens, and the end of a terminal's use.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};
use secrecy::SecretString;

use super::{
    ACTIVE, NewPlace, REVOKED, Serial, audited, day_start, fresh_row, insert_place,
    rules::{Family, Names},
    tables::{
        gateways::{terminal_link, unclaimed_terminal},
        terminal,
    },
    taken, venue_with_zone,
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::TerminalId,
        keys::{new_token, token_hash},
    },
    venues,
};

/// Unclaimed terminals that are remembered; more are turned away until staff have claimed some.
const UNCLAIMED_MAX: u64 = 1_000;
/// How long a replaced path token still works, so that the device can be set up anew.
const OVERLAP: TimeDelta = TimeDelta::days(7);

/// A vendor's terminal that is to be taken into use.
#[derive(Clone, Debug)]
pub struct NewClaim {
    pub family: Family,
    pub serial: Serial,
    pub place: NewPlace,
    /// `None`: the venue's.
    pub time_zone: Option<Tz>,
    /// Whether we tell it who may enter.
    pub keeps_roster: bool,
}

/// A terminal that has been claimed.
pub struct Claimed {
    pub id: TerminalId,
    /// To stand in the path that the device posts to; shown this once.
    pub path_token: Option<SecretString>,
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Notes that an unclaimed terminal was heard, and how many records of it wait.
///
/// # Errors
/// `Unavailable` when there are too many unclaimed ones already: nothing of it is kept.
pub async fn note_unclaimed(
    tx: &impl ConnectionTrait,
    family: Family,
    serial: &Serial,
    records: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use unclaimed_terminal::{Column, Entity, Model};
    let key = (family.as_str().to_owned(), serial.to_string());
    if Entity::find_by_id(key.clone()).one(tx).await?.is_none()
        && Entity::find().count(tx).await? >= UNCLAIMED_MAX
    {
        return Err(Error::Unavailable(Code::Overloaded, 60));
    }
    let row = Model {
        family: key.0,
        serial: key.1,
        first_seen_at: now,
        last_seen_at: now,
        records: i32::try_from(records).unwrap_or(i32::MAX),
    };
    let seen = OnConflict::columns([Column::Family, Column::Serial])
        .update_columns([Column::LastSeenAt, Column::Records])
        .to_owned();
    Entity::insert(row.into_active_model()).on_conflict(seen).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether an unclaimed terminal was noted under this family before.
pub async fn is_unclaimed(
    db: &impl ConnectionTrait,
    family: Family,
    serial: &Serial,
) -> Result<bool, Error> {
    let key = (family.as_str().to_owned(), serial.to_string());
    Ok(unclaimed_terminal::Entity::find_by_id(key).one(db).await?.is_some())
}

/// An unclaimed terminal as staff see it.
pub type UnclaimedView = unclaimed_terminal::Model;

/// At most `limit` unclaimed terminals behind `after`, by family and serial number.
pub async fn unclaimed(
    db: &impl ConnectionTrait,
    after: Option<(String, String)>,
    limit: u64,
) -> Result<Vec<UnclaimedView>, Error> {
    use unclaimed_terminal::{Column, Entity};
    let mut query = Entity::find().order_by_asc(Column::Family).order_by_asc(Column::Serial);
    if let Some((family, serial)) = after {
        let same = Column::Family.eq(family.clone()).and(Column::Serial.gt(serial));
        query = query.filter(Column::Family.gt(family).or(same));
    }
    Ok(query.limit(limit).all(db).await?)
}

/// Takes a vendor's terminal into use at its place. One that was revoked before comes back under
/// its old id.
///
/// # Errors
/// `Conflict` when it is in use already; `Invalid` without such a venue or zone.
pub async fn claim(
    db: &DatabaseConnection,
    new: NewClaim,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Claimed, Error> {
    let tx = db::begin(db).await?;
    let venue = venue_with_zone(&tx, &new.place).await?;
    let known = by_serial(&tx, new.family, &new.serial).await?;
    let (id, first_day) = match known {
        Some(row) if row.status == ACTIVE => return Err(Error::Conflict(Code::SerialTaken)),
        Some(row) => {
            let id = row.id;
            let mut row = row.into_active_model();
            row.status = Set(ACTIVE.to_owned());
            row.lost_at = Set(None);
            row.update(&tx).await?;
            (id, venue.business_day(now))
        }
        None => {
            let id = TerminalId::new();
            let zone = new.time_zone.unwrap_or(venue.rules_at(now).time_zone);
            let mut row = fresh_row(id, &new.serial, zone, now);
            new.family.as_str().clone_into(&mut row.family);
            row.into_active_model().insert(&tx).await.map_err(|e| taken(e, Code::SerialTaken))?;
            (id, venue.rules[0].valid_from)
        }
    };
    let day = new.place.valid_from.unwrap_or(first_day);
    insert_place(&tx, id, &new.place, day_start(&venue, day)).await?;
    let path_token = link(&tx, id, &new).await?;
    unclaimed_terminal::Entity::delete_by_id((
        new.family.as_str().to_owned(),
        new.serial.to_string(),
    ))
    .exec(&tx)
    .await?;
    venues::touch(&tx).await?;
    audited(tx, by, "terminal_claimed", id, now).await?;
    Ok(Claimed { id, path_token })
}

async fn by_serial(
    tx: &impl ConnectionTrait,
    family: Family,
    serial: &Serial,
) -> Result<Option<terminal::Model>, Error> {
    let row = terminal::Entity::find()
        .filter(terminal::Column::Family.eq(family.as_str()))
        .filter(terminal::Column::Serial.eq(serial.to_string()))
        .one(tx)
        .await?;
    Ok(row)
}

/// A fresh link, with a path token where the family can carry one.
async fn link(
    tx: &impl ConnectionTrait,
    id: TerminalId,
    new: &NewClaim,
) -> Result<Option<SecretString>, Error> {
    let token = new.family.carries_path_token().then(new_token);
    let row = terminal_link::Model {
        terminal_id: id,
        keeps_roster: new.keeps_roster,
        roster_version: None,
        peer_address: None,
        backlog_at: None,
        path_token_hash: token.as_deref().map(token_hash),
        old_path_token_hash: None,
        old_path_token_until: None,
        address: None,
        user_name: None,
        password_ct: None,
        locked_until: None,
        refused_logins: 0,
        streams: false,
        names: Names::None.as_str().to_owned(),
    };
    terminal_link::Entity::delete_by_id(id).exec(tx).await?;
    let insert = terminal_link::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await?;
    Ok(token.map(Into::into))
}

/// Gives a terminal another path token; the old one works for another week.
///
/// # Errors
/// `NotFound` without such a terminal; `Conflict` when its family carries none.
pub async fn rotate_path_token(
    db: &DatabaseConnection,
    terminal: TerminalId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<SecretString, Error> {
    let tx = db::begin(db).await?;
    let row = terminal_link::Entity::find_by_id(terminal).lock_exclusive().one(&tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    if row.path_token_hash.is_none() {
        return Err(Error::Conflict(Code::NoPathToken));
    }
    let token = new_token();
    let old = row.path_token_hash.clone();
    let mut row = row.into_active_model();
    row.path_token_hash = Set(Some(token_hash(&token)));
    row.old_path_token_hash = Set(old);
    row.old_path_token_until = Set(Some(now + OVERLAP));
    row.update(&tx).await?;
    audited(tx, by, "terminal_path_token_rotated", terminal, now).await?;
    Ok(token.into())
}

/// Ends a terminal's use at once: its keys and tokens are worth nothing, it holds no day open, and
/// what it still sends waits in quarantine. Doing it again changes nothing.
///
/// # Errors
/// `NotFound` without such a terminal.
pub async fn revoke(
    db: &DatabaseConnection,
    terminal: TerminalId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let row = terminal::Entity::find_by_id(terminal).one(&tx).await?;
    row.ok_or(Error::NotFound(Code::NotFound))?;
    let revoked = terminal::Entity::update_many()
        .col_expr(terminal::Column::Status, Expr::value(REVOKED))
        .col_expr(terminal::Column::LostAt, Expr::value(now))
        .filter(terminal::Column::Id.eq(terminal))
        .filter(terminal::Column::Status.ne(REVOKED))
        .exec(&tx)
        .await?;
    if revoked.rows_affected == 0 {
        return Ok(());
    }
    terminal_link::Entity::update_many()
        .col_expr(terminal_link::Column::PathTokenHash, Expr::value(None::<String>))
        .col_expr(terminal_link::Column::OldPathTokenHash, Expr::value(None::<String>))
        .filter(terminal_link::Column::TerminalId.eq(terminal))
        .exec(&tx)
        .await?;
    venues::touch(&tx).await?;
    audited(tx, by, "terminal_revoked", terminal, now).await
}
