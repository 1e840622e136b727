//! Databases of tests' own: a SQLite file, or a database on the PostgreSQL server that tests are
//! told of. Both go with the value that keeps them.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use uuid::Uuid;

use super::{ensure_partitions, migrate, open};

/// Keeps a database; without it, it is gone.
pub struct Kept {
    _folder: Option<tempfile::TempDir>,
    /// The server and the database that was made on it.
    made: Option<(String, String)>,
}

/// A migrated database of the kind that tests run on now, with partitions around `day`.
pub async fn on_either(day: NaiveDate) -> (Kept, DatabaseConnection) {
    let Some(server) = server() else {
        let (folder, db) = super::fresh_for_tests().await;
        return (Kept { _folder: Some(folder), made: None }, db);
    };
    let name = format!("fitgate_unit_{}", Uuid::new_v4().simple());
    run(&server, &format!("CREATE DATABASE {name}")).await;
    let (address, _) = server.rsplit_once('/').expect("a URL names a database");
    let db = open(&format!("{address}/{name}")).await.unwrap();
    migrate(&db).await.unwrap();
    ensure_partitions(&db, day).await.unwrap();
    (Kept { _folder: None, made: Some((server, name)) }, db)
}

impl Drop for Kept {
    /// On a thread and runtime of its own, since the test's may be ending.
    fn drop(&mut self) {
        let Some((server, name)) = self.made.take() else { return };
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.block_on(run(&server, &sql));
        });
        if dropped.join().is_err() {
            eprintln!("a test's database could not be removed");
        }
    }
}

async fn run(server: &str, sql: &str) {
    let connection = Database::connect(server).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "which stores to test on is no setting of a server")]
fn server() -> Option<String> {
    std::env::var("FITGATE_TEST_DATABASE_URL").ok().filter(|text| !text.is_empty())
}
