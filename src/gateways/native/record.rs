//! One record of a native terminal: JSON text to entry. Pure. Whatever has a readable record id
//! becomes an entry, if need be a flawed one, so that its number is acknowledged and its text kept.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::de::DeserializeOwned;
use serde_json::{Number, value::RawValue};
use sha2::{Digest as _, Sha256};

use crate::{
    base::{
        clock,
        http::scan::{self, Bounds},
        ids::{Direction, Method, TerminalId},
    },
    entries::{NewEntry, Outcome},
};

const CREDENTIAL_BYTES_MAX: usize = 256;
/// What is kept of a record's text for the quarantine.
const RAW_BYTES_MAX: usize = 8 * 1024;
/// A record is one flat object of eight fields; integers are judged below, field by field.
const BOUNDS: Bounds = Bounds { depth: 2, items: 32, integer: u64::MAX, faults: 20 };

/// Who sent a record, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub terminal: TerminalId,
    /// In which a time without an offset is meant.
    pub time_zone: Tz,
    pub received_at: DateTime<Utc>,
}

/// Whether a terminal asks or tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Somebody waits at the door.
    Live,
    /// The terminal decided by itself.
    Told,
}

/// What could be made of a record.
pub enum Reading {
    Entry(Box<NewEntry>),
    /// Not even the record id could be read: nothing is kept and no key taken.
    Nameless(Nameless),
}

/// The parts of a record id that are numbers at all, and why it is none.
pub struct Nameless {
    pub epoch: Option<Number>,
    pub seq: Option<Number>,
    pub reason: &'static str,
}

impl Nameless {
    pub fn without_numbers(reason: &'static str) -> Self {
        Self { epoch: None, seq: None, reason }
    }
}

/// The fields of a record by name, each still text.
type Fields<'a> = HashMap<String, &'a RawValue>;

/// Reads one record.
pub fn read(text: &str, mode: Mode, origin: &Origin) -> Reading {
    let faults = scan::scan(text.as_bytes(), &BOUNDS);
    let Ok(mut fields) = serde_json::from_str::<Fields>(text) else {
        return Reading::Nameless(Nameless::without_numbers("malformed"));
    };
    let (epoch, seq) = match record_id(&fields) {
        Ok(id) => id,
        Err(nameless) => return Reading::Nameless(nameless),
    };
    let scanned = match &faults {
        Err(_) => Some("malformed"),
        Ok(faults) => faults.first().map(|fault| fault.code.as_str()),
    };
    let id_twice = faults.iter().flatten().any(|f| f.pointer == "/epoch" || f.pointer == "/seq");
    if id_twice {
        return Reading::Nameless(Nameless::without_numbers(scanned.unwrap_or("malformed")));
    }
    let outcome = outcome(fields.remove("outcome"), mode);
    let body = Body::read(&fields, origin);
    // What is wrong with a field says more than what is wrong with the text.
    let body = body.and_then(|body| scanned.map_or(Ok(body), Err));
    let judged = outcome.and_then(|outcome| body.map(|body| (outcome, body)));
    let entry = match judged {
        Ok((outcome, body)) => body.entry(epoch, seq, outcome, text, origin),
        Err(flaw) => flawed(&fields, (epoch, seq), flaw, text, origin),
    };
    Reading::Entry(Box::new(entry))
}

/// (epoch, seq): `epoch` from 0, `seq` from 1, both below 2^63.
fn record_id(fields: &Fields) -> Result<(i64, i64), Nameless> {
    let number = |name| fields.get(name).and_then(|raw| value::<Number>(raw));
    let (epoch, seq) = (number("epoch"), number("seq"));
    let within = |number: &Option<Number>, least: i64| {
        number.as_ref().and_then(Number::as_i64).filter(|n| *n >= least)
    };
    within(&epoch, 0).zip(within(&seq, 1)).ok_or_else(|| {
        let both = epoch.is_some() && seq.is_some();
        let reason = if both { "out_of_range" } else { "bad_record_id" };
        Nameless { epoch, seq, reason }
    })
}

fn value<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// What a terminal says became of the person; one that asks cannot know yet.
fn outcome(raw: Option<&RawValue>, mode: Mode) -> Result<Outcome, &'static str> {
    let text = raw.and_then(value::<Option<String>>);
    match (mode, text.as_ref().map(Option::as_deref)) {
        (Mode::Live, _) => Ok(Outcome::Live),
        (Mode::Told, Some(Some("opened"))) => Ok(Outcome::Opened),
        (Mode::Told, Some(Some("refused"))) => Ok(Outcome::Refused),
        (Mode::Told, Some(Some("unknown"))) => Ok(Outcome::Unknown),
        (Mode::Told, Some(_) | None) => Err("bad_outcome"),
    }
}

