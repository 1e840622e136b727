//! The product's fold against a slow, obvious model of it in another language, on histories with
//! all that is awkward: ties, repeats, nights, other venues, stated facts that contradict.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    base::{
        clock::from_millis,
        ids::{Direction, EventId, VenueId},
    },
    minutes::timeline::{Effect, Event, Fact, FactKind, Folded, Venues, fold},
    venues::{
        Pairing, Venue,
        sample::{every_day, venue},
    },
};

const CASES: usize = 20_000;
/// Seconds since 1970; half past nine in the evening in Shanghai.
const BASE: i64 = 1_790_000_000;
const DAY_S: i64 = 86_400;
const NAMES: [&str; 4] = ["A", "B", "C", "D"];

/// The model's venues, in the order of their names.
struct Town([Venue; 4]);

impl Venues for Town {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.iter().find(|venue| venue.id == id)
    }
}

fn town() -> Town {
    let gym = Venue { hours: every_day(360, 1350), ..venue(1) };
    let mut court = venue(2);
    court.rules[0].pairing = Pairing::Toggle;
    court.rules[0].usual_stay_min = 45;
    let mut school = Venue { hours: every_day(480, 1260), ..venue(3) };
    school.rules[0].pairing = Pairing::EntryOnly;
    school.rules[0].longest_stay_min = 180;
    let mut hall = Venue { hours: every_day(540, 1439), ..venue(4) };
    hall.rules[0].pairing = Pairing::Toggle;
    hall.rules[0].longest_stay_min = 1440;
    hall.rules[0].usual_stay_min = 300;
    Town([gym, court, school, hall])
}

struct Case {
    events: Vec<Event>,
    facts: Vec<Fact>,
    now: DateTime<Utc>,
}

fn instant(seconds: i64) -> DateTime<Utc> {
    from_millis(seconds * 1_000)
}

fn random_event(random: &mut ChaCha8Rng, n: usize) -> Event {
    let offset = match random.random_range(0..4) {
        0 => random.random_range(0..3 * DAY_S),
        1 => random.random_range(0..7_200),
        2 => random.random_range(0..40) * 1_800,
        _ => *[0, 30, 60, 61, 3_600, 14_400, 14_401].choose(random).expect("not empty"),
    };
    let directions = [Direction::In, Direction::In, Direction::Out];
    Event {
        id: EventId(Uuid::from_u128(1 + n as u128)),
        occurred_at: instant(BASE + offset),
        direction: *directions.choose(random).expect("not empty"),
        venue: VenueId(Uuid::from_u128(random.random_range(1..=4))),
        serial: Arc::from(format!("T{}", random.random_range(1..=3))),
        epoch: random.random_range(1..=2),
        seq: i64::try_from(n).expect("few"),
        credited: true,
    }
}

fn random_fact(random: &mut ChaCha8Rng, events: &[Event], n: i32) -> Fact {
    let opener = events.choose(random).expect("at least one event");
    let kinds = [FactKind::Declared, FactKind::Corrected];
    let entered = opener.occurred_at.timestamp() + random.random_range(-60..60) * 60;
    let left = match random.random_range(0..3) {
        0 => entered + random.random_range(0..20_000),
        1 => events.choose(random).expect("at least one event").occurred_at.timestamp(),
        _ => opener.occurred_at.timestamp() + random.random_range(0..14_400),
    };
    Fact {
        opener: opener.id,
        n: n - random.random_range(0..2),
        kind: *kinds.choose(random).expect("not empty"),
        entered_at: Some(instant(entered)),
        left_at: instant(left.max(entered)),
    }
}

fn random_case(random: &mut ChaCha8Rng) -> Case {
    let count = random.random_range(1..=14);
    let events: Vec<Event> = (0..count).map(|n| random_event(random, n)).collect();
    let newest = events.iter().map(|event| event.occurred_at.timestamp()).max().unwrap_or(BASE);
    let wait = *[0, 600, 7_200, 14_401, 9 * DAY_S].choose(random).expect("not empty");
    let now = instant(newest + wait);
    let stated = random.random_range(0..=5);
    let facts = (1..=stated).map(|n| random_fact(random, &events, n * 2)).collect();
    Case { events, facts, now }
}

/// Whether somebody declares an end past the next entry: that of a stay which is still open, and
/// one at the very same instant as their own.
fn declared_too_late(case: &Case, folded: &Folded) -> (bool, bool) {
    let late = |bound: &dyn Fn(&Event) -> Option<DateTime<Utc>>| {
        case.facts.iter().filter(|fact| fact.kind == FactKind::Declared).any(|fact| {
            let opener = case.events.iter().find(|event| event.id == fact.opener);
            opener.and_then(bound).is_some_and(|bound| fact.left_at > bound)
        })
    };
    let open = folded.timeline.open.map(|open| open.entered_at);
    let tied = |opener: &Event| {
        let other =
            |event: &&Event| event.id != opener.id && event.occurred_at == opener.occurred_at;
        case.events.iter().find(other).map(|event| event.occurred_at)
    };
    (late(&|_| open), late(&tied))
}

fn word(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a unit variant")
}

fn name(event: &Event) -> Value {
    json!([event.serial, event.epoch, event.seq])
}

