//! Polls that need no asking: token and document are in memory, so the bytes are handed out at
//! once. Whatever is not quite ordinary goes the long way and is told there what is wrong.

use axum::{
    http::{HeaderMap, Uri, header},
    response::Response,
};

use super::{
    Hub,
    caller::{Known, bearer},
    hash,
    routes::answer,
};
use crate::base::ids::DivisionCode;

/// The route of which this answers the most part.
pub const ROUTE: &str = "/api/v1/screens/{division}";

/// The answer to a poll of a screen that is known already.
pub fn ready(hub: &Hub, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let asked = uri.path().strip_prefix("/api/v1/screens/")?;
    let asked: DivisionCode = asked.parse().ok()?;
    let own = hub.division_at_hand(&hash(bearer(headers)?))?;
    if uri.query().is_some() || !own.covers(&asked) {
        return None;
    }
    let built = hub.built_at_hand(&asked)?;
    Some(answer(&built, &Known::of(headers.get(header::IF_NONE_MATCH))))
}
