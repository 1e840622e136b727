//! `GET /api/v1/staff/days`: business days of a venue or of a division, whether they are final,
//! and what changed after somebody may have read them.

use axum::extract::State as Part;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::{DivisionCode, TerminalId, VenueId},
        page::{Limit, Page},
        state::State,
    },
    minutes::days::{
        self, Listed, Waited,
        revisions::{self, Cause, Revision, Scope},
    },
    staff::{Function, StaffCaller},
    venues,
};

/// Days that one list may cover: a leap year.
const DAYS_MAX: i64 = 366;

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list_days)).routes(routes!(show_day))
}

/// Which days a list shows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DaysQuery {
    /// All venues of a division; the caller's own when neither is given.
    division: Option<DivisionCode>,
    /// One venue.
    venue: Option<VenueId>,
    from: NaiveDate,
    /// Inclusive; at most 366 days from `from`.
    to: NaiveDate,
    /// Most items wanted, 1 to 200; 50 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whose day is shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DayQuery {
    /// All venues of a division; the caller's own when neither is given.
    division: Option<DivisionCode>,
    /// One venue.
    venue: Option<VenueId>,
}

/// Something by provenance.
#[derive(Serialize, ToSchema)]
#[schema(as = DayMinutes)]
struct MinutesJson {
    total: i64,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
}

impl MinutesJson {
    fn new([measured, self_declared, estimated, corrected]: [i64; 4]) -> Self {
        let total = measured + self_declared + estimated + corrected;
        Self { total, measured, self_declared, estimated, corrected }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = BusinessDay)]
struct DayJson {
    day: NaiveDate,
    /// `provisional`, `final` or `restated`.
    state: String,
    /// Grows each time that the day is published with other figures; 0 before the first time.
    version: i32,
    published_at: Option<DateTime<Utc>>,
    visits: i64,
    /// Of a division null until the day is final.
    people: Option<i64>,
    minutes: MinutesJson,
}

impl From<Listed> for DayJson {
    fn from(day: Listed) -> Self {
        Self {
            day: day.business_day,
            state: day.state,
            version: day.version.unwrap_or_default(),
            published_at: day.published_at,
            visits: day.visits,
            people: day.people,
            minutes: MinutesJson::new([
                day.minutes_measured,
                day.minutes_self_declared,
                day.minutes_estimated,
                day.minutes_corrected,
            ]),
        }
    }
}

/// What a day said, and why it said something else than before.
#[derive(Serialize, ToSchema)]
#[schema(as = DayRevision)]
struct RevisionJson {
    version: i32,
    at: DateTime<Utc>,
    /// `final` or `restated`.
    state: String,
    visits: i64,
    people: i64,
    minutes: MinutesJson,
    causes: Vec<Cause>,
}

impl RevisionJson {
    fn new(revision: &Revision) -> Result<Self, Error> {
        Ok(Self {
            version: revision.n,
            at: revision.at,
            state: revision.state.clone(),
            visits: revision.visits,
            people: revision.people,
            minutes: MinutesJson::new([
                revision.minutes_measured,
                revision.minutes_self_declared,
                revision.minutes_estimated,
                revision.minutes_corrected,
            ]),
            causes: revision.causes().map_err(Error::internal)?,
        })
    }
}

/// A terminal that may still hold records of the day.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitedFor)]
struct WaitedJson {
    terminal_id: TerminalId,
    serial: String,
    venue_id: VenueId,
    /// Everything up to here has arrived.
    watermark_at: Option<DateTime<Utc>>,
}

impl From<Waited> for WaitedJson {
    fn from(waited: Waited) -> Self {
        let Waited { terminal, serial, venue, watermark_at } = waited;
        Self { terminal_id: terminal, serial, venue_id: venue, watermark_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = BusinessDayWhole)]
struct WholeDayJson {
    #[serde(flatten)]
    day: DayJson,
    /// Newest first.
    revisions: Vec<RevisionJson>,
    /// None once the day is over and everything has arrived.
    waits_for: Vec<WaitedJson>,
}

/// Business days with their figures, state and version; days on which nothing happened are
/// missing.
#[utoipa::path(get, path = "/api/v1/staff/days", tag = "staff: days", params(DaysQuery),
    responses((status = 200, body = Page<DayJson>)))]
async fn list_days(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<DaysQuery>,
) -> Result<Json<Page<DayJson>>, Error> {
    let scope = scope(&state, &by, query.division, query.venue).await?;
    require_span(query.from, query.to)?;
    let name = format!("days:{}", scope.key());
    let cursors = state.keys.cursors();
    let list = cursors.list(&name);
    let after: Option<NaiveDate> = list.key_if_any(query.cursor.as_deref())?;
    let from = after.and_then(|day| day.succ_opt()).unwrap_or(query.from).max(query.from);
    let rows = days::list(&state.db, &scope, (from, query.to), query.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, query.limit, &list, |day| day.business_day, DayJson::from)))
}

/// One business day, every revision of it with what made it, and the terminals it waits for.
#[utoipa::path(get, path = "/api/v1/staff/days/{day}", tag = "staff: days",
    params(("day" = NaiveDate, Path), DayQuery), responses(
        (status = 200, body = WholeDayJson),
        (status = 404, description = "Nothing happened on that day"),
    ))]
async fn show_day(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(day): Path<NaiveDate>,
    Query(query): Query<DayQuery>,
) -> Result<Json<WholeDayJson>, Error> {
    let scope = scope(&state, &by, query.division, query.venue).await?;
    whole_day(&state, &scope, day).await.map(Json)
}

async fn whole_day(state: &State, scope: &Scope, day: NaiveDate) -> Result<WholeDayJson, Error> {
    let found = days::one(&state.db, scope, day).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let waits_for = if found.state == "provisional" {
        days::waited(&state.db, scope, day).await?
    } else {
        Vec::new()
    };
    let revisions = revisions::of(&state.db, scope, day).await?;
    Ok(WholeDayJson {
        day: found.into(),
        revisions: revisions.iter().map(RevisionJson::new).collect::<Result<_, _>>()?,
        waits_for: waits_for.into_iter().map(WaitedJson::from).collect(),
    })
}

/// The venue or division that is meant, in the caller's division.
async fn scope(
    state: &State,
    by: &StaffCaller,
    division: Option<DivisionCode>,
    venue: Option<VenueId>,
) -> Result<Scope, Error> {
    match (division, venue) {
        (Some(_), Some(_)) => Err(Error::invalid("/venue", Code::InvalidValue)),
        (division, None) => {
            let division = division.unwrap_or_else(|| by.division.clone());
            by.require(Function::SeePlaces, &division)?;
            Ok(Scope::Division(division))
        }
        (None, Some(id)) => {
            let found = venues::load(&state.db, id).await?;
            let found = found.ok_or(Error::NotFound(Code::NotFound))?;
            by.require(Function::SeePlaces, &found.community)?;
            Ok(Scope::Venue(id))
        }
    }
}

fn require_span(from: NaiveDate, to: NaiveDate) -> Result<(), Error> {
    if to < from {
        return Err(Error::invalid("/to", Code::OutOfRange));
    }
    if (to - from).num_days() >= DAYS_MAX {
        return Err(Error::invalid("/to", Code::RangeTooLarge));
    }
    Ok(())
}
