//! Calls of devices at their own addresses: by digest, with deadlines, behind a breaker. A task
//! carries out what staff ordered; no transaction waits for a device.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    digest::{Challenge, Login},
    hikvision::calls::{self, Call},
    hikvision::event,
    intake::Intake,
    rosters,
};
use crate::{
    base::{error::Error, http::client, ids::TerminalId, lease},
    terminals::{
        Family, VendorTerminal,
        access::{self, Access, Called},
        commands::{self, Command, CommandResult, Order, Which},
        links,
    },
};

/// Between two looks at whom devices should hold; a lease outlasts six.
const ROSTERS_EVERY: Duration = Duration::from_secs(5);
const ROSTERS_LEASE: TimeDelta = TimeDelta::seconds(30);
/// Between two looks for orders.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Orders of one terminal in one round, so that others do not wait long.
const ORDERS_MAX: usize = 20;
/// Terminals called in one round.
const TERMINALS_MAX: u64 = 20;
/// Answers of devices are small; a page of records has some ten kilobytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Pages of one query: more records than a device keeps of a week.
const PAGES_MAX: u32 = 400;

/// What a device answered.
pub struct Answered {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    Refused,
    Away,
}

/// Carries out orders until `stop`.
pub async fn run(intake: Intake, stop: CancellationToken) {
    loop {
        if let Err(error) = round(&intake).await {
            tracing::warn!(%error, "orders could not be carried out; they are tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Keeps rosters of devices that are called, until `stop`; one replica does.
pub async fn keep_rosters(intake: Intake, stop: CancellationToken) {
    let holder = Uuid::now_v7().to_string();
    loop {
        let (db, now) = (&intake.state.db, intake.now());
        let told = async {
            if lease::take(db, "rosters", &holder, now, now + ROSTERS_LEASE).await? {
                rosters::keep_up(&intake).await?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = told.await {
            tracing::warn!(%error, "rosters could not be kept; they are looked at again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROSTERS_EVERY) => {}
        }
    }
}

/// One order of each terminal, all at once: a slow device holds no other one up.
async fn round(intake: &Intake) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    let ids = access::with_commands(db, Family::Hikvision, TERMINALS_MAX, now).await?;
    let all = join_all(ids.into_iter().map(|id| serve(intake, id))).await;
    all.into_iter().collect()
}

/// These devices serve one client well and two badly: one order at a time, and none any more as
/// soon as the device is to be left alone.
async fn serve(intake: &Intake, id: TerminalId) -> Result<(), Error> {
    for _ in 0..ORDERS_MAX {
        let (db, now) = (&intake.state.db, intake.now());
        let access = access::of(db, &intake.state.keys, id, now).await?;
        let Some(access) = access else { return Ok(()) };
        let Some(command) = commands::take(db, id, 1, now).await?.pop() else { return Ok(()) };
        let result = carry_out(intake, id, &access, &command).await?;
        let which = Which::Number(command.number);
        commands::settle(db, id, which, result, intake.now()).await?;
    }
    Ok(())
}

async fn carry_out(
    intake: &Intake,
    id: TerminalId,
    access: &Access,
    command: &Command,
) -> Result<CommandResult, Error> {
    let Some(known) = links::by_id(&intake.state.db, Family::Hikvision, id).await? else {
        return Ok(failed("terminal revoked"));
    };
    if let Order::QueryRecords { from, to } = command.order {
        return query(intake, &known, access, (from, to)).await;
    }
    match &command.order {
        Order::HoldPerson { handle } => {
            return rosters::hold(intake, &known, access, handle).await;
        }
        Order::RemovePerson { handle } => {
            return rosters::remove(intake, &known, access, handle).await;
        }
        Order::OpenDoor { .. } | Order::Restart | Order::SyncTime | Order::QueryRecords { .. } => {}
    }
    let zone = known.terminal.time_zone;
    let Some(call) = calls::of(&command.order, zone, intake.now()) else {
        return Ok(failed("not possible with this protocol"));
    };
    Ok(match place(intake, id, access, &call).await? {
        Some(answered) => CommandResult {
            done: answered.status.is_success(),
            code: Some(i64::from(answered.status.as_u16())),
            detail: None,
        },
        None => failed("no answer"),
    })
}

fn failed(why: &str) -> CommandResult {
    CommandResult { done: false, code: None, detail: Some(why.to_owned()) }
}

/// Fetches the records of a time, page by page, and records them like any others.
pub async fn query(
    intake: &Intake,
    known: &VendorTerminal,
    access: &Access,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<CommandResult, Error> {
    let (id, zone) = (known.terminal.id, known.terminal.time_zone);
    let search = Uuid::now_v7().to_string();
    let mut position = 0;
    for _ in 0..PAGES_MAX {
        let call = calls::page(&search, position, from, to, zone);
        let answered = place(intake, id, access, &call).await?;
        let Some(page) = answered.as_ref().and_then(|answered| event::listed(&answered.body))
        else {
            return Ok(failed("no list of records"));
        };
        let now = intake.now();
        position += u32::try_from(page.facts.len()).unwrap_or(u32::MAX);
        let is_last = !page.more || page.facts.is_empty();
        intake.record(known, page.facts.into_iter().map(|fact| (fact, now))).await?;
        if is_last {
            break;
        }
    }
    Ok(CommandResult { done: true, code: Some(i64::from(position)), detail: None })
}

/// Places a call and notes how it went; nothing where there was no answer.
pub async fn place(
    intake: &Intake,
    terminal: TerminalId,
    access: &Access,
    call: &Call,
) -> Result<Option<Answered>, Error> {
    let answered = attempt(access, call).await;
    let called = match &answered {
        Ok(_) => Called::Well,
        Err(Silence::Refused) => Called::Refused,
        Err(Silence::Away) => Called::Away,
    };
    if called != Called::Well {
        tracing::warn!(%terminal, ?called, "a terminal could not be called");
    }
    access::note(&intake.state.db, terminal, called, intake.now()).await?;
    Ok(answered.ok())
}

/// Asks once to be challenged, and once with the answer; never a third time.
async fn attempt(access: &Access, call: &Call) -> Result<Answered, Silence> {
    let (answered, challenge) = send(access, call, None).await?;
    if answered.status != StatusCode::UNAUTHORIZED {
        return Ok(answered);
    }
    let challenge = challenge.ok_or(Silence::Refused)?;
    let proof = answer(access, &challenge, call.method, &call.path);
    let (answered, _) = send(access, call, Some(&proof)).await?;
    let is_refused = answered.status == StatusCode::UNAUTHORIZED;
    if is_refused { Err(Silence::Refused) } else { Ok(answered) }
}

/// The answer to the challenge in a response; none where there is none that we can answer.
pub fn proof(
    access: &Access,
    response: &reqwest::Response,
    method: &str,
    path: &str,
) -> Option<HeaderValue> {
    let challenge = response.headers().get(header::WWW_AUTHENTICATE)?.to_str().ok()?;
    let text = answer(access, &Challenge::read(challenge)?, method, path);
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn answer(access: &Access, challenge: &Challenge, method: &str, path: &str) -> String {
    let login = Login { user: &access.user, password: access.password.expose_secret() };
    let own_nonce = Uuid::new_v4().simple().to_string();
    challenge.answer(login, method, path, &own_nonce)
}

async fn send(
    access: &Access,
    call: &Call,
    proof: Option<&str>,
) -> Result<(Answered, Option<Challenge>), Silence> {
    let client = client::client().map_err(|_| Silence::Away)?;
    let method = call.method.parse().map_err(|_| Silence::Away)?;
    let mut request = client
        .request(method, format!("http://{}{}", access.address, call.path))
        .header(header::CONTENT_TYPE, call.content_type)
        .body(call.body.clone());
    if let Some(proof) = proof {
        let mut value = HeaderValue::from_str(proof).map_err(|_| Silence::Refused)?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    let mut response = request.send().await.map_err(|_| Silence::Away)?;
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.and_then(|text| text.to_str().ok()).and_then(Challenge::read);
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Silence::Away)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Silence::Away);
        }
    }
    Ok((Answered { status, body }, challenge))
}
