//! What access terminals are answered, request by request.

use axum::{http::StatusCode, response::Response};
use sha2::{Digest as _, Sha256};

use super::{acc, config, orders, routes::Asked, routes::settle_line, time};
use crate::{
    base::{error::Error, ids::Direction},
    entries::{DecisionKind, StoredDecision},
    gateways::{
        answer,
        intake::{Device, Intake},
        native,
    },
    terminals::{
        VendorTerminal,
        commands::{self, Order, Which},
        listings,
    },
};

/// Letters of a registry code; the protocol allows 32.
const CODE_LETTERS: usize = 10;

pub async fn reply(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let serial = asked.query.text("sn");
    let codes = Codes::of(intake, serial);
    match asked.action.as_str() {
        "registry" => {
            let mut contact = asked.contact();
            contact.firmware = acc::firmware(&asked.body);
            intake.take(device, Vec::new(), contact).await?;
            Ok(answer::text(format!("RegistryCode={}", codes.registry)))
        }
        "push" => Ok(answer::text(config::push(&codes.session))),
        "rtdata" => Ok(answer::text(server_time(intake, device))),
        "querydata" => answered(intake, device, asked).await,
        "cdata" if asked.query.get("authtype").is_some() => question(intake, device, asked).await,
        "cdata" if asked.is_post => upload(intake, device, asked).await,
        "cdata" => {
            intake.take(device, Vec::new(), asked.contact()).await?;
            let block = || config::registered(&codes.registry, &codes.session);
            Ok(answer::text(device.claimed().map_or_else(|| "OK".to_owned(), |_| block())))
        }
        _ => {
            if let Some(known) = device.claimed() {
                let contact = asked.contact();
                let now = intake.now();
                crate::terminals::links::contact(&intake.state.db, known, contact, now).await?;
            }
            Ok(answer::text("OK"))
        }
    }
}

/// What a device is called in this protocol: the same codes at every registration and from every
/// replica, and of no use for anything else.
struct Codes {
    registry: String,
    session: String,
}

impl Codes {
    fn of(intake: &Intake, serial: &str) -> Self {
        let secret = |domain| intake.state.keys.blind_index(domain, serial);
        let letters = secret("zkteco_registry");
        let letters = letters.chars().filter(char::is_ascii_alphanumeric).take(CODE_LETTERS);
        let session = hex::encode_upper(&Sha256::digest(secret("zkteco_session"))[..16]);
        Self { registry: letters.collect(), session }
    }
}

async fn upload(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let mut contact = asked.contact();
    let mut facts = Vec::new();
    let mut said = "OK".to_owned();
    match asked.table() {
        "rtlog" | "transaction" | "ACC_ATT_LOG" => facts = acc::events(&asked.body),
        "rtstate" => {
            let clock = acc::clock(&asked.body).map(crate::gateways::facts::When::Local);
            contact.clock = clock.map(|clock| clock.instant(device.zone()));
        }
        "tabledata" => {
            let name = table_name(asked);
            facts = acc::table(&name, &asked.body);
            if let Some(known) = device.claimed().filter(|_| name == "errorlog") {
                errors(intake, known, &asked.body).await?;
            }
            said = format!("{name}={}", count(asked));
        }
        "options" => contact.firmware = acc::firmware(&asked.body),
        // Somebody enrolled at the device, and other things of its own.
        _ => {}
    }
    intake.take(device, facts, contact).await?;
    Ok(answer::text(said))
}

/// The name as it was sent: a device looks for the very same. Letters only, since it is echoed.
fn table_name(asked: &Asked) -> String {
    let name = asked.query.text("tablename").chars();
    name.filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

/// The count as it was sent, else what came.
fn count(asked: &Asked) -> i64 {
    let came = crate::gateways::text::lines(&asked.body).count();
    asked.query.number("count").unwrap_or_else(|| i64::try_from(came).unwrap_or(i64::MAX))
}

/// The answer to a query of ours; it settles the command as well.
async fn answered(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let name = table_name(asked);
    let is_table = asked.query.text("type") == "tabledata";
    let facts = if is_table { acc::table(&name, &asked.body) } else { Vec::new() };
    intake.take(device, facts, asked.contact()).await?;
    let packets = (asked.query.number("packidx"), asked.query.number("packcnt"));
    let is_last = packets.0 == packets.1;
    if let Some(known) = device.claimed() {
        if is_table && name == "user" {
            listed(intake, known, asked, is_last).await?;
        }
        if is_last {
            settle_line(intake, known, asked.query.text("cmdid"), count(asked)).await?;
        }
    }
    Ok(answer::text(if is_table { format!("{name}={}", count(asked)) } else { "OK".to_owned() }))
}

/// A piece of the list of those whom the device holds, which we asked for.
async fn listed(
    intake: &Intake,
    known: &VendorTerminal,
    asked: &Asked,
    is_last: bool,
) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    let Some((number, _)) = orders::number_of(asked.query.text("cmdid")) else { return Ok(()) };
    let command = commands::by_number(db, known.terminal.id, number).await?;
    if command.is_none_or(|command| command.order != Order::ListPersons) {
        return Ok(());
    }
    listings::keep(db, known, number, acc::pins(&asked.body), now).await?;
    if is_last {
        listings::compare(db, known, number, now).await?;
    }
    Ok(())
}

/// Errors of commands, said after their results: a face that was taken and then not understood.
async fn errors(intake: &Intake, known: &VendorTerminal, body: &[u8]) -> Result<(), Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    for (line, code) in acc::errors_of_commands(body) {
        let Some((number, _)) = orders::number_of(&line) else { continue };
        let Some(result) = orders::bad_face(&code) else { continue };
        let command = commands::by_number(db, id, number).await?;
        if command.is_some_and(|command| matches!(command.order, Order::HoldPerson { .. })) {
            commands::settle(db, id, Which::Number(number), result, intake.now()).await?;
        }
    }
    Ok(())
}

fn server_time(intake: &Intake, device: &Device) -> String {
    let now = intake.now();
    let zone = config::zone_text(device.zone(), now);
    format!("DateTime={},ServerTZ={zone}", time::to_seconds(now.naive_utc()))
}

/// Somebody waits at the door, and the device leaves the decision to us.
async fn question(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let Some((seen, record)) = acc::question(&asked.body) else {
        return Ok(answer::status(StatusCode::OK, "AUTH=FAILED\r\n\r\n\r\nTIPS="));
    };
    let (stored, direction) = match device.claimed() {
        Some(known) => intake.decide(known, seen).await?,
        None => (None, Direction::In),
    };
    Ok(answer::text(verdict(stored.as_ref(), direction, &record)))
}

/// The answer to a question, with the sentence for the device's display.
fn verdict(stored: Option<&StoredDecision>, direction: Direction, record: &str) -> String {
    let decision = stored.map_or(DecisionKind::Refused, |stored| stored.decision);
    let reason = stored.and_then(|stored| stored.reason);
    let (word, control) = match decision {
        DecisionKind::Granted => {
            ("SUCCEED", format!("CONTROL DEVICE 01{:02X}010500", acc::door_of(record)))
        }
        DecisionKind::Refused | DecisionKind::Recorded => ("FAILED", String::new()),
    };
    let said = if word == "SUCCEED" { DecisionKind::Granted } else { DecisionKind::Refused };
    let (sentence, _) = native::sentences(said, reason, direction);
    format!("AUTH={word}\r\n{record}\r\n{control}\r\nTIPS={sentence}")
}
