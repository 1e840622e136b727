//! One group of entries, whole or not at all: read, know again, judge, fold, write.
//!
//! Alone with its rows, a group reads them at a glance and writes once, guarded. Where another
//! writer was faster, it starts over in a transaction that takes locks first.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbErr};

use super::{
    DecisionKind, NewEntry, Outcome, Quarantine, Recorded, StoredDecision,
    codes::Used,
    footing::{self, Footing, Numbered},
    gates::Passed,
    judge::{Judge, Shown, Verdict},
    known::{self, Known},
    recorder::Context,
    rows::{self, EventRow, Rows, stood},
    world::World,
};
use crate::{
    base::{
        db::{
            self,
            bulk::{self, Write},
        },
        ids::{EventId, MemberId, TerminalId, VenueId},
    },
    minutes::{
        posting::Posting,
        standing::Standing,
        timeline::{Effect, Event},
    },
};

/// (acknowledged through, resend from) a terminal.
pub type Progresses = HashMap<TerminalId, (Option<(i64, i64)>, Option<(i64, i64)>)>;

/// What became of a group, items in its order.
pub struct Done {
    pub items: Vec<Recorded>,
    pub progress: Progresses,
    /// The gates that it went through.
    pub passed: Passed,
}

/// After so many entries of a group others have a turn at the thread, who may only be refused.
const ENTRIES_A_TURN: usize = 16;

/// A group starts over so often because a cache was behind.
const FRESH_STARTS_MAX: usize = 5;

/// Records a group, whole or not at all.
pub async fn write(context: &Context, entries: &[NewEntry]) -> Result<Done, DbErr> {
    let mut guarded = db::is_postgres(&context.db) && context.rivals.are_away();
    for _ in 0..FRESH_STARTS_MAX {
        let world = context.worlds.latest();
        let attempt = if guarded {
            at_a_glance(context, &world, entries).await?
        } else {
            under_locks(context, &world, entries).await?
        };
        match attempt {
            Attempt::Done(done) => {
                context.remembered.learn(&done.passed);
                return Ok(done);
            }
            Attempt::Outrun => {
                context.rivals.were_faster();
                guarded = false;
            }
            Attempt::Stale => {
                context.worlds.reload(&context.db).await?;
                context.directory.forget(entries);
            }
        }
    }
    Err(DbErr::Custom("what the group rests on kept changing".to_owned()))
}

async fn at_a_glance(
    context: &Context,
    world: &World,
    entries: &[NewEntry],
) -> Result<Attempt, DbErr> {
    let db = &context.db;
    let Some(footing) = footing::glance(context, db, world, entries).await? else {
        return Ok(Attempt::Stale);
    };
    let (done, writes) = draft(context, db, world, footing, entries).await?;
    match bulk::write_whole(db, writes).await {
        Ok(()) => Ok(Attempt::Done(done)),
        Err(error) if bulk::is_outrun(&error) => Ok(Attempt::Outrun),
        Err(error) => Err(error),
    }
}

async fn under_locks(
    context: &Context,
    world: &World,
    entries: &[NewEntry],
) -> Result<Attempt, DbErr> {
    context.directory.learn(&context.db, &context.keys, entries).await?;
    let tx = db::begin(&context.db).await?;
    let Some(footing) = footing::lock(context, &tx, world, entries).await? else {
        tx.rollback().await?;
        return Ok(Attempt::Stale);
    };
    let (done, writes) = draft(context, &tx, world, footing, entries).await?;
    bulk::write_all(&tx, writes).await?;
    tx.commit().await?;
    Ok(Attempt::Done(done))
}

/// Puts an event that cannot be processed into quarantine, with its key, so that it is
/// acknowledged and waits for staff.
pub async fn park(context: &Context, entry: &NewEntry) -> Result<Done, DbErr> {
    let world = context.worlds.current(&context.db).await?;
    let tx = db::begin(&context.db).await?;
    let mut numbered = Numbered::lock(&tx, &world, std::slice::from_ref(entry)).await?;
    let decision = StoredDecision::parked(Quarantine::Poison);
    let mut rows = Rows::default();
    if let Some(terminal) = world.terminals.get(&entry.terminal) {
        numbered.absorb(entry);
        rows.key(entry, None, &decision);
        let why = (Quarantine::Poison.as_str(), stood(terminal, entry));
        rows.quarantine(entry, &terminal.family, &terminal.serial, why);
    }
    let mut writes = rows.writes();
    rows::seal(&mut writes, &context.keys);
    writes.push(numbered.write());
    bulk::write_all(&tx, writes).await?;
    tx.commit().await?;
    let (items, progress) = (vec![Recorded::Quarantined(decision)], numbered.progress());
    Ok(Done { items, progress, passed: Passed::default() })
}

