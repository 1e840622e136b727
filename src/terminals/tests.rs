//! Terminals on a database file of their own: registration, keys, heartbeats, requests signed and
//! forged.

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::{Request, Response, StatusCode},
    routing::post,
};
use chrono::{TimeDelta, TimeZone as _};
use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

use super::{caller::SignedBody, signature::Envelope, *};
use crate::{
    base::{
        clock::Clock,
        config::{Config, RealnameConfig},
        counters::Counters,
        fence::Fence,
        ids::{DivisionCode, TerminalKeyId},
        metrics::Metrics,
        realname,
        state::State,
        wechat_api::Wechat,
    },
    venues::{
        NewDivision, NewVenue,
        terms::{Kind, Name, Terms, TermsDraft},
    },
};

struct Hall {
    db: DatabaseConnection,
    keys: Arc<Keys>,
    venue: VenueId,
    now: DateTime<Utc>,
    _folder: tempfile::TempDir,
}

const COMMUNITY: &str = "330499001001";

impl Hall {
    async fn new() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).unwrap();
        let community: DivisionCode = COMMUNITY.parse().unwrap();
        let name = Name::parse("永兴社区").unwrap();
        let division = NewDivision { code: community.clone(), name, resident_population: None };
        venues::add_division(&db, division, "staff:test", now).await.unwrap();
        let keys = Arc::new(Keys::generate());
        let mut hall = Self { db, keys, venue: VenueId::new(), now, _folder: folder };
        hall.venue = hall.add_venue().await;
        hall
    }

    async fn add_venue(&self) -> VenueId {
        let new = NewVenue {
            community: COMMUNITY.parse().unwrap(),
            name: Name::parse("百姓健身房").unwrap(),
            kind: Kind::parse("gym").unwrap(),
            area: None,
            position: None,
            opened_on: NaiveDate::from_ymd_opt(2020, 12, 1).unwrap(),
            terms: Terms::parse(TermsDraft::default()).unwrap(),
            week: None,
        };
        venues::add_venue(&self.db, new, "staff:test", self.now).await.unwrap()
    }

    fn place(&self) -> NewPlace {
        NewPlace { venue: self.venue, zone: None, doorway: Doorway::In, valid_from: None }
    }

    async fn add(&self, serial: &str) -> Result<(TerminalId, IssuedKey), Error> {
        let serial = Serial::parse(serial).unwrap();
        let new = NewTerminal { serial, place: self.place(), time_zone: None };
        super::add(&self.db, &self.keys, new, "staff:test", self.now).await
    }
}

