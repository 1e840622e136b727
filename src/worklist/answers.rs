//! Answering an item: a record becomes an event or is put aside; what only looked wrong is put
//! aside with a reason. What an answer does to minutes is shown before.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Kind;
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{DivisionCode, MemberId, TerminalId},
        keys::Keys,
    },
    entries,
    minutes::Effect,
    staff::{Function, StaffCaller, audit, requests},
    terminals,
};

/// How long the state of a terminal stays put aside.
const ASIDE: TimeDelta = TimeDelta::hours(24);
const CHAIN: &str = "work";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WorkAction)]
pub enum Action {
    /// The record is right, with the person and the time given where it lacks them.
    Accept,
    /// Nothing is to be done: put it aside.
    Reject,
    /// The missing records of a terminal will never come: nobody waits for them any more.
    DeclareLost,
}

/// An answer to an item.
#[derive(Clone, Debug)]
pub struct Answer {
    pub kind: Kind,
    pub id: Uuid,
    pub action: Action,
    pub member: Option<MemberId>,
    pub occurred_at: Option<DateTime<Utc>>,
    pub reason: String,
}

/// What an answer did, or would do.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The event that came of a record.
    pub event: Option<Uuid>,
    pub member: Option<MemberId>,
    /// What became of the member's minutes.
    pub effect: Option<Effect>,
    /// How many missing records were given up.
    pub given_up: Option<i64>,
}

/// Answers an item. Refuses (404) what is not in the caller's division, (409) what was answered
/// before, and (422) to accept what is no record.
pub async fn answer(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<Answered, Error> {
    let reason = requests::reason(&answer.reason)?;
    let community = community(tx, answer, now).await?;
    by.require(Function::AnswerWork, &community)?;
    let nothing = Answered { event: None, member: None, effect: None, given_up: None };
    let answered = match (answer.action, answer.kind.is_record()) {
        (Action::Accept, true) => accept(tx, keys, by, answer, now).await?,
        (Action::Reject, true) => {
            entries::reject(tx, answer.id, &by.actor(), now).await?;
            nothing
        }
        (Action::Reject, false) => {
            put_aside(tx, by, answer, reason, now).await?;
            nothing
        }
        (Action::DeclareLost, _) if answer.kind == Kind::Gap => {
            let given_up = terminals::give_up_gaps(tx, TerminalId(answer.id)).await?;
            if given_up == 0 {
                return Err(Error::Conflict(Code::RequestDecided));
            }
            Answered { given_up: Some(given_up), ..nothing }
        }
        (Action::Accept, false) | (Action::DeclareLost, _) => {
            return Err(Error::invalid("/action", Code::InvalidValue));
        }
    };
    let act = match answer.action {
        Action::Accept => "work_accepted",
        Action::Reject => "work_rejected",
        Action::DeclareLost => "gap_declared_lost",
    };
    let (actor, object) = (by.actor(), format!("{}:{}", answer.kind.as_str(), answer.id));
    let event = answered.event.map(|event| event.to_string());
    let event = event.or(answered.given_up.map(|records| records.to_string()));
    let deed = audit::Deed {
        actor: &actor,
        act,
        object: &object,
        before: None,
        after: event.as_deref(),
        reason: Some(reason),
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(answered)
}

/// What an answer would do; nothing is changed.
pub async fn preview(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    wanted: &Answer,
    now: DateTime<Utc>,
) -> Result<Answered, Error> {
    let tx = db::begin(db).await?;
    let answered = answer(&tx, keys, by, wanted, now).await?;
    tx.rollback().await?;
    Ok(answered)
}

async fn accept(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<Answered, Error> {
    let given = entries::Given { member: answer.member, occurred_at: answer.occurred_at };
    let accepted = entries::accept(tx, keys, answer.id, given, &by.actor(), now).await?;
    Ok(Answered {
        event: Some(accepted.event.0),
        member: Some(accepted.member),
        effect: Some(accepted.effect),
        given_up: None,
    })
}

/// Where an item is: the community of its venue.
async fn community(
    tx: &DatabaseTransaction,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<DivisionCode, Error> {
    let sql = match answer.kind {
        kind if kind.is_record() => {
            "SELECT v.community AS community FROM quarantine q JOIN venues v ON v.id = q.venue_id \
             WHERE q.id = $1 AND q.terminal_id IS NOT NULL"
        }
        Kind::OrphanExit | Kind::LowScore | Kind::AbsurdClock => {
            "SELECT v.community AS community FROM entry_events e JOIN venues v ON v.id = e.venue_id \
             WHERE e.id = $1"
        }
        // What is done about it is done at the tickets' own routes.
        Kind::Ticket => return Err(Error::NotFound(Code::NotFound)),
        Kind::LongStay => "SELECT community FROM sessions WHERE id = $1",
        Kind::Conflict
        | Kind::UndatedRecord
        | Kind::UnknownFace
        | Kind::QuarantinedRecord
        | Kind::QuarantinedDevice
        | Kind::FaceDeletionOverdue
        | Kind::LostTerminal
        | Kind::SilentTerminal
        | Kind::Gap
        | Kind::RosterMismatch => {
            return terminals::community(tx, TerminalId(answer.id), now).await;
        }
    };
    let values = [answer.id.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let row = tx.query_one_raw(statement).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let community: String = row.try_get("", "community")?;
    community.parse().map_err(Error::internal)
}

/// Notes that nothing is to be done; the state of a terminal comes back after a day.
async fn put_aside(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    answer: &Answer,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let until = answer.kind.is_state().then_some(now + ASIDE);
    let sql = "INSERT INTO work_answers (kind, subject, outcome, reason, by_actor, at, until) \
               VALUES ($1, $2, 'rejected', $3, $4, $5, $6) ON CONFLICT (kind, subject) DO UPDATE \
               SET reason = excluded.reason, by_actor = excluded.by_actor, at = excluded.at, \
               until = excluded.until WHERE work_answers.until IS NOT NULL";
    let values: [Value; 6] = [
        answer.kind.as_str().into(),
        answer.id.into(),
        reason.into(),
        by.actor().into(),
        now.into(),
        until.into(),
    ];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    match tx.execute_raw(statement).await?.rows_affected() {
        0 => Err(Error::Conflict(Code::RequestDecided)),
        _ => Ok(()),
    }
}

/// Which of these items somebody has put aside.
pub(super) async fn answered(
    db: &DatabaseConnection,
    kind: Kind,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (3..ids.len() + 3).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT subject FROM work_answers WHERE kind = $1 AND (until IS NULL OR until > $2) \
         AND subject IN ({})",
        places.join(", ")
    );
    let mut values: Vec<Value> = vec![kind.as_str().into(), now.into()];
    values.extend(ids.iter().map(|id| Value::from(*id)));
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "subject")).collect::<Result<_, _>>()?)
}
