//! What a group of entries rests on: its people's timelines, the gates of limited venues, and the
//! numbers of its terminals.
//!
//! Either it is locked, in the order of every writer: timelines, gates, terminals. Or it is read
//! at a glance, in one round trip and without locks; then the group's one write moves every
//! version on, and is refused whole where somebody else has moved one meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::{
    NewEntry,
    directory::{Crowd, GLANCED, glance_key},
    gates::{Gates, Limited, NO_VERSION},
    group::Progresses,
    recorder::Context,
    world::World,
};
use crate::{
    base::{
        db::bulk::{self, Column, Kind, Lookup, Verb, Write, column, nullable},
        ids::{TerminalId, VenueId},
    },
    minutes::posting::Stays,
    terminals::Progress,
};

/// See the file's head.
pub struct Footing {
    pub crowd: Crowd,
    pub gates: Gates,
    pub numbered: Numbered,
    /// Stays that the group will ask for, where they were foreseen.
    pub stays: Stays,
}

const TERMINALS: Lookup = Lookup {
    select: "t.id AS id, t.numbers_version AS numbers_version, t.epoch AS epoch, \
             t.highest_seq AS highest_seq, t.gaps AS gaps, t.clock_offset_ms AS clock_offset_ms, \
             (SELECT n FROM revisions WHERE name = 'world') AS revision",
    from: "terminals t",
    on: "t.id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("t"),
};

/// A terminal and the limited venue where it stands, or no venue's id, in one row. Who is inside
/// is counted unless the gate still has the version that goes with what is remembered.
const PLACES: Lookup = Lookup {
    select: "t.id AS id, t.numbers_version AS numbers_version, t.epoch AS epoch, \
             t.highest_seq AS highest_seq, t.gaps AS gaps, t.clock_offset_ms AS clock_offset_ms, \
             (SELECT n FROM revisions WHERE name = 'world') AS revision, \
             g.venue_id AS gate, g.version AS gate_version, \
             CASE WHEN g.version <> q.k4 THEN (SELECT count(*) FROM sessions s \
             WHERE s.venue_id = q.k2 AND s.left_at IS NULL AND NOT s.void \
             AND s.presence_expires_at >= q.k3) END AS inside",
    from: "terminals t LEFT JOIN venue_gates g ON g.venue_id = q.k2",
    on: "t.id = q.k1",
    keys: &[Kind::Uuid, Kind::Uuid, Kind::Instant, Kind::Big],
    lock: None,
};

impl Footing {
    /// The same, told instead of read: of a terminal that expects these entries next, at a venue
    /// with so many inside.
    pub fn told(
        world: &World,
        entries: &[NewEntry],
        crowd: Crowd,
        inside: (VenueId, i64),
        stays: Stays,
    ) -> Self {
        let mut numbered = Numbered::new(world, entries);
        for entry in entries {
            let progress = Progress::parse(entry.epoch, entry.seq - 1, "[]");
            let numbers = Numbers { version: 0, progress, offset_ms: 0 };
            numbered.terminals.entry(entry.terminal).or_insert(numbers);
        }
        Self { crowd, gates: Gates::told(inside), numbered, stays }
    }
}

/// Locks what the group rests on. `None` where a cache is behind what SQL says.
pub async fn lock(
    context: &Context,
    tx: &DatabaseTransaction,
    world: &World,
    entries: &[NewEntry],
) -> Result<Option<Footing>, DbErr> {
    let Some(crowd) = context.directory.lock(tx, &context.keys, entries).await? else {
        return Ok(None);
    };
    let limited = Limited::of(world, entries);
    let gates = Gates::lock(tx, &limited, &context.remembered, context.clock.now()).await?;
    let numbered = Numbered::lock(tx, world, entries).await?;
    let is_current = numbered.revision == world.revision;
    Ok(is_current.then(|| Footing { crowd, gates, numbered, stays: Stays::default() }))
}

/// Reads the same without locks; what it gives must be guarded when it is written.
pub async fn glance<C: ConnectionTrait>(
    context: &Context,
    db: &C,
    world: &World,
    entries: &[NewEntry],
) -> Result<Option<Footing>, DbErr> {
    let now = context.clock.now();
    context.directory.read_codes(&context.keys, entries);
    let limited = Limited::of(world, entries);
    let mut gates = Gates::remembering(&context.remembered, &limited);
    let places = places(entries, &limited);
    let place = |(terminal, venue): &(TerminalId, Option<VenueId>)| {
        let known = venue.map_or(NO_VERSION, |venue| gates.known(venue));
        let venue = venue.map_or(Uuid::nil(), |venue| venue.0);
        vec![terminal.0.into(), venue.into(), now.into(), known.into()]
    };
    let people = entries
        .iter()
        .map(|entry| glance_key(context.directory.holder(entry), entry, likely_stay(world, entry)));
    let places = places.iter().map(place).collect();
    let lookups = [(&GLANCED, people.collect()), (&PLACES, places)];
    let [people, terminals] = bulk::find_together(db, lookups).await?;
    let mut stays = Stays::default();
    for row in &people {
        stays.learn(row)?;
    }
    let Some(crowd) = context.directory.crowd(&context.keys, entries, &people)? else {
        return Ok(None);
    };
    let mut numbered = Numbered::new(world, entries);
    for row in &terminals {
        numbered.learn(row)?;
        if let Some(gate) = row.try_get::<Option<Uuid>>("", "gate")? {
            gates.learn(
                VenueId(gate),
                row.try_get("", "gate_version")?,
                row.try_get("", "inside")?,
            );
        }
    }
    let is_current = numbered.revision == world.revision;
    Ok(is_current.then_some(Footing { crowd, gates, numbered, stays }))
}