/// What a record says beside its id and outcome.
struct Body {
    device_time: DateTime<Utc>,
    direction: Direction,
    method: Method,
    credential: String,
    score: Option<f64>,
}

impl Body {
    fn read(fields: &Fields, origin: &Origin) -> Result<Self, &'static str> {
        const KNOWN: [&str; 7] =
            ["epoch", "seq", "device_time", "direction", "method", "credential", "score"];
        if fields.keys().any(|name| !KNOWN.contains(&name.as_str())) {
            return Err("unknown_field");
        }
        let field = |name| fields.get(name).copied();
        let time = field("device_time").and_then(value::<String>);
        let score = field("score").map_or(Some(None), value::<Option<f64>>);
        let credential = field("credential").and_then(value::<String>);
        Ok(Self {
            device_time: time
                .and_then(|text| instant(&text, origin.time_zone))
                .ok_or("bad_time")?,
            direction: field("direction").and_then(value).ok_or("bad_direction")?,
            method: field("method").and_then(value).ok_or("bad_method")?,
            credential: credential
                .filter(|text| (1..=CREDENTIAL_BYTES_MAX).contains(&text.len()))
                .ok_or("bad_credential")?,
            score: score
                .filter(|score| score.is_none_or(|score| (0.0..=1.0).contains(&score)))
                .ok_or("bad_score")?,
        })
    }

    fn entry(
        self,
        epoch: i64,
        seq: i64,
        outcome: Outcome,
        text: &str,
        origin: &Origin,
    ) -> NewEntry {
        let canonical = (
            epoch,
            seq,
            self.device_time.timestamp_millis(),
            self.direction,
            self.method,
            &self.credential,
            self.score,
        );
        NewEntry {
            terminal: origin.terminal,
            epoch,
            seq,
            vendor_key: None,
            held_as: self.method,
            body_hash: hash(&canonical),
            device_time: self.device_time,
            received_at: origin.received_at,
            direction: self.direction,
            method: self.method,
            credential: self.credential,
            score: self.score,
            outcome,
            raw: kept(text),
            flaw: None,
        }
    }
}

/// An entry of which only the record id means anything.
fn flawed(
    fields: &Fields,
    (epoch, seq): (i64, i64),
    flaw: &'static str,
    text: &str,
    origin: &Origin,
) -> NewEntry {
    let canonical: BTreeMap<&str, &str> =
        fields.iter().map(|(name, raw)| (name.as_str(), raw.get())).collect();
    NewEntry {
        terminal: origin.terminal,
        epoch,
        seq,
        vendor_key: None,
        held_as: Method::Manual,
        device_time: origin.received_at,
        received_at: origin.received_at,
        direction: Direction::In,
        method: Method::Manual,
        credential: String::new(),
        score: None,
        outcome: Outcome::Unknown,
        body_hash: hash(&canonical),
        raw: kept(text),
        flaw: Some(flaw),
    }
}

fn hash(canonical: &impl serde::Serialize) -> [u8; 32] {
    let text = serde_json::to_vec(canonical).expect("numbers and texts are always JSON");
    Sha256::digest(text).into()
}

fn kept(text: &str) -> String {
    text[..text.floor_char_boundary(RAW_BYTES_MAX)].to_owned()
}

/// An instant in RFC 3339, or a local time of `zone` without an offset. A leap second is the
/// second before it; a local time that was skipped is read by the clock before it.
fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(clock::cut(without_leap_second(at)?.to_utc()));
    }
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    let local = without_leap_second(local)?;
    // In a gap of an hour, the clock before it and an hour later the clock behind it agree.
    let later = local + TimeDelta::hours(1);
    let at = zone.from_local_datetime(&local).earliest();
    let at = at.or_else(|| zone.from_local_datetime(&later).earliest())?;
    Some(clock::cut(at.to_utc()))
}

fn without_leap_second<T: chrono::Timelike>(at: T) -> Option<T> {
    const SECOND_NANOS: u32 = 1_000_000_000;
    match at.nanosecond() {
        nanos @ SECOND_NANOS.. => at.with_nanosecond(nanos - SECOND_NANOS),
        _ => Some(at),
    }
}
