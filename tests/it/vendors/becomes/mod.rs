//! What samples become in SQL: each is sent, twice, to a server whose clock shows the sample's own
//! time, so that old ones are as good as those of today. What must stand there is written down by
//! hand: entries, what waits for staff, notices, stays with their minutes.

mod answers;
mod orders;
mod others;
mod zkteco;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::QueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fetchers::known_since;
use crate::support::{
    COMMUNITY, Shown, Terminal, TestTown, Venue, at,
    device::{Bytes, fixed, requests, sample},
};

/// For how long venue, terminals and people have been there: longer than a sample is old, and not
/// so long that the keys of records are forgotten.
const THERE_FOR: TimeDelta = TimeDelta::days(350);

/// What samples carry and nobody may keep: pictures as they are and as text, a template, names.
const SECRETS: [&str; 6] = [
    "\0\u{10}JFIF\0\u{1}",
    "/9j/4AAQSkZJRg",
    "apUBD+cAC44IAAEEAJfKWIBWAQQF",
    "Test Persona1",
    "John Doe",
    "测试人",
];

/// What comes of a request that tells of nobody.
const NOTHING: [&str; 0] = [];

/// A town at the time of a sample: a venue with an exit of its own, and people whom terminals know
/// by the sample's numbers.
struct Stage {
    town: TestTown,
    venue: Venue,
    exit: Terminal,
    people: BTreeMap<Uuid, &'static str>,
}

/// A vendor's terminal at the venue.
struct Door {
    id: Uuid,
    /// Stands in its path where the family has one.
    token: String,
}

/// Whether a family's samples are at hand; said aloud where they are not.
fn are_here(family: &str) -> bool {
    !requests(family).is_empty()
}

/// A request among the samples.
fn request(family: &str, name: &str) -> Bytes {
    Bytes::read(&sample(family, &format!("{name}.req.http")).unwrap())
}

/// What a sample says must be answered.
fn answer(family: &str, file: &str) -> String {
    String::from_utf8(sample(family, file).unwrap()).unwrap()
}

/// The same request with another path in its head.
fn with_head(mut request: Bytes, from: &str, to: &str) -> Bytes {
    assert!(request.head.contains(from), "{}", request.head);
    request.head = request.head.replacen(from, to, 1);
    request
}

