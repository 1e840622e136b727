//! A town that moves: everything out of one database into another, with the same ledger behind it.

use std::path::Path;

use serde_json::Value;

use crate::support::{Said, Store};

/// A month of the reference town in a SQLite file, made by the binary; its keys are `store`'s.
async fn trial(store: &Store, folder: &Path) -> String {
    let url = format!("sqlite://{}?mode=rwc", folder.join("trial.db").display());
    on(store, &url, &["demo", "--load-only", "--months", "1"]).await;
    url
}

/// Runs a command on the database at `url` with the keys of `store`.
async fn try_on(store: &Store, url: &str, words: &[&str]) -> Said {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fitgate"));
    command.args(words).args(["--database-url", url]).arg("--keys").arg(store.keys());
    command.env("FITGATE_LOG", "warn").env_remove("FITGATE_REDIS_URL");
    Said::of(command.output().await.unwrap())
}

async fn on(store: &Store, url: &str, words: &[&str]) -> String {
    let said = try_on(store, url, words).await;
    assert_eq!(said.exit, 0, "{words:?}: {}{}", said.stdout, said.stderr);
    said.stdout.trim().to_owned()
}

#[tokio::test]
async fn a_trial_moves_to_the_real_database_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (store, path) = (Store::fresh().await, |name: &str| folder.path().join(name));
    let trial = trial(&store, folder.path()).await;
    let digest = on(&store, &trial, &["ledger", "digest"]).await;
    let out = path("town.ndjson");
    let out = out.to_str().unwrap();
    let told: Value = serde_json::from_str(&on(&store, &trial, &["export", out]).await).unwrap();
    assert!(told["rows"].as_u64().unwrap() > 5_000 && told["tables"].as_u64().unwrap() > 50);
    let kept = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(out).unwrap());
    assert_eq!(kept & 0o777, 0o600, "nobody else reads it");
    assert_eq!(try_on(&store, &trial, &["export", out]).await.exit, 2, "nothing is overwritten");

    // Whatever database is under test: every row gets in, and the ledger stands on them.
    let got: Value = serde_json::from_str(&store.fitgate(&["import", out]).await).unwrap();
    assert_eq!(got, told);
    assert_eq!(store.fitgate(&["ledger", "digest"]).await, digest);
    store.fitgate(&["ledger", "verify"]).await;
    let again = store.try_fitgate(&["import", out]).await;
    assert_eq!(again.exit, 2, "a database that is in use is not filled");
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
    assert_eq!(store.fitgate(&["ledger", "digest"]).await, digest);

    // And out again, to a file: the same rows, so that nothing was bent on the way.
    let back = path("back.ndjson");
    store.fitgate(&["export", back.to_str().unwrap()]).await;
    assert_eq!(sorted(&path("town.ndjson")), sorted(&back));
    let second = format!("sqlite://{}?mode=rwc", path("second.db").display());
    on(&store, &second, &["import", back.to_str().unwrap()]).await;
    assert_eq!(on(&store, &second, &["ledger", "digest"]).await, digest);
    on(&store, &second, &["ledger", "verify"]).await;
    a_changed_export_fills_nothing(&store, folder.path()).await;
}

/// All rows, whatever order the databases have.
fn sorted(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut table = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            rows.push(format!("{table} {line}"));
        } else if line.contains("\"table\"") {
            line.clone_into(&mut table);
        }
    }
    rows.sort_unstable();
    rows
}

async fn a_changed_export_fills_nothing(store: &Store, folder: &Path) {
    let whole = std::fs::read_to_string(folder.join("town.ndjson")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let (last, row) = (lines.len() - 1, lines.iter().rposition(|l| l.starts_with('[')).unwrap());
    let cut = lines[..last].join("\n");
    let mut less = lines.clone();
    less.remove(row);
    let other = whole.replacen("m0001_places", "m0001_planets", 1);
    let cases = [
        ("cut", cut, "breaks off"),
        ("less", less.join("\n"), "digest"),
        ("other", other, "other steps"),
        ("nonsense", "entered_at,left_at\n".to_owned(), "no export"),
    ];
    for (name, text, says) in cases {
        let (file, url) = (folder.join(name), folder.join(format!("{name}.db")));
        std::fs::write(&file, text).unwrap();
        let url = format!("sqlite://{}?mode=rwc", url.display());
        let said = try_on(store, &url, &["import", file.to_str().unwrap()]).await;
        assert_eq!(said.exit, 2, "{name}");
        assert!(said.stderr.contains(says), "{name}: {}", said.stderr);
        on(store, &url, &["import", folder.join("town.ndjson").to_str().unwrap()]).await;
    }
}
