//! Where these devices post: `/hikvision/{token}` once claimed, `/hikvision` before. Any answer with
//! status 200 stops a device from sending an event again.

use axum::{
    Extension,
    extract::{Path, Request},
    response::Response,
    routing::post,
};
use utoipa_axum::router::OpenApiRouter;

use super::{
    calls,
    event::{self, Event, What},
};
use crate::{
    base::{
        error::Error,
        ids::{Direction, TerminalId},
        state::State,
    },
    entries::{DecisionKind, StoredDecision},
    gateways::{
        answer,
        calls::Call,
        facts::Fact,
        intake::{Device, Intake},
        multipart, native,
        outward::Reach,
        post::Post,
    },
    terminals::{Family, access, links::Contact},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/hikvision", post(take_unclaimed))
        .route("/hikvision/{token}", post(take))
}

async fn take(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    serve(&intake, Some(&token), request).await
}

async fn take_unclaimed(Extension(intake): Extension<Intake>, request: Request) -> Response {
    serve(&intake, None, request).await
}

async fn serve(intake: &Intake, token: Option<&str>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = reply(intake, token, events(&post.content_type, &post.body), post.contact).await;
    told.map_or_else(answer::refusal, |()| answer::json("{}"))
}

/// The events of a body: alone, or the parts that are no pictures.
pub fn events(content_type: &str, body: &[u8]) -> Vec<Event> {
    let boundary = multipart::boundary(content_type);
    let parts = multipart::parts(boundary, body);
    if parts.is_empty() {
        return vec![event::read(body)];
    }
    let texts = parts.iter().filter(|part| !part.is_picture());
    texts.map(|part| event::read(part.body)).collect()
}

async fn reply(
    intake: &Intake,
    token: Option<&str>,
    events: Vec<Event>,
    contact: Contact,
) -> Result<(), Error> {
    let named = events.iter().map(|event| event.serial.as_str()).find(|s| !s.is_empty());
    let named = named.unwrap_or_default();
    let device = match token {
        Some(token) => intake.by_path_token(Family::Hikvision, token).await?,
        None => intake.by_serial(Family::Hikvision, named, contact.address).await?,
    };
    let device = intake.own(device, named).await?;
    taken(intake, &device, events, contact).await
}

/// Takes a device's events, and answers what it asks.
pub async fn taken(
    intake: &Intake,
    device: &Device,
    events: Vec<Event>,
    mut contact: Contact,
) -> Result<(), Error> {
    let mut facts = Vec::new();
    let mut questions = Vec::new();
    for event in events {
        match event.what {
            What::Heartbeat(clock) => contact.clock = clock.map(|at| at.instant(device.zone())),
            What::Fact(fact) => facts.push(fact),
            What::Question(seen, number) => questions.push((seen, number)),
        }
    }
    for (seen, number) in questions {
        match device {
            Device::Claimed(known) => {
                let (stored, direction) = intake.decide(known, seen).await?;
                let call = checked(number, stored.as_ref(), direction);
                answer_question(intake, known.terminal.id, call);
            }
            Device::Unclaimed { .. } => facts.push(Fact::Entry(seen)),
        }
    }
    intake.take(device, facts, contact).await
}

fn checked(number: i64, stored: Option<&StoredDecision>, direction: Direction) -> Call {
    let granted = stored.is_some_and(|stored| stored.decision == DecisionKind::Granted);
    let said = if granted { DecisionKind::Granted } else { DecisionKind::Refused };
    let (sentence, _) = native::sentences(said, stored.and_then(|s| s.reason), direction);
    calls::checked(number, granted, sentence)
}

/// The device takes our answer in a call of its own, and only once its event has been taken.
fn answer_question(intake: &Intake, terminal: TerminalId, call: Call) {
    let intake = intake.clone();
    intake.tasks.clone().spawn(async move {
        let (db, keys) = (&intake.state.db, &intake.state.keys);
        let told = match access::of(db, keys, terminal, intake.now()).await {
            Ok(Some(access)) => {
                let reach = Reach::once(&intake, (terminal, Family::Hikvision), &access);
                reach.place(&call).await.map(|_| ())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(%terminal, %error, "a terminal's question was not answered");
        }
    });
}
