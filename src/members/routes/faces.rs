//! Residents' faces, below `/api/v1/me/face`: one photo each, for the doors that they agreed to.
//!
//! | path | does |
//! | --- | --- |
//! | `GET, PUT, DELETE /` | whether there is one; takes one; forgets it |
//! | `GET /photo` | the photo, for its owner |
//!
//! And for the desk, without the photo: `GET /api/v1/staff/members/{id}/face`.

use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequest, Request, State as Of},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        db,
        error::{Code, Error},
        http::{json::Json, problem::Problem, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::{MemberId, TerminalId, VenueId},
        state::State,
    },
    members::{self, Face, FaceAt, FaceDoor, FaceDoors, Photo, Resident},
    staff::StaffCaller,
};

/// `face_doors` knows what terminals hold, which belong to a domain above this one.
pub fn routes(face_doors: FaceDoors) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show, put, forget))
        .routes(routes!(show_photo))
        .layer(Extension(face_doors))
}

/// The same for the desk.
pub fn desk_routes(face_doors: FaceDoors) -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_at_desk)).layer(Extension(face_doors))
}

/// Whether there is a face, and of when.
#[derive(Serialize, ToSchema)]
#[schema(as = FaceState)]
struct FaceBody {
    enrolled: bool,
    taken_at: Option<DateTime<Utc>>,
    width: Option<i32>,
    height: Option<i32>,
}

impl From<Option<Face>> for FaceBody {
    fn from(face: Option<Face>) -> Self {
        Self {
            enrolled: face.is_some(),
            taken_at: face.as_ref().map(|face| face.taken_at),
            width: face.as_ref().map(|face| face.width),
            height: face.map(|face| face.height),
        }
    }
}

/// A face, and where it is.
#[derive(Serialize, ToSchema)]
#[schema(as = FaceStanding)]
struct StandingBody {
    #[serde(flatten)]
    face: FaceBody,
    /// Every terminal that is to hold the face, holds it, or held one.
    terminals: Vec<DoorBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FaceDoor)]
struct DoorBody {
    terminal_id: TerminalId,
    venue_id: VenueId,
    venue_name: String,
    state: FaceAt,
    /// Since when, as the terminal told; of `deleting`, since when it is to.
    at: Option<DateTime<Utc>>,
}

impl From<FaceDoor> for DoorBody {
    fn from(door: FaceDoor) -> Self {
        let FaceDoor { terminal, venue, venue_name, state, at } = door;
        Self { terminal_id: terminal, venue_id: venue, venue_name, state, at }
    }
}

/// Whether the resident's face is enrolled, and what each terminal told of it.
#[utoipa::path(get, path = "/api/v1/me/face", tag = "residents",
    responses((status = 200, body = StandingBody)))]
async fn show(
    Of(state): Of<State>,
    Extension(doors): Extension<FaceDoors>,
    by: Resident,
) -> Result<Json<StandingBody>, Error> {
    let face = members::face(&state.db, by.id).await?.into();
    let terminals = doors(by.id).await?.into_iter().map(Into::into).collect();
    Ok(Json(StandingBody { face, terminals }))
}

/// Whether a member's face is enrolled, and what each terminal told of it; never the photo. The
/// member can read that it was looked at.
#[utoipa::path(get, path = "/api/v1/staff/members/{id}/face", tag = "members",
    params(("id" = MemberId, Path)), responses(
    (status = 200, body = StandingBody),
    (status = 403, description = "`leave_required`: a child, seen only with leave"),
    (status = 404, description = "Nobody in the caller's division")))]
async fn show_at_desk(
    Of(state): Of<State>,
    Extension(doors): Extension<FaceDoors>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
) -> Result<Json<StandingBody>, Error> {
    let tx = db::begin(&state.db).await?;
    members::look_at(&tx, &state.keys, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    let face = members::face(&state.db, id).await?.into();
    let terminals = doors(id).await?.into_iter().map(Into::into).collect();
    Ok(Json(StandingBody { face, terminals }))
}

/// The resident's photo.
#[utoipa::path(get, path = "/api/v1/me/face/photo", tag = "residents", responses(
    (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
    (status = 404, description = "There is none"),
))]
async fn show_photo(Of(state): Of<State>, by: Resident) -> Result<Response, Error> {
    let jpeg = members::face_photo(&state.db, &state.keys, by.id).await?;
    Ok(([(header::CONTENT_TYPE, JPEG)], jpeg).into_response())
}

const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");

/// Takes a photo, in place of the one before: a JPEG of 200 to 4096 pixels a side, at most 2 MB.
#[utoipa::path(
    put,
    path = "/api/v1/me/face",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body(content = Vec<u8>, content_type = "image/jpeg"),
    responses(
        (status = 200, description = "Enrolled", body = FaceBody),
        (status = 403, description = "`face_consent_required`: both consents about faces are needed"),
        (status = 413, description = "Larger than 2 MB"),
        (status = 415, description = "Not `image/jpeg`"),
        (status = 422, description = "`photo_format`, `photo_size`"),
    ),
)]
async fn put(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Upload(bytes) }: Command<Upload>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let read = async || read(bytes).await;
    stamp
        .once_after(&state.db, &by.actor(), now, read, async |tx, photo| {
            let face = members::keep_face(tx, &state.keys, by.id, &photo, now).await?;
            Ok((StatusCode::OK, FaceBody::from(Some(face))))
        })
        .await
}

/// Decoding takes time that no other request should wait for.
pub(super) async fn read(bytes: Bytes) -> Result<Photo, Error> {
    let read = tokio::task::spawn_blocking(move || members::read_photo(&bytes));
    let read = read.await.map_err(Error::internal)?;
    read.map_err(|code| Error::invalid("", code))
}

/// A photo as it came.
pub(super) struct Upload(pub(super) Bytes);

impl FromRequest<State> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        if request.headers().get(header::CONTENT_TYPE) != Some(&JPEG) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, Code::PhotoFormat).into_response());
        }
        Bytes::from_request(request, state).await.map(Self).map_err(IntoResponse::into_response)
    }
}

/// Forgets the face: here at once, at the doors with their next roster.
#[utoipa::path(
    delete,
    path = "/api/v1/me/face",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses((status = 200, description = "Forgotten", body = FaceBody)),
)]
async fn forget(Of(state): Of<State>, by: Resident, stamp: Stamp) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::forget_face(tx, by.id, now).await?;
            Ok((StatusCode::OK, FaceBody::from(None)))
        })
        .await
}
