//! What becomes of a message after WeChat's answer. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::base::wechat_api::Refusal;

/// After these many attempts nobody wants to know any more.
pub const ATTEMPTS_MAX: i32 = 10;
/// Waits double from the first to the longest.
const FIRST_WAIT_S: i64 = 30;
const LONGEST_WAIT_S: i64 = 3600;

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// Tried again then.
    Later(DateTime<Utc>),
    /// Never sent, and why, in words that name nobody.
    GivenUp(String),
}

/// What WeChat's answer to the `attempts`th attempt means.
pub fn outcome(answer: Result<(), Refusal>, attempts: i32, now: DateTime<Utc>) -> Outcome {
    match answer {
        Ok(()) => Outcome::Sent,
        Err(refusal) if refusal.is_passing() && attempts < ATTEMPTS_MAX => {
            Outcome::Later(now + wait_after(attempts))
        }
        Err(refusal) => Outcome::GivenUp(refusal.to_string()),
    }
}

fn wait_after(attempts: i32) -> TimeDelta {
    // At most ten attempts, so the shift stays small.
    let doubled = FIRST_WAIT_S << attempts.clamp(1, ATTEMPTS_MAX).unsigned_abs().saturating_sub(1);
    TimeDelta::seconds(std::cmp::min(doubled, LONGEST_WAIT_S))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    #[test]
    fn waits_double_up_to_an_hour_and_come_to_an_end() {
        let now = from_millis(1_800_000_000_000);
        let waits: Vec<i64> = (1..ATTEMPTS_MAX)
            .map(|attempts| match outcome(Err(Refusal::Busy), attempts, now) {
                Outcome::Later(at) => (at - now).num_seconds(),
                other => panic!("attempt {attempts}: {other:?}"),
            })
            .collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        let last = outcome(Err(Refusal::Busy), ATTEMPTS_MAX, now);
        assert_eq!(last, Outcome::GivenUp(Refusal::Busy.to_string()));
        let refused = outcome(Err(Refusal::MessageRefused), 1, now);
        assert_eq!(refused, Outcome::GivenUp(Refusal::MessageRefused.to_string()));
        assert_eq!(outcome(Ok(()), 1, now), Outcome::Sent);
    }
}
