//! Bodies in bounds: how many bytes, as sent and as unpacked, and how long they may take. The
//! bounds hold for every reader, since they sit in the body itself; and the refusal is the same
//! whichever reader stumbles, since the middleware knows why the body failed.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::problem::Problem;
use crate::base::error::Code;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body is larger than its bound")]
    TooLarge,
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body ended early")]
    Incomplete,
    #[error("the compressed body is damaged")]
    BadEncoding,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::BodyTooLarge),
            BodyFault::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, Code::RequestTimeout),
            BodyFault::Incomplete => Self::new(StatusCode::BAD_REQUEST, Code::BodyIncomplete),
            BodyFault::BadEncoding => Self::new(StatusCode::BAD_REQUEST, Code::BadEncoding),
        }
    }
}

/// What a request's body may be, and why it failed if it did. Shared by the layers of the body
/// and the middleware; a route may raise the bound as long as nothing has been read.
#[derive(Debug)]
struct Allowance {
    bytes_max: AtomicUsize,
    fault: OnceLock<BodyFault>,
}

/// Raises (or lowers) the bound of one route's bodies:
/// `.layer(from_fn(|request, next| body::allow(IMPORT_BYTES_MAX, request, next)))`.
pub async fn allow(bytes_max: usize, request: Request, next: Next) -> Response {
    if let Some(allowance) = request.extensions().get::<Arc<Allowance>>() {
        allowance.bytes_max.store(bytes_max, Ordering::Relaxed);
    }
    next.run(request).await
}

/// The outer middleware: bounds the bytes as sent, and gives the refusal if the body failed.
pub async fn bound_sent(
    bytes_max: usize,
    timeout: Duration,
    request: Request,
    next: Next,
) -> Response {
    let allowance =
        Arc::new(Allowance { bytes_max: AtomicUsize::new(bytes_max), fault: OnceLock::new() });
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Arc::clone(&allowance));
    // A request without a body needs none of this: no allocation, no timer.
    let body = if body.is_end_stream() {
        body
    } else {
        Body::new(Bounded::sent(body, Arc::clone(&allowance), timeout))
    };
    let response = next.run(Request::from_parts(parts, body)).await;
    match allowance.fault.get() {
        Some(fault) if !response.status().is_success() => Problem::from(*fault).into_response(),
        _ => response,
    }
}

/// The inner middleware, behind the decoder: bounds the bytes as unpacked. It stands on every
/// request, because the decoder removes the header that would tell.
pub async fn bound_unpacked(request: Request, next: Next) -> Response {
    let Some(allowance) = request.extensions().get::<Arc<Allowance>>().cloned() else {
        return next.run(request).await;
    };
    let (parts, body) = request.into_parts();
    let body =
        if body.is_end_stream() { body } else { Body::new(Bounded::unpacked(body, allowance)) };
    next.run(Request::from_parts(parts, body)).await
}

/// Whether the body is plain or packed once with gzip. Nobody packs twice without ill intent.
pub fn can_be_unpacked(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let first = encodings.next().map(HeaderValue::as_bytes);
    encodings.next().is_none() && matches!(first, None | Some(b"gzip" | b"identity"))
}

struct Bounded {
    inner: Body,
    allowance: Arc<Allowance>,
    seen: usize,
    /// Time for the whole body, from the first attempt to read it.
    timeout: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// What an error of the inner body means here.
    broken_means: BodyFault,
}

impl Bounded {
    fn sent(inner: Body, allowance: Arc<Allowance>, timeout: Duration) -> Self {
        Self {
            inner,
            allowance,
            seen: 0,
            timeout: Some(timeout),
            deadline: None,
            broken_means: BodyFault::Incomplete,
        }
    }

    fn unpacked(inner: Body, allowance: Arc<Allowance>) -> Self {
        Self {
            inner,
            allowance,
            seen: 0,
            timeout: None,
            deadline: None,
            broken_means: BodyFault::BadEncoding,
        }
    }

    fn fail(&self, fault: BodyFault) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // The first fault is the cause; those behind it are its consequences.
        let fault = *self.allowance.fault.get_or_init(|| fault);
        Poll::Ready(Some(Err(fault.into())))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(timeout) = self.timeout else { return Poll::Pending };
        self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(cx)
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes_max = self.allowance.bytes_max.load(Ordering::Relaxed);
        // A declared length is refused before a byte of it is asked for.
        let declared = self.inner.size_hint().lower();
        if (self.seen as u64).saturating_add(declared) > bytes_max as u64 {
            return self.fail(BodyFault::TooLarge);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            ready!(self.poll_deadline(cx));
            return self.fail(BodyFault::TooSlow);
        };
        match frame {
            None => Poll::Ready(None),
            Some(Err(_)) => self.fail(self.broken_means),
            Some(Ok(frame)) => {
                self.seen += frame.data_ref().map_or(0, Bytes::len);
                if self.seen > bytes_max {
                    return self.fail(BodyFault::TooLarge);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The whole of a bounded body.
pub async fn read(body: Body) -> Result<Bytes, Problem> {
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(fault_of(&error).unwrap_or(BodyFault::Incomplete).into()),
    }
}

fn fault_of(error: &(dyn std::error::Error + 'static)) -> Option<BodyFault> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<BodyFault>() {
            return Some(*fault);
        }
        next = error.source();
    }
    None
}
