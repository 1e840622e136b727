//! Notices over HTTP: read by anyone, published by staff.
//!
//! | path | who |
//! | --- | --- |
//! | GET `/api/v1/notices` | anyone: what is published for a division or a venue |
//! | GET, POST `/api/v1/staff/notices` | staff: all of them; publish now or later |
//! | POST `/api/v1/staff/notices/{id}/withdrawal` | staff: take it back |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Kind, NewNotice, Notice, Place, Scope, State as NoticeState};
use crate::{
    base::{
        clock::Given,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, VenueId},
        page::{Limit, Page, Paging},
        state::State,
    },
    staff::StaffCaller,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_kept, publish))
        .routes(routes!(withdraw))
}

/// A notice.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
struct NoticeBody {
    id: Uuid,
    /// For everybody of this division; of a venue's notice, the venue's community.
    division: DivisionCode,
    venue_id: Option<Uuid>,
    venue: Option<String>,
    kind: Kind,
    #[schema(example = "游泳馆本周六闭馆检修")]
    title: String,
    body: String,
    publish_at: DateTime<Utc>,
    until: DateTime<Utc>,
    state: NoticeState,
}

impl From<Notice> for NoticeBody {
    fn from(notice: Notice) -> Self {
        let (venue_id, venue) = notice.venue.unzip();
        Self {
            id: notice.id,
            division: notice.division,
            venue_id,
            venue,
            kind: notice.kind,
            title: notice.title,
            body: notice.body,
            publish_at: notice.publish_at,
            until: notice.until,
            state: notice.state,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NoticeQuery {
    /// Notices of this division, of what it covers and of what covers it.
    division: Option<DivisionCode>,
    /// Notices of this venue and of the divisions around it.
    venue_id: Option<VenueId>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, with the same division or venue.
    cursor: Option<String>,
}

impl NoticeQuery {
    fn scope(&self) -> Result<Scope, Error> {
        match (&self.division, self.venue_id) {
            (Some(division), None) => Ok(Scope::Division(division.clone())),
            (None, Some(venue)) => Ok(Scope::Venue(venue)),
            (Some(_), Some(_)) | (None, None) => Err(Error::Malformed(Code::BadParameter)),
        }
    }
}

/// What is published now for a division or a venue, the latest first.
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(NoticeQuery),
    responses(
        (status = 200, body = Page<NoticeBody>),
        (status = 400, description = "`bad_parameter`: name either a division or a venue"),
    ))]
async fn list(
    Of(state): Of<State>,
    Query(query): Query<NoticeQuery>,
) -> Result<Json<Page<NoticeBody>>, Error> {
    let (scope, cursors, now) = (query.scope()?, state.keys.cursors(), state.clock.now());
    let list = cursors.list("notices");
    let before: Option<Place> = list.key_if_any(query.cursor.as_deref())?;
    let rows = query.limit.rows_to_read();
    let found = super::published(&state.db, &scope, before, rows, now).await?;
    let place = |notice: &Notice| (notice.publish_at, notice.id);
    Ok(Json(Page::cut(found, query.limit, &list, place, Into::into)))
}

/// Every notice of the caller's division, scheduled, published, over and withdrawn.
#[utoipa::path(get, path = "/api/v1/staff/notices", tag = "staff: community", params(Paging),
    responses((status = 200, body = Page<NoticeBody>)))]
async fn list_kept(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoticeBody>>, Error> {
    let (cursors, now) = (state.keys.cursors(), state.clock.now());
    let list = cursors.list("staff notices");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = paging.limit.rows_to_read();
    let found = super::kept(&state.db, &by, before, rows, now).await?;
    Ok(Json(Page::cut(found, paging.limit, &list, |notice| notice.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNotice)]
struct NewNoticeBody {
    /// For everybody of a division; or name a venue.
    division: Option<DivisionCode>,
    venue_id: Option<VenueId>,
    kind: Kind,
    /// 1 to 40 characters; a screen shows it.
    #[schema(example = "游泳馆本周六闭馆检修")]
    title: String,
    /// At most 2000 characters.
    #[serde(default)]
    body: String,
    /// At once when absent.
    publish_at: Option<Given>,
    /// Two weeks later when absent, a year at most.
    until: Option<Given>,
}

impl NewNoticeBody {
    fn into_notice(self) -> NewNotice {
        let Self { division, venue_id, kind, title, body, publish_at, until } = self;
        let (publish_at, until) = (publish_at.map(|at| at.0), until.map(|at| at.0));
        NewNotice { division, venue: venue_id, kind, title, body, publish_at, until }
    }
}

/// Publishes a notice, at once or later. Of a closure, whoever was at the venue in this month or the
/// one before is told by message, once it is published.
#[utoipa::path(
    post,
    path = "/api/v1/staff/notices",
    tag = "staff: community",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewNoticeBody,
    responses(
        (status = 201, description = "Published or scheduled", body = NoticeBody),
        (status = 404, description = "No such venue or division of the caller's"),
        (status = 422, description = "`bad_name`, `bad_time`, `required`, `invalid_value`"),
    ),
)]
async fn publish(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<NewNoticeBody>>,
) -> Result<Answer, Error> {
    let (new, now) = (body.into_notice(), state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let notice = super::publish(tx, &by, &new, now).await?;
            Ok((StatusCode::CREATED, NoticeBody::from(notice)))
        })
        .await
}

/// Takes a notice back: nobody reads it any more, and messages that wait are not sent.
#[utoipa::path(
    post,
    path = "/api/v1/staff/notices/{id}/withdrawal",
    tag = "staff: community",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "Withdrawn", body = NoticeBody),
        (status = 404, description = "None in the caller's division"),
    ),
)]
async fn withdraw(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let notice = super::withdraw(tx, &by, id, now).await?;
            Ok((StatusCode::OK, NoticeBody::from(notice)))
        })
        .await
}
