//! Rows 97 to 119: what terminals report, record by record, with what becomes of each and the rows
//! that it wrote. Whatever could be a real entry is kept: as an event, or in quarantine as it came.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::standing::{NOTHING, Standing, Wrote};
use crate::support::{Answer, Member, Resident, Shown, Terminal, TestTown, at, results};

/// The rows that are sent below.
pub const SENT: [u16; 19] =
    [97, 98, 99, 100, 101, 102, 103, 104, 107, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119];

/// A key, so that the record is acknowledged, and its text for staff to look at.
const KEPT_ASIDE: Wrote<'static> = &[("event_keys", 1), ("quarantine", 1)];
/// Somebody is inside.
const A_VISIT: Wrote<'static> = &[("entry_events", 1), ("event_keys", 1), ("sessions", 1)];
/// One visit of two scans, with its minutes.
const A_WHOLE_VISIT: Wrote<'static> =
    &[("entry_events", 2), ("event_keys", 2), ("minute_entries", 1), ("sessions", 1)];

/// Records that are told at once, and what becomes of each of them.
struct Case {
    row: u16,
    told: Vec<Value>,
    result: &'static str,
    reason: Option<&'static str>,
    wrote: Wrote<'static>,
    /// What the newest event of this credential is flagged with.
    flag: Option<(String, &'static str)>,
}

impl Case {
    fn of(row: u16, told: Vec<Value>, result: &'static str, wrote: Wrote<'static>) -> Self {
        Self { row, told, result, reason: None, wrote, flag: None }
    }

    fn quarantined(row: u16, record: Value, reason: &'static str) -> Self {
        let case = Self::of(row, vec![record], "quarantined", KEPT_ASIDE);
        Self { reason: Some(reason), ..case }
    }

    fn rejected(row: u16, record: Value, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..Self::of(row, vec![record], "rejected", KEPT_ASIDE) }
    }

    /// What has no number that could be acknowledged leaves nothing behind.
    fn nameless(row: u16, record: Value, reason: &'static str) -> Self {
        Self { wrote: NOTHING, ..Self::rejected(row, record, reason) }
    }

    fn flagged(self, shown: &Shown, flag: &'static str) -> Self {
        Self { flag: Some((shown.credential.clone(), flag)), ..self }
    }
}

/// Tells records as a device writes them: a score that is no number stands there as a bare word.
async fn tells(door: &Terminal, told: &[Value]) -> Answer {
    let body = json!({ "events": told }).to_string().replace("\"NaN\"", "NaN");
    door.sends(&door.envelope(), Method::POST, "/api/v1/terminal/events", &body).await
}

async fn tried(town: &TestTown, door: &Terminal, case: &Case) {
    let Case { row, told, result, reason, wrote, flag } = case;
    let before = Standing::of(&town.store).await;
    let answer = tells(door, told).await.ok();
    let what = format!("row {row}: {told:?}: {answer}");
    for item in answer["items"].as_array().unwrap() {
        assert_eq!((&item["result"], &item["reason"]), (&json!(result), &json!(reason)), "{what}");
    }
    assert_eq!(answer["items"].as_array().unwrap().len(), told.len(), "{what}");
    before.has_grown(&Standing::of(&town.store).await, wrote, &what);
    if let Some((credential, flag)) = flag {
        let sql = format!(
            "SELECT COALESCE(reason, clock_flag, '-') AS said FROM entry_events \
             WHERE credential = '{credential}' ORDER BY occurred_at DESC LIMIT 1"
        );
        let said: String = town.store.rows(&sql).await[0].try_get("", "said").unwrap();
        assert_eq!(said, *flag, "{what}");
    }
}