fn code_of<T: fmt::Debug>(result: Result<T, Error>) -> Code {
    match result.unwrap_err() {
        Error::Invalid(faults) => faults[0].code,
        Error::Conflict(code) | Error::NotFound(code) | Error::Unauthenticated(code) => code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_terminal_stands_from_its_venues_opening_day() {
    let hall = Hall::new().await;
    let (id, _) = hall.add("T-1").await.unwrap();
    let terminal = &load_terminals(&hall.db).await.unwrap()[&id];
    let opening = Utc.with_ymd_and_hms(2020, 11, 30, 20, 0, 0).unwrap();
    assert_eq!(terminal.places[0].valid_from, opening);
    assert_eq!(terminal.place_at(hall.now).unwrap().venue, hall.venue);
    assert_eq!(terminal.place_at(opening - TimeDelta::milliseconds(1)), None);
    assert_eq!(&*terminal.serial, "T-1");
    assert_eq!(code_of(hall.add("T-1").await), Code::SerialTaken);
}

#[tokio::test]
async fn a_terminal_needs_a_known_venue_and_a_zone_of_it() {
    let hall = Hall::new().await;
    let mut new = NewTerminal {
        serial: Serial::parse("T-1").unwrap(),
        place: NewPlace { venue: VenueId::new(), ..hall.place() },
        time_zone: None,
    };
    let refused = super::add(&hall.db, &hall.keys, new.clone(), "staff:test", hall.now).await;
    assert_eq!(code_of(refused), Code::UnknownVenue);
    new.place = NewPlace { zone: Some(ZoneId::new()), ..hall.place() };
    let refused = super::add(&hall.db, &hall.keys, new, "staff:test", hall.now).await;
    assert_eq!(code_of(refused), Code::UnknownZone);
    assert!(Serial::parse("a b").is_err() && Serial::parse("").is_err());
}

#[tokio::test]
async fn a_terminal_moves_from_a_future_business_day_on() {
    let hall = Hall::new().await;
    let (id, _) = hall.add("T-1").await.unwrap();
    let other = hall.add_venue().await;
    let day = |d| NaiveDate::from_ymd_opt(2026, 11, d);
    let to = |d| NewPlace { venue: other, valid_from: day(d), ..hall.place() };
    let move_on = |d| move_to(&hall.db, id, to(d), "staff:test", hall.now);
    let before = venues::revision(&hall.db).await.unwrap();
    assert_eq!(code_of(move_on(23).await), Code::NotInFuture);
    move_on(24).await.unwrap();
    assert_eq!(code_of(move_on(24).await), Code::PlaceTaken);
    assert_eq!(venues::revision(&hall.db).await.unwrap(), before + 1);
    let terminal = &load_terminals(&hall.db).await.unwrap()[&id];
    assert_eq!(terminal.place_at(hall.now).unwrap().venue, hall.venue);
    let tomorrow = hall.now + TimeDelta::days(1);
    assert_eq!(terminal.place_at(tomorrow).unwrap().venue, other);
}

#[tokio::test]
async fn a_heartbeat_moves_clock_and_watermark_and_its_nonce_works_once() {
    let hall = Hall::new().await;
    let (id, _) = hall.add("T-1").await.unwrap();
    let beat = |queue_length| Heartbeat {
        clock: hall.now + TimeDelta::seconds(241),
        queue_length,
        firmware: Some("1.0".into()),
        door: Some(Door::Closed),
        faces: Some(3),
    };
    let scope: DivisionCode = "3304".parse().unwrap();
    heartbeat(&hall.db, id, "n1", beat(2), hall.now).await.unwrap();
    let seen = terminals(&hall.db, &scope, None, 9).await.unwrap().remove(0);
    assert_eq!((seen.clock_offset_ms, seen.watermark_at), (0, None));
    heartbeat(&hall.db, id, "n2", beat(0), hall.now).await.unwrap();
    let seen = terminals(&hall.db, &scope, None, 9).await.unwrap().remove(0);
    assert_eq!(seen.clock_offset_ms, 240_000);
    assert_eq!(seen.watermark_at, Some(hall.now));
    assert_eq!((seen.faces, seen.last_seen_at), (Some(3), Some(hall.now)));
    let again = heartbeat(&hall.db, id, "n2", beat(0), hall.now).await;
    assert_eq!(code_of(again), Code::NonceReused);
    let later = hall.now + TimeDelta::minutes(10);
    heartbeat(&hall.db, id, "n2", beat(0), later).await.unwrap();
}

#[tokio::test]
async fn a_terminal_silent_for_a_week_is_lost_until_it_returns() {
    let hall = Hall::new().await;
    let (id, _) = hall.add("T-1").await.unwrap();
    let scope: DivisionCode = COMMUNITY.parse().unwrap();
    let lost = async || terminals(&hall.db, &scope, None, 9).await.unwrap()[0].lost_at;
    let week = hall.now + TimeDelta::days(7);
    mark_lost(&hall.db, week).await.unwrap();
    assert_eq!(lost().await, None);
    let later = week + TimeDelta::seconds(1);
    mark_lost(&hall.db, later).await.unwrap();
    assert_eq!(lost().await, Some(later));
    let beat = Heartbeat { clock: later, queue_length: 0, firmware: None, door: None, faces: None };
    heartbeat(&hall.db, id, "n", beat, later).await.unwrap();
    assert_eq!(lost().await, None);
}

/// A server whose only route tells who called.
struct Gate {
    hall: Hall,
    caches: Caches,
    terminal: TerminalId,
}

struct Held {
    id: TerminalKeyId,
    secret: Vec<u8>,
}

impl From<IssuedKey> for Held {
    fn from(key: IssuedKey) -> Self {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
        Self { id: key.id, secret: BASE64.decode(key.secret.expose_secret()).unwrap() }
    }
}

async fn told(signed: SignedBody) -> Bytes {
    signed.body
}

impl Gate {
    async fn new() -> (Self, Held) {
        let hall = Hall::new().await;
        let (terminal, key) = hall.add("T-1").await.unwrap();
        (Self { hall, caches: Caches::default(), terminal }, key.into())
    }

    fn signed(&self, key: &Held, at: DateTime<Utc>) -> axum::http::request::Builder {
        let (terminal, id) = (self.terminal.to_string(), key.id.to_string());
        let timestamp = at.timestamp().to_string();
        let envelope = Envelope {
            method: "POST",
            path_and_query: "/told?x=1",
            terminal: &terminal,
            key: &id,
            timestamp: &timestamp,
            nonce: "",
        };
        let text = signature::sign(signature::Scheme::Sha256, &key.secret, &envelope, b"{}");
        Request::post("/told?x=1")
            .header("fitgate-terminal", terminal)
            .header("fitgate-key", id)
            .header("fitgate-timestamp", timestamp)
            .header("fitgate-nonce", "")
            .header("fitgate-signature", text)
    }

    async fn send(&self, request: Request<Body>, now: DateTime<Utc>) -> Response<Body> {
        let state = State {
            db: self.hall.db.clone(),
            clock: Clock::fixed(now),
            keys: self.hall.keys.clone(),
            counters: Counters::open(None).unwrap(),
            fence: Fence::default(),
            config: Arc::new(Config::development("sqlite::memory:", None)),
            metrics: Arc::new(Metrics::new()),
            wechat: Wechat::off(),
            realname: realname::chosen(&RealnameConfig::default(), &Clock::fixed(now)).unwrap(),
            stop: tokio_util::sync::CancellationToken::new(),
        };
        let router: Router = Router::new()
            .route("/told", post(told))
            .layer(Extension(self.caches.clone()))
            .with_state(state);
        router.oneshot(request).await.unwrap()
    }

    async fn ask(&self, key: &Held, now: DateTime<Utc>) -> StatusCode {
        let request = self.signed(key, now).body(Body::from("{}")).unwrap();
        self.send(request, now).await.status()
    }
}

/// The code of a refusal.
fn refused(response: &Response<Body>) -> Code {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key("fitgate-time"));
    response.extensions().get::<crate::base::http::problem::Problem>().unwrap().code
}

#[tokio::test]
async fn a_signed_request_is_taken_and_every_forgery_has_its_code() {
    let (gate, key) = Gate::new().await;
    let now = gate.hall.now;
    assert_eq!(gate.ask(&key, now).await, StatusCode::OK);
    let altered = gate.signed(&key, now).body(Body::from("{ }")).unwrap();
    assert_eq!(refused(&gate.send(altered, now).await), Code::BadSignature);
    let bare = Request::post("/told?x=1").body(Body::empty()).unwrap();
    assert_eq!(refused(&gate.send(bare, now).await), Code::MissingHeader);
    let twice = gate.signed(&key, now).header("fitgate-key", "x").body(Body::empty()).unwrap();
    assert_eq!(refused(&gate.send(twice, now).await), Code::MissingHeader);
    let mut elsewhere = gate.signed(&key, now).body(Body::from("{}")).unwrap();
    *elsewhere.uri_mut() = "/told?x=2".parse().unwrap();
    assert_eq!(refused(&gate.send(elsewhere, now).await), Code::BadSignature);
    let stranger = Held { id: TerminalKeyId::new(), secret: key.secret.clone() };
    let unknown = gate.signed(&stranger, now).body(Body::from("{}")).unwrap();
    assert_eq!(refused(&gate.send(unknown, now).await), Code::UnknownKey);
    let (_, other) = gate.hall.add("T-2").await.unwrap();
    let other = gate.signed(&other.into(), now).body(Body::from("{}")).unwrap();
    assert_eq!(refused(&gate.send(other, now).await), Code::UnknownKey);
}

#[tokio::test]
async fn a_lost_clock_is_told_our_time_under_our_signature() {
    let (gate, key) = Gate::new().await;
    let now = gate.hall.now;
    for (off, status) in [(300, 200), (-300, 200), (301, 401), (-301, 401)] {
        let at = now + TimeDelta::seconds(off);
        let request = gate.signed(&key, at).body(Body::from("{}")).unwrap();
        let response = gate.send(request, now).await;
        assert_eq!(response.status(), status, "{off}");
        if status == 401 {
            assert_eq!(refused(&response), Code::ClockSkew);
            assert_eq!(response.headers()["fitgate-time"], now.timestamp().to_string());
            assert!(response.headers().contains_key("fitgate-time-signature"));
        }
    }
}

#[tokio::test]
async fn two_keys_are_valid_until_a_week_after_the_new_one_was_first_used() {
    let (gate, old) = Gate::new().await;
    let (hall, id) = (&gate.hall, gate.terminal);
    assert_eq!(gate.ask(&old, hall.now).await, StatusCode::OK);
    let new = rotate_key(&hall.db, &hall.keys, id, "staff:test", hall.now).await.unwrap();
    let new = Held::from(new);
    let third = rotate_key(&hall.db, &hall.keys, id, "staff:test", hall.now).await;
    assert_eq!(code_of(third), Code::KeyRotating);
    let month = hall.now + TimeDelta::days(30);
    assert_eq!(gate.ask(&old, month).await, StatusCode::OK);
    assert_eq!(gate.ask(&new, month).await, StatusCode::OK);
    let six = month + TimeDelta::days(6);
    assert_eq!(gate.ask(&old, six).await, StatusCode::OK);
    let seven = month + TimeDelta::days(7);
    let request = gate.signed(&old, seven).body(Body::from("{}")).unwrap();
    assert_eq!(refused(&gate.send(request, seven).await), Code::KeyRevoked);
    assert_eq!(gate.ask(&new, seven).await, StatusCode::OK);
    rotate_key(&hall.db, &hall.keys, id, "staff:test", seven).await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_ends_here_at_once_and_elsewhere_within_fifteen_seconds() {
    let (mut gate, key) = Gate::new().await;
    let mut elsewhere = Gate::new().await.0;
    // Two processes on one database.
    elsewhere.hall.db = gate.hall.db.clone();
    elsewhere.hall.keys = gate.hall.keys.clone();
    elsewhere.terminal = gate.terminal;
    gate.caches = Caches::default();
    let now = gate.hall.now;
    assert_eq!(gate.ask(&key, now).await, StatusCode::OK);
    assert_eq!(elsewhere.ask(&key, now).await, StatusCode::OK);
    assert_eq!(elsewhere.ask(&key, now).await, StatusCode::OK);
    let revoke =
        revoke_key(&gate.hall.db, &gate.caches, gate.terminal, key.id, "staff:test", now).await;
    revoke.unwrap();
    assert_eq!(gate.ask(&key, now).await, StatusCode::UNAUTHORIZED);
    let soon = now + TimeDelta::seconds(15);
    assert_eq!(elsewhere.ask(&key, soon).await, StatusCode::UNAUTHORIZED);
    let stranger = TerminalId::new();
    let refused =
        revoke_key(&gate.hall.db, &gate.caches, stranger, key.id, "staff:test", now).await;
    assert_eq!(code_of(refused), Code::NotFound);
}
