//! Companions: grown-ups whom a guardian lets bring a child, a grandmother or a neighbour. A
//! companion may show the child's code at doors, and nothing else: consents, minutes and disputes
//! stay the guardian's. Both sides say yes, the guardian by a code and the companion by taking it,
//! so that nobody needs the other's name or number.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    ExprTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    SqlErr, sea_query::OnConflict,
};

use super::{
    birth_of, local_day, note,
    own::{load, lock_own},
    rules,
    tables::{companion_codes, companions, members},
    wards::acting_for,
    words::Verification,
};
use crate::base::{
    documents::age_on,
    error::{Code, Error},
    ids::MemberId,
    keys::{Keys, new_token, token_hash},
};

/// How long a guardian's code waits to be taken, and how many characters it has.
const CODE_LIFE: TimeDelta = TimeDelta::hours(24);
const CODE_CHARACTERS: usize = 16;
/// Companions of one child, and children of one companion.
const COMPANIONS_MAX: u64 = 5;
const CHILDREN_MAX: u64 = 20;

/// Somebody beside a child: the companion, or the child itself, masked.
#[derive(Clone, Debug)]
pub struct Beside {
    pub id: MemberId,
    pub name_masked: String,
    pub since: DateTime<Utc>,
}

/// A code with which somebody becomes the companion of the guardian's child; the one before is
/// void, and only its hash is kept. Refuses (404) any other child.
pub async fn invite_companion(
    tx: &DatabaseTransaction,
    keys: &Keys,
    guardian: MemberId,
    child: MemberId,
    now: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), Error> {
    acting_for(tx, keys, guardian, Some(child), now).await?;
    lock_own(tx, child).await?;
    if companions_of(tx, child, guardian).await?.len() as u64 >= COMPANIONS_MAX {
        return Err(Error::invalid("", Code::TooManyItems));
    }
    let code: String = new_token().chars().take(CODE_CHARACTERS).collect();
    let expires_at = now + CODE_LIFE;
    let (code_hash, named_by) = (token_hash(&code), guardian);
    let row = companion_codes::Model { member_id: child, code_hash, named_by, expires_at };
    let renewed = OnConflict::column(companion_codes::Column::MemberId)
        .update_columns([
            companion_codes::Column::CodeHash,
            companion_codes::Column::NamedBy,
            companion_codes::Column::ExpiresAt,
        ])
        .to_owned();
    companion_codes::Entity::insert(row.into_active_model())
        .on_conflict(renewed)
        .exec_without_returning(tx)
        .await?;
    note(tx, &format!("member:{guardian}"), "companion_invited", child, None, now).await?;
    Ok((code, expires_at))
}

/// Takes a guardian's code: from now on the caller may bring the child. Refuses (403) whose own
/// name is not verified, (422) who is no adult, and (404) a code that is none.
pub async fn accompany(
    tx: &DatabaseTransaction,
    keys: &Keys,
    companion: MemberId,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Beside, Error> {
    check_fit(keys, &load(tx, companion).await?, now)?;
    let refused = || Error::NotFound(Code::CompanionCodeInvalid);
    let hash = token_hash(code);
    let found = companion_codes::Entity::find()
        .filter(companion_codes::COLUMN.code_hash.eq(&hash))
        .filter(companion_codes::COLUMN.expires_at.gt(now))
        .one(tx)
        .await?
        .ok_or_else(refused)?;
    let spent = companion_codes::Entity::delete_many()
        .filter(companion_codes::COLUMN.code_hash.eq(&hash))
        .exec(tx)
        .await?;
    let (child, guardian) = (found.member_id, found.named_by);
    if spent.rows_affected == 0 || companion == guardian || companion == child {
        return Err(refused());
    }
    let others = companions::Entity::find()
        .filter(companions::COLUMN.companion_id.eq(companion))
        .count(tx)
        .await?;
    if others >= CHILDREN_MAX {
        return Err(Error::invalid("", Code::TooManyItems));
    }
    // The guardian may have changed since.
    acting_for(tx, keys, guardian, Some(child), now).await.map_err(|_| refused())?;
    let row = companions::Model {
        member_id: child,
        companion_id: companion,
        named_by: guardian,
        since: now,
    };
    let insert = companions::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => refused(),
        _ => error.into(),
    })?;
    note(tx, &format!("member:{companion}"), "companion_added", child, None, now).await?;
    let name_masked = load(tx, child).await?.name_masked;
    Ok(Beside { id: child, name_masked, since: now })
}

