//! Every reason of refusal, their order, and that nobody is ever locked in.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{prelude::*, sample::select};

use super::super::Outcome;
use super::{
    Ask, BOOKING, ClockFlag, Decision, MemberFacts, MemberStatus, Occupancy, Presence, Reason,
    Timing, Warning, classify_time, decide, is_folded, nearest_admitting, needs_booking,
};
use crate::{
    base::ids::{Direction, Method, ZoneId},
    venues::{
        Closure, Pairing, Passback, Venue, VenueStatus,
        sample::{at, cases, every_day, venue},
    },
};

const NOON: &str = "2026-05-01T12:00:00+08:00";

fn member() -> MemberFacts {
    MemberFacts {
        status: MemberStatus::Active,
        verified: true,
        face_consent: true,
        approvals: vec!["induction".to_owned()],
        age: Some(30),
        has_guardian: false,
    }
}

/// A venue with every rule there is.
fn strict() -> Venue {
    let mut venue = Venue { hours: every_day(360, 1350), ..venue(1) };
    let rules = &mut venue.rules[0];
    rules.passback = Passback::Forbidden;
    rules.guardian_under = Some(14);
    rules.prerequisites = vec!["induction".to_owned()];
    (rules.capacity_soft, rules.capacity) = (Some(5), Some(10));
    venue
}

fn ask<'a>(member: &'a MemberFacts, venue: &'a Venue) -> Ask<'a> {
    Ask {
        member: Some(member),
        venue,
        zone: None,
        direction: Direction::In,
        method: Method::Face,
        presence: Presence::default(),
        occupancy: Occupancy::default(),
        at: at(NOON),
    }
}

fn refused(ask: &Ask) -> Option<(Reason, Option<DateTime<Utc>>)> {
    match decide(ask) {
        Decision::Refused { reason, allowed_from } => Some((reason, allowed_from)),
        Decision::Granted { .. } => None,
    }
}

#[test]
fn a_member_who_fulfils_every_rule_is_granted() {
    assert_eq!(decide(&ask(&member(), &strict())), Decision::Granted { warning: None });
}

#[test]
fn an_unknown_or_erased_person_is_refused_as_unknown() {
    let (venue, member_once) = (strict(), member());
    let nobody = Ask { member: None, ..ask(&member_once, &venue) };
    assert_eq!(refused(&nobody), Some((Reason::UnknownCredential, None)));
    let erased = MemberFacts { status: MemberStatus::Erased, ..member() };
    assert_eq!(refused(&ask(&erased, &venue)), Some((Reason::UnknownCredential, None)));
}

#[test]
fn a_member_must_be_verified_and_not_suspended() {
    let venue = strict();
    let unverified = MemberFacts { verified: false, ..member() };
    assert_eq!(refused(&ask(&unverified, &venue)), Some((Reason::MemberNotVerified, None)));
    let suspended = MemberFacts { status: MemberStatus::Suspended, ..member() };
    assert_eq!(refused(&ask(&suspended, &venue)), Some((Reason::MemberSuspended, None)));
}

#[test]
fn without_consent_the_face_opens_no_door_but_every_other_credential_does() {
    let (venue, member) = (strict(), MemberFacts { face_consent: false, ..member() });
    assert_eq!(refused(&ask(&member, &venue)), Some((Reason::FaceConsentMissing, None)));
    for method in [Method::Qr, Method::Card, Method::Code, Method::Manual] {
        assert_eq!(refused(&Ask { method, ..ask(&member, &venue) }), None);
    }
}

#[test]
fn a_closed_venue_says_when_it_opens_and_a_retired_one_says_nothing() {
    let (mut venue, member) = (strict(), member());
    let night = at("2026-05-01T23:00:00+08:00");
    let opens = at("2026-05-02T06:00:00+08:00");
    let late = refused(&Ask { at: night, ..ask(&member, &venue) });
    assert_eq!(late, Some((Reason::VenueClosed, Some(opens))));
    venue.status = VenueStatus::Retired;
    assert_eq!(refused(&ask(&member, &venue)), Some((Reason::VenueClosed, None)));
}

