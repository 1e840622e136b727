//! Where these devices post: `/uniubi/{token}` once claimed, `/uniubi` before; heartbeats below it.

use axum::{
    Extension,
    extract::{Path, Request},
    response::Response,
    routing::post,
};
use utoipa_axum::router::OpenApiRouter;

use super::callback;
use crate::{
    base::{error::Error, state::State},
    gateways::{answer, intake::Intake, post::Post},
    terminals::Family,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/uniubi", post(take_unclaimed))
        .route("/uniubi/{token}", post(take))
        .route("/uniubi/{token}/heartbeat", post(heartbeat))
}

/// Any 200 will do.
const TAKEN: &str = r#"{"result":true}"#;
/// There is no task to fetch.
const NO_TASK: &str = r#"{"result":false}"#;

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

async fn heartbeat(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let device = intake.by_path_token(Family::Uniubi, &token).await?;
        intake.take(&device, Vec::new(), post.contact).await
    };
    told.await.map_or_else(answer::refusal, |()| answer::json(NO_TASK))
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
    let callback = callback::read(&post.query, &post.body);
    let device = match token {
        Some(token) => intake.by_path_token(Family::Uniubi, token).await?,
        None => intake.by_serial(Family::Uniubi, &callback.serial, post.contact.address).await?,
    };
    let device = intake.own(device, &callback.serial).await?;
    intake.take(&device, vec![callback.fact], post.contact).await
}
