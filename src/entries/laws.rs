//! Who is refused or not known leaves no trace in anybody's minutes: the rules and the fold
//! together, without SQL.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

use super::{
    Outcome,
    rules::{
        Ask, Decision, MemberFacts, MemberStatus, Occupancy, Presence, Timing, classify_time,
        decide, is_folded,
    },
};
use crate::{
    base::ids::{Direction, EventId, MemberId, Method, VenueId},
    minutes::{
        posting::{
            Posting,
            books::{Books, keys},
        },
        standing::Standing,
        timeline::{Event, Timeline, Venues},
    },
    venues::{
        Pairing, Passback, Venue,
        sample::{at, cases, every_day, venue},
    },
};

/// A strict gym, a court with one reader for both ways, and a hall without rules.
struct Places([Venue; 3]);

impl Venues for Places {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.iter().find(|venue| venue.id == id)
    }
}

fn places() -> Places {
    let mut gym = Venue { hours: every_day(360, 1350), ..venue(1) };
    gym.rules[0].passback = Passback::Forbidden;
    gym.rules[0].guardian_under = Some(14);
    gym.rules[0].prerequisites = vec!["induction".to_owned()];
    gym.rules[0].capacity = Some(3);
    let mut court = Venue { hours: every_day(480, 1260), ..venue(2) };
    court.rules[0].pairing = Pairing::Toggle;
    court.rules[0].capacity = Some(3);
    Places([gym, court, venue(3)])
}

/// One scan of one face or card, with all that the rules look at.
#[derive(Clone, Debug)]
struct Scan {
    n: u128,
    at: DateTime<Utc>,
    /// What the device's clock shows.
    device_time: DateTime<Utc>,
    venue: VenueId,
    direction: Direction,
    method: Method,
    outcome: Outcome,
    /// Nobody has this credential, or this is what was in force for who has it.
    holder: Option<MemberFacts>,
    /// Others inside the venue.
    others: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Folded,
    Refused,
    Quarantined,
}

fn holder() -> impl Strategy<Value = Option<MemberFacts>> {
    let statuses = vec![
        MemberStatus::Active,
        MemberStatus::Active,
        MemberStatus::Suspended,
        MemberStatus::Erased,
    ];
    let mostly = || prop::bool::weighted(0.8);
    let facts = (select(statuses), mostly(), mostly(), mostly(), 5..40_i32, mostly()).prop_map(
        |(status, verified, face_consent, inducted, age, has_guardian)| {
            let approvals = if inducted { vec!["induction".to_owned()] } else { Vec::new() };
            MemberFacts { status, verified, face_consent, approvals, age: Some(age), has_guardian }
        },
    );
    prop::option::weighted(0.9, facts)
}

/// A few days of scans, each later than the one before, as terminals that are connected tell them.
fn scans() -> impl Strategy<Value = Vec<Scan>> {
    let outcomes = vec![
        Outcome::Live,
        Outcome::Live,
        Outcome::Live,
        Outcome::Opened,
        Outcome::Refused,
        Outcome::Unknown,
    ];
    let one = (
        prop_oneof![1..90_i64, 1..7_200_i64, 1..40_000_i64],
        prop::bool::weighted(0.1),
        1..=3_u8,
        select(vec![Direction::In, Direction::In, Direction::Out]),
        select(vec![Method::Face, Method::Card]),
        select(outcomes),
        holder(),
        0..5_i64,
    );
    vec(one, 1..=16).prop_map(|drawn| {
        let mut clock = at("2026-09-21T08:00:00+08:00");
        let scan = |(n, (gap_s, absurd, venue, direction, method, outcome, holder, others))| {
            clock += TimeDelta::seconds(gap_s);
            let device_time = if absurd { at("1970-01-01T00:00:00Z") } else { clock };
            let (n, venue) = (1 + u128::from(n), VenueId(Uuid::from_u128(u128::from(venue))));
            Scan { n, at: clock, device_time, venue, direction, method, outcome, holder, others }
        };
        (0_u32..).zip(drawn).map(scan).collect()
    })
}

