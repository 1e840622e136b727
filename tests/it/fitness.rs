//! Fitness tests: a standard that is loaded, tests that staff enter and devices send, trends and
//! advice, a plan and the minutes that followed it, figures of groups, and consent before all.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Office, Resident, Shown, Terminal, TestTown, at, eventually};

const UPLOAD: &str = "/api/v1/terminal/fitness-tests";

fn file(name: &str) -> String {
    format!("{}/deploy/standards/{name}", env!("CARGO_MANIFEST_DIR"))
}

async fn loads(town: &TestTown) -> Value {
    let (bands, weights) = (file("fitness-2023.csv"), file("fitness-2023-weights.csv"));
    let words = ["fitness", "load", "--bands", &bands, "--weights", &weights];
    serde_json::from_str(&town.store.fitgate(&words).await).unwrap()
}

fn items(all: &[(&str, f64)]) -> Value {
    all.iter().map(|(item, value)| json!({ "item": item, "value": value })).collect()
}

/// A woman of 36: 15 of 15 for weight and fat, 75 for all else: 15 + 0.85 × 75 = 78.75.
const WHOLE: [(&str, f64); 11] = [
    ("bmi", 22.0),
    ("body_fat_rate", 25.0),
    ("vital_capacity", 2500.0),
    ("max_oxygen_uptake", 37.0),
    ("grip_strength", 28.0),
    ("vertical_jump", 23.0),
    ("push_ups", 18.0),
    ("sit_ups_1min", 19.0),
    ("sit_and_reach", 10.0),
    ("single_leg_stand", 22.0),
    ("choice_reaction_time", 0.58),
];

fn results(said: &Value) -> Vec<&str> {
    let all = said["items"].as_array().unwrap();
    all.iter().map(|item| item["result"].as_str().unwrap()).collect()
}

/// Zhang, the venue where she is tested, and who tests her.
struct Story {
    town: TestTown,
    gym: String,
    door: Terminal,
    zhang: Resident,
    id: String,
    clerk: Office,
    /// Where staff enter and read zhang's tests.
    path: String,
}

#[tokio::test]
async fn from_a_test_to_the_next_with_a_plan_between() {
    let story = Story::begins().await;
    story.nothing_is_taken_without_consent_and_a_standard().await;
    story.items_that_cannot_be_are_refused().await;
    let test = story.a_test_has_no_grade_until_its_standard_was_compared().await;
    story.results_are_sealed_and_readers_are_on_record().await;
    story.an_instructor_plans_and_the_door_measures(&test).await;
    story.a_device_tests_many_before_and_after_the_new_year().await;
    story.trends_go_on_with_what_the_device_sent().await;
    story.groups_are_told_of_where_nobody_stands_apart().await;
}

impl Story {
    async fn begins() -> Self {
        let town = TestTown::with_wechat().await;
        let (gym, door) = town.gym().await;
        let zhang = Resident::registers(&town, "zhang").await;
        let id = zhang.id().await;
        let clerk = town.hire("venue", COMMUNITY).await;
        let path = format!("/members/{id}/fitness-tests");
        Self { town, gym: gym.id, door, zhang, id, clerk, path }
    }

    fn test(&self, items: &Value) -> Value {
        json!({ "venue_id": self.gym, "tested_at": self.town.now(), "items": items })
    }

    async fn nothing_is_taken_without_consent_and_a_standard(&self) {
        let Self { town, zhang, clerk, path, .. } = self;
        let test = self.test(&items(&WHOLE));
        assert_eq!(clerk.post(path, &test).await.said(), (403, "health_consent_required"));
        zhang.agrees("health_data").await.ok();
        assert_eq!(clerk.post(path, &test).await.said(), (409, "fitness_standard_missing"));
        let loaded = loads(town).await;
        let named =
            json!({ "name": "national-physique-2023", "version": 1, "tables": 158, "new": true });
        assert_eq!(loaded, named);
        assert_eq!(loads(town).await["new"], false, "the same files are the same version");
    }

