//! The store in Redis. Every key carries a hash tag, each call touches the keys of one tag, and
//! calls for many tags run beside one another.

use std::{collections::BTreeMap, fmt::Display, future::Future};

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::{Cmd, FromRedisValue, RedisError, RedisResult, Script, cmd, pipe};
use uuid::Uuid;

use super::{
    BadCountersUrl, Marker,
    link::{Connection, Link, Patience},
    memory::REFUSAL_KEPT,
    scripts, shards,
    values::{Family, Fields, Person, Presence, Projected, Stored},
};
use crate::base::ids::{DivisionCode, VenueId};

/// How long a key that nobody writes is kept: longer than today and yesterday in any zone.
const KEPT_S: i64 = 3 * 24 * 3600;
/// Calls on their way at once.
const CALLS_AT_ONCE: usize = 64;
/// Rows that one script call writes, so that no call holds the node for long.
const ROWS_A_CALL: usize = 512;
/// What keys begin with, unless the address says otherwise.
const PREFIX: &str = "fitgate";

pub(super) struct Redis {
    pub(super) link: Link,
    prefix: String,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody answered in time, or the store cannot do its work.
    Lost,
    /// A key was of a wrong kind or held no numbers. It is removed, and with it the markers of
    /// all shards, so that a rebuild follows.
    Spoiled,
}

impl Redis {
    pub(super) fn open(url: &str, patience: Patience) -> Result<Self, BadCountersUrl> {
        let (url, prefix) = url.split_once("?prefix=").unwrap_or((url, PREFIX));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
        if prefix.is_empty() || !prefix.chars().all(plain) {
            return Err(BadCountersUrl);
        }
        Ok(Self { link: Link::open(url, patience)?, prefix: prefix.to_owned() })
    }

    pub(super) async fn put(&self, rows: &[Projected]) -> Result<(), Failure> {
        let calls = by(rows, |row| (row.family.owner(), row.key));
        at_once(calls, |rows| async move {
            let key = |row: &&Projected| self.day_key(row.family, row.key, row.day);
            let keys: Vec<String> = rows.iter().map(key).collect();
            let mut arguments = vec![KEPT_S.to_string()];
            for row in rows {
                arguments.extend([row.generation.to_string(), row.version.to_string()]);
                arguments.push(row.fields.len().to_string());
                for (name, value) in &row.fields {
                    arguments.extend([(*name).to_owned(), value.to_string()]);
                }
            }
            self.invoke(&scripts::PUT_DAYS, &keys, &arguments).await
        })
        .await
    }

    pub(super) async fn present(
        &self,
        rows: &[Presence],
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let millis = |at: DateTime<Utc>| at.timestamp_millis().to_string();
        let calls = by(rows, |row| (row.venue, row.generation));
        at_once(calls, |rows| async move {
            let first = rows[0];
            let keys =
                ["inside", "versions", "forget"].map(|what| self.venue_key(first.venue, what));
            let mut arguments = vec![KEPT_S.to_string(), first.generation.to_string(), millis(now)];
            for row in rows {
                arguments.extend([row.member.to_string(), row.version.to_string()]);
                arguments.push(row.expires_at.map(millis).unwrap_or_default());
                arguments.push(millis(row.expires_at.unwrap_or(now) + REFUSAL_KEPT));
            }
            self.invoke(&scripts::PUT_PRESENCES, &keys, &arguments).await
        })
        .await
    }

    pub(super) async fn put_people(&self, rows: &[Person]) -> Result<(), Failure> {
        let calls = by(rows, |row| (row.division.clone(), row.day, row.generation));
        at_once(calls, |rows| async move {
            let first = rows[0];
            let keys = [self.people_key(&first.division, first.day)];
            let mut arguments = vec![KEPT_S.to_string(), first.generation.to_string()];
            for row in rows {
                arguments.extend([row.member.to_string(), row.version.to_string()]);
                arguments.push(i64::from(row.present).to_string());
            }
            self.invoke(&scripts::PUT_PEOPLE, &keys, &arguments).await
        })
        .await
    }

    pub(super) async fn inside(
        &self,
        venues: &[VenueId],
        now: DateTime<Utc>,
        oldest: i64,
    ) -> Result<Vec<i64>, Failure> {
        let after = format!("({}", now.timestamp_millis());
        let after = after.as_str();
        in_order(venues, |venue| async move {
            let keys = ["inside", "versions"].map(|what| self.venue_key(*venue, what));
            let mut both = pipe();
            both.cmd("HGET").arg(&keys[1]).arg("generation");
            both.cmd("ZCOUNT").arg(&keys[0]).arg(after).arg("+inf");
            let both = &both;
            let run =
                |mut connection: Connection| async move { both.query_async(&mut connection).await };
            let (generation, count): (Option<i64>, i64) = self.guard(&keys, run).await?;
            Ok(if generation.is_some_and(|g| g >= oldest) { count } else { 0 })
        })
        .await
    }

