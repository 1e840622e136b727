//! An empty, migrated database that towns are copied from: climbing the whole ladder would take
//! longer than most stories. Made by the binary under test, once for each build of it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::store::{beside, run_sql, try_sql};

const BINARY: &str = env!("CARGO_BIN_EXE_fitgate");

/// Makes the database `name` on the PostgreSQL server.
pub async fn copy(server: &str, name: &str) {
    let template = format!("fitgate_template_{}", build());
    let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
    if try_sql(server, &copy).await.is_ok() {
        return;
    }
    let _making = lock().await;
    if try_sql(server, &copy).await.is_ok() {
        return;
    }
    // Nobody may be connected to a template, so it gets its name when all is done.
    let raw = format!("{template}_raw");
    run_sql(server, &format!("DROP DATABASE IF EXISTS {raw} WITH (FORCE)")).await;
    run_sql(server, &format!("CREATE DATABASE {raw}")).await;
    migrate(&beside(server, &raw)).await;
    run_sql(server, &format!("ALTER DATABASE {raw} RENAME TO {template}")).await;
    run_sql(server, &copy).await;
}

/// Makes the SQLite database `file`.
pub async fn copy_file(file: &Path) {
    let template = folder().join(format!("{}.db", build()));
    if !template.exists() {
        let _making = lock().await;
        if !template.exists() {
            // What was migrated may still stand in the log beside the file.
            let raw = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}?mode=rwc", raw.path().join("raw.db").display());
            migrate(&url).await;
            let whole = raw.path().join("whole.db");
            run_sql(&url, &format!("VACUUM INTO '{}'", whole.display())).await;
            std::fs::copy(whole, template.with_extension("part")).unwrap();
            std::fs::rename(template.with_extension("part"), &template).unwrap();
        }
    }
    std::fs::copy(template, file).unwrap();
}

async fn migrate(url: &str) {
    let mut command = tokio::process::Command::new(BINARY);
    let status = command.args(["migrate", "--database-url", url]).status().await.unwrap();
    assert!(status.success(), "the template could not be migrated");
}

/// What tells this build of the binary from others.
fn build() -> u128 {
    let made = std::fs::metadata(BINARY).unwrap().modified().unwrap();
    made.duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// One process makes a template while others wait.
async fn lock() -> File {
    let lock = File::create(folder().join("template.lock")).unwrap();
    tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.unwrap().unwrap()
}
