//! Calls of devices at their own addresses: with proof, with deadlines, behind a breaker, by one
//! replica at a time. A task carries out what staff ordered; no transaction waits for a device.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use futures_util::future::join_all;
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    calls::Call,
    dahua,
    digest::{Challenge, Login},
    hikvision, hq,
    intake::Intake,
    records, rosters, uniubi,
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
/// Answers of devices are small; a page of records has some hundred kilobytes.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How long a device stays with the replica that calls it, from call to call; a call ends sooner.
pub const CALLS_LEASE: TimeDelta = TimeDelta::seconds(60);

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

/// The lease of whoever talks to a device: these devices serve one client well and two badly.
pub fn lease_of(terminal: TerminalId) -> String {
    format!("device:{terminal}")
}

/// A way to one device.
pub struct Reach<'a> {
    pub intake: &'a Intake,
    pub terminal: TerminalId,
    family: Family,
    access: &'a Access,
    /// Who holds its lease; nobody where somebody at the door waits for this one call.
    holder: Option<&'a str>,
}

impl<'a> Reach<'a> {
    /// For whoever holds the device's lease, which every call prolongs.
    pub fn held(
        intake: &'a Intake,
        known: &VendorTerminal,
        access: &'a Access,
        holder: &'a str,
    ) -> Self {
        let (terminal, family) = (known.terminal.id, known.family);
        Self { intake, terminal, family, access, holder: Some(holder) }
    }

    /// For one call that cannot wait.
    pub fn once(
        intake: &'a Intake,
        (terminal, family): (TerminalId, Family),
        access: &'a Access,
    ) -> Self {
        Self { intake, terminal, family, access, holder: None }
    }

    /// Places a call and notes how it went; nothing where there was no answer.
    pub async fn place(&self, call: &Call) -> Result<Option<Answered>, Error> {
        let (db, now) = (&self.intake.state.db, self.intake.now());
        if let Some(holder) = self.holder
            && !lease::take(db, &lease_of(self.terminal), holder, now, now + CALLS_LEASE).await?
        {
            // We were too slow, and somebody else talks to it now.
            return Ok(None);
        }
        let answered = attempt(self.family, self.access, call).await;
        let called = match &answered {
            Ok(_) => Called::Well,
            Err(Silence::Refused) => Called::Refused,
            Err(Silence::Away) => Called::Away,
        };
        if called != Called::Well {
            tracing::warn!(terminal = %self.terminal, ?called, "a terminal could not be called");
        }
        access::note(db, self.terminal, called, self.intake.now()).await?;
        Ok(answered.ok())
    }
}