    pub(super) async fn people(
        &self,
        divisions: &[DivisionCode],
        day: NaiveDate,
        oldest: i64,
    ) -> Result<Vec<i64>, Failure> {
        in_order(divisions, |division| async move {
            let key = self.people_key(division, day);
            let command = cmd("HMGET").arg(&key).arg("generation").arg("people").take();
            let (generation, count): (Option<i64>, Option<i64>) =
                self.read(&[key], &command).await?;
            Ok(count.filter(|_| generation.is_some_and(|g| g >= oldest)).unwrap_or(0))
        })
        .await
    }

    pub(super) async fn get(
        &self,
        family: Family,
        keys: &[Uuid],
        day: NaiveDate,
    ) -> Result<Vec<Option<Stored>>, Failure> {
        in_order(keys, |key| async move {
            let key = self.day_key(family, *key, day);
            let command = cmd("HGETALL").arg(&key).take();
            Ok(stored(self.read(&[key], &command).await?))
        })
        .await
    }

    /// The marker of each of `shards`.
    pub(super) async fn markers(&self, shards: &[u32]) -> Result<Vec<Marker>, Failure> {
        in_order(shards, |tag| async move {
            let keys = ["generation", "building"].map(|what| self.shard_key(*tag, what));
            let command = cmd("MGET").arg(&keys).take();
            let (complete, building) = self.read(&keys, &command).await?;
            Ok(Marker { complete, building })
        })
        .await
    }

    pub(super) async fn begin(&self, generation: i64) -> Result<(), Failure> {
        let tags = self.shards().await?;
        in_order(&tags, |tag| async move {
            let key = self.shard_key(*tag, "building");
            self.query(cmd("SET").arg(&key).arg(generation)).await
        })
        .await
        .map(|_: Vec<()>| ())
    }

    pub(super) async fn mark(&self, generation: i64) -> Result<bool, Failure> {
        let tags = self.shards().await?;
        let marked: Vec<bool> = in_order(&tags, |tag| async move {
            let keys = ["building", "generation"].map(|what| self.shard_key(*tag, what));
            self.invoke(&scripts::MARK_SHARD, &keys, &[generation.to_string()]).await
        })
        .await?;
        Ok(marked.into_iter().all(|marked| marked))
    }

    /// A number for each shard such that keys tagged with it live there.
    pub(super) async fn shards(&self) -> Result<Vec<u32>, Failure> {
        if !self.link.is_cluster() {
            return Ok(vec![0]);
        }
        let slots: redis::Value = self.query(cmd("CLUSTER").arg("SLOTS")).await?;
        shards::tags(&slots, |tag| self.shard_key(tag, "")).ok_or(Failure::Lost)
    }

    fn key(&self, tag: impl Display, what: impl Display) -> String {
        format!("{}:{{{tag}}}:{what}", self.prefix)
    }

    fn day_key(&self, family: Family, key: Uuid, day: NaiveDate) -> String {
        let what = format!("{}:{day}", family.what());
        self.key(format_args!("{}:{key}", family.owner()), what)
    }

    fn venue_key(&self, venue: VenueId, what: &str) -> String {
        self.key(format_args!("venue:{venue}"), what)
    }

    fn people_key(&self, division: &DivisionCode, day: NaiveDate) -> String {
        self.key(format_args!("division:{division}:{day}"), "people")
    }

    fn shard_key(&self, tag: u32, what: &str) -> String {
        self.key(format_args!("shard:{tag}"), what)
    }

