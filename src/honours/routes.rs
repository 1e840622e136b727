//! Honours and points over HTTP. Without `--points on` all paths of points answer 404.
//!
//! | path | does |
//! | --- | --- |
//! | GET `/api/v1/honours` | a year's honours in a county; masked names only |
//! | GET `/api/v1/me/points` | the resident's balance and ledger |
//! | PUT `/api/v1/staff/venues/{id}/points-partner` | whether points are taken there |
//! | POST `/api/v1/staff/venues/{id}/redemptions` | spends points of whoever shows their code |
//! | POST `/api/v1/staff/redemptions/{id}/reversal` | gives them back, once |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Decided, Honour, Kind, points};
use crate::{
    base::{
        config::Points,
        db,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, VenueId},
        page::{Page, Paging},
        state::State,
    },
    members::Resident,
    staff::{Function, StaffCaller},
    venues,
};

/// What hangs on a wall anyway.
pub fn open_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_honours))
}

/// What residents see of their points.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_points))
}

/// What staff do with points.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(set_partner))
        .routes(routes!(redeem))
        .routes(routes!(reverse))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HonoursQuery {
    /// A county or district, 6 digits.
    division: DivisionCode,
    year: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Honours)]
struct HonoursJson {
    division: DivisionCode,
    year: i32,
    /// The version of the rules.
    rules: i32,
    /// Rows that came later were not looked at.
    as_of: DateTime<Utc>,
    /// SHA-256 over what was decided.
    digest: String,
    items: Vec<HonourJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Honour)]
struct HonourJson {
    kind: Kind,
    title: &'static str,
    place: i32,
    /// A community's code, a group's name, a masked name, or who of the staff.
    #[schema(example = "张*")]
    subject: String,
    /// Minutes of a community, of a group together, of an instructor's service; active days of a
    /// person; tickets fixed in time.
    figure: i64,
    /// People of a community or group, learners, minutes of a person, tickets fixed late (below zero).
    beside: i64,
}

impl From<Honour> for HonourJson {
    fn from(honour: Honour) -> Self {
        let Honour { kind, place, subject, figure, beside } = honour;
        Self { kind, title: kind.zh(), place, subject, figure, beside }
    }
}

/// A year's honours in a county: active communities and groups, stars of instruction, vitality and
/// service. Decided two weeks after the year's end; 404 before that.
#[utoipa::path(get, path = "/api/v1/honours", tag = "honours", params(HonoursQuery),
    responses((status = 200, body = HonoursJson), (status = 404, description = "Not decided")))]
async fn show_honours(
    Of(state): Of<State>,
    Query(query): Query<HonoursQuery>,
) -> Result<Json<HonoursJson>, Error> {
    let HonoursQuery { division, year } = query;
    let decided = super::of_year(&state.db, &division, year).await?;
    let Decided { rules, as_of, digest, honours } =
        decided.ok_or(Error::NotFound(Code::NotFound))?;
    let items = honours.into_iter().map(HonourJson::from).collect();
    Ok(Json(HonoursJson { division, year, rules, as_of, digest, items }))
}

/// Points are off unless the operator wants them.
fn require_points(state: &State) -> Result<(), Error> {
    match state.config.points {
        Points::On => Ok(()),
        Points::Off => Err(Error::NotFound(Code::NotFound)),
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExercisePoints)]
struct PointsJson {
    balance: i64,
    #[serde(flatten)]
    page: Page<PointJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExercisePoint)]
struct PointJson {
    id: Uuid,
    points: i32,
    /// `minutes`, `spent` or `given_back`.
    cause: String,
    business_day: Option<NaiveDate>,
    venue_id: Option<Uuid>,
    at: DateTime<Utc>,
}

impl From<points::Entry> for PointJson {
    fn from(entry: points::Entry) -> Self {
        let points::Entry { id, points, cause, business_day, venue_id, at } = entry;
        Self { id, points, cause, business_day, venue_id, at }
    }
}