fn places(entries: &[NewEntry], limited: &Limited) -> BTreeSet<(TerminalId, Option<VenueId>)> {
    entries.iter().map(|e| (e.terminal, limited.venue(e.terminal))).collect()
}

/// Where and when the entry is likely to begin a stay; the posting looks up what is missing.
fn likely_stay(world: &World, entry: &NewEntry) -> Option<(NaiveDate, VenueId)> {
    let place = world.terminals.get(&entry.terminal)?.place_at(entry.device_time)?;
    let venue = world.venues.get(&place.venue)?;
    Some((venue.business_day(entry.device_time), venue.id))
}

/// The terminals of a group: their numbers and clocks.
pub struct Numbered {
    /// The world's revision when they were read.
    pub revision: i64,
    /// When the group's newest entry came in: the terminals are not silent.
    received_at: DateTime<Utc>,
    terminals: BTreeMap<TerminalId, Numbers>,
}

struct Numbers {
    version: i64,
    progress: Progress,
    /// How far the terminal's clock is ahead of ours.
    offset_ms: i64,
}

const NUMBER_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("numbers_version", Kind::Big),
    column("epoch", Kind::Big),
    column("highest_seq", Kind::Big),
    column("acked_seq", Kind::Big),
    column("gaps", Kind::Text),
    column("last_seen_at", Kind::Instant),
    nullable("lost_at", Kind::Instant),
];

impl Numbered {
    fn new(world: &World, entries: &[NewEntry]) -> Self {
        let received_at = entries.iter().map(|e| e.received_at).max().unwrap_or_default();
        Self { revision: world.revision, received_at, terminals: BTreeMap::new() }
    }

    /// Locks the terminals of `entries`, in id order.
    pub async fn lock<C: ConnectionTrait>(
        tx: &C,
        world: &World,
        entries: &[NewEntry],
    ) -> Result<Self, DbErr> {
        let mut numbered = Self::new(world, entries);
        let ids: BTreeSet<TerminalId> = entries.iter().map(|e| e.terminal).collect();
        let keys = ids.iter().map(|id| vec![id.0.into()]).collect();
        for row in bulk::find(tx, &TERMINALS, keys).await? {
            numbered.learn(&row)?;
        }
        Ok(numbered)
    }

    fn learn(&mut self, row: &QueryResult) -> Result<(), DbErr> {
        let gaps: String = row.try_get("", "gaps")?;
        let (epoch, highest) = (row.try_get("", "epoch")?, row.try_get("", "highest_seq")?);
        self.revision = row.try_get("", "revision")?;
        let numbers = Numbers {
            version: row.try_get("", "numbers_version")?,
            progress: Progress::parse(epoch, highest, &gaps),
            offset_ms: row.try_get("", "clock_offset_ms")?,
        };
        self.terminals.insert(TerminalId(row.try_get("", "id")?), numbers);
        Ok(())
    }

    /// Counts a record as here.
    pub fn absorb(&mut self, entry: &NewEntry) {
        // A vendor's numbers begin again whenever its log is cleared: they acknowledge nothing.
        if entry.vendor_key.is_some() {
            return;
        }
        if let Some(numbers) = self.terminals.get_mut(&entry.terminal) {
            numbers.progress.absorb(entry.epoch, entry.seq);
        }
    }

    /// How far the terminal's clock is ahead of ours.
    pub fn offset_ms(&self, terminal: TerminalId) -> i64 {
        self.terminals.get(&terminal).map_or(0, |numbers| numbers.offset_ms)
    }

    pub fn of(&self, terminal: TerminalId) -> Option<&Progress> {
        self.terminals.get(&terminal).map(|numbers| &numbers.progress)
    }

    pub fn all(&self) -> impl Iterator<Item = (TerminalId, &Progress)> {
        self.terminals.iter().map(|(id, numbers)| (*id, &numbers.progress))
    }

    pub fn progress(&self) -> Progresses {
        self.all().map(|(id, p)| (id, (p.ack_through(), p.resend_from()))).collect()
    }

    pub fn write(&self) -> Write {
        let rows = self.terminals.iter().map(|(id, Numbers { version, progress, .. })| {
            vec![
                id.0.into(),
                (*version).into(),
                progress.epoch.into(),
                progress.highest_seq.into(),
                progress.acked_seq().into(),
                progress.gaps_text().into(),
                self.received_at.into(),
                None::<DateTime<Utc>>.into(),
            ]
        });
        Write {
            table: "terminals",
            columns: NUMBER_COLUMNS,
            verb: Verb::Advance,
            rows: rows.collect(),
        }
    }
}
