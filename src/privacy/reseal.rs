//! Sealing everything anew after keys were added, while doors and screens go on. Small steps, each
//! a transaction of its own that touches only rows still under older keys: whoever is killed half
//! way has lost nothing, and the next one goes on with what is left.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement, Value};
use uuid::Uuid;

use crate::base::{clock::Clock, db, error::Error, keys::Keys, lease};

/// Rows of a step: what other writers may have to wait for.
const STEP_ROWS: usize = 200;
const LEASE: &str = "resealing";
/// How long the lease outlives its last step.
const LEASE_LIFE: TimeDelta = TimeDelta::seconds(15);

/// A column with sealed texts, and the column that names their row.
struct Column {
    table: &'static str,
    row: &'static str,
    row_kind: RowKind,
    sealed: &'static str,
}

#[derive(Clone, Copy)]
enum RowKind {
    Uuid,
    Text,
}

const fn by_uuid(table: &'static str, row: &'static str, sealed: &'static str) -> Column {
    Column { table, row, row_kind: RowKind::Uuid, sealed }
}

const fn by_text(table: &'static str, row: &'static str, sealed: &'static str) -> Column {
    Column { table, row, row_kind: RowKind::Text, sealed }
}

/// The photos of faces have keys of their own.
const FACES: &str = "faces";

/// Every sealed column; a test fails where one is forgotten.
const COLUMNS: [Column; 25] = [
    by_uuid("members", "id", "name_ct"),
    by_uuid("members", "id", "written_ct"),
    by_uuid("members", "id", "document_ct"),
    by_uuid("members", "id", "phone_ct"),
    by_uuid("members", "id", "birth_ct"),
    by_uuid("staff", "id", "totp_ct"),
    by_uuid("terminal_keys", "id", "secret_ct"),
    by_uuid("terminal_links", "terminal_id", "password_ct"),
    by_uuid("quarantine", "id", "raw_ct"),
    by_uuid("quarantine", "id", "record_ct"),
    by_text("wechat_tokens", "app_id", "token_ct"),
    by_uuid("wechat_accounts", "id", "openid_ct"),
    by_uuid("wechat_messages", "id", "fields_ct"),
    by_uuid("session_disputes", "id", "text_ct"),
    by_uuid("session_disputes", "id", "held_ct"),
    by_uuid("webhooks", "id", "secret_ct"),
    by_uuid("webhooks", "id", "old_secret_ct"),
    by_uuid("instructor_certificates", "id", "number_ct"),
    by_uuid("fitness_tests", "id", "result_ct"),
    by_uuid("fitness_plans", "id", "plan_ct"),
    by_uuid("tickets", "id", "text_ct"),
    by_uuid("tickets", "id", "held_ct"),
    by_uuid("tickets", "id", "assignee_ct"),
    by_uuid("ticket_steps", "id", "note_ct"),
    by_text(FACES, "handle", "photo_ct"),
];

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    pub rows: u64,
    /// Texts that no key of the file opens; they stay as they are.
    pub unreadable: u64,
}

/// Seals anew whatever is not under the current keys, resting `pause` after each step. Answers
/// nothing where another process is at it.
pub async fn reseal(
    db: &DatabaseConnection,
    keys: &Keys,
    clock: &Clock,
    pause: Duration,
) -> Result<Option<Resealed>, Error> {
    let holder = Uuid::now_v7().to_string();
    let mut done = Resealed::default();
    for column in &COLUMNS {
        let mut after = None;
        loop {
            let now = clock.now();
            if !lease::take(db, LEASE, &holder, now, now + LEASE_LIFE).await? {
                return Ok(None);
            }
            let Some(last) = step(db, keys, column, after, &mut done).await? else { break };
            after = Some(last);
            tokio::time::sleep(pause).await;
        }
    }
    lease::give_back(db, LEASE, &holder).await?;
    Ok(Some(done))
}

