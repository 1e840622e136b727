//! What became of the orders that a device fetched: done when it says so, by a report on persons, by
//! its log of what it did, or by the records that it was asked for.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    people::{Deleted, Pushed, deleted, stored},
    record::{OPENED, STARTED},
};
use crate::{
    base::error::Error,
    gateways::{facts::Fact, intake::Intake},
    terminals::{
        VendorTerminal,
        commands::{self, CommandResult, Fetched, Order, Which},
        listings, pins,
    },
};

/// By how much a device's clock may be behind when it says that it did what it was told.
const CLOCK_MAY_BE_BEHIND: TimeDelta = TimeDelta::minutes(1);

fn done(code: Option<i64>) -> CommandResult {
    CommandResult { done: true, code, detail: None }
}

async fn settle(
    intake: &Intake,
    known: &VendorTerminal,
    number: i64,
    result: CommandResult,
) -> Result<(), Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    commands::settle(db, id, Which::Number(number), result, intake.now()).await
}

async fn fetched(
    intake: &Intake,
    known: &VendorTerminal,
    kind: &str,
) -> Result<Vec<Fetched>, Error> {
    commands::fetched(&intake.state.db, known.terminal.id, kind, intake.now()).await
}

/// The number by which the device knows whom an order is about.
async fn number(
    intake: &Intake,
    known: &VendorTerminal,
    order: &Order,
) -> Result<Option<String>, Error> {
    match order {
        Order::HoldPerson { handle } | Order::RemovePerson { handle } => {
            pins::number(&intake.state.db, known, handle).await
        }
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::QueryRecords { .. }
        | Order::SyncTime
        | Order::ListPersons
        | Order::ServerDecides { .. } => Ok(None),
    }
}

/// A report on persons that were fetched. Those that it does not name were taken, if it is about as
/// many as were fetched; else nobody knows which, and they are told again.
pub async fn persons(intake: &Intake, known: &VendorTerminal, body: &[u8]) -> Result<(), Error> {
    let Some(report) = stored(body) else { return Ok(()) };
    let fetched = fetched(intake, known, "hold_person").await?;
    let is_about_all = report.count >= fetched.len();
    for one in fetched {
        let Some(number) = number(intake, known, &one.order).await? else { continue };
        let result = match report.refused.get(&number) {
            Some(why) => CommandResult { done: false, code: None, detail: Some(why.clone()) },
            None if is_about_all => done(None),
            None => continue,
        };
        settle(intake, known, one.number, result).await?;
    }
    Ok(())
}

/// A report on persons that were to be deleted.
pub async fn removals(intake: &Intake, known: &VendorTerminal, body: &[u8]) -> Result<(), Error> {
    let Some(report) = deleted(body) else { return Ok(()) };
    for one in fetched(intake, known, "remove_person").await? {
        let Some(number) = number(intake, known, &one.order).await? else { continue };
        let is_gone = match &report {
            Deleted::Everybody => true,
            Deleted::These(numbers) => numbers.contains(&number),
        };
        if is_gone {
            settle(intake, known, one.number, done(None)).await?;
        }
    }
    Ok(())
}

/// What a device says of somebody of whom it was asked.
pub async fn answer(intake: &Intake, known: &VendorTerminal, said: &Pushed) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    if !said.is_answer {
        return Ok(());
    }
    let handle = pins::handle_of(db, known, &said.number).await?;
    let handle = handle.unwrap_or_else(|| said.number.clone());
    listings::told(db, known, &handle, said.is_there, now).await?;
    for one in fetched(intake, known, "list_persons").await? {
        settle(intake, known, one.number, done(None)).await?;
    }
    Ok(())
}

/// There is nobody of whom the device could be asked.
pub async fn nobody_to_ask_about(intake: &Intake, known: &VendorTerminal) -> Result<(), Error> {
    for one in fetched(intake, known, "list_persons").await? {
        settle(intake, known, one.number, done(Some(0))).await?;
    }
    Ok(())
}

/// What the device's own log, or a record of somebody at the door, says of orders.
pub async fn facts(intake: &Intake, known: &VendorTerminal, facts: &[Fact]) -> Result<(), Error> {
    for fact in facts {
        let Some(when) = fact.when() else { continue };
        let at = when.instant(known.terminal.time_zone);
        match fact {
            Fact::Notice(said) if said.code == OPENED => {
                since(intake, known, "open_door", at).await?;
            }
            Fact::Notice(said) if said.code == STARTED => {
                since(intake, known, "restart", at).await?;
            }
            Fact::Entry(_) => asked_for(intake, known, at).await?,
            Fact::Notice(_) | Fact::Unreadable(_) => {}
        }
    }
    Ok(())
}

/// Settles the oldest order of a kind that was fetched before `at`.
async fn since(
    intake: &Intake,
    known: &VendorTerminal,
    kind: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let fetched = fetched(intake, known, kind).await?;
    match fetched.into_iter().find(|one| one.at - CLOCK_MAY_BE_BEHIND <= at) {
        Some(one) => settle(intake, known, one.number, done(None)).await,
        None => Ok(()),
    }
}

/// A record of a time that was asked for: the device sends them again.
async fn asked_for(
    intake: &Intake,
    known: &VendorTerminal,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    for one in fetched(intake, known, "query_records").await? {
        let Order::QueryRecords { from, to } = one.order else { continue };
        if (from..=to).contains(&at) {
            settle(intake, known, one.number, done(None)).await?;
        }
    }
    Ok(())
}
