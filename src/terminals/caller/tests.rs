//! Which requests a terminal's key signs, and what whoever is refused is told.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use chrono_tz::Asia::Shanghai;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _};
use secrecy::SecretBox;

use super::*;
use crate::{
    base::{clock::from_millis, db},
    terminals::{
        ACTIVE,
        signature::SECRET_BYTES,
        tables::{terminal, terminal_key},
    },
};

const PATH: &str = "/api/v1/terminal/events?x=1";
const BODY: &[u8] = b"{}";
const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];
const SIGNED: [&str; 4] =
    ["fitgate-terminal", "fitgate-key", "fitgate-timestamp", "fitgate-signature"];

fn now() -> DateTime<Utc> {
    from_millis(1_795_420_800_000)
}

/// A terminal with the key that it signs by.
struct Signer {
    terminal: TerminalId,
    key: TerminalKeyId,
    secret: Vec<u8>,
}

impl Signer {
    fn new() -> Self {
        Self { terminal: TerminalId::new(), key: TerminalKeyId::new(), secret: SECRET.to_vec() }
    }

    /// The head of a request with [`BODY`], signed at `at`.
    fn sends(&self, at: DateTime<Utc>, nonce: &str) -> Parts {
        let (terminal, key) = (self.terminal.to_string(), self.key.to_string());
        let timestamp = at.timestamp().to_string();
        let envelope = Envelope {
            method: "POST",
            path_and_query: PATH,
            terminal: &terminal,
            key: &key,
            timestamp: &timestamp,
            nonce,
        };
        let signature = signature::sign(Scheme::Sha256, &self.secret, &envelope, BODY);
        let request = Request::post(PATH)
            .header("fitgate-terminal", &terminal)
            .header("fitgate-key", &key)
            .header("fitgate-timestamp", &timestamp)
            .header("fitgate-nonce", nonce)
            .header("fitgate-signature", signature);
        request.body(()).unwrap().into_parts().0
    }

    /// Its key as it is known here.
    fn known(&self) -> KnownKey {
        KnownKey {
            terminal: self.terminal,
            time_zone: Shanghai,
            secret: SecretBox::new(Box::new(SECRET)),
            activated: true,
            expires_at: None,
            revoked: false,
        }
    }
}

fn code_of(error: &Error) -> Code {
    match error {
        Error::Unauthenticated(code) => *code,
        other => panic!("{other}"),
    }
}

/// Why a key does not sign a request now, if it does not.
fn judged(key: KnownKey, parts: &Parts) -> Option<Code> {
    let signed = Signed::read(parts).unwrap();
    judge(&Arc::new(key), &signed, BODY, now()).err().map(|refusal| code_of(&refusal.error))
}

#[test]
fn a_request_holds_for_five_minutes_around_its_timestamp() {
    let signer = Signer::new();
    for (off_s, taken) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
        let parts = signer.sends(now() + TimeDelta::seconds(off_s), "");
        let refused = (!taken).then_some(Code::ClockSkew);
        assert_eq!(judged(signer.known(), &parts), refused, "{off_s}");
    }
}

#[test]
fn a_key_signs_until_it_ends_or_is_revoked() {
    let signer = Signer::new();
    let parts = signer.sends(now(), "");
    let soon = now() + TimeDelta::milliseconds(1);
    let ends = |expires_at, revoked| KnownKey { expires_at, revoked, ..signer.known() };
    assert_eq!(judged(ends(Some(soon), false), &parts), None);
    for ended in [ends(Some(now()), false), ends(Some(soon), true), ends(None, true)] {
        assert_eq!(judged(ended, &parts), Some(Code::KeyRevoked));
    }
}

#[test]
fn who_does_not_hold_the_key_learns_nothing_else() {
    let signer = Signer::new();
    let forger = Signer { secret: b"another".to_vec(), ..Signer::new() };
    let parts = forger.sends(now() + TimeDelta::hours(1), "");
    let revoked = KnownKey { revoked: true, ..signer.known() };
    assert_eq!(judged(revoked, &parts), Some(Code::BadSignature));
}

#[test]
fn the_path_is_signed_as_it_was_sent_whatever_a_nested_router_sees() {
    let signer = Signer::new();
    let mut parts = signer.sends(now(), "");
    let sent = std::mem::replace(&mut parts.uri, "/events?x=1".parse().unwrap());
    assert_eq!(judged(signer.known(), &parts), Some(Code::BadSignature));
    parts.extensions.insert(OriginalUri(sent));
    assert_eq!(judged(signer.known(), &parts), None);
}

