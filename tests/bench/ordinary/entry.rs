//! One live entry from the report to the answer: read, decide, write, commit, count.

use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RuntimeErr, TransactionTrait,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Server,
    day::Day,
    places::{terminal, terminal_place, venue, venue_gate, venue_rules},
    stay::{self, Stayed},
    tables::{consent, credential, entry_event, event_key, member, session, timeline},
};

/// Attempts before a caller is told that it failed.
const ATTEMPTS_MAX: u32 = 5;

/// What a terminal reports.
#[derive(Deserialize)]
pub struct Report {
    pub epoch: i64,
    pub seq: i64,
    pub device_time: DateTime<Utc>,
    pub direction: String,
    pub method: String,
    pub credential: String,
    pub score: Option<f64>,
}

/// What it is answered; as the product answers.
#[derive(Serialize)]
pub struct Answer {
    decision: &'static str,
    reason: Option<&'static str>,
    sentence: &'static str,
    sentence_en: &'static str,
    allowed_from: Option<DateTime<Utc>>,
    nearest_venue: Option<Uuid>,
    result: &'static str,
    ack_through: Option<Through>,
    resend_from: Option<Through>,
}

#[derive(Serialize)]
struct Through {
    epoch: i64,
    seq: i64,
}

/// Who and what a decision is about.
pub struct Scene {
    pub terminal: terminal::Model,
    pub venue: venue::Model,
    pub rules: venue_rules::Model,
    pub timeline: timeline::Model,
    pub day: Day,
    /// Whether the member agreed to minutes.
    pub credited: bool,
    pub open: Option<session::Model>,
    reason: Option<&'static str>,
}

