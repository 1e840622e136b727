//! The gates of limited venues: whoever lets somebody into one moves its version on.
//!
//! Counting who is inside reads the index entries of all who have left since the last vacuum. So
//! a count is remembered beside the version it was taken at, and raised by those who come in;
//! those who leave only make it too high. It is taken anew where somebody else moved the version,
//! or where it is too near to what the venue holds.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{NewEntry, Outcome, world::World};
use crate::base::{
    db::bulk::{self, Column, Kind, Lookup, Verb, Write, column},
    ids::{TerminalId, VenueId},
};

const GATES: Lookup = Lookup {
    select: "g.venue_id AS venue_id, g.version AS gate_version",
    from: "venue_gates g",
    on: "g.venue_id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("g"),
};

const INSIDE: Lookup = Lookup {
    select: "v.id AS venue_id, (SELECT count(*) FROM sessions s WHERE s.venue_id = v.id \
             AND s.left_at IS NULL AND NOT s.void AND s.presence_expires_at >= q.k2) AS inside",
    from: "venues v",
    on: "v.id = q.k1",
    keys: &[Kind::Uuid, Kind::Instant],
    lock: None,
};

/// No gate's version.
pub const NO_VERSION: i64 = -1;

/// The limited venues before whose doors somebody of a group waits now.
#[derive(Default)]
pub struct Limited {
    terminals: BTreeMap<TerminalId, VenueId>,
    waiting: BTreeMap<VenueId, Waiting>,
}

#[derive(Clone, Copy)]
struct Waiting {
    people: i64,
    /// How many the venue holds before anything changes for who comes next.
    limit: i64,
}

impl Limited {
    pub fn of(world: &World, entries: &[NewEntry]) -> Self {
        let mut limited = Self::default();
        for entry in entries.iter().filter(|e| e.outcome == Outcome::Live) {
            let terminal = world.terminals.get(&entry.terminal);
            let place = terminal.and_then(|terminal| terminal.place_at(entry.received_at));
            let Some(venue) = place.and_then(|place| world.venues.get(&place.venue)) else {
                continue;
            };
            let rules = venue.rules_at(entry.received_at);
            let Some(limit) = rules.capacity.into_iter().chain(rules.capacity_soft).min() else {
                continue;
            };
            limited.terminals.insert(entry.terminal, venue.id);
            let limit = i64::from(limit);
            let waiting = limited.waiting.entry(venue.id).or_insert(Waiting { people: 0, limit });
            waiting.people += 1;
            waiting.limit = waiting.limit.min(limit);
        }
        limited
    }

    /// The limited venue where the terminal stands.
    pub fn venue(&self, terminal: TerminalId) -> Option<VenueId> {
        self.terminals.get(&terminal).copied()
    }
}

/// What was counted last at each limited venue; see the file's head.
#[derive(Default)]
pub struct Remembered(Mutex<HashMap<VenueId, Counted>>);

#[derive(Clone, Copy)]
struct Counted {
    version: i64,
    /// No more than so many are inside.
    at_most: i64,
}

impl Remembered {
    /// What is known of each venue, where that is enough to let all in who wait.
    fn enough_for(&self, limited: &Limited) -> HashMap<VenueId, Counted> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = |(venue, waiting): (&VenueId, &Waiting)| {
            let counted = counts.get(venue)?;
            (counted.at_most + waiting.people < waiting.limit).then_some((*venue, *counted))
        };
        limited.waiting.iter().filter_map(enough).collect()
    }

    /// A group was written through `gates`.
    pub fn learn(&self, gates: &Passed) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(&gates.0);
    }
}

/// Gates through which a group went, and what holds behind them once it is written.
#[derive(Default)]
pub struct Passed(HashMap<VenueId, Counted>);

/// The gates of limited venues, and who is inside, or a few more.
#[derive(Default)]
pub struct Gates {
    remembered: HashMap<VenueId, Counted>,
    versions: BTreeMap<VenueId, i64>,
    pub inside: HashMap<VenueId, i64>,
}

const GATE_COLUMNS: &[Column] = &[column("venue_id", Kind::Uuid), column("version", Kind::Big)];

impl Gates {
    pub fn told(inside: (VenueId, i64)) -> Self {
        Self {
            versions: BTreeMap::from([(inside.0, 0)]),
            inside: HashMap::from([inside]),
            ..Self::default()
        }
    }

    /// Of these venues nothing is read yet.
    pub fn remembering(remembered: &Remembered, limited: &Limited) -> Self {
        Self { remembered: remembered.enough_for(limited), ..Self::default() }
    }

    /// The version at which a venue need not be counted.
    pub fn known(&self, venue: VenueId) -> i64 {
        self.remembered.get(&venue).map_or(NO_VERSION, |counted| counted.version)
    }

    /// The gate is at `version`; `inside` is absent where that is the known one.
    pub fn learn(&mut self, venue: VenueId, version: i64, inside: Option<i64>) {
        let at_most = self.remembered.get(&venue).map(|counted| counted.at_most);
        self.versions.insert(venue, version);
        self.inside.insert(venue, inside.or(at_most).unwrap_or_default());
    }

    /// Locks the gates, in id order, then counts who is inside where that is not known.
    pub async fn lock<C: ConnectionTrait>(
        tx: &C,
        limited: &Limited,
        remembered: &Remembered,
        now: DateTime<Utc>,
    ) -> Result<Self, DbErr> {
        let mut gates = Self::remembering(remembered, limited);
        let keys = limited.waiting.keys().map(|venue| vec![venue.0.into()]).collect();
        let mut unknown = BTreeSet::new();
        for row in bulk::find(tx, &GATES, keys).await? {
            let (venue, version) =
                (VenueId(row.try_get("", "venue_id")?), row.try_get("", "gate_version")?);
            if gates.known(venue) != version {
                unknown.insert(venue);
            }
            gates.learn(venue, version, None);
        }
        gates.inside.extend(count_inside(tx, &unknown, now).await?);
        Ok(gates)
    }

    /// Tells whoever read these gates meanwhile that somebody may have come in.
    pub fn write(&self) -> Write {
        let row = |(venue, version): (&VenueId, &i64)| vec![venue.0.into(), (*version).into()];
        Write {
            table: "venue_gates",
            columns: GATE_COLUMNS,
            verb: Verb::Advance,
            rows: self.versions.iter().map(row).collect(),
        }
    }

    pub fn venues(&self) -> BTreeSet<VenueId> {
        self.versions.keys().copied().collect()
    }

    /// The same after a group that left so many open stays behind, whether they are new or not.
    pub fn passed(&self, open: &BTreeMap<VenueId, i64>) -> Passed {
        let counted = |(venue, version): (&VenueId, &i64)| {
            let came = open.get(venue).copied().unwrap_or_default();
            let at_most = self.inside.get(venue)? + came;
            Some((*venue, Counted { version: version + 1, at_most }))
        };
        Passed(self.versions.iter().filter_map(counted).collect())
    }
}

/// Unexpired open sessions of each venue, 0 where there are none.
pub async fn count_inside<C: ConnectionTrait>(
    tx: &C,
    venues: &BTreeSet<VenueId>,
    now: DateTime<Utc>,
) -> Result<HashMap<VenueId, i64>, DbErr> {
    let mut inside: HashMap<VenueId, i64> = venues.iter().map(|venue| (*venue, 0)).collect();
    let keys = venues.iter().map(|venue| vec![venue.0.into(), now.into()]).collect();
    for row in bulk::find(tx, &INSIDE, keys).await? {
        inside.insert(VenueId(row.try_get("", "venue_id")?), row.try_get("", "inside")?);
    }
    Ok(inside)
}
