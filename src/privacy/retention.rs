//! How long each class of data is kept; a job runs it every night. What is not listed lives as
//! long as its person or its venue: sessions and ledger stay under an id that names nobody, since
//! every sum rests on them, and so does the audit chain, whose hashes rest on all rows before.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use uuid::{NoContext, Timestamp, Uuid};

/// How long it is told at a door what somebody showed there, and how sure the door was.
const SHOWN_KEPT: TimeDelta = TimeDelta::days(90);
/// How long what could not be read is kept to be looked at, if nobody has.
const UNRESOLVED_KEPT: TimeDelta = TimeDelta::days(400);
/// How long a number is kept after its face was deleted at a terminal: what happened before may come
/// as late as that.
const DELETED_KEPT: TimeDelta = TimeDelta::days(30);
/// How long a fitness test tells something of how somebody has changed.
const FITNESS_KEPT: TimeDelta = TimeDelta::days(10 * 365 + 3);
/// How long proofs are kept: of consent after somebody left, of who looked, of what doors deleted.
const PROOF_KEPT: TimeDelta = TimeDelta::days(3 * 365 + 1);

/// A class of data: `$1` is the instant before which it has outlived its use.
struct Class {
    name: &'static str,
    kept: TimeDelta,
    sql: &'static str,
}

const CLASSES: [Class; 20] = [
    Class {
        name: "raw records that were resolved",
        kept: SHOWN_KEPT,
        sql: "UPDATE quarantine SET raw = '', raw_ct = '', record_ct = '' WHERE received_at < $1 \
              AND resolved_at IS NOT NULL AND (raw <> '' OR raw_ct <> '' OR record_ct <> '')",
    },
    Class {
        name: "raw records that nobody resolved",
        kept: UNRESOLVED_KEPT,
        sql: "UPDATE quarantine SET raw = '', raw_ct = '', record_ct = '' \
              WHERE received_at < $1 AND (raw <> '' OR raw_ct <> '' OR record_ct <> '')",
    },
    Class {
        name: "checks of who somebody is",
        kept: SHOWN_KEPT,
        sql: "DELETE FROM verifications WHERE created_at < $1",
    },
    Class {
        name: "codes of the desk",
        kept: TimeDelta::zero(),
        sql: "DELETE FROM recovery_codes WHERE expires_at < $1",
    },
    Class {
        name: "codes of guardians",
        kept: TimeDelta::zero(),
        sql: "DELETE FROM companion_codes WHERE expires_at < $1",
    },
    Class {
        name: "links to exports",
        kept: TimeDelta::zero(),
        sql: "DELETE FROM export_links WHERE expires_at < $1",
    },
    Class {
        name: "consents of people who left",
        kept: PROOF_KEPT,
        sql: "DELETE FROM consents \
              WHERE member_id IN (SELECT id FROM members WHERE erased_at < $1)",
    },
    Class {
        name: "who looked at somebody",
        kept: PROOF_KEPT,
        sql: "DELETE FROM member_views WHERE at < $1",
    },
    Class {
        name: "what terminals told of faces",
        kept: PROOF_KEPT,
        sql: "DELETE FROM handle_receipts WHERE at < $1 AND result = 'removed'",
    },
    Class {
        // The highest number of a terminal stays, so that none is given twice.
        name: "numbers of faces that terminals have deleted",
        kept: DELETED_KEPT,
        sql: "DELETE FROM terminal_pins WHERE (terminal_id, handle) IN \
              (SELECT r.terminal_id, r.handle FROM handle_receipts r \
              WHERE r.result = 'removed' AND r.at < $1) \
              AND pin < (SELECT MAX(m.pin) FROM terminal_pins m \
              WHERE m.terminal_id = terminal_pins.terminal_id) \
              AND NOT EXISTS (SELECT 1 FROM terminal_roster o \
              WHERE o.terminal_id = terminal_pins.terminal_id AND o.handle = terminal_pins.handle)",
    },
    Class {
        name: "what staff asked one another for",
        kept: PROOF_KEPT,
        sql: "DELETE FROM staff_requests WHERE asked_at < $1",
    },
    Class {
        name: "answers to items of the work list",
        kept: UNRESOLVED_KEPT,
        sql: "DELETE FROM work_answers WHERE at < $1",
    },
    Class { name: "bookings", kept: PROOF_KEPT, sql: "DELETE FROM bookings WHERE ends_at < $1" },
    Class { name: "slots", kept: PROOF_KEPT, sql: "DELETE FROM slots WHERE ends_at < $1" },
    Class {
        name: "who waited for a slot",
        kept: SHOWN_KEPT,
        sql: "DELETE FROM slot_waiters WHERE joined_at < $1",
    },
    Class {
        name: "fitness tests",
        kept: FITNESS_KEPT,
        sql: "DELETE FROM fitness_tests WHERE tested_at < $1",
    },
    Class {
        name: "plans after fitness tests",
        kept: FITNESS_KEPT,
        sql: "DELETE FROM fitness_plans WHERE created_at < $1",
    },
    Class {
        name: "words of reports that are done",
        kept: UNRESOLVED_KEPT,
        sql: "UPDATE tickets SET text_ct = '', held_ct = NULL, check_at = NULL, \
              assignee_ct = NULL, member_id = NULL WHERE ended_at < $1 \
              AND (text_ct <> '' OR assignee_ct IS NOT NULL OR member_id IS NOT NULL)",
    },
    Class {
        name: "notes of what was done about reports",
        kept: UNRESOLVED_KEPT,
        sql: "UPDATE ticket_steps SET note_ct = NULL WHERE at < $1 AND note_ct IS NOT NULL",
    },
    Class {
        name: "requests to see a child",
        kept: PROOF_KEPT,
        sql: "DELETE FROM view_requests WHERE asked_at < $1",
    },
];

