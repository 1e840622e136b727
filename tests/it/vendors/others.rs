//! FCARD, Dahua, Uniubi and HQ terminals.

use serde_json::{Value, json};

use super::{answers_as_sampled, fetchers::known_only_as, survives_cuts};
use crate::support::{
    TestTown,
    device::{Bytes, requests, sample},
};

fn post(path: &str, content_type: &str, body: &str) -> Bytes {
    let header = format!("Content-Type: {content_type}");
    Bytes::new("POST", path, body.as_bytes()).with(&header)
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The samples of a family sent twice to `path`; gives how many there were.
async fn sends_samples(
    town: &TestTown,
    family: &str,
    path: impl Fn(&str) -> String,
    answer: &str,
) -> usize {
    let all = requests(family);
    for (name, request) in &all {
        let mut request = request.clone();
        request.head = path(&request.head);
        for _ in 0..2 {
            assert_eq!(request.answered(town.address()).await, answer, "{name}");
        }
    }
    all.len()
}

#[tokio::test]
async fn fcard_polls_uploads_and_is_told() {
    const SN: &str = "FC-8200H12345678";
    let town = TestTown::open().await;
    let keepalive = [("01-keepalive.req.http", "01-keepalive.not-authorised.resp.body")];
    for (request, answer) in keepalive {
        if let (Some(request), Some(answer)) = (sample("fcard", request), sample("fcard", answer)) {
            let got = Bytes::read(&request).answered(town.address()).await;
            assert_eq!(got.as_bytes(), answer);
        }
    }
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "fcard", SN, "both").await;
    answers_as_sampled(
        &town,
        "fcard",
        &[
            ("01-keepalive.req.http", "01-keepalive.idle.resp.body"),
            ("05-uploadidentifyrecord-face-in.req.http", "05-upload.resp.body"),
            ("06-uploadidentifyrecord-gzip-recordJson-out.req.http", "05-upload.resp.body"),
        ],
    )
    .await;
    let poll = async |path: &str| {
        let body = json!({ "SN": SN, "Limit": 100 }).to_string();
        read(&post(path, "application/json", &body).answered(town.address()).await)
    };
    known_only_as(&town, "1001").await;
    town.is_now("2026-11-23T02:05:00Z");
    let path = format!("/terminals/{}/commands", claimed["id"].as_str().unwrap());
    town.office.post(&path, &json!({ "kind": "open_door" })).await.ok();
    let work = poll("/Device/Keepalive").await;
    assert_eq!((&work["AddPeople"], &work["Remote"]), (&json!(1), &json!(1)));
    let told = poll("/Device/RemoteCommand").await;
    assert_eq!(told, json!({ "Success": 1, "Opendoor": 1 }));
    if let Some(sampled) = sample("fcard", "02-remotecommand.open-door.resp.body") {
        assert_eq!(json!(told), serde_json::from_slice::<Value>(&sampled).unwrap());
    }
    let people = poll("/People/DownloadPeopleList").await;
    let one = &people["PeopleList"][0];
    assert_eq!((&one["UserID"], &one["Name"]), (&json!("1001"), &json!("")));
    assert_eq!(poll("/People/DownloadPeopleList").await["PeopleCount"], 0);
    assert_eq!(poll("/Device/Keepalive").await, json!({ "Success": 1 }));
    let listed = town.office.get(&path).await.ok();
    for one in listed["items"].as_array().unwrap() {
        assert_eq!(one["status"], "sent", "fetched is not done: {one}");
    }
}

/// Records older than the keys that would tell a repetition: kept, acknowledged, left to staff.
async fn ancient(town: &TestTown, serial: &str) -> u64 {
    let kept = format!(
        "SELECT COUNT(*) AS n FROM quarantine WHERE reason = 'ancient' AND serial = '{serial}'"
    );
    town.store.count(&kept).await
}

#[tokio::test]
async fn fcard_records_become_entries_and_its_questions_are_answered() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "fcard", "FC-1", "both").await;
    town.numbered("7").await;
    let upload = async |path: &str, id: u32, user: &str, at: i64, entry: u8| {
        let detail = json!({
            "RecordID": id, "RecordType": 3, "RecordDate": at, "UserID": user, "IsEntry": entry,
        });
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"SN\"\r\n\r\nFC-1\r\n--b\r\n\
             Content-Disposition: form-data; name=\"RecordDetail\"\r\n\r\n{detail}\r\n--b--\r\n"
        );
        let request = post(path, "multipart/form-data; boundary=b", &body);
        read(&request.answered(town.address()).await)
    };
    let now = town.now().timestamp();
    let records = "/Record/UploadIdentifyRecord";
    for _ in 0..2 {
        assert_eq!(upload(records, 1, "7", now - 3600, 1).await, json!({ "Success": 1 }));
        upload(records, 2, "7", now - 1800, 0).await;
    }
    let screen = town.screen("330499").await;
    let measured = |shown: &Value| shown["today"]["minutes"]["measured"] == 30;
    assert_eq!(screen.shows("the minutes", measured).await["today"]["visits"], 1);
    let asked = upload("/Device/RequestAuthorization", 3, "7", now, 1).await;
    assert_eq!(asked, json!({ "Success": 1, "Message": "欢迎，请进。" }));
    let stranger = upload("/Device/RequestAuthorization", 4, "8", now, 1).await;
    assert_eq!(stranger["Success"], 0);
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
    // In by the first sample, out by the second, so long ago that staff must look at them.
    town.numbered("1").await;
    town.claim(&venue, "fcard", "FC-8200H12345678", "both").await;
    for (name, request) in requests("fcard").iter().filter(|(name, _)| name.contains("record")) {
        assert_eq!(request.answered(town.address()).await, r#"{"Success":1}"#, "{name}");
    }
    if sample("fcard", "05-upload.resp.body").is_some() {
        assert_eq!(ancient(&town, "FC-8200H12345678").await, 2);
    }
}

