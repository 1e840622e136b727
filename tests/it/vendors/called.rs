//! Terminals whose events are fetched as a stream, what was missed meanwhile, and one replica at a
//! time that talks to a device.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::pending;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::timeout,
};

use super::{fakes::CHALLENGE, holders::reaches};
use crate::support::{TestTown, eventually};

fn event(number: u32, person: &str, time: &str) -> Value {
    json!({
        "dateTime": format!("2026-11-23T{time}+08:00"), "eventType": "AccessControllerEvent",
        "shortSerialNumber": "AA1",
        "AccessControllerEvent": {
            "majorEventType": 5, "subEventType": 75, "employeeNoString": person,
            "serialNo": number, "frontSerialNo": number - 1,
        },
    })
}

/// The next request on a connection, whole; nothing when it is closed.
pub async fn asked(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return None;
        }
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        if body.len() >= length {
            return Some(text);
        }
    }
}

pub async fn answers(stream: &mut TcpStream, body: &str) {
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

pub async fn challenges(stream: &mut TcpStream) {
    let asks = format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {CHALLENGE}\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(asks.as_bytes()).await.unwrap();
}

pub fn is_proved(request: &str) -> bool {
    request.to_ascii_lowercase().contains("authorization: digest")
}

/// One connection of a device: asks for proof, streams `events` once and breaks off, lists what
/// was missed.
async fn serves(mut stream: TcpStream, events: Vec<Value>, tell: mpsc::UnboundedSender<String>) {
    while let Some(text) = asked(&mut stream).await {
        if !is_proved(&text) {
            challenges(&mut stream).await;
            continue;
        }
        if text.starts_with("GET /ISAPI/Event/notification/alertStream") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; \
                        boundary=MIME_boundary\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for event in &events {
                let text = event.to_string();
                let part = format!(
                    "--MIME_boundary\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     \r\n{text}\r\n",
                    text.len()
                );
                stream.write_all(part.as_bytes()).await.unwrap();
            }
            tell.send("stream".into()).unwrap();
            return;
        }
        let missed = json!({ "AcsEvent": { "responseStatusStrg": "OK", "InfoList": [{
            "major": 5, "minor": 75, "time": "2026-11-23T08:30:00+08:00",
            "employeeNoString": "1001", "serialNo": 7,
        }] } })
        .to_string();
        answers(&mut stream, &missed).await;
        let _ = tell.send("query".into());
    }
}

#[tokio::test]
async fn a_stream_is_listened_to_and_begun_again_and_what_was_missed_is_asked_for() {
    let town = TestTown::open().await;
    for person in ["1001", "1002", "1003"] {
        town.numbered(person).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let events = vec![event(8, "1002", "09:00:00"), event(9, "1003", "09:10:00")];
            tokio::spawn(serves(stream, events, tell.clone()));
        }
    });
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    reaches(&town, &path, &address, true).await;
    let screen = town.screen("330499").await;
    screen.shows("three visits", |shown| shown["ever"]["visits"] == 3).await;
    let mut streams = 0;
    while streams < 2 {
        streams += usize::from(told.recv().await.unwrap() == "stream");
    }
    assert_eq!(screen.document().await["ever"]["visits"], 3, "twice told is once counted");
    let ledger = town.office.get("/terminal-ledger").await.ok();
    assert_eq!(ledger["items"][0]["missing_records"], 0, "{ledger}");
    town.adds_up().await;
}

/// A device of Dahua: takes no call while somebody listens.
struct Dahua {
    /// How many listen.
    listening: watch::Sender<usize>,
    streams: AtomicUsize,
    disturbed: AtomicUsize,
}