/// One step behind the row `after`; answers the last row that it saw, or nothing at the end.
async fn step(
    db: &DatabaseConnection,
    keys: &Keys,
    column: &Column,
    after: Option<Value>,
    done: &mut Resealed,
) -> Result<Option<Value>, Error> {
    let Column { table, row, sealed, .. } = column;
    let (identities, faces) = keys.current_prefixes();
    let prefix = if *table == FACES { faces } else { Some(identities) };
    let Some(prefix) = prefix else { return Ok(None) };
    let sql = format!(
        "SELECT {row} AS row_id, {sealed} AS sealed FROM {table} WHERE {row} > $1 \
         AND {sealed} NOT LIKE $2 AND {sealed} <> '' ORDER BY {row} LIMIT {STEP_ROWS}"
    );
    let after = after.unwrap_or(match column.row_kind {
        RowKind::Uuid => Uuid::nil().into(),
        RowKind::Text => "".into(),
    });
    let values = [after, format!("{prefix}%").into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let tx = db::begin(db).await?;
    let mut last = None;
    for found in tx.query_all_raw(statement).await? {
        let (value, row_id) = row_of(column, &found)?;
        match seal_anew(keys, column, &row_id, &found.try_get::<String>("", "sealed")?) {
            Ok((old, new)) => done.rows += replace(&tx, column, value.clone(), old, new).await?,
            Err(error) => {
                done.unreadable += 1;
                tracing::error!(error = %format!("{error:#}"), "a sealed text does not open");
            }
        }
        last = Some(value);
    }
    tx.commit().await?;
    Ok(last)
}

fn row_of(column: &Column, found: &QueryResult) -> Result<(Value, String), Error> {
    Ok(match column.row_kind {
        RowKind::Uuid => {
            let id: Uuid = found.try_get("", "row_id")?;
            (id.into(), id.to_string())
        }
        RowKind::Text => {
            let id: String = found.try_get("", "row_id")?;
            (id.clone().into(), id)
        }
    })
}

/// The old text and the new one.
fn seal_anew(
    keys: &Keys,
    column: &Column,
    row_id: &str,
    old: &str,
) -> anyhow::Result<(String, String)> {
    let new = if column.table == FACES {
        let photo = keys.open_face(row_id, old)?;
        keys.seal_face(row_id, &photo).ok_or_else(|| anyhow::anyhow!("no key for faces"))?
    } else {
        let plain = keys.open(column.table, column.sealed, row_id, old)?;
        keys.seal(column.table, column.sealed, row_id, &plain)
    };
    Ok((old.to_owned(), new))
}

/// Only where the text is still the one that was read: what somebody changed meanwhile, or
/// forgot, stays so.
async fn replace(
    tx: &impl ConnectionTrait,
    Column { table, row, sealed, .. }: &Column,
    row_id: Value,
    old: String,
    new: String,
) -> Result<u64, Error> {
    let sql = format!("UPDATE {table} SET {sealed} = $1 WHERE {row} = $2 AND {sealed} = $3");
    let values = [new.into(), row_id, old.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::keys::Suite;

    const STAFF: u32 = 450;

    async fn staffed(db: &DatabaseConnection, keys: &Keys) {
        for n in 0..STAFF {
            let id = Uuid::now_v7();
            let sealed = keys.seal("staff", "totp_ct", &id.to_string(), b"secret");
            let sql = format!(
                "INSERT INTO staff (id, name, password_hash, totp_ct, role, division, status, \
                 totp_last_step, failures, created_at) VALUES ($1, 'n{n}', '', $2, 'venue', '33', 'active', 0, 0, \
                 '2026-01-01T00:00:00+00:00')"
            );
            let values = [id.into(), sealed.into()];
            let insert = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
            db.execute_raw(insert).await.unwrap();
        }
        let face = keys.seal_face("f1", b"photo").unwrap();
        let sql = "INSERT INTO faces (handle, member_id, photo_ct, width, height, taken_at) \
                   VALUES ('f1', $1, $2, 1, 1, '2026-01-01T00:00:00+00:00')";
        let values = [Uuid::nil().into(), face.into()];
        let insert = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        db.execute_raw(insert).await.unwrap();
    }

    async fn under(db: &DatabaseConnection, table: &str, sealed: &str, prefix: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE {sealed} LIKE '{prefix}%'");
        let rows = Statement::from_string(db.get_database_backend(), sql);
        db.query_one_raw(rows).await.unwrap().unwrap().try_get("", "n").unwrap()
    }

    #[tokio::test]
    async fn a_run_that_died_half_way_is_finished_by_the_next() {
        for suite in [Suite::Aes, Suite::Sm] {
            let (folder, db) = db::fresh_for_tests().await;
            let file = folder.path().join("keys");
            let old = Keys::create(&file, suite).unwrap();
            staffed(&db, &old).await;
            Keys::rotate(&file).unwrap();
            let keys = Keys::load(&file).unwrap();
            let (identities, faces) = keys.current_prefixes();
            let clock = Clock::fixed(crate::base::clock::from_millis(1_800_000_000_000));
            // It dies in its first rest, after one step, with the lease in hand.
            let forever = Duration::from_hours(1);
            let dying = reseal(&db, &keys, &clock, forever);
            let first = async {
                while under(&db, "staff", "totp_ct", &identities).await == 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                ended = dying => panic!("it rests for an hour: {ended:?}"),
                () = first => {}
            }
            assert_eq!(under(&db, "staff", "totp_ct", &identities).await, 200);
            let held = reseal(&db, &keys, &clock, Duration::ZERO).await.unwrap();
            assert_eq!(held, None, "the dead one's lease runs still");
            clock.set(clock.now() + LEASE_LIFE + TimeDelta::seconds(1));
            let rest = reseal(&db, &keys, &clock, Duration::ZERO).await.unwrap();
            assert_eq!(rest, Some(Resealed { rows: 251, unreadable: 0 }));
            assert_eq!(under(&db, "staff", "totp_ct", &identities).await, i64::from(STAFF));
            assert_eq!(under(&db, "faces", "photo_ct", &faces.unwrap()).await, 1);
            let again = reseal(&db, &keys, &clock, Duration::ZERO).await.unwrap();
            assert_eq!(again, Some(Resealed::default()));
            let row = "SELECT id, totp_ct FROM staff LIMIT 1";
            let row = Statement::from_string(db.get_database_backend(), row);
            let row = db.query_one_raw(row).await.unwrap().unwrap();
            let (id, sealed): (Uuid, String) =
                (row.try_get("", "id").unwrap(), row.try_get("", "totp_ct").unwrap());
            let plain = keys.open("staff", "totp_ct", &id.to_string(), &sealed).unwrap();
            assert_eq!(plain, b"secret");
        }
    }

    #[tokio::test]
    async fn what_no_key_opens_is_counted_and_left() {
        let (_folder, db) = db::fresh_for_tests().await;
        staffed(&db, &Keys::generate()).await;
        let clock = Clock::fixed(crate::base::clock::from_millis(1_800_000_000_000));
        let done = reseal(&db, &Keys::generate(), &clock, Duration::ZERO).await.unwrap();
        let unreadable = u64::from(STAFF) + 1;
        assert_eq!(done, Some(Resealed { rows: 0, unreadable }));
    }

    #[tokio::test]
    async fn no_sealed_column_is_forgotten() {
        let (_folder, db) = db::fresh_for_tests().await;
        let sql = "SELECT m.name || '.' || c.name AS name FROM sqlite_master m, \
                   pragma_table_info(m.name) c WHERE m.type = 'table' AND substr(c.name, -3) = '_ct'";
        let listed = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(listed).await.unwrap();
        let there: BTreeSet<String> =
            rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
        let known: BTreeSet<String> =
            COLUMNS.iter().map(|column| format!("{}.{}", column.table, column.sealed)).collect();
        assert_eq!(there, known);
    }
}
