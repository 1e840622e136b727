//! Open data: whoever follows the feeds has what is published, and nobody is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Resident, TestTown, eventually};

/// A reader of one feed: a copy, and where to go on.
struct Reader {
    copy: BTreeMap<String, Value>,
    next: String,
    text: String,
}

impl Reader {
    fn of(feed: &str) -> Self {
        let next = format!("https://open.test/open/v1/feeds/{feed}");
        Self { copy: BTreeMap::new(), next, text: String::new() }
    }

    /// Reads until a page is empty and names itself.
    async fn catches_up(&mut self, town: &TestTown) {
        loop {
            let path = self.next.strip_prefix("https://open.test").unwrap().to_owned();
            let answer = Answer::to(town.wire.get(&path)).await;
            self.text += &answer.text;
            let page = answer.ok();
            assert_eq!(page["license"], "https://open.test/license");
            for item in page["items"].as_array().unwrap() {
                let id = item["id"].as_str().unwrap().to_owned();
                match item["state"].as_str().unwrap() {
                    "deleted" => drop(self.copy.remove(&id)),
                    _ => drop(self.copy.insert(id, item["data"].clone())),
                }
            }
            page["next"].as_str().unwrap().clone_into(&mut self.next);
            if page["items"] == json!([]) {
                let path = self.next.strip_prefix("https://open.test").unwrap();
                assert_eq!(Answer::to(town.wire.get(path)).await.ok()["next"], self.next.as_str());
                return;
            }
        }
    }

    /// Follows until `seen` says so.
    async fn follows(&mut self, town: &TestTown, seen: impl Fn(&Self) -> bool) {
        while !seen(self) {
            // In SQL, so that nobody is told to come less often.
            let (path, after) = self.next.split_once('=').unwrap_or((self.next.as_str(), "0"));
            let feed = path.rsplit('/').next().unwrap().split('?').next().unwrap();
            let newer = format!(
                "SELECT COUNT(*) AS n FROM open_data_items \
                 WHERE feed = '{feed}' AND change > {after}"
            );
            eventually("a change of the feed", async || {
                (town.store.count(&newer).await > 0).then_some(())
            })
            .await;
            self.catches_up(town).await;
        }
    }
}

#[tokio::test]
async fn whoever_follows_the_feeds_has_what_is_published() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let mut venues = Reader::of("venues");
    venues.follows(&town, |reader| reader.copy.contains_key(&gym.id)).await;
    assert_eq!(venues.copy[&gym.id]["name"], "健身房");
    let class = json!({
        "venue_id": gym.id, "kind": "class", "title": "太极拳课", "capacity": 3,
        "starts_at": "2026-11-23T06:00:00Z", "ends_at": "2026-11-23T08:00:00Z",
    });
    let class = town.office.post("/activities", &class).await.ok();
    let id = class["id"].as_str().unwrap().to_owned();
    let mut follower = Reader::of("activities");
    follower.follows(&town, |reader| reader.copy.contains_key(&id)).await;
    assert_eq!(follower.copy[&id]["remainingAttendeeCapacity"], 3);
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.post(&format!("/activities/{id}/sign-up"), &json!({})).await.ok();
    let has_two = |reader: &Reader| reader.copy[&id]["remainingAttendeeCapacity"] == 2;
    follower.follows(&town, has_two).await;
    let mut newcomer = Reader::of("activities");
    newcomer.catches_up(&town).await;
    assert_eq!(newcomer.copy, follower.copy, "from zero and step by step");
    let member = zhang.id().await;
    for told in [&venues.text, &follower.text] {
        assert!(!told.contains("张") && !told.contains(&member), "{told}");
    }
    town.is_now("2026-11-23T09:00:00Z");
    follower.follows(&town, |reader| !reader.copy.contains_key(&id)).await;

    slots_are_followed_until_they_begin(&town, &gym.id, &zhang).await;

    let page = Answer::to(town.wire.get("/open/v1")).await;
    assert!(page.text.contains("application/ld+json") && page.text.contains("许可"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let dataset = Answer::to(town.wire.get("/open/v1/dataset")).await.ok();
    assert_eq!(dataset["@type"], "Dataset");
    let busy = Answer::to(town.wire.get("/open/v1/busyness")).await.ok();
    let first = &busy["items"][0];
    assert_eq!((&first["people_from"], &first["people_to"]), (&json!(0), &json!(9)));
    let unknown = Answer::to(town.wire.get("/open/v1/feeds/members")).await;
    assert!((400..500).contains(&unknown.status), "{}", unknown.text);
}

/// Half a court: free, held, and gone when it begins.
async fn slots_are_followed_until_they_begin(town: &TestTown, gym: &str, zhang: &Resident) {
    let zone = json!({ "kind": "badminton", "name": "1号场" });
    let zone = town.office.post(&format!("/venues/{gym}/zones"), &zone).await.ok();
    let court = json!({ "venue_id": gym, "zone_id": zone["id"], "sport": "badminton", "parts": 2 });
    town.office.post("/courts", &court).await.ok();
    let half = json!({ "venue_id": gym, "zone_id": zone["id"], "part": 1, "price_cents": 1250,
        "starts_at": "2026-11-23T10:00:00Z", "ends_at": "2026-11-23T11:30:00Z" });
    let slot = town.office.post("/slots", &half).await.ok()["slots"][0].clone();
    let id = slot.as_str().unwrap().to_owned();
    let mut follower = Reader::of("slots");
    follower.follows(town, |reader| reader.copy.contains_key(&id)).await;
    let shown = &follower.copy[&id];
    assert_eq!((&shown["remainingUses"], &shown["duration"]), (&json!(1), &json!("PT90M")));
    assert_eq!(shown["offers"][0]["price"], "12.50");
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let held = zhang.post("/bookings", &json!({ "slot_id": slot })).await.ok();
    follower.follows(town, |reader| reader.copy[&id]["remainingUses"] == 0).await;
    zhang.delete(&format!("/bookings/{}", held["id"].as_str().unwrap())).await.ok();
    follower.follows(town, |reader| reader.copy[&id]["remainingUses"] == 1).await;
    let mut newcomer = Reader::of("slots");
    newcomer.catches_up(town).await;
    assert_eq!(newcomer.copy, follower.copy, "from zero and step by step");
    assert!(!follower.text.contains(&zhang.id().await), "{}", follower.text);
    town.is_now("2026-11-23T10:00:01Z");
    follower.follows(town, |reader| reader.copy.is_empty()).await;
}

#[tokio::test]
async fn nothing_is_published_unless_the_settings_say_so() {
    let town = TestTown::open().await;
    town.venue("体育馆", json!({ "community": COMMUNITY })).await;
    for path in ["", "/dataset", "/feeds/venues", "/feeds/activities", "/feeds/slots", "/busyness"]
    {
        let said = Answer::to(town.wire.get(&format!("/open/v1{path}"))).await;
        assert_eq!(said.said(), (404, "open_data_off"), "{path}");
    }
}
