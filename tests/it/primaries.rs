//! Two primaries: a server whose database was left behind acknowledges nothing. How that comes about,
//! with databases that are cut off and promoted, stands in tests/chaos; here Redis is told of it.

use serde_json::json;

use crate::support::{Answer, TestTown, eventually, results};

#[tokio::test]
async fn a_server_whose_database_was_left_behind_only_reads_until_it_is_the_newest_again() {
    let town = TestTown::open().await;
    if !town.store.is_shared() {
        println!("one server only: a second one needs PostgreSQL and Redis");
        return;
    }
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let record = door.record("in", &member.face, town.now());
    town.store.is_outrun().await;
    let refused = eventually("it takes nothing more", async || {
        let answer = door.tells(std::slice::from_ref(&record)).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.said(), (503, "database_behind"));
    assert_eq!(refused.header("retry-after"), "2");
    let ready = Answer::to(town.ops.get("/readyz")).await;
    assert_eq!(ready.said(), (503, "not_ready"));
    assert_eq!(ready.body["errors"][0]["pointer"], "/primary");
    let founded = json!({ "code": "330499002", "name": "区划" });
    assert_eq!(town.office.post("/divisions", &founded).await.said(), (503, "database_behind"));
    assert_eq!(town.office.get("/terminals").await.status, 200);
    let by_hand = town.store.try_fitgate(&["counters", "rebuild"]).await;
    assert_eq!(by_hand.exit, 2, "{}", by_hand.stdout);
    assert!(by_hand.stderr.contains("promoted over this one"), "{}", by_hand.stderr);

    // Who started on the right database after all, once its keeper has said so.
    town.store.flush_counters().await;
    let town = town.restarted().await;
    assert_eq!(Answer::to(town.ops.get("/readyz")).await.status, 200);
    let door = door.at_server(&town.wire);
    let told = door.tells(&[record]).await.ok();
    assert!(["accepted", "duplicate"].contains(&results(&told)[0]), "{told}");
    town.office.post("/divisions", &founded).await.ok();
    town.adds_up().await;
}

#[tokio::test]
async fn a_promotion_leaves_behind_what_servers_remember_of_gates() {
    let town = TestTown::open().await;
    if !town.store.is_postgres() {
        println!("SQLite has no standbys: skipped");
        return;
    }
    let (venue, _) = town.gym().await;
    let gate = format!("INSERT INTO venue_gates (venue_id, version) VALUES ('{}', 7)", venue.id);
    town.store.sql(&gate).await;
    town.store.sql("UPDATE revisions SET n = 0 WHERE name = 'timeline'").await;
    let moved = "SELECT COUNT(*) AS n FROM venue_gates WHERE version = 1000007";
    eventually("another number", async || (town.store.count(moved).await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_promotion_leaves_behind_what_servers_remember_of_people() {
    let town = TestTown::open().await;
    if !town.store.is_postgres() {
        println!("SQLite has no standbys: skipped");
        return;
    }
    let (_, door) = town.gym().await;
    let member = town.member().await;
    assert_eq!(door.asks("in", &member.card).await["decision"], "granted");
    assert_eq!(door.asks("out", &member.card).await["decision"], "granted");
    // As if the version that the server knows were lost, and given to another change since.
    let changed = format!("UPDATE members SET status = 'suspended' WHERE id = '{}'", member.id);
    town.store.sql(&changed).await;
    town.store.sql("UPDATE revisions SET n = 0 WHERE name = 'timeline'").await;
    eventually("the person is read anew", async || {
        let answer = door.asks("in", &member.card).await;
        (answer["reason"] == "member_suspended").then_some(())
    })
    .await;
}
