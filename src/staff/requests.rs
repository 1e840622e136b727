//! Four eyes: what one of the staff asks for and somebody else decides. What is done then belongs
//! to the domain that asked; here stand who, why, until when, and that nobody decides their own.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    FromQueryResult as _, IntoActiveModel as _, QueryFilter as _, Statement, Value,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Function, StaffCaller, audit,
    tables::staff_requests::{COLUMN, Column, Entity, Model},
};
use crate::base::{
    error::{Code, Error},
    ids::{DivisionCode, MemberId},
};

/// How long a decision is good for those who have to come back for what it permits.
const LIFE: TimeDelta = TimeDelta::hours(24);
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 200;
const CHAIN: &str = "staff";

/// What is asked for; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RequestMatter)]
pub enum Matter {
    /// Seeing what is masked.
    Unmask,
    /// A correction of more than an hour.
    Correction,
    /// Many members' rows as a file.
    Export,
    /// An address that is to be told what happens.
    Webhook,
}

impl Matter {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unmask => "unmask",
            Self::Correction => "correction",
            Self::Export => "export",
            Self::Webhook => "webhook",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Unmask, Self::Correction, Self::Export, Self::Webhook]
            .into_iter()
            .find(|m| m.as_str() == text)
    }
}

/// A request on its way.
#[derive(Clone, Debug)]
pub struct NewRequest {
    pub matter: Matter,
    /// `member:<id>`, `session:<id>` …
    pub object: String,
    /// Whom it is about.
    pub member: Option<MemberId>,
    /// Where it is decided.
    pub division: DivisionCode,
    /// JSON of the asking domain; nothing that a log may not hold.
    pub payload: String,
    pub reason: String,
}

/// A request as it stands.
#[derive(Clone, Debug)]
pub struct Request {
    pub id: Uuid,
    pub matter: Matter,
    pub object: String,
    pub member: Option<MemberId>,
    pub division: DivisionCode,
    pub payload: String,
    pub reason: String,
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    /// `None` while nobody has decided.
    pub is_approved: Option<bool>,
    pub valid_until: Option<DateTime<Utc>>,
}

/// A reason of 1 to 200 characters, without blanks around it.
pub fn reason(text: &str) -> Result<&str, Error> {
    let text = text.trim();
    let fits = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    fits.then_some(text).ok_or_else(|| Error::invalid("/reason", Code::ReasonLength))
}

/// Asks. Whether the caller may is the affair of the domain that asks.
pub async fn ask(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    new: NewRequest,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let id = Uuid::now_v7();
    let row = Model {
        id,
        kind: new.matter.as_str().to_owned(),
        object: new.object.clone(),
        member_id: new.member,
        division: new.division,
        payload: new.payload,
        reason: new.reason.clone(),
        asked_by: by.actor(),
        asked_at: now,
        decided_by: None,
        decided_at: None,
        decision: None,
        valid_until: None,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let act = format!("{}_asked", new.matter.as_str());
    note(tx, by, &act, &new.object, &new.reason, now).await?;
    Ok(id)
}

/// Approves by rule what needs no second person.
pub async fn grant(tx: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::DecidedBy, Expr::value("rule"))
        .col_expr(Column::DecidedAt, Expr::value(now))
        .col_expr(Column::Decision, Expr::value("approved"))
        .col_expr(Column::ValidUntil, Expr::value(now + LIFE))
        .filter(COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The request, whoever asks for it; 404 without one.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> Result<Request, Error> {
    let row = Entity::find_by_id(id).one(conn).await?;
    request(row.ok_or(Error::NotFound(Code::NotFound))?)
}

/// The caller's own request, approved and still good; 404 for another's, 403 before that.
pub async fn approved(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
    matter: Matter,
    now: DateTime<Utc>,
) -> Result<Request, Error> {
    let request = find(conn, id).await?;
    if request.asked_by != by.actor() || request.matter != matter {
        return Err(Error::NotFound(Code::NotFound));
    }
    let is_good =
        request.is_approved == Some(true) && request.valid_until.is_some_and(|until| now < until);
    if is_good { Ok(request) } else { Err(Error::Forbidden(Code::DecisionRequired)) }
}

/// Decides a request of somebody else: 404 outside the caller's division, 403 for one's own, 409
/// for one that was decided before.
pub async fn decide(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    approves: bool,
    now: DateTime<Utc>,
) -> Result<Request, Error> {
    let request = find(tx, id).await?;
    by.require(Function::DecideRequests, &request.division)?;
    if request.asked_by == by.actor() {
        return Err(Error::Forbidden(Code::OwnRequest));
    }
    let decision = if approves { "approved" } else { "refused" };
    let decided = Entity::update_many()
        .col_expr(Column::DecidedBy, Expr::value(by.actor()))
        .col_expr(Column::DecidedAt, Expr::value(now))
        .col_expr(Column::Decision, Expr::value(decision))
        .col_expr(Column::ValidUntil, Expr::value(now + LIFE))
        .filter(COLUMN.id.eq(id))
        .filter(COLUMN.decided_at.is_null())
        .exec(tx)
        .await?;
    if decided.rows_affected == 0 {
        return Err(Error::Conflict(Code::RequestDecided));
    }
    let act = format!("{}_{decision}", request.matter.as_str());
    note(tx, by, &act, &request.object, &request.reason, now).await?;
    Ok(request)
}

/// Requests within the caller's division that nobody has decided, by id, behind `after`. How many
/// there are depends on what is open, not on the past.
pub async fn waiting(
    db: &DatabaseConnection,
    by: &StaffCaller,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Request>, Error> {
    by.require(Function::DecideRequests, &by.division)?;
    let [first, last] = by.division.bounds();
    let sql = "SELECT * FROM staff_requests WHERE decided_at IS NULL AND id > $1 \
               AND division >= $2 AND division <= $3 ORDER BY id LIMIT $4";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 4] = [after.unwrap_or(Uuid::nil()).into(), first, last, rows.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let found = Model::find_by_statement(statement).all(db).await?;
    found.into_iter().map(request).collect()
}

fn request(row: Model) -> Result<Request, Error> {
    let matter = Matter::from_text(&row.kind);
    Ok(Request {
        id: row.id,
        matter: matter.ok_or_else(|| anyhow::anyhow!("request {} is of no kind", row.id))?,
        object: row.object,
        member: row.member_id,
        division: row.division,
        payload: row.payload,
        reason: row.reason,
        asked_by: row.asked_by,
        asked_at: row.asked_at,
        is_approved: row.decision.map(|decision| decision == "approved"),
        valid_until: row.valid_until,
    })
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    act: &str,
    object: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (actor, reason) = (by.actor(), Some(reason));
    let deed = audit::Deed { actor: &actor, act, object, before: None, after: None, reason };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}
