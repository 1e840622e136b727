//! Many members' rows as a file, below `/api/v1/staff`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /member-exports` | asks for the rows of a division, which somebody else approves |
//! | `GET /member-exports/{id}` | hands them out as CSV to whoever asked |

use std::sync::Arc;

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State as Of,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Path},
        idempotency::{Answer, Command},
        ids::DivisionCode,
        state::State,
    },
    members::{self, Export, What},
    staff::StaffCaller,
};

/// Exports that one process hands out at once; each holds a page in memory.
const AT_ONCE: usize = 2;
/// When to come back while as many are running.
const RETRY_S: u32 = 60;

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(ask))
        .routes(routes!(download))
        .layer(Extension(Arc::new(Semaphore::new(AT_ONCE))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMemberExport)]
struct AskBody {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
    /// What is not to be masked; nothing when absent.
    #[serde(default)]
    clear: Vec<What>,
    /// Why, in 1 to 200 characters; whoever approves reads it.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MemberExport)]
struct AskedBody {
    /// The request that somebody else has to approve.
    id: Uuid,
}

/// Asks for the rows of a division's members.
#[utoipa::path(post, path = "/api/v1/staff/member-exports", tag = "members",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = AskBody, responses(
        (status = 201, description = "Asked; somebody else has to approve", body = AskedBody),
        (status = 403, description = "The caller's role does not include it"),
        (status = 404, description = "The division is not the caller's"),
        (status = 422, description = "`reason_length`"),
    ))]
async fn ask(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<AskBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let AskBody { division, clear, reason } = body;
    let division = division.unwrap_or_else(|| by.division.clone());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = members::ask_export(tx, &by, division, clear, &reason, now).await?;
            Ok((StatusCode::CREATED, AskedBody { id }))
        })
        .await
}

/// Hands out the rows of an approved export to whoever asked, within a day of the approval. Each
/// person can read that their row left; each row has a watermark of the export.
#[utoipa::path(get, path = "/api/v1/staff/member-exports/{id}", tag = "members",
    params(("id" = Uuid, Path)), responses(
        (status = 200, description = "CSV in UTF-8 with a byte order mark, without formulas",
            content_type = "text/csv", body = String),
        (status = 401, description = "`confirmation_required`: give both factors again"),
        (status = 403, description = "`decision_required`: not approved, or too long ago"),
        (status = 404, description = "No request of the caller's"),
        (status = 429, description = "`exports_running`: two are running"),
    ))]
async fn download(
    Of(state): Of<State>,
    by: StaffCaller,
    Extension(turns): Extension<Arc<Semaphore>>,
    Path(id): Path<Uuid>,
) -> Result<Response, Error> {
    let running = |_| Error::TooMany(Code::ExportsRunning, RETRY_S);
    let turn = turns.try_acquire_owned().map_err(running)?;
    let export = members::begin_export(&state.db, &by, id, state.clock.now()).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", export.file_name())),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let head = Bytes::from(export.head());
    let pages = stream::try_unfold((state, export, turn), next);
    let all = futures_util::StreamExt::chain(stream::iter([Ok(head)]), pages);
    Ok((headers, Body::from_stream(all)).into_response())
}

/// What is at hand while pages are read; the turn is given back at the end.
type Running = (State, Export, tokio::sync::OwnedSemaphorePermit);

async fn next((state, mut export, turn): Running) -> Result<Option<(Bytes, Running)>, Error> {
    let page = export.next_page(&state.db, &state.keys).await?;
    Ok(page.map(|lines| (lines.into(), (state, export, turn))))
}
