//! Rows 72 and 122 to 129: what residents and staff ask for that cannot be, or not twice, or not so
//! often at once. Each refusal has its code, and none of them writes a row.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::standing::{NOTHING, Standing, Wrote};
use crate::{
    bookings::{coach, first_slot, guest, hours},
    support::{Answer, COMMUNITY, Office, Resident, TestTown, at},
};

/// A status and a code.
type Said<'a> = (u16, &'a str);

/// The rows that are sent below.
pub const SENT: [u16; 7] = [72, 122, 123, 126, 127, 128, 129];

/// Whether an answer says this, and exactly these rows were written since.
async fn is(
    town: &TestTown,
    before: &Standing,
    answer: &Answer,
    said: (u16, &str),
    wrote: Wrote<'_>,
) {
    assert_eq!(answer.said(), said, "{}", answer.text);
    before.has_grown(&Standing::of(&town.store).await, wrote, &answer.text);
}

/// Row 72: of two hundred exports that one person asks for at once, two run.
#[tokio::test]
async fn most_of_two_hundred_exports_at_once_are_told_to_come_back() {
    let town = TestTown::open().await;
    town.member().await;
    let (asks, approves) = (town.hire("district", "330499").await, town.hire("city", "3304").await);
    let body = json!({ "division": "330499", "reason": "年度名册核对" });
    let asked = asks.post("/member-exports", &body).await.ok();
    let request = asked["id"].as_str().unwrap();
    let decide = format!("/requests/{request}/decision");
    approves.post(&decide, &json!({ "approve": true })).await.ok();
    let file = format!("/member-exports/{request}");
    let answers = join_all((0..200).map(|_| asks.get(&file))).await;
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!((1..200).contains(&refused.len()), "{} of 200 were refused", refused.len());
    for answer in refused {
        assert_eq!(answer.said(), (429, "exports_running"));
        assert_eq!(answer.header("retry-after"), "60");
    }
    assert_eq!(asks.get(&file).await.status, 200, "turns are given back");
}

/// Row 122: one coach, one learner, one hour.
#[tokio::test]
async fn nobody_is_booked_twice_for_the_same_hour() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let mut coaches = Vec::new();
    for _ in 0..3 {
        coaches.push(coach(&town, &town.member().await.id, None).await);
    }
    let day = |time: &str| format!("2026-11-24T{time}:00Z");
    let slot = |n: usize, from: &str, to: &str| hours(&gym.id, &coaches[n], &day(from), &day(to));
    let publish = async |slot: Value| first_slot(&town.office.post("/slots", &slot).await.ok());
    let first = publish(slot(0, "02:00", "03:00")).await;
    let of_the_same = publish(slot(0, "02:30", "03:30")).await;
    let of_the_other = publish(slot(1, "02:45", "03:45")).await;
    let behind = publish(slot(2, "03:00", "04:00")).await;
    let (anna, ben) = (guest(&town, "anna").await, guest(&town, "ben").await);
    town.office.token().await;

    let before = Standing::of(&town.store).await;
    let past = ("2026-11-23T01:00:00Z", "2026-11-23T02:00:00Z");
    for (slot, said) in [
        (slot(0, "02:00", "03:00"), (409, "slot_exists")),
        (slot(0, "05:00", "05:00"), (422, "slot_quarter")),
        (slot(0, "06:00", "05:00"), (422, "slot_quarter")),
        (hours(&gym.id, &coaches[0], past.0, past.1), (422, "slot_quarter")),
    ] {
        is(&town, &before, &town.office.post("/slots", &slot).await, said, NOTHING).await;
    }
    let booking = anna.books(&first).await;
    let before = Standing::of(&town.store).await;
    let overlapping = anna.holds(&of_the_other).await;
    is(&town, &before, &overlapping, (409, "booking_overlaps"), NOTHING).await;
    is(&town, &before, &anna.holds(&first).await, (409, "already_booked"), NOTHING).await;
    is(&town, &before, &ben.holds(&first).await, (409, "slot_taken"), NOTHING).await;
    is(&town, &before, &ben.holds(&of_the_same).await, (409, "slot_taken"), NOTHING).await;
    // One hour after the other is no overlap.
    anna.books(&behind).await;

    // Who waits for hours that they book elsewhere meanwhile has to choose.
    let path = format!("/slots/{first}/waiters");
    ben.phone.does(&path).await.ok();
    let elsewhere = ben.books(&of_the_other).await;
    let path = format!("/bookings/{booking}");
    anna.phone.delete(&path).await.ok();
    let offered = ben.phone.get("/me/bookings").await.ok();
    let offered = offered["items"].as_array().unwrap().iter().find(|one| one["state"] == "held");
    let offered = format!("/bookings/{}/confirmation", offered.unwrap()["id"].as_str().unwrap());
    assert_eq!(ben.phone.does(&offered).await.said(), (409, "booking_overlaps"));
    ben.phone.delete(&format!("/bookings/{elsewhere}")).await.ok();
    assert_eq!(ben.phone.does(&offered).await.ok()["state"], "confirmed");

    // What is cancelled stays so, and it is no error to say it twice.
    let before = Standing::of(&town.store).await;
    let again = anna.phone.delete(&path).await;
    is(&town, &before, &again, (200, ""), &[("idempotency", 1)]).await;
    assert_eq!(again.body["state"], "cancelled");
    town.is_now("2026-11-24T02:00:00Z");
    let over = Resident::signs_in(&town, "ben").await;
    let begun = over.post("/bookings", &json!({ "slot_id": first })).await;
    assert_eq!(begun.said(), (409, "slot_over"));
}

