//! What each role may do, and where. Pure.

use serde::{Deserialize, Serialize};

use crate::base::{
    error::{Code, Error},
    ids::DivisionCode,
};

/// What somebody is here; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Stands at the desk of one community's venues.
    Venue,
    /// Runs a community.
    Community,
    /// Runs a district or county.
    District,
    /// Runs the city.
    City,
    /// The sports bureau: figures and masked rows only, changes nothing.
    Bureau,
    /// Keeps the system itself.
    Admin,
    /// Certified sports instructors and coaches: limited staff, who see places and what is theirs.
    Instructor,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Venue,
        Self::Community,
        Self::District,
        Self::City,
        Self::Bureau,
        Self::Admin,
        Self::Instructor,
    ];

    /// The word in SQL, JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venue => "venue",
            Self::Community => "community",
            Self::District => "district",
            Self::City => "city",
            Self::Bureau => "bureau",
            Self::Admin => "admin",
            Self::Instructor => "instructor",
        }
    }

    /// The role behind [`Role::as_str`].
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the role includes the function, anywhere.
    pub fn includes(self, function: Function) -> bool {
        use Function as F;
        match self {
            Self::Admin => true,
            Self::Venue => matches!(
                function,
                F::SeeMembers
                    | F::RegisterMembers
                    | F::UnmaskMembers
                    | F::SeePlaces
                    | F::SeeWork
                    | F::AnswerWork
                    | F::CorrectSessions
                    | F::PublishSlots
                    | F::ManageBookings
                    | F::OrganiseCommunity
                    | F::KeepFitness
            ),
            Self::Community => !matches!(
                function,
                F::ImportMembers
                    | F::ManageDivisions
                    | F::ReadAudit
                    | F::ExportMembers
                    | F::ManageWebhooks
            ),
            Self::District => {
                !matches!(function, F::ImportMembers | F::ManageDivisions | F::ManageWebhooks)
            }
            Self::City => !matches!(function, F::ManageDivisions),
            Self::Bureau => {
                matches!(function, F::SeeMembers | F::SeePlaces)
            }
            Self::Instructor => {
                matches!(function, F::SeePlaces | F::PublishSlots | F::KeepFitness)
            }
        }
    }

    /// Whose accounts somebody may keep: those of who ranks below them.
    fn rank(self) -> u8 {
        match self {
            Self::Instructor => 0,
            Self::Venue => 1,
            Self::Community => 2,
            Self::District | Self::Bureau => 3,
            Self::City => 4,
            Self::Admin => 5,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::from_text(text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of venue, community, district, city, bureau, admin, instructor")]
pub struct UnknownRole;

/// What a route does, as far as rights are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StaffFunction)]
pub enum Function {
    /// Masked rows of members.
    SeeMembers,
    RegisterMembers,
    /// Permits such as the school ground's.
    ApproveMembers,
    ImportMembers,
    /// Suspending people, and joining two registrations of one person.
    ManageMembers,
    /// Asking to see a number or name in the clear.
    UnmaskMembers,
    /// Divisions and communities.
    ManageDivisions,
    /// Venues, zones and terminals, as they are.
    SeePlaces,
    /// Venues, zones, hours, rules.
    ManageVenues,
    ManageTerminals,
    /// The list of what waits for somebody to look at it.
    SeeWork,
    AnswerWork,
    CorrectSessions,
    /// Notices, groups and activities: what a community has beside its doors.
    OrganiseCommunity,
    /// Fitness tests of those who agreed to it: entering them, seeing them, planning by them.
    KeepFitness,
    /// Deciding what somebody else of the staff has asked for.
    DecideRequests,
    ManageStaff,
    ReadAudit,
    /// Many members' rows as a file.
    ExportMembers,
    /// Addresses that are told what happens.
    ManageWebhooks,
    /// Instructors with their certificates.
    ManageInstructors,
    /// Hours that can be booked; an instructor's own only.
    PublishSlots,
    /// Who booked what, and what becomes of it.
    ManageBookings,
}

impl Function {
    pub const ALL: [Self; 23] = [
        Self::SeeMembers,
        Self::RegisterMembers,
        Self::ApproveMembers,
        Self::ImportMembers,
        Self::ManageMembers,
        Self::UnmaskMembers,
        Self::ManageDivisions,
        Self::SeePlaces,
        Self::ManageVenues,
        Self::ManageTerminals,
        Self::SeeWork,
        Self::AnswerWork,
        Self::CorrectSessions,
        Self::OrganiseCommunity,
        Self::KeepFitness,
        Self::DecideRequests,
        Self::ManageStaff,
        Self::ReadAudit,
        Self::ExportMembers,
        Self::ManageWebhooks,
        Self::ManageInstructors,
        Self::PublishSlots,
        Self::ManageBookings,
    ];
}

/// Whether somebody with `role` over `division` may keep the account of a `target` over `at`: they
/// rank below, or an admin keeps it.
pub fn check_keeping(
    role: Role,
    division: &DivisionCode,
    target: Role,
    at: &DivisionCode,
) -> Result<(), Error> {
    check(role, division, Function::ManageStaff, at)?;
    if role == Role::Admin || target.rank() < role.rank() {
        return Ok(());
    }
    Err(Error::Forbidden(Code::Forbidden))
}

/// Whether somebody with `role` over `division` may do `function` at `at`. Outside the own
/// division nothing is known to exist (404); inside, a missing right is said (403).
pub fn check(
    role: Role,
    division: &DivisionCode,
    function: Function,
    at: &DivisionCode,
) -> Result<(), Error> {
    if !division.covers(at) {
        return Err(Error::NotFound(Code::NotFound));
    }
    if !role.includes(function) {
        return Err(Error::Forbidden(Code::Forbidden));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    /// Who may do what within their division: all of the table, since a role or a function that is
    /// added must be thought of here.
    const MATRIX: [(Function, &str); 23] = [
        (Function::SeeMembers, "venue community district city bureau admin"),
        (Function::RegisterMembers, "venue community district city admin"),
        (Function::ApproveMembers, "community district city admin"),
        (Function::ImportMembers, "city admin"),
        (Function::ManageMembers, "community district city admin"),
        (Function::UnmaskMembers, "venue community district city admin"),
        (Function::ManageDivisions, "admin"),
        (Function::SeePlaces, "venue community district city bureau admin instructor"),
        (Function::ManageVenues, "community district city admin"),
        (Function::ManageTerminals, "community district city admin"),
        (Function::SeeWork, "venue community district city admin"),
        (Function::AnswerWork, "venue community district city admin"),
        (Function::CorrectSessions, "venue community district city admin"),
        (Function::OrganiseCommunity, "venue community district city admin"),
        (Function::KeepFitness, "venue community district city admin instructor"),
        (Function::DecideRequests, "community district city admin"),
        (Function::ManageStaff, "community district city admin"),
        (Function::ReadAudit, "district city admin"),
        (Function::ExportMembers, "district city admin"),
        (Function::ManageWebhooks, "city admin"),
        (Function::ManageInstructors, "community district city admin"),
        (Function::PublishSlots, "venue community district city admin instructor"),
        (Function::ManageBookings, "venue community district city admin"),
    ];

    #[test]
    fn each_role_does_what_the_table_says_and_nothing_else() {
        assert_eq!(MATRIX.map(|(function, _)| function), Function::ALL);
        for (function, roles) in MATRIX {
            for role in Role::ALL {
                let stated = roles.split(' ').any(|word| word == role.as_str());
                assert_eq!(role.includes(function), stated, "{role:?} {function:?}");
            }
        }
    }

    #[test]
    fn outside_ones_division_nothing_exists() {
        let own = code("330499");
        assert!(check(Role::District, &own, Function::SeeMembers, &code("330499001001")).is_ok());
        for elsewhere in ["3304", "33", "330498001001"] {
            let refused = check(Role::Admin, &own, Function::SeeMembers, &code(elsewhere));
            assert!(matches!(refused, Err(Error::NotFound(Code::NotFound))));
        }
    }

    #[test]
    fn a_missing_right_is_said_only_inside() {
        let own = code("3304");
        let refused = check(Role::Bureau, &own, Function::RegisterMembers, &code("330499001001"));
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }

    #[test]
    fn accounts_are_kept_by_who_ranks_above_them() {
        let own = code("330499");
        let keeps = |role, target, at: &str| check_keeping(role, &own, target, &code(at)).is_ok();
        assert!(keeps(Role::District, Role::Community, "330499001001"));
        for target in [Role::District, Role::Bureau, Role::City, Role::Admin] {
            assert!(!keeps(Role::District, target, "330499001001"), "{target:?}");
        }
        assert!(!keeps(Role::District, Role::Venue, "330498001001"));
        assert!(keeps(Role::Admin, Role::Admin, "330499"));
        for none in [Role::Venue, Role::Bureau, Role::Instructor] {
            assert!(!keeps(none, Role::Instructor, "330499001001"), "{none:?}");
        }
    }

    #[test]
    fn instructors_see_places_and_nobody() {
        for function in [Function::SeeMembers, Function::SeeWork, Function::CorrectSessions] {
            assert!(!Role::Instructor.includes(function));
        }
        assert!(Role::Instructor.includes(Function::SeePlaces));
        // Whose health they see said so themselves.
        assert!(Role::Instructor.includes(Function::KeepFitness));
        assert!(!Role::Bureau.includes(Function::KeepFitness));
    }

    #[test]
    fn the_bureau_changes_nothing_and_only_admins_manage_staff() {
        use Function as F;
        for function in [F::RegisterMembers, F::ApproveMembers, F::ImportMembers] {
            assert!(!Role::Bureau.includes(function));
        }
        for role in Role::ALL {
            assert_eq!(role.includes(F::ManageDivisions), role == Role::Admin);
            assert_eq!(Role::from_text(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!(Role::from_text("root"), None);
    }
}
