//! Who may register, who needs a guardian, what a consent covers and what holds at a time. Pure.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use chrono_tz::Asia::Shanghai;

use super::words::{Purpose, Status, Verification};
use crate::base::{
    documents::{Document, Sex, age_on},
    error::Code,
    ids::{DivisionCode, MemberId},
};

/// Under this age nobody registers without a guardian (PIPL article 31).
pub const GUARDIAN_UNDER: i32 = 14;
/// From this age one may be a guardian and needs none.
pub const ADULT: i32 = 18;
/// Older than anybody ever was: a slip of the pen.
pub const AGE_MAX: i32 = 130;

/// What a decision at a door needs of a member, with its history, since an event is judged by what
/// held when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub id: MemberId,
    pub status: Status,
    pub verification: Verification,
    pub home_community: DivisionCode,
    pub birth: Option<NaiveDate>,
    pub guardian: Option<MemberId>,
    /// Oldest first.
    pub consents: Vec<ConsentRecord>,
    pub approvals: Vec<Approval>,
}

/// One grant or withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentRecord {
    pub purpose: Purpose,
    pub at: DateTime<Utc>,
    pub granted: bool,
}

/// One permit; without an end it holds until further notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub kind: String,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
}

impl Facts {
    pub fn is_verified(&self) -> bool {
        match self.verification {
            Verification::Unverified => false,
            Verification::Desk
            | Verification::Registry
            | Verification::RegistryPhoto
            | Verification::WechatFace
            | Verification::CarriedOver => true,
        }
    }

    /// Whether a consent to `purpose` was in force at `at`: the newest record up to then counts.
    pub fn consents_to(&self, purpose: Purpose, at: DateTime<Utc>) -> bool {
        self.consents
            .iter()
            .rfind(|record| record.purpose == purpose && record.at <= at)
            .is_some_and(|record| record.granted)
    }

    /// The permits in force at `at`.
    pub fn approvals_at(&self, at: DateTime<Utc>) -> impl Iterator<Item = &str> {
        self.approvals
            .iter()
            .filter(move |one| one.valid_from <= at && one.valid_to.is_none_or(|to| at < to))
            .map(|one| one.kind.as_str())
    }

    /// Whole years on the local day of `at`; unknown without a birth date.
    pub fn age_at(&self, at: DateTime<Utc>) -> Option<i32> {
        self.birth.map(|birth| age_on(birth, local_day(at)))
    }
}

/// The calendar day in China, by which people are as old as they are.
pub fn local_day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&Shanghai).date_naive()
}