/// Row 123: keys of commands. What waits for one that is still running is a story of its own.
#[tokio::test]
async fn a_command_has_one_key_and_a_key_one_command() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let body = |n| {
        json!({
            "name": "李四", "home_community": COMMUNITY,
            "document": { "type": "resident_id", "number": TestTown::number("1990-01-01", n) },
        })
    };
    let long = "k".repeat(10_000);
    let done: Wrote<'_> =
        &[("audit", 1), ("idempotency", 1), ("member_views", 1), ("members", 1), ("timelines", 1)];
    let cases: [(&[&str], u32, Said<'_>, Wrote<'_>); 8] = [
        (&[], 1, (400, "idempotency_key_required"), NOTHING),
        (&[""], 1, (400, "idempotency_key_format"), NOTHING),
        (&[long.as_str()], 1, (400, "idempotency_key_format"), NOTHING),
        (&["two words"], 1, (400, "idempotency_key_format"), NOTHING),
        (&["one", "two"], 1, (400, "idempotency_key_format"), NOTHING),
        (&["one"], 1, (201, ""), done),
        (&["one"], 1, (201, ""), NOTHING),
        (&["one"], 2, (422, "idempotency_key_reused"), NOTHING),
    ];
    for (keys, n, said, wrote) in cases {
        let before = Standing::of(&town.store).await;
        let request = town.wire.post("/api/v1/staff/members", &body(n)).bearer_auth(&token);
        let request = keys.iter().fold(request, |r, key| r.header("Idempotency-Key", *key));
        is(&town, &before, &Answer::to(request).await, said, wrote).await;
    }
}

/// Two stays of one business day, by id.
async fn two_stays(town: &TestTown, office: &Office) -> [String; 2] {
    let (_, door) = town.gym().await;
    let anna = town.member().await;
    for (from, to) in [("19T21:00", "19T21:10"), ("20T19:00", "20T19:10")] {
        door.saw("in", &anna.card, at(&format!("2026-11-{from}:00Z"))).await;
        door.saw("out", &anna.card, at(&format!("2026-11-{to}:00Z"))).await;
    }
    let stays = office.get(&format!("/members/{}/sessions", anna.id)).await.ok();
    let mut stays = stays["items"].as_array().unwrap().clone();
    stays.sort_by_key(|stay| stay["entered_at"].as_str().unwrap().to_owned());
    [0, 1].map(|n| stays[n]["id"].as_str().unwrap().to_owned())
}

/// Rows 126 and 127.
#[tokio::test]
async fn no_correction_makes_time_run_backwards_or_a_day_longer_than_it_is() {
    let town = TestTown::open().await;
    let (head, other) =
        (town.hire("community", COMMUNITY).await, town.hire("district", "330499").await);
    let [first, last] = two_stays(&town, &head).await;
    let correct = async |stay: &str, from: &str, to: &str| {
        let times = json!({
            "entered_at": format!("2026-11-{from}:00Z"), "left_at": format!("2026-11-{to}:00Z"),
            "reason": "出口终端故障",
        });
        head.post(&format!("/sessions/{stay}/corrections"), &times).await
    };
    let refused = [
        (&first, "19T21:00", "19T20:59", "bad_time"),
        (&first, "19T21:00", "23T02:01", "bad_time"),
        (&first, "19T21:00", "20T21:01", "day_too_long"),
        (&first, "10T21:00", "20T21:00", "day_too_long"),
    ];
    let before = (Standing::of(&town.store).await, town.digest().await);
    for (stay, from, to, code) in refused {
        is(&town, &before.0, &correct(stay, from, to).await, (422, code), NOTHING).await;
    }
    assert_eq!(town.digest().await, before.1);
    // Twenty-two hours are much, so somebody else has to look; seven more of that day cannot be.
    let asked = correct(&first, "19T20:30", "20T18:30").await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let decide = format!("/requests/{}/decision", asked.body["request_id"].as_str().unwrap());
    let approve = json!({ "approve": true });
    let before = Standing::of(&town.store).await;
    is(&town, &before, &head.post(&decide, &approve).await, (403, "own_request"), NOTHING).await;
    other.post(&decide, &approve).await.ok();
    let before = (Standing::of(&town.store).await, town.digest().await);
    let longer = correct(&last, "20T18:45", "21T01:45").await;
    is(&town, &before.0, &longer, (422, "day_too_long"), NOTHING).await;
    assert_eq!(town.digest().await, before.1);
    town.adds_up().await;
}

