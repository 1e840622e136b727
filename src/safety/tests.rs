//! Roll calls while the database is away: whoever looked a little before still sees who is inside.

use std::{collections::HashMap, sync::Arc};

use axum::{Router, body::Body, http::Request};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, Value};
use serde_json::Value as Json;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{copy, routes};
use crate::{
    base::{
        clock::Clock,
        config::{Config, RealnameConfig},
        counters::Counters,
        db,
        fence::Fence,
        keys::{Keys, token_hash},
        metrics::Metrics,
        realname,
        state::State,
        wechat_api::Wechat,
    },
    venues::{self, sample::at},
};

const TOKEN: &str = "a-token-of-the-desk";
const COMMUNITY: &str = "330499001001";
const VENUE: Uuid = Uuid::from_u128(1);

async fn sql<const N: usize>(db: &DatabaseConnection, text: &str, values: [Value; N]) {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), text, values);
    db.execute_raw(statement).await.unwrap();
}

/// A venue, somebody who is inside it, and somebody at its desk.
async fn a_desk(db: &DatabaseConnection, now: DateTime<Utc>) {
    let member = Uuid::from_u128(2);
    sql(
        db,
        "INSERT INTO venues (id, community, name, kind, coordinates, status, created_at) \
         VALUES ($1, $2, '健身房', 'gym', 'wgs84', 'open', $3)",
        [VENUE.into(), COMMUNITY.into(), now.into()],
    )
    .await;
    sql(
        db,
        "INSERT INTO venue_rules (venue_id, version, valid_from, pairing, repeat_window_s, \
         usual_stay_min, longest_stay_min, passback, prerequisites, time_zone, day_starts_at, \
         adopted_by, adopted_at) VALUES ($1, 1, '2020-01-01', 'in_and_out', 60, 60, 240, \
         'allowed', '[]', 'Asia/Shanghai', 240, 'test', $2)",
        [VENUE.into(), now.into()],
    )
    .await;
    sql(
        db,
        "INSERT INTO sessions (id, member_id, venue_id, community, business_day, entered_at, \
         minutes, void, credited, rule_version, presence_expires_at, version) \
         VALUES ($1, $2, $3, $4, '2026-05-01', $5, 0, FALSE, TRUE, 1, $6, 1)",
        [
            Uuid::from_u128(3).into(),
            member.into(),
            VENUE.into(),
            COMMUNITY.into(),
            now.into(),
            (now + TimeDelta::hours(4)).into(),
        ],
    )
    .await;
    let staff = Uuid::from_u128(4);
    sql(
        db,
        "INSERT INTO staff (id, name, password_hash, totp_ct, role, division, status, \
         totp_last_step, failures, created_at) \
         VALUES ($1, 'desk', '', '', 'venue', $2, 'active', 0, 0, $3)",
        [staff.into(), COMMUNITY.into(), now.into()],
    )
    .await;
    sql(
        db,
        "INSERT INTO staff_sessions (token_hash, staff_id, created_at, last_used_at, expires_at) \
         VALUES ($1, $2, $3, $3, $4)",
        [token_hash(TOKEN).into(), staff.into(), now.into(), (now + TimeDelta::hours(12)).into()],
    )
    .await;
}

/// The answer to whoever comes with this token.
async fn asks(router: &Router, token: &str) -> (u16, Json) {
    let path = format!("/api/v1/staff/venues/{VENUE}/roll-call");
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn the_desk_keeps_its_roll_call_when_the_database_goes() {
    let (folder, db) = db::fresh_for_tests().await;
    let (now, keys) = (at("2026-05-01T12:00:00+08:00"), Arc::new(Keys::generate()));
    a_desk(&db, now).await;
    let file = folder.path().join("roll-call");
    let world: HashMap<_, _> = venues::load_world(&db).await.unwrap();
    copy::write(&db, &keys, &world, &file, now).await.unwrap();
    let mut config = Config::development("sqlite::memory:", None);
    config.roll_call = Some(file);
    let clock = Clock::fixed(now);
    let state = State {
        db: db.clone(),
        clock: clock.clone(),
        keys,
        counters: Counters::open(None).unwrap(),
        fence: Fence::default(),
        config: Arc::new(config),
        metrics: Arc::new(Metrics::new()),
        wechat: Wechat::off(),
        realname: realname::chosen(&RealnameConfig::default(), &clock).unwrap(),
        stop: tokio_util::sync::CancellationToken::new(),
    };
    let (paths, _) = routes().split_for_parts();
    let router = paths.with_state(state);
    let (status, seen) = asks(&router, TOKEN).await;
    assert_eq!((status, &seen["source"], &seen["presumed"]), (200, &"database".into(), &1.into()));
    assert_eq!(asks(&router, "nobody's").await.0, 401);
    db.close_by_ref().await.unwrap();
    clock.set(now + TimeDelta::minutes(29));
    let (status, seen) = asks(&router, TOKEN).await;
    assert_eq!((status, &seen["source"]), (200, &"copy".into()), "{seen}");
    assert_eq!(seen["people"][0]["sure"], "likely");
    assert_eq!(asks(&router, "nobody's").await.0, 503);
    clock.set(now + TimeDelta::minutes(31));
    assert_eq!(asks(&router, TOKEN).await.0, 503);
}
