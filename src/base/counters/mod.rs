//! Counters: a projection of SQL that can be thrown away at any moment. A store holds absolute
//! values only, each under a (generation, version) that refuses whatever is older, so any replay,
//! in any order, by any number of replicas, ends in the same place. It never counts by itself and
//! decides nothing; who writes it and what the numbers mean is not known here.
//!
//! One store in the process, or Redis: alone, behind sentinels, or a cluster. All three behave the
//! same (one suite runs against each), but for this: in Redis a key unwritten for three days is
//! forgotten, and in the process what is eight days older than the newest day.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::ids::{DivisionCode, VenueId};

mod link;
mod memory;
mod redis;
mod scripts;
mod shards;
#[cfg(test)]
pub mod tests;
mod values;

pub use values::{Family, Fields, Person, Presence, Projected, Stored};

/// The store of counters. Cheap to clone; clones share the store and what they trust.
#[derive(Clone)]
pub struct Counters {
    store: Store,
    /// The generation that is complete as far as this process knows; 0 for none.
    trusted: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Store {
    Memory(Arc<memory::Memory>),
    Redis(Arc<redis::Redis>),
}

/// The store cannot be reached or holds rubbish: read SQL and try again later. Already logged,
/// once an outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the counters are lost")]
pub struct CountersLost;

/// Why values are not to be shown: SQL must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWhole {
    /// The store cannot be reached.
    Lost,
    /// It is there, but a shard of it is empty or being written anew.
    Rebuilding,
}

/// What a shard says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marker {
    /// The generation that it holds complete.
    complete: Option<i64>,
    /// The one that is being written.
    building: Option<i64>,
}

impl Marker {
    /// What of it may be read: a shard that is being written anew is empty in places, whatever it
    /// held complete before.
    fn whole(self) -> Option<i64> {
        self.complete.filter(|_| self.building.is_none())
    }
}

/// The address names no store. What was wrong is not repeated: addresses hold passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the counters' URL is none of redis://HOST:PORT, rediss://HOST:PORT, \
     redis+cluster://HOST:PORT,HOST:PORT and redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"
)]
pub struct BadCountersUrl;

impl Counters {
    /// The store behind `url`, or one in the process for `None`. Connects on first use, so it
    /// neither waits nor fails when the store is down.
    ///
    /// `redis://[user:password@]host:port[/database]`, `rediss://` (TLS),
    /// `redis+cluster://[user:password@]host:port,host:port`,
    /// `redis+sentinel://[user:password@]host:port,host:port/service[/database]` (the user is
    /// Redis's, not the sentinels'). Each may end in `?prefix=name`: keys then begin with `name`
    /// instead of `fitgate`, for a Redis that several towns share.
    pub fn open(url: Option<&str>) -> Result<Self, BadCountersUrl> {
        let store = match url {
            None => Store::Memory(Arc::default()),
            Some(url) => Store::Redis(Arc::new(redis::Redis::open(url, link::Patience::SERVING)?)),
        };
        Ok(Self { store, trusted: Arc::default() })
    }

    /// Whether other processes cannot see this store.
    pub fn is_in_process(&self) -> bool {
        matches!(self.store, Store::Memory(_))
    }

    /// Sets from which generation on the store's values count; `None` while it is lost or being
    /// rebuilt. Reads take values of older generations for absent.
    pub fn trust(&self, generation: Option<i64>) {
        self.trusted.store(generation.unwrap_or(0), Ordering::SeqCst);
    }

    /// The complete generation. While `None`, statistics come from SQL and say so. While there is
    /// one and every shard bears it, what the store lacks is zero: nobody inside, no visits.
    pub fn trusted(&self) -> Option<i64> {
        Some(self.trusted_or_0()).filter(|generation| *generation > 0)
    }

    fn trusted_or_0(&self) -> i64 {
        self.trusted.load(Ordering::SeqCst)
    }

    /// The same store, whose values count from `generation` on whatever the others trust.
    pub fn since(&self, generation: i64) -> Self {
        Self { store: self.store.clone(), trusted: Arc::new(AtomicI64::new(generation)) }
    }

