//! One group's effect on sessions, ledger and roll-ups, gathered in memory and written at once.
//! Every row is touched at most once; roll-ups are differences, rows of a kind are in key order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use super::{
    ledger, months,
    rows::{
        change, effects, hour, insert, ledger_row, member_day, month, rows, sessions, timeline,
        venue_day,
    },
    tables::{
        CHANGE_COLUMNS, GATE_COLUMNS, GATE_MOVE, LEDGER_COLUMNS, MEMBER_DAY_ADD,
        MEMBER_DAY_COLUMNS, MONTH_ADD, MONTH_COLUMNS, SESSION_COLUMNS, SESSION_UPSERT,
        TIMELINE_COLUMNS, TIMELINE_UPSERT, VENUE_DAY_ADD, VENUE_DAY_COLUMNS, VENUE_HOUR_ADD,
        VENUE_HOUR_COLUMNS, minute_entry, session,
    },
    timeline::{Effect, Provenance, Session, Venues},
};
use crate::{
    base::{
        db::bulk::{Verb, Write},
        ids::{EventId, MemberId, VenueId},
        keys::Keys,
    },
    venues::{Pairing, Venue},
};

#[cfg(test)]
pub mod books;
mod stays;
#[cfg(test)]
mod tests;

use stays::Stay;
pub use stays::Stays;

/// Minutes of each provenance: measured, self-declared, estimated, corrected.
type ByProvenance = [i64; 4];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct VenueDay {
    pub visits: i64,
    pub people: i64,
    pub minutes: ByProvenance,
    pub digest: [i64; 8],
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberDay {
    pub visits: i64,
    pub minutes: ByProvenance,
}

/// What of a member's day at a venue may be another than it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// A stay came, went or moved.
    pub stays: bool,
    /// Minutes were entered.
    pub minutes: bool,
}

/// A member's lock row as it will be written.
pub struct TimelineRow {
    pub member: MemberId,
    pub version: i64,
    /// The fold's state as JSON.
    pub state: String,
    pub last_at: Option<DateTime<Utc>>,
    /// Session, venue, presence expiry and limit of the open session.
    pub open: Option<(Uuid, VenueId, DateTime<Utc>, DateTime<Utc>)>,
}

/// What a group changes; see the file's head.
pub struct Posting<'a> {
    keys: &'a Keys,
    venues: &'a dyn Venues,
    now: DateTime<Utc>,
    /// Why ledger rows are written: `fold`, `closer`, `carried_over`, …
    cause: &'static str,
    sessions: BTreeMap<Uuid, session::Model>,
    timelines: BTreeMap<MemberId, TimelineRow>,
    ledger: Vec<minute_entry::Model>,
    venue_days: BTreeMap<(Uuid, NaiveDate), VenueDay>,
    hours: BTreeMap<(Uuid, NaiveDate, i16), (i64, i64)>,
    member_days: BTreeMap<(Uuid, NaiveDate), MemberDay>,
    months: BTreeMap<(Uuid, NaiveDate, Uuid), i64>,
    stays: BTreeMap<Stay, i64>,
    stood: Stays,
    /// Venues whose gates the writer moves on by itself.
    guarded: BTreeSet<VenueId>,
    /// Members' days at venues of which counters must hear.
    changes: BTreeMap<Stay, Touched>,
    /// Effects that a late event changed, by event.
    effects: BTreeMap<EventId, (DateTime<Utc>, Effect)>,
}

impl<'a> Posting<'a> {
    pub fn new(
        keys: &'a Keys,
        venues: &'a dyn Venues,
        now: DateTime<Utc>,
        cause: &'static str,
    ) -> Self {
        Self {
            keys,
            venues,
            now,
            cause,
            sessions: BTreeMap::new(),
            timelines: BTreeMap::new(),
            ledger: Vec::new(),
            venue_days: BTreeMap::new(),
            hours: BTreeMap::new(),
            member_days: BTreeMap::new(),
            months: BTreeMap::new(),
            stays: BTreeMap::new(),
            stood: Stays::default(),
            guarded: BTreeSet::new(),
            changes: BTreeMap::new(),
            effects: BTreeMap::new(),
        }
    }

    /// Stays that were looked up already, and that nothing changes until this is written.
    pub fn stood(&mut self, stays: Stays) {
        self.stood = stays;
    }

    /// The gates of these venues are moved on by whoever writes this.
    pub fn guarded(&mut self, venues: BTreeSet<VenueId>) {
        self.guarded = venues;
    }

    /// How many sessions of this posting are open, by venue.
    pub fn open(&self) -> BTreeMap<VenueId, i64> {
        let mut open = BTreeMap::new();
        for row in self.sessions.values().filter(|row| row.left_at.is_none() && !row.void) {
            *open.entry(VenueId(row.venue_id)).or_default() += 1;
        }
        open
    }