    async fn items_that_cannot_be_are_refused(&self) {
        for bad in [
            items(&[("grip_strength", 28.0), ("grip_strength", 28.0)]),
            items(&[("strength", 28.0)]),
            items(&[("grip_strength", 28.00001)]),
            items(&[("grip_strength", 1e300)]),
            items(&[]),
        ] {
            let body = self.test(&bad);
            let refused = self.clerk.post(&self.path, &body).await;
            assert_eq!(refused.said(), (422, "fitness_items"), "{body}");
        }
    }

    /// Gives what the clerk was answered.
    async fn a_test_has_no_grade_until_its_standard_was_compared(&self) -> Value {
        let Self { town, zhang, clerk, path, .. } = self;
        let entered = clerk.post(path, &self.test(&items(&WHOLE))).await.ok();
        let shown = zhang.get("/me/fitness-tests").await.ok();
        let one = &shown["items"][0];
        assert_eq!(
            (&one["total"], &one["age"], &one["sex"]),
            (&json!(78.75), &json!(36), &json!("female"))
        );
        assert_eq!((&one["provisional"], &one["grade"]), (&json!(true), &Value::Null));
        let compared =
            ["fitness", "compared", "--name", "national-physique-2023", "--version", "1"];
        let words: Vec<&str> = compared.into_iter().chain(["--with", "sample text"]).collect();
        town.store.fitgate(&words).await;
        let shown = clerk.get(path).await.ok();
        assert_eq!(shown["items"][0]["grade_title"], "良好");
        let standards = clerk.get("/fitness-standards").await.ok();
        assert_eq!(standards["items"][0]["compared_with"], "sample text");
        entered
    }

    async fn results_are_sealed_and_readers_are_on_record(&self) {
        let Self { town, zhang, .. } = self;
        let clear = "SELECT COUNT(*) AS n FROM fitness_tests WHERE result_ct LIKE '%grip%'";
        assert_eq!(town.store.count(clear).await, 0);
        let export = zhang.get("/me/export").await.ok();
        let sealed = export["tables"]["fitness_tests"][0]["result"].as_str().unwrap();
        assert!(sealed.contains("grip_strength"), "{sealed}");
        let views = zhang.get("/me/views").await.ok();
        assert_eq!(views["items"].as_array().unwrap().len(), 1, "{views}");
    }

    /// Seventy minutes a week are planned, and the door measures forty.
    async fn an_instructor_plans_and_the_door_measures(&self, test: &Value) {
        let Self { town, door, zhang, id, .. } = self;
        let coach = town.hire("instructor", COMMUNITY).await;
        let plan = json!({
            "test_id": test["id"], "text": "每周两次快走", "weekly_minutes": 70,
            "starts_on": "2026-11-24", "ends_on": "2026-12-31",
        });
        let plans = format!("/members/{id}/fitness-plans");
        let mut backwards = plan.clone();
        backwards["ends_on"] = json!("2026-11-01");
        assert_eq!(coach.post(&plans, &backwards).await.status, 422);
        coach.post(&plans, &plan).await.ok();
        zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
        let card = Shown::card("c-zhang");
        town.credential(id, &card).await;
        town.is_now("2026-11-25T02:00:00Z");
        door.saw("in", &card, at("2026-11-25T01:00:00Z")).await;
        door.saw("out", &card, at("2026-11-25T01:40:00Z")).await;
        let guidance = zhang.get("/me/guidance").await.ok();
        let told = self.clerk.get(&format!("/members/{id}/fitness-guidance")).await.ok();
        assert_eq!(told, guidance, "who advises reads the same");
        let plan = &guidance["plan"];
        assert_eq!((&plan["minutes_attended"], &plan["minutes_planned"]), (&json!(40), &json!(20)));
        assert_eq!(
            (&plan["text"], &guidance["test_again"]),
            (&json!("每周两次快走"), &json!(false))
        );
        assert_eq!(guidance["items"].as_array().unwrap().len(), 11);
        assert!(guidance["note"].as_str().unwrap().contains("不能代替医疗诊断"));
    }

