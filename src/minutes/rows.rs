//! The rows of a posting as the tables want them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::Value;
use uuid::Uuid;

use super::{
    posting::{MemberDay, TimelineRow, Touched, VenueDay},
    tables::{minute_entry, session},
    timeline::Effect,
};
use crate::base::{
    db::bulk::{Column, Kind, Verb, Write, column},
    ids::EventId,
};

pub fn insert(
    table: &'static str,
    columns: &'static [Column],
    conflict: &'static str,
    rows: Vec<Vec<Value>>,
) -> Write {
    Write { table, columns, verb: Verb::Insert(conflict), rows }
}

pub fn rows<T>(
    items: impl IntoIterator<Item = T>,
    row: impl Fn(T) -> Vec<Value>,
) -> Vec<Vec<Value>> {
    items.into_iter().map(row).collect()
}

pub fn timeline(row: TimelineRow) -> Vec<Value> {
    let open = row.open;
    vec![
        row.member.0.into(),
        row.version.into(),
        row.state.into(),
        row.last_at.into(),
        open.map(|o| o.0).into(),
        open.map(|o| o.1.0).into(),
        open.map(|o| o.2).into(),
        open.map(|o| o.3).into(),
    ]
}

/// Ended sessions before open ones, so that the one-open-session index sees the end first.
pub fn sessions(sessions: BTreeMap<Uuid, session::Model>) -> Vec<Vec<Value>> {
    let (ended, open): (Vec<_>, Vec<_>) =
        sessions.into_values().partition(|s| s.left_at.is_some() || s.void);
    rows(ended.into_iter().chain(open), |s| {
        vec![
            s.id.into(),
            s.member_id.into(),
            s.venue_id.into(),
            s.community.into(),
            s.business_day.into(),
            s.entered_at.into(),
            s.left_at.into(),
            s.minutes.into(),
            s.provenance.into(),
            s.ended_by.into(),
            s.void.into(),
            s.credited.into(),
            s.rule_version.into(),
            s.presence_expires_at.into(),
            s.version.into(),
        ]
    })
}

pub fn ledger_row(e: minute_entry::Model) -> Vec<Value> {
    vec![
        e.id.into(),
        e.recorded_at.into(),
        e.session_id.into(),
        e.member_id.into(),
        e.venue_id.into(),
        e.community.into(),
        e.business_day.into(),
        e.minutes.into(),
        e.provenance.into(),
        e.cause.into(),
        e.rule_version.into(),
        e.mac.into(),
    ]
}

pub fn venue_day(((venue, day), change): ((Uuid, NaiveDate), VenueDay)) -> Vec<Value> {
    let mut row = vec![venue.into(), day.into(), change.visits.into(), change.people.into()];
    row.extend(change.minutes.into_iter().chain(change.digest).map(Value::from));
    row.extend(["provisional".into(), 1_i64.into()]);
    row
}

pub fn hour(
    ((venue, day, hour), (visits, minutes)): ((Uuid, NaiveDate, i16), (i64, i64)),
) -> Vec<Value> {
    vec![venue.into(), day.into(), hour.into(), visits.into(), minutes.into(), 1_i64.into()]
}

pub fn month(((venue, month, member), visits): ((Uuid, NaiveDate, Uuid), i64)) -> Vec<Value> {
    vec![venue.into(), month.into(), member.into(), visits.into(), 1_i64.into()]
}

pub fn change(
    stamp: i64,
    n: i32,
    (member, day, venue): (Uuid, NaiveDate, Uuid),
    Touched { stays, minutes }: Touched,
) -> Vec<Value> {
    let key = [stamp.into(), n.into(), member.into(), venue.into(), day.into()];
    key.into_iter().chain([stays.into(), minutes.into()]).collect()
}

pub fn member_day(((member, day), change): ((Uuid, NaiveDate), MemberDay)) -> Vec<Value> {
    let mut row = vec![member.into(), day.into(), change.visits.into()];
    row.extend(change.minutes.into_iter().map(Value::from));
    row.push(1_i64.into());
    row
}

const EFFECT_COLUMNS: &[Column] =
    &[column("id", Kind::Uuid), column("occurred_at", Kind::Instant), column("effect", Kind::Text)];

pub fn effects(effects: BTreeMap<EventId, (DateTime<Utc>, Effect)>) -> Write {
    let rows =
        rows(effects, |(id, (at, effect))| vec![id.0.into(), at.into(), effect.as_str().into()]);
    Write { table: "entry_events", columns: EFFECT_COLUMNS, verb: Verb::Update { keys: 2 }, rows }
}
