//! Coaches and courts that residents book: from the certificate to the rating, from the waiting list
//! to the door, and two hundred at once for one seat.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::support::{Answer, COMMUNITY, Resident, Shown, TestTown, Wire, at, eventually};

/// A registered resident with a verified name and a card.
struct Guest {
    id: String,
    phone: Resident,
    card: Shown,
}

async fn guest(town: &TestTown, name: &str) -> Guest {
    let phone = Resident::registers(town, name).await;
    phone.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let (id, card) = (phone.id().await, Shown::card(&format!("card-{name}")));
    town.credential(&id, &card).await;
    Guest { id, phone, card }
}

impl Guest {
    async fn holds(&self, slot: &str) -> Answer {
        self.phone.post("/bookings", &json!({ "slot_id": slot })).await
    }

    /// Books a slot to the end; gives the booking's id.
    async fn books(&self, slot: &str) -> String {
        let held = self.holds(slot).await.ok();
        let id = held["id"].as_str().unwrap().to_owned();
        self.phone.does(&format!("/bookings/{id}/confirmation")).await.ok();
        id
    }

    /// The state of the newest booking of a slot.
    async fn state(&self, slot: &str) -> String {
        let all = self.phone.get("/me/bookings").await.ok();
        let of_slot = all["items"].as_array().unwrap().iter().filter(|one| one["slot_id"] == slot);
        let newest = of_slot.max_by_key(|one| one["id"].as_str().unwrap().to_owned());
        newest.map_or("none", |one| one["state"].as_str().unwrap()).to_owned()
    }

    async fn becomes(&self, slot: &str, state: &str) {
        let look = async || (self.state(slot).await == state).then_some(());
        eventually(&format!("a booking that is {state}"), look).await;
    }
}

/// A certified coach; gives the instructor's id.
async fn coach(town: &TestTown, member: &str, expires_on: Option<&str>) -> String {
    let new = json!({
        "member_id": member, "home_community": COMMUNITY, "is_coach": true,
        "specialities": ["badminton", "yoga"],
    });
    let id = town.office.post("/instructors", &new).await.ok()["id"].as_str().unwrap().to_owned();
    let certificate = json!({
        "level": "second", "issuer": "体育局", "number": "J-330499-1", "issued_on": "2024-11-01",
        "expires_on": expires_on,
    });
    town.office.post(&format!("/instructors/{id}/certificates"), &certificate).await.ok();
    id
}

fn hours(venue: &str, coach: &str, from: &str, to: &str) -> Value {
    json!({ "venue_id": venue, "instructor_id": coach, "starts_at": from, "ends_at": to })
}

