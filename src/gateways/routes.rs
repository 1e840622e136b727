//! The paths of all protocols, over one recorder. They need `terminals::Caches` as an extension.
//!
//! Vendors' paths stand at the root, where the devices send them, and are left out of the API
//! document: their forms are the vendors', and nobody but their devices is meant to speak them.

use axum::{Extension, extract::Request, middleware::Next, middleware::from_fn};
use utoipa_axum::router::OpenApiRouter;

use super::{Intake, dahua, fcard, hikvision, hq, native, uniubi, zkteco};
use crate::{
    base::{http::body, state::State},
    entries::Recorder,
};

/// Pictures may come with records; they are read over and dropped.
const VENDOR_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

pub fn routes(recorder: Recorder, intake: Intake) -> OpenApiRouter<State> {
    let vendors = OpenApiRouter::new()
        .merge(zkteco::routes::routes())
        .merge(hikvision::routes::routes())
        .merge(fcard::routes::routes())
        .merge(dahua::routes::routes())
        .merge(uniubi::routes::routes())
        .merge(hq::routes::routes())
        .layer(Extension(intake))
        .layer(from_fn(|request: Request, next: Next| {
            body::allow(VENDOR_BODY_BYTES_MAX, request, next)
        }));
    native::routes::routes().layer(Extension(recorder)).merge(vendors)
}