impl Dahua {
    async fn serves(&self, mut stream: TcpStream) {
        let mut listening = self.listening.subscribe();
        // Whoever has just hung up may not have been noticed yet.
        if timeout(Duration::from_secs(3), listening.wait_for(|n| *n == 0)).await.is_err() {
            self.disturbed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        while let Some(text) = asked(&mut stream).await {
            if !is_proved(&text) {
                challenges(&mut stream).await;
            } else if text.starts_with("GET /cgi-bin/snapManager.cgi?action=attachFileProc&") {
                self.listening.send_modify(|n| *n += 1);
                self.streams.fetch_add(1, Ordering::Relaxed);
                stream.write_all(SNAPS.as_bytes()).await.unwrap();
                asked(&mut stream).await;
                self.listening.send_modify(|n| *n -= 1);
                return;
            } else if text.contains("name=AccessControlCardRec") {
                answers(&mut stream, MISSED).await;
            } else {
                assert!(text.starts_with("GET /cgi-bin/accessControl.cgi?action=openDoor&"));
                answers(&mut stream, "OK\r\n").await;
            }
        }
    }
}

/// A heartbeat, an event, and its picture; as real devices stream them.
const SNAPS: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; \
    boundary=myboundary\r\nConnection: close\r\n\r\n\r\n--myboundary\r\nContent-Type: text/plain\r\n\
    Content-Length:9\r\n\r\nHeartbeat\r\n--myboundary\r\nContent-Type: text/plain\r\n\
    Content-Length:178\r\n\r\nEvents[0].EventBaseInfo.Code=AccessControl\r\nEvents[0].UserID=1002\r\n\
    Events[0].Method=15\r\nEvents[0].Status=1\r\nEvents[0].Door=0\r\nEvents[0].Type=Entry\r\n\
    Events[0].RealUTC=1795396500\r\n\r\n--myboundary\r\nContent-Type: image/jpeg\r\n\
    Content-Length:4\r\n\r\nnone\r\n--myboundary\r\n";
const MISSED: &str = "found=1\r\nrecords[0].CreateTime=1795396200\r\nrecords[0].UserID=1001\r\n\
    records[0].Method=15\r\nrecords[0].Status=1\r\nrecords[0].Door=0\r\nrecords[0].Type=Entry\r\n";

#[tokio::test]
async fn a_device_that_takes_no_call_while_it_streams_is_called_all_the_same() {
    let town = TestTown::open().await;
    for person in ["1001", "1002"] {
        town.numbered(person).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let device = Arc::new(Dahua {
        listening: watch::Sender::new(0),
        streams: AtomicUsize::new(0),
        disturbed: AtomicUsize::new(0),
    });
    let serving = device.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving = serving.clone();
            tokio::spawn(async move { serving.serves(stream).await });
        }
    });
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "dahua", "020000000003", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    // Where stores can be shared, one replica may listen and another one have the order.
    let other = town.second_server().await;
    reaches(&town, &path, &address, true).await;
    let screen = town.screen("330499").await;
    screen
        .shows("what was missed, and what was streamed", |shown| shown["ever"]["visits"] == 2)
        .await;
    let commands = format!("{path}/commands");
    town.office.post(&commands, &json!({ "kind": "open_door" })).await.ok();
    eventually("the door is open", async || {
        let listed = town.office.get(&commands).await.ok();
        (listed["items"][0]["status"] == "done").then_some(())
    })
    .await;
    eventually("it is listened to again", async || {
        (device.streams.load(Ordering::Relaxed) >= 2).then_some(())
    })
    .await;
    assert_eq!(device.disturbed.load(Ordering::Relaxed), 0, "no call while it streamed");
    if let Some(other) = other {
        other.stop().await;
    }
    assert_eq!(screen.document().await["ever"]["visits"], 2, "twice told is once counted");
    town.adds_up().await;
}

#[tokio::test]
async fn only_one_replica_talks_to_a_device() {
    const ORDERS: usize = 12;
    let town = TestTown::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (callers, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (callers.clone(), most.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (callers, most) = counted.clone();
            tokio::spawn(async move {
                let now = callers.fetch_add(1, Ordering::AcqRel) + 1;
                most.fetch_max(now, Ordering::AcqRel);
                asked(&mut stream).await;
                // Long enough for somebody else to come in between.
                let _ = timeout(Duration::from_millis(30), pending::<()>()).await;
                callers.fetch_sub(1, Ordering::AcqRel);
                answers(&mut stream, r#"{"result":1,"success":true,"code":"LAN_SUS-0"}"#).await;
            });
        }
    });
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "uniubi", "E1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let commands = format!("{path}/commands");
    for _ in 0..ORDERS {
        town.office.post(&commands, &json!({ "kind": "sync_time" })).await.ok();
    }
    let other = town.second_server().await;
    reaches(&town, &path, &address, false).await;
    eventually("all is done", async || {
        let listed = town.office.get(&commands).await.ok();
        let done = |one: &&Value| one["status"] == "done";
        (listed["items"].as_array().unwrap().iter().filter(done).count() == ORDERS).then_some(())
    })
    .await;
    assert_eq!(most.load(Ordering::Acquire), 1, "never two at once");
    if let Some(other) = other {
        other.stop().await;
    }
}

