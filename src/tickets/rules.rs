//! What may become of a ticket, by when, and who is told when it does not. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::base::ids::DivisionCode;

/// What is wrong at a venue; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketKind)]
pub enum Kind {
    /// Equipment is broken.
    Equipment,
    Hygiene,
    /// Somebody may come to harm.
    Safety,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Equipment, Self::Hygiene, Self::Safety];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equipment => "equipment",
            Self::Hygiene => "hygiene",
            Self::Safety => "safety",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How a ticket stands; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketState)]
pub enum State {
    Reported,
    /// Somebody of the staff has looked at it and says what it is.
    Triaged,
    /// Somebody has it to do.
    Assigned,
    /// Staff say that it is done.
    Fixed,
    /// Whoever reported it says so too, or has said nothing for a week.
    Confirmed,
    /// There is nothing to be done about it.
    Dismissed,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Reported,
        Self::Triaged,
        Self::Assigned,
        Self::Fixed,
        Self::Confirmed,
        Self::Dismissed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Triaged => "triaged",
            Self::Assigned => "assigned",
            Self::Fixed => "fixed",
            Self::Confirmed => "confirmed",
            Self::Dismissed => "dismissed",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing more will become of it.
    pub fn is_end(self) -> bool {
        match self {
            Self::Confirmed | Self::Dismissed => true,
            Self::Reported | Self::Triaged | Self::Assigned | Self::Fixed => false,
        }
    }

    /// Whether what is wrong is wrong still, so that it may keep a venue closed.
    pub fn is_open(self) -> bool {
        match self {
            Self::Reported | Self::Triaged | Self::Assigned => true,
            Self::Fixed | Self::Confirmed | Self::Dismissed => false,
        }
    }
}

/// What somebody does about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketAct)]
pub enum Act {
    /// Says what it is; may close the zone or the venue where it is a matter of safety.
    Triage,
    /// Gives it to somebody, or to somebody else.
    Assign,
    /// Says how far it is; nothing else changes.
    Progress,
    Fix,
    /// Says that it is fixed indeed.
    Confirm,
    /// Says that it is not.
    Reopen,
    Dismiss,
}

impl Act {
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::Triage,
        Self::Assign,
        Self::Progress,
        Self::Fix,
        Self::Confirm,
        Self::Reopen,
        Self::Dismiss,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Assign => "assign",
            Self::Progress => "progress",
            Self::Fix => "fix",
            Self::Confirm => "confirm",
            Self::Reopen => "reopen",
            Self::Dismiss => "dismiss",
        }
    }
}

/// The state after an act; none where the act is not to be done now.
pub fn after(state: State, act: Act) -> Option<State> {
    use State as S;
    match (act, state) {
        (Act::Triage, S::Reported | S::Triaged) => Some(S::Triaged),
        (Act::Assign, S::Triaged | S::Assigned) | (Act::Reopen, S::Fixed) => Some(S::Assigned),
        (Act::Progress, S::Triaged | S::Assigned) => Some(state),
        (Act::Fix, S::Assigned) => Some(S::Fixed),
        (Act::Confirm, S::Fixed) => Some(S::Confirmed),
        (Act::Dismiss, S::Reported | S::Triaged | S::Assigned) => Some(S::Dismissed),
        (
            Act::Triage
            | Act::Assign
            | Act::Progress
            | Act::Fix
            | Act::Confirm
            | Act::Reopen
            | Act::Dismiss,
            S::Reported | S::Triaged | S::Assigned | S::Fixed | S::Confirmed | S::Dismissed,
        ) => None,
    }
}

/// How long a ticket may stay in a state; none in one that is an end. Hygiene is a matter of the
/// day, equipment of the week, and what may harm somebody of hours.
pub fn allowed(kind: Kind, state: State) -> Option<TimeDelta> {
    let [reported, triaged, assigned] = match kind {
        Kind::Safety => [2, 4, 24],
        Kind::Hygiene => [4, 8, 24],
        Kind::Equipment => [24, 48, 7 * 24],
    };
    let hours = match state {
        State::Reported => reported,
        State::Triaged => triaged,
        State::Assigned => assigned,
        // Whoever reported it has a week to say that it is not fixed.
        State::Fixed => 7 * 24,
        State::Confirmed | State::Dismissed => return None,
    };
    Some(TimeDelta::hours(hours))
}

