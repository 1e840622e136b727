//! Made-up people: document numbers of a county that is none, with the right check character.

use chrono::NaiveDate;
use serde_json::{Value, json};

/// What somebody shows at a door.
#[derive(Clone, Debug)]
pub struct Shown {
    pub method: &'static str,
    pub credential: String,
}

/// Somebody registered.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: String,
    /// The document's number.
    pub number: String,
    pub face: Shown,
    pub card: Shown,
}

impl Shown {
    pub fn face(credential: &str) -> Self {
        Self { method: "face", credential: credential.to_owned() }
    }

    pub fn card(credential: &str) -> Self {
        Self { method: "card", credential: credential.to_owned() }
    }
}

/// The number of somebody born on `birth`, the `sequence`th of that day; odd sequences are men.
pub fn document(birth: NaiveDate, sequence: u32) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = format!("330499{}{sequence:03}", birth.format("%Y%m%d"));
    let sum: u32 = digits.bytes().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
    let remainder = usize::try_from(sum % 11).unwrap();
    format!("{digits}{}", char::from(b"10X98765432"[remainder]))
}

/// The body that registers somebody, with the consents named.
pub fn registration(number: &str, community: &str, consents: &[&str]) -> Value {
    let consents: Vec<Value> = consents
        .iter()
        .map(|purpose| json!({ "purpose": purpose, "granted": true, "at": REGISTERED }))
        .collect();
    json!({
        "name": "张三",
        "document": { "type": "resident_id", "number": number },
        "home_community": community,
        "registered_at": REGISTERED,
        "consents": consents,
    })
}

/// When everybody registered, and since when their faces and cards are known.
pub const REGISTERED: &str = "2026-01-02T00:00:00Z";