/// Takes an entry; races are its own business, and counted.
pub async fn take(
    server: &Server,
    terminal: Uuid,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Answer, DbErr> {
    let mut attempt = 1;
    loop {
        match once(server, terminal, report, now).await {
            Err(error) if attempt < ATTEMPTS_MAX && is_race(&error) => {
                server.retries.fetch_add(1, Ordering::Relaxed);
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// Two who met at a unique index, a deadlock, or a transaction that could not be serialised.
fn is_race(error: &DbErr) -> bool {
    let code = match error {
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            inner.as_database_error().and_then(|error| error.code().map(String::from))
        }
        _ => None,
    };
    code.is_some_and(|code| ["23505", "40001", "40P01"].contains(&code.as_str()))
}

#[expect(clippy::disallowed_methods, reason = "an ordinary program begins as ordinary ones do")]
async fn once(
    server: &Server,
    terminal: Uuid,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Answer, DbErr> {
    let tx = server.db.begin().await?;
    let record_id = format!("{}:{}", report.epoch, report.seq);
    let before = event_key::Entity::find_by_id((terminal, record_id.clone())).one(&tx).await?;
    if before.is_some() {
        return Ok(answer("recorded", None, "duplicate", report));
    }
    let Some(scene) = scene(&tx, terminal, report, now).await? else {
        return Ok(answer("refused", Some("unknown_credential"), "quarantined", report));
    };
    let decision = if scene.reason.is_some() { "refused" } else { "granted" };
    let id = Uuid::now_v7();
    let stayed = match scene.reason {
        Some(_) => Stayed::nowhere(),
        None => stay::fold(&tx, &scene, report, id, now).await?,
    };
    keep(&tx, &scene, report, (id, record_id), (decision, stayed.effect), now).await?;
    stay::advance(&tx, &scene, report, id, &stayed, now).await?;
    tx.commit().await?;
    stay::count(server, &scene, &stayed).await;
    Ok(answer(decision, scene.reason, "accepted", report))
}

/// Finds everything that a decision rests on, and decides. Nothing where nobody is known.
async fn scene(
    tx: &DatabaseTransaction,
    terminal: Uuid,
    report: &Report,
    now: DateTime<Utc>,
) -> Result<Option<Scene>, DbErr> {
    let handle = (report.method.clone(), report.credential.clone());
    let credential = credential::Entity::find_by_id(handle).one(tx).await?;
    let Some(credential) = credential.filter(|c| {
        c.status == "active" && c.valid_from <= now && c.valid_to.is_none_or(|until| now < until)
    }) else {
        return Ok(None);
    };
    let member = found(member::Entity::find_by_id(credential.member_id).one(tx).await?)?;
    let consents = consent::Entity::find()
        .filter(consent::Column::MemberId.eq(member.id))
        .order_by_asc(consent::Column::At)
        .all(tx)
        .await?;
    let consents_to = |purpose: &str| {
        consents.iter().rfind(|consent| consent.purpose == purpose).is_some_and(|c| c.granted)
    };
    let terminal = found(terminal::Entity::find_by_id(terminal).one(tx).await?)?;
    let place = terminal_place::Entity::find()
        .filter(terminal_place::Column::TerminalId.eq(terminal.id))
        .filter(terminal_place::Column::ValidFrom.lte(now))
        .order_by_desc(terminal_place::Column::ValidFrom)
        .one(tx)
        .await?;
    let venue = found(venue::Entity::find_by_id(found(place)?.venue_id).one(tx).await?)?;
    let rules = venue_rules::Entity::find()
        .filter(venue_rules::Column::VenueId.eq(venue.id))
        .order_by_desc(venue_rules::Column::Version)
        .one(tx)
        .await?;
    let rules = found(rules)?;
    let line = timeline::Entity::find_by_id(member.id).lock_exclusive().one(tx).await?;
    let open = session::Entity::find()
        .filter(session::Column::MemberId.eq(member.id))
        .filter(session::Column::LeftAt.is_null())
        .filter(session::Column::Void.eq(false))
        .one(tx)
        .await?;
    let is_full = is_full(tx, &rules, now).await?;
    let faceless = report.method != "face" || consents_to("door_face");
    let reason = match () {
        () if report.direction == "out" => None,
        () if member.verification == "unverified" => Some("member_not_verified"),
        () if member.status != "active" => Some("member_suspended"),
        () if !faceless => Some("face_consent_missing"),
        () if venue.status != "open" => Some("venue_closed"),
        () if is_full => Some("venue_full"),
        () => None,
    };
    let credited = consents_to("minutes_statistics");
    let day = found(Day::of(&rules, report.device_time))?;
    let timeline = found(line)?;
    Ok(Some(Scene { terminal, venue, rules, timeline, day, credited, open, reason }))
}

/// Whether a venue with a capacity is full: counted under its gate's lock.
async fn is_full(
    tx: &DatabaseTransaction,
    rules: &venue_rules::Model,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let Some(capacity) = rules.capacity else { return Ok(false) };
    venue_gate::Entity::find_by_id(rules.venue_id).lock_exclusive().one(tx).await?;
    let inside = session::Entity::find()
        .filter(session::Column::VenueId.eq(rules.venue_id))
        .filter(session::Column::LeftAt.is_null())
        .filter(session::Column::Void.eq(false))
        .filter(session::Column::PresenceExpiresAt.gte(now))
        .count(tx)
        .await?;
    Ok(i64::try_from(inside).unwrap_or(i64::MAX) >= i64::from(capacity))
}

/// What the town has for certain.
fn found<T>(row: Option<T>) -> Result<T, DbErr> {
    row.ok_or_else(|| DbErr::RecordNotFound("a row that belongs to the town".to_owned()))
}

/// Writes the key and the event.
async fn keep<C: ConnectionTrait>(
    tx: &C,
    scene: &Scene,
    report: &Report,
    (id, record_id): (Uuid, String),
    (decision, effect): (&'static str, &'static str),
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let hashed = format!(
        "{}|{}|{}|{}|{}|{}|{:?}",
        report.epoch,
        report.seq,
        report.device_time.timestamp_millis(),
        report.direction,
        report.method,
        report.credential,
        report.score
    );
    let key = event_key::Model {
        terminal_id: scene.terminal.id,
        record_id,
        event_id: Some(id),
        occurred_at: Some(report.device_time),
        body_hash: hex::encode(Sha256::digest(hashed)),
        decision: serde_json::json!({ "decision": decision, "reason": scene.reason }).to_string(),
        received_at: now,
    };
    event_key::Entity::insert(key.into_active_model()).exec_without_returning(tx).await?;
    let event = entry_event::Model {
        id,
        occurred_at: report.device_time,
        venue_id: scene.venue.id,
        terminal_id: scene.terminal.id,
        member_id: Some(scene.timeline.member_id),
        serial: scene.terminal.serial.clone(),
        epoch: report.epoch,
        seq: report.seq,
        direction: report.direction.clone(),
        method: report.method.clone(),
        credential: Some(report.credential.clone()),
        score: report.score,
        device_time: report.device_time,
        received_at: now,
        offset_s: 0,
        clock_flag: None,
        mode: "live".to_owned(),
        decision: decision.to_owned(),
        reason: scene.reason.map(str::to_owned),
        effect: effect.to_owned(),
        credited: scene.credited,
    };
    entry_event::Entity::insert(event.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

fn answer(
    decision: &'static str,
    reason: Option<&'static str>,
    result: &'static str,
    report: &Report,
) -> Answer {
    let (sentence, sentence_en) = match (decision, report.direction.as_str()) {
        ("granted", "in") => ("欢迎，请进。", "Welcome, please come in."),
        ("granted", _) => ("再见，请慢走。", "Goodbye, see you soon."),
        _ => {
            ("暂时无法核验，请联系工作人员。", "This cannot be checked now; please ask the staff.")
        }
    };
    let ack_through = Some(Through { epoch: report.epoch, seq: report.seq });
    Answer {
        decision,
        reason,
        sentence,
        sentence_en,
        allowed_from: None,
        nearest_venue: None,
        result,
        ack_through,
        resend_from: None,
    }
}