/// The resident's exercise points: a point for ten measured minutes of a day that is over, twelve
/// a day at most; the newest rows first.
#[utoipa::path(get, path = "/api/v1/me/points", tag = "residents", params(Paging),
    responses((status = 200, body = PointsJson), (status = 404, description = "No points here")))]
async fn show_points(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<PointsJson>, Error> {
    require_points(&state)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("own points");
    let (limit, before) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let tx = db::begin(&state.db).await?;
    let balance = points::settle(&tx, by.id, state.clock.now()).await?;
    let rows = points::entries(&tx, by.id, before, limit.rows_to_read()).await?;
    tx.commit().await?;
    let page = Page::cut(rows, limit, &list, |entry| entry.id, PointJson::from);
    Ok(Json(PointsJson { balance, page }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PointsPartner)]
struct PartnerBody {
    partner: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PointsPartnerSet)]
struct PartnerJson {
    venue_id: VenueId,
    partner: bool,
}

/// Says whether points are taken at a venue.
#[utoipa::path(put, path = "/api/v1/staff/venues/{id}/points-partner", tag = "staff: places",
    params(("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = PartnerBody, responses((status = 200, body = PartnerJson)))]
async fn set_partner(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Command { stamp, body: Json(PartnerBody { partner }) }: Command<Json<PartnerBody>>,
) -> Result<Answer, Error> {
    require_at(&state, &by, Function::ManageVenues, id).await?;
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            points::set_partner(tx, id, partner, &by, now).await?;
            Ok((StatusCode::OK, PartnerJson { venue_id: id, partner }))
        })
        .await
}

/// Refuses who may not at the venue first, and then where there are no points at all.
async fn require_at(
    state: &State,
    by: &StaffCaller,
    function: Function,
    id: VenueId,
) -> Result<(), Error> {
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(function, &venue.community)?;
    require_points(state)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Redemption)]
struct RedemptionBody {
    /// What the resident's code says, good for half a minute.
    code: String,
    /// 1 to 10 000.
    points: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Redeemed)]
struct RedeemedJson {
    id: Uuid,
    /// What is left.
    balance: i64,
}

/// Spends points of whoever shows their code at a partner venue.
#[utoipa::path(
    post,
    path = "/api/v1/staff/venues/{id}/redemptions",
    tag = "staff: members",
    params(
        ("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = RedemptionBody,
    responses(
        (status = 201, description = "Spent", body = RedeemedJson),
        (status = 404, description = "No such venue in the caller's division, or no points here"),
        (status = 409, description = "`partner_required`, `points_short`, `member_code_used`"),
        (status = 422, description = "`member_code_invalid`, `out_of_range`"),
    ),
)]
async fn redeem(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(venue): Path<VenueId>,
    Command { stamp, body: Json(body) }: Command<Json<RedemptionBody>>,
) -> Result<Answer, Error> {
    require_at(&state, &by, Function::RegisterMembers, venue).await?;
    let now = state.clock.now();
    let spending = points::Spending { venue, code: body.code, points: body.points };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let (id, balance) = points::spend(tx, &state.keys, &spending, &by, now).await?;
            Ok((StatusCode::CREATED, RedeemedJson { id, balance }))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = RedemptionReversed)]
struct ReversedJson {
    id: Uuid,
}

/// Gives back what was spent by mistake, once.
#[utoipa::path(
    post,
    path = "/api/v1/staff/redemptions/{id}/reversal",
    tag = "staff: members",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 201, description = "Given back", body = ReversedJson),
        (status = 404, description = "Nothing spent in the caller's division"),
        (status = 409, description = "`request_decided`"),
    ),
)]
async fn reverse(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let may = |community: &DivisionCode| {
        by.require(Function::RegisterMembers, community).and_then(|()| require_points(&state))
    };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = points::give_back(tx, id, &by, may, now).await?;
            Ok((StatusCode::CREATED, ReversedJson { id }))
        })
        .await
}
