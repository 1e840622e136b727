//! The kinds of what waits, and what can be done about each. Pure.

use serde::{Deserialize, Serialize};

/// What looks wrong; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WorkKind)]
pub enum Kind {
    /// A record that contradicts one under the same number.
    Conflict,
    /// A record whose device time cannot be.
    UndatedRecord,
    /// A record of somebody whom nobody knows.
    UnknownFace,
    /// A record that waits for another reason.
    QuarantinedRecord,
    /// A device that sends and is nobody's.
    QuarantinedDevice,
    /// A withdrawn face that a terminal has not deleted in time.
    FaceDeletionOverdue,
    /// A terminal that was silent for so long that no day waits for it.
    LostTerminal,
    SilentTerminal,
    /// Records whose numbers were skipped.
    Gap,
    RosterMismatch,
    /// Somebody is inside for longer than three hours.
    LongStay,
    /// An exit without a stay.
    OrphanExit,
    /// An entry of somebody of whom the door was not sure.
    LowScore,
    /// A live entry whose device time made no sense, so that the time of receipt was taken.
    AbsurdClock,
    /// Something that a resident reported of a venue and that is not fixed yet.
    Ticket,
}

impl Kind {
    /// In the order in which they are listed: what may cost somebody minutes or rights first.
    pub const ALL: [Self; 15] = [
        Self::Conflict,
        Self::UndatedRecord,
        Self::UnknownFace,
        Self::QuarantinedRecord,
        Self::QuarantinedDevice,
        Self::FaceDeletionOverdue,
        Self::LostTerminal,
        Self::SilentTerminal,
        Self::Gap,
        Self::RosterMismatch,
        Self::LongStay,
        Self::OrphanExit,
        Self::LowScore,
        Self::AbsurdClock,
        Self::Ticket,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::UndatedRecord => "undated_record",
            Self::UnknownFace => "unknown_face",
            Self::QuarantinedRecord => "quarantined_record",
            Self::QuarantinedDevice => "quarantined_device",
            Self::FaceDeletionOverdue => "face_deletion_overdue",
            Self::LostTerminal => "lost_terminal",
            Self::SilentTerminal => "silent_terminal",
            Self::Gap => "gap",
            Self::RosterMismatch => "roster_mismatch",
            Self::LongStay => "long_stay",
            Self::OrphanExit => "orphan_exit",
            Self::LowScore => "low_score",
            Self::AbsurdClock => "absurd_clock",
            Self::Ticket => "ticket",
        }
    }

    /// Its place in the list.
    pub fn place(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }

    /// Whether its items are records in quarantine, which can become events.
    pub fn is_record(self) -> bool {
        match self {
            Self::Conflict | Self::UndatedRecord | Self::UnknownFace | Self::QuarantinedRecord => {
                true
            }
            Self::QuarantinedDevice
            | Self::FaceDeletionOverdue
            | Self::LostTerminal
            | Self::SilentTerminal
            | Self::Gap
            | Self::RosterMismatch
            | Self::LongStay
            | Self::OrphanExit
            | Self::LowScore
            | Self::AbsurdClock
            | Self::Ticket => false,
        }
    }

    /// Whether its items are terminals as they stand, so that putting one aside lasts a day only.
    pub fn is_state(self) -> bool {
        match self {
            Self::LostTerminal | Self::SilentTerminal | Self::Gap | Self::RosterMismatch => true,
            Self::Conflict
            | Self::UndatedRecord
            | Self::UnknownFace
            | Self::QuarantinedRecord
            | Self::QuarantinedDevice
            | Self::FaceDeletionOverdue
            | Self::LongStay
            | Self::OrphanExit
            | Self::LowScore
            | Self::AbsurdClock
            | Self::Ticket => false,
        }
    }

    /// What can be done about it: `accept` and `reject` through the list, the rest by the routes
    /// of terminals, sessions and tickets.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Self::UndatedRecord | Self::UnknownFace | Self::QuarantinedRecord => {
                &["accept", "reject"]
            }
            Self::Conflict => &["reject"],
            Self::QuarantinedDevice => &["claim"],
            Self::FaceDeletionOverdue => &["revoke_terminal"],
            Self::Gap => &["command", "declare_lost", "reject"],
            Self::LostTerminal | Self::SilentTerminal | Self::RosterMismatch => {
                &["command", "reject"]
            }
            Self::LongStay | Self::OrphanExit | Self::LowScore | Self::AbsurdClock => {
                &["correct", "reject"]
            }
            Self::Ticket => &["ticket"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_once_in_the_list_under_its_word() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.place(), place);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(!kind.actions().is_empty());
            assert!(!(kind.is_record() && kind.is_state()));
        }
    }
}