#[test]
fn a_missing_approval_is_a_missing_prerequisite() {
    let (venue, member) = (strict(), MemberFacts { approvals: Vec::new(), ..member() });
    assert_eq!(refused(&ask(&member, &venue)), Some((Reason::PrerequisiteMissing, None)));
}

#[test]
fn a_child_or_one_of_unknown_age_needs_a_guardian_and_one_of_the_age_does_not() {
    let venue = strict();
    let of_age = |age| MemberFacts { age, ..member() };
    assert_eq!(refused(&ask(&of_age(Some(13)), &venue)), Some((Reason::GuardianRequired, None)));
    assert_eq!(refused(&ask(&of_age(None), &venue)), Some((Reason::GuardianRequired, None)));
    assert_eq!(refused(&ask(&of_age(Some(14)), &venue)), None);
    let guarded = MemberFacts { has_guardian: true, ..of_age(Some(13)) };
    assert_eq!(refused(&ask(&guarded, &venue)), None);
}

#[test]
fn one_who_is_inside_may_enter_again_only_where_passback_is_allowed() {
    let (mut venue, member) = (strict(), member());
    let until = at(NOON) + TimeDelta::hours(3);
    let presence = Presence { inside_here: Some(until) };
    let again = refused(&Ask { presence, ..ask(&member, &venue) });
    assert_eq!(again, Some((Reason::AlreadyInside, Some(until))));
    venue.rules[0].passback = Passback::Allowed;
    assert_eq!(refused(&Ask { presence, ..ask(&member, &venue) }), None);
}

#[test]
fn the_soft_capacity_warns_and_the_absolute_one_refuses() {
    let (mut venue, member) = (strict(), member());
    let with = |inside| Occupancy { inside };
    let granted = decide(&Ask { occupancy: with(4), ..ask(&member, &venue) });
    assert_eq!(granted, Decision::Granted { warning: None });
    let warned = decide(&Ask { occupancy: with(9), ..ask(&member, &venue) });
    assert_eq!(warned, Decision::Granted { warning: Some(Warning::NearlyFull) });
    let full = Ask { occupancy: with(10), ..ask(&member, &venue) };
    assert_eq!(refused(&full), Some((Reason::VenueFull, None)));
    // Who is inside already takes no further place.
    venue.rules[0].passback = Passback::Allowed;
    let presence = Presence { inside_here: Some(at(NOON)) };
    assert_eq!(refused(&Ask { presence, occupancy: with(10), ..ask(&member, &venue) }), None);
}

#[test]
fn the_first_reason_in_the_stated_order_wins() {
    let mut venue = strict();
    venue.status = VenueStatus::Retired;
    let mut member = MemberFacts {
        status: MemberStatus::Suspended,
        verified: false,
        face_consent: false,
        approvals: Vec::new(),
        age: Some(10),
        has_guardian: false,
    };
    let presence = Presence { inside_here: Some(at(NOON)) };
    let occupancy = Occupancy { inside: 10 };
    let mut seen = Vec::new();
    let mut reason = |member: &MemberFacts, venue: &Venue, presence| {
        let ask = Ask { presence, occupancy, ..ask(member, venue) };
        seen.extend(refused(&ask).map(|(reason, _)| reason));
    };
    reason(&member, &venue, presence);
    member.verified = true;
    reason(&member, &venue, presence);
    member.status = MemberStatus::Active;
    reason(&member, &venue, presence);
    member.face_consent = true;
    reason(&member, &venue, presence);
    venue.status = VenueStatus::Open;
    reason(&member, &venue, presence);
    member.approvals = vec!["induction".to_owned()];
    reason(&member, &venue, presence);
    member.has_guardian = true;
    reason(&member, &venue, presence);
    reason(&member, &venue, Presence::default());
    assert_eq!(seen, Reason::ALL[1..]);
}

#[test]
fn of_what_a_terminal_did_by_itself_only_a_refused_entry_is_not_folded() {
    assert!(is_folded(Direction::In, Outcome::Opened));
    assert!(is_folded(Direction::In, Outcome::Unknown));
    assert!(!is_folded(Direction::In, Outcome::Refused));
    assert!(is_folded(Direction::Out, Outcome::Refused));
}

