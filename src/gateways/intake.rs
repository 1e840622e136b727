//! The way of a vendor's facts: whose terminal it is, into the recorder or into quarantine, and only
//! then an answer. A device takes an answer for a promise, so there is none before the commit.

use std::{
    net::IpAddr,
    num::{NonZero, NonZeroU32},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::{
    dahua::numbers,
    facts::{Fact, Passed, Person, Seen, Unreadable},
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        http::limits::RateLimit,
        ids::{Direction, Method},
        state::State,
    },
    entries::{NewEntry, Outcome, Recorded, Recorder, StoredDecision, unclaimed},
    terminals::{
        self, Caches, Doorway, Family, Serial, VendorTerminal,
        ledger::{self, Came},
        links::{self, Contact},
        notices::{self, NewNotice},
        pins, roster,
    },
};

/// Facts of one submission to the recorder.
const SUBMISSION_MAX: usize = 500;
/// A record that is older than this when it comes was kept by the device for a while.
const KEPT_AFTER: TimeDelta = TimeDelta::minutes(10);
/// Requests a minute and at once from one device; a backlog comes in one record a request.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(1_200).expect("not zero");
const BURST: NonZeroU32 = NonZeroU32::new(600).expect("not zero");
/// The same from one address for terminals that nobody has claimed.
const UNCLAIMED_PER_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("not zero");
const UNCLAIMED_BURST: NonZeroU32 = NonZeroU32::new(240).expect("not zero");
/// Seconds after which an unclaimed terminal whose quarantine is full should come back.
const FULL_RETRY_S: u32 = 600;

/// What every protocol works with. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    pub state: State,
    pub recorder: Recorder,
    pub caches: Caches,
    /// Calls of devices that run on behind an answer.
    pub tasks: TaskTracker,
    limits: Arc<Limits>,
    /// Turns of those who send what they kept: half as many as there are processors, so that whoever
    /// stands at a live door finds one free, however many terminals come back at once.
    turns: Arc<Semaphore>,
}

struct Limits {
    devices: RateLimit,
    unclaimed: RateLimit,
}

/// Whose request it is.
#[derive(Clone, Debug)]
pub enum Device {
    Claimed(Box<VendorTerminal>),
    /// Nobody's yet: what it says waits in quarantine.
    Unclaimed {
        family: Family,
        serial: Serial,
    },
}

impl Device {
    pub fn claimed(&self) -> Option<&VendorTerminal> {
        match self {
            Device::Claimed(known) => Some(known),
            Device::Unclaimed { .. } => None,
        }
    }

    /// The zone of its wall clock; this country's as long as nobody has said where it hangs.
    pub fn zone(&self) -> chrono_tz::Tz {
        self.claimed().map_or(chrono_tz::Tz::Asia__Shanghai, |known| known.terminal.time_zone)
    }
}

impl Intake {
    pub fn new(state: State, recorder: Recorder, caches: Caches, tasks: TaskTracker) -> Self {
        let limits = Limits {
            devices: RateLimit::new(PER_MINUTE, BURST),
            unclaimed: RateLimit::new(UNCLAIMED_PER_MINUTE, UNCLAIMED_BURST),
        };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let turns = Arc::new(Semaphore::new((processors / 2).max(1)));
        Self { state, recorder, caches, tasks, limits: Arc::new(limits), turns }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.state.clock.now()
    }

    /// The device with this serial number, within its limits.
    ///
    /// # Errors
    /// `Invalid` for what cannot be a serial number; `TooMany` beyond the limits.
    pub async fn by_serial(
        &self,
        family: Family,
        serial: &str,
        address: Option<IpAddr>,
    ) -> Result<Device, Error> {
        let serial = Serial::parse(serial.trim()).map_err(|code| Error::invalid("", code))?;
        let known = links::by_serial(&self.state.db, family, &serial.to_string()).await?;
        match known {
            // One that carries a token must come by its own path.
            Some(known) if !known.has_path_token() => self.admit(known),
            other => {
                let from = address.map(|address| address.to_string()).unwrap_or_default();
                self.limits.unclaimed.check(from.as_bytes())?;
                if let Some(known) = other {
                    let id = known.terminal.id;
                    links::alarm(&self.state.db, id, "without_token", self.now()).await?;
                }
                Ok(Device::Unclaimed { family, serial })
            }
        }
    }

    /// The device to whose path this token belongs.
    ///
    /// # Errors
    /// `NotFound` for a token of nobody; `TooMany` beyond the limits.
    pub async fn by_path_token(&self, family: Family, token: &str) -> Result<Device, Error> {
        let known = links::by_path_token(&self.state.db, family, token, self.now()).await?;
        self.admit(known.ok_or(Error::NotFound(Code::NotFound))?)
    }

