//! Screens for those who hang them up, below `/api/v1/staff`:
//!
//! | path | does |
//! | --- | --- |
//! | `GET /overview` | what a screen of the caller's division shows now |
//! | `GET, POST /screens` | the tokens of screens; makes one, shown once |
//! | `DELETE /screens/{id}` | ends a token: its screen goes dark |

use axum::{Extension, extract::State as Of, http::StatusCode, response::Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::answer;
use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::DivisionCode,
        page::{Page, Paging},
        state::State,
    },
    screen::{self, Hub, Label, TokenSeen, caller::Known, document::Document},
    staff::{Function, StaffCaller},
};

pub fn routes(hub: Hub) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(overview))
        .routes(routes!(list, add))
        .routes(routes!(revoke))
        .layer(Extension(hub))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OverviewQuery {
    /// The caller's own without it.
    division: Option<DivisionCode>,
}

/// What a screen of a division shows now: the same document, without a screen's token.
#[utoipa::path(
    get,
    path = "/api/v1/staff/overview",
    tag = "screens",
    params(OverviewQuery),
    responses(
        (status = 200, body = Document),
        (status = 304, description = "nothing but `as_of` changed"),
        (status = 404, description = "not in the caller's division"),
        (status = 503, description = "cannot be read now"),
    ),
)]
async fn overview(
    Extension(hub): Extension<Hub>,
    by: StaffCaller,
    Query(query): Query<OverviewQuery>,
    known: Known,
) -> Result<Response, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(Function::SeePlaces, &division)?;
    let built = hub.latest(&division).await?;
    Ok(answer(&built, &known))
}

/// A token: what it is for, never what it is.
#[derive(Serialize, ToSchema)]
#[schema(as = ScreenToken)]
struct TokenBody {
    id: Uuid,
    division: DivisionCode,
    label: String,
    created_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

impl From<TokenSeen> for TokenBody {
    fn from(token: TokenSeen) -> Self {
        let TokenSeen { id, division, label, created_at, revoked_at } = token;
        Self { id, division, label, created_at, revoked_at }
    }
}

/// The tokens of screens within the caller's division, the newest first, ended ones too.
#[utoipa::path(get, path = "/api/v1/staff/screens", tag = "screens", params(Paging),
    responses((status = 200, body = Page<TokenBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TokenBody>>, Error> {
    by.require(Function::SeePlaces, &by.division)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("screen tokens");
    let after: Option<Uuid> = list.key_if_any(paging.cursor.as_deref())?;
    let rows = paging.limit.rows_to_read();
    let rows = screen::listed(&state.db, &by.division, after, rows).await?;
    let key = |token: &TokenSeen| token.id;
    Ok(Json(Page::cut(rows, paging.limit, &list, key, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewScreenToken)]
struct AddBody {
    #[schema(example = "330499001001")]
    division: DivisionCode,
    /// Where the screen hangs; 1 to 64 characters.
    #[schema(value_type = String, example = "大厅")]
    label: Label,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ScreenTokenMade)]
struct AddedBody {
    id: Uuid,
    /// Shown once. The page of the screen is `/screen/{division}#token=…`.
    token: String,
}

/// Makes a token for a division's screens. It takes no `Idempotency-Key`, because stored answers
/// would hold the token; one too many is ended.
#[utoipa::path(
    post,
    path = "/api/v1/staff/screens",
    tag = "screens",
    request_body = AddBody,
    responses(
        (status = 201, description = "Made", body = AddedBody),
        (status = 403, description = "The role may not"),
        (status = 404, description = "Not in the caller's division"),
    ),
)]
async fn add(
    Of(state): Of<State>,
    by: StaffCaller,
    Json(AddBody { division, label }): Json<AddBody>,
) -> Result<(StatusCode, Json<AddedBody>), Error> {
    let added = screen::hang(&state.db, &by, &division, &label, state.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(AddedBody { id: added.id, token: added.token })))
}

/// Ends a token; ending it twice is no error. Its screens go dark within seconds.
#[utoipa::path(
    delete,
    path = "/api/v1/staff/screens/{id}",
    tag = "screens",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "Ended"),
        (status = 403, description = "The role may not"),
        (status = 404, description = "None in the caller's division"),
    ),
)]
async fn revoke(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    screen::take_down(&state.db, &by, id, state.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
