//! A small town's ledger in a real database, left alone and then changed by hand.

use sea_orm::{ConnectionTrait as _, Statement};
use sha2::{Digest as _, Sha256};

use super::{Scope, digest};
use crate::venues::sample::day;

pub mod town;
use town::Town;

/// After a hand's `change` all of `expected` are told, and nothing else.
async fn after(change: &str, expected: &[&str]) {
    let town = Town::lived().await;
    let changed = town.db.execute_unprepared(change).await.unwrap().rows_affected();
    assert!(changed > 0, "{change} changes something");
    let breaches = town.breaches().await;
    for start in expected {
        assert!(breaches.iter().any(|line| told(line, start)), "{change}, {start}: {breaches:#?}");
    }
    only(&breaches, change, expected);
}

/// The same, but the first of `expected` alone has to be there.
async fn among(change: &str, expected: &[&str]) {
    let town = Town::lived().await;
    let changed = town.db.execute_unprepared(change).await.unwrap().rows_affected();
    assert!(changed > 0, "{change} changes something");
    let breaches = town.breaches().await;
    assert!(breaches.iter().any(|line| told(line, expected[0])), "{change}: {breaches:#?}");
    only(&breaches, change, expected);
}

fn only(breaches: &[String], change: &str, expected: &[&str]) {
    for line in breaches {
        assert!(expected.iter().any(|start| told(line, start)), "{change}: {line}");
    }
}

/// Whether a breach is of this table and kind, `table: words of what`.
fn told(line: &str, expected: &str) -> bool {
    let (table, what) = expected.split_once(": ").unwrap();
    line.split(' ').next() == Some(table) && line.contains(what)
}

const MAC: &str = "minute_entries: the MAC does not fit the row";
const DIGEST: &str = "venue_days: the digest does not fit the ledger's rows";
const SUM: &str = "sessions: the ledger's rows do not add up";
const FOLD: &str = "sessions: not what the fold gives";
/// The ledger's row of Ben's stay that an exit measured, and the stay.
const ROW: &str = "WHERE session_id = (SELECT id FROM sessions WHERE member_id = \
                   x'0000000000000000000000000000000b' AND provenance = 'measured' \
                   ORDER BY entered_at LIMIT 1)";
const STAY: &str = "WHERE id = (SELECT id FROM sessions WHERE member_id = \
                    x'0000000000000000000000000000000b' AND provenance = 'measured' \
                    ORDER BY entered_at LIMIT 1)";

#[tokio::test]
async fn a_ledger_left_alone_has_no_breach() {
    let town = Town::lived().await;
    assert_eq!(town.breaches().await, Vec::<String>::new());
    // And it is not for want of what could be broken.
    town.only(
        "SELECT s.id FROM sessions s JOIN minute_entries e ON e.session_id = s.id WHERE s.void",
    )
    .await;
    town.only("SELECT id FROM sessions WHERE left_at IS NULL AND NOT void").await;
    town.only("SELECT id FROM sessions WHERE provenance = 'estimated'").await;
    town.only(
        "SELECT venue_id AS id FROM venue_days, division_days WHERE venue_days.state = 'restated'",
    )
    .await;
}

#[tokio::test]
async fn a_ledger_row_that_was_changed_fails_its_mac() {
    for set in ["cause = 'closer'", "rule_version = 7", "recorded_at = '2026-05-01T00:00:00+00:00'"]
    {
        after(&format!("UPDATE minute_entries SET {set} {ROW}"), &[MAC]).await;
    }
    let change = format!("UPDATE minute_entries SET minutes = minutes + 1 {ROW}");
    let sums =
        ["venue_days: minutes_measured: roll-ups", "member_days: minutes_measured: roll-ups"];
    after(&change, &[MAC, SUM, sums[0], sums[1]]).await;
    let change = format!("UPDATE minute_entries SET mac = upper(hex(randomblob(32))) {ROW}");
    after(&change, &[MAC, DIGEST]).await;
    let change = format!("UPDATE minute_entries SET session_id = NULL {ROW}");
    after(&change, &[MAC, SUM, "minute_entries: only carried_over rows have no session"]).await;
}

#[tokio::test]
async fn a_ledger_row_given_to_another_member_is_named() {
    let carl = "x'0000000000000000000000000000000d'";
    let change = format!("UPDATE minute_entries SET member_id = {carl} {ROW}");
    after(&change, &[MAC, SUM, "member_days: minutes_measured: roll-ups"]).await;
    let town = Town::lived().await;
    let id = town.only(&format!("SELECT id FROM minute_entries {ROW}")).await;
    town.db.execute_unprepared(&change).await.unwrap();
    let line = format!("minute_entries {id}: the MAC does not fit the row");
    assert!(town.breaches().await.contains(&line));
}