/// Row 128: files of members, whole or not at all.
#[tokio::test]
async fn a_file_is_taken_whole_or_names_its_bad_row() {
    let town = TestTown::open().await;
    town.office.token().await;
    let heading = "document_type,document_number,name,home_community,registered_at\n";
    let number = |n| TestTown::number("1990-01-01", n);
    let row = |n, name: &str| format!("resident_id,{},{name},{COMMUNITY},2026-03-01\n", number(n));
    let file = |rows: &[String]| format!("{heading}{}", rows.concat()).into_bytes();
    let in_gb18030 = |name: &[u8]| {
        let whole = file(&[row(1, "@")]);
        let at = whole.iter().rposition(|byte| *byte == b'@').unwrap();
        [&whole[..at], name, &whole[at + 1..]].concat()
    };
    let (csv, gb18030) = ("text/csv", "text/csv; charset=GB18030");
    let million = format!("name\n{}", "x\n".repeat(1_000_000)).into_bytes();
    let taken: Wrote<'_> = &[("audit", 1), ("idempotency", 1), ("members", 1), ("timelines", 1)];
    let cases: Vec<(&str, Vec<u8>, Said<'_>, &str, Wrote<'_>)> = vec![
        (csv, million, (422, "import_too_long"), "", NOTHING),
        (csv, in_gb18030(b"\xd5\xc5\xc8\xfd"), (400, "invalid_utf8"), "", NOTHING),
        (gb18030, in_gb18030(b"\xd5\xff"), (400, "import_charset"), "", NOTHING),
        ("text/csv; charset=gbk", file(&[]), (415, "charset_unsupported"), "", NOTHING),
        ("application/json", b"{}".to_vec(), (415, "import_format"), "", NOTHING),
        (csv, b"color\nred\n".to_vec(), (422, "import_format"), "", NOTHING),
        (
            csv,
            file(&[row(1, "张三"), row(2, "=HYPERLINK(1)")]),
            (422, "name_characters"),
            "/2/name",
            NOTHING,
        ),
        (csv, file(&[row(1, "张三"), row(2, "\0")]), (422, "name_characters"), "/2/name", NOTHING),
        (
            csv,
            file(&[row(1, "张三"), row(1, "李四")]),
            (422, "id_already_registered"),
            "/2/document",
            NOTHING,
        ),
        (gb18030, in_gb18030(b"\xd5\xc5\xc8\xfd"), (201, ""), "", taken),
        // Lines that end as they did on old machines.
        (
            csv,
            String::from_utf8(file(&[row(3, "张三")])).unwrap().replace('\n', "\r").into_bytes(),
            (201, ""),
            "",
            taken,
        ),
    ];
    for (kind, file, said, pointer, wrote) in cases {
        let before = Standing::of(&town.store).await;
        let answer = town.office.imports(kind, file).await;
        is(&town, &before, &answer, said, wrote).await;
        let named = answer.body["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert_eq!(named, pointer, "{}", answer.text);
        assert!(!answer.text.contains(&number(1)), "{}", answer.text);
    }
}

/// Row 129: nobody is called inside our own network, in whatever notation.
#[tokio::test]
async fn no_address_inside_is_subscribed() {
    let town = TestTown::open().await;
    let city = town.hire("city", "3304").await;
    city.token().await;
    let before = Standing::of(&town.store).await;
    for url in [
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest",
        "http://[::ffff:127.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "http://0x7f.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://localhost/",
        "https://hooks.example.cn:8443/",
        "ftp://hooks.example.cn/",
        "hooks.example.cn",
        "",
    ] {
        let body = json!({ "url": url, "kinds": ["day.final"], "reason": "局平台对接" });
        let answer = city.post("/webhooks", &body).await;
        is(&town, &before, &answer, (422, "url_forbidden"), NOTHING).await;
    }
    let list = Answer::to(city.request(Method::GET, "/webhooks").await).await.ok();
    assert_eq!(list["items"], json!([]));
}