    /// What `read` finds, if it can be believed: if every shard held the trusted generation, and
    /// none was being written anew. That is asked after `read`, which is enough: a marker that is
    /// lost never comes back, since each rebuild begins a generation of its own.
    pub async fn whole<T>(
        &self,
        read: impl Future<Output = Result<T, CountersLost>>,
    ) -> Result<T, NotWhole> {
        let lost = |_: CountersLost| NotWhole::Lost;
        let Some(trusted) = self.trusted() else {
            self.markers().await.map_err(lost)?;
            return Err(NotWhole::Rebuilding);
        };
        // Which shards there are is asked meanwhile: only the markers cost a trip of their own.
        let (shards, found) = tokio::join!(self.shards(), read);
        let (shards, found) = (shards.map_err(lost)?, found.map_err(lost)?);
        let markers = self.markers_of(&shards).await.map_err(lost)?;
        let is_whole = markers.iter().all(|marker| marker.whole() == Some(trusted));
        if is_whole && self.trusted() == Some(trusted) {
            return Ok(found);
        }
        // Nobody else needs to read in vain, unless somebody wrote it anew just now.
        let (trust, order) = (&self.trusted, Ordering::SeqCst);
        let _unless_newer = trust.compare_exchange(trusted, 0, order, order);
        Err(NotWhole::Rebuilding)
    }

    /// Counts one more call of `what` (a few plain characters) among all processes, in a window of
    /// `window_s` seconds that its first call began: how many there were, and in how many seconds
    /// the window ends. Nothing where the store is in the process or lost: whoever asks has a limit
    /// of their own. A call that was sent twice counts twice, which errs on the safe side.
    pub async fn counted(&self, what: &str, window_s: u32) -> Option<(u64, u32)> {
        match &self.store {
            Store::Memory(_) => None,
            Store::Redis(redis) => redis.counted(what, window_s).await,
        }
    }

    /// The highest number to which any process ever raised `what` (a few plain characters), this one
    /// by `n` included. Nobody else can where the store is in the process.
    pub async fn raised(&self, what: &str, n: i64) -> Result<i64, CountersLost> {
        match &self.store {
            Store::Memory(_) => Ok(n),
            Store::Redis(redis) => self.heed(redis.raised(what, n).await),
        }
    }

    /// Whether it is this process's turn at `what` (a few plain characters), which nobody else then
    /// has for `most`, or until [`Self::end_turn`]. Always where the store is in the process. A
    /// courtesy that saves others the same work and no lock: it runs out while whoever has it is slow.
    pub async fn take_turn(&self, what: &str, most: Duration) -> Result<bool, CountersLost> {
        match &self.store {
            Store::Memory(_) => Ok(true),
            Store::Redis(redis) => self.heed(redis.take_turn(what, millis(most)).await),
        }
    }

