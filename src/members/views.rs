//! Which of the staff looked at whom: written down in the transaction that looks, for the person
//! to read. And leave to see a child, which somebody else of the staff has to give.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _, QueryFilter as _, Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    birth_of, local_day, note, note_because,
    profile::{Profile, profile},
    rules::GUARDIAN_UNDER,
    tables::{member_views, members, view_requests},
};
use crate::{
    base::{
        documents::age_on,
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
        keys::Keys,
    },
    staff::{Function, StaffCaller},
};

/// How long leave to see a child is good.
const LEAVE_LIFE: TimeDelta = TimeDelta::hours(24);
/// Characters of the reason for which somebody wants to see a child.
const REASON_CHARS_MAX: usize = 200;
/// What of somebody was seen: their row, or their row as a command left it.
const SHOWN: &str = "shown";
const CHANGED: &str = "changed";
/// Something that is masked otherwise.
const UNMASKED: &str = "unmasked";
/// Their row left as one of a file.
const EXPORTED: &str = "exported";

/// The masked member, to a caller who may see members at their home; of a child only with leave.
pub async fn look_at(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<Profile, Error> {
    let seen = profile(tx, keys, by, id).await?;
    if !may_see(tx, keys, by, id, now).await? {
        return Err(Error::Forbidden(Code::LeaveRequired));
    }
    remember(tx, by, id, SHOWN, now).await?;
    note(tx, &by.actor(), "member_shown", id, None, now).await?;
    Ok(seen)
}

/// Writes down that the caller saw something of the member beside their row, such as what they
/// wrote. Whether the caller may is the affair of whoever shows it.
pub async fn note_shown(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    remember(tx, by, id, SHOWN, now).await?;
    note(tx, &by.actor(), "member_shown", id, None, now).await?;
    Ok(())
}

/// Writes down that the caller saw what is masked otherwise, and why.
pub(super) async fn note_unmasked(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    remember(tx, by, id, UNMASKED, now).await?;
    note_because(tx, &by.actor(), "member_unmasked", id, reason, now).await?;
    Ok(())
}

/// Whether the caller may see the member: a child only with leave.
async fn may_see(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(!is_child(tx, keys, id, now).await? || has_leave(tx, by, id, now).await?)
}

/// The masked member as a command left it. Who has no leave to see a child learns nothing of the
/// child that they did not say themselves.
pub async fn look_after(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<Profile, Error> {
    let seen = profile(tx, keys, by, id).await?;
    if !may_see(tx, keys, by, id, now).await? {
        return Ok(seen.veiled());
    }
    remember(tx, by, id, CHANGED, now).await?;
    Ok(seen)
}

pub(super) async fn is_child(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let row = members::Entity::find_by_id(id).one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    let birth = birth_of(keys, &row)?;
    Ok(birth.is_some_and(|birth| age_on(birth, local_day(now)) < GUARDIAN_UNDER))
}

async fn has_leave(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let given = view_requests::Entity::find()
        .filter(view_requests::COLUMN.member_id.eq(id))
        .filter(view_requests::COLUMN.asked_by.eq(by.actor()))
        .filter(view_requests::COLUMN.valid_until.gt(now))
        .one(tx)
        .await?;
    Ok(given.is_some())
}

/// Writes down that these rows left as part of a file.
pub(super) async fn note_exported(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    ids: Vec<MemberId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let rows = ids.into_iter().map(|id| view(by, id, EXPORTED, now).into_active_model());
    member_views::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

async fn remember(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    act: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = view(by, id, act, now);
    member_views::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

fn view(by: &StaffCaller, id: MemberId, act: &str, now: DateTime<Utc>) -> member_views::Model {
    member_views::Model {
        id: Uuid::now_v7(),
        member_id: id,
        viewer: by.actor(),
        role: by.role.as_str().to_owned(),
        division: by.division.clone(),
        act: act.to_owned(),
        at: now,
    }
}

/// Somebody of the staff looked.
#[derive(Clone, Debug, FromQueryResult)]
pub struct View {
    pub id: Uuid,
    /// The role and division of whoever looked; never their name.
    pub role: String,
    pub division: String,
    /// `shown`, `changed`, `unmasked` or `exported`.
    pub act: String,
    pub at: DateTime<Utc>,
}

/// Who looked at the member, the newest first, behind the view `after`.
pub async fn views_of(
    db: &DatabaseConnection,
    member: MemberId,
    after: Option<(DateTime<Utc>, Uuid)>,
    rows: u64,
) -> Result<Vec<View>, Error> {
    let behind = if after.is_some() { "AND (at, id) < ($3, $4)" } else { "" };
    let sql = format!(
        "SELECT id, role, division, act, at FROM member_views WHERE member_id = $1 {behind} \
         ORDER BY at DESC, id DESC LIMIT $2"
    );
    let mut values: Vec<Value> = vec![member.0.into(), i64::try_from(rows).unwrap_or(200).into()];
    if let Some((at, id)) = after {
        values.extend([at.into(), id.into()]);
    }
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(View::find_by_statement(statement).all(db).await?)
}

/// A request to see a child.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ViewRequest {
    pub id: Uuid,
    pub member_id: Uuid,
    pub asked_by: String,
    pub reason: String,
    pub asked_at: DateTime<Utc>,
}

/// Asks for leave to see a child whom the caller's right covers.
pub async fn ask_leave(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Error::invalid("/reason", Code::InvalidValue));
    }
    by.require(Function::SeeMembers, &home_of(tx, id).await?)?;
    let row = view_requests::Model {
        id: Uuid::now_v7(),
        member_id: id,
        asked_by: by.actor(),
        reason: reason.to_owned(),
        asked_at: now,
        approved_by: None,
        approved_at: None,
        valid_until: None,
    };
    let request = row.id;
    view_requests::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    note(tx, &by.actor(), "view_asked", id, Some(reason), now).await?;
    Ok(request)
}

/// Gives leave that somebody else asked for; giving it twice prolongs nothing.
pub async fn give_leave(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    request: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = view_requests::Entity::find_by_id(request).one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ApproveMembers, &home_of(tx, row.member_id).await?)?;
    if row.asked_by == by.actor() {
        return Err(Error::Forbidden(Code::OwnRequest));
    }
    let given = view_requests::Entity::update_many()
        .col_expr(view_requests::Column::ApprovedBy, Expr::value(by.actor()))
        .col_expr(view_requests::Column::ApprovedAt, Expr::value(now))
        .col_expr(view_requests::Column::ValidUntil, Expr::value(now + LEAVE_LIFE))
        .filter(view_requests::COLUMN.id.eq(request))
        .filter(view_requests::COLUMN.approved_at.is_null())
        .exec(tx)
        .await?;
    if given.rows_affected == 1 {
        note(tx, &by.actor(), "view_approved", row.member_id, None, now).await?;
    }
    Ok(())
}

/// Requests within the caller's division that nobody has answered, by id, behind `after`.
pub async fn open_requests(
    db: &DatabaseConnection,
    by: &StaffCaller,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<ViewRequest>, Error> {
    by.require(Function::ApproveMembers, &by.division)?;
    let sql = "SELECT r.id, r.member_id, r.asked_by, r.reason, r.asked_at FROM view_requests r \
               JOIN members m ON m.id = r.member_id WHERE r.approved_at IS NULL AND r.id > $1 \
               AND m.home_community LIKE $2 AND m.erased_at IS NULL ORDER BY r.id LIMIT $3";
    let values: [Value; 3] = [
        after.unwrap_or(Uuid::nil()).into(),
        format!("{}%", by.division).into(),
        i64::try_from(rows).unwrap_or(200).into(),
    ];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(ViewRequest::find_by_statement(statement).all(db).await?)
}

async fn home_of(tx: &DatabaseTransaction, id: MemberId) -> Result<DivisionCode, Error> {
    let row =
        members::Entity::find_by_id(id).filter(members::COLUMN.erased_at.is_null()).one(tx).await?;
    Ok(row.ok_or(Error::NotFound(Code::NotFound))?.home_community)
}
