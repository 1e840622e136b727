//! Where a terminal takes commands, and as whom: set by staff, the password sealed. A device that
//! refuses our login is left alone for a while, since it locks itself after a few bad ones.

use std::net::{IpAddr, SocketAddr};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseConnection, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Query, SimpleExpr},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    ACTIVE, audited, commands,
    rules::Family,
    tables::{
        gateways::{terminal_command, terminal_link},
        terminal,
    },
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::TerminalId,
    keys::Keys,
};

const TABLE: &str = "terminal_links";
const COLUMN: &str = "password_ct";
/// Bad logins after which a device is left alone; it locks the account at five.
const REFUSED_MAX: i32 = 2;
const LOCKED_FOR: TimeDelta = TimeDelta::minutes(30);
/// How long a device that cannot be reached is left alone.
const AWAY_FOR: TimeDelta = TimeDelta::seconds(30);

/// Where a device is, and as whom we come.
#[derive(Clone, Debug)]
pub struct Access {
    pub address: SocketAddr,
    pub user: String,
    pub password: SecretString,
    /// Whether its events are fetched as a stream.
    pub streams: bool,
}

/// Whether a device may be called at this address: one of its own, in whatever network, but
/// nothing that only this machine or everybody answers to.
pub fn is_callable(address: IpAddr, is_production: bool) -> bool {
    let reserved = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.is_documentation(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    let own = is_production && address.is_loopback();
    !(reserved || own || address.is_unspecified() || address.is_multicast())
}

/// Sets where a terminal takes commands.
///
/// # Errors
/// `NotFound` without such a vendor's terminal.
pub async fn set(
    db: &DatabaseConnection,
    keys: &Keys,
    terminal: TerminalId,
    access: &Access,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let row = terminal_link::Entity::find_by_id(terminal).lock_exclusive().one(&tx).await?;
    let mut row = row.ok_or(Error::NotFound(Code::NotFound))?.into_active_model();
    let sealed =
        keys.seal(TABLE, COLUMN, &terminal.to_string(), access.password.expose_secret().as_bytes());
    row.address = Set(Some(access.address.to_string()));
    row.user_name = Set(Some(access.user.clone()));
    row.password_ct = Set(Some(sealed));
    row.streams = Set(access.streams);
    row.locked_until = Set(None);
    row.refused_logins = Set(0);
    row.update(&tx).await?;
    audited(tx, by, "terminal_access_set", terminal, now).await
}

/// How to call a terminal now; nothing while it is left alone or nobody has said where it is.
pub async fn of(
    db: &impl ConnectionTrait,
    keys: &Keys,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<Option<Access>, Error> {
    let Some(row) = terminal_link::Entity::find_by_id(terminal).one(db).await? else {
        return Ok(None);
    };
    if row.locked_until.is_some_and(|until| until > now) {
        return Ok(None);
    }
    let streams = row.streams;
    let (Some(address), Some(user), Some(sealed)) = (row.address, row.user_name, row.password_ct)
    else {
        return Ok(None);
    };
    let opened = keys.open(TABLE, COLUMN, &terminal.to_string(), &sealed)?;
    let password = String::from_utf8(opened).map_err(Error::internal)?;
    let address =
        address.parse().map_err(|error: std::net::AddrParseError| Error::internal(error))?;
    Ok(Some(Access { address, user, password: password.into(), streams }))
}

/// How a call went, as far as the next one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    Well,
    /// It did not take our login.
    Refused,
    /// It did not answer.
    Away,
}

/// Notes how a call went: opens the breaker, or closes it.
pub async fn note(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    called: Called,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(row) = terminal_link::Entity::find_by_id(terminal).one(db).await? else {
        return Ok(());
    };
    let refused = match called {
        Called::Well => 0,
        Called::Refused => row.refused_logins + 1,
        Called::Away => row.refused_logins,
    };
    let until = match called {
        Called::Well => None,
        Called::Refused if refused >= REFUSED_MAX => Some(now + LOCKED_FOR),
        Called::Refused => row.locked_until,
        Called::Away => Some(now + AWAY_FOR),
    };
    if (refused, until) == (row.refused_logins, row.locked_until) {
        return Ok(());
    }
    let mut row = row.into_active_model();
    row.refused_logins = Set(refused);
    row.locked_until = Set(until);
    row.update(db).await?;
    Ok(())
}

/// Terminals in use that we call and tell whom to hold, and that may be called now.
pub async fn with_rosters(
    db: &impl ConnectionTrait,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(TerminalId, Family)>, Error> {
    let keeps = terminal_link::Column::KeepsRoster.eq(true);
    callable(db, &Family::CALLED, keeps, limit, now).await
}

/// Terminals in use whose events are fetched as a stream, and that may be called now.
pub async fn with_streams(
    db: &impl ConnectionTrait,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(TerminalId, Family)>, Error> {
    callable(db, &Family::STREAMING, terminal_link::Column::Streams.eq(true), limit, now).await
}

async fn callable(
    db: &impl ConnectionTrait,
    families: &[Family],
    which: SimpleExpr,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(TerminalId, Family)>, Error> {
    let callable = Query::select()
        .column(terminal_link::Column::TerminalId)
        .from(terminal_link::Entity)
        .and_where(terminal_link::Column::Address.is_not_null())
        .and_where(which)
        .cond_where(is_free(now))
        .to_owned();
    let rows = terminal::Entity::find()
        .filter(terminal::Column::Family.is_in(families.iter().map(|family| family.as_str())))
        .filter(terminal::Column::Status.eq(ACTIVE))
        .filter(terminal::Column::Id.in_subquery(callable))
        .order_by_asc(terminal::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(with_families(rows))
}

fn with_families(rows: Vec<terminal::Model>) -> Vec<(TerminalId, Family)> {
    let known = |row: terminal::Model| Some((row.id, Family::called(&row.family)?));
    rows.into_iter().filter_map(known).collect()
}

/// It is not left alone.
fn is_free(now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(terminal_link::Column::LockedUntil.is_null())
        .add(terminal_link::Column::LockedUntil.lte(now))
}

/// Terminals in use that we call, for which commands wait, and that may be called now.
pub async fn with_commands(
    db: &impl ConnectionTrait,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(TerminalId, Family)>, Error> {
    use terminal_command::Column;
    let due = Query::select()
        .column(Column::TerminalId)
        .from(terminal_command::Entity)
        .cond_where(commands::is_due(now))
        .and_where(Column::Kind.is_in(commands::KINDS))
        .and_where(Column::ExpiresAt.gt(now))
        .to_owned();
    let callable = Query::select()
        .column(terminal_link::Column::TerminalId)
        .from(terminal_link::Entity)
        .and_where(terminal_link::Column::Address.is_not_null())
        .cond_where(is_free(now))
        .to_owned();
    let called = Family::CALLED.iter().map(|family| family.as_str());
    let rows = terminal::Entity::find()
        .filter(terminal::Column::Family.is_in(called))
        .filter(terminal::Column::Status.eq(ACTIVE))
        .filter(terminal::Column::Id.in_subquery(due))
        .filter(terminal::Column::Id.in_subquery(callable))
        .limit(limit)
        .all(db)
        .await?;
    Ok(with_families(rows))
}