#[tokio::test]
async fn ledger_rows_that_were_deleted_or_inserted_fail_the_days_digest() {
    let sums =
        ["venue_days: minutes_measured: roll-ups", "member_days: minutes_measured: roll-ups"];
    after(&format!("DELETE FROM minute_entries {ROW}"), &[DIGEST, SUM, sums[0], sums[1]]).await;
    let copy = format!(
        "INSERT INTO minute_entries SELECT randomblob(16), recorded_at, session_id, member_id, \
         venue_id, community, business_day, minutes, provenance, cause, rule_version, mac \
         FROM minute_entries {ROW}"
    );
    after(&copy, &[MAC, DIGEST, SUM, sums[0], sums[1]]).await;
    // A pair that adds up to nothing shows in the digest alone.
    let pair =
        "DELETE FROM minute_entries WHERE session_id IN (SELECT id FROM sessions WHERE void)";
    after(pair, &[DIGEST]).await;
}

#[tokio::test]
async fn a_session_that_was_changed_is_named() {
    let change = |set: &str| format!("UPDATE sessions SET {set} {STAY}");
    after(&change("ended_by = 'limit'"), &[FOLD]).await;
    after(&change("presence_expires_at = '2026-05-01T08:00:00+00:00'"), &[FOLD]).await;
    let version = "sessions: the venue has no such version of rules";
    after(&change("rule_version = 9"), &[FOLD, version]).await;
    let hours = "venue_day_hours: visits and minutes";
    let whole = "sessions: its minutes are not the whole minutes of the stay";
    after(&change("minutes = minutes + 1"), &[FOLD, SUM, whole, hours]).await;
    after(&change("credited = FALSE, minutes = 0"), &[FOLD, SUM, hours]).await;
    let before = "sessions: left before it was entered";
    let peak = ["venue_days: peak_inside", "venue_day_hours: peak_inside"];
    let left = "left_at = '2026-04-01T01:05:00+00:00'";
    after(&change(left), &[FOLD, before, peak[0], peak[1]]).await;
    // Were it believed, he would have stayed for longer than anybody may.
    let left = "minutes = minutes + 360, \
                left_at = strftime('%Y-%m-%dT%H:%M:%S', left_at, '+6 hours') || '+00:00'";
    let longest = "sessions: longer than the longest stay";
    let overlaps = "sessions: overlaps with another session of the member";
    among(&change(left), &[longest, FOLD, SUM, overlaps, hours, peak[0], peak[1]]).await;
}