#[test]
fn a_lost_clock_is_told_our_time_and_only_the_holder_of_the_key_our_signature() {
    let signer = Signer::new();
    let parts = signer.sends(now() + TimeDelta::hours(1), "n");
    let head = Signed::read(&parts).unwrap();
    let refusal = judge(&Arc::new(signer.known()), &head, BODY, now()).err().unwrap();
    let time_s = now().timestamp();
    let told = refusal.into_response_at(now());
    assert_eq!(told.status(), 401);
    assert_eq!(told.headers()["fitgate-time"], time_s.to_string());
    let ours = signature::sign_time(Scheme::Sha256, &SECRET, &head.envelope, time_s);
    assert_eq!(told.headers()["fitgate-time-signature"], ours);
    let stranger = Refusal::from(Code::UnknownKey).into_response_at(now());
    assert_eq!(stranger.headers()["fitgate-time"], time_s.to_string());
    assert!(!stranger.headers().contains_key("fitgate-time-signature"));
}

#[test]
fn every_header_comes_once_and_only_the_nonce_may_be_missing() {
    let signer = Signer::new();
    let refused = |parts: &Parts| Signed::read(parts).err();
    for name in SIGNED {
        let mut parts = signer.sends(now(), "n");
        parts.headers.remove(name);
        assert_eq!(refused(&parts), Some(Code::MissingHeader), "{name}");
    }
    for name in SIGNED.into_iter().chain(["fitgate-nonce"]) {
        let mut parts = signer.sends(now(), "n");
        let value = parts.headers[name].clone();
        parts.headers.append(name, value);
        assert_eq!(refused(&parts), Some(Code::MissingHeader), "{name} twice");
    }
    let mut parts = signer.sends(now(), "");
    parts.headers.remove("fitgate-nonce");
    assert_eq!(Signed::read(&parts).unwrap().envelope.nonce, "");
    parts.headers.insert("fitgate-timestamp", HeaderValue::from_static("noon"));
    assert_eq!(refused(&parts), Some(Code::MissingHeader));
}

#[test]
fn a_nonce_has_one_to_64_characters() {
    for (characters, taken) in [(0, false), (1, true), (64, true), (65, false)] {
        let nonce = "n".repeat(characters);
        let caller = TerminalCaller { id: TerminalId::new(), time_zone: Shanghai, nonce };
        let refused = caller.nonce().err().map(|error| code_of(&error));
        assert_eq!(refused, (!taken).then_some(Code::NonceRequired), "{characters}");
    }
}

fn row(id: TerminalId) -> terminal::Model {
    terminal::Model {
        id,
        serial: "T-1".to_owned(),
        family: "native".to_owned(),
        time_zone: Shanghai.name().to_owned(),
        status: ACTIVE.to_owned(),
        clock_offset_ms: 0,
        clock_offset_seen_ms: None,
        last_seen_at: None,
        epoch: 0,
        acked_seq: 0,
        highest_seq: 0,
        gaps: "[]".to_owned(),
        watermark_at: None,
        lost_at: None,
        queue_length: None,
        faces: None,
        firmware: None,
        created_at: now(),
    }
}

#[tokio::test]
async fn a_key_is_in_use_from_its_first_request_on_and_signs_for_its_terminal_alone() {
    let (_folder, db) = db::fresh_for_tests().await;
    let (sealing, caches) = (Keys::generate(), Caches::default());
    let terminal = TerminalId::new();
    row(terminal).into_active_model().insert(&db).await.unwrap();
    let issued = keys::issue(&db, &sealing, terminal, now()).await.unwrap();
    let secret = BASE64.decode(issued.secret.expose_secret()).unwrap();
    let signer = Signer { terminal, key: issued.id, secret };
    let check = async |signer: &Signer| {
        let parts = signer.sends(now(), "n");
        let checked = super::check(&db, &sealing, &caches, &parts, BODY, now()).await;
        checked.map_err(|refusal| code_of(&refusal.error))
    };
    for _ in 0..2 {
        let caller = check(&signer).await.unwrap();
        assert_eq!((caller.id, caller.time_zone), (terminal, Shanghai));
        assert_eq!(caller.nonce().unwrap(), "n");
        let key = terminal_key::Entity::find_by_id(signer.key).one(&db).await.unwrap();
        assert_eq!(key.unwrap().activated_at, Some(now()));
    }
    let other_terminal = Signer { terminal: TerminalId::new(), ..signer };
    assert_eq!(check(&other_terminal).await.unwrap_err(), Code::UnknownKey);
    let other_key = Signer { key: TerminalKeyId::new(), ..other_terminal };
    assert_eq!(check(&other_key).await.unwrap_err(), Code::UnknownKey);
}