#[tokio::test]
async fn dahua_posts_with_pictures_and_asks_in_the_same_request() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("1").await;
    let claimed = town.claim(&venue, "dahua", "020000000003", "in").await;
    let path = format!("/dahua/{}", claimed["path_token"].as_str().unwrap());
    let own = |head: &str| head.replace("/notification", &path);
    let sent = sends_samples(&town, "dahua", own, "{}").await;
    let screen = town.screen("330499").await;
    if sent > 0 {
        screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    }
    let ask = json!({ "Events": [{
        "Code": "AccessControl", "PhysicalAddress": "02:00:00:00:00:03",
        "Data": { "UserID": "1", "Method": 15, "Status": 0, "ErrorCode": 96, "Door": 0,
            "UTC": town.now().timestamp() },
    }] });
    let body = format!("--myboundary\r\nContent-Type: text/plain\r\n\r\n{ask}\r\n--myboundary--");
    let asked = Bytes::new("POST", &path, body.as_bytes()).answered(town.address()).await;
    assert_eq!(read(&asked), json!({ "message": "欢迎，请进。", "code": "200", "auth": "true" }));
    let stranger = body.replace("\"UserID\":\"1\"", "\"UserID\":\"2\"");
    let asked = Bytes::new("POST", &path, stranger.as_bytes()).answered(town.address()).await;
    assert_eq!(read(&asked)["auth"], "false");
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
    survives_cuts(&town, "dahua", |head| own(&head)).await;
}

#[tokio::test]
async fn uniubi_posts_what_it_recognised() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("PRUEBA1").await;
    let claimed = town.claim(&venue, "uniubi", "E03C1CB7BBE60000", "in").await;
    let path = format!("/uniubi/{}", claimed["path_token"].as_str().unwrap());
    let own = |head: &str| head.replace("/face/uniubi/T0KEN", &path);
    let sent = sends_samples(&town, "uniubi", own, r#"{"result":true}"#).await;
    let beat = Bytes::new("POST", &format!("{path}/heartbeat"), b"{}");
    let told = beat.answered(town.address()).await;
    assert_eq!(told, r#"{"result":false}"#);
    if let Some(sampled) = sample("uniubi", "05-heartbeat.reply-no-task.resp.body") {
        assert_eq!(told.as_bytes(), sampled);
    }
    let screen = town.screen("330499").await;
    if sent > 0 {
        // In its period; out of it and the stranger are none.
        screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    }
    survives_cuts(&town, "uniubi", |head| own(&head)).await;
    town.adds_up().await;
}

#[tokio::test]
async fn hq_pushes_what_it_verified() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    let unclaimed = |head: &str| head.to_owned();
    sends_samples(&town, "hq-face", unclaimed, r#"{"code":200,"desc":"OK"}"#).await;
    let claimed = town.claim(&venue, "hq", "1434281", "in").await;
    let path = format!("/hq/{}", claimed["path_token"].as_str().unwrap());
    let push = json!({ "operator": "VerifyPush", "info": {
        "DeviceID": 1_434_281, "CustomizeID": 7, "CreateTime": "2026-11-23T09:00:00",
        "VerifyStatus": 1, "VerfyType": 1, "Sendintime": 0, "nRecordIndex": 4,
    }, "SanpPic": "data:image/jpeg;base64,/9j/4AAQ" });
    for _ in 0..2 {
        let request = post(&format!("{path}/Verify"), "application/json", &push.to_string());
        let told = request.answered(town.address()).await;
        assert_eq!(told, r#"{"code":200,"desc":"OK"}"#);
        if let Some(sampled) = sample("hq-face", "03-verifypush.resp.body") {
            assert_eq!(told.as_bytes(), sampled);
        }
    }
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    // The sampled push with pictures, by the person whom it names, long ago.
    if let Some(sampled) = sample("hq-face", "03-verifypush-replayed-with-pictures.req.http") {
        town.numbered("123").await;
        let other = town.claim(&venue, "hq", "123555", "in").await;
        let own = format!("/hq/{}", other["path_token"].as_str().unwrap());
        let mut request = Bytes::read(&sampled);
        request.head = request.head.replace("/Subscribe", &own);
        for _ in 0..2 {
            request.answered(town.address()).await;
        }
        assert_eq!(ancient(&town, "123555").await, 1, "however often it is sent");
    }
    survives_cuts(&town, "hq-face", |head| head.replace("/Subscribe", &path)).await;
    survives_cuts(&town, "fcard", |head| head).await;
    town.adds_up().await;
}
