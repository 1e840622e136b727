//! What a notice may say and when it stands: lengths, times, states. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::base::error::{Code, Error};

/// Characters that fit one line of a screen.
const TITLE_CHARS_MAX: usize = 40;
const BODY_CHARS_MAX: usize = 2_000;
/// How long a notice stands if nobody says, and at most: what stands for ever is read by nobody.
const STANDS: TimeDelta = TimeDelta::days(14);
const STANDS_MAX: TimeDelta = TimeDelta::days(366);
/// How far ahead a notice may be scheduled.
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// What a notice is about; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeKind)]
pub enum Kind {
    Notice,
    /// A venue is closed: whoever was there lately is told by message too.
    Closure,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Closure => "closure",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Notice, Self::Closure].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where a notice is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NoticeState)]
pub enum State {
    Scheduled,
    Published,
    Over,
    Withdrawn,
}

/// Where a notice with these times is at `now`.
pub fn state(
    publish_at: DateTime<Utc>,
    until: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> State {
    match withdrawn_at {
        Some(_) => State::Withdrawn,
        None if now < publish_at => State::Scheduled,
        None if now < until => State::Published,
        None => State::Over,
    }
}

/// A notice's texts, cut of blanks and in NFC: a title of one line, a body of lines.
pub fn texts(title: &str, body: &str) -> Result<(String, String), Error> {
    let title: String = title.trim().nfc().collect();
    let body: String = body.trim().nfc().collect();
    let is_line = (1..=TITLE_CHARS_MAX).contains(&title.chars().count());
    if !is_line || title.chars().any(char::is_control) {
        return Err(Error::invalid("/title", Code::BadName));
    }
    if body.chars().count() > BODY_CHARS_MAX || body.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::invalid("/body", Code::InvalidValue));
    }
    Ok((title, body))
}

/// When a notice stands: from `publish_at`, now at the earliest, to `until`.
pub fn span(
    publish_at: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let from = publish_at.unwrap_or(now).max(now);
    if from - now > AHEAD_MAX {
        return Err(Error::invalid("/publish_at", Code::BadTime));
    }
    let until = until.unwrap_or(from + STANDS);
    if until <= from || until - from > STANDS_MAX {
        return Err(Error::invalid("/until", Code::BadTime));
    }
    Ok((from, until))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    const NOW_MS: i64 = 1_800_000_000_000;

    #[test]
    fn texts_are_of_one_line_and_of_a_page() {
        assert_eq!(texts(" 闭馆 ", "").unwrap(), ("闭馆".to_owned(), String::new()));
        assert!(texts("闭馆", "一\n二").is_ok());
        for (title, body) in [("", ""), ("a\nb", ""), ("闭馆", "a\u{7}")] {
            assert!(texts(title, body).is_err(), "{title:?}");
        }
        assert!(texts(&"长".repeat(41), "").is_err() && texts("闭", &"长".repeat(2001)).is_err());
    }

    #[test]
    fn words_are_those_of_json() {
        for kind in [Kind::Notice, Kind::Closure] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::from_text(kind.as_str()), Some(kind));
        }
    }

    proptest! {
        /// Whatever is asked for, a notice that is taken is seen for a while, and never for ever.
        #[test]
        fn a_notice_is_scheduled_then_published_then_over(
            publish_s in prop::option::of(-1_000_000_i64..40_000_000),
            until_s in prop::option::of(-1_000_000_i64..80_000_000),
        ) {
            let now = from_millis(NOW_MS);
            let at = |s: Option<i64>| s.map(|s| now + TimeDelta::seconds(s));
            if let Ok((from, until)) = span(at(publish_s), at(until_s), now) {
                prop_assert!(now <= from && from < until && until - from <= STANDS_MAX);
                prop_assert_eq!(state(from, until, None, from), State::Published);
                prop_assert_eq!(state(from, until, None, until), State::Over);
                let before = from - TimeDelta::seconds(1);
                prop_assert_eq!(state(from, until, None, before), State::Scheduled);
                prop_assert_eq!(state(from, until, Some(now), from), State::Withdrawn);
            }
        }
    }
}