#[test]
fn every_reason_has_a_code_of_its_own_and_two_sentences() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(reason));
        assert_eq!(serde_json::to_value(reason).expect("a word"), reason.code());
        assert!(reason.zh().ends_with('。') && !reason.zh().is_ascii());
        assert!(reason.en().ends_with('.') && reason.en().is_ascii());
    }
    assert_eq!(Reason::from_code("no_such_code"), None);
}

#[test]
fn the_nearest_venue_that_would_admit_is_named_with_its_distance() {
    let placed = |n, lat, lng| Venue { lat: Some(lat), lng: Some(lng), ..venue(n) };
    let here = placed(1, 30.700, 121.020);
    let mut far_off = venue(5);
    far_off.community = "330499001009".parse().expect("twelve digits");
    let all =
        [here.clone(), placed(2, 30.710, 121.020), placed(3, 30.701, 121.020), far_off, venue(4)];
    let nearest = nearest_admitting(&all, &here, |_| true).expect("one of four");
    assert_eq!(nearest.venue.id, all[2].id);
    assert!((nearest.metres.expect("both placed") - 111.2).abs() < 0.1);
    let open = nearest_admitting(&all, &here, |venue| venue.id != all[2].id);
    assert_eq!(open.map(|nearest| nearest.venue.id), Some(all[1].id));
    // Without coordinates: the same community first, and no distance.
    let unplaced = nearest_admitting(&all, &here, |venue| venue.lat.is_none()).expect("two");
    assert_eq!((unplaced.venue.id, unplaced.metres), (all[4].id, None));
    assert_eq!(nearest_admitting(&all, &here, |_| false), None);
}

fn known(occurred_at: DateTime<Utc>, flag: Option<ClockFlag>) -> Timing {
    Timing::Known { occurred_at, flag }
}

#[test]
fn a_device_time_is_corrected_by_the_offset_and_cut_to_milliseconds() {
    let (device, received) = (at("2026-05-01T04:00:10.123456Z"), at("2026-05-01T04:00:06Z"));
    let happened = at("2026-05-01T04:00:05.123Z");
    assert_eq!(classify_time(device, 5_000, received, true), known(happened, None));
}

#[test]
fn an_absurd_time_takes_the_receipt_when_live_and_quarantine_when_replayed() {
    let received = at("2026-05-01T04:00:00Z");
    let absurd = [
        at("1970-01-01T00:00:01Z"),
        at("2019-12-31T23:59:59.999Z"),
        received + TimeDelta::milliseconds(300_001),
        DateTime::<Utc>::MAX_UTC,
    ];
    for device in absurd {
        let live = classify_time(device, 0, received, true);
        assert_eq!(live, known(received, Some(ClockFlag::AbsurdTime)));
        assert_eq!(classify_time(device, 0, received, false), Timing::Absurd);
    }
    let ahead = received + TimeDelta::minutes(5);
    assert_eq!(classify_time(ahead, 0, received, false), known(ahead, None));
    assert_eq!(classify_time(received, i64::MIN, received, false), Timing::Absurd);
}

#[test]
fn an_old_time_is_accepted_and_flagged() {
    let received = at("2026-05-01T04:00:00Z");
    let yesterday = received - TimeDelta::hours(24);
    assert_eq!(classify_time(yesterday, 0, received, false), known(yesterday, None));
    let last_year = at("2025-05-01T04:00:00Z");
    let old = known(last_year, Some(ClockFlag::Old));
    assert_eq!(classify_time(last_year, 0, received, false), old);
}