fn check_fit(keys: &Keys, row: &members::Model, now: DateTime<Utc>) -> Result<(), Error> {
    if Verification::from_text(&row.verification) == Some(Verification::Unverified) {
        return Err(Error::Forbidden(Code::MemberNotVerified));
    }
    let birth = birth_of(keys, row)?;
    let is_adult = birth.is_some_and(|birth| age_on(birth, local_day(now)) >= rules::ADULT);
    if is_adult { Ok(()) } else { Err(Error::invalid("", Code::GuardianUnfit)) }
}

/// Who may bring a child, by its guardian's word.
async fn companions_of(
    conn: &impl ConnectionTrait,
    child: MemberId,
    guardian: MemberId,
) -> Result<Vec<companions::Model>, DbErr> {
    companions::Entity::find()
        .filter(companions::COLUMN.member_id.eq(child))
        .filter(companions::COLUMN.named_by.eq(guardian))
        .order_by_asc(companions::Column::Since)
        .all(conn)
        .await
}

/// The companions of the guardian's child, masked. Refuses (404) any other child.
pub async fn companions(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    guardian: MemberId,
    child: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Beside>, Error> {
    acting_for(conn, keys, guardian, Some(child), now).await?;
    let rows = companions_of(conn, child, guardian).await?;
    named(conn, rows.into_iter().map(|row| (row.companion_id, row.since))).await
}

/// The children whom somebody may bring, masked.
pub async fn accompanied(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    companion: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Beside>, Error> {
    let rows = companions::Entity::find()
        .filter(companions::COLUMN.companion_id.eq(companion))
        .order_by_asc(companions::Column::Since)
        .all(conn)
        .await?;
    let mut children = Vec::new();
    for row in rows {
        let holds = acting_for(conn, keys, row.named_by, Some(row.member_id), now).await;
        if holds.is_ok() {
            children.push((row.member_id, row.since));
        }
    }
    named(conn, children.into_iter()).await
}

async fn named(
    conn: &impl ConnectionTrait,
    people: impl Iterator<Item = (MemberId, DateTime<Utc>)>,
) -> Result<Vec<Beside>, Error> {
    let mut named = Vec::new();
    for (id, since) in people {
        let name_masked = load(conn, id).await?.name_masked;
        named.push(Beside { id, name_masked, since });
    }
    Ok(named)
}

/// Whose code somebody may show at a door: their own, a child's of theirs, or a child's whom they
/// may bring. Anybody else does not exist (404).
pub async fn showing_for(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    caller: MemberId,
    child: Option<MemberId>,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    let own = acting_for(conn, keys, caller, child, now).await;
    let (Err(_), Some(child)) = (&own, child) else { return own };
    let row = companions::Entity::find_by_id((child, caller)).one(conn).await?;
    match row {
        Some(row) => acting_for(conn, keys, row.named_by, Some(child), now).await,
        None => own,
    }
}

/// Ends it, by the guardian or by the companion; who is none is left as they are.
pub async fn part(
    tx: &DatabaseTransaction,
    actor: MemberId,
    child: MemberId,
    companion: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let parted = companions::Entity::delete_many()
        .filter(companions::COLUMN.member_id.eq(child))
        .filter(companions::COLUMN.companion_id.eq(companion))
        .exec(tx)
        .await?;
    if parted.rows_affected > 0 {
        note(tx, &format!("member:{actor}"), "companion_removed", child, None, now).await?;
    }
    Ok(())
}

/// Nobody brings somebody who is forgotten, nor is brought by them.
pub(super) async fn erase(tx: &DatabaseTransaction, id: MemberId) -> Result<(), DbErr> {
    companion_codes::Entity::delete_by_id(id).exec(tx).await?;
    companions::Entity::delete_many()
        .filter(companions::COLUMN.member_id.eq(id).or(companions::COLUMN.companion_id.eq(id)))
        .exec(tx)
        .await
        .map(drop)
}
