//! Residents' own minutes, below `/api/v1/me`. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /minutes` | by day or month and provenance |
//! | `GET /sessions` | stay by stay, with why each minute counts |
//! | `POST /sessions/{id}/left` | says when one left, where nobody saw it |
//! | `POST /sessions/{id}/disputes` | says that something is not right |
//! | `GET /disputes` | what one has said is not right, and the answers |
//! | `GET /streak`, `GET /ranks` | days in a row; where one stands among those who want to be seen |

use std::collections::BTreeMap;

use axum::{Extension, extract::State as Of, http::StatusCode};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::own_json::{MinutesJson, PeriodJson, StayJson};
use crate::{
    base::{
        clock::cut,
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, SessionId},
        page::{Page, Paging},
        state::State,
    },
    members::{self, Resident, local_day},
    minutes::{
        declare,
        disputes::{
            self,
            answers::{self, Dispute},
        },
        months::month_of,
        own,
        ranks::{Boards, Ranked},
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_minutes))
        .routes(routes!(list_stays))
        .routes(routes!(say_left))
        .routes(routes!(dispute))
        .routes(routes!(list_disputes))
        .routes(routes!(show_streak))
        .routes(routes!(show_ranks))
        .layer(Extension(Boards::default()))
}

/// Days without `from` and `to`: today and the month before.
const USUAL_DAYS: u64 = 29;

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    #[default]
    Day,
    Month,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MinutesQuery {
    /// A business day; 29 days before `to` when absent.
    from: Option<NaiveDate>,
    /// A business day; today when absent. At most a year after `from`.
    to: Option<NaiveDate>,
    #[serde(default)]
    #[param(inline)]
    by: By,
}

/// The resident's minutes, by day or month and provenance.
#[utoipa::path(get, path = "/api/v1/me/minutes", tag = "residents", params(MinutesQuery),
    responses((status = 200, body = MinutesJson)))]
async fn show_minutes(
    Of(state): Of<State>,
    by: Resident,
    Query(query): Query<MinutesQuery>,
) -> Result<Json<MinutesJson>, Error> {
    let to = query.to.unwrap_or_else(|| local_day(state.clock.now()));
    let usual = || to.checked_sub_days(Days::new(USUAL_DAYS)).unwrap_or(to);
    let span = own::Span::new(query.from.unwrap_or_else(usual), to)?;
    let days = own::days(&state.db, by.id, span).await?;
    let total = own::sum(&days).into();
    Ok(Json(MinutesJson { items: periods(&days, query.by), total }))
}

fn periods(days: &[own::Day], by: By) -> Vec<PeriodJson> {
    let mut periods: BTreeMap<NaiveDate, Vec<own::Day>> = BTreeMap::new();
    for day in days {
        let from = match by {
            By::Day => day.day,
            By::Month => day.day.with_day(1).unwrap_or(day.day),
        };
        periods.entry(from).or_default().push(*day);
    }
    let periods = periods.into_iter();
    periods.map(|(from, days)| PeriodJson { from, figures: own::sum(&days).into() }).collect()
}

/// The resident's stays, the newest first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "residents", params(Paging),
    responses((status = 200, body = Page<StayJson>)))]
async fn list_stays(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<StayJson>>, Error> {
    let cursors = state.keys.cursors();
    let name = format!("stays of {}", by.id);
    let list = cursors.list(&name);
    let (limit, before) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let now = state.clock.now();
    let stays = own::stays(&state.db, by.id, before, limit.rows_to_read(), now).await?;
    let key = |stay: &own::Stay| (stay.row.entered_at, SessionId(stay.row.id));
    Ok(Json(Page::cut(stays, limit, &list, key, StayJson::from)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LeftAt)]
struct LeftBody {
    at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Declared)]
struct DeclaredJson {
    session_id: SessionId,
    left_at: DateTime<Utc>,
}

/// Says when one left, where nobody saw it.
#[utoipa::path(
    post,
    path = "/api/v1/me/sessions/{id}/left",
    tag = "residents",
    params(
        ("id" = SessionId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = LeftBody,
    responses(
        (status = 200, description = "Taken", body = DeclaredJson),
        (status = 404, description = "No stay of the caller's"),
        (status = 409, description = "`end_is_known`, `declared_too_late`"),
        (status = 422, description = "`outside_stay`"),
    ),
)]
async fn say_left(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<SessionId>,
    Command { stamp, body: Json(body) }: Command<Json<LeftBody>>,
) -> Result<Answer, Error> {
    let (now, left_at) = (state.clock.now(), cut(body.at));
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            declare::declare_left(tx, &state.keys, by.id, id, left_at, now).await?;
            Ok((StatusCode::OK, DeclaredJson { session_id: id, left_at }))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDispute)]
struct DisputeBody {
    /// What is not right, in 1 to 500 characters.
    text: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Dispute)]
struct DisputeJson {
    id: Uuid,
}

