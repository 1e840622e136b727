//! Sends the history through the native protocol: several terminals at once, one terminal in the
//! order of its records, and all of them week by week, as the weeks went by.

use anyhow::{bail, ensure};
use chrono::Days;
use futures_util::future::try_join_all;

use super::{
    calendar::{self, DAY_STARTS_AT_S},
    history::Record,
    native::{BATCH_MAX, ItemResult, Outcome, RecordId, Report, Terminal},
    people::Person,
    places::{DOORS, Facing},
    plan::Plan,
    progress::Progress,
};
use crate::base::ids::Method;

/// A terminal's own records: it has never lost its counter.
pub const EPOCH: i64 = 1;
/// Days that are sent together. Fewer would mean more and smaller commits, more would bring more
/// exits before their entries.
const ROUND_DAYS: u64 = 7;
/// What a face device says of a good match.
const SCORE: f64 = 0.97;
/// A face that no roster knows.
const NOBODY: &str = "face-unknown";

/// A record as the terminal reports it, decided by the door itself if `outcome` is given.
pub fn report(
    terminal: &Terminal,
    people: &[Person],
    seq: i64,
    record: &Record,
    outcome: Option<Outcome>,
) -> Report {
    let shows = record.who.map_or(Method::Face, |who| people[who].shows);
    let credential = record.who.map_or(NOBODY, |who| &people[who].handle);
    Report {
        epoch: EPOCH,
        seq,
        device_time: terminal.device_time(record.at),
        direction: record.direction,
        method: shows,
        credential: credential.to_owned(),
        score: (shows == Method::Face).then_some(SCORE),
        outcome,
    }
}

/// Sends everything that the doors saw; `terminals` in the order of [`DOORS`]. Ends with
/// heartbeats, so that finished days become final.
pub async fn history(plan: &Plan, terminals: &[Terminal]) -> anyhow::Result<()> {
    // A clock is measured by two heartbeats that agree, and an event keeps the offset that was
    // known when it came: so they go first. They tell what is still to come, or the days would be
    // taken for complete.
    for _ in 0..2 {
        let queued = plan.records.iter().map(|door| i32::try_from(door.len()).unwrap_or(i32::MAX));
        let heartbeats = terminals.iter().zip(queued).map(|(t, queued)| t.heartbeat(queued, 0));
        try_join_all(heartbeats).await?;
    }
    let total = plan.records.iter().map(Vec::len).sum();
    let mut progress = Progress::begin("history", total);
    let mut sent = vec![0; DOORS.len()];
    let Some(first) = plan.records.iter().filter_map(|door| door.first()).map(|r| r.at).min()
    else {
        return Ok(());
    };
    let mut day = calendar::business_day(first);
    while day < plan.today {
        day = day + Days::new(ROUND_DAYS);
        let until = calendar::instant(day, DAY_STARTS_AT_S);
        // Entries before exits: an exit that is there first would have to be folded twice.
        for leaving in [false, true] {
            let doors = (0..DOORS.len()).filter(|n| (DOORS[*n].facing == Facing::Out) == leaving);
            let round = doors.map(|door| {
                let (in_time, _) = plan.in_time_and_late(door);
                let end = in_time.partition_point(|record| record.at < until);
                let due = &in_time[sent[door]..end];
                progress.advance(due.len());
                let from = std::mem::replace(&mut sent[door], end);
                send(plan, &terminals[door], from, due)
            });
            try_join_all(round.collect::<Vec<_>>()).await?;
        }
    }
    late(plan, terminals, &mut progress).await
}

/// The rest: what a terminal kept while it was offline. The others have said already that they have
/// nothing more.
async fn late(plan: &Plan, terminals: &[Terminal], progress: &mut Progress) -> anyhow::Result<()> {
    let in_time = (0..DOORS.len()).filter(|door| !DOORS[*door].was_offline);
    try_join_all(in_time.map(|door| terminals[door].heartbeat(0, 0))).await?;
    for (door, terminal) in terminals.iter().enumerate() {
        let (before, records) = plan.in_time_and_late(door);
        send(plan, terminal, before.len(), records).await?;
        progress.advance(records.len());
        if DOORS[door].was_offline {
            terminal.heartbeat(0, 0).await?;
        }
    }
    Ok(())
}

/// Sends records of one terminal that come after its first `before`.
async fn send(
    plan: &Plan,
    terminal: &Terminal,
    before: usize,
    records: &[Record],
) -> anyhow::Result<()> {
    let mut seq = i64::try_from(before)?;
    for batch in records.chunks(BATCH_MAX) {
        let reports: Vec<Report> = batch
            .iter()
            .map(|record| {
                seq += 1;
                let known = record.who.is_some();
                let outcome = if known { Outcome::Opened } else { Outcome::Refused };
                report(terminal, &plan.people, seq, record, Some(outcome))
            })
            .collect();
        let answer = terminal.send_batch(&reports).await?;
        let sent = RecordId { epoch: EPOCH, seq };
        ensure!(
            answer.ack_through == Some(sent),
            "{:?} acknowledged of {sent:?}",
            answer.ack_through
        );
        for (item, record) in answer.items.iter().zip(batch) {
            let taken = matches!(item.result, ItemResult::Accepted | ItemResult::Duplicate);
            if !taken && record.who.is_some() {
                bail!("a record of the history became {:?}: {:?}", item.result, item.reason);
            }
        }
    }
    Ok(())
}
