//! Whatever goes wrong between devices and server, the minutes are those of a run in which nothing
//! does; and the ledger of terminals says what is wrong.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::simulated::{Device, FAMILIES, Seen};
use crate::support::{TestTown, at, device::Bytes, eventually};

const PEOPLE: usize = 5;
/// Records of each device within the three days, and from two months before them.
const RECENT: u32 = 36;
const OLD: u32 = 6;
const BEGIN: &str = "2026-11-23T02:00:00Z";
/// Three days after, when those who were offline come back.
const END: &str = "2026-11-26T02:00:00Z";

/// A town with one device of each family, each at a venue of its own, and people whom all know.
struct Stage {
    town: TestTown,
    devices: Vec<Device>,
}

impl Stage {
    async fn built() -> Self {
        let town = TestTown::open().await;
        for n in 0..PEOPLE {
            town.numbered(&person(n)).await;
        }
        let mut devices = Vec::new();
        for (n, family) in FAMILIES.into_iter().enumerate() {
            devices.push(Device::claimed(&town, family, n).await);
        }
        Self { town, devices }
    }

    /// What all that was told comes to, once whoever forgot to leave has left.
    async fn comes_to(&self) -> String {
        self.town.clock.set(at(END) + TimeDelta::days(1));
        let open = "SELECT COUNT(*) AS n FROM sessions WHERE NOT void AND left_at IS NULL";
        eventually("nobody is inside any more", async || {
            (self.town.store.count(open).await == 0).then_some(())
        })
        .await;
        self.town.adds_up().await;
        let stays = self.town.store.count("SELECT COUNT(*) AS n FROM sessions").await;
        assert!(stays > 100, "{stays}");
        self.town.digest().await
    }

    /// Sends until the device is content.
    async fn tells(&self, device: &Device, request: &Bytes) {
        let answer = request.answered(self.town.address()).await;
        assert!(device.is_content_with(&answer), "{}: {answer}", device.family);
    }
}

fn person(n: usize) -> String {
    (1_001 + n).to_string()
}

/// What one device saw: months ago, then over three days; each second at most once.
fn history(device: &Device, seed: u64) -> Vec<Seen> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut seconds: Vec<i64> = Vec::new();
    let mut add = |from: i64, count: u32, rng: &mut ChaCha8Rng| {
        for _ in 0..count {
            seconds.push(from + rng.random_range(0..71 * 3_600));
        }
    };
    add(-60 * 86_400, OLD, &mut rng);
    add(600, RECENT, &mut rng);
    seconds.sort_unstable();
    seconds.dedup();
    let mut told = Vec::new();
    for (number, second) in (1..).zip(seconds) {
        let is_exit = device.knows_ways() && rng.random_bool(0.5);
        told.push(Seen {
            number,
            person: person(rng.random_range(0..PEOPLE)),
            at: at(BEGIN) + TimeDelta::seconds(second),
            is_exit,
            is_refused: device.tells_refusals() && rng.random_bool(0.1),
        });
    }
    told
}

/// Nothing goes wrong: every record is told once, in its order, within the day.
async fn straight(seed: u64) -> String {
    let stage = Stage::built().await;
    let mut told = vec![0; stage.devices.len()];
    let histories: Vec<Vec<Seen>> =
        stage.devices.iter().map(|device| history(device, seed)).collect();
    for day in 0..=6 {
        let now = at(BEGIN) + TimeDelta::hours(12 * day);
        stage.town.clock.set(now);
        for (device, (history, told)) in stage.devices.iter().zip(histories.iter().zip(&mut told)) {
            let due = history.partition_point(|seen| seen.at <= now);
            for request in device.tells(&history[*told..due]) {
                stage.tells(device, &request).await;
            }
            *told = due;
        }
    }
    stage.comes_to().await
}

/// Everything goes wrong: three days offline, then all at once, shuffled, in bursts, twice, with
/// answers that nobody hears; what is months old comes last; counters begin anew; clocks jump.
async fn faulty(seed: u64) -> (Value, String) {
    let stage = Stage::built().await;
    stage.town.is_now(END);
    let all = stage.devices.iter().map(|device| returns(&stage, device.clone(), seed));
    join_all(all).await;
    let ledger = stage.town.office.get("/terminal-ledger").await.ok();
    let digest = stage.comes_to().await;
    (ledger, digest)
}

async fn returns(stage: &Stage, mut device: Device, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
    let mut history = history(&device, seed);
    let recent = history.partition_point(|seen| seen.at < at(BEGIN));
    // Its log was cleared in between.
    let cleared = recent + (history.len() - recent) / 2;
    let before = history[cleared].number - 1;
    for seen in &mut history[cleared..] {
        seen.number -= before;
    }
    let later = history.split_off(cleared);
    let old: Vec<Seen> = history.drain(..recent).collect();
    send(stage, &device, &history, &mut rng).await;
    send(stage, &device, &old, &mut rng).await;
    if device.tells_time() {
        // It lost its power, and came back with a clock that is four minutes fast.
        device.ahead = TimeDelta::minutes(4);
        for _ in 0..2 {
            stage.tells(&device, &device.heartbeat(stage.town.now())).await;
        }
    }
    send(stage, &device, &later, &mut rng).await;
}