/// Records that open nothing and credit nothing.
fn not_taken(door: &Terminal, anna: &Member, erased: &Shown) -> Vec<Case> {
    let usual = || door.record("in", &anna.face, at("2026-11-23T01:00:00Z"));
    let with = |field: &str, value: Value| {
        let mut record = usual();
        record[field] = value;
        record
    };
    let when = |text: &str| with("device_time", json!(text));
    let of_nobody = || door.record("in", erased, at("2026-11-23T01:00:00Z"));
    let suspect = |row, text| Case::quarantined(row, when(text), "time_suspect");
    vec![
        suspect(99, "2026-11-23T02:10:00Z"),
        suspect(100, "1970-01-01T00:00:00Z"),
        suspect(100, "2000-01-01T00:00:00Z"),
        suspect(100, "2106-02-07T06:28:15Z"),
        suspect(100, "9999-12-31T23:59:59Z"),
        Case::rejected(100, with("device_time", json!(-1)), "bad_time"),
        Case::rejected(100, with("device_time", json!(1_795_000_000_000_i64)), "bad_time"),
        Case::rejected(
            107,
            with("venue_id", json!(uuid::Uuid::now_v7().to_string())),
            "unknown_field",
        ),
        Case::quarantined(110, with("credential", json!("nobody")), "unknown_credential"),
        // Nobody is known by what a forgotten person showed.
        Case::quarantined(111, of_nobody(), "unknown_credential"),
        Case::rejected(116, with("score", json!("NaN")), "bad_score"),
        Case::rejected(116, with("score", json!(1.7)), "bad_score"),
        Case::rejected(116, with("score", json!(-1)), "bad_score"),
        Case::rejected(119, when("2025-02-29T12:00:00Z"), "bad_time"),
        // A leap second and a day of summer time are read, and lie before our time.
        suspect(119, "2016-12-31T23:59:60Z"),
        suspect(119, "1986-05-04T02:30:00"),
        Case::quarantined(119, when("2024-02-29T12:00:00Z"), "unknown_place"),
    ]
}

/// What has no readable number.
fn without_number(door: &Terminal, anna: &Member) -> Vec<Case> {
    let numbered = |field: &str, value: Value| {
        let mut record = door.record("in", &anna.face, at("2026-11-23T01:00:00Z"));
        record[field] = value;
        record
    };
    let beyond = |row, field, value| Case::nameless(row, numbered(field, value), "out_of_range");
    vec![
        beyond(100, "epoch", json!(-1)),
        beyond(103, "seq", json!(0)),
        beyond(104, "seq", json!(9_223_372_036_854_775_808_u64)),
        beyond(104, "seq", json!(-1)),
        beyond(104, "seq", json!(1.5)),
        Case::nameless(104, numbered("seq", json!("7")), "bad_record_id"),
        Case::nameless(104, json!({}), "bad_record_id"),
    ]
}

#[tokio::test]
async fn records_that_cannot_be_are_kept_aside_and_change_no_minute() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (_, other) = town.gym().await;
    let anna = town.member().await;
    let gone = Resident::registers(&town, "gone").await;
    let card = Shown::card("c-gone");
    town.credential(&gone.id().await, &card).await;
    assert_eq!(gone.delete("/me").await.status, 204);
    let before = town.digest().await;
    let cases = not_taken(&door, &anna, &card);
    for case in &cases {
        tried(&town, &door, case).await;
    }
    let beat = door.beats().await;
    assert_eq!(beat["ack_through"], json!({ "epoch": 0, "seq": cases.len() }), "all have arrived");
    for case in &without_number(&other, &anna) {
        tried(&town, &other, case).await;
    }
    assert_eq!(other.beats().await["ack_through"], Value::Null);
    assert_eq!(town.digest().await, before, "the ledger is as it was");
    town.adds_up().await;
}

