//! Devices whose events are fetched as a stream: one connection a device, held by one replica, made
//! again with growing pauses, and what was missed meanwhile asked for.

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
    hikvision::{event, routes::taken, stream::Splitter},
    intake::{Device, Intake},
    outward::{self, Silence},
};
use crate::{
    base::{error::Error, http::client, ids::TerminalId, lease},
    terminals::{
        Family, VendorTerminal,
        access::{self, Access, Called},
        ledger,
        links::{self, Contact},
    },
};

const PATH: &str = "/ISAPI/Event/notification/alertStream";
/// Between two looks for devices that nobody listens to.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Streams of one process.
const STREAMS_MAX: u64 = 200;
/// A replica that dies is followed after this; it says that it lives three times as often.
const LEASE: TimeDelta = TimeDelta::seconds(60);
const RENEW_EVERY: Duration = Duration::from_secs(20);
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
    for id in access::with_streams(db, Family::Hikvision, STREAMS_MAX, now).await? {
        let is_new = running.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if !is_new {
            continue;
        }
        let (intake, running) = (intake.clone(), running.clone());
        let (holder, stop) = (holder.to_owned(), stop.clone());
        intake.tasks.clone().spawn(async move {
            if let Err(error) = follow(&intake, id, &holder, &stop).await {
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
    id: TerminalId,
    holder: &str,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let name = format!("stream:{id}");
    let mut pause = PAUSE_MIN;
    while holds(intake, &name, holder).await? {
        let (db, now) = (&intake.state.db, intake.now());
        let Some(known) = links::by_id(db, Family::Hikvision, id).await? else { break };
        let access = access::of(db, &intake.state.keys, id, now).await?;
        let Some(access) = access.filter(|access| access.streams) else { break };
        let began = Instant::now();
        let heard = tokio::select! {
            () = stop.cancelled() => break,
            heard = listen(intake, &known, &access, (&name, holder)) => heard?,
        };
        let called = match heard {
            Ok(()) => Called::Well,
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

/// Reads one stream until it ends, or somebody else has the lease.
async fn listen(
    intake: &Intake,
    known: &VendorTerminal,
    access: &Access,
    (name, holder): (&str, &str),
) -> Result<Result<(), Silence>, Error> {
    let mut response = match connect(access).await {
        Ok(response) => response,
        Err(silence) => return Ok(Err(silence)),
    };
    catch_up(intake, known, access).await?;
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|text| text.to_str().ok()).unwrap_or_default();
    let mut splitter = Splitter::new(content_type);
    let mut renewals = tokio::time::interval(RENEW_EVERY);
    loop {
        let chunk = tokio::select! {
            _ = renewals.tick() => {
                if holds(intake, name, holder).await? {
                    continue;
                }
                return Ok(Ok(()));
            }
            chunk = response.chunk() => chunk,
        };
        let Ok(Some(chunk)) = chunk else { return Ok(Ok(())) };
        let Ok(bodies) = splitter.push(&chunk) else { return Ok(Ok(())) };
        let events = bodies.iter().map(|body| event::read(body)).collect();
        let contact = Contact { address: Some(access.address.ip()), ..Contact::default() };
        taken(intake, &Device::Claimed(Box::new(known.clone())), events, contact).await?;
    }
}

/// A device does not say again what it said to nobody: it is asked.
async fn catch_up(intake: &Intake, known: &VendorTerminal, access: &Access) -> Result<(), Error> {
    let now = intake.now();
    let newest = ledger::last_record_at(&intake.state.db, known.terminal.id).await?;
    let from = newest.map_or(now - FIRST_TIME, |at| at - OVERLAP);
    let told = outward::query(intake, known, access, (from, now)).await?;
    if !told.done {
        tracing::warn!(terminal = %known.terminal.id, "a device did not tell what was missed");
    }
    Ok(())
}

async fn connect(access: &Access) -> Result<reqwest::Response, Silence> {
    let client = client::streaming().map_err(|_| Silence::Away)?;
    let call = || client.get(format!("http://{}{PATH}", access.address));
    let first = call().send().await.map_err(|_| Silence::Away)?;
    let response = if first.status() == StatusCode::UNAUTHORIZED {
        let proof = outward::proof(access, &first, "GET", PATH).ok_or(Silence::Refused)?;
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