fn first_slot(published: &Value) -> String {
    published["slots"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_coach_is_certified_publishes_is_booked_and_doors_prove_the_service() {
    let town = TestTown::with_wechat().await;
    let daytime: Vec<Value> = (1..=7)
        .map(|day| json!({ "weekday": day, "opens": "09:00", "closes": "21:00" }))
        .collect();
    let gym = town.venue("健身房", json!({ "hours": daytime })).await;
    let door = town.terminal(&gym, "both").await;
    let screen = town.screen(COMMUNITY).await;
    let teacher = town.member().await;
    let own = coach(&town, &teacher.id, Some("2026-12-09")).await;
    screen.shows("one instructor", |document| document["instructors"] == 1).await;
    let again = json!({ "member_id": teacher.id, "home_community": COMMUNITY });
    assert_eq!(town.office.post("/instructors", &again).await.said(), (409, "instructor_exists"));
    // The coach's own account publishes the coach's hours, and nobody else's.
    let account = town.hire("instructor", COMMUNITY).await;
    let other = coach(&town, &town.member().await.id, None).await;
    let evening = ("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    let slot = hours(&gym.id, &own, evening.0, evening.1);
    assert_eq!(account.post("/slots", &slot).await.said(), (404, "not_found"));
    let accounts = town.office.get("/accounts").await.ok();
    let accounts = accounts["items"].as_array().unwrap().clone();
    let known = accounts.iter().find(|one| one["role"] == "instructor").unwrap();
    let linked = json!({ "account_id": known["id"] });
    let patch = town.office.request(Method::PATCH, &format!("/instructors/{own}")).await;
    Answer::to(patch.json(&linked)).await.ok();
    let strangers = hours(&gym.id, &other, evening.0, evening.1);
    assert_eq!(account.post("/slots", &strangers).await.said(), (404, "not_found"));
    let off_quarter = hours(&gym.id, &own, "2026-11-24T10:05:00Z", evening.1);
    assert_eq!(account.post("/slots", &off_quarter).await.said(), (422, "slot_quarter"));
    let at_night = hours(&gym.id, &own, "2026-11-24T13:30:00Z", "2026-11-24T14:00:00Z");
    assert_eq!(account.post("/slots", &at_night).await.said(), (422, "outside_hours"));
    let late = hours(&gym.id, &own, "2026-12-10T10:00:00Z", "2026-12-10T11:00:00Z");
    assert_eq!(account.post("/slots", &late).await.said(), (409, "not_a_coach"), "expired by then");
    // Every Tuesday and Thursday: but not on a day that is closed, nor after the certificate.
    let closed = json!({ "day": "2026-11-26", "reason": "维护" });
    town.office.post(&format!("/venues/{}/exceptions", gym.id), &closed).await.ok();
    let mut series = slot.clone();
    series["repeat"] = json!({ "weekdays": [2, 4], "until": "2026-12-31" });
    series["price_cents"] = json!(5000);
    let published = account.post("/slots", &series).await.ok();
    assert_eq!(published["slots"].as_array().unwrap().len(), 4, "{published}");
    let skipped = published["skipped"].as_array().unwrap();
    assert_eq!(skipped[0], "2026-11-26T10:00:00Z");
    assert_eq!(account.post("/slots", &slot).await.said(), (409, "slot_exists"));
    let slot = first_slot(&published);

    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let unverified = Resident::registers(&town, "carl").await;
    let body = json!({ "slot_id": slot });
    assert_eq!(unverified.post("/bookings", &body).await.said(), (403, "member_not_verified"));
    let listed = anna.phone.get("/coaches?sport=badminton").await.ok();
    assert_eq!(listed["items"][0]["rating"], json!({ "ratings": 0, "stars_tenths": null }));
    assert!(!listed.to_string().contains(&teacher.number));
    let held = anna.holds(&slot).await.ok();
    assert_eq!((&held["state"], &held["held_until"]), (&json!("held"), &json!("2026-11-23T02:05:00Z")));
    let free = async || {
        let slots = ben.phone.get(&format!("/coaches/{own}/slots")).await.ok();
        (slots["items"][0]["free"].clone(), slots["items"][0]["price_cents"].clone())
    };
    assert_eq!(free().await, (json!(0), json!(5000)));
    assert_eq!(ben.holds(&slot).await.said(), (409, "slot_taken"));
    let waits = ben.phone.does(&format!("/slots/{slot}/waiters")).await.ok();
    assert_eq!(waits["place"], 1);
    assert_eq!(ben.phone.does(&format!("/slots/{slot}/waiters")).await.said(), (409, "already_booked"));
    // Anna does not decide: Ben is offered the seat, and has half an hour.
    town.is_now("2026-11-23T02:06:00Z");
    ben.becomes(&slot, "held").await;
    let gone = format!("/bookings/{}/confirmation", held["id"].as_str().unwrap());
    assert_eq!(anna.phone.does(&gone).await.said(), (409, "hold_ended"));
    let offer = ben.phone.get("/me/bookings").await.ok()["items"][0].clone();
    assert_eq!(offer["held_until"], "2026-11-23T02:36:00Z");
    anna.phone.does(&format!("/slots/{slot}/waiters")).await.ok();
    // Nor does Ben: the offer passes on.
    town.is_now("2026-11-23T02:37:00Z");
    anna.becomes(&slot, "held").await;
    let offer = anna.phone.get("/me/bookings").await.ok()["items"][0]["id"].clone();
    let offer = offer.as_str().unwrap().to_owned();
    anna.phone.does(&format!("/bookings/{offer}/confirmation")).await.ok();
    assert_eq!(ben.phone.delete(&format!("/bookings/{offer}")).await.said(), (404, "not_found"));
    let said = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = ";
    assert_eq!(town.store.count(&format!("{said} 'booking_offer'")).await, 2);
    assert_eq!(town.store.count(&format!("{said} 'booking'")).await, 1);

    // Both come; Ben has booked the next one and does not.
    let next = published["slots"][1].as_str().unwrap();
    ben.books(next).await;
    town.is_now("2026-11-24T11:20:00Z");
    door.saw("in", &teacher.card, at("2026-11-24T09:50:00Z")).await;
    door.saw("in", &anna.card, at("2026-11-24T10:10:00Z")).await;
    door.saw("out", &anna.card, at("2026-11-24T10:55:00Z")).await;
    door.saw("out", &teacher.card, at("2026-11-24T11:05:00Z")).await;
    door.beats().await;
    anna.becomes(&slot, "attended").await;
    let rate = format!("/bookings/{offer}/rating");
    assert_eq!(anna.phone.post(&rate, &json!({ "stars": 6 })).await.status, 422);
    anna.phone.post(&rate, &json!({ "stars": 5 })).await.ok();
    assert_eq!(anna.phone.post(&rate, &json!({ "stars": 1 })).await.said(), (409, "rating_not_open"));
    let listed = anna.phone.get("/coaches").await.ok();
    let shown = listed["items"].as_array().unwrap().iter().find(|one| one["id"] == own.as_str());
    assert_eq!(shown.unwrap()["rating"], json!({ "ratings": 1, "stars_tenths": 50 }));
    let details = town.office.get(&format!("/instructors/{own}")).await.ok();
    let service = &details["service"];
    assert_eq!((&service["minutes"], &service["learners"]), (&json!(45), &json!(1)), "{service}");
    assert!(!details.to_string().contains("J-330499-1"), "the number stays sealed");

    // Nobody is blamed while a terminal may still tell.
    town.is_now("2026-12-01T11:20:00Z");
    ben.becomes(next, "unproven").await;
    door.beats().await;
    town.is_now("2026-12-01T12:30:00Z");
    ben.becomes(next, "no_show").await;
    // What comes late sets it right.
    door.saw("in", &ben.card, at("2026-12-01T10:00:00Z")).await;
    town.is_now("2026-12-04T12:30:00Z");
    ben.becomes(next, "attended").await;
    let booked = account.get(&format!("/slots/{next}/bookings")).await.ok();
    assert_eq!(booked["items"].as_array().unwrap().len(), 1);

    // A certificate that is gone, and a coach who is: nobody counts, and what is to come is called off.
    let last = published["slots"][3].as_str().unwrap();
    anna.books(last).await;
    let certificate = details["certificates"][0]["id"].as_str().unwrap();
    town.office.delete(&format!("/instructors/{own}/certificates/{certificate}")).await.ok();
    screen.shows("the other instructor alone", |document| document["instructors"] == 1).await;
    let patch = town.office.request(Method::PATCH, &format!("/instructors/{own}")).await;
    Answer::to(patch.json(&json!({ "status": "retired" }))).await.ok();
    anna.becomes(last, "called_off").await;
}

#[tokio::test]
async fn courts_are_booked_by_halves_or_whole_and_open_the_door_where_the_venue_says_so() {
    let town = TestTown::with_wechat().await;
    let hall = town
        .venue("羽毛球馆", json!({ "kind": "badminton", "rules": { "prerequisites": ["booking"] } }))
        .await;
    let door = town.terminal(&hall, "both").await;
    let zone = json!({ "kind": "badminton", "name": "1号场" });
    let zone = town.office.post(&format!("/venues/{}/zones", hall.id), &zone).await.ok();
    let zone = zone["id"].as_str().unwrap();
    let desk = town.hire("venue", COMMUNITY).await;
    let court =
        json!({ "venue_id": hall.id, "zone_id": zone, "sport": "badminton", "parts": 2 });
    desk.post("/courts", &court).await.ok();
    assert_eq!(desk.post("/courts", &court).await.said(), (409, "court_exists"));
    let publish = async |part: i16, from: &str, to: &str| {
        let slot = json!({
            "venue_id": hall.id, "zone_id": zone, "part": part, "starts_at": from, "ends_at": to,
        });
        first_slot(&desk.post("/slots", &slot).await.ok())
    };
    let (from, to) = ("2026-11-23T06:00:00Z", "2026-11-23T07:00:00Z");
    let (whole, left) = (publish(0, from, to).await, publish(1, from, to).await);
    let right = publish(2, "2026-11-23T06:30:00Z", "2026-11-23T07:30:00Z").await;
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let courts = anna.phone.get(&format!("/courts?venue_id={}", hall.id)).await.ok();
    assert_eq!((&courts["items"][0]["id"], &courts["items"][0]["parts"]), (&json!(zone), &json!(2)));
    let asked = door.asks("in", &anna.card).await;
    assert_eq!((&asked["decision"], &asked["reason"]), (&json!("refused"), &json!("prerequisite_missing")));
    // A half that begins within the hour takes the whole with it, and leaves the other half.
    let half = anna.books(&right).await;
    assert_eq!(ben.holds(&whole).await.said(), (409, "slot_taken"));
    ben.phone.does(&format!("/slots/{whole}/waiters")).await.ok();
    let free: Vec<Value> = {
        let slots = ben.phone.get(&format!("/courts/{zone}/slots")).await.ok();
        let mut slots = slots["items"].as_array().unwrap().clone();
        slots.sort_by_key(|slot| slot["part"].as_i64());
        slots.iter().map(|slot| slot["free"].clone()).collect()
    };
    assert_eq!(free, [json!(0), json!(1), json!(0)]);
    ben.books(&left).await;
    // The door knows: not yet, now, only there, and only who has booked.
    assert_eq!(door.asks("in", &anna.card).await["decision"], "refused");
    town.is_now("2026-11-23T06:00:00Z");
    let near = |admits: bool| {
        move |venue: &Value| venue["admission"]["admitted"] == json!(admits)
    };
    let shown = anna.phone.get("/venues?near=30.7,121.0&within_minutes=60").await;
    assert!(shown.status == 200 || near(true)(&shown.body), "{}", shown.text);
    assert_eq!(door.asks("in", &anna.card).await["decision"], "granted");
    assert_eq!(door.asks("in", &town.member().await.card).await["decision"], "refused");
    let (_, open_door) = town.gym().await;
    assert_eq!(open_door.asks("in", &ben.card).await["decision"], "granted", "asks for nothing");
    // What Anna has begun she cannot cancel; a late cancellation gives the hours back.
    assert_eq!(anna.phone.delete(&format!("/bookings/{half}")).await.status, 200);
    let late = anna.state(&right).await;
    assert_eq!(late, "cancelled_late");
}

#[tokio::test]
async fn notice_quotas_pauses_closures_and_who_is_forgotten() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let own = coach(&town, &town.member().await.id, None).await;
    let mut slot = hours(&gym.id, &own, "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z");
    slot["repeat"] = json!({ "weekdays": [1, 2, 3, 4, 5, 6, 7], "until": "2026-12-06" });
    let slots = town.office.post("/slots", &slot).await.ok()["slots"].clone();
    let slots: Vec<&str> = slots.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let first = anna.books(slots[0]).await;
    for slot in &slots[1..4] {
        anna.books(slot).await;
    }
    assert_eq!(anna.holds(slots[4]).await.said(), (409, "booking_quota"));
    assert_eq!(anna.holds(slots[0]).await.said(), (409, "already_booked"));
    assert_eq!(ben.phone.does(&format!("/slots/{}/waiters", slots[5])).await.said(), (409, "slot_free"));
    // In time: no trace. Late: an absence; and three of them are a pause.
    anna.phone.delete(&format!("/bookings/{first}")).await.ok();
    assert_eq!(anna.state(slots[0]).await, "cancelled");
    town.is_now("2026-11-26T01:00:00Z");
    let mine = anna.phone.get("/me/bookings").await.ok()["items"].as_array().unwrap().clone();
    let late = mine.iter().find(|one| one["slot_id"] == slots[1]).unwrap();
    anna.phone.delete(&format!("/bookings/{}", late["id"].as_str().unwrap())).await.ok();
    assert_eq!(anna.state(slots[1]).await, "cancelled_late");
    assert_eq!(anna.phone.delete(&format!("/bookings/{first}")).await.said(), (409, "booking_over"));
    let absences = "UPDATE bookings SET state = 'no_show' WHERE state = 'confirmed'";
    town.store.sql(absences).await;
    town.is_now("2026-11-28T05:00:00Z");
    assert_eq!(anna.holds(slots[5]).await.said(), (403, "booking_paused"));
    let pardon = format!("/members/{}/booking-pardon", anna.id);
    town.office.post(&pardon, &json!({ "reason": "住院" })).await.ok();
    anna.books(slots[5]).await;
    // The venue will be closed on that day: called off, told, and nobody is blamed.
    ben.books(slots[6]).await;
    let closed = json!({ "day": "2026-11-30", "reason": "检修" });
    town.office.post(&format!("/venues/{}/exceptions", gym.id), &closed).await.ok();
    anna.becomes(slots[5], "called_off").await;
    assert_eq!(ben.state(slots[6]).await, "confirmed");
    let told = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = 'booking_called_off'";
    assert_eq!(town.store.count(told).await, 1);
    // Who waits for a seat of somebody who leaves for good gets it.
    anna.phone.does(&format!("/slots/{}/waiters", slots[6])).await.ok();
    assert_eq!(ben.phone.delete("/me").await.status, 204);
    anna.becomes(slots[6], "held").await;
    let why = "reason=%E5%81%9C%E7%94%B5";
    let ended = town.office.delete(&format!("/slots/{}?{why}", slots[6])).await.ok();
    assert_eq!(ended["slots"], json!([slots[6]]));
    let export = anna.phone.get("/me/export").await.ok();
    assert!(export["tables"]["bookings"].as_array().unwrap().len() >= 6);
    let reasons = "SELECT COUNT(*) AS n FROM slots WHERE reason IN ('停电', 'venue_closed')";
    assert_eq!(town.store.count(reasons).await, 2);
}

/// So many people with tokens, without asking for each by itself.
async fn crowd(town: &TestTown, people: usize) -> Vec<String> {
    let mut csv = "document_type,document_number,name,home_community,registered_at\n".to_owned();
    for n in 0..people {
        let number = TestTown::number("1990-01-01", u32::try_from(n).unwrap() + 500);
        csv.push_str(&format!("resident_id,{number},张三,{COMMUNITY},2026-03-01\n"));
    }
    town.office.imports("text/csv", csv).await.ok();
    town.store.sql("UPDATE members SET verification = 'desk'").await;
    let rows = town.store.rows("SELECT id FROM members ORDER BY id").await;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
    let token = |id: &Uuid| format!("token-of-{id}");
    let values: Vec<String> = ids
        .iter()
        .map(|id| {
            let hash = hex::encode(Sha256::digest(token(id)));
            let times = "'2026-11-01T00:00:00+00:00', '2026-12-30T00:00:00+00:00'";
            format!("('{hash}', {}, {times})", town.store.uuid(*id))
        })
        .collect();
    let sql = "INSERT INTO member_tokens (token_hash, member_id, created_at, expires_at) VALUES ";
    town.store.sql(&format!("{sql}{}", values.join(", "))).await;
    ids.iter().rev().take(people).map(token).collect()
}

#[tokio::test]
async fn of_two_hundred_at_once_on_two_servers_nobody_shares_a_seat() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let own = coach(&town, &town.member().await.id, None).await;
    let alone = hours(&gym.id, &own, "2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z");
    let alone = first_slot(&town.office.post("/slots", &alone).await.ok());
    let mut class = hours(&gym.id, &own, "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z");
    class["capacity"] = json!(7);
    let class = first_slot(&town.office.post("/slots", &class).await.ok());
    let zone = json!({ "kind": "badminton", "name": "1号场" });
    let zone = town.office.post(&format!("/venues/{}/zones", gym.id), &zone).await.ok();
    let court =
        json!({ "venue_id": gym.id, "zone_id": zone["id"], "sport": "badminton", "parts": 2 });
    town.office.post("/courts", &court).await.ok();
    let mut halves = Vec::new();
    for (part, from, to) in [(0, "02:00", "04:00"), (1, "03:00", "05:00"), (2, "01:00", "03:00")] {
        let slot = json!({
            "venue_id": gym.id, "zone_id": zone["id"], "part": part,
            "starts_at": format!("2026-11-26T{from}:00Z"), "ends_at": format!("2026-11-26T{to}:00Z"),
        });
        halves.push(first_slot(&town.office.post("/slots", &slot).await.ok()));
    }
    let tokens = crowd(&town, 200).await;
    let second = town.second_server().await;
    let servers: Vec<Wire> =
        std::iter::once(town.wire.clone()).chain(second.iter().map(|s| s.wire.clone())).collect();
    for (slots, seats) in [(vec![alone], 1), (vec![class], 7), (halves, 2)] {
        let asks = tokens.iter().enumerate().map(|(n, token)| {
            let request = servers[n % servers.len()]
                .post("/api/v1/bookings", &json!({ "slot_id": slots[n % slots.len()] }));
            let key = Uuid::new_v4().to_string();
            Answer::to(request.bearer_auth(token).header("Idempotency-Key", key))
        });
        let mut said: BTreeMap<String, usize> = BTreeMap::new();
        for answer in join_all(asks).await {
            *said.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
        }
        let (won, lost) = (said.remove("201 ").unwrap_or(0), said.remove("409 slot_taken"));
        assert!(said.is_empty(), "{said:?}");
        // Of the court either the whole is booked, or its halves.
        assert!(won == seats || (seats == 2 && won == 1), "{won} of {seats}");
        assert_eq!(won + lost.unwrap_or(0), 200);
    }
    let seated = "SELECT COUNT(*) AS n FROM bookings WHERE seat IS NOT NULL";
    let distinct = "SELECT COUNT(*) AS n FROM \
        (SELECT DISTINCT slot_id, seat FROM bookings WHERE seat IS NOT NULL) s";
    assert_eq!(town.store.count(seated).await, town.store.count(distinct).await);
    // Another seat of the same number is no matter of good manners: the database refuses it.
    let twice = "INSERT INTO bookings (id, slot_id, member_id, resource_id, venue_id, kind, seat, \
        state, starts_at, ends_at, made_at, made_by) SELECT member_id, slot_id, slot_id, \
        resource_id, venue_id, kind, seat, state, starts_at, ends_at, made_at, made_by \
        FROM bookings WHERE seat = 0 LIMIT 1";
    let connection = sea_orm::Database::connect(&town.store.database_url).await.unwrap();
    let refused = sea_orm::ConnectionTrait::execute_unprepared(&connection, twice).await;
    let cause = refused.unwrap_err().sql_err();
    assert!(matches!(cause, Some(sea_orm::SqlErr::UniqueConstraintViolation(_))), "{cause:?}");
    connection.close().await.unwrap();
    if let Some(second) = second {
        second.stop().await;
    }
}