fn any_member() -> impl Strategy<Value = MemberFacts> {
    let statuses = [MemberStatus::Active, MemberStatus::Suspended, MemberStatus::Erased];
    let flags = any::<(bool, bool, bool, bool)>();
    (select(statuses.to_vec()), flags, prop::option::of(0..90_i32)).prop_map(
        |(status, (verified, face_consent, inducted, has_guardian), age)| {
            let approvals = if inducted { vec!["induction".to_owned()] } else { Vec::new() };
            MemberFacts { status, verified, face_consent, approvals, age, has_guardian }
        },
    )
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_exit_is_never_refused_whatever_the_rules_say(
        member in prop::option::of(any_member()), inside in 0..20_i64, minute in 0..1440_i64,
        retired in any::<bool>(), toggles in any::<bool>(),
    ) {
        let mut venue = strict();
        venue.status = if retired { VenueStatus::Retired } else { VenueStatus::Open };
        let at = at(NOON) + TimeDelta::minutes(minute);
        if toggles {
            venue.rules[0].pairing = Pairing::Toggle;
        }
        let exit = Ask {
            member: member.as_ref(),
            venue: &venue,
            zone: None,
            direction: if toggles { Direction::In } else { Direction::Out },
            method: Method::Face,
            presence: Presence { inside_here: toggles.then_some(at) },
            occupancy: Occupancy { inside },
            at,
        };
        prop_assert_eq!(decide(&exit), Decision::Granted { warning: None });
    }

    #[test]
    fn a_fixed_time_never_lies_more_than_five_minutes_after_its_receipt(
        device_s in 0..4_000_000_000_i64, offset_ms in -100_000_000..100_000_000_i64, live in any::<bool>(),
    ) {
        let received = at(NOON);
        let device = DateTime::from_timestamp(device_s, 0).expect("in range");
        match classify_time(device, offset_ms, received, live) {
            Timing::Known { occurred_at, flag } => {
                prop_assert!(occurred_at <= received + TimeDelta::minutes(5));
                prop_assert!(occurred_at >= at("2020-01-01T00:00:00Z"));
                let old = occurred_at < received - TimeDelta::hours(24);
                prop_assert_eq!(old, flag == Some(ClockFlag::Old));
            }
            Timing::Absurd => prop_assert!(!live),
        }
    }
}

#[test]
fn an_order_closes_a_venue_or_the_doors_of_one_zone() {
    let member = member();
    let (court, hall) = (ZoneId::new(), ZoneId::new());
    let now = at(NOON);
    let closed = |zone, until: Option<i64>| {
        let until = until.map(|minutes| now + TimeDelta::minutes(minutes));
        let closure = Closure { zone, from: now - TimeDelta::minutes(1), until };
        Venue { closures: vec![closure], ..strict() }
    };
    let said = |venue: &Venue, zone| refused(&Ask { zone, ..ask(&member, venue) });
    let no = Some((Reason::VenueClosed, None));
    let whole = closed(None, None);
    assert_eq!([said(&whole, None), said(&whole, Some(court))], [no, no]);
    let part = closed(Some(court), None);
    let answers = [None, Some(hall), Some(court)].map(|zone| said(&part, zone));
    assert_eq!(answers, [None, None, no]);
    assert_eq!([0, 1].map(|until| said(&closed(None, Some(until)), None)), [None, no]);
}

#[test]
fn a_rule_that_a_venue_does_not_have_keeps_nobody_out() {
    let nothing = MemberFacts { approvals: Vec::new(), age: None, ..member() };
    let (venue, occupancy) = (venue(1), Occupancy { inside: i64::MAX });
    let crowded = Ask { occupancy, ..ask(&nothing, &venue) };
    assert_eq!(decide(&crowded), Decision::Granted { warning: None });
}

#[test]
fn every_approval_that_a_venue_asks_for_must_be_there() {
    let (mut venue, some) = (strict(), member());
    venue.rules[0].prerequisites.push("school_ground".to_owned());
    assert_eq!(refused(&ask(&some, &venue)), Some((Reason::PrerequisiteMissing, None)));
    let approvals = venue.rules[0].prerequisites.clone();
    assert_eq!(refused(&ask(&MemberFacts { approvals, ..some }, &venue)), None);
}

#[test]
fn a_venue_needs_a_booking_only_where_its_rules_ask_for_one() {
    let mut venue = strict();
    assert!(!needs_booking(&venue, at(NOON)));
    venue.rules[0].prerequisites.push(BOOKING.to_owned());
    assert!(needs_booking(&venue, at(NOON)));
    venue.rules[0].prerequisites.clear();
    assert!(!needs_booking(&venue, at(NOON)));
}
