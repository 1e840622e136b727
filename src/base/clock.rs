//! The time: the system's, or one that tests and the demo move. Nothing else reads a clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::error::Code;

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

/// An instant in a request: RFC 3339 with its offset, cut to whole milliseconds. A leap second is
/// refused, since nobody means it; what cannot be read names the code `bad_time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = DateTime<Utc>)]
pub struct Given(pub DateTime<Utc>);

/// From this many nanoseconds on, a second is a leap second.
const LEAP_NANOS: u32 = 1_000_000_000;

impl Given {
    pub fn parse(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        (at.nanosecond() < LEAP_NANOS).then(|| Self(cut(at.to_utc())))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(Code::BadTime))
    }
}

/// Whether a reader's message is one of chrono's about a date that is none.
pub fn is_said_of_a_date(message: &str) -> bool {
    const MESSAGES: [&str; 6] = [
        "input is out of range",
        "no possible date and time matching input",
        "input is not enough for unique date and time",
        "input contains invalid characters",
        "premature end of input",
        "trailing input",
    ];
    MESSAGES.contains(&message)
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
