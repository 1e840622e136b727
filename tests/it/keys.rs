//! New keys: everything is sealed anew while the server serves, also where the run is killed half
//! way, and the server reads what the new keys sealed.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Resident, TestTown, eventually};

/// Texts that are not under the key `current`.
async fn under_older(town: &TestTown, current: &str) -> u64 {
    let mut texts = 0;
    for (table, column) in [
        ("members", "name_ct"),
        ("members", "document_ct"),
        ("staff", "totp_ct"),
        ("terminal_keys", "secret_ct"),
        ("wechat_accounts", "openid_ct"),
    ] {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM {table} WHERE {column} NOT LIKE 'v1.{current}.%' \
             AND {column} <> ''"
        );
        texts += town.store.count(&sql).await;
    }
    texts
}

fn current(town: &TestTown) -> String {
    let file = std::fs::read_to_string(town.store.keys()).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    file["current"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_are_rotated_while_doors_open_and_a_killed_run_is_resumed() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, li) =
        (Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await);
    let before = current(&town);
    let member = town.member().await;
    let words = ["keys", "rotate", "--pause-ms", "600000"];
    let mut run = town.store.command(&words).stdout(Stdio::null()).spawn().unwrap();
    // It rests for ten minutes after its first step: the first column is done, the others are not.
    let half = eventually("one column under the new key", async || {
        let new = current(&town);
        let sql = format!("SELECT COUNT(*) AS n FROM members WHERE name_ct LIKE 'v1.{new}.%'");
        (new != before && town.store.count(&sql).await == 3).then_some(new)
    })
    .await;
    run.start_kill().unwrap();
    run.wait().await.unwrap();
    assert!(under_older(&town, &half).await > 0, "it was killed half way");

    assert_eq!(zhang.get("/me").await.ok()["name"], "张*", "under the new key");
    li.patch(&json!({ "in_ranks": true })).await.ok();
    let answer = door.asks("in", &member.face).await;
    assert_eq!(answer["decision"], "granted", "{answer}");
    let wang = Resident::registers(&town, "wang").await;

    let resumed = eventually("the dead run's lease to end", async || {
        let said = town.store.try_fitgate(&["keys", "rotate", "--resume"]).await;
        if said.exit == 2 {
            return None;
        }
        assert_eq!(said.exit, 0, "{}{}", said.stdout, said.stderr);
        Some(serde_json::from_str::<Value>(&said.stdout).unwrap())
    })
    .await;
    assert_eq!((&resumed["current"], &resumed["unreadable"]), (&json!(half), &json!(0)));
    assert_eq!(under_older(&town, &half).await, 0, "{resumed}");
    for resident in [&zhang, &li, &wang] {
        assert_eq!(resident.get("/me").await.ok()["name"], "张*");
    }
    let town = town.restarted().await;
    assert_eq!(Resident::signs_in(&town, "li").await.get("/me").await.status, 200);
    town.store.fitgate(&["ledger", "verify"]).await;
}
