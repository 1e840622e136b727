//! Devices whose events are fetched as a stream: one connection a device, held by one replica, made
//! again with growing pauses, and what was missed meanwhile asked for.
//!
//! Dahua's take no other call while somebody listens. There the stream is held under the lease of
//! those who call, is given up as soon as an order waits, and is not begun again before it is done.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    dahua,
    hikvision::{event, routes::taken},
    intake::{Device, Intake},
    outward::{self, Reach, Silence, lease_of},
    records,
    stream::Splitter,
};
use crate::{
    base::{error::Error, http::client, ids::TerminalId, lease},
    terminals::{
        Family, VendorTerminal,
        access::{self, Access, Called},
        commands, comparison, ledger,
        links::{self, Contact},
    },
};

/// Where a family streams, and what stands between the parts if it says nothing.
struct Source {
    path: &'static str,
    boundary: &'static str,
    /// The lease under which it is heard.
    lease: fn(TerminalId) -> String,
    /// Calls and a stream do not go together.
    is_alone: bool,
}

const HIKVISION: Source = Source {
    path: "/ISAPI/Event/notification/alertStream",
    boundary: "MIME_boundary",
    lease: |id| format!("stream:{id}"),
    is_alone: false,
};

/// The device says every five seconds that it lives.
const DAHUA: Source = Source {
    path: "/cgi-bin/snapManager.cgi?action=attachFileProc&Flags[0]=Event&Events=[AccessControl]\
           &heartbeat=5",
    boundary: "myboundary",
    lease: lease_of,
    is_alone: true,
};

fn source(family: Family) -> &'static Source {
    match family {
        Family::Dahua => &DAHUA,
        Family::Hikvision
        | Family::ZktecoAcc
        | Family::ZktecoAtt
        | Family::Fcard
        | Family::Uniubi
        | Family::Hq => &HIKVISION,
    }
}

/// Between two looks for devices that nobody listens to.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Streams of one process.
const STREAMS_MAX: u64 = 200;
/// A replica that dies is followed after this; it says that it lives three times as often.
const LEASE: TimeDelta = TimeDelta::seconds(60);
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Between two looks whether a device that is listened to is wanted for something else; the nightly
/// comparison takes it away at most once in so long.
const WANTED_EVERY: Duration = Duration::from_secs(2);
const COMPARED_AFTER: Duration = Duration::from_hours(1);
/// Pauses before a stream that ended is begun again; one that lasted makes the next short again.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// What is asked for again when a stream begins: what came since the newest record, and a little
/// before it; of a device without any, a day.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
const FIRST_TIME: TimeDelta = TimeDelta::days(1);

type Running = Arc<Mutex<HashSet<TerminalId>>>;