/// Records that are taken, however odd they are; each of somebody else.
fn taken(door: &Terminal, people: &[Member]) -> Vec<Case> {
    let told = |n: usize, direction: &str, time: &str| {
        door.record(direction, &people[n].face, at(&format!("2026-11-23T{time}:00Z")))
    };
    let visit = |row, told| Case::of(row, vec![told], "accepted", A_VISIT);
    let first = told(0, "in", "01:00");
    let mut other_story = first.clone();
    other_story["direction"] = json!("out");
    let conflict = Case::of(98, vec![other_story], "conflict", &[("quarantine", 1)]);
    let old = door.record("in", &people[1].face, at("2026-08-15T02:00:00Z"));
    let an_estimate: Wrote<'_> =
        &[("entry_events", 1), ("event_keys", 1), ("minute_entries", 1), ("sessions", 1)];
    let twice_in: Wrote<'_> =
        &[("entry_events", 2), ("event_keys", 2), ("minute_entries", 1), ("sessions", 2)];
    let an_orphan: Wrote<'_> = &[("entry_events", 1), ("event_keys", 1)];
    let mut anew = told(8, "in", "01:00");
    (anew["epoch"], anew["seq"]) = (json!(1), json!(1));
    vec![
        visit(97, first.clone()),
        Case::of(97, vec![first.clone(), first.clone()], "duplicate", NOTHING),
        Case { reason: Some("conflict"), ..conflict },
        Case::of(98, vec![first], "duplicate", NOTHING),
        Case::of(101, vec![old], "accepted", an_estimate).flagged(&people[1].face, "old"),
        // The clock went back: what counts is when, not which number.
        Case::of(
            102,
            vec![told(2, "out", "01:40"), told(2, "in", "01:10")],
            "accepted",
            A_WHOLE_VISIT,
        ),
        visit(112, told(3, "in", "01:00")).flagged(&people[3].face, "member_suspended"),
        visit(113, told(4, "in", "01:00")).flagged(&people[4].face, "face_consent_missing"),
        Case::of(114, vec![told(5, "out", "01:00")], "accepted", an_orphan),
        Case::of(114, vec![told(6, "in", "01:00"), told(6, "in", "01:20")], "accepted", twice_in),
        Case::of(
            114,
            vec![told(7, "in", "01:00"), told(7, "out", "01:10")],
            "accepted",
            A_WHOLE_VISIT,
        ),
        Case::of(114, vec![told(7, "out", "01:15")], "accepted", an_orphan),
        visit(103, anew),
    ]
}

#[tokio::test]
async fn records_that_happened_are_taken_once_however_odd_they_are() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let mut people = Vec::new();
    for n in 0..9 {
        let consents: &[&str] =
            if n == 4 { &["minutes_statistics"] } else { &["door_face", "minutes_statistics"] };
        people.push(town.member_who("1990-01-01", consents).await);
    }
    let suspend = format!("/members/{}/suspension", people[3].id);
    town.office.post(&suspend, &json!({ "reason": "违规" })).await.ok();
    for case in &taken(&door, &people) {
        tried(&town, &door, case).await;
    }
    // Rows 99 and 113 while somebody waits: the time of receipt, and a refusal.
    let early = door.record("in", &people[5].face, at("2026-11-23T02:10:00Z"));
    let asked = door.asks_about(&early).await.ok();
    assert_eq!((&asked["decision"], &asked["result"]), (&json!("granted"), &json!("accepted")));
    assert_eq!(door.asks("in", &people[4].face).await["reason"], "face_consent_missing");
    town.adds_up().await;
}

/// Row 103: numbers that are left out are asked for, and those that begin again under the same
/// epoch contradict what was told before.
#[tokio::test]
async fn numbers_that_are_left_out_or_begin_again_are_noticed() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let anna = town.member().await;
    let told = |seq: i64, time: &str| {
        let mut record = door.record("in", &anna.face, at(&format!("2026-11-23T{time}:00Z")));
        record["seq"] = json!(seq);
        record
    };
    let answer = tells(&door, &[told(1, "00:10"), told(4, "00:40")]).await.ok();
    let id = |seq: i64| json!({ "epoch": 0, "seq": seq });
    assert_eq!((&answer["ack_through"], &answer["resend_from"]), (&id(1), &id(2)));
    let answer = tells(&door, &[told(1, "01:10")]).await.ok();
    assert_eq!(results(&answer), ["conflict"]);
    let answer = tells(&door, &[told(2, "00:20"), told(3, "00:30")]).await.ok();
    assert_eq!((&answer["ack_through"], &answer["resend_from"]), (&id(4), &Value::Null));
    town.adds_up().await;
}

