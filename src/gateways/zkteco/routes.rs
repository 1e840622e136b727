//! `/iclock/…` as devices send it: GET or POST, with `.aspx` or without. Which of the two protocols
//! a device speaks is told by its claim, else by what it asks for.

use std::net::IpAddr;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Request},
    http::Method,
    response::{IntoResponse, Response},
    routing::any,
};
use utoipa_axum::router::OpenApiRouter;

use super::{acc, orders, results, serve_acc, serve_att};
use crate::{
    base::{
        error::{Code, Error},
        http::{body, peer::ClientAddr},
        state::State,
    },
    gateways::{
        answer,
        holders::{self, Holder},
        intake::{Device, Intake},
        outward::failed,
        text::Pairs,
    },
    terminals::{
        self, Family, Serial, VendorTerminal,
        commands::{self, Order, Which},
        links::{self, Contact},
        listings, roster,
    },
};

/// Commands of one poll, and bytes after which no other is begun: devices name packages of a few
/// hundred kilobytes and more.
const COMMANDS_MAX: usize = 20;
const ANSWER_BYTES: usize = 256 * 1024;

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().route("/iclock/{*path}", any(serve))
}

/// What a device asked.
pub struct Asked {
    /// The path behind `/iclock/`, without `.aspx`.
    pub action: String,
    pub query: Pairs,
    pub body: Bytes,
    pub is_post: bool,
    pub address: Option<IpAddr>,
}

impl Asked {
    pub fn table(&self) -> &str {
        self.query.text("table")
    }

    pub fn contact(&self) -> Contact {
        Contact { address: self.address, ..Contact::default() }
    }
}

async fn serve(
    Extension(intake): Extension<Intake>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let (parts, unread) = request.into_parts();
    let body = match body::read(unread).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let asked = Asked {
        action: path.trim_end_matches(".aspx").to_owned(),
        query: Pairs::of_query(parts.uri.query().unwrap_or_default()),
        body,
        is_post: parts.method == Method::POST,
        address: parts.extensions.get::<ClientAddr>().map(|client| client.0),
    };
    reply(&intake, &asked).await.unwrap_or_else(answer::refusal)
}

/// The paths that devices know; a 200 to another one leaves some firmware in a half-alive state.
const ACTIONS: [&str; 8] =
    ["cdata", "registry", "push", "ping", "getrequest", "devicecmd", "rtdata", "querydata"];

async fn reply(intake: &Intake, asked: &Asked) -> Result<Response, Error> {
    if !ACTIONS.contains(&asked.action.as_str()) && asked.action != "fdata" {
        return Err(Error::NotFound(Code::NotFound));
    }
    let serial = asked.query.text("sn");
    let family = family(intake, asked, serial).await?;
    let device = intake.by_serial(family, serial, asked.address).await?;
    match asked.action.as_str() {
        "getrequest" => poll(intake, &device, asked).await,
        "devicecmd" => settle(intake, &device, asked).await,
        _ if family == Family::ZktecoAtt => serve_att::reply(intake, &device, asked).await,
        _ => serve_acc::reply(intake, &device, asked).await,
    }
}

/// By the claim, by what was noted of the unclaimed device, else by what it asks for.
async fn family(intake: &Intake, asked: &Asked, serial: &str) -> Result<Family, Error> {
    let db = &intake.state.db;
    let serial = Serial::parse(serial).map_err(|code| Error::invalid("", code))?;
    for family in [Family::ZktecoAcc, Family::ZktecoAtt] {
        if links::by_serial(db, family, &serial.to_string()).await?.is_some() {
            return Ok(family);
        }
    }
    let sure = asked_for(asked);
    if let Some(family) = sure {
        return Ok(family);
    }
    let noted = terminals::is_unclaimed(db, Family::ZktecoAcc, &serial).await?;
    Ok(if noted { Family::ZktecoAcc } else { Family::ZktecoAtt })
}

