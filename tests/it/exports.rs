//! Many members' rows as a file: asked for, approved by somebody else, handed out after both
//! factors, told to each person, and marked.

use serde_json::json;

use crate::support::{COMMUNITY, Resident, TestTown};

#[tokio::test]
async fn rows_leave_by_four_eyes_marked_and_each_person_can_read_it() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let (id, adult) = (zhang.id().await, town.member().await);
    let child = town.child_of(&adult).await;
    let (asks, approves) = (town.hire("district", "330499").await, town.hire("city", "3304").await);
    let body = json!({
        "division": "330499001", "clear": ["name", "document"], "reason": "年度名册核对",
    });
    for role in ["venue", "community"] {
        let clerk = town.hire(role, COMMUNITY).await;
        let own = json!({ "reason": "x" });
        assert_eq!(clerk.post("/member-exports", &own).await.said(), (403, "forbidden"), "{role}");
    }
    let stranger = town.hire("district", "330498").await;
    assert_eq!(stranger.post("/member-exports", &body).await.said(), (404, "not_found"));
    assert_eq!(asks.post("/member-exports", &json!({ "reason": " " })).await.status, 422);

    let asked = asks.post("/member-exports", &body).await.ok();
    let request = asked["id"].as_str().unwrap();
    let (file, decide) =
        (format!("/member-exports/{request}"), format!("/requests/{request}/decision"));
    assert_eq!(asks.get(&file).await.said(), (403, "decision_required"));
    let own = asks.post(&decide, &json!({ "approve": true })).await;
    assert_eq!(own.said(), (403, "own_request"));
    let waiting = approves.get("/requests").await.ok();
    assert_eq!(waiting["items"][0]["details"], json!({ "clear": ["name", "document"] }));
    approves.post(&decide, &json!({ "approve": true })).await.ok();
    assert_eq!(approves.get(&file).await.said(), (404, "not_found"), "it is the asker's");
    town.is_now("2026-11-23T02:11:00Z");
    assert_eq!(asks.get(&file).await.said(), (401, "confirmation_required"));
    let proof = json!({ "password": asks.password, "code": asks.code() });
    asks.post("/sessions/current/confirmation", &proof).await;

    let got = asks.get(&file).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(got.header("cache-control"), "no-store");
    assert!(got.header("content-disposition").contains("fitgate-members-330499001-2026-11-23.csv"));
    let lines: Vec<&str> = got.text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(
        lines[0],
        "id,name,home_community,status,verification,sex,birth_year,registered_at,document_type,\
         document_number,watermark"
    );
    let line = |id: &str| *lines.iter().find(|line| line.starts_with(id)).unwrap();
    assert_eq!(lines.len(), 4);
    assert!(line(&adult.id).contains(&adult.number) && line(&adult.id).contains("张三"));
    assert!(!line(&child.id).contains(&child.number) && line(&child.id).contains(",*,"));
    let marks: Vec<&str> = lines[1..].iter().map(|l| l.rsplit(',').next().unwrap()).collect();
    assert!(
        marks.iter().all(|mark| mark.starts_with(request)) && marks[0] != marks[1],
        "{marks:?}"
    );

    let views = zhang.get("/me/views").await.ok();
    assert_eq!(views["items"][0]["act"], "exported");
    assert_eq!(views["items"][0]["role"], "district");
    let rows = "SELECT COUNT(*) AS n FROM member_views WHERE act = 'exported'";
    assert_eq!(town.store.count(rows).await, 3, "of each");
    assert!(line(&id).contains("张三"));
    let acts = town.office.get(&format!("/audit?object=export:{request}")).await.ok();
    let acts: Vec<_> = acts["items"].as_array().unwrap().iter().map(|a| a["act"].clone()).collect();
    assert_eq!(acts, ["members_export_ended", "members_exported"]);
    town.is_now("2026-11-24T02:11:01Z");
    assert_eq!(asks.get(&file).await.said(), (403, "decision_required"), "a day is over");
    town.store.fitgate(&["ledger", "verify"]).await;
}
