//! `POST /api/v1/staff/rules/what-if` and `/adoptions`: other numbers in the rules of a venue or
//! of a division's venues, first tried on a past period, then adopted from a future day on.

use std::collections::BTreeSet;

use axum::{extract::State as Part, http::StatusCode};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::FiguresJson;
use crate::{
    base::{
        error::{Code, Error},
        http::json::Json,
        idempotency::{Answer, Command},
        ids::{DivisionCode, VenueId},
        state::State,
    },
    minutes::{
        tally::Figures,
        what_if::{self, Both, Difference, Sums},
    },
    staff::{Function, StaffCaller},
    venues::{self, Numbers, VenueStatus},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(ask)).routes(routes!(adopt))
}

/// The numbers that are to be others; at least one of them.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleNumbers)]
pub(super) struct NumbersBody {
    /// Seconds, 0 to 600.
    repeat_window_s: Option<i32>,
    /// Minutes, at most the longest stay.
    usual_stay_min: Option<i32>,
    /// Minutes, 1 to 1440.
    longest_stay_min: Option<i32>,
}

impl NumbersBody {
    pub(super) fn parse(self) -> Result<Numbers, Error> {
        let Self { repeat_window_s, usual_stay_min, longest_stay_min } = self;
        if [repeat_window_s, usual_stay_min, longest_stay_min].iter().all(Option::is_none) {
            return Err(Error::invalid("/rules", Code::Required));
        }
        Ok(Numbers { repeat_window_s, usual_stay_min, longest_stay_min })
    }
}

impl From<Numbers> for NumbersBody {
    fn from(numbers: Numbers) -> Self {
        let Numbers { repeat_window_s, usual_stay_min, longest_stay_min } = numbers;
        Self { repeat_window_s, usual_stay_min, longest_stay_min }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WhatIf)]
pub(super) struct WhatIfBody {
    /// One venue, or …
    venue_id: Option<VenueId>,
    /// … all open venues of a division.
    division: Option<DivisionCode>,
    /// First business day.
    from: NaiveDate,
    /// Last business day; at most 92 days in all, of a trial 366.
    to: NaiveDate,
    rules: NumbersBody,
}

impl WhatIfBody {
    /// The question, and the division that it is about.
    pub(super) async fn parse(
        self,
        state: &State,
        by: &StaffCaller,
        days_max: i64,
    ) -> Result<(DivisionCode, what_if::Ask), Error> {
        let Self { venue_id, division, from, to, rules } = self;
        let (division, venues) = meant(state, by, venue_id, division).await?;
        if to < from {
            return Err(Error::invalid("/to", Code::OutOfRange));
        }
        if (to - from).num_days() >= days_max {
            return Err(Error::invalid("/to", Code::RangeTooLarge));
        }
        let numbers = rules.parse()?;
        Ok((division, what_if::Ask { venues, from, to, numbers }))
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = WhatIfSums)]
struct SumsJson {
    visits: i64,
    minutes: FiguresJson,
}

impl From<Sums> for SumsJson {
    fn from(sums: Sums) -> Self {
        let [measured, self_declared, estimated, corrected] = sums.minutes;
        let total = sums.minutes.iter().sum();
        let minutes = Figures { total, measured, self_declared, estimated, corrected };
        Self { visits: sums.visits, minutes: minutes.into() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = WhatIfDay)]
struct BothJson {
    day: NaiveDate,
    before: SumsJson,
    after: SumsJson,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WhatIfAnswer)]
pub(super) struct DifferenceJson {
    venues: usize,
    before: SumsJson,
    after: SumsJson,
    /// Stays that would end otherwise, or exist under one of the rules only.
    sessions_changed: usize,
    /// Stays whose events no longer name anybody: they would stay as they are.
    not_replayed: i64,
    days: Vec<BothJson>,
}

