//! How often a caller may ask: a bucket a caller in the process, and where processes share a store,
//! one limit for all of them. Without the store each process keeps its own. Keyed by token where there is
//! one, since the residents of a carrier share few addresses; else by the client's address.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};

use sha2::{Digest as _, Sha256};

use super::peer::ClientAddr;
use crate::base::{
    counters::Counters,
    error::{Code, Error},
};

type Limiter =
    RateLimiter<u64, DefaultKeyedStateStore<u64>, DefaultClock, StateInformationMiddleware>;

/// One kind of request's limit: so many a minute, and so many at once.
pub struct RateLimit {
    limiter: Limiter,
    clock: DefaultClock,
    /// Callers are kept as hashes with a secret of the process: no token lies in memory for long.
    hashes: RandomState,
    /// Calls since the last sweep of callers that have long been quiet.
    calls: AtomicU32,
    policy: String,
    burst: NonZeroU32,
    /// How many calls a shared window may have: as many as a full bucket and its refilling let
    /// through in a first minute.
    window_calls_max: u64,
    /// Where processes count together.
    shared: Option<Counters>,
}

/// Seconds of the window in which processes count together.
const WINDOW_S: u32 = 60;

/// Calls between two sweeps; the store grows by at most so many callers beyond the active ones.
const SWEEP_EVERY: u32 = 10_000;

/// What is left of a caller's bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    pub remaining: u32,
}

impl RateLimit {
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))
            .with_middleware::<StateInformationMiddleware>();
        Self {
            limiter,
            clock: DefaultClock::default(),
            hashes: RandomState::new(),
            calls: AtomicU32::new(0),
            policy: format!("\"default\";q={per_minute};w=60"),
            burst,
            window_calls_max: u64::from(per_minute.get()) + u64::from(burst.get()),
            shared: None,
        }
    }

    /// The same limit, held by all processes that share `counters`.
    #[must_use]
    pub fn shared(self, counters: Counters) -> Self {
        Self { shared: Some(counters), ..self }
    }

    /// Counts the call among all processes. A store that is lost refuses nobody.
    async fn check_shared(&self, caller: &[u8]) -> Result<(), Error> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let mut name = Sha256::new_with_prefix(&self.policy);
        name.update(caller);
        let name = hex::encode(&name.finalize()[..16]);
        match shared.counted(&name, WINDOW_S).await {
            Some((calls, left_s)) if calls > self.window_calls_max => {
                Err(Error::TooMany(Code::RateLimited, left_s.max(1)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes one from the bucket of `caller`; an empty one is `rate_limited` (429) with the
    /// seconds to wait.
    pub fn check(&self, caller: &[u8]) -> Result<Allowed, Error> {
        if self.calls.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&self.hashes.hash_one(caller)) {
            Ok(state) => Ok(Allowed { remaining: state.remaining_burst_capacity() }),
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
                Err(Error::TooMany(Code::RateLimited, seconds))
            }
        }
    }

    /// Middleware: `.layer(from_fn(move |request, next| Arc::clone(&limit).guard(request, next)))`.
    pub async fn guard(self: Arc<Self>, request: Request, next: Next) -> Response {
        let caller = caller(&request);
        let checked = match self.check(&caller) {
            Ok(allowed) => self.check_shared(&caller).await.map(|()| allowed),
            refused => refused,
        };
        let (mut response, remaining, reset_s) = match checked {
            Ok(allowed) => (next.run(request).await, allowed.remaining, 0),
            Err(Error::TooMany(code, seconds)) => {
                (Error::TooMany(code, seconds).into_response(), 0, seconds)
            }
            Err(other) => return other.into_response(),
        };
        self.tell(response.headers_mut(), remaining, reset_s);
        response
    }

    /// The headers of draft-ietf-httpapi-ratelimit-headers.
    fn tell(&self, headers: &mut HeaderMap, remaining: u32, reset_s: u32) {
        let remaining = remaining.min(self.burst.get());
        let state = format!("\"default\";r={remaining};t={reset_s}");
        for (name, value) in [("ratelimit-policy", &self.policy), ("ratelimit", &state)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// Who asks: the token if one is sent, else the client's address. An invented token gets a
/// bucket of its own, so what is reachable with one must also be limited by address.
fn caller(request: &Request) -> Vec<u8> {
    if let Some(token) = request.headers().get(header::AUTHORIZATION) {
        return token.as_bytes().to_vec();
    }
    by_address(request)
}

/// The client's address as a key; IPv6 by its /64, which one household has whole.
pub fn by_address(request: &Request) -> Vec<u8> {
    match request.extensions().get::<ClientAddr>() {
        Some(ClientAddr(std::net::IpAddr::V4(address))) => address.octets().to_vec(),
        Some(ClientAddr(std::net::IpAddr::V6(address))) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn each_caller_has_a_bucket_of_its_own() {
        let two = NonZeroU32::new(2).unwrap();
        let limit = RateLimit::new(two, two);
        assert_eq!(limit.check(b"a").unwrap(), Allowed { remaining: 1 });
        assert_eq!(limit.check(b"a").unwrap(), Allowed { remaining: 0 });
        let refused = limit.check(b"a").unwrap_err();
        assert!(matches!(refused, Error::TooMany(Code::RateLimited, 1..=31)), "{refused}");
        assert!(limit.check(b"b").is_ok());
    }

    #[tokio::test]
    async fn processes_that_share_a_store_share_the_limit() {
        let redis = crate::base::counters::tests::servers::Server::start();
        let two = NonZeroU32::new(2).unwrap();
        let at = |url: &str| RateLimit::new(two, two).shared(Counters::open(Some(url)).unwrap());
        let (one, other) = (at(&redis.url()), at(&redis.url()));
        for limit in [&one, &other, &one, &other] {
            limit.check_shared(b"a").await.unwrap();
        }
        for limit in [&one, &other] {
            let refused = limit.check_shared(b"a").await.unwrap_err();
            assert!(matches!(refused, Error::TooMany(Code::RateLimited, 1..=60)), "{refused}");
        }
        one.check_shared(b"b").await.unwrap();
        let lost = at("redis://127.0.0.1:1");
        for _ in 0..9 {
            lost.check_shared(b"a").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_guarded_route_tells_what_is_left() {
        let one = NonZeroU32::new(1).unwrap();
        let limit = Arc::new(RateLimit::new(one, one));
        let router = Router::new()
            .route("/", get(async || "well"))
            .layer(from_fn(move |request, next| Arc::clone(&limit).guard(request, next)));
        let ask = async || {
            let request = Request::get("/").body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let first = ask().await;
        assert_eq!(first.status(), 200);
        assert_eq!(first.headers()["ratelimit-policy"], "\"default\";q=1;w=60");
        assert_eq!(first.headers()["ratelimit"], "\"default\";r=0;t=0");
        let second = ask().await;
        assert_eq!(second.status(), 429);
        assert!(second.headers().contains_key(header::RETRY_AFTER));
    }
}