/// A field of the person that is not acceptable.
pub type FieldFault = (&'static str, Code);

/// Birth date and sex, from the document where it tells them, else as stated. What is stated must
/// not contradict the document, and the date must be one of somebody alive.
pub fn birth_and_sex(
    document: &Document,
    stated_birth: Option<NaiveDate>,
    stated_sex: Option<Sex>,
    today: NaiveDate,
) -> Result<(NaiveDate, Option<Sex>), FieldFault> {
    let own = document.birth_date();
    if stated_birth.is_some_and(|birth| !document.agrees_with_birth(birth)) {
        return Err(("birth_date", Code::IdMismatch));
    }
    if document.sex().is_some_and(|sex| stated_sex.is_some_and(|stated| stated != sex)) {
        return Err(("sex", Code::IdMismatch));
    }
    let birth = own.or(stated_birth).ok_or(("birth_date", Code::BirthDateRequired))?;
    if birth > today || age_on(birth, today) > AGE_MAX {
        let field = if own.is_some() { "document" } else { "birth_date" };
        return Err((field, Code::IdBirthDate));
    }
    Ok((birth, document.sex().or(stated_sex)))
}

/// A guardian as far as the rule goes.
#[derive(Clone, Copy, Debug)]
pub struct Guardian {
    pub birth: Option<NaiveDate>,
    pub status: Status,
}

/// Whether somebody born on `ward` may register with this guardian or with none. Guardians are
/// adults and wards are minors, so nobody is their own and no circle can be.
pub fn check_guardian(
    ward: NaiveDate,
    guardian: Option<Guardian>,
    today: NaiveDate,
) -> Result<(), Code> {
    let age = age_on(ward, today);
    let Some(guardian) = guardian else {
        return if age < GUARDIAN_UNDER { Err(Code::GuardianRequired) } else { Ok(()) };
    };
    let is_adult = guardian.birth.is_some_and(|birth| age_on(birth, today) >= ADULT);
    let fits = age < ADULT && is_adult && guardian.status == Status::Active;
    fits.then_some(()).ok_or(Code::GuardianUnfit)
}

/// Whether a consent may be entered for `at`: not in the future, and after the one before it.
pub fn check_consent_order(
    at: DateTime<Utc>,
    newest: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Code> {
    let fits = at <= now && is_plausible(at) && newest.is_none_or(|newest| newest < at);
    fits.then_some(()).ok_or(Code::ConsentOrder)
}

/// Whether an instant can be meant: databases do not take every year that a text can hold.
pub fn is_plausible(at: DateTime<Utc>) -> bool {
    (YEAR_MIN..=YEAR_MAX).contains(&at.year())
}

const YEAR_MIN: i32 = 1990;
const YEAR_MAX: i32 = 9999;

/// Whether a text can name the version of a consent's text: 1 to 40 visible ASCII characters.
pub fn is_text_version(text: &str) -> bool {
    // What begins with a sign is a formula to a spreadsheet.
    text.len() <= TEXT_VERSION_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

const TEXT_VERSION_BYTES_MAX: usize = 40;

/// Whether somebody born on `birth` may have registered at `at`.
pub fn check_registered_at(
    at: DateTime<Utc>,
    birth: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), Code> {
    let fits = at <= now && is_plausible(at) && birth <= local_day(at);
    fits.then_some(()).ok_or(Code::BadTime)
}

/// Whether minutes can have been counted on `day`, before `today`.
pub fn is_past_day(day: NaiveDate, today: NaiveDate) -> bool {
    day < today && day.year() >= YEAR_MIN
}

/// Whether a handle can name a credential: 1 to 64 visible ASCII characters.
pub fn is_handle(text: &str) -> bool {
    (1..=HANDLE_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

const HANDLE_BYTES_MAX: usize = 64;

/// Whether a text can name a kind of permit: up to 40 lower-case letters and underscores.
pub fn is_approval_kind(text: &str) -> bool {
    (1..=APPROVAL_KIND_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

const APPROVAL_KIND_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{
        clock::from_millis,
        documents::{DocumentKind, number_for_tests},
    };

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn resident(birth: &str) -> Document {
        let number = number_for_tests(day(birth), 11);
        Document::new(DocumentKind::ResidentId, &number, None).unwrap()
    }

    #[test]
    fn what_is_stated_must_agree_with_the_document() {
        let today = day("2026-11-23");
        let judge = |birth: Option<&str>, sex| {
            birth_and_sex(&resident("1990-05-01"), birth.map(day), sex, today)
        };
        assert_eq!(judge(None, None), Ok((day("1990-05-01"), Some(Sex::Male))));
        assert!(judge(Some("1990-05-01"), Some(Sex::Male)).is_ok());
        assert_eq!(judge(Some("1990-05-02"), None), Err(("birth_date", Code::IdMismatch)));
        assert_eq!(judge(None, Some(Sex::Female)), Err(("sex", Code::IdMismatch)));
    }

    #[test]
    fn nobody_is_unborn_or_older_than_anybody_was() {
        let today = day("2026-11-23");
        let judge = |birth: &str| birth_and_sex(&resident(birth), None, None, today);
        assert_eq!(judge("2026-11-24"), Err(("document", Code::IdBirthDate)));
        assert_eq!(judge("1895-11-23"), Err(("document", Code::IdBirthDate)));
        assert!(judge("2026-11-23").is_ok());
        assert!(judge("1895-11-24").is_ok());
    }

    #[test]
    fn papers_without_a_birth_date_want_it_stated() {
        let today = day("2026-11-23");
        let pass = Document::new(DocumentKind::TaiwanPass, "12345678", None).unwrap();
        let judge = |birth: Option<&str>| birth_and_sex(&pass, birth.map(day), None, today);
        assert_eq!(judge(None), Err(("birth_date", Code::BirthDateRequired)));
        assert_eq!(judge(Some("1990-05-01")), Ok((day("1990-05-01"), None)));
        assert_eq!(judge(Some("2027-01-01")), Err(("birth_date", Code::IdBirthDate)));
    }

    #[test]
    fn a_child_needs_a_guardian_who_is_grown_up() {
        let today = day("2026-11-23");
        let guardian = |birth: &str, status| Some(Guardian { birth: Some(day(birth)), status });
        let adult = guardian("2008-11-23", Status::Active);
        let child = day("2012-11-24");
        assert_eq!(check_guardian(child, None, today), Err(Code::GuardianRequired));
        assert_eq!(check_guardian(child, adult, today), Ok(()));
        assert_eq!(check_guardian(day("2012-11-23"), None, today), Ok(()), "turned 14 today");
        let too_young = guardian("2008-11-24", Status::Active);
        assert_eq!(check_guardian(child, too_young, today), Err(Code::GuardianUnfit));
        let suspended = guardian("1980-01-01", Status::Suspended);
        assert_eq!(check_guardian(child, suspended, today), Err(Code::GuardianUnfit));
        assert_eq!(check_guardian(day("2008-11-23"), adult, today), Err(Code::GuardianUnfit));
    }

    #[test]
    fn years_that_nobody_means_are_refused() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let (now, birth) = (at("2026-11-23T08:00:00Z"), day("1990-05-01"));
        assert_eq!(check_registered_at(now, birth, now), Ok(()));
        for wrong in ["2026-11-23T08:00:01Z", "1990-04-30T00:00:00Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(check_registered_at(at(wrong), birth, now), Err(Code::BadTime), "{wrong}");
        }
        assert!(is_past_day(day("2026-11-22"), local_day(now)));
        assert!(!is_past_day(day("2026-11-23"), local_day(now)));
        assert!(!is_past_day(day("-20000-01-01"), local_day(now)));
        assert!(!is_plausible(DateTime::<Utc>::MAX_UTC) && !is_plausible(DateTime::<Utc>::MIN_UTC));
    }

    #[test]
    fn the_newest_record_up_to_then_decides() {
        let record = |s: i64, granted| ConsentRecord {
            purpose: Purpose::MinutesStatistics,
            at: from_millis(s),
            granted,
        };
        let approval = Approval {
            kind: "school_ground".into(),
            valid_from: from_millis(10),
            valid_to: Some(from_millis(20)),
        };
        let facts = Facts {
            id: MemberId::new(),
            status: Status::Active,
            verification: Verification::Desk,
            home_community: "330499001001".parse().unwrap(),
            birth: Some(day("2012-02-29")),
            guardian: None,
            consents: vec![record(10, true), record(20, false), record(30, true)],
            approvals: vec![approval],
        };
        let at = |s: i64| facts.consents_to(Purpose::MinutesStatistics, from_millis(s));
        assert_eq!([9, 10, 19, 20, 29, 30].map(at), [false, true, true, false, false, true]);
        assert!(!facts.consents_to(Purpose::DoorFace, from_millis(30)));
        let permits = |s: i64| facts.approvals_at(from_millis(s)).count();
        assert_eq!([9, 10, 19, 20].map(permits), [0, 1, 1, 0]);
        let midnight: DateTime<Utc> = "2026-02-27T16:00:00Z".parse().unwrap();
        assert_eq!(facts.age_at(midnight), Some(14), "the 28th has begun in China");
        assert_eq!(facts.age_at(midnight - chrono::TimeDelta::milliseconds(1)), Some(13));
    }
}