enum Attempt {
    Done(Done),
    /// A cache was behind what SQL says.
    Stale,
    /// Another writer was faster.
    Outrun,
}

/// What becomes of the group, and the writes that make it so.
pub(super) async fn draft<C: ConnectionTrait>(
    context: &Context,
    db: &C,
    world: &World,
    footing: Footing,
    entries: &[NewEntry],
) -> Result<(Done, Vec<Write>), DbErr> {
    let Footing { crowd, gates, numbered, stays } = footing;
    let known = known::find(db, &numbered, entries).await?;
    let people = context.directory.people(db, &context.keys, world, &crowd).await?;
    let now = context.clock.now();
    let mut posting = Posting::new(&context.keys, world, now, "fold");
    posting.stood(stays);
    posting.guarded(gates.venues());
    let judge = Judge { world, people, inside: gates.inside.clone(), now };
    let group = Group {
        judge,
        holdings: crowd.holdings,
        standings: standings(crowd.locked),
        rows: Rows::default(),
        effects: BTreeMap::new(),
        posting,
        numbered,
        known,
        used: Used::default(),
        seen: HashSet::new(),
    };
    let (mut done, mut writes, open) = group.run(db, entries).await?;
    done.passed = gates.passed(&open);
    rows::seal(&mut writes, &context.keys);
    writes.push(gates.write());
    // Rows that writers wait for at first, in everybody's order.
    let order = ["timelines", "venue_gates", "terminals"];
    let place = |w: &Write| order.iter().position(|t| *t == w.table).unwrap_or(order.len());
    writes.sort_by_key(|w| (place(w), !w.verb.is_update()));
    Ok((done, writes))
}

fn standings(locked: HashMap<MemberId, super::directory::Locked>) -> BTreeMap<MemberId, Standing> {
    locked.into_iter().map(|(id, l)| (id, Standing::new(id, l.version, l.timeline))).collect()
}

/// A group while it is judged and folded.
struct Group<'a> {
    judge: Judge<'a>,
    holdings: HashMap<super::directory::Handle, super::directory::Holding>,
    standings: BTreeMap<MemberId, Standing>,
    rows: Rows,
    effects: BTreeMap<EventId, Effect>,
    posting: Posting<'a>,
    numbered: Numbered,
    known: Known,
    used: Used,
    /// Members of whom an event is kept: their versions move on, also when nothing is folded.
    seen: HashSet<MemberId>,
}

impl<'a> Group<'a> {
    async fn run<C: ConnectionTrait>(
        mut self,
        tx: &C,
        entries: &'a [NewEntry],
    ) -> Result<(Done, Vec<Write>, BTreeMap<VenueId, i64>), DbErr> {
        let mut items = Vec::with_capacity(entries.len());
        let mut touched = HashSet::new();
        for entry in entries {
            let recorded = self.one(tx, entry, &mut touched).await?;
            items.push(recorded);
            if items.len().is_multiple_of(ENTRIES_A_TURN) {
                tokio::task::yield_now().await;
            }
        }
        let now = self.judge.now;
        for (member, mut standing) in std::mem::take(&mut self.standings) {
            if standing.is_late() {
                self.catch_up(tx, &mut standing).await?;
            }
            if touched.contains(&member) {
                standing.finish(self.judge.world, now, &mut self.posting);
            } else if self.seen.contains(&member) {
                standing.stay(self.judge.world, &mut self.posting);
            }
        }
        let effects = self.effects;
        self.rows.effects(|event| effects.get(&event).copied());
        let mut writes = self.rows.writes();
        writes.push(self.numbered.write());
        let open = self.posting.open();
        writes.extend(self.posting.finish(tx).await?);
        let (progress, passed) = (self.numbered.progress(), Passed::default());
        Ok((Done { items, progress, passed }, writes, open))
    }