impl DifferenceJson {
    pub(super) fn new(venues: usize, difference: Difference) -> Self {
        let mut total = Both::default();
        for day in difference.days.values() {
            let pairs = [(&mut total.before, day.before), (&mut total.after, day.after)];
            for (sum, part) in pairs {
                sum.visits += part.visits;
                sum.minutes.iter_mut().zip(part.minutes).for_each(|(sum, part)| *sum += part);
            }
        }
        let day = |(day, both): (NaiveDate, Both)| BothJson {
            day,
            before: both.before.into(),
            after: both.after.into(),
        };
        Self {
            venues,
            before: total.before.into(),
            after: total.after.into(),
            sessions_changed: difference.sessions_changed,
            not_replayed: difference.not_replayed,
            days: difference.days.into_iter().map(day).collect(),
        }
    }
}

/// What a past period would have been with other numbers in the rules; changes nothing.
#[utoipa::path(post, path = "/api/v1/staff/rules/what-if", tag = "staff: places",
    request_body = WhatIfBody, responses(
        (status = 200, body = DifferenceJson),
        (status = 422, description = "Too much at once, or numbers that do not go together"),
    ))]
async fn ask(
    Part(state): Part<State>,
    by: StaffCaller,
    Json(body): Json<WhatIfBody>,
) -> Result<Json<DifferenceJson>, Error> {
    let (_, ask) = body.parse(&state, &by, what_if::DAYS_MAX).await?;
    let count = ask.venues.len();
    let difference = what_if::ask(&state.db, &ask, state.clock.now()).await?;
    Ok(Json(DifferenceJson::new(count, difference)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleAdoption)]
struct AdoptionBody {
    /// One venue, or …
    venue_id: Option<VenueId>,
    /// … all open venues of a division.
    division: Option<DivisionCode>,
    /// A future business day.
    valid_from: NaiveDate,
    rules: NumbersBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RulesAdopted)]
struct AdoptedJson {
    items: Vec<VersionJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RulesVersion)]
struct VersionJson {
    venue_id: VenueId,
    version: i32,
}

/// Adopts other numbers as a new version of rules, from a future business day on; all else of the
/// rules stays.
#[utoipa::path(post, path = "/api/v1/staff/rules/adoptions", tag = "staff: places",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = AdoptionBody, responses(
        (status = 201, body = AdoptedJson),
        (status = 422, description = "`not_in_future`, or numbers that do not go together"),
    ))]
async fn adopt(
    Part(state): Part<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<AdoptionBody>>,
) -> Result<Answer, Error> {
    let (_, venues) = meant(&state, &by, body.venue_id, body.division.clone()).await?;
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let venues: Vec<VenueId> = venues.into_iter().collect();
            let numbers = body.rules.parse()?;
            let from = body.valid_from;
            let adopted = venues::adopt_numbers(tx, &venues, numbers, from, &actor, now).await?;
            let item = |(venue_id, version)| VersionJson { venue_id, version };
            let items = adopted.into_iter().map(item).collect();
            Ok((StatusCode::CREATED, AdoptedJson { items }))
        })
        .await
}

/// The venues that are meant, all of them the caller's to manage, and the division they are of.
async fn meant(
    state: &State,
    by: &StaffCaller,
    venue: Option<VenueId>,
    division: Option<DivisionCode>,
) -> Result<(DivisionCode, BTreeSet<VenueId>), Error> {
    match (venue, division) {
        (Some(id), None) => {
            let found = venues::load(&state.db, id).await?;
            let found = found.ok_or(Error::NotFound(Code::NotFound))?;
            by.require(Function::ManageVenues, &found.community)?;
            Ok((found.community, BTreeSet::from([id])))
        }
        (None, Some(division)) => {
            by.require(Function::ManageVenues, &division)?;
            let all = venues::within(&state.db, &division).await?;
            let open = all.into_iter().filter(|venue| venue.status == VenueStatus::Open);
            let open: BTreeSet<VenueId> = open.map(|venue| venue.id).collect();
            if open.is_empty() {
                Err(Error::NotFound(Code::NotFound))
            } else {
                Ok((division, open))
            }
        }
        (Some(_), Some(_)) | (None, None) => Err(Error::invalid("/venue_id", Code::Required)),
    }
}