/// Row 115: somebody at two doors of two venues in the same second is inside one of them.
#[tokio::test]
async fn nobody_is_inside_two_venues_at_once() {
    let town = TestTown::open().await;
    let ((_, one), (_, other)) = (town.gym().await, town.gym().await);
    let anna = town.member().await;
    let second = at("2026-11-23T01:00:00Z");
    let records = [&one, &other].map(|door| [door.record("in", &anna.face, second)]);
    let (first, last) = tokio::join!(tells(&one, &records[0]), tells(&other, &records[1]));
    assert_eq!((results(&first.ok()), results(&last.ok())), (vec!["accepted"], vec!["accepted"]));
    let open = "SELECT COUNT(*) AS n FROM sessions WHERE left_at IS NULL";
    assert_eq!(town.store.count(open).await, 1);
    let kept = "SELECT COUNT(*) AS n FROM entry_events";
    assert_eq!(town.store.count(kept).await, 2);
    town.adds_up().await;
}

/// Row 117.
#[tokio::test]
async fn a_batch_is_bounded_and_one_bad_record_spoils_no_other() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let anna = town.member().await;
    let mut records: Vec<Value> =
        (0..501).map(|_| door.record("in", &anna.face, town.now())).collect();
    let before = Standing::of(&town.store).await;
    let too_many = vec![json!({}); 10_001];
    for (told, code) in
        [(&records[..], "too_many_items"), (&too_many[..], "too_many_items"), (&[][..], "no_items")]
    {
        assert_eq!(tells(&door, told).await.said(), (422, code), "{}", told.len());
    }
    before.has_grown(&Standing::of(&town.store).await, NOTHING, "row 117");
    records[250]["score"] = json!("NaN");
    let answer = tells(&door, &records[..500]).await.ok();
    let taken = results(&answer).iter().filter(|result| **result == "accepted").count();
    assert_eq!((taken, results(&answer)[250]), (499, "rejected"));
    assert_eq!(answer["ack_through"], json!({ "epoch": 0, "seq": 500 }));
    let wrote: Wrote<'_> =
        &[("entry_events", 499), ("event_keys", 500), ("quarantine", 1), ("sessions", 1)];
    before.has_grown(&Standing::of(&town.store).await, wrote, "row 117");
    town.adds_up().await;
}

/// Row 118: the same batch at the same time, to two servers where the stores can be shared.
#[tokio::test]
async fn a_batch_that_comes_twice_at_once_is_taken_once() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let second = town.second_server().await;
    let elsewhere = door.at_server(second.as_ref().map_or(&town.wire, |server| &server.wire));
    let mut records = Vec::new();
    for n in 0..20 {
        let (anna, came) = (town.member().await, town.now() - TimeDelta::minutes(n));
        records.push(door.record("in", &anna.face, came));
    }
    let before = Standing::of(&town.store).await;
    let (here, there) = tokio::join!(tells(&door, &records), tells(&elsewhere, &records));
    let (here, there) = (here.ok(), there.ok());
    for (one, other) in results(&here).into_iter().zip(results(&there)) {
        let mut both = [one, other];
        both.sort_unstable();
        assert_eq!(both, ["accepted", "duplicate"]);
    }
    let wrote: Wrote<'_> = &[("entry_events", 20), ("event_keys", 20), ("sessions", 20)];
    before.has_grown(&Standing::of(&town.store).await, wrote, "row 118");
    town.adds_up().await;
}

/// Row 119: the second that some years have more belongs to the one before it.
#[tokio::test]
async fn a_leap_second_is_the_second_before_it() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let anna = town.member().await;
    town.is_now("2027-01-01T00:00:10Z");
    let mut record = door.record("in", &anna.face, town.now());
    record["device_time"] = json!("2026-12-31T23:59:60Z");
    let leap = Case::of(119, vec![record], "accepted", A_VISIT);
    tried(&town, &door, &leap).await;
    let stays = town.office.get(&format!("/members/{}/sessions", anna.id)).await.ok();
    assert_eq!(stays["items"][0]["entered_at"], "2026-12-31T23:59:59Z");
    town.adds_up().await;
}
