//! Groups from their founding to minutes together, and partners who find one another.

use serde_json::{Value, json};

use crate::support::{Resident, Shown, Terminal, TestTown, at, eventually};

/// Somebody whose name is proven and who has a card.
async fn comes(town: &TestTown, name: &str) -> (Resident, Shown) {
    let resident = Resident::registers(town, name).await;
    resident.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let card = Shown::card(&format!("c-{name}"));
    town.credential(&resident.id().await, &card).await;
    (resident, card)
}

async fn stays(door: &Terminal, card: &Shown, from: &str, to: &str) {
    door.saw("in", card, at(from)).await;
    door.saw("out", card, at(to)).await;
}

#[tokio::test]
async fn a_group_is_founded_approved_joined_meets_and_counts_its_minutes_together() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let [zhang, li, wang] = ["zhang", "li", "wang"];
    let (zhang, card_of_zhang) = comes(&town, zhang).await;
    let (li, card_of_li) = comes(&town, li).await;
    let (wang, card_of_wang) = comes(&town, wang).await;
    let founded = json!({ "name": "晨跑团", "sport": "running", "about": "每周三次" });
    let group = zhang.post("/groups", &founded).await.ok();
    assert_eq!((&group["state"], &group["members"]), (&json!("proposed"), &json!(1)));
    let path = format!("/groups/{}", group["id"].as_str().unwrap());
    let membership = format!("{path}/membership");
    assert_eq!(li.get(&path).await.said(), (404, "not_found"), "nobody reads it before staff do");
    assert_eq!(li.does(&membership).await.said(), (404, "not_found"));
    let approval = json!({ "approve": true, "reason": "符合要求" });
    let decision = format!("{path}/decision");
    assert_eq!(town.office.post(&decision, &approval).await.ok()["state"], "active");
    let again = town.office.post(&decision, &approval).await;
    assert_eq!(again.said(), (409, "request_decided"));
    let listed = li.get("/groups?division=3304&sport=running").await.ok();
    assert_eq!(listed["items"][0]["name"], "晨跑团");
    assert_eq!(
        listed["items"][0]["reason"],
        Value::Null,
        "why staff decided is the leaders' alone"
    );

    assert_eq!(li.does(&membership).await.ok()["standing"], "asked");
    let id_of_li = li.id().await;
    let of_li = format!("{path}/members/{id_of_li}/decision");
    let let_in = json!({ "decision": "let_in" });
    assert_eq!(wang.post(&of_li, &let_in).await.said(), (403, "leader_required"));
    zhang.post(&of_li, &let_in).await.ok();
    let told = eventually("the answer", async || town.wechat().sent().pop()).await;
    assert_eq!((&told["touser"], &told["template_id"]), (&json!("o-li"), &json!("GROUP")));
    assert_eq!(told["data"]["phrase2"]["value"], "已通过");
    assert_eq!(wang.get(&format!("{path}/members")).await.said(), (403, "forbidden"));
    let members = li.get(&format!("{path}/members")).await.ok();
    assert_eq!(members["items"].as_array().unwrap().len(), 2);
    assert!(members["items"].as_array().unwrap().iter().all(|one| one["name"] == "张*"));

    let all = [(&zhang, &card_of_zhang), (&li, &card_of_li), (&wang, &card_of_wang)];
    meets_and_counts(&town, &gym.id, &door, &path, all).await;
    ends(&town, &path, [&zhang, &li, &wang]).await;
}

/// A group whose second member wants to be seen in rankings meets; the third is none of it.
async fn meets_and_counts(
    town: &TestTown,
    gym: &str,
    door: &Terminal,
    path: &str,
    [(zhang, card_of_zhang), (li, card_of_li), (wang, card_of_wang)]: [(&Resident, &Shown); 3],
) {
    let meetup = json!({
        "venue_id": gym, "starts_at": "2026-11-23T03:00:00Z", "ends_at": "2026-11-23T04:00:00Z",
    });
    let meetups = format!("{path}/meetups");
    assert_eq!(li.post(&meetups, &meetup).await.said(), (403, "leader_required"));
    zhang.post(&meetups, &meetup).await.ok();
    assert_eq!(zhang.post(&meetups, &meetup).await.said(), (409, "conflict"));
    assert_eq!(li.get(&meetups).await.ok()["items"].as_array().unwrap().len(), 1);
    town.is_now("2026-11-23T05:00:00Z");
    stays(door, card_of_zhang, "2026-11-23T02:50:00Z", "2026-11-23T03:30:00Z").await;
    stays(door, card_of_li, "2026-11-23T03:00:00Z", "2026-11-23T04:40:00Z").await;
    // Somebody else is there too, and is none of them.
    stays(door, card_of_wang, "2026-11-23T03:00:00Z", "2026-11-23T04:00:00Z").await;
    li.patch(&json!({ "in_ranks": true })).await.ok();
    let minutes = format!("{path}/minutes?month=2026-11-01");
    assert_eq!(wang.get(&minutes).await.said(), (403, "forbidden"));
    let month = zhang.get(&minutes).await.ok();
    assert_eq!(month["minutes"], 90, "thirty of one's forty, sixty of the other's hundred");
    let met = &month["meetups"][0];
    assert_eq!((&met["minutes"], &met["people"]), (&json!(90), &json!(2)));
    let ranked: Vec<(&Value, &Value, &Value)> = month["ranking"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["rank"], &one["member_id"], &one["minutes"]))
        .collect();
    assert_eq!(ranked, [(&json!(1), &json!(li.id().await), &json!(60))], "who wants to be seen");
    let overseen = town.office.get(&format!("{path}?month=2026-11-01")).await.ok();
    assert_eq!(overseen["month"], month, "staff see what its members see");
    assert_eq!(overseen["group"]["members"], 2);
    assert_eq!(overseen["meetups"], json!([]), "the only one is over");
    let desk = town.hire("venue", "330499001002").await;
    let elsewhere = desk.get(&format!("{path}?month=2026-11-01")).await;
    assert_eq!(elsewhere.said(), (404, "not_found"));
    let bad = zhang.get(&format!("{path}/minutes?month=2026-11-02")).await;
    assert_eq!(bad.said(), (422, "bad_time"));
}