#[tokio::test]
async fn a_session_taken_away_given_away_or_invented_is_named() {
    let day = [
        "venue_days: visits: roll-ups",
        "venue_days: people: roll-ups",
        "member_days: visits: roll-ups",
        "venue_day_hours: visits and minutes",
        "venue_days: peak_inside",
        "venue_day_hours: peak_inside",
        "member_venue_months: visits are not",
        "division_days: it is not the sum",
    ];
    let with = |more: &[&'static str]| [more, &day].concat();
    let change = format!("DELETE FROM sessions {STAY}");
    among(&change, &with(&[SUM, "sessions: the row is missing"])).await;
    let carl = "x'0000000000000000000000000000000d'";
    let change = format!("UPDATE sessions SET member_id = {carl} {STAY}");
    let opens = "sessions: no event of the member opens it";
    among(&change, &with(&[SUM, opens, "sessions: the row is missing"])).await;
    let change = format!(
        "INSERT INTO sessions SELECT randomblob(16), member_id, venue_id, community, business_day, \
         entered_at, left_at, minutes, provenance, ended_by, void, credited, rule_version, \
         presence_expires_at, 1 FROM sessions {STAY}"
    );
    let overlaps = "sessions: overlaps with another session of the member";
    among(&change, &with(&[SUM, opens, overlaps])).await;
    let change = format!("UPDATE sessions SET void = TRUE {STAY}");
    among(&change, &with(&["sessions: void, but it has minutes", FOLD])).await;
}

#[tokio::test]
async fn a_roll_up_that_was_changed_is_named() {
    let day = "business_day = '2026-05-01'";
    for (table, set, what) in [
        ("venue_days", "visits = visits + 1", "visits: roll-ups"),
        ("venue_days", "people = people - 1", "people: roll-ups"),
        ("venue_days", "minutes_estimated = 0", "minutes_estimated: roll-ups"),
        ("venue_days", "peak_inside = 9", "peak_inside"),
        ("venue_days", "digest_7 = digest_7 + 1", "the digest does not fit"),
        ("venue_day_hours", "visits = visits + 1", "visits and minutes"),
        ("venue_day_hours", "minutes = minutes + 1", "visits and minutes"),
        ("venue_day_hours", "hour = hour + 9", "visits and minutes"),
        ("venue_day_hours", "peak_inside = 9", "peak_inside"),
        ("member_days", "visits = visits + 1", "visits: roll-ups"),
        ("member_days", "minutes_corrected = 5", "minutes_corrected: roll-ups"),
        ("division_days", "people = people + 1", "it is not the sum"),
        ("division_days", "minutes_measured = 0", "it is not the sum"),
    ] {
        // A division's day is the sum of what was changed, and an hour that was moved is missing.
        let mut expected = vec![format!("{table}: {what}")];
        if table == "venue_days" && what.contains(": roll-ups") {
            expected.push("division_days: it is not the sum".to_owned());
        }
        if set.starts_with("hour") {
            expected.push("venue_day_hours: the row is missing".to_owned());
        }
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        among(&format!("UPDATE {table} SET {set} WHERE {day}"), &expected).await;
    }
    let change = "UPDATE member_venue_months SET visits = visits + 1 WHERE month = '2026-05-01'";
    after(change, &["member_venue_months: visits are not"]).await;
    // Whose changes nobody has carried over yet is left out.
    after("DELETE FROM counter_changes", &["member_months: minutes: months"]).await;
}

#[tokio::test]
async fn events_keys_and_lock_rows_that_were_changed_are_named() {
    let key = "entry_events: event and key are not one to one";
    after("DELETE FROM event_keys WHERE event_id = (SELECT MAX(event_id) FROM event_keys)", &[key])
        .await;
    after(
        "UPDATE event_keys SET occurred_at = received_at WHERE occurred_at <> received_at",
        &[key],
    )
    .await;
    let effect = "entry_events: its effect is opened, the fold gives orphan";
    after("UPDATE entry_events SET effect = 'opened' WHERE effect = 'orphan'", &[effect]).await;
    let open = "timelines: open_session is not the open session";
    after("UPDATE timelines SET open_session = NULL WHERE open_session IS NOT NULL", &[open]).await;
    let state = "timelines: the state has not the open session";
    after("UPDATE timelines SET state = '{}' WHERE open_session IS NOT NULL", &[state]).await;
    let change = "UPDATE entry_events SET decision = 'refused' WHERE effect = 'orphan'";
    after(change, &["entry_events: a refused entry has an effect"]).await;
}

#[tokio::test]
async fn an_audit_row_that_was_changed_is_named() {
    let change = "UPDATE audit SET actor = 'staff:1' WHERE chain = 'days'";
    after(change, &["audit: the row was changed"]).await;
}

/// What `query` gives as lines of text, joined by the database and hashed here.
async fn recomputed(town: &Town, condition: &str) -> String {
    let instant = |column: &str| format!("strftime('%Y-%m-%dT%H:%M:%fZ', {column})");
    let query = format!(
        "SELECT s.community || '|' || v.name || '|' || {} || '|' || {} || '|' || s.minutes || '|' \
         || s.provenance || char(10) AS line FROM sessions s, venues v WHERE v.id = s.venue_id \
         AND s.left_at IS NOT NULL AND NOT s.void AND {condition}",
        instant("s.entered_at"),
        instant("s.left_at"),
    );
    let statement = Statement::from_string(town.db.get_database_backend(), query);
    let rows = town.db.query_all_raw(statement).await.unwrap();
    let mut lines: Vec<String> = rows.iter().map(|row| row.try_get("", "line").unwrap()).collect();
    lines.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    let text = lines.concat();
    hex::encode(Sha256::digest(text))
}

#[tokio::test]
async fn the_digest_is_that_of_the_sorted_lines() {
    let (town, again) = (Town::lived().await, Town::lived().await);
    let everything = Scope::default();
    let whole = digest(&town.db, &everything).await.unwrap();
    assert_eq!(whole, recomputed(&town, "TRUE").await);
    assert_eq!(whole, digest(&again.db, &everything).await.unwrap(), "ids do not matter");
    let nothing = hex::encode(Sha256::digest(""));
    assert_ne!(whole, nothing);
    let first = Some(day("2026-05-01"));
    let (from, to) =
        (Scope { from: first, ..Scope::default() }, Scope { to: first, ..Scope::default() });
    assert_eq!(digest(&town.db, &from).await.unwrap(), whole);
    assert_eq!(
        digest(&town.db, &to).await.unwrap(),
        recomputed(&town, "s.business_day <= '2026-05-01'").await
    );
    let late = Scope { from: Some(day("2026-05-03")), ..Scope::default() };
    assert_eq!(digest(&town.db, &late).await.unwrap(), nothing);
    for (code, expected) in [("3304", &whole), ("330499001001", &whole), ("330482", &nothing)] {
        let scope = Scope { division: Some(code.parse().unwrap()), ..Scope::default() };
        assert_eq!(&digest(&town.db, &scope).await.unwrap(), expected, "{code}");
    }
}