    /// Limited venues with somebody inside of whom nobody at their gates knows yet.
    fn unguarded(&self) -> Vec<Vec<Value>> {
        let limited = |venue: &VenueId| {
            let venue = self.venues.venue(*venue);
            venue.is_some_and(|venue| {
                venue.rules.iter().any(|r| r.capacity.or(r.capacity_soft).is_some())
            })
        };
        let open = self.open().into_keys().filter(|venue| !self.guarded.contains(venue));
        open.filter(limited).map(|venue| vec![venue.0.into()]).collect()
    }

    /// A session is now `after`; SQL has it as `before`, unless this posting changed it already.
    pub fn session(&mut self, before: Option<session::Model>, after: session::Model) {
        let before = self.sessions.get(&after.id).cloned().or(before);
        if before.as_ref().is_some_and(|before| same(before, &after)) {
            return;
        }
        if let Some(before) = &before {
            self.count(before, -1);
        }
        self.count(&after, 1);
        self.credit(before.as_ref(), &after);
        let moved = before.as_ref().is_none_or(|before| counted(before) != counted(&after));
        for row in before.iter().chain([&after]) {
            let key = (row.member_id, row.business_day, row.venue_id);
            self.changes.entry(key).or_default().stays |= moved;
        }
        self.sessions.insert(after.id, after);
    }

    /// The member's lock row is now this.
    pub fn timeline(&mut self, row: TimelineRow) {
        self.timelines.insert(row.member, row);
    }

    /// A stored event has another effect than it had.
    pub fn effect(&mut self, event: EventId, occurred_at: DateTime<Utc>, effect: Effect) {
        self.effects.insert(event, (occurred_at, effect));
    }

    /// The effect that this posting gives a stored event.
    pub fn effect_of(&self, event: EventId) -> Option<Effect> {
        self.effects.get(&event).map(|(_, effect)| *effect)
    }

    /// The member's sessions as this posting has them so far.
    pub fn sessions_of(&self, member: MemberId) -> Vec<session::Model> {
        self.sessions.values().filter(|row| row.member_id == member.0).cloned().collect()
    }

    /// Past minutes of a platform that was taken over: they count as minutes, not as visits.
    pub fn carry_over(
        &mut self,
        member: MemberId,
        venue: &Venue,
        day: NaiveDate,
        minutes: i32,
        provenance: Provenance,
    ) {
        let row = minute_entry::Model {
            id: Uuid::now_v7(),
            recorded_at: self.now,
            session_id: None,
            member_id: member.0,
            venue_id: venue.id.0,
            community: venue.community.to_string(),
            business_day: day,
            minutes,
            provenance: provenance.as_str().to_owned(),
            cause: "carried_over".to_owned(),
            rule_version: 0,
            mac: String::new(),
        };
        self.enter(row, provenance);
    }

    /// Adds (or with -1 takes back) a session's visit.
    fn count(&mut self, row: &session::Model, sign: i64) {
        if row.void {
            return;
        }
        let day = (row.venue_id, row.business_day);
        self.venue_days.entry(day).or_default().visits += sign;
        self.hours.entry((day.0, day.1, self.hour(row))).or_default().0 += sign;
        self.member_days.entry((row.member_id, row.business_day)).or_default().visits += sign;
        let month = months::month_of(row.business_day);
        *self.months.entry((row.venue_id, month, row.member_id)).or_default() += sign;
        *self.stays.entry((row.member_id, row.business_day, row.venue_id)).or_default() += sign;
    }

    fn hour(&self, row: &session::Model) -> i16 {
        let venue = self.venues.venue(VenueId(row.venue_id));
        venue.map_or(0, |venue| i16::from(venue.local_hour(row.entered_at)))
    }

    /// Ledger rows for a change of credited minutes: what stood is taken back, what holds is added.
    fn credit(&mut self, before: Option<&session::Model>, after: &session::Model) {
        let credited = |row: &session::Model| {
            (row.minutes, row.provenance.clone(), row.business_day, self.hour(row))
        };
        if before.is_some_and(|before| credited(before) == credited(after)) {
            return;
        }
        let stood = before.filter(|row| row.minutes != 0);
        let holds = Some(after).filter(|row| row.minutes != 0);
        for (row, sign) in stood.into_iter().map(|r| (r, -1)).chain(holds.map(|r| (r, 1))) {
            let Some(provenance) = row.provenance.as_deref().and_then(Provenance::parse) else {
                continue;
            };
            let hour = (row.venue_id, row.business_day, self.hour(row));
            self.hours.entry(hour).or_default().1 += i64::from(sign * row.minutes);
            let entry = minute_entry::Model {
                id: Uuid::now_v7(),
                recorded_at: self.now,
                session_id: Some(row.id),
                member_id: row.member_id,
                venue_id: row.venue_id,
                community: row.community.clone(),
                business_day: row.business_day,
                minutes: sign * row.minutes,
                provenance: provenance.as_str().to_owned(),
                cause: self.cause.to_owned(),
                rule_version: row.rule_version,
                mac: String::new(),
            };
            self.enter(entry, provenance);
        }
    }