    async fn one<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        entry: &'a NewEntry,
        touched: &mut HashSet<MemberId>,
    ) -> Result<Recorded, DbErr> {
        let Some(terminal) = self.judge.world.terminals.get(&entry.terminal) else {
            return Ok(Recorded::Rejected("unknown_terminal"));
        };
        if let Some(again) = self.known.again(entry) {
            if let Recorded::Conflict = again
                && self.known.first_conflict(entry)
            {
                let why = (Quarantine::Conflict.as_str(), stood(terminal, entry));
                self.rows.quarantine(entry, &terminal.family, &terminal.serial, why);
            }
            if let Some((event, at)) = self.known.passed(entry) {
                self.rows.passed(event, at);
            }
            return Ok(again);
        }
        self.numbered.absorb(entry);
        if let Some(flaw) = entry.flaw {
            let decision = StoredDecision::of(DecisionKind::Refused);
            self.rows.key(entry, None, &decision);
            self.known.learn(entry, &decision, None);
            let why = (flaw, stood(terminal, entry));
            self.rows.quarantine(entry, &terminal.family, &terminal.serial, why);
            return Ok(Recorded::Rejected(flaw));
        }
        let holding = self.holdings.get(&entry.handle()).copied();
        let member = holding.map(|h| h.member);
        if entry.outcome == Outcome::Live
            && let Some(member) = member
        {
            self.catch_up_with(tx, member).await?;
        }
        let spent = match member {
            Some(member) => self.used.is_spent(tx, entry, member).await?,
            None => false,
        };
        let standing = member.and_then(|m| self.standings.get(&m));
        let offset_ms = self.numbered.offset_ms(entry.terminal);
        let shown = Shown { holding: holding.as_ref(), spent };
        let verdict = self.judge.entry(tx, entry, terminal, offset_ms, shown, standing).await?;
        Ok(self.keep(entry, terminal, verdict, touched))
    }

    /// Stores what the judge said of a new record.
    fn keep(
        &mut self,
        entry: &'a NewEntry,
        terminal: &crate::terminals::Terminal,
        verdict: Verdict,
        touched: &mut HashSet<MemberId>,
    ) -> Recorded {
        match verdict {
            Verdict::Park(quarantine, decision) => {
                let decision = decision.unwrap_or_else(|| StoredDecision::parked(quarantine));
                self.rows.key(entry, None, &decision);
                self.known.learn(entry, &decision, None);
                let why = (quarantine.as_str(), stood(terminal, entry));
                self.rows.quarantine(entry, &terminal.family, &terminal.serial, why);
                Recorded::Quarantined(decision)
            }
            Verdict::Keep(kept) => {
                let id = EventId::new();
                self.seen.insert(kept.member);
                self.rows.key(entry, Some((id, kept.occurred_at)), &kept.decision);
                self.known.learn(entry, &kept.decision, Some((id, kept.occurred_at)));
                self.rows.event(&EventRow {
                    id,
                    occurred_at: kept.occurred_at,
                    venue: kept.venue,
                    member: Some(kept.member),
                    entry,
                    serial: &terminal.serial,
                    offset_s: kept.offset_s,
                    clock_flag: kept.clock_flag,
                    mode: if entry.outcome == Outcome::Live { "live" } else { "replayed" },
                    decision: kept.decision.decision.as_str(),
                    reason: kept.reason.map(super::rules::Reason::code),
                    either_way: kept.either_way,
                    credited: kept.credited,
                });
                if kept.decision.decision == DecisionKind::Granted {
                    self.used.granted(entry, kept.member);
                }
                if kept.decision.decision != DecisionKind::Refused {
                    self.fold(id, entry, &kept, &terminal.serial, touched);
                }
                Recorded::Accepted(kept.decision)
            }
        }
    }

    fn fold(
        &mut self,
        id: EventId,
        entry: &NewEntry,
        kept: &super::judge::Kept,
        serial: &str,
        touched: &mut HashSet<MemberId>,
    ) {
        let Some(standing) = self.standings.get_mut(&kept.member) else { return };
        touched.insert(kept.member);
        let event = Event {
            id,
            occurred_at: kept.occurred_at,
            direction: entry.direction,
            venue: kept.venue,
            serial: serial.into(),
            epoch: entry.epoch,
            seq: entry.seq,
            credited: kept.credited,
        };
        if let Some(effect) = standing.take(self.judge.world, event, &mut self.posting) {
            self.effects.insert(id, effect);
            self.judge.moved(kept.venue, kept.occurred_at, effect);
        }
    }

    /// Somebody waits at the door: what came late of them has to be folded before we judge.
    async fn catch_up_with<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        member: MemberId,
    ) -> Result<(), DbErr> {
        if !self.standings.get(&member).is_some_and(Standing::is_late) {
            return Ok(());
        }
        if let Some(mut standing) = self.standings.remove(&member) {
            self.catch_up(tx, &mut standing).await?;
            self.standings.insert(member, standing);
        }
        Ok(())
    }

    async fn catch_up<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        standing: &mut Standing,
    ) -> Result<(), DbErr> {
        let caught_up =
            standing.catch_up(tx, self.judge.world, self.judge.now, &mut self.posting).await?;
        self.effects.extend(caught_up.effects);
        for (event, effect) in caught_up.changed {
            if !self.judge.is_either_way(&event) {
                continue;
            }
            let flag = match (effect, known::method_of(tx, &event).await?) {
                (Effect::Opened, Some(method)) => {
                    self.judge.flag_of_entry(tx, standing.member, &event, method).await?
                }
                (Effect::Opened | Effect::Closed | Effect::Repeat | Effect::Orphan, _) => None,
            };
            self.rows.flag(event.id, event.occurred_at, flag.map(super::rules::Reason::code));
        }
        Ok(())
    }
}
