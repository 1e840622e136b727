//! Finding partners over HTTP.

use axum::{extract::State as Of, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        clock::Given,
        error::Error,
        http::{json::Json, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::VenueId,
        state::State,
    },
    groups::{self, Hour, Offer},
    members::Resident,
    venues::terms::Kind as Sport,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, offer))
        .routes(routes!(take_back))
        .routes(routes!(list_partners))
        .routes(routes!(invite))
}

/// An hour of the week at which somebody plays.
#[derive(Serialize, ToSchema)]
#[schema(as = PartnerOffer)]
struct OfferBody {
    id: Uuid,
    /// Masked; empty of one's own.
    #[schema(example = "张*")]
    name: String,
    sport: String,
    weekday: i32,
    hour: i32,
}

impl From<Offer> for OfferBody {
    fn from(Offer { id, name, sport, weekday, hour }: Offer) -> Self {
        Self { id, name, sport, weekday, hour }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = PartnerOffers)]
struct OffersBody {
    items: Vec<OfferBody>,
}

impl From<Vec<Offer>> for OffersBody {
    fn from(offers: Vec<Offer>) -> Self {
        Self { items: offers.into_iter().map(Into::into).collect() }
    }
}

/// When the resident plays.
#[utoipa::path(get, path = "/api/v1/me/partner-offers", tag = "groups",
    responses((status = 200, body = OffersBody)))]
async fn list(Of(state): Of<State>, by: Resident) -> Result<Json<OffersBody>, Error> {
    Ok(Json(groups::offers(&state.db, by.id).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPartnerOffer)]
struct NewOfferBody {
    #[schema(example = "badminton")]
    sport: String,
    /// 1 is Monday, 7 Sunday.
    weekday: i32,
    /// 0 to 23, by the local clock.
    hour: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PartnerOfferMade)]
struct MadeBody {
    id: Uuid,
}

/// Says when the resident plays. Needs the consent `partner_search`, for both sides.
#[utoipa::path(
    post,
    path = "/api/v1/me/partner-offers",
    tag = "groups",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewOfferBody,
    responses(
        (status = 201, body = MadeBody),
        (status = 403, description = "`partner_consent_required`, `age_unsuitable`: adults only"),
        (status = 409, description = "`conflict`: the hour stands already; `too_many_items`"),
        (status = 422, description = "`bad_kind`, `out_of_range`"),
    ),
)]
async fn offer(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<NewOfferBody>>,
) -> Result<Answer, Error> {
    let sport = Sport::parse(&body.sport).map_err(|code| Error::invalid("/sport", code))?;
    let (at, now) = (Hour { sport, weekday: body.weekday, hour: body.hour }, state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = groups::offer(tx, &state.keys, by.id, at, now).await?;
            Ok((StatusCode::CREATED, MadeBody { id }))
        })
        .await
}

/// The resident plays then no more.
#[utoipa::path(
    delete,
    path = "/api/v1/me/partner-offers/{id}",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses((status = 200, body = MadeBody), (status = 404, description = "None of the resident's")),
)]
async fn take_back(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            groups::take_back(tx, by.id, id).await?;
            Ok((StatusCode::OK, MadeBody { id }))
        })
        .await
}

/// Others of the community who play at one of the resident's hours, the newest first.
#[utoipa::path(get, path = "/api/v1/me/partner-offers/{id}/partners", tag = "groups",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = OffersBody),
        (status = 403, description = "`partner_consent_required`, `age_unsuitable`"),
    ))]
async fn list_partners(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
) -> Result<Json<OffersBody>, Error> {
    let now = state.clock.now();
    Ok(Json(groups::partners(&state.db, &state.keys, by.id, id, now).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerInvitation)]
struct InvitationBody {
    venue_id: VenueId,
    /// Within 14 days.
    at: Given,
}

/// Invites whoever stands behind an offer to a venue at a time, by one message a day.
#[utoipa::path(
    post,
    path = "/api/v1/partner-offers/{id}/invitation",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = InvitationBody,
    responses(
        (status = 202, description = "The message waits to be sent", body = MadeBody),
        (status = 403, description = "`partner_consent_required`, `age_unsuitable`"),
        (status = 404, description = "Nobody who plays at one of the resident's hours"),
        (status = 422, description = "`bad_time`, `unknown_venue`"),
    ),
)]
async fn invite(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<InvitationBody>>,
) -> Result<Answer, Error> {
    let (whither, now) = ((id, body.venue_id, body.at.0), state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            groups::invite(tx, &state.keys, by.id, whither, now).await?;
            Ok((StatusCode::ACCEPTED, MadeBody { id }))
        })
        .await
}
