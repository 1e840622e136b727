//! Rows 73 to 96: names, documents, families and codes, each with its answer and with what it
//! wrote. Nothing that is refused writes a row, but for the audit of a document that somebody has.

use reqwest::Method;
use serde_json::{Value, json};

use super::standing::{NOTHING, Standing, Wrote};
use crate::support::{Answer, COMMUNITY, Resident, TestTown, document, registration};

/// The rows that are sent below.
pub const SENT: [u16; 22] =
    [73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 91, 92, 93, 95, 96];

/// Somebody with two consents, and that the command was done.
const A_PERSON: Wrote<'static> =
    &[("audit", 1), ("consents", 2), ("idempotency", 1), ("members", 1), ("timelines", 1)];
/// At the desk, where whoever registers somebody also sees them, and that is noted.
const WITHOUT_CONSENTS: Wrote<'static> =
    &[("audit", 1), ("idempotency", 1), ("member_views", 1), ("members", 1), ("timelines", 1)];
/// A child is shown to nobody without leave.
const A_CHILD: Wrote<'static> =
    &[("audit", 1), ("idempotency", 1), ("members", 1), ("timelines", 1)];
/// That a registered document was presented again, for those who look after it.
const NOTED: Wrote<'static> = &[("audit", 1)];

/// Somebody new registers with the mini-program; gives who it is.
async fn registers(
    town: &TestTown,
    (row, body): (u16, &Value),
    said: (u16, &str),
    wrote: Wrote<'_>,
) -> Resident {
    let name = format!("n{}", town.next());
    let somebody = Resident::signs_in(town, &name).await;
    let before = Standing::of(&town.store).await;
    let answer = somebody.post("/members", body).await;
    let what = format!("row {row}, {name}: {}", answer.text);
    assert_eq!(answer.said(), said, "{what}");
    before.has_grown(&Standing::of(&town.store).await, wrote, &what);
    if answer.status >= 400 {
        for sent in [&body["name"], &body["document"]["number"]] {
            let sent = sent.as_str().unwrap_or_default();
            assert!(sent.is_empty() || !answer.text.contains(sent), "{what}: an echo");
        }
    }
    somebody
}

/// How a name is kept and shown to others, or why it is none.
type Kept = Result<(String, &'static str), &'static str>;

/// Names, by row.
fn names() -> Vec<(u16, String, Kept)> {
    let kept = |name: &str, masked: &'static str| Ok((name.to_owned(), masked));
    let dotted = |dot: char| format!("阿卜杜拉{dot}买买提");
    let uygur = || kept(&dotted('\u{b7}'), "阿*");
    vec![
        (73, "𠮷田".to_owned(), kept("𠮷田", "𠮷*")),
        (73, "㐂".to_owned(), kept("㐂", "*")),
        // Of extensions G, H and I.
        (
            73,
            "\u{30000}\u{31350}\u{2ebf0}".to_owned(),
            kept("\u{30000}\u{31350}\u{2ebf0}", "\u{30000}*"),
        ),
        (74, dotted('\u{b7}'), uygur()),
        (74, dotted('\u{2022}'), uygur()),
        (74, dotted('\u{30fb}'), uygur()),
        (74, dotted('.'), uygur()),
        (75, "长".repeat(50), kept(&"长".repeat(50), "长*")),
        (75, "李".to_owned(), kept("李", "*")),
        (76, "长".repeat(51), Err("name_length")),
        (76, format!("e{}", "\u{301}".repeat(10_000)), Err("name_length")),
        (76, format!("e{}", "\u{301}".repeat(100)), Err("name_characters")),
        (77, "李😀四".to_owned(), Err("name_characters")),
        (77, "李4".to_owned(), Err("name_characters")),
        (77, "李Lee".to_owned(), Err("name_characters")),
        (77, "\u{645}\u{62d}\u{645}\u{62f}".to_owned(), Err("name_characters")),
        (77, "李\u{200d}四".to_owned(), Err("name_characters")),
        (78, "<script>alert(1)</script>".to_owned(), Err("name_characters")),
        (79, "Jose\u{301}".to_owned(), kept("José", "J*")),
        (79, "José".to_owned(), kept("José", "J*")),
    ]
}

#[tokio::test]
async fn names_of_people_are_kept_whole_or_refused() {
    let town = TestTown::with_wechat().await;
    for (row, name, kept) in names() {
        let mut body = registration(&TestTown::number("1990-05-01", town.next()));
        body["name"] = json!(name);
        match kept {
            Err(code) => drop(registers(&town, (row, &body), (422, code), NOTHING).await),
            Ok((full, masked)) => {
                let somebody = registers(&town, (row, &body), (201, ""), A_PERSON).await;
                let me = somebody.get("/me").await.ok();
                assert_eq!((&me["full_name"], &me["name"]), (&json!(full), &json!(masked)));
            }
        }
    }
}

/// What residents and staff call things is text, whatever it looks like: nobody runs it.
#[tokio::test]
async fn what_looks_like_a_script_is_text() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let names = ["${jndi:ldap://a/b}", "<script>alert(1)</script>", "{{7*7}}"];
    for name in names {
        town.venue(name, json!({})).await;
    }
    let screen = town.screen("330499").await;
    let venues = |shown: &Value| shown["venues"].as_array().unwrap().clone();
    let shown = screen.shows("three venues", |shown| venues(shown).len() == 3).await;
    let venues = venues(&shown);
    let mut venues: Vec<&str> = venues.iter().map(|one| one["name"].as_str().unwrap()).collect();
    venues.sort_unstable();
    assert_eq!(venues, names, "row 78");
    // Row 77: what is no real name may hold more; only three groups of one resident wait at once.
    for name in [names[0], names[1], "晨跑😀"] {
        let founded = json!({ "name": name, "sport": "running" });
        assert_eq!(zhang.post("/groups", &founded).await.ok()["name"], name, "rows 77, 78");
    }
}

