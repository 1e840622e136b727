//! The time: the system's, or one that tests and the demo move. Nothing else reads a clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Utc};

/// Where the time comes from. Cheap to clone; a movable clock is shared by its clones.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Milliseconds since 1970 UTC, or an offset to the system's time.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `at` until [`Clock::set`] moves it.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(at.timestamp_millis()))))
    }

    /// The time now, UTC, cut to whole milliseconds, because both databases keep no more.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Source::System => cut(system_now()),
            Source::Fixed(at) => from_millis(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock; the system's clock cannot be moved and ignores it.
    pub fn set(&self, to: DateTime<Utc>) {
        match &self.0 {
            Source::System => {}
            Source::Fixed(at) => at.store(to.timestamp_millis(), Ordering::SeqCst),
        }
    }
}

/// An instant cut to whole milliseconds.
pub fn cut(at: DateTime<Utc>) -> DateTime<Utc> {
    from_millis(at.timestamp_millis())
}

/// The instant `millis` milliseconds after 1970 UTC; out-of-range values give 1970.
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> DateTime<Utc> {
    Utc::now()
}
