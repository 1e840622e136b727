//! Every reason for which a door stays shut, with all that the person is told: the code, the
//! sentence in both languages, since when they may enter and where they may enter now.

use serde_json::{Value, json};

use crate::support::{Member, Shown, Terminal, TestTown};

/// What a terminal is answered, all of it but the record's own number.
struct Expected<'a> {
    reason: &'a str,
    sentence: &'a str,
    sentence_en: &'a str,
    allowed_from: Option<&'a str>,
    nearest_venue: Option<&'a str>,
}

/// Asks at a door that must stay shut.
async fn asks(door: &Terminal, shown: &Shown, expected: &Expected<'_>) {
    let told = door.asks("in", shown).await;
    let Expected { reason, sentence, sentence_en, allowed_from, nearest_venue } = expected;
    let fields = ["decision", "reason", "sentence", "sentence_en", "allowed_from", "nearest_venue"];
    let told: Vec<&Value> = fields.iter().map(|field| &told[*field]).collect();
    let expected = json!(["refused", reason, sentence, sentence_en, allowed_from, nearest_venue]);
    assert_eq!(json!(told), expected);
}

/// A town with a door under `rules`, and what is around it: nearest of all a venue that nobody may
/// enter either, then one that lets in whoever may enter at all, then another such farther away.
struct Around {
    town: TestTown,
    door: Terminal,
    near: String,
}

fn placed(lat: f64, rules: &Value) -> Value {
    let position = json!({ "lat": lat, "lng": 121.0, "coordinates": "gcj02" });
    json!({ "position": position, "rules": rules })
}

impl Around {
    async fn a_door(more: Value) -> Self {
        let town = TestTown::open().await;
        let mut here = placed(30.70, &json!({}));
        here.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let venue = town.venue("此馆", here).await;
        let induction = json!({ "prerequisites": ["diving"] });
        town.venue("谁也进不去", placed(30.701, &induction)).await;
        town.venue("远处", placed(30.80, &json!({}))).await;
        let near = town.venue("近处", placed(30.71, &json!({}))).await;
        let door = town.terminal(&venue, "both").await;
        Self { town, door, near: near.id }
    }

    async fn member_who(&self, birth: &str, consents: &[&str]) -> Member {
        self.town.member_who(birth, consents).await
    }
}

const UNKNOWN: Expected = Expected {
    reason: "unknown_credential",
    sentence: "没有认出您。请再试一次,或到服务台登记。",
    sentence_en: "We did not recognise you. Please try again, or register at the desk.",
    allowed_from: None,
    // Nobody knows where a stranger would be let in.
    nearest_venue: None,
};

#[tokio::test]
async fn an_unknown_credential() {
    let around = Around::a_door(json!({})).await;
    for stranger in [Shown::face("nobody"), Shown::card("nobody")] {
        asks(&around.door, &stranger, &UNKNOWN).await;
    }
    around.town.adds_up().await;
}

/// No route takes a verification back or suspends anybody yet, so SQL is told.
async fn set(around: &Around, member: &Member, column: &str, word: &str) {
    let id = uuid::Uuid::parse_str(&member.id).unwrap().simple();
    let on_sqlite = around.town.store.database_url.starts_with("sqlite");
    let id = if on_sqlite { format!("x'{id}'") } else { format!("'{id}'") };
    let sql =
        format!("UPDATE members SET {column} = '{word}', version = version + 1 WHERE id = {id}");
    around.town.store.sql(&sql).await;
}

