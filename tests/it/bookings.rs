//! Coaches and courts that residents book: from the certificate to the rating, from the waiting list
//! to the door, and two hundred at once for one seat.

mod crowd;
mod families;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, COMMUNITY, Member, Office, Resident, Screen, Shown, Terminal, TestTown, at, eventually,
};

/// A registered resident with a verified name and a card.
pub struct Guest {
    pub id: String,
    pub phone: Resident,
    card: Shown,
}

pub async fn guest(town: &TestTown, name: &str) -> Guest {
    let phone = Resident::registers(town, name).await;
    phone.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let (id, card) = (phone.id().await, Shown::card(&format!("card-{name}")));
    town.credential(&id, &card).await;
    Guest { id, phone, card }
}

impl Guest {
    pub async fn holds(&self, slot: &str) -> Answer {
        self.phone.post("/bookings", &json!({ "slot_id": slot })).await
    }

    /// Books a slot to the end; gives the booking's id.
    pub async fn books(&self, slot: &str) -> String {
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

    /// Looks into SQL: who asks the server so often is told to wait.
    async fn becomes(&self, town: &TestTown, slot: &str, state: &str) {
        let id = |text: &str| town.store.uuid(text.parse().unwrap());
        let (slot, member) = (id(slot), id(&self.id));
        let sql = format!(
            "SELECT COUNT(*) AS n FROM bookings \
             WHERE slot_id = {slot} AND member_id = {member} AND state = '{state}'"
        );
        let look = async || (town.store.count(&sql).await > 0).then_some(());
        eventually(&format!("a booking that is {state}"), look).await;
    }
}

/// A certified coach; gives the instructor's id.
pub async fn coach(town: &TestTown, member: &str, expires_on: Option<&str>) -> String {
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

pub fn hours(venue: &str, coach: &str, from: &str, to: &str) -> Value {
    json!({ "venue_id": venue, "instructor_id": coach, "starts_at": from, "ends_at": to })
}

pub fn first_slot(published: &Value) -> String {
    published["slots"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_coach_is_certified_publishes_is_booked_and_doors_prove_the_service() {
    let town = TestTown::with_wechat().await;
    let class = class(&town).await;
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let offer = the_seat_passes_on(&town, &class, &anna, &ben).await;
    ben.books(class.slot(1)).await;
    doors_prove_service(&town, &class, &anna, &offer).await;
    doors_tell_who_was_absent(&town, &class, &ben).await;
    let Class { account, own, screen, .. } = &class;
    let booked = account.get(&format!("/slots/{}/bookings", class.slot(1))).await.ok();
    assert_eq!(booked["items"].as_array().unwrap().len(), 1);
    // A certificate that is gone, and a coach who is: nobody counts, and what is to come is called off.
    let last = class.slot(3);
    anna.books(last).await;
    let details = town.office.get(&format!("/instructors/{own}")).await.ok();
    let certificate = details["certificates"][0]["id"].as_str().unwrap();
    town.office.delete(&format!("/instructors/{own}/certificates/{certificate}")).await.ok();
    screen.shows("the other instructor alone", |document| document["instructors"] == 1).await;
    changes(&town, own, &json!({ "status": "retired" })).await;
    anna.becomes(&town, last, "called_off").await;
}

/// A coach with an account, and evenings that are published.
struct Class {
    door: Terminal,
    screen: Screen,
    teacher: Member,
    /// The coach's id.
    own: String,
    account: Office,
    published: Value,
}

impl Class {
    fn slot(&self, n: usize) -> &str {
        self.published["slots"][n].as_str().unwrap()
    }
}

async fn changes(town: &TestTown, instructor: &str, what: &Value) {
    let patch = town.office.request(Method::PATCH, &format!("/instructors/{instructor}")).await;
    Answer::to(patch.json(what)).await.ok();
}

async fn class(town: &TestTown) -> Class {
    let daytime: Vec<Value> =
        (1..=7).map(|day| json!({ "weekday": day, "opens": "09:00", "closes": "21:00" })).collect();
    let gym = town.venue("健身房", json!({ "hours": daytime })).await;
    let door = town.terminal(&gym, "both").await;
    let screen = town.screen(COMMUNITY).await;
    let teacher = town.member().await;
    let own = coach(town, &teacher.id, Some("2026-12-09")).await;
    screen.shows("one instructor", |document| document["instructors"] == 1).await;
    let again = json!({ "member_id": teacher.id, "home_community": COMMUNITY });
    assert_eq!(town.office.post("/instructors", &again).await.said(), (409, "instructor_exists"));
    // The coach's own account publishes the coach's hours, and nobody else's.
    let account = town.hire("instructor", COMMUNITY).await;
    let other = coach(town, &town.member().await.id, None).await;
    let evening = ("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z");
    let slot = hours(&gym.id, &own, evening.0, evening.1);
    assert_eq!(account.post("/slots", &slot).await.said(), (404, "not_found"));
    let accounts = town.office.get("/accounts").await.ok();
    let accounts = accounts["items"].as_array().unwrap().clone();
    let known = accounts.iter().find(|one| one["role"] == "instructor").unwrap();
    changes(town, &own, &json!({ "account_id": known["id"] })).await;
    assert_eq!(account.get("/instructors").await.ok()["items"].as_array().unwrap().len(), 1);
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
    Class { door, screen, teacher, own, account, published }
}

/// Anna lets her hold run out, and Ben the offer; gives Anna's booking.
async fn the_seat_passes_on(town: &TestTown, class: &Class, anna: &Guest, ben: &Guest) -> String {
    let (slot, own) = (class.slot(0), &class.own);
    let unverified = Resident::registers(town, "carl").await;
    let body = json!({ "slot_id": slot });
    assert_eq!(unverified.post("/bookings", &body).await.said(), (403, "member_not_verified"));
    let listed = anna.phone.get("/coaches?sport=badminton").await.ok();
    assert_eq!(listed["items"][0]["rating"], json!({ "ratings": 0, "stars_tenths": null }));
    assert!(!listed.to_string().contains(&class.teacher.number));
    let held = anna.holds(slot).await.ok();
    assert_eq!(
        (&held["state"], &held["held_until"]),
        (&json!("held"), &json!("2026-11-23T02:05:00Z"))
    );
    let free = async || {
        let slots = ben.phone.get(&format!("/coaches/{own}/slots")).await.ok();
        (slots["items"][0]["free"].clone(), slots["items"][0]["price_cents"].clone())
    };
    assert_eq!(free().await, (json!(0), json!(5000)));
    assert_eq!(ben.holds(slot).await.said(), (409, "slot_taken"));
    let waits = ben.phone.does(&format!("/slots/{slot}/waiters")).await.ok();
    assert_eq!(waits["place"], 1);
    assert_eq!(
        ben.phone.does(&format!("/slots/{slot}/waiters")).await.said(),
        (409, "already_booked")
    );
    // Anna does not decide: Ben is offered the seat, and has half an hour.
    town.is_now("2026-11-23T02:06:00Z");
    ben.becomes(town, slot, "held").await;
    let gone = format!("/bookings/{}/confirmation", held["id"].as_str().unwrap());
    assert_eq!(anna.phone.does(&gone).await.said(), (409, "hold_ended"));
    let offer = ben.phone.get("/me/bookings").await.ok()["items"][0].clone();
    assert_eq!(offer["held_until"], "2026-11-23T02:36:00Z");
    anna.phone.does(&format!("/slots/{slot}/waiters")).await.ok();
    // Nor does Ben: the offer passes on.
    town.is_now("2026-11-23T02:37:00Z");
    anna.becomes(town, slot, "held").await;
    let offer = anna.phone.get("/me/bookings").await.ok()["items"][0]["id"].clone();
    let offer = offer.as_str().unwrap().to_owned();
    anna.phone.does(&format!("/bookings/{offer}/confirmation")).await.ok();
    assert_eq!(ben.phone.delete(&format!("/bookings/{offer}")).await.said(), (404, "not_found"));
    let said = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = ";
    assert_eq!(town.store.count(&format!("{said} 'booking_offer'")).await, 2);
    assert_eq!(town.store.count(&format!("{said} 'booking'")).await, 1);
    offer
}

/// Coach and learner are there together; what was attended is rated.
async fn doors_prove_service(town: &TestTown, class: &Class, anna: &Guest, offer: &str) {
    let Class { door, teacher, own, .. } = class;
    town.is_now("2026-11-24T11:05:00Z");
    door.saw("in", &teacher.card, at("2026-11-24T09:50:00Z")).await;
    door.saw("in", &anna.card, at("2026-11-24T10:10:00Z")).await;
    door.saw("out", &anna.card, at("2026-11-24T10:55:00Z")).await;
    door.saw("out", &teacher.card, at("2026-11-24T11:05:00Z")).await;
    door.beats().await;
    town.is_now("2026-11-24T11:20:00Z");
    anna.becomes(town, class.slot(0), "attended").await;
    let rate = format!("/bookings/{offer}/rating");
    assert_eq!(anna.phone.post(&rate, &json!({ "stars": 6 })).await.status, 422);
    anna.phone.post(&rate, &json!({ "stars": 5 })).await.ok();
    assert_eq!(
        anna.phone.post(&rate, &json!({ "stars": 1 })).await.said(),
        (409, "rating_not_open")
    );
    let listed = anna.phone.get("/coaches").await.ok();
    let shown = listed["items"].as_array().unwrap().iter().find(|one| one["id"] == own.as_str());
    assert_eq!(shown.unwrap()["rating"], json!({ "ratings": 1, "stars_tenths": 50 }));
    let details = town.office.get(&format!("/instructors/{own}")).await.ok();
    let service = &details["service"];
    assert_eq!((&service["minutes"], &service["learners"]), (&json!(45), &json!(1)), "{service}");
    assert!(!details.to_string().contains("J-330499-1"), "the number stays sealed");
}

/// Nobody is blamed while a terminal may still tell.
async fn doors_tell_who_was_absent(town: &TestTown, class: &Class, ben: &Guest) {
    let (door, next) = (&class.door, class.slot(1));
    town.is_now("2026-11-28T11:00:00Z");
    door.beats().await;
    town.is_now("2026-12-01T11:20:00Z");
    ben.becomes(town, next, "unproven").await;
    door.beats().await;
    town.is_now("2026-12-01T12:30:00Z");
    ben.becomes(town, next, "no_show").await;
    // What comes late sets it right.
    door.saw("in", &ben.card, at("2026-12-01T10:00:00Z")).await;
    town.is_now("2026-12-04T12:30:00Z");
    ben.becomes(town, next, "attended").await;
}

#[tokio::test]
async fn courts_are_booked_by_halves_or_whole_and_open_the_door_where_the_venue_says_so() {
    let town = TestTown::with_wechat().await;
    let hall = town
        .venue(
            "羽毛球馆",
            json!({
                "kind": "badminton", "rules": { "prerequisites": ["booking"] },
                "position": { "lat": 30.7, "lng": 121.0, "coordinates": "wgs84" },
            }),
        )
        .await;
    let door = town.terminal(&hall, "both").await;
    let zone = json!({ "kind": "badminton", "name": "1号场" });
    let zone = town.office.post(&format!("/venues/{}/zones", hall.id), &zone).await.ok();
    let zone = zone["id"].as_str().unwrap();
    let desk = town.hire("venue", COMMUNITY).await;
    let court = json!({ "venue_id": hall.id, "zone_id": zone, "sport": "badminton", "parts": 2 });
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
    assert_eq!(
        (&courts["items"][0]["id"], &courts["items"][0]["parts"]),
        (&json!(zone), &json!(2))
    );
    let asked = door.asks("in", &anna.card).await;
    assert_eq!(
        (&asked["decision"], &asked["reason"]),
        (&json!("refused"), &json!("prerequisite_missing"))
    );
    // A half that begins within the hour takes the whole with it, and leaves the other half.
    let right_half = anna.books(&right).await;
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
    let here = "/venues?near=30.7,121.0&coordinates=wgs84";
    let shown = anna.phone.get(here).await.ok();
    assert_eq!(shown["items"][0]["near"]["admits_me"]["admitted"], true, "{shown}");
    let carl = guest(&town, "carl").await;
    let shown = carl.phone.get(here).await.ok();
    assert_eq!(shown["items"][0]["near"]["admits_me"]["reason"], "prerequisite_missing");
    assert_eq!(door.asks("in", &anna.card).await["decision"], "granted");
    assert_eq!(door.asks("in", &town.member().await.card).await["decision"], "refused");
    let (_, open_door) = town.gym().await;
    assert_eq!(open_door.asks("in", &ben.card).await["decision"], "granted", "asks for nothing");
    // A late cancellation is one, and gives the hours back: but Ben himself has the other half.
    assert_eq!(anna.phone.delete(&format!("/bookings/{right_half}")).await.status, 200);
    assert_eq!(anna.state(&right).await, "cancelled_late");
    assert_eq!(ben.state(&whole).await, "none");
}

#[tokio::test]
async fn notice_quotas_pauses_closures_and_who_is_forgotten() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let own = coach(&town, &town.member().await.id, None).await;
    let mut slot = hours(&gym.id, &own, "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z");
    slot["repeat"] = json!({ "weekdays": [1, 2, 3, 4, 5, 6, 7], "until": "2026-12-06" });
    let slots = town.office.post("/slots", &slot).await.ok()["slots"].clone();
    let slots: Vec<&str> =
        slots.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let first = anna.books(slots[0]).await;
    for slot in &slots[1..4] {
        anna.books(slot).await;
    }
    assert_eq!(anna.holds(slots[4]).await.said(), (409, "booking_quota"));
    assert_eq!(anna.holds(slots[0]).await.said(), (409, "already_booked"));
    assert_eq!(
        ben.phone.does(&format!("/slots/{}/waiters", slots[5])).await.said(),
        (409, "slot_free")
    );
    // In time: no trace. Late: an absence; and three of them are a pause.
    anna.phone.delete(&format!("/bookings/{first}")).await.ok();
    assert_eq!(anna.state(slots[0]).await, "cancelled");
    town.is_now("2026-11-26T01:00:00Z");
    let mine = anna.phone.get("/me/bookings").await.ok()["items"].as_array().unwrap().clone();
    let late = mine.iter().find(|one| one["slot_id"] == slots[1]).unwrap();
    anna.phone.delete(&format!("/bookings/{}", late["id"].as_str().unwrap())).await.ok();
    assert_eq!(anna.state(slots[1]).await, "cancelled_late");
    let again = anna.phone.delete(&format!("/bookings/{first}")).await.ok();
    assert_eq!(again["state"], "cancelled", "twice is no error, and not late");
    for after in ["2026-11-27T03:05:00Z", "2026-11-28T03:05:00Z"] {
        town.is_now(after);
        door.beats().await;
    }
    town.is_now("2026-11-28T05:00:00Z");
    for slot in &slots[2..4] {
        anna.becomes(&town, slot, "no_show").await;
    }
    assert_eq!(anna.holds(slots[5]).await.said(), (403, "booking_paused"));
    let pardon = format!("/members/{}/booking-pardon", anna.id);
    town.office.post(&pardon, &json!({ "reason": "住院" })).await.ok();
    anna.books(slots[5]).await;
    // The venue will be closed on that day: called off, told, and nobody is blamed.
    ben.books(slots[6]).await;
    let closed = json!({ "day": "2026-11-30", "reason": "检修" });
    town.office.post(&format!("/venues/{}/exceptions", gym.id), &closed).await.ok();
    anna.becomes(&town, slots[5], "called_off").await;
    assert_eq!(ben.state(slots[6]).await, "confirmed");
    let told = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = 'booking_called_off'";
    assert_eq!(town.store.count(told).await, 1);
    // Who waits for a seat of somebody who leaves for good gets it.
    anna.phone.does(&format!("/slots/{}/waiters", slots[6])).await.ok();
    assert_eq!(ben.phone.delete("/me").await.status, 204);
    anna.becomes(&town, slots[6], "held").await;
    let why = "reason=%E5%81%9C%E7%94%B5";
    let ended = town.office.delete(&format!("/slots/{}?{why}", slots[6])).await.ok();
    assert_eq!(ended["slots"], json!([slots[6]]));
    let export = Resident::signs_in(&town, "anna").await.get("/me/export").await.ok();
    assert!(export["tables"]["bookings"].as_array().unwrap().len() >= 6);
    let reasons = "SELECT COUNT(*) AS n FROM slots WHERE reason IN ('停电', 'venue_closed')";
    assert_eq!(town.store.count(reasons).await, 2);
}
