//! What a posting writes: rows of the ledger and of days, and who must hear of it at the gates and
//! in the counters.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sea_orm::{DatabaseConnection, Value};
use uuid::Uuid;

use super::{Posting, Stays, VenueDay, books::keys, session_row};
use crate::{
    base::{
        db::{self, bulk},
        ids::{EventId, MemberId, SessionId, VenueId},
    },
    minutes::{
        laws::histories::Places,
        ledger,
        tables::session,
        timeline::{Effect, OpenSession, Provenance},
    },
    venues::{
        Rules, Venue,
        sample::{at, day, rules, venue},
    },
};

const ENTERED: &str = "2026-09-21T19:00:00+08:00";
const LEFT: &str = "2026-09-21T20:00:00+08:00";

/// Without limits; with a capacity from October on; with one that only warns.
fn town() -> Places {
    let mut later = venue(2);
    let capacity = Some(10);
    later.rules.push(Rules { version: 2, valid_from: day("2026-10-01"), capacity, ..rules() });
    let mut warns = venue(3);
    warns.rules[0].capacity_soft = Some(5);
    Places(vec![venue(1), later, warns])
}

fn posting(town: &Places) -> Posting<'_> {
    Posting::new(keys(), town, at(LEFT), "fold")
}

fn member(n: u8) -> MemberId {
    MemberId(Uuid::from_u128(n.into()))
}

/// The `n`th stay, of the `n`th member, which goes on.
fn open(n: u8, venue: &Venue) -> session::Model {
    let id = SessionId(Uuid::from_u128(n.into()));
    let open = OpenSession { id, venue: venue.id, entered_at: at(ENTERED), credited: true };
    session_row(member(n), &open.session(), venue)
}

/// The same stay an hour later, when it ended.
fn ended(n: u8, venue: &Venue) -> session::Model {
    let provenance = Some(Provenance::Measured.as_str().to_owned());
    session::Model { left_at: Some(at(LEFT)), minutes: 60, provenance, ..open(n, venue) }
}

/// The rows that a posting writes into a table.
async fn written(db: &DatabaseConnection, posting: Posting<'_>, table: &str) -> Vec<Vec<Value>> {
    let writes = posting.finish(db).await.expect("an empty database answers");
    writes.into_iter().find(|write| write.table == table).expect("a part of each posting").rows
}

/// Visits and people that a posting adds to the one venue's day that it touches.
async fn added(db: &DatabaseConnection, posting: Posting<'_>) -> [Value; 2] {
    let rows = written(db, posting, "venue_days").await;
    assert_eq!(rows.len(), 1);
    [rows[0][2].clone(), rows[0][3].clone()]
}

#[test]
fn who_is_inside_by_a_posting_is_counted_by_venue() {
    let town = town();
    let [gym, court, _] = &town.0[..] else { unreachable!("three") };
    let mut posting = posting(&town);
    for row in [open(1, gym), open(2, gym), open(3, court), ended(4, court), ended(5, court)] {
        posting.session(None, row);
    }
    posting.session(None, session::Model { void: true, ..open(6, gym) });
    assert_eq!(posting.open(), BTreeMap::from([(gym.id, 2), (court.id, 1)]));
}

#[tokio::test]
async fn gates_move_on_at_venues_that_ever_have_a_limit_and_that_the_writer_does_not_guard() {
    let (_folder, db) = db::fresh_for_tests().await;
    let town = town();
    let gates = async |guarded: Option<VenueId>| {
        let mut posting = posting(&town);
        posting.guarded(guarded.into_iter().collect());
        for (n, venue) in (1..).zip(&town.0) {
            posting.session(None, open(n, venue));
        }
        // Of a venue that is nowhere nobody knows a limit.
        posting.session(None, open(9, &venue(9)));
        written(&db, posting, "venue_gates").await
    };
    let [later, warns] = [&town.0[1], &town.0[2]].map(|venue| vec![Value::from(venue.id.0)]);
    assert_eq!(gates(None).await, [later.clone(), warns]);
    assert_eq!(gates(Some(town.0[2].id)).await, [later]);
}

#[tokio::test]
async fn counters_hear_of_every_stay_and_of_minutes_that_are_carried_over() {
    let (_folder, db) = db::fresh_for_tests().await;
    let town = town();
    let (gym, past) = (&town.0[0], day("2025-12-31"));
    let mut posting = posting(&town);
    posting.session(None, open(1, gym));
    posting.carry_over(member(2), gym, past, 90, Provenance::Estimated);
    let changes = written(&db, posting, "counter_changes").await;
    let heard: Vec<_> = changes.iter().map(|change| change[2..].to_vec()).collect();
    let change = |n: u8, on: NaiveDate, stays: bool, minutes: bool| {
        [member(n).0.into(), gym.id.0.into(), Value::from(on), stays.into(), minutes.into()]
    };
    let day = day("2026-09-21");
    assert_eq!(heard, [change(1, day, true, false), change(2, past, false, true)]);
}

