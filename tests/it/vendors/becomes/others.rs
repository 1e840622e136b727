//! What samples of Hikvision, FCARD, Dahua, Uniubi and HQ become: entries, refusals, strangers,
//! notices, clocks.

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::{NOTHING, Stage, answer, are_here, request, saying, with_head};
use crate::{
    support::{
        device::{Bytes, sample},
        eventually,
    },
    vendors::{
        called::{answers, asked, challenges, is_proved},
        holders::reaches,
    },
};

/// The face of the samples, three hours west of Greenwich.
const FACE: &str = "v:591|1776464628000 at 2026-04-17T22:23:48Z: 1, in by face:";

#[tokio::test]
async fn hikvision_events_are_an_entry_and_notices_in_each_of_their_forms() {
    if !are_here("hikvision") {
        return;
    }
    let stage = Stage::at("2026-04-17T22:30:00Z", &["1"]).await;
    let door = stage.claims("hikvision", "AA0000001", "in").await;
    let path = format!("/hikvision/{}", door.token);
    for (name, other) in [
        ("01-httphost-push-remote-close-3-1025", "/w-access"),
        ("02-httphost-push-face-pass-5-75-with-picture", "/w-access"),
        ("04-httphost-push-face-pass-plain-json", "/hik"),
    ] {
        stage.tells(&with_head(request("hikvision", name), other, &path), "{}").await;
    }
    for file in [
        "01-httphost-push-remote-close-3-1025.event.json",
        "02-face-pass-5-75.event.json",
        "06-event-xml-doorbell-5-37.event.xml",
    ] {
        let event = sample("hikvision", file).unwrap();
        stage.tells(&Bytes::new("POST", &path, &event), "{}").await;
    }
    let face = format!("{FACE} replayed, recorded, opened");
    let expected = [
        face.as_str(),
        "572|1776462026000 at 2026-04-17T21:40:26Z: notice remote_close, door 1",
        "12345|1791279600000 at 2026-10-06T09:40:00Z: notice doorbell, door 1",
    ];
    stage.became(&door, &expected).await;
    stage.leaves("1", "2026-04-17T23:23:48Z").await;
    stage.stayed("1", "2026-04-17T22:23:48Z to 2026-04-17T23:23:48Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn a_hikvision_question_is_an_entry_and_its_report_says_that_the_door_opened() {
    if !are_here("hikvision") {
        return;
    }
    let stage = Stage::at("2026-04-17T22:23:50Z", &["1"]).await;
    let door = stage.claims("hikvision", "AA0000001", "in").await;
    let path = format!("/hikvision/{}", door.token);
    let question = sample("hikvision", "08-remotecheck-request-event.event.json").unwrap();
    stage.tells(&Bytes::new("POST", &path, &question), "{}").await;
    stage.became(&door, &[format!("{FACE} live, granted, opened")]).await;
    let report = request("hikvision", "02-httphost-push-face-pass-5-75-with-picture");
    stage.tells(&with_head(report, "/w-access", &path), "{}").await;
    stage.became(&door, &[format!("{FACE} live, granted, opened, seen to pass")]).await;
    stage.leaves("1", "2026-04-17T23:23:48Z").await;
    stage.stayed("1", "2026-04-17T22:23:48Z to 2026-04-17T23:23:48Z: 60 measured").await;
    stage.ends(&[]).await;
}

/// One connection of a device that streams the sample once and has no records of before.
async fn streams(mut connection: TcpStream, stream: Vec<u8>) {
    const NO_RECORDS: &str = r#"{"AcsEvent":{"responseStatusStrg":"NO MATCH","totalMatches":0}}"#;
    while let Some(text) = asked(&mut connection).await {
        if !is_proved(&text) {
            challenges(&mut connection).await;
        } else if text.starts_with("GET /ISAPI/Event/notification/alertStream") {
            connection.write_all(&stream).await.unwrap();
            return;
        } else {
            answers(&mut connection, NO_RECORDS).await;
        }
    }
}

#[tokio::test]
async fn a_hikvision_stream_is_heard_from_what_was_stored_to_what_happens() {
    let Some(stream) = sample("hikvision", "03-alertstream-replay-then-live.resp.http") else {
        return;
    };
    let stage = Stage::at("2026-04-17T22:24:00Z", &["1"]).await;
    let door = stage.claims("hikvision", "AA0000001", "in").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(streams(connection, stream.clone()));
        }
    });
    reaches(&stage.town, &format!("/terminals/{}", door.id), &address, true).await;
    let face = format!("{FACE} replayed, recorded, opened");
    let expected = [
        face.as_str(),
        "587|1776464622000 at 2026-04-17T22:23:42Z: notice hik:3/1028",
        "588|1776464623000 at 2026-04-17T22:23:43Z: notice remote_close, door 1",
        "589|1776464623000 at 2026-04-17T22:23:43Z: notice lock_closed, door 1",
    ];
    eventually("the stream to its end", async || {
        (stage.came_of(&door).await.len() >= expected.len()).then_some(())
    })
    .await;
    stage.became(&door, &expected).await;
    stage.leaves("1", "2026-04-17T23:23:48Z").await;
    stage.stayed("1", "2026-04-17T22:23:48Z to 2026-04-17T23:23:48Z: 60 measured").await;
    stage.ends(&[]).await;
}