    fn enter(&mut self, mut row: minute_entry::Model, provenance: Provenance) {
        let mac = ledger::mac(self.keys, &row);
        row.mac = hex::encode(mac);
        let minutes = i64::from(row.minutes);
        let day = self.venue_days.entry((row.venue_id, row.business_day)).or_default();
        day.minutes[provenance as usize] += minutes;
        for (limb, summand) in day.digest.iter_mut().zip(self.keys.digest_summand(&mac)) {
            *limb += summand;
        }
        let member_day = self.member_days.entry((row.member_id, row.business_day)).or_default();
        member_day.minutes[provenance as usize] += minutes;
        let key = (row.member_id, row.business_day, row.venue_id);
        self.changes.entry(key).or_default().minutes = true;
        self.ledger.push(row);
    }

    /// The writes of this posting. Reads how many sessions members had at venues on the days
    /// touched, which their locked timelines keep from changing meanwhile.
    pub async fn finish<C: ConnectionTrait>(mut self, tx: &C) -> Result<Vec<Write>, DbErr> {
        self.people(tx).await?;
        let stamp = change_stamp(self.now);
        let unguarded = self.unguarded();
        Ok(vec![
            Write {
                table: "timelines",
                columns: TIMELINE_COLUMNS,
                verb: Verb::InsertAll(TIMELINE_UPSERT),
                rows: rows(self.timelines.into_values(), timeline),
            },
            insert("venue_gates", GATE_COLUMNS, GATE_MOVE, unguarded),
            insert("sessions", SESSION_COLUMNS, SESSION_UPSERT, sessions(self.sessions)),
            insert("minute_entries", LEDGER_COLUMNS, "", rows(self.ledger, ledger_row)),
            insert(
                "venue_days",
                VENUE_DAY_COLUMNS,
                VENUE_DAY_ADD,
                rows(self.venue_days, venue_day),
            ),
            insert("venue_day_hours", VENUE_HOUR_COLUMNS, VENUE_HOUR_ADD, rows(self.hours, hour)),
            insert("member_venue_months", MONTH_COLUMNS, MONTH_ADD, rows(self.months, month)),
            insert(
                "member_days",
                MEMBER_DAY_COLUMNS,
                MEMBER_DAY_ADD,
                rows(self.member_days, member_day),
            ),
            insert(
                "counter_changes",
                CHANGE_COLUMNS,
                "",
                rows((0_i32..).zip(self.changes), |(n, (stay, touched))| {
                    change(stamp, n, stay, touched)
                }),
            ),
            effects(self.effects),
        ])
    }

    async fn people<C: ConnectionTrait>(&mut self, tx: &C) -> Result<(), DbErr> {
        // Where as many stays come as go, nobody comes or goes, and nothing need be looked up.
        let moved = self.stays.iter().filter(|(_, change)| **change != 0);
        let moved: Vec<&Stay> = moved.map(|(stay, _)| stay).collect();
        let stood = std::mem::take(&mut self.stood).with(tx, moved.into_iter()).await?;
        self.count_people(&stood.0);
        Ok(())
    }

    /// People of a venue-day change when a member's sessions there reach or leave zero. `stood`:
    /// how many there were before this posting.
    fn count_people(&mut self, stood: &BTreeMap<Stay, i64>) {
        for (key, change) in &self.stays {
            let before = stood.get(key).copied().unwrap_or_default();
            let people = i64::from(before + change > 0) - i64::from(before > 0);
            self.venue_days.entry((key.2, key.1)).or_default().people += people;
        }
    }
}

/// The row of a session as the fold left it.
pub fn session_row(member: MemberId, session: &Session, venue: &Venue) -> session::Model {
    let rules = venue.rules_at(session.entered_at);
    let presence_expires_at = match rules.pairing {
        Pairing::EntryOnly => venue.estimated_end(session.entered_at),
        Pairing::InAndOut | Pairing::Toggle => venue.limit(session.entered_at),
    };
    session::Model {
        id: session.id.0,
        member_id: member.0,
        venue_id: session.venue.0,
        community: venue.community.to_string(),
        business_day: venue.business_day(session.entered_at),
        entered_at: session.entered_at,
        left_at: session.left_at,
        minutes: session.minutes,
        provenance: session.provenance.map(|p| p.as_str().to_owned()),
        ended_by: session.ended_by.map(|e| e.as_str().to_owned()),
        void: session.void,
        credited: session.credited,
        rule_version: rules.version,
        presence_expires_at,
        version: 1,
    }
}

fn same(before: &session::Model, after: &session::Model) -> bool {
    session::Model { version: after.version, ..before.clone() } == *after
}

/// Where and when a session makes its member one of the people, if it does.
fn counted(row: &session::Model) -> Option<(Uuid, NaiveDate, Uuid, &str)> {
    (!row.void).then_some((row.member_id, row.business_day, row.venue_id, &row.community))
}

/// A number that no other posting bears, and that grows: milliseconds and chance.
fn change_stamp(now: DateTime<Utc>) -> i64 {
    (now.timestamp_millis() << 20) | i64::from(rand::random::<u32>() >> 12)
}
