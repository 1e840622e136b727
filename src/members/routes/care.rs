//! Finding members and looking after them at the desk, below `/api/v1/staff`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /members/search` | finds members by what was shown, or lists a division's |
//! | `POST /members/{id}/verification` | the desk has seen document and person together |
//! | `POST /members/{id}/suspension`, `POST /members/{id}/reinstatement` | doors refuse, or admit again |
//! | `POST /members/{id}/desk-code` | lends a code for a keypad |
//! | `POST /members/{id}/unmaskings` | asks to see a name or number in the clear |
//! | `GET /unmaskings/{id}` | shows it, once approved, to whoever asked |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{after, bodies::MemberBody};
use crate::{
    base::{
        clock::Given,
        db,
        documents::{Document, RawDocument},
        error::Error,
        http::{json::Json, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, MemberId},
        page::{Limit, Page},
        state::State,
        text::Phone,
    },
    members::{self, Found, Status, Unmasked, Verification, Wanted, What},
    staff::StaffCaller,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(verify))
        .routes(routes!(suspend))
        .routes(routes!(reinstate))
        .routes(routes!(lend_code))
        .routes(routes!(ask_unmasking))
        .routes(routes!(reveal))
}

/// What is looked for stands in the body, since addresses end up in logs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberSearch)]
struct SearchBody {
    #[schema(value_type = Option<RawDocument>)]
    document: Option<Document>,
    #[schema(value_type = Option<String>, example = "13900000000")]
    phone: Option<Phone>,
    /// A name, or one as it is shown.
    #[schema(example = "张*")]
    name: Option<String>,
    status: Option<Status>,
    /// The caller's division when absent.
    division: Option<DivisionCode>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A member as a list shows them.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundMember)]
struct FoundBody {
    id: Uuid,
    /// Masked; of a child only the star.
    #[schema(example = "张*")]
    name: String,
    home_community: String,
    status: Status,
    verification: Verification,
    birth_year: Option<i32>,
    registered_at: DateTime<Utc>,
}

impl From<Found> for FoundBody {
    fn from(found: Found) -> Self {
        let (status, verification) = found.standing();
        let Found { id, name, home_community, birth_year, registered_at, .. } = found;
        Self { id, name, home_community, status, verification, birth_year, registered_at }
    }
}

/// Finds members by document, phone or name, or lists those of a division, masked.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/search",
    tag = "members",
    request_body = SearchBody,
    responses(
        (status = 200, description = "Whoever fits", body = Page<FoundBody>),
        (status = 404, description = "The division is not the caller's"),
    ),
)]
async fn search(
    Of(state): Of<State>,
    by: StaffCaller,
    Json(body): Json<SearchBody>,
) -> Result<Json<Page<FoundBody>>, Error> {
    let SearchBody { document, phone, name, status, division, limit, cursor } = body;
    let cursors = state.keys.cursors();
    let list = cursors.list("members");
    let after = list.key_if_any(cursor.as_deref())?;
    let wanted = Wanted { document, phone, name, status, within: division };
    let (tx, now) = (db::begin(&state.db).await?, state.clock.now());
    let rows = limit.rows_to_read();
    let found = members::search(&tx, &state.keys, &by, &wanted, after, rows, now).await?;
    tx.commit().await?;
    let key = |found: &Found| (found.home_community.clone(), found.id);
    Ok(Json(Page::cut(found, limit, &list, key, Into::into)))
}

/// The desk has seen document and person together.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/verification",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "Verified", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
    ),
)]
async fn verify(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::verify_at_desk(tx, &by, id, now).await?;
            let body = after(&state, tx, &by, id, now).await?;
            Ok((StatusCode::OK, body))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Because)]
struct ReasonBody {
    /// Why, in 1 to 200 characters; enters the audit chain.
    reason: String,
}

/// Lets doors refuse a member.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/suspension",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "Suspended", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 409, description = "`conflict`: suspended already"),
    ),
)]
async fn suspend(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<ReasonBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::suspend(tx, &by, id, &body.reason, now).await?;
            let body = after(&state, tx, &by, id, now).await?;
            Ok((StatusCode::OK, body))
        })
        .await
}

