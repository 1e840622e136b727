//! What an entry does to stays, ledger, roll-ups, lock rows and counters.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel,
    PaginatorTrait, QueryFilter, Set,
};
use uuid::Uuid;

use crate::{
    Server,
    entry::{Report, Scene},
    ledger,
    places::{terminal, venue_rules},
    sums::{self, Change},
    tables::{session, timeline},
};

/// What became of the member's stays.
pub struct Stayed {
    pub effect: &'static str,
    ended: Option<session::Model>,
    begun: Option<session::Model>,
}

impl Stayed {
    pub fn nowhere() -> Self {
        Self { effect: "none", ended: None, begun: None }
    }
}

/// Opens or ends a stay, with its ledger row and sums.
pub async fn fold<C: ConnectionTrait>(
    tx: &C,
    scene: &Scene,
    report: &Report,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Stayed, DbErr> {
    let at = report.device_time;
    let here = scene.open.as_ref().filter(|open| open.venue_id == scene.venue.id);
    if report.direction == "out" {
        let Some(open) = here else { return Ok(Stayed { effect: "orphan", ..Stayed::nowhere() }) };
        let ended = end(tx, scene, open, (at, "measured", "exit"), now).await?;
        return Ok(Stayed { effect: "closed", ended: Some(ended), begun: None });
    }
    let mut ended = None;
    if let Some(open) = &scene.open {
        let usual = TimeDelta::minutes(scene.rules.usual_stay_min.into());
        let left = (open.entered_at + usual).min(at);
        ended = Some(end(tx, scene, open, (left, "estimated", "next_entry"), now).await?);
    }
    let begun = begin(tx, scene, report, id).await?;
    Ok(Stayed { effect: "opened", ended, begun: Some(begun) })
}

async fn begin<C: ConnectionTrait>(
    tx: &C,
    scene: &Scene,
    report: &Report,
    id: Uuid,
) -> Result<session::Model, DbErr> {
    let (member, day) = (scene.timeline.member_id, scene.day.date);
    let others = session::Entity::find()
        .filter(session::Column::MemberId.eq(member))
        .filter(session::Column::BusinessDay.eq(day))
        .filter(session::Column::VenueId.eq(scene.venue.id))
        .filter(session::Column::Void.eq(false))
        .count(tx)
        .await?;
    let row = session::Model {
        id,
        member_id: member,
        venue_id: scene.venue.id,
        community: scene.venue.community.clone(),
        business_day: day,
        entered_at: report.device_time,
        left_at: None,
        minutes: 0,
        provenance: None,
        ended_by: None,
        void: false,
        credited: scene.credited,
        rule_version: scene.rules.version,
        presence_expires_at: limit(&scene.rules, report.device_time),
        version: 1,
    };
    let row = row.into_active_model().insert(tx).await?;
    let change = Change { visits: 1, people: i64::from(others == 0), ..Change::default() };
    sums::add(tx, &row, scene.day, &change).await?;
    Ok(row)
}

async fn end<C: ConnectionTrait>(
    tx: &C,
    scene: &Scene,
    open: &session::Model,
    (left, provenance, by): (DateTime<Utc>, &str, &str),
    now: DateTime<Utc>,
) -> Result<session::Model, DbErr> {
    let stayed = (left - open.entered_at).num_minutes().max(0);
    let minutes = if open.credited { i32::try_from(stayed).unwrap_or(i32::MAX) } else { 0 };
    let ended = session::ActiveModel {
        left_at: Set(Some(left)),
        minutes: Set(minutes),
        provenance: Set(Some(provenance.to_owned())),
        ended_by: Set(Some(by.to_owned())),
        version: Set(open.version + 1),
        ..open.clone().into_active_model()
    };
    let ended = ended.update(tx).await?;
    if minutes != 0 {
        let digest = ledger::enter(tx, &ended, now).await?;
        let (minutes, measured) = (i64::from(minutes), provenance == "measured");
        let change = Change {
            minutes_measured: if measured { minutes } else { 0 },
            minutes_estimated: if measured { 0 } else { minutes },
            digest,
            ..Change::default()
        };
        sums::add(tx, &ended, scene.day, &change).await?;
    }
    Ok(ended)
}

fn limit(rules: &venue_rules::Model, entered_at: DateTime<Utc>) -> DateTime<Utc> {
    entered_at + TimeDelta::minutes(rules.longest_stay_min.into())
}

/// Writes where the member and the terminal's records stand now.
pub async fn advance<C: ConnectionTrait>(
    tx: &C,
    scene: &Scene,
    report: &Report,
    id: Uuid,
    stayed: &Stayed,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let at = report.device_time;
    let open = match (&stayed.begun, &stayed.ended) {
        (Some(begun), _) => Some(begun),
        (None, Some(_)) => None,
        (None, None) => scene.open.as_ref(),
    };
    let state = serde_json::json!({
        "open": open.map(|open| serde_json::json!({
            "id": open.id, "venue": open.venue_id, "entered_at": open.entered_at,
            "credited": open.credited,
        })),
        "last": { "venue": scene.venue.id, "direction": report.direction, "at": at },
        "newest": {
            "at": at, "direction": report.direction, "serial": scene.terminal.serial,
            "epoch": report.epoch, "seq": report.seq, "id": id,
        },
    });
    let line = timeline::ActiveModel {
        version: Set(scene.timeline.version + 1),
        state: Set(state.to_string()),
        last_at: Set(Some(at)),
        open_session: Set(open.map(|open| open.id)),
        open_venue: Set(open.map(|open| open.venue_id)),
        presence_expires_at: Set(open.map(|open| open.presence_expires_at)),
        limit_at: Set(open.map(|open| open.presence_expires_at)),
        ..scene.timeline.clone().into_active_model()
    };
    line.update(tx).await?;
    let device = terminal::ActiveModel {
        epoch: Set(report.epoch),
        acked_seq: Set(report.seq),
        highest_seq: Set(report.seq.max(scene.terminal.highest_seq)),
        last_seen_at: Set(Some(now)),
        ..scene.terminal.clone().into_active_model()
    };
    device.update(tx).await?;
    Ok(())
}

/// Counts in Redis what the commit made true: the venue's and the member's day, who is inside.
pub async fn count(server: &Server, scene: &Scene, stayed: &Stayed) {
    let member = scene.timeline.member_id.to_string();
    let mut pipe = redis::pipe();
    for (stay, begins) in
        stayed.begun.iter().map(|s| (s, true)).chain(stayed.ended.iter().map(|s| (s, false)))
    {
        let (venue, day, minutes) = (stay.venue_id, stay.business_day, stay.minutes);
        let visits = i64::from(begins);
        let (days, hours) =
            (format!("ordinary:venue:{venue}:{day}"), format!("ordinary:hours:{venue}:{day}"));
        pipe.hincr(&days, "visits", visits).ignore();
        pipe.hincr(&days, "minutes", minutes).ignore();
        pipe.hincr(&hours, scene.day.hour, visits).ignore();
        pipe.hincr(format!("ordinary:member:{member}:{day}"), "minutes", minutes).ignore();
        let inside = format!("ordinary:inside:{venue}");
        if begins {
            pipe.sadd(inside, &member).ignore();
        } else {
            pipe.srem(inside, &member).ignore();
        }
    }
    let counted: redis::RedisResult<()> = pipe.query_async(&mut server.redis.clone()).await;
    if let Err(error) = counted {
        eprintln!("counters: {error}");
    }
}