/// Says that something about a stay is not right; staff look into it. They read what WeChat has
/// judged: a text that it cannot judge now is held until it can.
#[utoipa::path(
    post,
    path = "/api/v1/me/sessions/{id}/disputes",
    tag = "residents",
    params(
        ("id" = SessionId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = DisputeBody,
    responses(
        (status = 201, description = "Taken", body = DisputeJson),
        (status = 404, description = "No stay of the caller's"),
        (status = 409, description = "`dispute_open`"),
        (status = 422, description = "`text_length`, `text_not_allowed`"),
    ),
)]
async fn dispute(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<SessionId>,
    Command { stamp, body: Json(body) }: Command<Json<DisputeBody>>,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let of = (by.id, id);
    let judge = async || disputes::judge(db, keys, &state.wechat, of, &body.text).await;
    stamp
        .once_after(db, &by.actor(), now, judge, async |tx, text| {
            let id = disputes::dispute(tx, keys, by.id, id, &text, now).await?;
            Ok((StatusCode::CREATED, DisputeJson { id }))
        })
        .await
}

/// Something that the resident said is not right, and what staff answered.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnDispute)]
struct OwnDisputeJson {
    id: Uuid,
    session_id: Uuid,
    text: String,
    created_at: DateTime<Utc>,
    /// Null while nobody has answered.
    answered_at: Option<DateTime<Utc>>,
    /// `accepted` or `rejected`.
    outcome: Option<String>,
    answer: Option<String>,
}

impl From<Dispute> for OwnDisputeJson {
    fn from(dispute: Dispute) -> Self {
        let Dispute { id, session, text, created_at, resolved_at, outcome, answer, .. } = dispute;
        let (session_id, answered_at) = (session, resolved_at);
        Self { id, session_id, text, created_at, answered_at, outcome, answer }
    }
}

/// What the resident has said is not right, the newest first, with the answers.
#[utoipa::path(get, path = "/api/v1/me/disputes", tag = "residents", params(Paging),
    responses((status = 200, body = Page<OwnDisputeJson>)))]
async fn list_disputes(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<OwnDisputeJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("own disputes");
    let (limit, before) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let rows = answers::own(&state.db, &state.keys, by.id, before, limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, limit, &list, |dispute| dispute.id, Into::into)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Streak)]
struct StreakJson {
    /// Days in a row up to today, or up to yesterday while today may still come.
    current_days: u32,
    longest_days: u32,
    active_today: bool,
    last_day: Option<NaiveDate>,
}

/// Days in a row with minutes.
#[utoipa::path(get, path = "/api/v1/me/streak", tag = "residents",
    responses((status = 200, body = StreakJson)))]
async fn show_streak(Of(state): Of<State>, by: Resident) -> Result<Json<StreakJson>, Error> {
    let today = local_day(state.clock.now());
    let own::Streak { current, longest, active_today, last_day } =
        own::streak(&state.db, by.id, today).await?;
    Ok(Json(StreakJson { current_days: current, longest_days: longest, active_today, last_day }))
}

/// How far around the resident's home a ranking looks.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    #[default]
    Community,
    Street,
    County,
    City,
}

impl Level {
    fn digits(self) -> usize {
        match self {
            Self::Community => 12,
            Self::Street => 9,
            Self::County => 6,
            Self::City => 4,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RanksQuery {
    #[serde(default)]
    #[param(inline)]
    level: Level,
    /// Any day of the month; this month when absent.
    month: Option<NaiveDate>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Ranks)]
struct RanksJson {
    division: DivisionCode,
    month: NaiveDate,
    /// The first fifty, masked; only those who want to be seen.
    items: Vec<RankedJson>,
    /// The resident's own place; null without minutes, or when they do not want to be seen.
    own: Option<OwnRank>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Ranked)]
struct RankedJson {
    rank: usize,
    #[schema(example = "张*")]
    name: String,
    minutes: i64,
    is_me: bool,
}

#[derive(Serialize, ToSchema)]
struct OwnRank {
    rank: i64,
    minutes: i64,
}

/// Where the resident stands this month among those who want to be seen.
#[utoipa::path(get, path = "/api/v1/me/ranks", tag = "residents", params(RanksQuery),
    responses((status = 200, body = RanksJson)))]
async fn show_ranks(
    Of(state): Of<State>,
    Extension(boards): Extension<Boards>,
    by: Resident,
    Query(query): Query<RanksQuery>,
) -> Result<Json<RanksJson>, Error> {
    let home = members::home_of(&state.db, by.id).await?;
    let division: DivisionCode =
        home.as_str()[..query.level.digits()].parse().map_err(Error::internal)?;
    let now = state.clock.now();
    let month = month_of(query.month.unwrap_or_else(|| local_day(now)));
    let ranks = boards.ranks(&state.db, by.id, &division, month, now).await?;
    let own = ranks.own.map(|(rank, minutes)| OwnRank { rank, minutes });
    Ok(Json(RanksJson { division, month, items: ranked(ranks.top, &by), own }))
}

/// Who has as many minutes has the same rank.
fn ranked(top: Vec<Ranked>, by: &Resident) -> Vec<RankedJson> {
    let mut items: Vec<RankedJson> = Vec::with_capacity(top.len());
    for (n, row) in top.into_iter().enumerate() {
        let Ranked { member_id, name, minutes } = row;
        let level = items.last().filter(|before| before.minutes == minutes);
        let rank = level.map_or(n + 1, |before| before.rank);
        items.push(RankedJson { rank, name, minutes, is_me: member_id == by.id.0 });
    }
    items
}