    /// The device whose path it is, if the body names that device and no other one. A body that
    /// names another is that other's, and nobody vouches for it: it waits, and an alarm is raised.
    ///
    /// # Errors
    /// `Unavailable` when the alarm cannot be kept.
    pub async fn own(&self, device: Device, named: &str) -> Result<Device, Error> {
        let Device::Claimed(known) = &device else { return Ok(device) };
        if named.is_empty() || *known.terminal.serial == *named {
            return Ok(device);
        }
        let Ok(serial) = Serial::parse(named) else { return Ok(device) };
        let id = known.terminal.id;
        links::alarm(&self.state.db, id, "wrong_terminal", self.now()).await?;
        Ok(Device::Unclaimed { family: known.family, serial })
    }

    fn admit(&self, known: VendorTerminal) -> Result<Device, Error> {
        self.limits.devices.check(known.terminal.id.0.as_bytes())?;
        Ok(Device::Claimed(Box::new(known)))
    }

    /// Takes what a request told. When it returns well, all of it is in SQL.
    ///
    /// # Errors
    /// `Unavailable` when nothing of it, or not all of it, could be kept: it must come again.
    pub async fn take(
        &self,
        device: &Device,
        facts: Vec<Fact>,
        mut contact: Contact,
    ) -> Result<(), Error> {
        let now = self.now();
        let zone = device.zone();
        let kept = |fact: &Fact| fact.when().is_some_and(|at| now - at.instant(zone) > KEPT_AFTER);
        contact.backlog = facts.iter().any(kept);
        // In their order; one that waits for too long is cut off like any request, and comes again.
        let turn = if contact.backlog { Some(self.turns.acquire().await) } else { None };
        let _turn = turn.transpose().map_err(Error::internal)?;
        match device {
            Device::Claimed(known) => {
                self.record(known, facts.into_iter().map(|fact| (fact, now))).await?;
                links::contact(&self.state.db, known, contact, now).await
            }
            Device::Unclaimed { family, serial } => self.park(*family, serial, facts, now).await,
        }
    }

