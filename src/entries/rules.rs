//! Whether somebody may enter: one pure function over what was in force at the time. How the three
//! clocks of an event agree is in `clocks`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::{
    base::ids::{Direction, Method, ZoneId},
    bookings::BOOKING,
    venues::{Open, Pairing, Passback, Venue, VenueStatus},
};

mod clocks;
mod nearest;
#[cfg(test)]
mod tests;

pub use clocks::{ClockFlag, Timing, classify_time};
pub use nearest::nearest_admitting;

/// All that an entry decision rests on, as it was at `at`.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// None: nobody has this credential.
    pub member: Option<&'a MemberFacts>,
    pub venue: &'a Venue,
    /// Where the door leads to, if it is a zone's own.
    pub zone: Option<ZoneId>,
    pub direction: Direction,
    pub method: Method,
    pub presence: Presence,
    pub occupancy: Occupancy,
    pub at: DateTime<Utc>,
}

/// What was in force for a member at the time of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    pub status: MemberStatus,
    /// The real name is verified.
    pub verified: bool,
    pub face_consent: bool,
    /// Kinds of approval that were valid, as rules name them in `prerequisites`.
    pub approvals: Vec<String>,
    /// Whole years on the local date; none when no birth date is known.
    pub age: Option<i32>,
    pub has_guardian: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    Active,
    Suspended,
    /// What is left of somebody who asked to be forgotten; as good as unknown.
    Erased,
}

/// Where the member is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// The limit of their open stay at this venue, if it has not passed.
    pub inside_here: Option<DateTime<Utc>>,
}

/// How full the venue is, counted in SQL under the gate's lock where a capacity is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Unexpired open stays, the member's own included.
    pub inside: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Granted {
        warning: Option<Warning>,
    },
    /// `allowed_from`: when the same person may enter, where such a time is known.
    Refused {
        reason: Reason,
        allowed_from: Option<DateTime<Utc>>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The soft capacity is reached.
    NearlyFull,
}

/// Why somebody may not enter, in the order in which the rules are checked. The codes are part of
/// the API and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    UnknownCredential,
    MemberNotVerified,
    MemberSuspended,
    FaceConsentMissing,
    VenueClosed,
    PrerequisiteMissing,
    GuardianRequired,
    AlreadyInside,
    VenueFull,
}

/// Whether a replayed record counts for sessions. It happened and is not judged again; only who
/// was kept out is not inside. An exit always counts.
pub fn is_folded(direction: Direction, outcome: Outcome) -> bool {
    match outcome {
        Outcome::Live | Outcome::Opened | Outcome::Unknown => true,
        Outcome::Refused => direction == Direction::Out,
    }
}

/// Decides about one scan. An exit is never refused, whatever the rules say; at a venue with one
/// reader for both ways, a scan of somebody inside is an exit.
pub fn decide(ask: &Ask) -> Decision {
    let rules = ask.venue.rules_at(ask.at);
    let toggles = rules.pairing == Pairing::Toggle && ask.presence.inside_here.is_some();
    if ask.direction == Direction::Out || toggles {
        return Decision::Granted { warning: None };
    }
    match refusal(ask) {
        Some(reason) => Decision::Refused { reason, allowed_from: allowed_from(reason, ask) },
        None => Decision::Granted { warning: warning(ask) },
    }
}

/// Whether a venue lets in only who has booked.
pub fn needs_booking(venue: &Venue, at: DateTime<Utc>) -> bool {
    venue.rules_at(at).prerequisites.iter().any(|kind| kind == BOOKING)
}

/// The first reason in the order of [`Reason`].
fn refusal(ask: &Ask) -> Option<Reason> {
    let Some(member) = ask.member else { return Some(Reason::UnknownCredential) };
    let rules = ask.venue.rules_at(ask.at);
    let known = member.status != MemberStatus::Erased;
    let faceless = ask.method != Method::Face || member.face_consent;
    let open = ask.venue.status == VenueStatus::Open
        && ask.venue.period_at(ask.at) != Open::Closed
        && !ask.venue.is_shut(ask.zone, ask.at);
    let prepared = rules.prerequisites.iter().all(|kind| member.approvals.contains(kind));
    // An unknown age is taken for a child's: the rule is there to protect.
    let grown = rules.guardian_under.is_none_or(|years| member.age.is_some_and(|age| age >= years));
    let inside = ask.presence.inside_here.is_some();
    let full = !inside && reached(rules.capacity, ask.occupancy);
    let checks = [
        (known, Reason::UnknownCredential),
        (member.verified, Reason::MemberNotVerified),
        (member.status != MemberStatus::Suspended, Reason::MemberSuspended),
        (faceless, Reason::FaceConsentMissing),
        (open, Reason::VenueClosed),
        (prepared, Reason::PrerequisiteMissing),
        (grown || member.has_guardian, Reason::GuardianRequired),
        (rules.passback == Passback::Allowed || !inside, Reason::AlreadyInside),
        (!full, Reason::VenueFull),
    ];
    checks.into_iter().find(|(fulfilled, _)| !fulfilled).map(|(_, reason)| reason)
}

