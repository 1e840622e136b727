//! Operations on places, each on a database file of its own.

use chrono::TimeZone as _;

use super::{
    terms::{Coordinates, TermsDraft},
    *,
};

struct Town {
    db: DatabaseConnection,
    community: DivisionCode,
    now: DateTime<Utc>,
    _folder: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).unwrap();
        let community: DivisionCode = "330499001001".parse().unwrap();
        let new = NewDivision {
            code: community.clone(),
            name: Name::parse("永兴社区").unwrap(),
            resident_population: Some(8_000),
        };
        add_division(&db, new, "staff:test", now).await.unwrap();
        Self { db, community, now, _folder: folder }
    }

    fn venue(&self, kind: &str) -> NewVenue {
        NewVenue {
            community: self.community.clone(),
            name: Name::parse("百姓健身房").unwrap(),
            kind: Kind::parse(kind).unwrap(),
            area: Some(Area::parse(200).unwrap()),
            position: Some(Position::parse(30.7, 121.0, Coordinates::Wgs84).unwrap()),
            opened_on: day(2020, 12, 1),
            terms: terms(Some(50)),
            week: Some(Week::every_day(Opening::parse(480, 1320).unwrap())),
        }
    }

    async fn add(&self, kind: &str) -> VenueId {
        add_venue(&self.db, self.venue(kind), "staff:test", self.now).await.unwrap()
    }
}

fn day(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).unwrap()
}

fn terms(capacity: Option<i32>) -> Terms {
    Terms::parse(TermsDraft { capacity, ..TermsDraft::default() }).unwrap()
}

fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result.unwrap_err() {
        Error::Invalid(faults) => faults[0].code,
        Error::Conflict(code) | Error::NotFound(code) => code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_venue_is_in_force_from_its_past_opening_day() {
    let town = Town::new().await;
    let id = town.add("gym").await;
    let world = load_world(&town.db).await.unwrap();
    let venue = &world[&id];
    assert_eq!(venue.rules.len(), 1);
    assert_eq!(venue.rules[0].valid_from, day(2020, 12, 1));
    assert_eq!(venue.rules[0].capacity, Some(50));
    assert_eq!(venue.hours.len(), 7);
    assert_eq!(venue.hours[0].opens, Some(480));
    let gates = venue_gate::Entity::find().all(&town.db).await.unwrap();
    assert_eq!(gates, [venue_gate::Model { venue_id: id }]);
}

#[tokio::test]
async fn a_venue_needs_a_registered_community() {
    let town = Town::new().await;
    let mut new = town.venue("gym");
    new.community = "330499001".parse().unwrap();
    let refused = add_venue(&town.db, new.clone(), "staff:test", town.now).await;
    assert_eq!(code_of(refused), Code::NotACommunity);
    new.community = "330499001002".parse().unwrap();
    let refused = add_venue(&town.db, new, "staff:test", town.now).await;
    assert_eq!(code_of(refused), Code::UnknownDivision);
}

#[tokio::test]
async fn a_division_is_registered_once() {
    let town = Town::new().await;
    let again = NewDivision {
        code: town.community.clone(),
        name: Name::parse("又一个").unwrap(),
        resident_population: None,
    };
    let refused = add_division(&town.db, again, "staff:test", town.now).await;
    assert_eq!(code_of(refused), Code::DivisionExists);
    let scope = "3304".parse().unwrap();
    assert_eq!(divisions(&town.db, &scope, None, 10).await.unwrap().len(), 1);
    let other = "3305".parse().unwrap();
    assert_eq!(divisions(&town.db, &other, None, 10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn new_rules_begin_on_a_future_business_day_only() {
    let town = Town::new().await;
    let id = town.add("gym").await;
    let today = day(2026, 11, 23);
    let refused = adopt_rules(&town.db, id, &terms(None), today, "staff:test", town.now).await;
    assert_eq!(code_of(refused), Code::NotInFuture);
    let tomorrow = today.succ_opt().unwrap();
    let version =
        adopt_rules(&town.db, id, &terms(None), tomorrow, "staff:test", town.now).await.unwrap();
    assert_eq!(version, 2);
    let venue = load(&town.db, id).await.unwrap().unwrap();
    assert_eq!(venue.rules_at(town.now).version, 1);
    assert_eq!(venue.rules_at(town.now + chrono::TimeDelta::days(1)).version, 2);
}

#[tokio::test]
async fn every_change_moves_the_revision_and_a_refused_one_does_not() {
    let town = Town::new().await;
    let (db, now) = (&town.db, town.now);
    let mut seen = revision(db).await.unwrap();
    let id = town.add("gym").await;
    let week = Week::every_day(Opening::parse(360, 1440).unwrap());
    let today = day(2026, 11, 23);
    let later = day(2026, 12, 1);
    let closed =
        |day| NewException { day, opening: None, reason: Name::parse("设备检修").unwrap() };
    let zone = NewZone {
        kind: Kind::parse("cardio").unwrap(),
        name: Name::parse("有氧区").unwrap(),
        area: None,
    };
    assert!(revision(db).await.unwrap() > seen);
    seen = revision(db).await.unwrap();
    assert_eq!(set_hours(db, id, &week, later, None, "staff:test", now).await.unwrap(), 2);
    assert_eq!(add_exception(db, id, closed(later), "staff:test", now).await.unwrap(), 1);
    assert_eq!(add_exception(db, id, closed(later), "staff:test", now).await.unwrap(), 2);
    let zone = add_zone(db, id, zone, "staff:test", now).await.unwrap();
    assert_eq!(revision(db).await.unwrap(), seen + 4);
    assert_eq!(
        code_of(add_exception(db, id, closed(today), "staff:test", now).await),
        Code::NotInFuture
    );
    assert_eq!(
        code_of(set_hours(db, id, &week, today, None, "staff:test", now).await),
        Code::NotInFuture
    );
    let nowhere = VenueId::new();
    assert_eq!(
        code_of(add_exception(db, nowhere, closed(later), "staff:test", now).await),
        Code::NotFound
    );
    assert_eq!(revision(db).await.unwrap(), seen + 4);
    assert!(has_zone(db, id, zone).await.unwrap());
    assert!(!has_zone(db, nowhere, zone).await.unwrap());
}

#[tokio::test]
async fn a_community_is_told_what_it_lacks() {
    let town = Town::new().await;
    town.add("gym").await;
    town.add("indoor_hall").await;
    let view = community(&town.db, &town.community).await.unwrap();
    assert_eq!(view.two_plus_x.lacking, ["multi_sport_court"]);
    assert_eq!(view.two_plus_x.others, 1);
    let street = "330499001".parse().unwrap();
    assert_eq!(code_of(community(&town.db, &street).await), Code::NotFound);
}

#[tokio::test]
async fn venues_are_listed_by_division_and_page() {
    let town = Town::new().await;
    let mut ids = [town.add("gym").await, town.add("indoor_hall").await, town.add("gym").await];
    ids.sort();
    let scope: DivisionCode = "330499".parse().unwrap();
    let first = venues(&town.db, Some(&scope), None, 2).await.unwrap();
    let rest = venues(&town.db, Some(&scope), Some(first[1].id), 2).await.unwrap();
    let listed: Vec<VenueId> = first.iter().chain(&rest).map(|v| v.id).collect();
    assert_eq!(listed, ids);
    let elsewhere: DivisionCode = "330498".parse().unwrap();
    assert!(venues(&town.db, Some(&elsewhere), None, 2).await.unwrap().is_empty());
}