/// Leaders hand on, members go, and staff close what nobody looks after.
async fn ends(town: &TestTown, path: &str, [zhang, li, wang]: [&Resident; 3]) {
    let membership = format!("{path}/membership");
    let decision = format!("{path}/decision");
    let let_in = json!({ "decision": "let_in" });
    let (id_of_li, id_of_wang) = (li.id().await, wang.id().await);
    let of_li = format!("{path}/members/{id_of_li}/decision");
    assert_eq!(zhang.delete(&membership).await.said(), (409, "last_leader"));
    zhang.post(&of_li, &json!({ "decision": "make_leader" })).await.ok();
    assert_eq!(zhang.delete(&membership).await.ok()["standing"], "outside");
    let of_wang = format!("{path}/members/{id_of_wang}/decision");
    assert_eq!(li.post(&of_wang, &let_in).await.said(), (404, "not_found"), "she has not asked");
    assert_eq!(town.screen("3304").await.document().await["groups"], 1);
    assert_eq!(li.delete("/me").await.status, 204);
    assert_eq!(wang.get(path).await.ok()["group"]["members"], 0, "who is forgotten is in no group");
    // Who registered twice is one again, with what the other registration asked for.
    wang.does(&membership).await.ok();
    let twin = town.member().await;
    let joined = json!({ "other_id": id_of_wang, "reason": "重复登记" });
    town.office.post(&format!("/members/{}/join", twin.id), &joined).await.ok();
    let id = town.store.uuid(twin.id.parse().unwrap());
    let asks = format!("SELECT COUNT(*) AS n FROM group_members WHERE member_id = {id}");
    assert_eq!(town.store.count(&asks).await, 1);
    let closing = json!({ "approve": false, "reason": "无人负责" });
    assert_eq!(town.office.post(&decision, &closing).await.ok()["state"], "closed");
    assert_eq!(zhang.get(path).await.said(), (404, "not_found"));
}

#[tokio::test]
async fn partners_find_one_another_only_while_both_agree() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let [zhang, li] =
        [Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await];
    let hour = json!({ "sport": "badminton", "weekday": 6, "hour": 19 });
    let refused = zhang.post("/me/partner-offers", &hour).await;
    assert_eq!(refused.said(), (403, "partner_consent_required"));
    for one in [&zhang, &li] {
        one.agrees("partner_search").await.ok();
    }
    let made = zhang.post("/me/partner-offers", &hour).await.ok();
    let of_zhang = format!("/me/partner-offers/{}", made["id"].as_str().unwrap());
    assert_eq!(zhang.post("/me/partner-offers", &hour).await.said(), (409, "conflict"));
    for (field, value, said) in [
        ("weekday", json!(8), (422, "out_of_range")),
        ("hour", json!(24), (422, "out_of_range")),
        ("sport", json!("羽毛球"), (422, "bad_kind")),
    ] {
        let mut wrong = hour.clone();
        wrong[field] = value;
        assert_eq!(zhang.post("/me/partner-offers", &wrong).await.said(), said, "{field}");
    }
    let partners = format!("{of_zhang}/partners");
    assert_eq!(zhang.get(&partners).await.ok()["items"], json!([]), "not oneself");
    let other = li.post("/me/partner-offers", &hour).await.ok();
    let found = zhang.get(&partners).await.ok();
    assert_eq!(
        (&found["items"][0]["id"], &found["items"][0]["name"]),
        (&other["id"], &json!("张*"))
    );
    assert_eq!(li.get(&partners).await.ok()["items"], json!([]), "by one's own hours only");

    let invitation = format!("/partner-offers/{}/invitation", other["id"].as_str().unwrap());
    let whither = json!({ "venue_id": gym.id, "at": "2026-11-28T11:00:00Z" });
    for _ in 0..2 {
        assert_eq!(zhang.post(&invitation, &whither).await.status, 202);
    }
    let late = json!({ "venue_id": gym.id, "at": "2027-11-28T11:00:00Z" });
    assert_eq!(zhang.post(&invitation, &late).await.said(), (422, "bad_time"));
    let told = eventually("the invitation", async || town.wechat().sent().pop()).await;
    assert_eq!(
        (&told["touser"], &told["data"]["thing1"]["value"]),
        (&json!("o-li"), &json!("张*邀您一起运动"))
    );
    assert_eq!(town.wechat().sent().len(), 1, "one a day");

    assert!(li.delete("/me/consents?purpose=partner_search").await.status < 300);
    assert_eq!(zhang.get(&partners).await.ok()["items"], json!([]), "who withdrew is not found");
    assert_eq!(zhang.post(&invitation, &whither).await.said(), (404, "not_found"));
    assert_eq!(li.delete(&of_zhang).await.said(), (404, "not_found"), "another's");
    zhang.delete(&of_zhang).await.ok();
    assert_eq!(zhang.get("/me/partner-offers").await.ok()["items"], json!([]));
}
