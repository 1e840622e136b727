//! The audit chain over HTTP.

use axum::extract::State as Of;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        clock::Given,
        error::Error,
        http::{json::Json, query::Query},
        page::{Limit, Page, Paging},
        state::State,
    },
    staff::{
        Function, StaffCaller,
        audit::{self, Filter, Kept, Row},
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(list_heads))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// `staff`, `members`, `terminals`, `minutes`, `work` …
    chain: Option<String>,
    /// `staff:<id>`; needed by whoever has less than a city.
    actor: Option<String>,
    /// `member:<id>`, `session:<id>` …
    object: Option<String>,
    act: Option<String>,
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<Given>,
    #[param(value_type = Option<DateTime<Utc>>)]
    to: Option<Given>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, with the same filter.
    cursor: Option<String>,
}

/// One deed.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRow)]
struct RowBody {
    chain: String,
    n: i64,
    at: DateTime<Utc>,
    actor: String,
    act: String,
    object: String,
    /// SHA-256 of what stood before and stands after.
    before_digest: Option<String>,
    after_digest: Option<String>,
    reason: Option<String>,
    /// Over the row and the hash of the one before it.
    hash: String,
}

impl From<Row> for RowBody {
    fn from(row: Row) -> Self {
        let Row { chain, n, at, actor, act, object, before_digest, after_digest, reason, hash } =
            row;
        Self { chain, n, at, actor, act, object, before_digest, after_digest, reason, hash }
    }
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/api/v1/staff/audit", tag = "staff: audit", params(AuditQuery),
    responses(
    (status = 200, body = Page<RowBody>),
    (status = 404, description = "The actor is nobody of the caller's division"),
    (status = 422, description = "`required`: the actor")))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<RowBody>>, Error> {
    let AuditQuery { chain, actor, object, act, from, to, limit, cursor } = query;
    let filter =
        Filter { chain, actor, object, act, from: from.map(|at| at.0), to: to.map(|at| at.0) };
    let (cursors, name) = (state.keys.cursors(), format!("audit {filter:?}"));
    let list = cursors.list(&name);
    let before = list.key_if_any(cursor.as_deref())?;
    let rows = audit::page(&state.db, &by, &filter, before, limit.rows_to_read()).await?;
    let key = |row: &Row| (row.at, row.chain.clone(), row.n);
    Ok(Json(Page::cut(rows, limit, &list, key, Into::into)))
}

/// The end of a chain on a day.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditHead)]
struct HeadBody {
    day: NaiveDate,
    chain: String,
    n: i64,
    hash: String,
    at: DateTime<Utc>,
}

impl From<Kept> for HeadBody {
    fn from(Kept { day, chain, n, hash, at }: Kept) -> Self {
        Self { day, chain, n, hash, at }
    }
}

/// The ends of the chains day by day, the newest first, to be kept elsewhere: a chain that is
/// rewritten later contradicts them.
#[utoipa::path(get, path = "/api/v1/staff/audit/heads", tag = "staff: audit", params(Paging),
    responses((status = 200, body = Page<HeadBody>)))]
async fn list_heads(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<HeadBody>>, Error> {
    by.require(Function::ReadAudit, &by.division)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("audit heads");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = audit::kept(&state.db, before, Some(paging.limit.rows_to_read())).await?;
    let key = |head: &Kept| (head.day, head.chain.clone());
    Ok(Json(Page::cut(rows, paging.limit, &list, key, Into::into)))
}
