//! What a database's error says of the store: that it may pass, that it has no room left.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

/// Whether trying the same again later can succeed, since nothing of the request is at fault: lost
/// connections, exhausted pools, serialisation failures (40001), deadlocks (40P01), lock timeouts
/// (55P03), a read-only standby (25006), a full disk, damaged pages (XX001, XX002), and what SQLite
/// says of its file.
pub fn is_passing(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        _ => of_statement(error).is_some_and(passing_sqlx),
    }
}

/// Whether a write found no room: PostgreSQL's 53100, SQLite's FULL. Who can help is somebody with
/// a disk, so the caller is told apart from a database that is merely busy.
pub fn is_full(error: &DbErr) -> bool {
    match of_statement(error) {
        Some(SqlxError::Database(database)) => database.code().is_some_and(|code| full_code(&code)),
        _ => false,
    }
}

/// What the driver said of a statement.
fn of_statement(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            Some(inner)
        }
        _ => None,
    }
}

fn passing_sqlx(error: &SqlxError) -> bool {
    use SqlxError as E;
    match error {
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_) => true,
        E::Database(database) => database.code().is_some_and(|code| passing_code(&code)),
        _ => false,
    }
}

const SQLSTATE_CHARS: usize = 5;

const PASSING_POSTGRES: [&str; 16] = [
    "08000", "08003", "08006", "25006", "40001", "40P01", "53100", "53200", "53300", "55P03",
    "57014", "57P01", "57P02", "57P03", "XX001", "XX002",
];

/// Busy, locked, read-only, cannot be read or written, damaged, full, cannot be opened, no database.
const PASSING_SQLITE: [u32; 8] = [5, 6, 8, 10, 11, 13, 14, 26];

/// PostgreSQL's codes have five characters; SQLite's are numbers below that, whose lowest byte says
/// what it is, and the rest when.
fn passing_code(code: &str) -> bool {
    if code.len() == SQLSTATE_CHARS {
        return PASSING_POSTGRES.contains(&code);
    }
    code.parse::<u32>().is_ok_and(|code| PASSING_SQLITE.contains(&(code & 0xff)))
}

const FULL_POSTGRES: &str = "53100";
const FULL_SQLITE: u32 = 13;

/// A write that failed for another reason (SQLite's 778) is an I/O error, and may be a full disk or
/// a broken one: it says nothing of room.
fn full_code(code: &str) -> bool {
    if code.len() == SQLSTATE_CHARS {
        return code == FULL_POSTGRES;
    }
    code.parse::<u32>().is_ok_and(|code| code & 0xff == FULL_SQLITE)
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::base::{
        db,
        error::{Code, Error},
    };

    #[test]
    fn what_is_wrong_with_the_store_passes_and_what_is_wrong_with_the_request_does_not() {
        // A full disk in PostgreSQL, in SQLite, a write that failed, a damaged page, a busy snapshot.
        assert!(["53100", "13", "778", "11", "517"].into_iter().all(passing_code));
        // A unique index, a constraint, text that cannot be: its lowest byte would be a busy file.
        assert!(!["23505", "19", "2067", "22021"].into_iter().any(passing_code));
    }

    #[test]
    fn only_a_full_disk_is_full() {
        assert!(["53100", "13"].into_iter().all(full_code));
        // A write that failed, a busy file, PostgreSQL out of memory and out of connections.
        assert!(!["778", "5", "53200", "53300", "40001"].into_iter().any(full_code));
    }

    #[tokio::test]
    async fn a_database_without_room_says_so_to_the_caller() {
        let (_folder, db) = db::fresh_for_tests().await;
        // A limit of pages is a disk as small as one likes; it holds for one connection.
        let tx = db::begin(&db).await.unwrap();
        tx.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let grows = "CREATE TABLE ballast AS WITH RECURSIVE n(i) AS \
                     (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                     SELECT randomblob(1000) AS b FROM n";
        let error = tx.execute_unprepared(grows).await.unwrap_err();
        assert!(is_full(&error) && is_passing(&error), "{error}");
        let told = Error::from(error);
        assert!(matches!(told, Error::Unavailable(Code::StorageFull, 10)), "{told}");
    }
}
