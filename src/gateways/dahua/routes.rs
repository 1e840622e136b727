//! Where these devices post: `/dahua/{token}` once claimed, `/notification` before. Somebody who
//! waits is answered in the same request.

use axum::{
    Extension,
    extract::{Path, Request},
    response::Response,
    routing::{any, post},
};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

use super::event;
use crate::{
    base::{error::Error, ids::Direction, state::State},
    entries::DecisionKind,
    gateways::{
        answer,
        facts::Fact,
        intake::{Device, Intake},
        native,
        post::Post,
    },
    terminals::Family,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/notification", post(take_unclaimed))
        .route("/dahua/{token}", post(take))
        .route("/dahua/{token}/keepalive", any(keepalive))
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

async fn keepalive(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let device = intake.by_path_token(Family::Dahua, &token).await?;
        intake.take(&device, Vec::new(), post.contact).await
    };
    told.await.map_or_else(answer::refusal, |()| answer::json("{}"))
}

async fn serve(intake: &Intake, token: Option<&str>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    reply(intake, token, post).await.map_or_else(answer::refusal, answer::json)
}

async fn reply(intake: &Intake, token: Option<&str>, post: Post) -> Result<String, Error> {
    let read = event::read(&post.content_type, &post.body);
    let device = match token {
        Some(token) => intake.by_path_token(Family::Dahua, token).await?,
        None => intake.by_serial(Family::Dahua, &read.serial, post.contact.address).await?,
    };
    let device = intake.own(device, &read.serial).await?;
    let mut facts = read.facts;
    let mut told = "{}".to_owned();
    if let Some(seen) = read.question {
        told = match &device {
            Device::Claimed(known) => {
                let (stored, direction) = intake.decide(known, seen).await?;
                verdict(stored.as_ref(), direction)
            }
            Device::Unclaimed { .. } => {
                facts.push(Fact::Entry(seen));
                verdict(None, Direction::In)
            }
        };
    }
    intake.take(&device, facts, post.contact).await?;
    Ok(told)
}

fn verdict(stored: Option<&crate::entries::StoredDecision>, direction: Direction) -> String {
    let granted = stored.is_some_and(|stored| stored.decision == DecisionKind::Granted);
    let said = if granted { DecisionKind::Granted } else { DecisionKind::Refused };
    let (sentence, _) = native::sentences(said, stored.and_then(|s| s.reason), direction);
    json!({ "message": sentence, "code": "200", "auth": granted.to_string() }).to_string()
}
