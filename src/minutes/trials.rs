//! What-if questions that take longer than somebody waits: a row each, on which a job works piece by
//! piece. What is done so far stands in the row, so that it can be shown, and work that was cut off
//! goes on where it was.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult, Statement,
    Value,
};
use uuid::Uuid;

use super::what_if::{self, Ask, Difference, Worlds};
use crate::base::{
    db,
    error::{Code, Error},
    ids::DivisionCode,
};

/// Days of one trial: a leap year.
pub const DAYS_MAX: i64 = 366;
/// Trials that may be going on at once, everybody's together: the job does one after the other.
const GOING_MAX: i64 = 20;
/// Pieces of people that one run of the job folds: a second or two.
const PIECES: usize = 4;
/// How long answers are kept.
pub const KEPT: TimeDelta = TimeDelta::days(30);

const GOING: &str = "going";
const DONE: &str = "done";
/// The numbers do not go together with rules that a venue has adopted meanwhile, or the question is
/// one of another version.
const FAILED: &str = "failed";

/// A trial as it stands.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Trial {
    pub id: Uuid,
    pub division: DivisionCode,
    ask: String,
    /// `going`, `done` or `failed`.
    pub state: String,
    /// People with a stay in the period, and those of them that are folded.
    pub people: i64,
    pub people_done: i64,
    last_member: Uuid,
    folded: i64,
    difference: String,
    pub asked_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Trial {
    pub fn ask(&self) -> Result<Ask, Error> {
        serde_json::from_str(&self.ask).map_err(Error::internal)
    }

    /// The answer, once it is whole.
    pub fn answer(&self) -> Result<Option<Difference>, Error> {
        (self.state == DONE).then(|| self.so_far()).transpose()
    }

    fn end(&mut self, state: &str, now: DateTime<Utc>) {
        state.clone_into(&mut self.state);
        self.ended_at = Some(now);
        // Nobody's id stays behind.
        self.last_member = Uuid::nil();
    }

    fn so_far(&self) -> Result<Difference, Error> {
        serde_json::from_str(&self.difference).map_err(Error::internal)
    }
}

/// Begins a trial.
///
/// # Errors
/// `Invalid` when the numbers do not go with a venue's others, `Conflict` while too many are going
/// on.
pub async fn begin(
    tx: &DatabaseTransaction,
    division: &DivisionCode,
    ask: &Ask,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Trial, Error> {
    Worlds::load(tx, ask).await?;
    let sql = "SELECT COUNT(*) AS n FROM rule_trials WHERE state = 'going'";
    let going = tx.query_one_raw(statement(tx, sql, [])).await?;
    if going.map_or(Ok(0), |row| row.try_get::<i64>("", "n"))? >= GOING_MAX {
        return Err(Error::Conflict(Code::TooManyTrials));
    }
    let trial = Trial {
        id: Uuid::now_v7(),
        division: division.clone(),
        ask: serde_json::to_string(ask).map_err(Error::internal)?,
        state: GOING.to_owned(),
        people: what_if::people(tx, ask).await?,
        people_done: 0,
        last_member: Uuid::nil(),
        folded: 0,
        difference: serde_json::to_string(&Difference::default()).map_err(Error::internal)?,
        asked_at: now,
        ended_at: None,
    };
    let sql = "INSERT INTO rule_trials (id, division, by_actor, ask, state, people, people_done, \
               last_member, folded, difference, asked_at) \
               VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0, $8, $9)";
    let values: [Value; 9] = [
        trial.id.into(),
        division.as_str().into(),
        by.into(),
        trial.ask.as_str().into(),
        GOING.into(),
        trial.people.into(),
        trial.last_member.into(),
        trial.difference.as_str().into(),
        now.into(),
    ];
    tx.execute_raw(statement(tx, sql, values)).await?;
    Ok(trial)
}

/// A trial, if it is still kept.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Trial>, DbErr> {
    let sql = "SELECT * FROM rule_trials WHERE id = $1";
    Trial::find_by_statement(statement(db, sql, [id.into()])).one(db).await
}

/// The trials of a division that are kept, the newest first, behind `before`; what they came to is
/// left out.
pub async fn list(
    db: &DatabaseConnection,
    division: &DivisionCode,
    before: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Trial>, DbErr> {
    let [first, last] = division.bounds();
    let sql = "SELECT id, division, ask, state, people, people_done, last_member, folded, \
               '' AS difference, asked_at, ended_at FROM rule_trials \
               WHERE division >= $1 AND division <= $2 AND id < $3 ORDER BY id DESC LIMIT $4";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 4] = [first, last, before.unwrap_or(Uuid::max()).into(), rows.into()];
    Trial::find_by_statement(statement(db, sql, values)).all(db).await
}

/// Folds some people, those of the oldest trial first; a job runs it.
pub async fn go_on(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "SELECT * FROM rule_trials WHERE state = 'going' ORDER BY asked_at, id LIMIT 1";
    for _ in 0..PIECES {
        let oldest = Trial::find_by_statement(statement(db, sql, [])).one(db).await?;
        let Some(mut trial) = oldest else { break };
        let (done, from) = (trial.people_done, trial.last_member);
        fold_piece(db, &mut trial, now).await?;
        if !keep(db, &trial, done, from).await? {
            break;
        }
    }
    Ok(())
}

/// Folds the next people; after the last ones the answer is whole. What cannot be folded any more
/// must not hold the others up.
async fn fold_piece(
    db: &DatabaseConnection,
    trial: &mut Trial,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (Ok(ask), Ok(mut difference)) = (trial.ask(), trial.so_far()) else {
        trial.end(FAILED, now);
        return Ok(());
    };
    let tx = db::snapshot(db).await?;
    let worlds = match Worlds::load(&tx, &ask).await {
        Err(Error::Invalid(_)) => {
            trial.end(FAILED, now);
            return Ok(());
        }
        worlds => worlds?,
    };
    let piece = what_if::members(&tx, &ask, trial.last_member).await?;
    if let Some(last) = piece.last() {
        trial.folded += worlds.compare(&tx, &ask, &piece, now, &mut difference).await?;
        trial.last_member = *last;
        trial.people_done += i64::try_from(piece.len()).unwrap_or_default();
    } else {
        difference.not_replayed = (what_if::recorded(&tx, &ask).await? - trial.folded).max(0);
        trial.end(DONE, now);
    }
    tx.rollback().await?;
    trial.difference = serde_json::to_string(&difference).map_err(Error::internal)?;
    Ok(())
}

/// Keeps how far the work is, unless somebody else was faster; tells whether it was kept.
async fn keep(
    db: &DatabaseConnection,
    trial: &Trial,
    done: i64,
    from: Uuid,
) -> Result<bool, DbErr> {
    let sql = "UPDATE rule_trials SET state = $2, people_done = $3, last_member = $4, \
               folded = $5, difference = $6, ended_at = $7 \
               WHERE id = $1 AND state = 'going' AND people_done = $8 AND last_member = $9";
    let values: [Value; 9] = [
        trial.id.into(),
        trial.state.as_str().into(),
        trial.people_done.into(),
        trial.last_member.into(),
        trial.folded.into(),
        trial.difference.as_str().into(),
        trial.ended_at.into(),
        done.into(),
        from.into(),
    ];
    let kept = db.execute_raw(statement(db, sql, values)).await?;
    Ok(kept.rows_affected() == 1)
}

fn statement(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
