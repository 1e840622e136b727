//! Bookings of those who are not alone: children, who was registered twice, a whole series that is
//! called off, and the slots of a coach who is forgotten.

use serde_json::{Value, json};

use super::{Guest, coach, first_slot, guest, hours};
use crate::support::{COMMUNITY, TestTown, eventually};

/// A coach's hours at a gym, and two who book them.
struct School {
    town: TestTown,
    gym: String,
    own: String,
    anna: Guest,
    ben: Guest,
    /// A class for three.
    class: String,
}

const TOLD: &str = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = 'booking_called_off'";

impl School {
    async fn publish(&self, from: &str, to: &str, more: Value) -> Value {
        let mut slot = hours(&self.gym, &self.own, from, to);
        for (field, value) in more.as_object().unwrap() {
            slot[field] = value.clone();
        }
        self.town.office.post("/slots", &slot).await.ok()
    }
}

#[tokio::test]
async fn children_twins_series_and_a_coach_who_goes() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    let teacher = guest(&town, "teacher").await;
    let own = coach(&town, &teacher.id, None).await;
    let mut school = School { town, gym: gym.id, own, anna, ben, class: String::new() };
    let three = json!({ "capacity": 3 });
    let class = school.publish("2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z", three).await;
    school.class = first_slot(&class);
    a_guardian_books_for_a_child(&school).await;
    let other = who_was_registered_twice_has_one_seat(&school).await;
    a_series_is_called_off(&school).await;

    // The coach is forgotten: what lies ahead is called off, and whoever booked it is told.
    let School { town, anna, ben, class, .. } = &school;
    assert_eq!(teacher.phone.delete("/me").await.status, 204);
    anna.becomes(town, class, "called_off").await;
    ben.becomes(town, class, "called_off").await;
    anna.becomes(town, &other, "called_off").await;
    assert_eq!(town.store.count(TOLD).await, 4);
    let screen = town.screen(COMMUNITY).await;
    eventually("no instructor", async || {
        screen.document().await["instructors"].is_null().then_some(())
    })
    .await;
}

/// A guardian books for a child, and nobody else's child.
async fn a_guardian_books_for_a_child(school: &School) {
    let School { anna, ben, class, .. } = school;
    let number = TestTown::number("2016-05-01", 7);
    let child = json!({ "name": "张小", "document": { "type": "resident_id", "number": number } });
    let child = anna.phone.post("/me/dependants", &child).await.ok()["id"].clone();
    let for_child = json!({ "slot_id": class, "dependant_id": child });
    let unverified = anna.phone.post("/bookings", &for_child).await;
    assert_eq!(unverified.said(), (403, "member_not_verified"));
    let agrees = json!({
        "purpose": "realname_check", "granted": true, "text_version": "1", "dependant_id": child,
    });
    anna.phone.post("/me/consents", &agrees).await.ok();
    let check = json!({ "method": "registry", "dependant_id": child });
    anna.phone.post("/me/verification", &check).await.ok();
    assert_eq!(ben.phone.post("/bookings", &for_child).await.status, 404, "another's child");
    let held = anna.phone.post("/bookings", &for_child).await.ok();
    let of_child = format!("/bookings/{}", held["id"].as_str().unwrap());
    let confirmation = format!("{of_child}/confirmation");
    assert_eq!(ben.phone.does(&confirmation).await.said(), (404, "not_found"));
    anna.phone.does(&confirmation).await.ok();
    // The child's seat is the child's: Anna has none by it, and books one beside it.
    anna.books(class).await;
    let theirs = format!("/me/bookings?dependant_id={}", child.as_str().unwrap());
    let listed = anna.phone.get(&theirs).await.ok();
    assert_eq!(listed["items"][0]["state"], "confirmed");
    anna.phone.delete(&of_child).await.ok();
}

/// Who was registered twice has the bookings of both, and of one slot one seat; gives the other slot.
async fn who_was_registered_twice_has_one_seat(school: &School) -> String {
    let School { town, anna, ben, class, .. } = school;
    let twin = guest(town, "twin").await;
    let times = ("2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z");
    let other = first_slot(&school.publish(times.0, times.1, json!({})).await);
    twin.books(class).await;
    twin.books(&other).await;
    let joined = json!({ "other_id": twin.id, "reason": "重复登记" });
    town.office.post(&format!("/members/{}/join", anna.id), &joined).await.ok();
    assert_eq!([anna.state(class).await, anna.state(&other).await], ["confirmed", "confirmed"]);
    let id = town.store.uuid(class.parse().unwrap());
    let seats =
        format!("SELECT COUNT(*) AS n FROM bookings WHERE slot_id = {id} AND seat IS NOT NULL");
    assert_eq!(town.store.count(&seats).await, 1, "the second seat is free again");
    ben.books(class).await;
    other
}

/// A series is called off as far as it lies ahead; what was single stays.
async fn a_series_is_called_off(school: &School) {
    let School { town, ben, class, .. } = school;
    let daily = json!({ "repeat": { "weekdays": [1, 2, 3, 4, 5, 6, 7], "until": "2026-11-30" } });
    let series = school.publish("2026-11-27T02:00:00Z", "2026-11-27T03:00:00Z", daily).await;
    assert_eq!(series["slots"].as_array().unwrap().len(), 4);
    let first = first_slot(&series);
    ben.books(&first).await;
    let path = format!("/slot-series/{}", series["series_id"].as_str().unwrap());
    let stranger = town.hire("venue", "330499001002").await;
    let why = "reason=%E5%81%9C%E7%94%B5";
    assert_eq!(stranger.delete(&format!("{path}?{why}")).await.said(), (404, "not_found"));
    town.is_now("2026-11-23T02:01:00Z");
    let ended = town.office.delete(&format!("{path}?{why}")).await.ok();
    assert_eq!(ended["slots"].as_array().unwrap().len(), 4);
    assert_eq!([ben.state(&first).await, ben.state(class).await], ["called_off", "confirmed"]);
    assert_eq!(town.store.count(TOLD).await, 1);
}
