//! The paths of all protocols, over one recorder. They need `terminals::Caches` as an extension.

use axum::Extension;
use utoipa_axum::router::OpenApiRouter;

use super::native;
use crate::{base::state::State, entries::Recorder};

pub fn routes(recorder: Recorder) -> OpenApiRouter<State> {
    native::routes::routes().layer(Extension(recorder))
}