/// Carries out orders until `stop`.
pub async fn run(intake: Intake, stop: CancellationToken) {
    let holder = Uuid::now_v7().to_string();
    loop {
        if let Err(error) = round(&intake, &holder).await {
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
                rosters::keep_up(&intake, &holder).await?;
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

/// Orders of each terminal that has some, all terminals at once: a slow device holds no other one
/// up.
async fn round(intake: &Intake, holder: &str) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    let which = access::with_commands(db, TERMINALS_MAX, now).await?;
    let all = join_all(which.into_iter().map(|which| serve(intake, which, holder))).await;
    all.into_iter().collect()
}

/// One order at a time, and none any more as soon as the device is to be left alone; nothing while
/// another replica, or our own stream, talks to it.
async fn serve(intake: &Intake, which: (TerminalId, Family), holder: &str) -> Result<(), Error> {
    let (db, now, name) = (&intake.state.db, intake.now(), lease_of(which.0));
    if !lease::take(db, &name, holder, now, now + CALLS_LEASE).await? {
        return Ok(());
    }
    let told = orders(intake, which, holder).await;
    lease::give_back(db, &name, holder).await?;
    told
}

async fn orders(
    intake: &Intake,
    (id, family): (TerminalId, Family),
    holder: &str,
) -> Result<(), Error> {
    for _ in 0..ORDERS_MAX {
        let (db, now) = (&intake.state.db, intake.now());
        let access = access::of(db, &intake.state.keys, id, now).await?;
        let Some(access) = access else { return Ok(()) };
        let Some(command) = commands::take(db, id, 1, now).await?.pop() else { return Ok(()) };
        let result = match links::by_id(db, family, id).await? {
            Some(known) => {
                let reach = Reach::held(intake, &known, &access, holder);
                carry_out(&reach, &known, &command).await?
            }
            None => Some(failed("terminal revoked")),
        };
        match result {
            Some(result) => {
                let which = Which::Number(command.number);
                commands::settle(db, id, which, result, intake.now()).await?;
            }
            None => commands::put_back(db, id, command.number).await?,
        }
    }
    Ok(())
}

/// Carries an order out; nothing where the device did not answer and can be told once more.
async fn carry_out(
    reach: &Reach<'_>,
    known: &VendorTerminal,
    command: &Command,
) -> Result<Option<CommandResult>, Error> {
    let (zone, now) = (known.terminal.time_zone, reach.intake.now());
    let order = &command.order;
    match order {
        Order::HoldPerson { handle } => return rosters::hold(reach, known, handle).await,
        Order::RemovePerson { handle } => return rosters::remove(reach, known, handle).await,
        Order::QueryRecords { from, to } if records::are_listed(known.family) => {
            return records::query(reach, known, (*from, *to)).await;
        }
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::SyncTime
        | Order::QueryRecords { .. }
        | Order::ListPersons
        | Order::ServerDecides { .. } => {}
    }
    let call = match known.family {
        Family::Hikvision => hikvision::calls::of(order, zone, now),
        Family::Dahua => dahua::people::of(order, zone, now),
        Family::Uniubi => uniubi::calls::of(order, now),
        Family::Hq => hq::calls::of(order, &known.terminal.serial, zone, now),
        Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => None,
    };
    let Some(call) = call else {
        return Ok(Some(failed("not possible with this protocol")));
    };
    let answered = reach.place(&call).await?;
    if answered.is_none() && matches!(order, Order::SyncTime | Order::QueryRecords { .. }) {
        return Ok(None);
    }
    Ok(Some(answered.map_or_else(
        || failed("no answer"),
        |answered| CommandResult {
            done: answered.status.is_success() && is_well(known.family, &answered, order),
            code: Some(i64::from(answered.status.as_u16())),
            detail: None,
        },
    )))
}

/// Whether a device says, behind its status, that it did what it was told.
fn is_well(family: Family, answered: &Answered, order: &Order) -> bool {
    match family {
        Family::Uniubi => uniubi::calls::refusal(&answered.body, order).is_none(),
        Family::Hq => hq::calls::refusal(&answered.body).is_none(),
        Family::Dahua => !answered.body.trim_ascii_start().starts_with(b"Error"),
        Family::Hikvision | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => true,
    }
}

pub fn failed(why: &str) -> CommandResult {
    CommandResult { done: false, code: None, detail: Some(why.to_owned()) }
}

/// How a family wants to be shown who calls.
async fn attempt(family: Family, access: &Access, call: &Call) -> Result<Answered, Silence> {
    let password = access.password.expose_secret();
    match family {
        Family::Hq => {
            let login = BASE64_STANDARD.encode(format!("{}:{password}", access.user));
            let (answered, _) = send(access, call, Some(&format!("Basic {login}"))).await?;
            let is_refused = answered.status == StatusCode::UNAUTHORIZED;
            if is_refused { Err(Silence::Refused) } else { Ok(answered) }
        }
        Family::Uniubi => {
            let call = call.clone().with("pass", password);
            let (mut answered, _) = send(access, &call, None).await?;
            // Firmware differs in the method by which it is asked.
            if uniubi::calls::wants_other_method(&answered.body) {
                (answered, _) = send(access, &call.by_other_method(), None).await?;
            }
            let is_refused = uniubi::calls::is_shut(&answered.body);
            if is_refused { Err(Silence::Refused) } else { Ok(answered) }
        }
        Family::Hikvision
        | Family::Dahua
        | Family::ZktecoAcc
        | Family::ZktecoAtt
        | Family::Fcard => challenged(access, call).await,
    }
}

/// Asks once to be challenged, and once with the answer; never a third time.
async fn challenged(access: &Access, call: &Call) -> Result<Answered, Silence> {
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