/// A document and what else is stated, and what it gets.
fn documents() -> Vec<(u16, Value, u16, &'static str, Wrote<'static>)> {
    let person = |number: &str| registration(number);
    let good = |n| document("1990-05-01".parse().unwrap(), n);
    let stated = |field: &str, value: Value, n| {
        let mut body = registration(&good(n));
        body[field] = value;
        body
    };
    let paper = |kind: &str, number: &str| {
        let mut body = registration(number);
        body["document"]["type"] = json!(kind);
        body
    };
    let outdated = json!([
        { "purpose": "minutes_statistics", "granted": true, "text_version": "0" },
    ]);
    let lower = (700..999).map(good).find(|n| n.ends_with('X')).unwrap().to_lowercase();
    let wide: String =
        good(513).chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let wrong = if good(500).ends_with('1') { '2' } else { '1' };
    let refused = |row, body, code| (row, body, 422, code, NOTHING);
    vec![
        (80, person(&wide), 201, "", A_PERSON),
        refused(81, person(&format!("{}{wrong}", &good(500)[..17])), "id_checksum"),
        (82, person(&lower), 201, "", A_PERSON),
        refused(83, person("330499900101001"), "id_old_format"),
        refused(84, person("110101190002290011"), "id_birth_date"),
        (85, person("110101200002290018"), 201, "", A_PERSON),
        refused(86, person("110101209912310015"), "id_birth_date"),
        refused(86, person(&document("1890-01-01".parse().unwrap(), 12)), "id_birth_date"),
        (87, paper("residence_permit", "810000199001010019"), 201, "", A_PERSON),
        (87, paper("residence_permit", "830000198506150024"), 201, "", A_PERSON),
        (87, paper("foreign_permanent_resident", "932682198501010017"), 201, "", A_PERSON),
        refused(87, paper("resident_id", "810000199001010019"), "id_region"),
        refused(88, stated("birth_date", json!("1990-05-02"), 515), "id_mismatch"),
        refused(88, stated("sex", json!("female"), 515), "id_mismatch"),
        // Whose it is, nobody is told; how its owner comes back is a story of its own.
        (89, person(&wide), 409, "id_already_registered", NOTED),
        (
            92,
            person(&document("2019-05-01".parse().unwrap(), 12)),
            403,
            "guardian_required",
            NOTHING,
        ),
        (95, stated("consents", outdated, 517), 409, "consent_outdated", NOTHING),
        refused(96, stated("phone_code", json!(""), 519), "invalid_value"),
        refused(96, stated("phone_code", json!("x".repeat(10_000)), 519), "invalid_value"),
        refused(51, stated("role", json!("admin"), 519), "unknown_field"),
        refused(57, stated("home_community", json!("330499"), 519), "not_a_community"),
        refused(57, stated("home_community", json!("330499009009"), 519), "unknown_division"),
    ]
}

#[tokio::test]
async fn documents_are_taken_by_their_rules_and_nothing_is_written_of_the_others() {
    let town = TestTown::with_wechat().await;
    for (row, body, status, code, wrote) in documents() {
        registers(&town, (row, &body), (status, code), wrote).await;
    }
    let no_key = Resident::signs_in(&town, "no-key").await;
    let bare = no_key.request(Method::POST, "/members").json(&registration("x"));
    assert_eq!(Answer::to(bare).await.said(), (400, "idempotency_key_required"));
}

/// Row 85: born on 29 February, somebody is fourteen on the 28th of a year without one.
#[tokio::test]
async fn the_birthday_of_a_leap_day_is_the_day_before_in_a_common_year() {
    // In China it is a day later at four in the afternoon, by Greenwich.
    let town = TestTown::with_wechat_at("2026-02-27T15:59:59Z").await;
    let body = registration(&document("2012-02-29".parse().unwrap(), 12));
    registers(&town, (85, &body), (403, "guardian_required"), NOTHING).await;
    town.is_now("2026-02-27T16:00:00Z");
    registers(&town, (85, &body), (201, ""), A_PERSON).await;
}