    /// Runs one command that meets no spoiled key.
    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let run =
            |mut connection: Connection| async move { command.query_async(&mut connection).await };
        settle(self.link.run(run).await)
    }

    /// Runs one command that reads `keys`, all of one tag.
    async fn read<T: FromRedisValue>(&self, keys: &[String], command: &Cmd) -> Result<T, Failure> {
        let run =
            |mut connection: Connection| async move { command.query_async(&mut connection).await };
        self.guard(keys, run).await
    }

    /// Runs `script` over `keys`, all of one tag, with `arguments`.
    async fn invoke<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<T, Failure> {
        let mut call = script.prepare_invoke();
        call.key(keys).arg(arguments);
        let call = &call;
        let run =
            |mut connection: Connection| async move { call.invoke_async(&mut connection).await };
        self.guard(keys, run).await
    }

    /// Counts one more call of `what` in a window that its first call began: how many there were,
    /// and in how many seconds the window ends.
    pub(super) async fn counted(&self, what: &str, window_s: u32) -> Option<(u64, u32)> {
        let keys = [self.key(format_args!("rate:{what}"), "calls")];
        let mut call = scripts::COUNT_CALL.prepare_invoke();
        call.key(&keys).arg(window_s);
        let call = &call;
        let run =
            |mut connection: Connection| async move { call.invoke_async(&mut connection).await };
        self.link.run(run).await?.ok()
    }

    /// Raises the number of `what` to `n`, unless it is higher; it never expires.
    pub(super) async fn raised(&self, what: &str, n: i64) -> Result<i64, Failure> {
        self.invoke(&scripts::RAISE_NUMBER, &[self.key(what, "highest")], &[n.to_string()]).await
    }

    /// Takes the turn of `what` for so many milliseconds, unless somebody has it.
    pub(super) async fn take_turn(&self, what: &str, millis: u64) -> Result<bool, Failure> {
        self.invoke(&scripts::TAKE_TURN, &[self.key(what, "turn")], &[millis.to_string()]).await
    }

    /// Lets the turn of `what` end in so many milliseconds, at once for 0.
    pub(super) async fn end_turn(&self, what: &str, millis: u64) -> Result<(), Failure> {
        self.query(cmd("PEXPIRE").arg(self.key(what, "turn")).arg(millis)).await
    }

    /// Takes every shard's marker away, also that of a rebuild that is under way.
    async fn unmark(&self) -> Result<(), Failure> {
        for tag in self.shards().await? {
            let keys = ["generation", "building"].map(|what| self.shard_key(tag, what));
            self.query::<()>(cmd("DEL").arg(&keys)).await?;
        }
        Ok(())
    }

    /// Runs what touches `keys`, all of one tag. If it finds what we never write, the keys are
    /// removed and every shard's marker with them.
    async fn guard<T, F>(
        &self,
        keys: &[String],
        run: impl Fn(Connection) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = RedisResult<T>>,
    {
        match settle(self.link.run(run).await) {
            Err(Failure::Spoiled) => {
                tracing::warn!("a counter held something else; the counters are written anew");
                // Before, so that nobody takes what is removed for a zero; and after, in case the
                // rebuild that this asks for was quicker.
                self.unmark().await?;
                self.query::<()>(cmd("DEL").arg(keys)).await?;
                self.unmark().await?;
                Err(Failure::Spoiled)
            }
            answer => answer,
        }
    }
}

fn settle<T>(answer: Option<Result<T, RedisError>>) -> Result<T, Failure> {
    match answer {
        None => Err(Failure::Lost),
        Some(Ok(found)) => Ok(found),
        Some(Err(_)) => Err(Failure::Spoiled),
    }
}

/// A day's hash, apart from its stamp; nothing where the hash is not there.
fn stored(mut found: BTreeMap<String, i64>) -> Option<Stored> {
    let generation = found.remove("generation")?;
    let version = found.remove("version")?;
    Some(Stored { generation, version, fields: found.into_iter().collect::<Fields>() })
}

/// The rows of each tag, in calls of bounded size.
fn by<'a, T, K: Ord>(rows: &'a [T], tag: impl Fn(&T) -> K) -> Vec<Vec<&'a T>> {
    let mut groups: BTreeMap<K, Vec<&'a T>> = BTreeMap::new();
    for row in rows {
        groups.entry(tag(row)).or_default().push(row);
    }
    let calls = |rows: Vec<&'a T>| rows.chunks(ROWS_A_CALL).map(<[_]>::to_vec).collect::<Vec<_>>();
    groups.into_values().flat_map(calls).collect()
}

/// Runs a call for each group beside one another; the first failure ends it.
async fn at_once<T, F: Future<Output = Result<(), Failure>>>(
    groups: Vec<T>,
    call: impl Fn(T) -> F,
) -> Result<(), Failure> {
    let calls: Vec<F> = groups.into_iter().map(call).collect();
    stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).try_collect::<()>().await
}

/// Reads something for each item beside one another, keeping the order.
async fn in_order<'a, I, T, F: Future<Output = Result<T, Failure>>>(
    items: &'a [I],
    read: impl Fn(&'a I) -> F,
) -> Result<Vec<T>, Failure> {
    // Futures first: a stream that holds the closure cannot be shown to be `Send`.
    let reads: Vec<F> = items.iter().map(read).collect();
    stream::iter(reads).buffered(CALLS_AT_ONCE).try_collect().await
}