/// The same request with another text in its body, wherever it stands.
fn saying(mut request: Bytes, from: &str, to: &str) -> Bytes {
    let place = |body: &[u8]| body.windows(from.len()).position(|part| part == from.as_bytes());
    assert!(place(&request.body).is_some(), "{from} does not stand there");
    while let Some(at) = place(&request.body) {
        request.body.splice(at..at + from.len(), to.bytes());
    }
    request
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn text(row: &QueryResult, column: &str) -> String {
    row.try_get("", column).unwrap()
}

impl Stage {
    async fn at(now: &str, numbers: &[&'static str]) -> Self {
        let town = TestTown::open_at(now).await;
        let since = town.now() - THERE_FOR;
        let (day, since) = (since.date_naive().to_string(), instant(since));
        let venue = town.venue("健身房", json!({ "opened_on": day })).await;
        let exit = town.terminal_since(&venue, "out", &day).await;
        let mut people = BTreeMap::new();
        for number in numbers {
            let id = known_since(&town, number, &since).await;
            people.insert(id.parse().unwrap(), *number);
        }
        Self { town, venue, exit, people }
    }

    async fn claims(&self, protocol: &str, serial: &str, way: &str) -> Door {
        let claimed = self.town.claim(&self.venue, protocol, serial, way).await;
        let id = claimed["id"].as_str().unwrap().parse().unwrap();
        Door { id, token: claimed["path_token"].as_str().unwrap_or_default().to_owned() }
    }

    /// The device sends it, hears nothing and sends it again; both times it is answered so.
    async fn tells(&self, request: &Bytes, answer: &str) {
        for _ in 0..2 {
            let got = request.answered(self.town.address()).await;
            assert_eq!(fixed(&got), fixed(answer), "{}", request.head);
        }
    }

    /// A sample that has an answer of the same name.
    async fn tells_sample(&self, family: &str, name: &str) {
        let expected = answer(family, &format!("{name}.resp.body"));
        self.tells(&request(family, name), &expected).await;
    }

    /// Somebody leaves through the venue's own door.
    async fn leaves(&self, number: &str, when: &str) {
        self.town.is_now(when);
        self.exit.saw("out", &Shown::face(number), at(when)).await;
    }

    /// All that stands in SQL of what a terminal sent, a line each.
    async fn came_of(&self, door: &Door) -> Vec<String> {
        let mut lines = self.entries(door).await;
        lines.extend(self.waiting(door).await);
        lines.extend(self.notices(door).await);
        lines.sort();
        lines
    }

    /// Asserts that this came of what a terminal sent, and nothing else.
    async fn became(&self, door: &Door, expected: &[impl AsRef<str>]) {
        let mut expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        expected.sort_unstable();
        assert_eq!(self.came_of(door).await, expected);
    }

    async fn entries(&self, door: &Door) -> Vec<String> {
        let store = &self.town.store;
        let (terminal, venue) = (store.uuid(door.id), store.uuid(self.venue.id.parse().unwrap()));
        let query = format!(
            "SELECT k.record_id, e.member_id, e.occurred_at, e.direction, e.method, e.mode, \
             e.decision, e.effect, e.passed \
             FROM entry_events e JOIN event_keys k ON k.event_id = e.id \
             WHERE e.terminal_id = {terminal} AND e.venue_id = {venue}"
        );
        let line = |row: &QueryResult| {
            let member: Uuid = row.try_get("", "member_id").unwrap();
            let passed: Option<bool> = row.try_get("", "passed").unwrap();
            let of = |column: &str| text(row, column);
            format!(
                "{} at {}: {}, {} by {}: {}, {}, {}{}",
                of("record_id"),
                instant(row.try_get("", "occurred_at").unwrap()),
                self.people[&member],
                of("direction"),
                of("method"),
                of("mode"),
                of("decision"),
                of("effect"),
                if passed == Some(true) { ", seen to pass" } else { "" },
            )
        };
        store.rows(&query).await.iter().map(line).collect()
    }

    async fn waiting(&self, door: &Door) -> Vec<String> {
        let terminal = self.town.store.uuid(door.id);
        let query =
            format!("SELECT record_id, reason FROM quarantine WHERE terminal_id = {terminal}");
        let rows = self.town.store.rows(&query).await;
        let line = |row: &QueryResult| {
            format!("{} waits: {}", text(row, "record_id"), text(row, "reason"))
        };
        rows.iter().map(line).collect()
    }

    async fn notices(&self, door: &Door) -> Vec<String> {
        let terminal = self.town.store.uuid(door.id);
        let query = format!(
            "SELECT record_key, device_time, kind, code, detail FROM terminal_notices \
             WHERE terminal_id = {terminal}"
        );
        let line = |row: &QueryResult| {
            let when: Option<DateTime<Utc>> = row.try_get("", "device_time").unwrap();
            let detail: Option<String> = row.try_get("", "detail").unwrap();
            let when = when.map_or_else(|| "some time".to_owned(), instant);
            let detail = detail.map(|detail| format!(", {detail}")).unwrap_or_default();
            let (key, kind, code) = (text(row, "record_key"), text(row, "kind"), text(row, "code"));
            format!("{key} at {when}: {kind} {code}{detail}")
        };
        self.town.store.rows(&query).await.iter().map(line).collect()
    }

    /// Asserts that somebody's one stay lasted so, with its minutes.
    async fn stayed(&self, number: &str, expected: &str) {
        let (member, _) = self.people.iter().find(|(_, known)| **known == number).unwrap();
        let query = format!(
            "SELECT entered_at, left_at, minutes, provenance FROM sessions \
             WHERE NOT void AND member_id = {}",
            self.town.store.uuid(*member)
        );
        let line = |row: &QueryResult| {
            let left: Option<DateTime<Utc>> = row.try_get("", "left_at").unwrap();
            let minutes: i32 = row.try_get("", "minutes").unwrap();
            let provenance: Option<String> = row.try_get("", "provenance").unwrap();
            format!(
                "{} to {}: {minutes} {}",
                instant(row.try_get("", "entered_at").unwrap()),
                left.map_or_else(|| "now".to_owned(), instant),
                provenance.unwrap_or_default()
            )
        };
        let rows = self.town.store.rows(&query).await;
        assert_eq!(rows.iter().map(line).collect::<Vec<_>>(), [expected]);
    }

    /// What staff see of a terminal.
    async fn seen_by_staff(&self, door: &Door) -> Value {
        let listed = self.town.office.get("/terminals").await.ok();
        let mut items = listed["items"].as_array().unwrap().iter();
        items.find(|item| item["id"] == json!(door.id)).unwrap().clone()
    }

    /// All adds up, and nothing is kept that samples carry beside their records.
    async fn ends(self, secrets: &[&str]) {
        self.town.adds_up().await;
        let mut kept = self.town.store.dump().await.unwrap_or_default();
        for file in self.town.store.files() {
            kept.extend(std::fs::read(file).unwrap());
        }
        let kept = String::from_utf8_lossy(&kept);
        assert!(kept.contains(COMMUNITY), "the data are here");
        for secret in SECRETS.iter().chain(secrets) {
            assert!(!kept.contains(*secret), "{secret:?} is kept");
        }
    }
}