    /// Lets others have their turn at `what` after `rest`.
    pub async fn end_turn(&self, what: &str, rest: Duration) -> Result<(), CountersLost> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::Redis(redis) => self.heed(redis.end_turn(what, millis(rest)).await),
        }
    }

    /// Writes absolute values; those that the store has newer are refused in silence.
    pub async fn put(&self, rows: &[Projected]) -> Result<(), CountersLost> {
        match &self.store {
            Store::Memory(memory) => memory.put(rows),
            Store::Redis(redis) => self.heed(redis.put(rows).await)?,
        }
        Ok(())
    }

    /// Writes who is inside until when, and who left. Older versions are refused, also after
    /// somebody left; that is remembered until one day past expiry or leaving.
    pub async fn present(&self, rows: &[Presence], now: DateTime<Utc>) -> Result<(), CountersLost> {
        match &self.store {
            Store::Memory(memory) => memory.present(rows, now),
            Store::Redis(redis) => self.heed(redis.present(rows, now).await)?,
        }
        Ok(())
    }

    /// Writes who belongs to the people of a division's day, and who no longer does.
    pub async fn put_people(&self, rows: &[Person]) -> Result<(), CountersLost> {
        match &self.store {
            Store::Memory(memory) => memory.put_people(rows),
            Store::Redis(redis) => self.heed(redis.put_people(rows).await)?,
        }
        Ok(())
    }

    /// How many are inside each venue at `now`, in `venues`' order: presences not expired.
    pub async fn inside(
        &self,
        venues: &[VenueId],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, CountersLost> {
        let oldest = self.trusted_or_0();
        match &self.store {
            Store::Memory(memory) => Ok(memory.inside(venues, now, oldest)),
            Store::Redis(redis) => self.heed(redis.inside(venues, now, oldest).await),
        }
    }

    /// Distinct people of each division on `day`, in `divisions`' order.
    pub async fn people(
        &self,
        divisions: &[DivisionCode],
        day: NaiveDate,
    ) -> Result<Vec<i64>, CountersLost> {
        let oldest = self.trusted_or_0();
        match &self.store {
            Store::Memory(memory) => Ok(memory.people(divisions, day, oldest)),
            Store::Redis(redis) => self.heed(redis.people(divisions, day, oldest).await),
        }
    }

    /// What is stored of `family` for each key on `day`, in `keys`' order.
    pub async fn get(
        &self,
        family: Family,
        keys: &[Uuid],
        day: NaiveDate,
    ) -> Result<Vec<Option<Stored>>, CountersLost> {
        let oldest = self.trusted_or_0();
        let mut found = match &self.store {
            Store::Memory(memory) => memory.get(family, keys, day),
            Store::Redis(redis) => self.heed(redis.get(family, keys, day).await)?,
        };
        for stored in &mut found {
            stored.take_if(|stored| stored.generation < oldest);
        }
        Ok(found)
    }

    /// Visits, people and minutes of each venue on `day`, in `venues`' order; `None` where none
    /// are stored.
    pub async fn venue_days(
        &self,
        venues: &[VenueId],
        day: NaiveDate,
    ) -> Result<Vec<Option<Fields>>, CountersLost> {
        self.fields(Family::VenueDay, venues, day).await
    }

    /// Visits and minutes by hour of each venue on `day`, in `venues`' order.
    pub async fn venue_hours(
        &self,
        venues: &[VenueId],
        day: NaiveDate,
    ) -> Result<Vec<Option<Fields>>, CountersLost> {
        self.fields(Family::VenueHours, venues, day).await
    }

    async fn fields(
        &self,
        family: Family,
        venues: &[VenueId],
        day: NaiveDate,
    ) -> Result<Vec<Option<Fields>>, CountersLost> {
        let keys: Vec<Uuid> = venues.iter().map(|venue| venue.0).collect();
        let found = self.get(family, &keys, day).await?;
        Ok(found.into_iter().map(|stored| stored.map(|s| s.fields)).collect())
    }

    /// The generation that every shard holds complete: the lowest of their markers, `None` if one
    /// has none (a new or emptied shard) or is being written anew.
    pub async fn generation(&self) -> Result<Option<i64>, CountersLost> {
        let markers = self.markers().await?;
        Ok(markers.into_iter().map(Marker::whole).min().flatten())
    }

    /// The highest generation on any shard, complete or not: a new one must be above it.
    pub async fn newest_generation(&self) -> Result<Option<i64>, CountersLost> {
        let markers = self.markers().await?;
        Ok(markers.into_iter().map(|marker| marker.complete.max(marker.building)).max().flatten())
    }

    async fn markers(&self) -> Result<Vec<Marker>, CountersLost> {
        self.markers_of(&self.shards().await?).await
    }

    /// The numbers of the shards, for their markers.
    async fn shards(&self) -> Result<Vec<u32>, CountersLost> {
        match &self.store {
            Store::Memory(_) => Ok(vec![0]),
            Store::Redis(redis) => self.heed(redis.shards().await),
        }
    }

    async fn markers_of(&self, shards: &[u32]) -> Result<Vec<Marker>, CountersLost> {
        match &self.store {
            Store::Memory(memory) => Ok(vec![memory.marker()]),
            Store::Redis(redis) => self.heed(redis.markers(shards).await),
        }
    }

    /// Announces on every shard that `generation` is being written.
    pub async fn begin(&self, generation: i64) -> Result<(), CountersLost> {
        match &self.store {
            Store::Memory(memory) => memory.begin(generation),
            Store::Redis(redis) => self.heed(redis.begin(generation).await)?,
        }
        Ok(())
    }

    /// Marks every shard as holding `generation` complete. False if a shard no longer knows that
    /// it was begun: it was emptied or joined meanwhile, so the rebuild must start again.
    pub async fn mark(&self, generation: i64) -> Result<bool, CountersLost> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.mark(generation)),
            Store::Redis(redis) => self.heed(redis.mark(generation).await),
        }
    }

    /// Lets go of trust where something of a wrong kind was found in the store: a rebuild is due.
    fn heed<T>(&self, answer: Result<T, redis::Failure>) -> Result<T, CountersLost> {
        answer.map_err(|failure| {
            if failure == redis::Failure::Spoiled {
                self.trust(None);
            }
            CountersLost
        })
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl Counters {
    /// A store in Redis that waits long enough for a busy machine, and never rests.
    pub fn patient(url: &str) -> Self {
        let patience = link::Patience {
            answer: Duration::from_secs(10),
            discovery: Duration::from_secs(10),
            rest: Duration::ZERO,
        };
        let redis = redis::Redis::open(url, patience).expect("the test's address is good");
        Self { store: Store::Redis(Arc::new(redis)), trusted: Arc::default() }
    }
}