/// Sends records in bursts and out of order, some twice and some into the void first.
async fn send(stage: &Stage, device: &Device, records: &[Seen], rng: &mut ChaCha8Rng) {
    let address = stage.town.address();
    let mut requests = device.tells(records);
    let again: Vec<Bytes> = requests.iter().filter(|_| rng.random_bool(0.3)).cloned().collect();
    requests.extend(again);
    requests.shuffle(rng);
    for burst in requests.chunks(6) {
        // Those whose answers were lost are sent again afterwards.
        let lost: Vec<Bytes> = burst.iter().filter(|_| rng.random_bool(0.3)).cloned().collect();
        join_all(lost.iter().map(|request| request.left(address))).await;
        join_all(burst.iter().map(|request| stage.tells(device, request))).await;
    }
}

#[tokio::test]
async fn whatever_goes_wrong_the_minutes_are_those_of_a_run_in_which_nothing_does() {
    for seed in [7, 20_261_123] {
        let ((ledger, faulty), straight) = tokio::join!(faulty(seed), straight(seed));
        assert_eq!(faulty, straight, "seed {seed}");
        for line in ledger["items"].as_array().unwrap() {
            assert_eq!(line["missing_records"], 0, "{line}");
            assert_eq!(line["catching_up"], true, "{line}");
            assert!(line["last_record_at"].is_string(), "{line}");
        }
    }
}

async fn line(town: &TestTown, device: &Device) -> Value {
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let items = ledger["items"].as_array().unwrap();
    items.iter().find(|line| line["id"] == device.id.as_str()).unwrap().clone()
}

fn seen(number: u32, at: DateTime<Utc>) -> Seen {
    Seen { number, person: "1001".to_owned(), at, is_exit: false, is_refused: false }
}

#[tokio::test]
async fn the_ledger_says_what_is_missing_how_the_clock_goes_and_what_to_do() {
    for (n, family) in ["zkteco_acc", "hikvision", "hq"].into_iter().enumerate() {
        let town = TestTown::open().await;
        let mut device = Device::claimed(&town, family, n).await;
        device.ahead = TimeDelta::minutes(4);
        let start = town.now();
        for _ in 0..2 {
            device.heartbeat(start).answered(town.address()).await;
        }
        let path = format!("/terminals/{}/commands", device.id);
        let orders = town.office.get(&path).await.ok();
        let order = (&orders["items"][0]["kind"], orders["items"].as_array().unwrap().len());
        assert_eq!(order, (&json!("sync_time"), 1), "its clock is set, once");
        let fine = [seen(500, start), seen(501, start + TimeDelta::seconds(2))];
        let after = [seen(539, start + TimeDelta::seconds(4))];
        for request in device.tells(&[&fine[..], &after].concat()) {
            request.answered(town.address()).await;
        }
        let told = line(&town, &device).await;
        let expected = json!(["missing_records", "clock", "backlog"]);
        // Whoever comes for the first time may have something left to send.
        assert_eq!(told["troubles"], expected, "{told}");
        let serial = &device.serial;
        let sentence = told["sentence"].as_str().unwrap();
        assert!(sentence.starts_with(&format!("{serial}缺37条记录，时钟快4分钟")), "{sentence}");
        assert!(sentence.contains("query_records"), "{sentence}");
        // What was missing comes after all, and its clock is set.
        let lost: Vec<Seen> =
            (502..539).map(|number| seen(number, start + TimeDelta::seconds(3))).collect();
        for request in device.tells(&lost) {
            request.answered(town.address()).await;
        }
        device.ahead = TimeDelta::zero();
        for minute in 1..=16 {
            town.clock.set(start + TimeDelta::minutes(minute));
            device.heartbeat(town.now()).answered(town.address()).await;
        }
        let told = line(&town, &device).await;
        assert_eq!(told["troubles"], json!([]), "{told}");
        assert_eq!(told["sentence"], format!("{serial}一切正常。"));
        // Nobody hears of it for two days.
        town.clock.set(start + TimeDelta::days(2));
        let told = line(&town, &device).await;
        assert_eq!(told["troubles"], json!(["silent"]), "{told}");
    }
}

#[tokio::test]
async fn a_native_terminal_has_its_line_too_and_metrics_count_troubles() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let records: Vec<Value> = (0..4).map(|_| door.record("in", &member.face, town.now())).collect();
    door.tells(&[records[0].clone(), records[3].clone()]).await.ok();
    door.beats_at(town.now(), 2).await;
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let told = &ledger["items"][0];
    assert_eq!(told["troubles"], json!(["missing_records", "backlog"]), "{told}");
    assert_eq!((&told["missing_records"], &told["waiting_records"]), (&json!(2), &json!(2)));
    assert!(told["last_record_at"].is_string(), "{told}");
    eventually("troubles are counted", async || {
        let text = town.ops.get("/metrics").send().await.unwrap().text().await.unwrap();
        let counted = r#"fitgate_terminals_in_trouble{trouble="missing_records"}"#;
        (text.contains(counted) && text.contains("fitgate_terminals_missing_records")).then_some(())
    })
    .await;
    let stranger = town.hire("venue", "330499001002").await;
    let theirs = stranger.get("/terminal-ledger").await.ok();
    assert_eq!(theirs["items"], json!([]), "another division's terminals are not theirs");
}
