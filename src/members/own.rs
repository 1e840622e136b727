//! What residents do about themselves: registering, looking at what is kept, changing phone, home
//! and choices. Each operation runs in the command's transaction.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, ExprTrait as _,
    IntoActiveModel as _, QueryFilter as _, Statement,
    sea_query::{Expr, OnConflict},
};

use super::{
    Channel, NewMember, Profile, Visitor,
    accounts::bind,
    note, open_text,
    profile::describe,
    registration::{check_phone, register},
    tables::{member_settings, members},
};
use crate::base::{
    error::{Code, Error},
    ids::{DivisionCode, MemberId},
    keys::Keys,
    text::Phone,
};

/// Registers whoever signed in, in the transaction of the command. Refuses what [`register`]
/// refuses, a community that there is none of (422), consents about faces (422: they are given by
/// themselves), and an account that somebody registered with (409).
pub async fn register_self(
    tx: &DatabaseTransaction,
    keys: &Keys,
    new: &NewMember,
    caller: &Visitor,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    let account = caller.account.filter(|_| caller.member.is_none());
    let account = account.ok_or(Error::Conflict(Code::AccountTaken))?;
    check_unbundled(new)?;
    check_community(tx, &new.home_community).await?;
    let id = register(tx, keys, new, Channel::MiniProgram, &caller.actor(), now).await?;
    bind(tx, account, id, now).await?;
    Ok(id)
}

/// Nobody agrees to their face or their health being used in passing.
pub(super) fn check_unbundled(new: &NewMember) -> Result<(), Error> {
    match new.consents.iter().position(|consent| consent.purpose.is_separate()) {
        Some(n) => Err(Error::invalid(format!("/consents/{n}/purpose"), Code::ConsentBundled)),
        None => Ok(()),
    }
}

/// Whether the community is registered. Its table belongs to a domain beside this one, of which no
/// more than the existence of a code is asked.
pub(super) async fn check_community(
    conn: &impl ConnectionTrait,
    code: &DivisionCode,
) -> Result<(), Error> {
    let sql = "SELECT 1 AS known FROM divisions WHERE code = $1";
    let statement =
        Statement::from_sql_and_values(conn.get_database_backend(), sql, [code.as_str().into()]);
    let row = conn.query_one_raw(statement).await?;
    row.map(drop).ok_or_else(|| Error::invalid("/home_community", Code::UnknownDivision))
}

/// Everything that is kept of a resident, for themselves.
#[derive(Clone, Debug)]
pub struct Own {
    pub profile: Profile,
    /// The whole name.
    pub name: String,
    pub in_ranks: bool,
}

/// What is kept of a resident.
pub async fn own(conn: &impl ConnectionTrait, keys: &Keys, id: MemberId) -> Result<Own, Error> {
    let row = load(conn, id).await?;
    let name = open_text(keys, id, "name_ct", &row.name_ct)?;
    let settings = member_settings::Entity::find_by_id(id).one(conn).await?;
    let in_ranks = settings.is_some_and(|settings| settings.in_ranks);
    Ok(Own { profile: describe(conn, keys, row).await?, name, in_ranks })
}

pub(super) async fn load(
    conn: &impl ConnectionTrait,
    id: MemberId,
) -> Result<members::Model, Error> {
    members::Entity::find_by_id(id)
        .filter(members::COLUMN.erased_at.is_null())
        .one(conn)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))
}

/// The member, with the row locked and its version grown.
pub(super) async fn lock_own(
    tx: &DatabaseTransaction,
    id: MemberId,
) -> Result<members::Model, Error> {
    members::Entity::update_many()
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    load(tx, id).await
}

/// What a resident may change of themselves; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Proved by a code of WeChat.
    pub phone: Option<Phone>,
    pub home_community: Option<DivisionCode>,
    pub in_ranks: Option<bool>,
}

/// Changes phone, home and choices. Refuses (409) the number of a stranger.
pub async fn change(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: MemberId,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = lock_own(tx, id).await?;
    let actor = format!("member:{id}");
    if let Some(phone) = &change.phone {
        set_phone(tx, keys, &row, phone).await?;
        note(tx, &actor, "phone_changed", id, None, now).await?;
    }
    if let Some(home) = &change.home_community {
        check_community(tx, home).await?;
        members::Entity::update_many()
            .col_expr(members::Column::HomeCommunity, Expr::value(home.as_str()))
            .filter(members::COLUMN.id.eq(id))
            .exec(tx)
            .await?;
        note(tx, &actor, "home_changed", id, Some(home.as_str()), now).await?;
    }
    if let Some(in_ranks) = change.in_ranks {
        set_in_ranks(tx, id, in_ranks, now).await?;
    }
    Ok(())
}

async fn set_phone(
    tx: &DatabaseTransaction,
    keys: &Keys,
    row: &members::Model,
    phone: &Phone,
) -> Result<(), Error> {
    let index = keys.blind_index("members.phone", phone.as_str());
    let sealed = keys.seal("members", "phone_ct", &row.id.to_string(), phone.as_str().as_bytes());
    members::Entity::update_many()
        .col_expr(members::Column::PhoneCt, Expr::value(sealed))
        .col_expr(members::Column::PhoneIx, Expr::value(index.clone()))
        .filter(members::COLUMN.id.eq(row.id))
        .exec(tx)
        .await?;
    check_phone(tx, row.id, Some(&index), row.guardian_id).await
}

async fn set_in_ranks(
    tx: &DatabaseTransaction,
    id: MemberId,
    in_ranks: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = member_settings::Model { member_id: id, in_ranks, updated_at: now };
    let renewed = OnConflict::column(member_settings::Column::MemberId)
        .update_columns([member_settings::Column::InRanks, member_settings::Column::UpdatedAt])
        .to_owned();
    member_settings::Entity::insert(row.into_active_model())
        .on_conflict(renewed)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