/// Lets doors admit a suspended member again.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/reinstatement",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ReasonBody,
    responses(
        (status = 200, description = "Reinstated", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 409, description = "`conflict`: not suspended"),
    ),
)]
async fn reinstate(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<ReasonBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::reinstate(tx, &by, id, &body.reason, now).await?;
            let body = after(&state, tx, &by, id, now).await?;
            Ok((StatusCode::OK, body))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDeskCode)]
struct CodeBody {
    /// At most a day from now; four hours when absent.
    valid_to: Option<Given>,
}

/// A code for a keypad.
#[derive(Serialize, ToSchema)]
#[schema(as = DeskCode)]
struct CodeView {
    /// Shown once.
    #[schema(example = "04711081")]
    code: String,
    valid_to: DateTime<Utc>,
}

/// Lends a member a code for a keypad. It takes no `Idempotency-Key`, because stored answers would
/// hold the code: asking again lends another, and the one before opens nothing any more.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/desk-code",
    tag = "members",
    params(("id" = MemberId, Path)),
    request_body = CodeBody,
    responses(
        (status = 201, description = "The code, shown once", body = CodeView),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 422, description = "`bad_time`: past, or more than a day ahead"),
    ),
)]
async fn lend_code(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Json(body): Json<CodeBody>,
) -> Result<(StatusCode, Json<CodeView>), Error> {
    let (tx, valid_to) = (db::begin(&state.db).await?, body.valid_to.map(|at| at.0));
    let lent = members::lend_code(&tx, &by, id, valid_to, state.clock.now()).await?;
    tx.commit().await?;
    let members::DeskCode { code, valid_to } = lent;
    Ok((StatusCode::CREATED, Json(CodeView { code, valid_to })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUnmasking)]
struct UnmaskBody {
    what: What,
    /// Why, in 1 to 200 characters; enters the audit chain.
    reason: String,
}

/// A request to see something in the clear.
#[derive(Serialize, ToSchema)]
#[schema(as = Unmasking)]
struct UnmaskingBody {
    id: Uuid,
    /// Somebody else has to approve it first.
    waits: bool,
}

/// Asks to see a name or number in the clear. An ID number, and whatever is a child's, waits for
/// somebody else's approval.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/unmaskings",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = UnmaskBody,
    responses(
        (status = 201, description = "Asked", body = UnmaskingBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 422, description = "`reason_length`"),
    ),
)]
async fn ask_unmasking(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<UnmaskBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let asked = (body.what, body.reason.as_str());
            let (id, waits) = members::ask_unmasking(tx, &state.keys, &by, id, asked, now).await?;
            Ok((StatusCode::CREATED, UnmaskingBody { id, waits }))
        })
        .await
}

/// Something in the clear.
#[derive(Serialize, ToSchema)]
#[schema(as = Unmasked)]
struct UnmaskedBody {
    member_id: MemberId,
    what: What,
    /// Null where the member gave none.
    value: Option<String>,
    /// A name as it was written on registration, where other dots or apostrophes stood in it.
    written: Option<String>,
}

/// Shows what an approved request asked for, to whoever asked, within a day. The member can read
/// that it was seen.
#[utoipa::path(
    get,
    path = "/api/v1/staff/unmaskings/{id}",
    tag = "members",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "In the clear", body = UnmaskedBody),
        (status = 401, description = "`confirmation_required`: give both factors again"),
        (status = 403, description = "`decision_required`: not approved, or too long ago"),
        (status = 404, description = "No request of the caller's"),
    ),
)]
async fn reveal(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<Json<UnmaskedBody>, Error> {
    let now = state.clock.now();
    let Unmasked { member, what, value, written } =
        members::reveal(&state.db, &state.keys, &by, id, now).await?;
    Ok(Json(UnmaskedBody { member_id: member, what, value, written }))
}