fn line(case: &Case, town: &Town) -> String {
    let of = |id: EventId| case.events.iter().find(|event| event.id == id).map(name);
    let venues: BTreeMap<_, _> = NAMES
        .iter()
        .zip(&town.0)
        .map(|(name, venue)| {
            let (rules, hours) = (&venue.rules[0], venue.hours.first());
            (
                name,
                json!({
                    "pairing": word(&rules.pairing), "usual_min": rules.usual_stay_min,
                    "longest_min": rules.longest_stay_min,
                    "opens_min": hours.and_then(|hours| hours.opens),
                    "closes_min": hours.and_then(|hours| hours.closes),
                }),
            )
        })
        .collect();
    let place = |id| town.0.iter().position(|venue| venue.id == id).map(|n| NAMES[n]);
    let events: Vec<_> = case
        .events
        .iter()
        .map(|event| {
            json!({
                "venue": place(event.venue), "direction": word(&event.direction),
                "at": event.occurred_at.timestamp(),
                "serial": event.serial, "epoch": event.epoch, "seq": event.seq,
            })
        })
        .collect();
    let facts: Vec<_> = case.facts.iter().map(|fact| json!({
        "opener": of(fact.opener), "n": fact.n, "kind": word(&fact.kind),
        "entered": fact.entered_at.map(|at| at.timestamp()), "left": fact.left_at.timestamp(),
    })).collect();
    let now = case.now.timestamp();
    json!({"now": now, "venues": venues, "events": events, "facts": facts}).to_string()
}

#[derive(Deserialize)]
struct Answer {
    sessions: Vec<Stay>,
    open: Option<OpenStay>,
    effects: Vec<(Name, Effect)>,
}

type Name = (String, i64, i64);

#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Stay {
    opener: Name,
    venue: String,
    entered: i64,
    left: i64,
    provenance: String,
    ended_by: String,
    minutes: i32,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct OpenStay {
    opener: Name,
    venue: String,
    entered: i64,
}

/// What the product folded, in the model's words.
fn translated(case: &Case, folded: &Folded) -> Answer {
    let of = |id: Uuid| {
        let event = case.events.iter().find(|event| event.id.0 == id).expect("of this case");
        (event.serial.to_string(), event.epoch, event.seq)
    };
    let place = |id: VenueId| NAMES[usize::from(id.0.as_bytes()[15]) - 1].to_owned();
    let ended = folded.sessions.iter().filter(|session| !session.void);
    let sessions = ended.filter_map(|session| {
        Some(Stay {
            opener: of(session.id.0),
            venue: place(session.venue),
            entered: session.entered_at.timestamp(),
            left: session.left_at?.timestamp(),
            provenance: word(&session.provenance?).as_str()?.to_owned(),
            ended_by: word(&session.ended_by?).as_str()?.to_owned(),
            minutes: session.minutes,
        })
    });
    let open = folded.timeline.open.map(|open| OpenStay {
        opener: of(open.id.0),
        venue: place(open.venue),
        entered: open.entered_at.timestamp(),
    });
    let mut sessions: Vec<Stay> = sessions.collect();
    sessions.sort();
    let mut effects: Vec<_> = folded.effects.iter().map(|(id, e)| (of(id.0), *e)).collect();
    effects.sort_by(|one, other| one.0.cmp(&other.0));
    Answer { sessions, open, effects }
}

/// Runs the model; it must find all well. Gives what it printed.
fn run_model(words: &[&str], input: String) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/minutes_reference.py");
    let mut python = Command::new("python3")
        .arg(script)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference model needs python3 on the PATH: install it and run again");
    let mut pipe = python.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = python.wait_with_output().expect("python3 ends");
    writer.join().expect("no panic").expect("the model reads all cases");
    assert!(output.status.success(), "the reference model failed: {}", output.status);
    String::from_utf8(output.stdout).expect("JSON is UTF-8")
}

#[test]
fn twenty_thousand_random_histories_match_the_reference_model() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let town = town();
    let cases: Vec<Case> = (0..CASES).map(|_| random_case(&mut random)).collect();
    let lines: Vec<String> = cases.iter().map(|case| line(case, &town)).collect();
    // All cases in one process: one case a line in, one answer a line out.
    let answers = run_model(&["fold"], lines.join("\n"));
    assert_eq!(answers.lines().count(), CASES);
    let mut declared = [0, 0];
    for ((case, line), answer) in cases.iter().zip(&lines).zip(answers.lines()) {
        let mut want: Answer = serde_json::from_str(answer).expect("an answer of the model");
        want.sessions.sort();
        let folded = fold(&town, &case.events, &case.facts, case.now);
        let got = translated(case, &folded);
        assert_eq!(got.sessions, want.sessions, "{line}");
        assert_eq!(got.open, want.open, "{line}");
        assert_eq!(got.effects, want.effects, "{line}");
        let (open, tied) = declared_too_late(case, &folded);
        declared[0] += usize::from(open);
        declared[1] += usize::from(tied);
    }
    let often = declared.iter().all(|count| *count > CASES / 200);
    assert!(often, "declared past an open stay and past one of the same instant: {declared:?}");
}

#[test]
fn the_reference_model_keeps_its_own_laws() {
    let said = run_model(&["check", &CASES.to_string()], String::new());
    assert_eq!(said.trim(), format!("{CASES} random histories: all laws hold"));
}
