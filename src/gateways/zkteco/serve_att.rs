//! What attendance terminals are answered, request by request.

use axum::response::Response;

use super::{acc, att, config, routes::Asked};
use crate::{
    base::error::Error,
    gateways::{
        answer, facts,
        intake::{Device, Intake},
    },
    terminals::{self, pins, roster},
};

pub async fn reply(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    // At least one client makes its first request a POST.
    if asked.query.get("options").is_some() {
        intake.take(device, Vec::new(), asked.contact()).await?;
        let serial = asked.query.text("sn");
        return Ok(answer::text(config::attendance(serial, device.zone(), intake.now())));
    }
    if asked.table() == "RemoteAtt" {
        return person(intake, device, asked.query.text("pin")).await;
    }
    if asked.action == "cdata" && asked.is_post {
        return upload(intake, device, asked).await;
    }
    Ok(answer::text("OK"))
}

async fn upload(intake: &Intake, device: &Device, asked: &Asked) -> Result<Response, Error> {
    let mut contact = asked.contact();
    if asked.table() == "options" {
        contact.firmware = acc::firmware(&asked.body);
    }
    let (facts, rows) = att::table(asked.table(), &asked.body);
    intake.take(device, facts, contact).await?;
    let is_counted = match asked.table() {
        "ATTLOG" | "BIODATA" => true,
        "OPERLOG" => !att::has_pictures(&asked.body),
        _ => false,
    };
    Ok(answer::text(if is_counted { format!("OK: {rows}") } else { "OK".to_owned() }))
}

/// Somebody at a device that does not hold them, though another of ours may have told it to.
async fn person(intake: &Intake, device: &Device, pin: &str) -> Result<Response, Error> {
    let Some(known) = device.claimed().filter(|_| facts::is_name(pin)) else {
        return Ok(answer::text("OK"));
    };
    let db = &intake.state.db;
    let handle = pins::handle_of(db, known, pin).await?.unwrap_or_else(|| pin.to_owned());
    if !roster::holds(db, known.terminal.id, &handle).await? {
        return Ok(answer::text("OK"));
    }
    let name = terminals::name_for(db, known, &handle).await?;
    let line = format!(
        "DATA UPDATE USERINFO PIN={pin}\tName={name}\tPasswd=\tCard=\tGrp=1\t\
         TZ=0000000000000000\tPri=0\n"
    );
    Ok(answer::encoded(&line, known.names()))
}