    fn upload(&self, round: &str, grip: f64, ids: &[String]) -> Value {
        let test = |id: &String| {
            json!({
                "record": format!("{round}-{id}"), "member": id, "tested_at": self.town.now(),
                "items": items(&[("grip_strength", grip), ("sit_and_reach", 10.0)]),
            })
        };
        json!({ "tests": ids.iter().map(test).collect::<Vec<_>>() })
    }

    /// Ten people who agreed and one who did not; in the new year zhang too.
    async fn a_device_tests_many_before_and_after_the_new_year(&self) {
        let Self { town, door, id, .. } = self;
        let mut ids: Vec<String> = Vec::new();
        for _ in 0..10 {
            let consents = ["door_face", "minutes_statistics", "health_data"];
            ids.push(town.member_who("1990-01-01", &consents).await.id);
        }
        ids.push(town.member().await.id);
        let first = self.upload("a", 25.0, &ids);
        let said = door.post(UPLOAD, &first).await.ok();
        assert_eq!(results(&said)[9..], ["accepted", "refused"]);
        assert_eq!(said["items"][10]["reason"], "health_consent_required");
        assert_eq!(results(&door.post(UPLOAD, &first).await.ok())[9..], ["duplicate", "refused"]);
        town.is_now("2027-01-20T02:00:00Z");
        ids.push(id.clone());
        let said = door.post(UPLOAD, &self.upload("b", 28.0, &ids)).await.ok();
        assert_eq!(results(&said)[9..], ["accepted", "refused", "accepted"]);
    }

    async fn trends_go_on_with_what_the_device_sent(&self) {
        let zhang = Resident::signs_in(&self.town, "zhang").await;
        let shown = zhang.get("/me/fitness-tests").await.ok();
        assert_eq!(
            (&shown["items"][0]["by_device"], &shown["items"][0]["total"]),
            (&json!(true), &Value::Null)
        );
        let trend = |item: &str| {
            let all = shown["trends"].as_array().unwrap();
            all.iter().find(|trend| trend["item"] == item).unwrap()["since_last"].clone()
        };
        assert_eq!([trend("grip_strength"), trend("bmi")], [json!("same"), json!("unknown")]);
        assert_eq!(zhang.get("/me/guidance").await.ok()["test_again"], false);
    }

    /// Ten without a plan and one with one: the one would stand apart, so nobody is told of.
    async fn groups_are_told_of_where_nobody_stands_apart(&self) {
        let Self { town, clerk, path, .. } = self;
        town.is_now("2027-04-01T02:00:00Z");
        let bureau = town.hire("bureau", "330499").await;
        assert_eq!(bureau.get("/fitness-outcomes?quarter=2027-04-01").await.status, 422);
        assert_eq!(bureau.get("/fitness-outcomes?quarter=2027-02-01").await.status, 422);
        let outcomes =
            async || bureau.get("/fitness-outcomes?quarter=2027-01-01").await.ok()["items"].clone();
        let group = |planned: bool, people: Value, change: Value, minutes: Value| {
            json!({
                "age_from": 30, "age_to": 39, "planned": planned, "people": people,
                "minutes_per_week": minutes, "change_hundredths": change,
            })
        };
        let hidden = |planned| group(planned, Value::Null, Value::Null, Value::Null);
        assert_eq!(outcomes().await, json!([hidden(false), hidden(true)]));
        // Who withdraws is forgotten here, and the ten are a group of their own.
        let zhang = Resident::signs_in(town, "zhang").await;
        zhang.delete("/me/consents?purpose=health_data").await.ok();
        assert_eq!(clerk.get(path).await.said(), (403, "health_consent_required"));
        assert_eq!(zhang.get("/me/fitness-tests").await.ok()["items"], json!([]));
        let kept = "SELECT COUNT(*) AS n FROM fitness_tests t JOIN fitness_plans p \
                    ON p.member_id = t.member_id";
        let gone = async || (town.store.count(kept).await == 0).then_some(());
        eventually("health data deleted", gone).await;
        // From 65 to 75 of two items: five on average.
        assert_eq!(outcomes().await, json!([group(false, json!(10), json!(500), json!(0))]));
        assert_eq!(town.store.count("SELECT COUNT(*) AS n FROM fitness_tests").await, 20);
    }
}