#[tokio::test]
async fn a_member_who_is_not_verified() {
    let around = Around::a_door(json!({})).await;
    let member = around.town.member().await;
    set(&around, &member, "verification", "unverified").await;
    // Whom nobody verified is let in nowhere.
    let expected = Expected {
        reason: "member_not_verified",
        sentence: "您的实名信息还未核验。请在小程序或服务台完成核验后再来。",
        sentence_en: "Your name is not verified yet. Please verify it in the mini-program or at the desk.",
        allowed_from: None,
        nearest_venue: None,
    };
    asks(&around.door, &member.face, &expected).await;
    asks(&around.door, &member.card, &expected).await;
    set(&around, &member, "verification", "desk").await;
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_member_who_is_suspended() {
    let around = Around::a_door(json!({})).await;
    let member = around.town.member().await;
    set(&around, &member, "status", "suspended").await;
    let expected = Expected {
        reason: "member_suspended",
        sentence: "您的会员资格已暂停。请到服务台了解原因并申请恢复。",
        sentence_en: "Your membership is suspended. Please ask at the desk why and how to resume it.",
        allowed_from: None,
        nearest_venue: None,
    };
    asks(&around.door, &member.face, &expected).await;
    assert_eq!(around.door.asks("out", &member.face).await["decision"], "granted");
    set(&around, &member, "status", "active").await;
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_face_without_consent() {
    let around = Around::a_door(json!({})).await;
    let member = around.member_who("1990-01-01", &["minutes_statistics"]).await;
    // The face opens no other door either; the card opens this one.
    let expected = Expected {
        reason: "face_consent_missing",
        sentence: "您没有同意使用人脸识别。请改用二维码、会员卡或服务台登记入场。",
        sentence_en: "You have not agreed to face recognition. Please use your QR code or card, or the desk.",
        allowed_from: None,
        nearest_venue: None,
    };
    asks(&around.door, &member.face, &expected).await;
    assert_eq!(around.door.asks("in", &member.card).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_closed_venue() {
    let day = |weekday: u8| json!({ "weekday": weekday, "opens": "12:30", "closes": "21:00" });
    let hours: Vec<Value> = (1..=7).map(day).collect();
    let around = Around::a_door(json!({ "hours": hours })).await;
    let member = around.town.member().await;
    let expected = Expected {
        reason: "venue_closed",
        sentence: "场馆现在不开放。请在开放时间再来,或去附近开放的场馆。",
        sentence_en: "The venue is closed now. Please come in opening hours, or try one nearby.",
        allowed_from: Some("2026-11-23T04:30:00Z"),
        nearest_venue: Some(&around.near),
    };
    asks(&around.door, &member.face, &expected).await;
    around.town.is_now("2026-11-23T04:30:00Z");
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_missing_prerequisite() {
    let rules = json!({ "rules": { "prerequisites": ["induction", "school_ground"] } });
    let around = Around::a_door(rules).await;
    let member = around.town.member().await;
    let expected = Expected {
        reason: "prerequisite_missing",
        sentence: "您还缺少本场馆要求的手续(如预约、校园场地审批、安全培训)。请先预约或到服务台办理。",
        sentence_en: "A booking or an approval that this venue asks for is missing. Please book, or ask at the desk.",
        allowed_from: None,
        nearest_venue: Some(&around.near),
    };
    let path = format!("/members/{}/approvals", member.id);
    for kind in ["induction", "school_ground"] {
        asks(&around.door, &member.face, &expected).await;
        let permit = json!({ "kind": kind, "valid_from": "2026-11-23T02:00:00Z" });
        around.town.office.put(&path, &permit).await.ok();
    }
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_missing_guardian() {
    let around = Around::a_door(json!({ "rules": { "guardian_under": 16 } })).await;
    let youth = around.member_who("2011-01-01", &["door_face"]).await;
    let mother = around.town.member().await;
    let expected = Expected {
        reason: "guardian_required",
        sentence: "未成年人入场须先登记监护人。请监护人在小程序或服务台登记。",
        sentence_en: "At your age a guardian must be registered first, in the mini-program or at the desk.",
        allowed_from: None,
        nearest_venue: Some(&around.near),
    };
    asks(&around.door, &youth.face, &expected).await;
    let path = format!("/members/{}/guardian", youth.id);
    around.town.office.post(&path, &json!({ "guardian_id": mother.id })).await.ok();
    assert_eq!(around.door.asks("in", &youth.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn somebody_who_is_inside_already() {
    let around = Around::a_door(json!({ "rules": { "passback": "forbidden" } })).await;
    let member = around.town.member().await;
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.is_now("2026-11-23T02:10:00Z");
    let expected = Expected {
        reason: "already_inside",
        sentence: "您已在馆内。请先刷脸离场,或请工作人员协助。",
        sentence_en: "You are inside already. Please scan out first, or ask the staff for help.",
        // The longest stay that is usual: four hours from the entry.
        allowed_from: Some("2026-11-23T06:00:00Z"),
        nearest_venue: Some(&around.near),
    };
    asks(&around.door, &member.face, &expected).await;
    asks(&around.door, &member.card, &expected).await;
    around.town.is_now("2026-11-23T06:00:00.001Z");
    assert_eq!(around.door.asks("in", &member.face).await["decision"], "granted");
    around.town.adds_up().await;
}

#[tokio::test]
async fn a_full_venue() {
    let around = Around::a_door(json!({ "rules": { "capacity": 1 } })).await;
    let (first, second) = (around.town.member().await, around.town.member().await);
    assert_eq!(around.door.asks("in", &first.face).await["decision"], "granted");
    let expected = Expected {
        reason: "venue_full",
        sentence: "场馆人数已满。请稍候,或去附近的场馆。",
        sentence_en: "The venue is full. Please wait a little, or try one nearby.",
        // Nobody knows when somebody will leave.
        allowed_from: None,
        nearest_venue: Some(&around.near),
    };
    asks(&around.door, &second.face, &expected).await;
    around.town.is_now("2026-11-23T02:10:00Z");
    assert_eq!(around.door.asks("out", &first.face).await["decision"], "granted");
    assert_eq!(around.door.asks("in", &second.face).await["decision"], "granted");
    around.town.adds_up().await;
}
