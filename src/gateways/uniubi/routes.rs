//! Where these devices post: `/uniubi/{token}` once claimed, `/uniubi` before; below it heartbeats,
//! and those behind a router fetch tasks and say what became of them.

use axum::{
    Extension,
    extract::{Path, Request},
    response::Response,
    routing::post,
};
use utoipa_axum::router::OpenApiRouter;

use super::{callback, pulls};
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
        .route("/uniubi/{token}/task", post(task))
        .route("/uniubi/{token}/task-result", post(task_result))
}

/// Any 200 will do for a recognition; to one that fetches tasks it says that some wait.
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

/// What a device that lives wants to know.
#[derive(Clone, Copy)]
enum Ask {
    /// Whether a task waits.
    Waits,
    Task,
    /// It says what became of one, and asks whether another one waits.
    Result,
}

async fn heartbeat(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    pulled(&intake, &token, request, Ask::Waits).await
}

async fn task(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    pulled(&intake, &token, request, Ask::Task).await
}

async fn task_result(
    Extension(intake): Extension<Intake>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    pulled(&intake, &token, request, Ask::Result).await
}

async fn pulled(intake: &Intake, token: &str, request: Request, ask: Ask) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let device = intake.by_path_token(Family::Uniubi, token).await?;
        intake.take(&device, Vec::new(), post.contact).await?;
        let Some(known) = device.claimed() else { return Ok(NO_TASK.to_owned()) };
        if let Ask::Task = ask {
            return Ok(pulls::next(intake, known).await?.unwrap_or_else(|| NO_TASK.to_owned()));
        }
        if let Ask::Result = ask {
            pulls::take(intake, known, &post.body).await?;
        }
        let waits = pulls::waits(intake, known).await?;
        Ok(if waits { TAKEN } else { NO_TASK }.to_owned())
    };
    told.await.map_or_else(answer::refusal, answer::json)
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