/// A device of Hikvision's that streams whatever happens at it to whoever listens.
struct Streamer {
    events: watch::Sender<Vec<Value>>,
    /// Its connections break when this changes.
    breaks: watch::Sender<usize>,
    listening: AtomicUsize,
    most: AtomicUsize,
    begun: AtomicUsize,
}

impl Streamer {
    async fn serves(&self, mut stream: TcpStream) {
        while let Some(text) = asked(&mut stream).await {
            if !is_proved(&text) {
                challenges(&mut stream).await;
            } else if text.starts_with("GET /ISAPI/Event/notification/alertStream") {
                let now = self.listening.fetch_add(1, Ordering::AcqRel) + 1;
                self.most.fetch_max(now, Ordering::AcqRel);
                self.begun.fetch_add(1, Ordering::AcqRel);
                self.streams(&mut stream).await;
                self.listening.fetch_sub(1, Ordering::AcqRel);
                return;
            } else {
                let none = json!({ "AcsEvent": { "responseStatusStrg": "OK", "InfoList": [] } });
                answers(&mut stream, &none.to_string()).await;
            }
        }
    }

    /// Until it breaks off, or nobody listens any more.
    async fn streams(&self, stream: &mut TcpStream) {
        let (mut events, mut breaks) = (self.events.subscribe(), self.breaks.subscribe());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=MIME_boundary\r\n\
                    Connection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut told = 0;
        loop {
            let all = events.borrow_and_update().clone();
            for event in &all[told..] {
                let text = event.to_string();
                let part = format!(
                    "--MIME_boundary\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     \r\n{text}\r\n",
                    text.len()
                );
                if stream.write_all(part.as_bytes()).await.is_err() {
                    return;
                }
            }
            told = all.len();
            let mut byte = [0];
            tokio::select! {
                _ = events.changed() => {}
                _ = breaks.changed() => return,
                read = stream.read(&mut byte) => if read.unwrap_or(0) == 0 { return },
            }
        }
    }

    fn happens(&self, event: Value) {
        self.events.send_modify(|events| events.push(event));
    }
}

/// One session is all that such a device has: two servers on one database share it.
#[tokio::test]
async fn of_two_servers_one_listens_to_a_device_and_the_other_follows_it() {
    let town = TestTown::open().await;
    for person in ["1001", "1002", "1003"] {
        town.numbered(person).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let device = Arc::new(Streamer {
        events: watch::Sender::new(vec![event(8, "1001", "09:00:00")]),
        breaks: watch::Sender::new(0),
        listening: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        begun: AtomicUsize::new(0),
    });
    let serving = device.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let serving = serving.clone();
            tokio::spawn(async move { serving.serves(stream).await });
        }
    });
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let other = town.second_server().await;
    reaches(&town, &path, &address, true).await;
    let screen = town.screen("330499").await;
    screen.shows("the first visit", |shown| shown["ever"]["visits"] == 1).await;
    device.breaks.send_modify(|n| *n += 1);
    eventually("it is listened to again", async || {
        (device.begun.load(Ordering::Acquire) >= 2).then_some(())
    })
    .await;
    device.happens(event(9, "1002", "09:10:00"));
    screen.shows("the second visit", |shown| shown["ever"]["visits"] == 2).await;
    // Whichever of them listened: the one that is left does, after the other has gone.
    if let Some(other) = other {
        other.stop().await;
    }
    device.happens(event(10, "1003", "09:20:00"));
    screen.shows("the third visit", |shown| shown["ever"]["visits"] == 3).await;
    assert_eq!(device.most.load(Ordering::Acquire), 1, "never two at once");
    town.adds_up().await;
}
