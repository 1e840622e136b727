//! Records of native terminals over HTTP.
//!
//! | path | what |
//! | --- | --- |
//! | POST `/api/v1/terminal/events` | up to 500 records that the terminal decided by itself |
//! | POST `/api/v1/terminal/decisions` | one live question, with a nonce |

use axum::{Extension, extract::State as Part};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{self, DecisionAnswer, EventsAnswer},
    batch,
    record::{Origin, Reading},
};
use crate::{
    base::{
        error::{Code, Error},
        http::json::Json,
        ids::TerminalId,
        state::State,
    },
    entries::{Answer, NewEntry, Recorder},
    terminals::{self, SignedBody},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(take_events)).routes(routes!(decide))
}

/// Takes a batch of records; answers after the commit, item by item.
#[utoipa::path(post, path = "/api/v1/terminal/events", tag = "terminal",
    responses((status = 200, body = EventsAnswer)))]
async fn take_events(
    Part(state): Part<State>,
    Extension(recorder): Extension<Recorder>,
    signed: SignedBody,
) -> Result<Json<EventsAnswer>, Error> {
    let readings = batch::read(&signed.body, &origin(&signed))?;
    let (entries, names) = answer::sort(readings);
    let answer = record(&state, &recorder, signed.caller.id, entries).await?;
    Ok(Json(EventsAnswer::new(names, answer)))
}

/// Decides whether somebody may enter now, and records it in the same call.
#[utoipa::path(post, path = "/api/v1/terminal/decisions", tag = "terminal",
    responses((status = 200, body = DecisionAnswer)))]
async fn decide(
    Part(state): Part<State>,
    Extension(recorder): Extension<Recorder>,
    signed: SignedBody,
) -> Result<Json<DecisionAnswer>, Error> {
    signed.caller.nonce()?;
    let entry = match batch::read_one(&signed.body, &origin(&signed))? {
        Reading::Entry(entry) => *entry,
        Reading::Nameless(_) => return Err(Error::invalid("/seq", Code::BadRecordId)),
    };
    let direction = entry.direction;
    let answer = record(&state, &recorder, signed.caller.id, vec![entry]).await?;
    DecisionAnswer::new(&answer, direction).map(Json).ok_or_else(nothing_recorded)
}

fn origin(signed: &SignedBody) -> Origin {
    Origin {
        terminal: signed.caller.id,
        time_zone: signed.caller.time_zone,
        received_at: signed.received_at,
    }
}

/// Records what can be recorded; where nothing can, the answer still says what has arrived.
async fn record(
    state: &State,
    recorder: &Recorder,
    terminal: TerminalId,
    entries: Vec<NewEntry>,
) -> Result<Answer, Error> {
    if !entries.is_empty() {
        return recorder.record(entries).await;
    }
    let progress = terminals::progress(&state.db, terminal).await?;
    Ok(Answer {
        items: Vec::new(),
        ack_through: progress.ack_through(),
        resend_from: progress.resend_from(),
    })
}

fn nothing_recorded() -> Error {
    Error::internal(anyhow::anyhow!("the recorder answered nothing about a record"))
}