/// Only what time alone mends has a time; nobody knows when a full venue empties.
fn allowed_from(reason: Reason, ask: &Ask) -> Option<DateTime<Utc>> {
    match reason {
        // Nobody knows when an order ends.
        Reason::VenueClosed if ask.venue.is_shut(ask.zone, ask.at) => None,
        Reason::VenueClosed if ask.venue.status == VenueStatus::Open => {
            ask.venue.opens_next(ask.at)
        }
        Reason::AlreadyInside => ask.presence.inside_here,
        Reason::VenueClosed
        | Reason::UnknownCredential
        | Reason::MemberNotVerified
        | Reason::MemberSuspended
        | Reason::FaceConsentMissing
        | Reason::PrerequisiteMissing
        | Reason::GuardianRequired
        | Reason::VenueFull => None,
    }
}

fn warning(ask: &Ask) -> Option<Warning> {
    let soft = ask.venue.rules_at(ask.at).capacity_soft;
    reached(soft, ask.occupancy).then_some(Warning::NearlyFull)
}

fn reached(capacity: Option<i32>, occupancy: Occupancy) -> bool {
    capacity.is_some_and(|people| occupancy.inside >= i64::from(people))
}

impl Reason {
    #[cfg(test)]
    pub const ALL: [Self; 9] = [
        Self::UnknownCredential,
        Self::MemberNotVerified,
        Self::MemberSuspended,
        Self::FaceConsentMissing,
        Self::VenueClosed,
        Self::PrerequisiteMissing,
        Self::GuardianRequired,
        Self::AlreadyInside,
        Self::VenueFull,
    ];

    /// The code on the wire and in SQL.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownCredential => "unknown_credential",
            Self::MemberNotVerified => "member_not_verified",
            Self::MemberSuspended => "member_suspended",
            Self::FaceConsentMissing => "face_consent_missing",
            Self::VenueClosed => "venue_closed",
            Self::PrerequisiteMissing => "prerequisite_missing",
            Self::GuardianRequired => "guardian_required",
            Self::AlreadyInside => "already_inside",
            Self::VenueFull => "venue_full",
        }
    }

    #[cfg(test)]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// What the person reads at the door, in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::UnknownCredential => "没有认出您。请再试一次,或到服务台登记。",
            Self::MemberNotVerified => "您的实名信息还未核验。请在小程序或服务台完成核验后再来。",
            Self::MemberSuspended => "您的会员资格已暂停。请到服务台了解原因并申请恢复。",
            Self::FaceConsentMissing => {
                "您没有同意使用人脸识别。请改用二维码、会员卡或服务台登记入场。"
            }
            Self::VenueClosed => "场馆现在不开放。请在开放时间再来,或去附近开放的场馆。",
            Self::PrerequisiteMissing => {
                "您还缺少本场馆要求的手续(如预约、校园场地审批、安全培训)。请先预约或到服务台办理。"
            }
            Self::GuardianRequired => "未成年人入场须先登记监护人。请监护人在小程序或服务台登记。",
            Self::AlreadyInside => "您已在馆内。请先刷脸离场,或请工作人员协助。",
            Self::VenueFull => "场馆人数已满。请稍候,或去附近的场馆。",
        }
    }

    /// What the person reads at the door, in English.
    pub fn en(self) -> &'static str {
        match self {
            Self::UnknownCredential => {
                "We did not recognise you. Please try again, or register at the desk."
            }
            Self::MemberNotVerified => {
                "Your name is not verified yet. Please verify it in the mini-program or at the desk."
            }
            Self::MemberSuspended => {
                "Your membership is suspended. Please ask at the desk why and how to resume it."
            }
            Self::FaceConsentMissing => {
                "You have not agreed to face recognition. Please use your QR code or card, or the desk."
            }
            Self::VenueClosed => {
                "The venue is closed now. Please come in opening hours, or try one nearby."
            }
            Self::PrerequisiteMissing => {
                "A booking or an approval that this venue asks for is missing. Please book, or ask at the desk."
            }
            Self::GuardianRequired => {
                "At your age a guardian must be registered first, in the mini-program or at the desk."
            }
            Self::AlreadyInside => {
                "You are inside already. Please scan out first, or ask the staff for help."
            }
            Self::VenueFull => "The venue is full. Please wait a little, or try one nearby.",
        }
    }
}