#[test]
fn people_are_asked_for_where_stays_come_or_go_and_months_where_minutes_do() {
    let town = town();
    let gym = &town.0[0];
    let touched = |before: Option<session::Model>, after: session::Model| {
        let mut posting = posting(&town);
        posting.session(before, after);
        posting.changes.into_values().map(|t| (t.stays, t.minutes)).collect::<Vec<_>>()
    };
    let inside = open(1, gym);
    let left = ended(1, gym);
    let void = session::Model { void: true, minutes: 0, provenance: None, ..left.clone() };
    assert_eq!(touched(None, inside.clone()), [(true, false)], "who comes");
    assert_eq!(touched(Some(inside), left.clone()), [(false, true)], "who leaves");
    assert_eq!(touched(None, left.clone()), [(true, true)], "who came and left");
    assert_eq!(touched(Some(left.clone()), void), [(true, true)], "who was not there");
    let earlier = session::Model { business_day: day("2026-09-20"), ..left.clone() };
    let moved = touched(Some(left), earlier);
    assert_eq!(moved, [(true, true), (true, true)], "who was there the day before");
}

#[test]
fn minutes_that_are_carried_over_are_minutes_and_no_visits() {
    let town = town();
    let (gym, past) = (&town.0[0], day("2025-12-31"));
    let mut posting = posting(&town);
    posting.carry_over(member(2), gym, past, 90, Provenance::Estimated);
    let [row] = &posting.ledger[..] else { panic!("one row of the ledger") };
    assert_eq!((row.minutes, row.business_day, row.session_id), (90, past, None));
    assert_eq!(row.cause, "carried_over");
    let of_venue = &posting.venue_days[&(gym.id.0, past)];
    let minutes = VenueDay { minutes: [0, 0, 90, 0], ..VenueDay::default() };
    assert_eq!(VenueDay { digest: [0; 8], ..of_venue.clone() }, minutes);
    let of_member = &posting.member_days[&(member(2).0, past)];
    assert_eq!((of_member.visits, of_member.minutes), (0, [0, 0, 90, 0]));
}

#[test]
fn every_row_of_the_ledger_bears_its_mac() {
    let town = town();
    let gym = &town.0[0];
    let mut posting = posting(&town);
    posting.session(None, ended(1, gym));
    posting.carry_over(member(2), gym, day("2025-12-31"), 90, Provenance::Estimated);
    assert_eq!(posting.ledger.len(), 2);
    for row in &posting.ledger {
        assert_eq!(row.mac, hex::encode(ledger::mac(keys(), row)));
    }
}

#[tokio::test]
async fn a_member_is_one_of_a_days_people_however_often_they_come() {
    let (_folder, db) = db::fresh_for_tests().await;
    let town = town();
    let gym = &town.0[0];
    let once = || {
        let mut posting = posting(&town);
        posting.session(None, ended(1, gym));
        posting
    };
    assert_eq!(added(&db, once()).await, [1_i64, 1].map(Value::from));
    let writes = once().finish(&db).await.expect("it reads");
    bulk::write_whole(&db, writes).await.expect("an empty database takes them");
    let again = session::Model { member_id: member(1).0, ..open(2, gym) };
    let mut second = posting(&town);
    second.session(None, again);
    assert_eq!(added(&db, second).await, [1_i64, 0].map(Value::from));
    // The one stay is given up: they were not there at all.
    let mut gone = posting(&town);
    gone.session(Some(ended(1, gym)), session::Model { void: true, minutes: 0, ..ended(1, gym) });
    assert_eq!(added(&db, gone).await, [-1_i64, -1].map(Value::from));
    // A stay that goes on and then ends is the same stay.
    let mut ends = posting(&town);
    ends.session(Some(open(1, gym)), ended(1, gym));
    assert_eq!(added(&db, ends).await, [0_i64, 0].map(Value::from));
}

#[tokio::test]
async fn stays_that_were_looked_up_are_not_looked_up_again() {
    let (_folder, db) = db::fresh_for_tests().await;
    let town = town();
    let gym = &town.0[0];
    let mut posting = posting(&town);
    posting.stood(Stays::told(member(1), day("2026-09-21"), gym.id, 1));
    posting.session(None, open(1, gym));
    assert_eq!(added(&db, posting).await, [1_i64, 0].map(Value::from));
}

#[tokio::test]
async fn an_event_with_another_effect_is_written_so() {
    let (_folder, db) = db::fresh_for_tests().await;
    let town = town();
    let (event, when) = (EventId(Uuid::from_u128(7)), at(ENTERED));
    let mut posting = posting(&town);
    assert_eq!(posting.effect_of(event), None);
    posting.effect(event, when, Effect::Repeat);
    assert_eq!(posting.effect_of(event), Some(Effect::Repeat));
    let rows = written(&db, posting, "entry_events").await;
    assert_eq!(rows, [[Value::from(event.0), when.into(), "repeat".into()]]);
}