/// What somebody is told about a ticket; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketNoticeKind)]
pub enum Notice {
    /// 预警单: the community has little time left.
    Warning,
    /// 督办单: the time is over; the divisions above see to it, one after the other.
    Supervision,
    /// 进度单: something was done about a ticket that somebody was told of before.
    Progress,
}

impl Notice {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Supervision => "supervision",
            Self::Progress => "progress",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Warning, Self::Supervision, Self::Progress].into_iter().find(|n| n.as_str() == text)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Warning => "预警单",
            Self::Supervision => "督办单",
            Self::Progress => "进度单",
        }
    }
}

/// A notice and when it is due, and to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub at: DateTime<Utc>,
    pub notice: Notice,
    pub division: DivisionCode,
}

/// Divisions above the community that are asked to see to it: street, county, city.
const SUPERVISORS: [usize; 3] = [9, 6, 4];

/// The notices about a state that began at `since` and should have ended at `due`, in order: a
/// warning to the community after three quarters of the time, and supervision by the division
/// above when it is over, by the next one when as much time has passed again.
pub fn notices(community: &DivisionCode, since: DateTime<Utc>, due: DateTime<Utc>) -> Vec<Due> {
    let time = due - since;
    let warning =
        Due { at: since + time * 3 / 4, notice: Notice::Warning, division: community.clone() };
    let above = SUPERVISORS.into_iter().filter_map(|digits| {
        let text = community.as_str().get(..digits)?;
        text.parse::<DivisionCode>().ok()
    });
    let supervised = above.zip(0..).map(|(division, times)| Due {
        at: due + time * times,
        notice: Notice::Supervision,
        division,
    });
    std::iter::once(warning).chain(supervised).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::base::clock::from_millis;

    #[test]
    fn words_are_those_of_json() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(State::from_text(state.as_str()), Some(state));
        }
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::from_text(kind.as_str()), Some(kind));
        }
        for act in Act::ALL {
            assert_eq!(serde_json::to_value(act).unwrap(), act.as_str());
        }
        for notice in [Notice::Warning, Notice::Supervision, Notice::Progress] {
            assert_eq!(Notice::from_text(notice.as_str()), Some(notice));
            assert!(notice.zh().ends_with('单'));
        }
    }

    #[test]
    fn what_is_overdue_goes_up_the_divisions_one_by_one() {
        let community: DivisionCode = "330499001001".parse().unwrap();
        let (since, due) = (from_millis(0), from_millis(4 * 3_600_000));
        let told: Vec<(i64, Notice, String)> = notices(&community, since, due)
            .into_iter()
            .map(|one| ((one.at - since).num_hours(), one.notice, one.division.to_string()))
            .collect();
        let line = |hours, notice, division: &str| (hours, notice, division.to_owned());
        assert_eq!(
            told,
            [
                line(3, Notice::Warning, "330499001001"),
                line(4, Notice::Supervision, "330499001"),
                line(8, Notice::Supervision, "330499"),
                line(12, Notice::Supervision, "3304"),
            ]
        );
    }

    proptest! {
        #[test]
        fn however_a_ticket_goes_it_ends_at_most_once_and_open_ones_have_a_deadline(
            kind in select(Kind::ALL.to_vec()), acts in prop::collection::vec(select(Act::ALL.to_vec()), 0..40),
        ) {
            let mut state = State::Reported;
            for act in acts {
                prop_assert_eq!(allowed(kind, state).is_none(), state.is_end());
                if let Some(next) = after(state, act) {
                    prop_assert!(!state.is_end(), "{:?} does not end {:?}", act, state);
                    // Nothing is confirmed that nobody fixed, and nothing fixed that nobody had.
                    prop_assert!(next != State::Confirmed || state == State::Fixed);
                    prop_assert!(next != State::Fixed || state == State::Assigned);
                    state = next;
                }
            }
        }

        #[test]
        fn notices_come_in_order_each_to_a_wider_division(since in 0_i64..1_000_000, time in 60_000_i64..1_000_000_000) {
            let community: DivisionCode = "330499001001".parse().unwrap();
            let due = from_millis(since + time);
            let all = notices(&community, from_millis(since), due);
            for pair in all.windows(2) {
                prop_assert!(pair[0].at < pair[1].at);
                prop_assert!(pair[1].division.covers(&pair[0].division));
            }
            prop_assert!(all[0].at < due && all[1].at == due);
        }
    }
}
