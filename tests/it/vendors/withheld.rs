//! Whoever takes their consent back while a terminal has yet to fetch their face: no device of any
//! family is given it any more, and each is told to forget them.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::fetchers::{FIRST, later, somebody};
use crate::support::{TestTown, device::Bytes};

/// How every photo begins where it goes as text.
const JPEG: &str = "/9j/";

/// A terminal that fetches, by how its family does.
struct Fetcher {
    family: &'static str,
    serial: String,
    /// Of the path where the family has one.
    token: String,
    /// What tells it to forget somebody.
    forgets: String,
}

impl Fetcher {
    async fn claimed(town: &TestTown, family: &'static str) -> Self {
        let venue = town.venue(family, json!({})).await;
        let serial = format!("F{}", family.replace('_', ""));
        let body = json!({
            "protocol": family, "serial": serial, "venue_id": venue.id, "direction": "in",
            "keeps_roster": true,
        });
        let claimed = town.office.post("/terminals/claims", &body).await.ok();
        let token = claimed["path_token"].as_str().unwrap_or_default().to_owned();
        let forgets = match family {
            "zkteco_acc" => format!("DATA DELETE user Pin={FIRST}"),
            "zkteco_att" => format!("DATA DELETE USERINFO PIN={FIRST}"),
            "fcard" => format!("\"DeleteList\":[{FIRST}]"),
            _ => "person/delete".to_owned(),
        };
        Self { family, serial, token, forgets }
    }

    async fn asks(&self, town: &TestTown, path: &str, mut body: Value) -> String {
        body["SN"] = json!(self.serial);
        let request = Bytes::new("POST", path, body.to_string().as_bytes());
        request.with("Content-Type: application/json").answered(town.address()).await
    }

    /// All that one round of its questions is answered. It never says what became of it: whatever may
    /// be told again is told again.
    async fn fetches(&self, town: &TestTown) -> String {
        match self.family {
            "fcard" => {
                let mut told = self.asks(town, "/Device/Keepalive", json!({})).await;
                for path in ["/People/DownloadPeopleList", "/People/DeletePeopleList"] {
                    told += &self.asks(town, path, json!({ "Limit": 100 })).await;
                }
                told
            }
            "uniubi" => {
                let own = format!("/uniubi/{}", self.token);
                self.asks(town, &format!("{own}/heartbeat"), json!({})).await;
                self.asks(town, &format!("{own}/task"), json!({})).await
            }
            _ => {
                let path = format!("/iclock/getrequest?SN={}", self.serial);
                Bytes::new("GET", &path, b"").answered(town.address()).await
            }
        }
    }

    /// Says of a task that it is done, so that the face comes next.
    async fn has_written(&self, town: &TestTown, task: &str) {
        let task: Value = serde_json::from_str(task).unwrap();
        let well = json!({ "result": 1, "success": true, "code": "LAN_SUS-0" });
        let said = json!({ "taskNo": task["taskNo"], "result": well });
        let path = format!("/uniubi/{}/task-result", self.token);
        assert_eq!(self.asks(town, &path, said).await, r#"{"result":true}"#);
    }
}

#[tokio::test]
async fn a_face_whose_consent_is_withdrawn_is_given_to_no_terminal_that_fetches() {
    let town = TestTown::with_wechat().await;
    let mut fetchers = Vec::new();
    for family in ["zkteco_acc", "zkteco_att", "fcard", "uniubi"] {
        fetchers.push(Fetcher::claimed(&town, family).await);
    }
    let zhang = somebody(&town).await;
    for fetcher in &fetchers {
        let told = fetcher.fetches(&town).await;
        if fetcher.family == "uniubi" {
            assert!(!told.contains(JPEG), "the person first: {told}");
            fetcher.has_written(&town, &told).await;
        } else {
            assert!(told.contains(JPEG) && told.contains(FIRST), "{}: {told}", fetcher.family);
        }
    }
    zhang.delete("/me/consents?purpose=door_face").await.ok();
    let mut to_forget: Vec<&Fetcher> = fetchers.iter().collect();
    // What was told without an answer is told again after a minute, up to five times.
    for _ in 0..6 {
        let mut left = Vec::new();
        for fetcher in to_forget {
            let told = fetcher.fetches(&town).await;
            assert!(!told.contains(JPEG), "{}: {told}", fetcher.family);
            if !told.contains(&fetcher.forgets) {
                left.push(fetcher);
            }
        }
        to_forget = left;
        later(&town, TimeDelta::seconds(61));
    }
    let left: Vec<&str> = to_forget.iter().map(|fetcher| fetcher.family).collect();
    assert!(left.is_empty(), "not told to forget them: {left:?}");
}