    /// Records facts of a terminal in use: entries and unreadable rows by the recorder, in their
    /// order; notices beside them.
    pub async fn record(
        &self,
        known: &VendorTerminal,
        facts: impl IntoIterator<Item = (Fact, DateTime<Utc>)>,
    ) -> Result<(), Error> {
        let zone = known.terminal.time_zone;
        let mut entries = Vec::new();
        let mut said = Vec::new();
        let mut came = Vec::new();
        let facts: Vec<_> = facts.into_iter().collect();
        for (fact, received_at) in facts {
            if let Some(when) = fact.when() {
                came.push(Came { number: fact.number(known.family), at: when.instant(zone) });
            }
            match fact {
                Fact::Notice(notice) => said.push(NewNotice {
                    key: notice.key,
                    device_time: notice.when.map(|when| when.instant(zone)),
                    kind: notice.kind,
                    code: notice.code,
                    detail: notice.detail,
                }),
                Fact::Entry(seen) => {
                    let named = self.named(known, &seen).await?;
                    entries.push(entry(known, seen, named, None, received_at));
                }
                Fact::Unreadable(row) => entries.push(flawed(known, row, received_at)),
            }
        }
        if !said.is_empty() {
            let id = known.terminal.id;
            notices::note(&self.state.db, id, said, self.now()).await?;
        }
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            self.recorder.record(entries.by_ref().take(SUBMISSION_MAX).collect()).await?;
        }
        ledger::took(&self.state.db, known, &came, self.now()).await
    }

    /// Asks for a decision while somebody waits; nothing where there is none to give.
    pub async fn decide(
        &self,
        known: &VendorTerminal,
        seen: Seen,
    ) -> Result<(Option<StoredDecision>, Direction), Error> {
        let named = self.named(known, &seen).await?;
        let entry = entry(known, seen, named, Some(Outcome::Live), self.now());
        let direction = entry.direction;
        let answer = self.recorder.record(vec![entry]).await?;
        let stored = answer.items.into_iter().next().and_then(|recorded| match recorded {
            Recorded::Accepted(stored)
            | Recorded::Duplicate(stored)
            | Recorded::Quarantined(stored) => Some(stored),
            Recorded::Conflict | Recorded::Rejected(_) => None,
        });
        Ok((stored, direction))
    }

    /// The handle behind the number that a device knows a face by, where that is another one.
    async fn named(&self, known: &VendorTerminal, seen: &Seen) -> Result<Option<String>, Error> {
        let face = seen.person.as_ref().filter(|person| person.held_as == Method::Face);
        let Some(Person { handle, .. }) = face else { return Ok(None) };
        if known.family.takes_pins() {
            return pins::handle_of(&self.state.db, known, handle).await;
        }
        let beginning = numbers::beginning(handle).filter(|_| known.family == Family::Dahua);
        let Some(beginning) = beginning else { return Ok(None) };
        roster::handle_of(&self.state.db, &beginning).await
    }

    /// Keeps facts of a terminal that nobody has claimed, as many as it may leave here.
    async fn park(
        &self,
        family: Family,
        serial: &Serial,
        facts: Vec<Fact>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (family_word, serial_word) = (family.as_str(), serial.to_string());
        let tx = db::begin(&self.state.db).await?;
        let here = unclaimed::count(&tx, family_word, &serial_word).await?;
        let more = i64::try_from(facts.len()).unwrap_or(i64::MAX);
        if here.saturating_add(more) > unclaimed::RECORDS_MAX {
            return Err(Error::Unavailable(Code::Overloaded, FULL_RETRY_S));
        }
        let mut rows = Vec::with_capacity(facts.len());
        for fact in facts {
            let raw = serde_json::to_string(&fact).map_err(Error::internal)?;
            rows.push((fact.key().to_owned(), raw));
        }
        unclaimed::keep(&tx, &self.state.keys, family_word, &serial_word, rows, now).await?;
        let here = unclaimed::count(&tx, family_word, &serial_word).await?;
        terminals::note_unclaimed(&tx, family, serial, here, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records what a terminal sent before it was claimed, oldest first; gives how many rows.
    pub async fn release(&self, family: Family, serial: &str, by: &str) -> Result<u64, Error> {
        let mut released = 0;
        let Some(known) = links::by_serial(&self.state.db, family, serial).await? else {
            return Ok(released);
        };
        loop {
            let limit = SUBMISSION_MAX as u64;
            let rows = unclaimed::waiting(
                &self.state.db,
                &self.state.keys,
                family.as_str(),
                serial,
                limit,
            )
            .await?;
            if rows.is_empty() {
                return Ok(released);
            }
            let now = self.now();
            let facts: Vec<_> = rows
                .iter()
                .map(|row| {
                    // What we cannot read back ourselves is parked again, under its terminal now.
                    let fact = serde_json::from_str(&row.raw);
                    let fact = fact.unwrap_or_else(|_| Fact::unreadable(row.raw.as_bytes()));
                    (fact, row.received_at)
                })
                .collect();
            self.record(&known, facts).await?;
            let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
            unclaimed::resolve(&self.state.db, &ids, by, now).await?;
            released += ids.len() as u64;
        }
    }
}

/// An entry of what a device saw, of somebody whom we may know under another number than it says.
/// What the device said is what tells the record from others: we may have forgotten that other
/// number when it comes again.
fn entry(
    known: &VendorTerminal,
    seen: Seen,
    named: Option<String>,
    live: Option<Outcome>,
    received_at: DateTime<Utc>,
) -> NewEntry {
    let device_time = seen.when.instant(known.terminal.time_zone);
    let doorway = known.terminal.place_at(device_time).map(|place| place.doorway);
    let direction = match doorway {
        Some(Doorway::In) => Direction::In,
        Some(Doorway::Out) => Direction::Out,
        Some(Doorway::Both) | None => seen.direction.unwrap_or(Direction::In),
    };
    let (held_as, credential) =
        seen.person.map_or((Method::Face, String::new()), |who| (who.held_as, who.handle));
    let told = match seen.passed {
        Passed::Opened => Outcome::Opened,
        Passed::Refused => Outcome::Refused,
        Passed::Unknown => Outcome::Unknown,
    };
    let canonical =
        (&seen.key, device_time.timestamp_millis(), seen.direction, seen.method, &credential);
    let hashed = serde_json::to_vec(&canonical).expect("texts and numbers are always JSON");
    let raw = serde_json::json!({
        "key": seen.key, "time": device_time, "code": seen.code, "direction": seen.direction,
        "method": seen.method, "person": credential,
    });
    let credential = named.unwrap_or(credential);
    NewEntry {
        terminal: known.terminal.id,
        epoch: 0,
        seq: seen.order,
        vendor_key: Some(seen.key.into()),
        device_time,
        received_at,
        direction,
        method: seen.method,
        credential,
        held_as,
        score: None,
        outcome: live.unwrap_or(told),
        body_hash: Sha256::digest(hashed).into(),
        raw: raw.to_string(),
        flaw: None,
    }
}

/// An entry of which nothing but its bytes is known.
fn flawed(known: &VendorTerminal, row: Unreadable, received_at: DateTime<Utc>) -> NewEntry {
    NewEntry {
        terminal: known.terminal.id,
        epoch: 0,
        seq: 0,
        body_hash: Sha256::digest(&row.raw).into(),
        vendor_key: Some(row.key.into()),
        device_time: received_at,
        received_at,
        direction: Direction::In,
        method: Method::Manual,
        credential: String::new(),
        held_as: Method::Manual,
        score: None,
        outcome: Outcome::Unknown,
        raw: row.raw,
        flaw: Some("unreadable"),
    }
}