/// Who asks at the desk for whom, with which phone and which guardian.
fn at_the_desk(number: &str, phone: Option<&str>, guardian: Option<&str>) -> Value {
    json!({
        "name": "李四", "document": { "type": "resident_id", "number": number },
        "home_community": COMMUNITY, "phone": phone, "guardian_id": guardian,
    })
}

/// Registers at the desk; gives the id, if that is what comes of it.
async fn desk(
    town: &TestTown,
    (row, body): (u16, &Value),
    said: (u16, &str),
    wrote: Wrote<'_>,
) -> String {
    let before = Standing::of(&town.store).await;
    let answer = town.office.post("/members", body).await;
    let what = format!("row {row}: {}", answer.text);
    assert_eq!(answer.said(), said, "{what}");
    before.has_grown(&Standing::of(&town.store).await, wrote, &what);
    answer.body["id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_phone_is_one_persons_and_their_childrens_and_a_guardian_is_grown_up() {
    let town = TestTown::with_wechat().await;
    town.office.token().await;
    let number = |birth: &str, n| TestTown::number(birth, n);
    let (done, refused) = ((201, ""), (422, "guardian_unfit"));
    // Row 80: full-width digits are digits.
    let mother = at_the_desk(&number("1990-01-01", 1), Some("１３９００００００００"), None);
    let mother = desk(&town, (80, &mother), done, WITHOUT_CONSENTS).await;
    let shown = town.office.get(&format!("/members/{mother}")).await.ok();
    assert_eq!(shown["phone"], "139****0000");
    let phone = Some("139 0000 0000");
    let stranger = at_the_desk(&number("1990-01-01", 2), phone, None);
    desk(&town, (91, &stranger), (409, "phone_already_registered"), NOTHING).await;
    let child = at_the_desk(&number("2016-01-01", 3), phone, Some(&mother));
    let child = desk(&town, (91, &child), done, A_CHILD).await;
    let alone = at_the_desk(&number("2016-01-01", 4), None, None);
    desk(&town, (92, &alone), (403, "guardian_required"), NOTHING).await;

    // Row 93: a guardian of sixteen, one who is nobody, oneself, and a circle.
    let youth = at_the_desk(&number("2010-01-01", 5), None, None);
    let youth = desk(&town, (93, &youth), done, WITHOUT_CONSENTS).await;
    let nobody = uuid::Uuid::now_v7().to_string();
    for unfit in [&youth, &nobody] {
        let ward = at_the_desk(&number("2016-01-01", 6), None, Some(unfit));
        desk(&town, (93, &ward), refused, NOTHING).await;
    }
    let before = Standing::of(&town.store).await;
    for (ward, guardian) in
        [(&youth, &youth), (&child, &youth), (&youth, &child), (&mother, &mother)]
    {
        let body = json!({ "guardian_id": guardian });
        let answer = town.office.post(&format!("/members/{ward}/guardian"), &body).await;
        assert_eq!(answer.said(), refused, "row 93: {}", answer.text);
    }
    before.has_grown(&Standing::of(&town.store).await, NOTHING, "row 93");
}

/// Row 93: the same child twice, by its own guardian.
#[tokio::test]
async fn a_child_is_registered_once() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let number = document("2016-05-01".parse().unwrap(), 12);
    let child =
        json!({ "name": "张小宝", "document": { "type": "resident_id", "number": number } });
    zhang.post("/me/dependants", &child).await.ok();
    let before = Standing::of(&town.store).await;
    let again = zhang.post("/me/dependants", &child).await;
    assert_eq!(again.said(), (422, "dependant_exists"));
    before.has_grown(&Standing::of(&town.store).await, NOTHING, "row 93");
}

/// Row 96: a code of WeChat's, and what comes of it.
#[tokio::test]
async fn a_code_that_is_none_signs_nobody_in() {
    let town = TestTown::with_wechat().await;
    let long = "x".repeat(10_000);
    let account: Wrote<'_> = &[("account_tokens", 1), ("wechat_accounts", 1)];
    for (code, said, wrote) in [
        ("login-zhang", (201, ""), account),
        ("login-zhang", (401, "wechat_code_used"), NOTHING),
        ("nonsense", (401, "wechat_code_invalid"), NOTHING),
        ("", (422, "invalid_value"), NOTHING),
        (&long, (422, "invalid_value"), NOTHING),
    ] {
        let before = Standing::of(&town.store).await;
        let answer = town.wire.post("/api/v1/wechat/sessions", &json!({ "code": code }));
        let answer = Answer::to(answer).await;
        assert_eq!(answer.said(), said, "{code:.20}");
        before.has_grown(&Standing::of(&town.store).await, wrote, "row 96");
    }
}
