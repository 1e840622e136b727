//! What staff of the venue's community answer to what members say is not right; the answer is the
//! member's to read. Words that wait for their check are shown to nobody.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, FromQueryResult,
    QueryFilter as _, Statement, Value, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
        keys::Keys,
    },
    members,
    minutes::{
        correct::CHAIN,
        tables::{session, session_dispute},
    },
    staff::{Function, StaffCaller, audit},
};

/// Characters of an answer.
const ANSWER_CHARS_MAX: usize = 500;

/// What came of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DisputeOutcome)]
pub enum Outcome {
    /// The member is right; a correction says what should have been.
    Accepted,
    Rejected,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// A dispute with what was said.
#[derive(Clone, Debug)]
pub struct Dispute {
    pub id: Uuid,
    pub session: Uuid,
    pub member: Uuid,
    pub venue: Uuid,
    pub text: String,
    pub created_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub answer: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    session_id: Uuid,
    member_id: Uuid,
    venue_id: Uuid,
    text_ct: String,
    created_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    resolution: Option<String>,
}

const SELECT: &str = "SELECT d.id, d.session_id, d.member_id, s.venue_id, d.text_ct, d.created_at, \
     d.resolved_at, d.outcome, d.resolution FROM session_disputes d \
     JOIN sessions s ON s.id = d.session_id";

/// Disputes at the caller's venues that nobody has answered, the oldest first, behind `after`. That
/// they were read is written down for those who wrote them.
pub async fn waiting(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    after: Option<Uuid>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Dispute>, Error> {
    by.require(Function::CorrectSessions, &by.division)?;
    let [first, last] = by.division.bounds();
    let sql = format!(
        "{SELECT} WHERE d.resolved_at IS NULL AND d.id > $1 AND s.community >= $2 \
         AND s.community <= $3 ORDER BY d.id LIMIT $4"
    );
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let after = after.unwrap_or(Uuid::nil());
    let values = vec![after.into(), first, last, rows.into()];
    let found = read(tx, keys, sql, values).await?;
    for dispute in &found {
        members::note_shown(tx, by, MemberId(dispute.member), now).await?;
    }
    Ok(found)
}

/// A member's own disputes, the newest first, behind `before`.
pub async fn own(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    before: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Dispute>, Error> {
    let sql = format!("{SELECT} WHERE d.member_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3");
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values = vec![member.0.into(), before.unwrap_or(Uuid::max()).into(), rows.into()];
    read(conn, keys, sql, values).await
}

async fn read(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    sql: String,
    values: Vec<Value>,
) -> Result<Vec<Dispute>, Error> {
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    let rows = Row::find_by_statement(statement).all(conn).await?;
    rows.into_iter()
        .map(|row| {
            let id = row.id.to_string();
            let text = match row.text_ct.as_str() {
                "" => Vec::new(),
                sealed => keys.open("session_disputes", "text_ct", &id, sealed)?,
            };
            Ok(Dispute {
                id: row.id,
                session: row.session_id,
                member: row.member_id,
                venue: row.venue_id,
                text: String::from_utf8_lossy(&text).into_owned(),
                created_at: row.created_at,
                resolved_at: row.resolved_at,
                outcome: row.outcome,
                answer: row.resolution,
            })
        })
        .collect()
}

/// Answers a dispute; 404 at venues elsewhere, 409 for one that was answered before.
pub async fn answer(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    (outcome, text): (Outcome, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let text = text.trim();
    if !(1..=ANSWER_CHARS_MAX).contains(&text.chars().count()) {
        return Err(Error::invalid("/answer", Code::TextLength));
    }
    let missing = || Error::NotFound(Code::NotFound);
    let row = session_dispute::Entity::find_by_id(id).one(tx).await?.ok_or_else(missing)?;
    let stay = session::Entity::find_by_id(row.session_id).one(tx).await?.ok_or_else(missing)?;
    let community = stay.community.parse::<DivisionCode>().map_err(Error::internal)?;
    by.require(Function::CorrectSessions, &community)?;
    let answered = session_dispute::Entity::update_many()
        .col_expr(session_dispute::Column::ResolvedAt, Expr::value(now))
        .col_expr(session_dispute::Column::Resolution, Expr::value(text))
        .col_expr(session_dispute::Column::Outcome, Expr::value(outcome.as_str()))
        .col_expr(session_dispute::Column::ByActor, Expr::value(by.actor()))
        .filter(session_dispute::Column::Id.eq(id))
        .filter(session_dispute::Column::ResolvedAt.is_null())
        .exec(tx)
        .await?;
    if answered.rows_affected == 0 {
        return Err(Error::Conflict(Code::RequestDecided));
    }
    let (actor, object) = (by.actor(), format!("dispute:{id}"));
    let deed = audit::Deed {
        actor: &actor,
        act: "dispute_answered",
        object: &object,
        before: None,
        after: Some(outcome.as_str()),
        reason: None,
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}