const FC: &str = "FC-8200H12345678";
const FC_LEFT: &str =
    "v:121|1718616771 at 2024-06-17T09:32:51Z: 1, out by face: replayed, recorded,";

#[tokio::test]
async fn fcard_records_of_one_second_are_a_way_out_and_then_a_way_in() {
    if !are_here("fcard") {
        return;
    }
    let stage = Stage::at("2024-06-17T10:00:00Z", &["1"]).await;
    let door = stage.claims("fcard", FC, "both").await;
    let well = answer("fcard", "05-upload.resp.body");
    stage.tells(&request("fcard", "05-uploadidentifyrecord-face-in"), &well).await;
    let came = "v:120|1718616771 at 2024-06-17T09:32:51Z: 1, in by face: replayed, recorded, \
                opened";
    stage.became(&door, &[came]).await;
    // Both samples say the same second, and then whoever goes out was in before.
    stage.tells(&request("fcard", "06-uploadidentifyrecord-gzip-recordJson-out"), &well).await;
    stage.became(&door, &[came, &format!("{FC_LEFT} orphan")]).await;
    stage.leaves("1", "2024-06-17T10:32:51Z").await;
    stage.stayed("1", "2024-06-17T09:32:51Z to 2024-06-17T10:32:51Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn a_packed_fcard_record_ends_a_stay_that_began_an_hour_before() {
    if !are_here("fcard") {
        return;
    }
    let stage = Stage::at("2024-06-17T10:00:00Z", &["1"]).await;
    let door = stage.claims("fcard", FC, "both").await;
    let well = answer("fcard", "05-upload.resp.body");
    let before = request("fcard", "05-uploadidentifyrecord-face-in");
    stage.tells(&saying(before, ":1718616771,", ":1718613171,"), &well).await;
    stage.tells(&request("fcard", "06-uploadidentifyrecord-gzip-recordJson-out"), &well).await;
    let came = "v:120|1718613171 at 2024-06-17T08:32:51Z: 1, in by face: replayed, recorded, \
                opened";
    stage.became(&door, &[came, &format!("{FC_LEFT} closed")]).await;
    stage.stayed("1", "2024-06-17T08:32:51Z to 2024-06-17T09:32:51Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn a_dahua_event_among_three_pictures_is_one_entry() {
    if !are_here("dahua") {
        return;
    }
    let stage = Stage::at("2026-01-24T09:25:00Z", &["1"]).await;
    let door = stage.claims("dahua", "020000000003", "in").await;
    let path = format!("/dahua/{}", door.token);
    let posted = request("dahua", "01-notification-face-pass-3-images");
    stage.tells(&with_head(posted, "/notification", &path), "{}").await;
    let event = sample("dahua", "01-notification-face-pass.info.json").unwrap();
    stage.tells(&Bytes::new("POST", &path, &event), "{}").await;
    let expected = "v:1769246396|1|00000001|15|0 at 2026-01-24T09:19:56Z: 1, in by face: \
                    replayed, recorded, opened";
    stage.became(&door, &[expected]).await;
    stage.leaves("1", "2026-01-24T10:19:56Z").await;
    stage.stayed("1", "2026-01-24T09:19:56Z to 2026-01-24T10:19:56Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn uniubi_recognitions_are_an_entry_a_refusal_and_a_stranger() {
    if !are_here("uniubi") {
        return;
    }
    let stage = Stage::at("2026-09-03T22:00:00Z", &["PRUEBA1"]).await;
    let door = stage.claims("uniubi", "E03C1CB7BBE60000", "in").await;
    let path = format!("/uniubi/{}", door.token);
    for name in [
        "01-identify-callback-face_0-in-period",
        "02-identify-callback-face_1-out-of-period",
        "03-identify-callback-face_2-stranger",
    ] {
        let told = with_head(request("uniubi", name), "/face/uniubi/T0KEN", &path);
        stage.tells(&told, r#"{"result":true}"#).await;
    }
    let expected = [
        "v:1788472566659|face_0 at 2026-09-03T21:56:06.659Z: PRUEBA1, in by face: replayed, \
         recorded, opened",
        "v:1788472600000|face_1 at 2026-09-03T21:56:40Z: PRUEBA1, in by face: replayed, refused, \
         none",
        "v:1788472612345|face_2 waits: unknown_credential",
    ];
    stage.became(&door, &expected).await;
    stage.leaves("PRUEBA1", "2026-09-03T22:56:06.659Z").await;
    let stay = "2026-09-03T21:56:06.659Z to 2026-09-03T22:56:06.659Z: 60 measured";
    stage.stayed("PRUEBA1", stay).await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn an_hq_record_that_was_stored_is_an_entry_of_its_own_time() {
    if !are_here("hq-face") {
        return;
    }
    let stage = Stage::at("2024-06-24T02:00:00Z", &["123"]).await;
    let door = stage.claims("hq", "123555", "in").await;
    let pushed = request("hq-face", "03-verifypush-replayed-with-pictures");
    let pushed = with_head(pushed, "/Subscribe", &format!("/hq/{}", door.token));
    stage.tells(&pushed, &answer("hq-face", "03-verifypush.resp.body")).await;
    let expected = "v:4|2024-06-24T09:56:15 at 2024-06-24T01:56:15Z: 123, in by face: replayed, \
                    recorded, opened";
    stage.became(&door, &[expected]).await;
    stage.leaves("123", "2024-06-24T02:56:15Z").await;
    stage.stayed("123", "2024-06-24T01:56:15Z to 2024-06-24T02:56:15Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn an_hq_terminal_is_corrected_by_its_heartbeat_and_its_stranger_waits() {
    if !are_here("hq-face") {
        return;
    }
    // Its clock shows 17:16:01 in Zhejiang, a minute later than it is.
    let stage = Stage::at("2020-09-15T09:15:01Z", &["3"]).await;
    let door = stage.claims("hq", "1434281", "in").await;
    let own = format!("/hq/{}", door.token);
    let pushes = |name: &str| with_head(request("hq-face", name), "/Subscribe", &own);
    let well = answer("hq-face", "01-heartbeat.resp.body");
    stage.tells(&pushes("01-heartbeat"), &well).await;
    assert_eq!(stage.seen_by_staff(&door).await["clock_offset_ms"], 60_000);
    stage.became(&door, &NOTHING).await;
    stage.town.is_now("2020-09-15T09:20:00Z");
    stage.tells(&pushes("02-verifypush-live"), &well).await;
    stage.tells(&pushes("04-snappush-stranger"), &well).await;
    // 17:19:41 by its clock.
    let expected = [
        "v:none|2020-09-15T17:19:41|0||3|1 at 2020-09-15T09:18:41Z: 3, in by face: replayed, \
         recorded, opened",
        "v:none|2020-09-15T17:16:23|||| waits: unknown_credential",
    ];
    stage.became(&door, &expected).await;
    stage.leaves("3", "2020-09-15T10:18:41Z").await;
    stage.stayed("3", "2020-09-15T09:18:41Z to 2020-09-15T10:18:41Z: 60 measured").await;
    stage.ends(&[]).await;
}
