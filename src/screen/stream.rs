//! The stream of a screen: the shared frames as they change, a sign of life every ten seconds,
//! and an end when the server stops, the token is revoked or the reader is too slow.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::{
    TokenHash,
    hub::{Built, Hub, Latest},
};
use crate::base::ids::DivisionCode;

/// Between two signs of life; the token is looked at as often.
const PING_EVERY: Duration = Duration::from_secs(10);
/// A reader that took longer to take a frame is dropped; the page comes back by itself.
const READ_MAX: Duration = Duration::from_secs(30);

/// One open stream: a receiver and a timer, no document of its own.
struct Viewing {
    hub: Hub,
    token: TokenHash,
    division: DivisionCode,
    latest: watch::Receiver<Latest>,
    /// The version that was sent last; 0 before the first.
    sent: u64,
    ping: Interval,
    yielded_at: Instant,
}

/// Frames for one reader of `division`: first the document and its age, then what changes.
pub fn frames(
    hub: Hub,
    token: TokenHash,
    division: DivisionCode,
    latest: watch::Receiver<Latest>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut ping = interval_at(Instant::now(), PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let yielded_at = Instant::now();
    let viewing = Viewing { hub, token, division, latest, sent: 0, ping, yielded_at };
    stream::unfold(viewing, |mut viewing| async move {
        let frame = viewing.next().await?;
        viewing.yielded_at = Instant::now();
        Some((Ok(frame), viewing))
    })
}

impl Viewing {
    async fn next(&mut self) -> Option<Bytes> {
        if self.yielded_at.elapsed() > READ_MAX {
            return None;
        }
        loop {
            if let Some(built) = self.unsent() {
                self.sent = built.version;
                return Some(built.frame.clone());
            }
            tokio::select! {
                biased;
                () = self.hub.stopping().cancelled() => return None,
                changed = self.latest.changed() => changed.ok()?,
                _ = self.ping.tick() => return self.ping().await,
            }
        }
    }

    fn unsent(&mut self) -> Option<Arc<Built>> {
        let built = self.latest.borrow_and_update().built.clone()?;
        (built.version != self.sent).then_some(built)
    }

    /// The age of what was sent, unless the token no longer covers the division. While tokens
    /// cannot be looked up no document can be built either, so nothing new is shown meanwhile.
    async fn ping(&self) -> Option<Bytes> {
        match self.hub.division_of(&self.token).await {
            Ok(Some(division)) if division.covers(&self.division) => {}
            Ok(Some(_) | None) => return None,
            Err(_unknown) => {}
        }
        let built = self.latest.borrow().built.clone()?;
        let (as_of, age) = (built.as_of(), built.age().as_millis());
        let frame = format!(
            ": keep-alive\nevent: age\ndata: {{\"as_of\":\"{as_of}\",\"age_ms\":{age}}}\n\n"
        );
        Some(Bytes::from(frame))
    }
}
