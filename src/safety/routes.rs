//! Safety over HTTP, for those who look after venues.
//!
//! | path | what |
//! | --- | --- |
//! | GET `/api/v1/staff/venues/{id}/roll-call` | who is inside and how sure; also while the database is away |
//! | GET `/api/v1/staff/watch` | who is alone or has been inside for long |
//! | GET, POST `/api/v1/staff/venues/{id}/head-counts` | counted heads, and how far doors were off |
//! | POST `/api/v1/staff/venues/{id}/evacuations`, `/api/v1/staff/evacuations/{id}/end` | all doors open, and an end to it |
//! | GET `/api/v1/staff/evacuations` | those that are going on |

mod evacuations;
mod heads;
mod roll_call;

use axum::Extension;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::caller::Known;
use crate::{
    base::{
        error::{Code, Error},
        ids::VenueId,
        state::State,
    },
    staff::{Function, StaffCaller},
    venues::{self, Venue},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(roll_call::show))
        .layer(Extension(Known::default()))
        .routes(routes!(roll_call::watch))
        .routes(routes!(heads::list, heads::count))
        .routes(routes!(evacuations::begin))
        .routes(routes!(evacuations::end))
        .routes(routes!(evacuations::list))
}

/// Those who stand at a desk look after the people at its venues; the bureau sees figures only.
const LOOK_AFTER: Function = Function::RegisterMembers;

/// The venue, if the caller looks after it.
async fn require_venue(state: &State, by: &StaffCaller, id: VenueId) -> Result<Venue, Error> {
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(LOOK_AFTER, &venue.community)?;
    Ok(venue)
}
