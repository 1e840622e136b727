//! Who is inside a venue, and who there should be looked after.

use std::collections::BTreeMap;

use axum::extract::State as Part;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{LOOK_AFTER, require_venue};
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::{DivisionCode, SessionId, VenueId},
        state::State,
    },
    safety::{
        caller::OnDuty,
        copy,
        occupancy::{self, Heads},
        present::{self, Present},
        rules::{self, Concern, Sure},
    },
    staff::StaffCaller,
    venues,
};

/// Where a roll call comes from.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RollCallSource)]
pub enum SourceWord {
    Database,
    /// The database is away; this is as old as `as_of` says.
    Copy,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RollCallPerson)]
pub struct PersonJson {
    session_id: SessionId,
    /// Masked; a child's is hidden whole.
    #[schema(example = "张*")]
    name: String,
    /// Masked; of a child the guardian's.
    phone: Option<String>,
    is_child: bool,
    entered_at: DateTime<Utc>,
    sure: Sure,
}

impl PersonJson {
    fn new(person: &Present, now: DateTime<Utc>) -> Self {
        Self {
            session_id: person.session,
            name: person.name.clone(),
            phone: person.phone.clone(),
            is_child: person.is_child,
            entered_at: person.entered_at,
            sure: rules::sure(person.entered_at, person.usual_until, now),
        }
    }
}

/// What counting heads showed.
#[derive(Serialize, ToSchema)]
#[schema(as = HeadCountNow)]
pub struct CountedJson {
    at: DateTime<Utc>,
    counted: i64,
    presumed: i64,
    /// Presumed then and not there; below zero, there and not known.
    drift: i64,
    /// How many are inside now, by the count and by who came since.
    inside: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RollCall)]
pub struct RollCallJson {
    venue_id: VenueId,
    name: String,
    as_of: DateTime<Utc>,
    source: SourceWord,
    /// How many are presumed inside by what doors saw.
    presumed: usize,
    /// The newest head count of the business day; null without one, or in a copy.
    head_count: Option<CountedJson>,
    /// Longest inside first.
    people: Vec<PersonJson>,
}

/// Who is inside a venue and how sure that is. While the database is away, it comes from a sealed
/// copy on the server's disk, for whoever was let in a little before.
#[utoipa::path(get, path = "/api/v1/staff/venues/{id}/roll-call", tag = "staff: safety",
    params(("id" = VenueId, Path)), responses(
        (status = 200, body = RollCallJson),
        (status = 404, description = "No venue in the caller's division"),
    ))]
pub async fn show(
    Part(state): Part<State>,
    OnDuty(by): OnDuty,
    Path(id): Path<VenueId>,
) -> Result<Json<RollCallJson>, Error> {
    match from_database(&state, &by, id).await {
        Err(Error::Unavailable(code, seconds)) => {
            let copied = from_copy(&state, &by, id).await?;
            copied.map(Json).ok_or(Error::Unavailable(code, seconds))
        }
        answer => answer.map(Json),
    }
}

async fn from_database(
    state: &State,
    by: &StaffCaller,
    id: VenueId,
) -> Result<RollCallJson, Error> {
    let (db, now) = (&state.db, state.clock.now());
    let venue = require_venue(state, by, id).await?;
    let stays = present::stays_at(db, id, now).await?;
    let counted = occupancy::newest(db, &venue, now).await?;
    let head_count = counted.map(|count| {
        let inside = occupancy::inside(&count, &stays);
        counted_json(&count, inside)
    });
    let mut people = present::people(db, &state.keys, |_| Some(&venue), stays, now).await?;
    let people = people.remove(&id).unwrap_or_default();
    Ok(RollCallJson {
        venue_id: id,
        name: venue.name.clone(),
        as_of: now,
        source: SourceWord::Database,
        presumed: people.len(),
        head_count,
        people: people.iter().map(|person| PersonJson::new(person, now)).collect(),
    })
}

fn counted_json(count: &Heads, inside: i64) -> CountedJson {
    CountedJson {
        at: count.at,
        counted: count.counted.into(),
        presumed: count.presumed.into(),
        drift: count.count().drift(),
        inside,
    }
}

/// None where no copy is kept.
async fn from_copy(
    state: &State,
    by: &StaffCaller,
    id: VenueId,
) -> Result<Option<RollCallJson>, Error> {
    let Some(file) = state.config.roll_call().map(ToOwned::to_owned) else { return Ok(None) };
    let keys = state.keys.clone();
    let read = tokio::task::spawn_blocking(move || copy::read(&keys, &file, id));
    let copied = read.await.map_err(Error::internal)??;
    let copied = copied.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(LOOK_AFTER, &copied.community)?;
    let now = state.clock.now();
    let people: Vec<PersonJson> =
        copied.inside(now).map(|person| PersonJson::new(person, now)).collect();
    Ok(Some(RollCallJson {
        venue_id: id,
        name: copied.name.clone(),
        as_of: copied.as_of,
        source: SourceWord::Copy,
        presumed: people.len(),
        head_count: None,
        people,
    }))
}

/// Where to look.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WatchQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Watched)]
pub struct WatchedJson {
    venue_id: VenueId,
    venue: String,
    session_id: SessionId,
    #[schema(example = "张*")]
    name: String,
    phone: Option<String>,
    is_child: bool,
    entered_at: DateTime<Utc>,
    minutes_inside: i64,
    concerns: Vec<Concern>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Watch)]
pub struct WatchJson {
    as_of: DateTime<Utc>,
    /// Longest inside first; at most 500.
    items: Vec<WatchedJson>,
}

/// People that one answer names.
const WATCHED_MAX: usize = 500;

/// Who has been alone at a venue for half an hour, or inside for two hours and a half.
#[utoipa::path(get, path = "/api/v1/staff/watch", tag = "staff: safety",
    params(WatchQuery), responses((status = 200, body = WatchJson)))]
pub async fn watch(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<WatchQuery>,
) -> Result<Json<WatchJson>, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(LOOK_AFTER, &division)?;
    watched(&state, &division).await.map(Json)
}

async fn watched(state: &State, division: &DivisionCode) -> Result<WatchJson, Error> {
    let (db, now) = (&state.db, state.clock.now());
    let stays = present::stays_within(db, Some(division), now).await?;
    let mut inside: BTreeMap<VenueId, usize> = BTreeMap::new();
    for stay in &stays {
        *inside.entry(stay.venue_id).or_default() += 1;
    }
    let of = |venue, entered_at| rules::concerns(entered_at, inside[&venue], now);
    let mut cared: Vec<_> = stays;
    cared.retain(|stay| !of(stay.venue_id, stay.entered_at).is_empty());
    cared.truncate(WATCHED_MAX);
    let venues = venues::within(db, division).await?;
    let venue = |id: VenueId| venues.iter().find(|venue| venue.id == id);
    let people = present::people(db, &state.keys, venue, cared, now).await?;
    let mut items = Vec::new();
    for (id, person) in people.iter().flat_map(|(id, all)| all.iter().map(|one| (*id, one))) {
        items.push(WatchedJson {
            venue_id: id,
            venue: venue(id).map(|venue| venue.name.clone()).unwrap_or_default(),
            session_id: person.session,
            name: person.name.clone(),
            phone: person.phone.clone(),
            is_child: person.is_child,
            entered_at: person.entered_at,
            minutes_inside: (now - person.entered_at).num_minutes(),
            concerns: of(id, person.entered_at),
        });
    }
    items.sort_by_key(|item| item.entered_at);
    Ok(WatchJson { as_of: now, items })
}
