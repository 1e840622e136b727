//! Where these devices push: `/hq/{token}/…` once claimed, `/Subscribe/…` before. An answer without
//! this very code is taken for none, and the push comes again.

use axum::{
    Extension,
    extract::{Path, Request},
    response::Response,
    routing::post,
};
use utoipa_axum::router::OpenApiRouter;

use super::push::{self, What};
use crate::{
    base::{error::Error, state::State},
    gateways::{answer, intake::Intake, post::Post},
    terminals::Family,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/hq/{token}/{topic}", post(take))
        .route("/Subscribe/{topic}", post(take_unclaimed))
}

const TAKEN: &str = r#"{"code":200,"desc":"OK"}"#;

async fn take(
    Extension(intake): Extension<Intake>,
    Path((token, _topic)): Path<(String, String)>,
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
    let told = reply(intake, token, post).await;
    told.map_or_else(answer::refusal, |()| answer::json(TAKEN))
}

async fn reply(intake: &Intake, token: Option<&str>, post: Post) -> Result<(), Error> {
    let push = push::read(&post.body);
    let device = match token {
        Some(token) => intake.by_path_token(Family::Hq, token).await?,
        None => intake.by_serial(Family::Hq, &push.serial, post.contact.address).await?,
    };
    let device = intake.own(device, &push.serial).await?;
    let mut contact = post.contact;
    let facts = match push.what {
        What::Heartbeat(clock) => {
            contact.clock = clock.map(|clock| clock.instant(device.zone()));
            Vec::new()
        }
        What::Fact(fact) => vec![fact],
    };
    intake.take(&device, facts, contact).await
}
