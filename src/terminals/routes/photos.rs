//! Photos for terminals, one at a time, only with both consents about faces.

use axum::{
    extract::State as Part,
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::{
    base::{
        error::{Code, Error},
        http::query::Path,
        state::State,
    },
    terminals::{self, caller::SignedBody},
};

/// The photo behind a face's handle of the roster. What became of it is told by a receipt; a face
/// without a photo is one that the terminal has to take itself.
#[utoipa::path(get, path = "/api/v1/terminal/roster/photos/{handle}", tag = "terminal",
    params(("handle" = String, Path, description = "Of a grant of kind `face`")),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/jpeg"),
        (status = 404, description = "No photo, or not with the consents of now"),
    ))]
pub async fn show_photo(
    Part(state): Part<State>,
    Path(handle): Path<String>,
    signed: SignedBody,
) -> Result<Response, Error> {
    let (terminal, now) = (signed.caller.id, signed.received_at);
    let photo = terminals::faces::hand_out(&state.db, &state.keys, terminal, &handle, now).await?;
    let photo = photo.ok_or(Error::NotFound(Code::NotFound))?;
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, photo).into_response())
}
