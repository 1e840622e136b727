//! Who was forgotten stays forgotten, also where yesterday's backup takes the place of today.

use crate::support::{Resident, TestTown, at, eventually};

#[tokio::test]
async fn a_restored_backup_forgets_again_whoever_was_forgotten() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let id = zhang.id().await;
    let backup = town.store.backs_up().await;
    let li = Resident::registers(&town, "li").await;
    let li_id = li.id().await;
    assert_eq!(zhang.delete("/me").await.status, 204);
    assert_eq!(li.delete("/me").await.status, 204);
    let list = std::fs::read_to_string(town.store.erasures()).unwrap();
    assert!(list.contains(&id) && list.contains(&li_id) && !list.contains("张三"), "{list}");

    let town = town.restored(&backup).await;
    assert_eq!(zhang.at_server(&town.wire).get("/me").await.status, 401);
    let left = "SELECT COUNT(*) AS n FROM members WHERE erased_at IS NULL OR name_ct <> ''";
    assert_eq!(town.store.count(left).await, 0);
    let known = "SELECT COUNT(*) AS n FROM members";
    assert_eq!(town.store.count(known).await, 1, "the other one came after the backup");
    let again = Resident::registers(&town, "zhang").await;
    assert_ne!(again.id().await, id, "whoever comes back is a new person");
}

#[tokio::test]
async fn after_ninety_days_nothing_tells_what_somebody_showed_at_a_door() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.asks("in", &member.face).await;
    town.is_now("2026-11-23T03:00:00Z");
    door.asks("out", &member.face).await;
    town.is_now("2026-11-28T03:00:00Z");
    door.asks("in", &member.face).await;
    town.is_now("2027-02-22T03:00:00Z");
    let town = town.restarted().await;
    let shown = "SELECT COUNT(*) AS n FROM entry_events WHERE credential IS NOT NULL";
    eventually("old events without what was shown", async || {
        (town.store.count(shown).await == 1).then_some(())
    })
    .await;
    let kept = "SELECT COUNT(*) AS n FROM entry_events WHERE member_id IS NOT NULL";
    assert_eq!(town.store.count(kept).await, 3, "who came, and when, stays with the minutes");

    door.at_server(&town.wire).saw("in", &member.face, at("2026-11-24T01:00:00Z")).await;
    assert_eq!(town.store.count(shown).await, 2, "it came late, of a time cleared already");
    town.is_now("2027-02-23T05:00:00Z");
    let town = town.restarted().await;
    eventually("nor what came late", async || (town.store.count(shown).await == 1).then_some(()))
        .await;
    town.adds_up().await;
}
