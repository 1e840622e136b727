//! The screen on a small town in SQLite: figures, privacy, versions, single flight, the stream.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use sea_orm::{ConnectionTrait, DatabaseConnection, Value};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use super::{Hub, add, routes, tables::statement};
use crate::base::{clock::Clock, counters::Counters, db, ids::DivisionCode, metrics::Metrics};

mod figures;
mod lost;
mod maps;
mod serving;

const YONGXING: &str = "330482006011";
const DANGHU: &str = "330482001001";

/// Four venues in two communities of one county, a database of their own, a clock that stands.
struct Town {
    _folder: tempfile::TempDir,
    db: DatabaseConnection,
    clock: Clock,
    /// In the process; not trusted until a test says so.
    counters: Counters,
    stop: CancellationToken,
    statements: Arc<AtomicUsize>,
    gym: Uuid,
    hall: Uuid,
    court: Uuid,
}

fn division(code: &str) -> DivisionCode {
    code.parse().expect("a division code")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

impl Town {
    /// On 23 November 2026, 20:00 local time.
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/town.db?mode=rwc", folder.path().display());
        let mut db = db::open(&url).await.expect("a database");
        db::migrate(&db).await.expect("a schema");
        let statements = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&statements);
        db.set_metric_callback(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let clock = Clock::fixed(at("2026-11-23T12:00:00Z"));
        let stop = CancellationToken::new();
        let counters = Counters::open(None).expect("a store in the process");
        let [gym, hall, court] = [1, 2, 3].map(Uuid::from_u128);
        let town =
            Self { _folder: folder, db, clock, counters, stop, statements, gym, hall, court };
        town.division("330482", "平湖市", Some(700)).await;
        town.division(YONGXING, "永兴社区", None).await;
        town.division(DANGHU, "当湖社区", None).await;
        town.venue(gym, YONGXING, "百姓健身房").await;
        town.venue(hall, YONGXING, "室内馆").await;
        town.venue(court, DANGHU, "多功能球场").await;
        town
    }

    async fn run(&self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.db.execute_raw(statement(&self.db, sql, values)).await.expect("a row");
    }

    async fn division(&self, code: &str, name: &str, residents: Option<i64>) {
        let sql = "INSERT INTO divisions (code, name, level, resident_population) \
                   VALUES ($1, $2, '', $3)";
        self.run(sql, [code.into(), name.into(), residents.into()]).await;
    }

    async fn venue(&self, id: Uuid, community: &str, name: &str) {
        let sql = "INSERT INTO venues (id, community, name, kind, coordinates, status, created_at) \
                   VALUES ($1, $2, $3, 'gym', 'wgs84', 'open', $4)";
        self.run(sql, [id.into(), community.into(), name.into(), self.clock.now().into()]).await;
        self.rules(id, 1, "2020-12-01", 30).await;
    }

    async fn rules(&self, venue: Uuid, version: i32, from: &str, capacity: i32) {
        let sql = "INSERT INTO venue_rules (venue_id, version, valid_from, pairing, \
                   repeat_window_s, usual_stay_min, longest_stay_min, passback, prerequisites, \
                   capacity, time_zone, day_starts_at, adopted_by, adopted_at) VALUES ($1, $2, \
                   $3, 'in_and_out', 60, 60, 240, 'allowed', '[]', $4, 'Asia/Shanghai', 240, '', $5)";
        let now = self.clock.now();
        let values = [venue.into(), version.into(), day(from).into(), capacity.into(), now.into()];
        self.run(sql, values).await;
    }

    async fn member(&self, id: u128, home: &str, sex: &str, born: i32, status: &str) -> Uuid {
        let id = Uuid::from_u128(id);
        let sql = "INSERT INTO members (id, status, home_community, name_ct, name_masked, \
                   document_type, document_ct, document_ix, sex, birth_year, verification, \
                   registered_at, version) \
                   VALUES ($1, $2, $3, 'x', '张*', 'id', 'x', $4, $5, $6, 'verified', $7, 1)";
        let ix = id.to_string();
        let now = self.clock.now();
        let values = [id.into(), status.into(), home.into(), ix.into(), sex.into(), born.into()];
        self.run(sql, values.into_iter().chain([now.into()])).await;
        id
    }

    /// Minutes are measured, self-declared, estimated, corrected.
    async fn venue_day(&self, venue: Uuid, of: &str, visits: i64, minutes: [i64; 4]) {
        let sql = "INSERT INTO venue_days (venue_id, business_day, visits, people, \
                   minutes_measured, minutes_self_declared, minutes_estimated, minutes_corrected, \
                   digest_0, digest_1, digest_2, digest_3, digest_4, digest_5, digest_6, digest_7, \
                   state, version) \
                   VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0, 'provisional', 1)";
        let values: [Value; 3] = [venue.into(), day(of).into(), visits.into()];
        self.run(sql, values.into_iter().chain(minutes.map(Value::from))).await;
    }

    async fn division_day(&self, code: &str, of: &str, visits: i64, minutes: [i64; 4]) {
        let sql = "INSERT INTO division_days (division, business_day, visits, people, \
                   minutes_measured, minutes_self_declared, minutes_estimated, minutes_corrected, \
                   state, version) VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 'final', 1)";
        let values: [Value; 3] = [code.into(), day(of).into(), visits.into()];
        self.run(sql, values.into_iter().chain(minutes.map(Value::from))).await;
    }

    /// An open session since an hour ago, and the entry that opened it.
    async fn inside(&self, id: u128, member: Uuid, venue: Uuid, community: &str) {
        let now = self.clock.now();
        let hour = TimeDelta::hours(1);
        let sql = "INSERT INTO sessions (id, member_id, venue_id, community, business_day, \
                   entered_at, minutes, void, credited, rule_version, presence_expires_at, version) \
                   VALUES ($1, $2, $3, $4, '2026-11-23', $5, 0, false, true, 1, $6, 1)";
        let id = Uuid::from_u128(id);
        let who: [Value; 4] = [id.into(), member.into(), venue.into(), community.into()];
        self.run(sql, who.into_iter().chain([(now - hour).into(), (now + hour).into()])).await;
        let sql = "INSERT INTO entry_events (id, occurred_at, venue_id, terminal_id, member_id, \
                   serial, epoch, seq, direction, method, device_time, received_at, offset_s, mode, \
                   decision, effect, credited) VALUES ($1, $2, $3, $1, $4, '', 1, 1, 'in', 'face', \
                   $2, $2, 0, 'live', 'granted', 'opened', true)";
        self.run(sql, [id.into(), (now - hour).into(), venue.into(), member.into()]).await;
    }

    fn hub(&self) -> Hub {
        let (db, clock) = (self.db.clone(), self.clock.clone());
        Hub::new(db, clock, self.counters.clone(), self.stop.clone(), Metrics::new().screen_builds)
    }

    /// The paths of a new hub, and a token for `code`.
    async fn serve(&self, code: &str) -> (Router, String) {
        let token =
            add(&self.db, &division(code), "hall", self.clock.now()).await.expect("added").token;
        let (router, _openapi) = routes::<()>(self.hub()).split_for_parts();
        (router.with_state(()), token)
    }

    /// The document that a screen of `code` gets.
    async fn document(&self, code: &str) -> Json {
        let (router, token) = self.serve(code).await;
        body(get(&router, &format!("/api/v1/screens/{code}"), &token, None).await).await
    }
}

async fn get(router: &Router, path: &str, token: &str, known: Option<&str>) -> Response<Body> {
    let mut request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    if let Some(etag) = known {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let request = request.body(Body::empty()).expect("a request");
    router.clone().oneshot(request).await.expect("an answer")
}

async fn body(response: Response<Body>) -> Json {
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    serde_json::from_slice(&bytes).expect("JSON")
}

fn etag(response: &Response<Body>) -> String {
    let etag = response.headers().get(header::ETAG).expect("an entity tag");
    etag.to_str().expect("text").to_owned()
}