/// Listens to every device that is to be listened to, until `stop`.
pub async fn run(intake: Intake, stop: CancellationToken) {
    let running = Running::default();
    let holder = Uuid::now_v7().to_string();
    loop {
        if let Err(error) = look(&intake, &running, &holder, &stop).await {
            tracing::warn!(%error, "devices with streams could not be looked for");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(
    intake: &Intake,
    running: &Running,
    holder: &str,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    for (id, family) in access::with_streams(db, STREAMS_MAX, now).await? {
        let is_new = running.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if !is_new {
            continue;
        }
        let (intake, running) = (intake.clone(), running.clone());
        let (holder, stop) = (holder.to_owned(), stop.clone());
        intake.tasks.clone().spawn(async move {
            if let Err(error) = follow(&intake, (id, family), &holder, &stop).await {
                tracing::warn!(terminal = %id, %error, "a stream broke; it is begun again");
            }
            running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }
    Ok(())
}

/// Listens to one device for as long as this replica holds its lease and it may be called.
async fn follow(
    intake: &Intake,
    (id, family): (TerminalId, Family),
    holder: &str,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let source = source(family);
    let name = (source.lease)(id);
    let mut pause = PAUSE_MIN;
    while holds(intake, &name, holder).await? {
        let (db, now) = (&intake.state.db, intake.now());
        let Some(known) = links::by_id(db, family, id).await? else { break };
        let access = access::of(db, &intake.state.keys, id, now).await?;
        let Some(access) = access.filter(|access| access.streams) else { break };
        if source.is_alone && commands::press(db, id, now).await? {
            break;
        }
        let began = Instant::now();
        let ear = Ear { intake, known: &known, access: &access, source, name: &name, holder };
        let heard = tokio::select! {
            () = stop.cancelled() => break,
            heard = ear.listen() => heard?,
        };
        let called = match heard {
            Ok(Ended::ByItself) => Called::Well,
            // Whoever waits gets the device now, and this one looks for it again later.
            Ok(Ended::GivenUp) => break,
            Err(Silence::Refused) => Called::Refused,
            Err(Silence::Away) => Called::Away,
        };
        access::note(db, id, called, intake.now()).await?;
        pause = if began.elapsed() > PAUSE_MAX { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    lease::give_back(&intake.state.db, &name, holder).await?;
    Ok(())
}

async fn holds(intake: &Intake, name: &str, holder: &str) -> Result<bool, Error> {
    let now = intake.now();
    Ok(lease::take(&intake.state.db, name, holder, now, now + LEASE).await?)
}

/// Why nobody listens any more, where nothing is wrong.
enum Ended {
    ByItself,
    GivenUp,
}

/// One device that is listened to.
struct Ear<'a> {
    intake: &'a Intake,
    known: &'a VendorTerminal,
    access: &'a Access,
    source: &'static Source,
    name: &'a str,
    holder: &'a str,
}

impl Ear<'_> {
    /// Reads one stream until it ends, somebody else has the lease, or somebody waits for the
    /// device.
    async fn listen(&self) -> Result<Result<Ended, Silence>, Error> {
        // Where calls and a stream do not go together, what was missed is asked for first.
        if self.source.is_alone {
            self.catch_up().await?;
        }
        let mut response = match self.connect().await {
            Ok(response) => response,
            Err(silence) => return Ok(Err(silence)),
        };
        if !self.source.is_alone {
            self.catch_up().await?;
        }
        let began = Instant::now();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|text| text.to_str().ok()).unwrap_or_default();
        let mut splitter = Splitter::new(content_type, self.source.boundary);
        let mut renewals = tokio::time::interval(RENEW_EVERY);
        let mut looks = tokio::time::interval(WANTED_EVERY);
        loop {
            let chunk = tokio::select! {
                _ = renewals.tick() => {
                    if holds(self.intake, self.name, self.holder).await? {
                        continue;
                    }
                    return Ok(Ok(Ended::ByItself));
                }
                _ = looks.tick(), if self.source.is_alone => {
                    if self.is_wanted(began).await? {
                        return Ok(Ok(Ended::GivenUp));
                    }
                    continue;
                }
                chunk = response.chunk() => chunk,
            };
            let Ok(Some(chunk)) = chunk else { return Ok(Ok(Ended::ByItself)) };
            let Ok(bodies) = splitter.push(&chunk) else { return Ok(Ok(Ended::ByItself)) };
            self.take(&bodies).await?;
        }
    }

    async fn is_wanted(&self, began: Instant) -> Result<bool, Error> {
        let (db, now) = (&self.intake.state.db, self.intake.now());
        if commands::press(db, self.known.terminal.id, now).await? {
            return Ok(true);
        }
        Ok(began.elapsed() > COMPARED_AFTER
            && self.known.keeps_roster()
            && comparison::is_due(db, self.known, now).await?)
    }

    async fn take(&self, bodies: &[Vec<u8>]) -> Result<(), Error> {
        let device = Device::Claimed(Box::new(self.known.clone()));
        let contact = Contact { address: Some(self.access.address.ip()), ..Contact::default() };
        if self.known.family == Family::Dahua {
            let facts = bodies.iter().flat_map(|body| dahua::event::streamed(body).facts);
            return self.intake.take(&device, facts.collect(), contact).await;
        }
        let events = bodies.iter().map(|body| event::read(body)).collect();
        taken(self.intake, &device, events, contact).await
    }

    /// A device does not say again what it said to nobody: it is asked.
    async fn catch_up(&self) -> Result<(), Error> {
        let (intake, id) = (self.intake, self.known.terminal.id);
        let now = intake.now();
        let newest = ledger::last_record_at(&intake.state.db, id).await?;
        let from = newest.map_or(now - FIRST_TIME, |at| at - OVERLAP);
        let reach = if self.source.is_alone {
            Reach::held(intake, self.known, self.access, self.holder)
        } else {
            Reach::once(intake, (id, self.known.family), self.access)
        };
        let told = records::query(&reach, self.known, (from, now)).await?;
        if !told.is_some_and(|told| told.done) {
            tracing::warn!(terminal = %id, "a device did not tell what was missed");
        }
        Ok(())
    }

    async fn connect(&self) -> Result<reqwest::Response, Silence> {
        let client = client::streaming().map_err(|_| Silence::Away)?;
        let path = self.source.path;
        let call = || client.get(format!("http://{}{path}", self.access.address));
        let first = call().send().await.map_err(|_| Silence::Away)?;
        let response = if first.status() == StatusCode::UNAUTHORIZED {
            let proof = outward::proof(self.access, &first, "GET", path).ok_or(Silence::Refused)?;
            call().header(header::AUTHORIZATION, proof).send().await.map_err(|_| Silence::Away)?
        } else {
            first
        };
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED => Err(Silence::Refused),
            // A session that nobody has ended keeps the next one out for a while.
            _ => Err(Silence::Away),
        }
    }
}