/// Judges and folds scans one by one, as a group does, and posts what comes of it.
fn taken(places: &Places, scans: &[Scan]) -> (Vec<Fate>, Books) {
    let member = MemberId(Uuid::from_u128(1));
    let now = scans.last().map_or(DateTime::<Utc>::MIN_UTC, |scan| scan.at);
    let mut standing = Standing::new(member, 0, Timeline::default());
    let mut posting = Posting::new(keys(), places, now, "fold");
    let fates = scans.iter().map(|scan| fate(places, scan, &mut standing, &mut posting)).collect();
    standing.finish(places, DateTime::<Utc>::MAX_UTC, &mut posting);
    let mut books = Books::default();
    books.write(posting);
    (fates, books)
}

fn fate(places: &Places, scan: &Scan, standing: &mut Standing, posting: &mut Posting) -> Fate {
    let live = scan.outcome == Outcome::Live;
    let Timing::Known { occurred_at, .. } = classify_time(scan.device_time, 0, scan.at, live)
    else {
        return Fate::Quarantined;
    };
    let known = scan.holder.as_ref().filter(|holder| holder.status != MemberStatus::Erased);
    let Some(holder) = known else { return Fate::Quarantined };
    let inside = standing.inside(places, occurred_at).filter(|(open, _)| open.venue == scan.venue);
    let ask = Ask {
        member: Some(holder),
        venue: places.venue(scan.venue).expect("one of three"),
        zone: None,
        direction: scan.direction,
        method: scan.method,
        presence: Presence { inside_here: inside.map(|(_, limit)| limit) },
        occupancy: Occupancy { inside: scan.others + i64::from(inside.is_some()) },
        at: occurred_at,
    };
    let folded = match (live, decide(&ask)) {
        (true, Decision::Granted { .. }) => true,
        (true, Decision::Refused { .. }) => false,
        (false, Decision::Granted { .. } | Decision::Refused { .. }) => {
            is_folded(scan.direction, scan.outcome)
        }
    };
    if !folded {
        return Fate::Refused;
    }
    let event = Event {
        id: EventId(Uuid::from_u128(scan.n)),
        occurred_at,
        direction: scan.direction,
        venue: scan.venue,
        serial: "T1".into(),
        epoch: 0,
        seq: i64::try_from(scan.n).expect("few"),
        credited: true,
    };
    standing.take(places, event, posting).expect("scans come in order");
    Fate::Folded
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_12_who_is_refused_or_unknown_changes_no_minutes(scans in scans()) {
        let places = places();
        let (fates, books) = taken(&places, &scans);
        let folded: Vec<Scan> = scans.iter().zip(&fates)
            .filter(|(_, fate)| **fate == Fate::Folded)
            .map(|(scan, _)| scan.clone())
            .collect();
        // Without them everybody else is let in as before, and the books are the same.
        let (again, without) = taken(&places, &folded);
        prop_assert!(again.iter().all(|fate| *fate == Fate::Folded), "{:?}", again);
        prop_assert_eq!(&without.sessions, &books.sessions);
        prop_assert_eq!(without.kept().undigested(), books.kept().undigested());
        // One who is only ever refused or unknown has no books at all.
        let others: Vec<Scan> = scans.iter().zip(&fates)
            .filter(|(scan, fate)| **fate == Fate::Quarantined || scan.outcome == Outcome::Refused)
            .filter(|(scan, _)| scan.direction == Direction::In)
            .map(|(scan, _)| scan.clone())
            .collect();
        let (fates, empty) = taken(&places, &others);
        prop_assert!(fates.iter().all(|fate| *fate != Fate::Folded), "{:?}", fates);
        prop_assert!(empty.sessions.is_empty() && empty.ledger.is_empty());
    }
}
