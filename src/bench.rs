//! A door for the budget of instructions, and for nothing else: what one live entry costs between
//! the bytes of its request and those of its answer. It stands here because the parts that it
//! strings together are private; `tests/bench/budget` counts it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    base::ids::{MemberId, TerminalId, VenueId},
    entries::Still,
    gateways,
    terminals::signature::{self, Envelope, Scheme},
};

/// Somebody who comes in and goes out again, over and over.
pub struct Door {
    still: Still,
    terminal: TerminalId,
    now: DateTime<Utc>,
    scenes: [Scene; 2],
}

/// One request, and the timeline that it finds.
struct Scene {
    body: String,
    signature: String,
    state: String,
}

const SECRET: [u8; 32] = [7; 32];
const TERMINAL: &str = "01900000-0000-7000-8000-000000000001";
const VENUE: &str = "01900000-0000-7000-8000-000000000002";
const MEMBER: &str = "01900000-0000-7000-8000-000000000003";
const SESSION: &str = "01900000-0000-7000-8000-000000000004";
/// 2026-06-01, 18:00 in Shanghai.
const NOW_S: i64 = 1_780_308_000;

const ENVELOPE: Envelope = Envelope {
    method: "POST",
    path_and_query: "/api/v1/terminal/decisions",
    terminal: TERMINAL,
    key: "01900000-0000-7000-8000-000000000005",
    timestamp: "1780308000",
    nonce: "00112233445566778899aabbccddeeff",
};

impl Door {
    /// Prepares both requests.
    ///
    /// # Panics
    /// Never, since all that is parsed stands in this file.
    #[expect(clippy::new_without_default, reason = "it is prepared, not empty")]
    pub fn new() -> Self {
        let id = |text: &str| Uuid::parse_str(text).expect("an id of this file");
        let terminal = TerminalId(id(TERMINAL));
        let now = DateTime::from_timestamp(NOW_S, 0).expect("an instant of this file");
        let still = Still::new(now, terminal, VenueId(id(VENUE)), MemberId(id(MEMBER)));
        Self { still, terminal, now, scenes: [scene(now, "in"), scene(now, "out")] }
    }

    /// Verifies, reads, decides, folds, prepares the write and encodes the answer of the `n`th
    /// request; even ones come in, odd ones go out. Gives the answer's bytes.
    ///
    /// # Panics
    /// If the entry is not granted, or anything but the one write asks for a database.
    pub fn decide(&self, n: usize) -> Vec<u8> {
        let scene = &self.scenes[n % self.scenes.len()];
        let body = scene.body.as_bytes();
        let verified = signature::verify(&SECRET, &ENVELOPE, body, &scene.signature);
        assert_eq!(verified, Some(Scheme::Sha256));
        let decide = |entry| self.still.decide(entry, &scene.state);
        gateways::answer_live(body, self.terminal, self.now, decide).expect("a record is answered")
    }
}

fn scene(now: DateTime<Utc>, direction: &str) -> Scene {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = format!(
        r#"{{"epoch":1780000000000,"seq":4711,"device_time":"{}","direction":"{direction}","method":"face","credential":"bench-12345","score":0.97}}"#,
        text(now)
    );
    let before = now - TimeDelta::minutes(45);
    let other = if direction == "in" { "out" } else { "in" };
    let open = format!(
        r#""open":{{"id":"{SESSION}","venue":"{VENUE}","entered_at":"{}","credited":true}},"#,
        text(before)
    );
    let state = format!(
        r#"{{{}"last":{{"venue":"{VENUE}","direction":"{other}","at":"{at}"}},"newest":{{"at":"{at}","direction":"{other}","serial":"STILL-0001","epoch":1780000000000,"seq":4242,"id":"{SESSION}"}}}}"#,
        if direction == "out" { &open } else { "" },
        at = text(before)
    );
    let signature = signature::sign(Scheme::Sha256, &SECRET, &ENVELOPE, body.as_bytes());
    Scene { body, signature, state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_are_granted_and_acknowledged() {
        let door = Door::new();
        for n in 0..4 {
            let answer: serde_json::Value = serde_json::from_slice(&door.decide(n)).unwrap();
            assert_eq!(answer["decision"], "granted", "{answer}");
            assert_eq!(answer["result"], "accepted");
            assert_eq!(answer["ack_through"]["seq"], 4711);
        }
    }
}