/// How long a class of data is kept.
#[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = KeptClass)]
pub struct Kept {
    pub class: &'static str,
    /// Zero for what goes as soon as it has run out.
    pub days: i64,
}

/// The classes and their times, for whoever has to say them.
pub fn kept() -> Vec<Kept> {
    let seen = Kept { class: "what was shown at doors", days: SHOWN_KEPT.num_days() };
    let listed =
        CLASSES.iter().map(|class| Kept { class: class.name, days: class.kept.num_days() });
    listed.chain([seen]).collect()
}

/// Clears what has outlived its use. Each class is a statement of its own, and what doors saw goes
/// venue by venue, so that no other writer waits for long.
pub async fn retain(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), DbErr> {
    for class in &CLASSES {
        let cleared = run(db, class.sql, vec![(now - class.kept).into()]).await?;
        if cleared > 0 {
            tracing::info!(class = class.name, rows = cleared, "data outlived its use");
        }
    }
    clear_shown(db, now).await
}

/// Clears what somebody showed at a door: what has grown too old since the night before, and what
/// has come in since of longer ago. So a night costs what a day brought, however long the history.
async fn clear_shown(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), DbErr> {
    let before = now - SHOWN_KEPT;
    let (from, first_id) = mark(db).await?;
    let next_id = id_of_yesterday();
    let sql = "SELECT id FROM venues ORDER BY id";
    for venue in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
        let id: Uuid = venue.try_get("", "id")?;
        let sql = "UPDATE entry_events SET credential = NULL, score = NULL WHERE venue_id = $3 \
                   AND occurred_at >= $1 AND occurred_at < $2 \
                   AND (credential IS NOT NULL OR score IS NOT NULL)";
        run(db, sql, vec![from.into(), before.into(), id.into()]).await?;
    }
    let sql = "UPDATE entry_events SET credential = NULL, score = NULL WHERE id >= $2 \
               AND occurred_at < $1 AND (credential IS NOT NULL OR score IS NOT NULL)";
    run(db, sql, vec![from.into(), first_id.into()]).await?;
    let sql = "INSERT INTO retention_marks (name, cleared_before, next_id) \
               VALUES ('shown', $1, $2) ON CONFLICT (name) DO UPDATE SET \
               cleared_before = excluded.cleared_before, next_id = excluded.next_id";
    run(db, sql, vec![before.into(), next_id.into()]).await.map(|_| ())
}

/// Before when all was cleared the last time, and the id from which events came since.
async fn mark(db: &DatabaseConnection) -> Result<(DateTime<Utc>, Uuid), DbErr> {
    let sql = "SELECT cleared_before, next_id FROM retention_marks WHERE name = 'shown'";
    match db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
        Some(row) => Ok((row.try_get("", "cleared_before")?, row.try_get("", "next_id")?)),
        None => Ok((DateTime::UNIX_EPOCH, Uuid::nil())),
    }
}

/// The first id that could be made a day ago: an event may commit long after it got its own, but
/// not so long. Ids tell the machine's time, whatever the clock says.
fn id_of_yesterday() -> Uuid {
    const DAY_S: u64 = 24 * 60 * 60;
    let (seconds, _) = Uuid::now_v7().get_timestamp().map_or((0, 0), |made| made.to_unix());
    let since = Timestamp::from_unix(NoContext, seconds.saturating_sub(DAY_S), 0);
    let mut id = *Uuid::new_v7(since).as_bytes();
    // What follows the milliseconds is random.
    id[6..].fill(0);
    Uuid::from_bytes(id)
}

async fn run(
    db: &DatabaseConnection,
    sql: &str,
    values: Vec<sea_orm::Value>,
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}