/// The protocol that a request belongs to without doubt.
pub fn asked_for(asked: &Asked) -> Option<Family> {
    const ATT: [&str; 7] =
        ["ATTLOG", "OPERLOG", "ATTPHOTO", "BIODATA", "IDCARD", "ERRORLOG", "RemoteAtt"];
    let action = asked.action.as_str();
    let is_acc = ["push", "rtdata", "querydata", "registry"].contains(&action)
        || ["rtlog", "rtstate", "tabledata"].contains(&asked.table())
        || asked.query.get("devicetype") == Some("acc")
        || asked.query.get("authtype").is_some()
        || (action == "registry" && acc::is_access(&asked.body));
    if is_acc {
        return Some(Family::ZktecoAcc);
    }
    // Attendance firmware sends its language and a key with its first request, access firmware of
    // version 3 neither.
    let is_new = asked.query.text("pushver").starts_with('3')
        && asked.query.get("language").is_none()
        && asked.query.get("pushcommkey").is_none();
    if asked.query.get("options").is_some() && is_new {
        return Some(Family::ZktecoAcc);
    }
    (ATT.contains(&asked.table()) || asked.query.get("options").is_some())
        .then_some(Family::ZktecoAtt)
}

/// A poll: what waits for the device, or that nothing does.
async fn poll(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let Some(known) = device.claimed() else { return Ok(answer::text("OK")) };
    let (db, now) = (&intake.state.db, intake.now());
    let mut contact = asked.contact();
    if let Some(info) = asked.query.get("info") {
        (contact.firmware, contact.faces) = super::att::info(info);
    }
    links::contact(db, known, contact, now).await?;
    let mut lines = waiting(intake, known, asked.address).await?;
    if lines.is_empty() {
        roster::keep_up(db, &intake.caches, known, now).await?;
        lines = waiting(intake, known, asked.address).await?;
    }
    Ok(if lines.is_empty() { answer::text("OK") } else { answer::encoded(&lines, known.names()) })
}

/// The lines of the commands that wait, as many as fit into one answer; photos are large.
async fn waiting(
    intake: &Intake,
    known: &VendorTerminal,
    address: Option<IpAddr>,
) -> Result<String, Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    let zone = known.terminal.time_zone;
    let mut lines = String::new();
    for _ in 0..COMMANDS_MAX {
        let now = intake.now();
        let Some(command) = commands::take(db, id, 1, now).await?.pop() else { break };
        let holder = Holder::of(intake, known, &command.order, address).await?;
        let own = orders::lines(known.family, &command, holder.as_ref(), zone, now);
        if own.is_empty() {
            let which = Which::Number(command.number);
            commands::settle(db, id, which, failed(holders::WITHHELD), now).await?;
        }
        lines.push_str(&own);
        if lines.len() >= ANSWER_BYTES {
            break;
        }
    }
    Ok(lines)
}

/// What became of commands. An id that we never gave is somebody else's old one: there is nothing
/// to do about it, and no reason to be asked again.
async fn settle(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    if let Some(known) = device.claimed() {
        for result in results::results(&asked.query, &asked.body) {
            settle_line(intake, known, &result.id, result.code).await?;
        }
    }
    Ok(answer::text("OK"))
}

pub async fn settle_line(
    intake: &Intake,
    known: &VendorTerminal,
    id: &str,
    code: i64,
) -> Result<(), Error> {
    let (db, terminal) = (&intake.state.db, known.terminal.id);
    let Some((number, place)) = orders::number_of(id) else { return Ok(()) };
    let Some(command) = commands::by_number(db, terminal, number).await? else { return Ok(()) };
    let Some(result) = orders::verdict(known.family, &command.order, place, code) else {
        return Ok(());
    };
    if command.order == Order::ListPersons && code == 0 {
        let now = intake.now();
        let open = commands::fetched(db, terminal, "list_persons", now).await?;
        if open.iter().any(|one| one.number == number) {
            // It holds nobody, and sends no list of that.
            listings::compare(db, known, number, now).await?;
        }
    }
    commands::settle(db, terminal, Which::Number(number), result, intake.now()).await
}
