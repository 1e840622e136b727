//! How long each class of data is kept; a job runs it every night. What is not listed lives as
//! long as its person or its venue: sessions and ledger stay under an id that names nobody, since
//! every sum rests on them, and so does the audit chain, whose hashes rest on all rows before.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use uuid::Uuid;

/// How long it is told at a door what somebody showed there, and how sure the door was.
const SHOWN_KEPT: TimeDelta = TimeDelta::days(90);
/// How long what could not be read is kept to be looked at, if nobody has.
const UNRESOLVED_KEPT: TimeDelta = TimeDelta::days(400);
/// How long a number is kept after its face was deleted at a terminal: what happened before may come
/// as late as that.
const DELETED_KEPT: TimeDelta = TimeDelta::days(30);
/// How long proofs are kept: of consent after somebody left, of who looked, of what doors deleted.
const PROOF_KEPT: TimeDelta = TimeDelta::days(3 * 365 + 1);

/// A class of data: `$1` is the instant before which it has outlived its use.
struct Class {
    name: &'static str,
    kept: TimeDelta,
    sql: &'static str,
}

const CLASSES: [Class; 13] = [
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
    Class {
        name: "requests to see a child",
        kept: PROOF_KEPT,
        sql: "DELETE FROM view_requests WHERE asked_at < $1",
    },
];

/// Clears what has outlived its use. Each class is a statement of its own, and what doors saw goes
/// venue by venue, so that no other writer waits for long.
pub async fn retain(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), DbErr> {
    for class in &CLASSES {
        let cleared = run(db, class.sql, vec![(now - class.kept).into()]).await?;
        if cleared > 0 {
            tracing::info!(class = class.name, rows = cleared, "data outlived its use");
        }
    }
    let sql = "SELECT id FROM venues ORDER BY id";
    for venue in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
        let id: Uuid = venue.try_get("", "id")?;
        let sql = "UPDATE entry_events SET credential = NULL, score = NULL WHERE venue_id = $2 \
                   AND occurred_at < $1 AND (credential IS NOT NULL OR score IS NOT NULL)";
        run(db, sql, vec![(now - SHOWN_KEPT).into(), id.into()]).await?;
    }
    Ok(())
}

async fn run(
    db: &DatabaseConnection,
    sql: &str,
    values: Vec<sea_orm::Value>,
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}
