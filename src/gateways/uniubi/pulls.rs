//! Devices behind a router: they say that they live, fetch one task after another, and say what
//! became of each.

use super::{
    callback, calls,
    tasks::{self, FACE, RENAME, WRITE},
};
use crate::{
    base::error::Error,
    gateways::{facts::Fact, holders::Holder, intake::Intake, outward::failed},
    terminals::{
        VendorTerminal,
        commands::{self, Command, CommandResult, Order, Which},
        listings, roster,
    },
};

/// Commands that turn out to need no task, of one request.
const SKIPPED_MAX: usize = 20;

/// Whether a task waits for the device. One that is called at an address gets none here.
pub async fn waits(intake: &Intake, known: &VendorTerminal) -> Result<bool, Error> {
    if known.is_called() {
        return Ok(false);
    }
    let (db, now) = (&intake.state.db, intake.now());
    roster::keep_up(db, &intake.caches, known, now).await?;
    Ok(!commands::counts(db, known.terminal.id, now).await?.is_empty())
}

/// The next task for the device.
pub async fn next(intake: &Intake, known: &VendorTerminal) -> Result<Option<String>, Error> {
    if known.is_called() {
        return Ok(None);
    }
    let (db, id) = (&intake.state.db, known.terminal.id);
    for _ in 0..SKIPPED_MAX {
        let now = intake.now();
        let Some(command) = commands::take(db, id, 1, now).await?.pop() else { return Ok(None) };
        let holder = Holder::of(intake, known, &command.order, None).await?;
        let zone = known.terminal.time_zone;
        if let Some(task) = tasks::task(&command, holder.as_ref(), zone, now) {
            return Ok(Some(task));
        }
        // The photo is gone since the person was written: there is nothing more to do.
        let result = CommandResult { done: command.steps_done > 0, code: None, detail: None };
        commands::settle(db, id, Which::Number(command.number), result, now).await?;
    }
    Ok(None)
}

/// Takes what the device says of a task.
pub async fn take(intake: &Intake, known: &VendorTerminal, body: &[u8]) -> Result<(), Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    let Some(report) = tasks::reported(body) else { return Ok(()) };
    let Some(command) = commands::by_number(db, id, report.number).await? else { return Ok(()) };
    let result = match &command.order {
        Order::QueryRecords { .. } => records(intake, known, &command, &report).await?,
        Order::HoldPerson { .. } => person(intake, known, &command, &report).await?,
        Order::ListPersons => persons(intake, known, &command, &report).await?,
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::SyncTime
        | Order::RemovePerson { .. }
        | Order::ServerDecides { .. } => Some(made_of(&report, &command.order)),
    };
    match result {
        Some(result) => {
            commands::settle(db, id, Which::Number(report.number), result, intake.now()).await
        }
        None => Ok(()),
    }
}

fn made_of(report: &tasks::Reported, order: &Order) -> CommandResult {
    let detail = calls::refusal(&report.answer, order);
    CommandResult { done: detail.is_none(), code: None, detail }
}

/// What became of a person; nothing where another step is to come.
async fn person(
    intake: &Intake,
    known: &VendorTerminal,
    command: &Command,
    report: &tasks::Reported,
) -> Result<Option<CommandResult>, Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    if report.step == WRITE && calls::is_there(&report.answer) {
        commands::advance(db, id, report.number, RENAME).await?;
        return Ok(None);
    }
    let result = made_of(report, &command.order);
    if !result.done || report.step >= FACE {
        return Ok(Some(result));
    }
    let holder = Holder::of(intake, known, &command.order, None).await?;
    if holder.is_none_or(|holder| holder.photo.is_none()) {
        return Ok(Some(result));
    }
    commands::advance(db, id, report.number, FACE).await?;
    Ok(None)
}

/// A page of records that were asked for; nothing where another one is to come.
async fn records(
    intake: &Intake,
    known: &VendorTerminal,
    command: &Command,
    report: &tasks::Reported,
) -> Result<Option<CommandResult>, Error> {
    let Some((facts, more)) = callback::listed(&report.answer) else {
        return Ok(Some(failed("没有记录清单 no list of records")));
    };
    let now = intake.now();
    intake.record(known, facts.into_iter().map(|fact: Fact| (fact, now))).await?;
    if more {
        let next = command.steps_done.max(report.step) + 1;
        commands::advance(&intake.state.db, known.terminal.id, report.number, next).await?;
        return Ok(None);
    }
    Ok(Some(CommandResult { done: true, code: Some(report.step + 1), detail: None }))
}

/// A page of those whom the device holds; nothing where another one is to come. When all are there,
/// they are compared with whom it should hold.
async fn persons(
    intake: &Intake,
    known: &VendorTerminal,
    command: &Command,
    report: &tasks::Reported,
) -> Result<Option<CommandResult>, Error> {
    let (db, id, now) = (&intake.state.db, known.terminal.id, intake.now());
    let open = commands::fetched(db, id, "list_persons", now).await?;
    // The same page said twice must not begin a second list, from which the others are missing.
    if report.step != command.steps_done || open.iter().all(|one| one.number != report.number) {
        return Ok(None);
    }
    let Some(held) = calls::listed(&report.answer) else {
        return Ok(Some(failed("没有人员清单 no list of persons")));
    };
    listings::keep(db, known, report.number, held.handles, now).await?;
    if held.more {
        commands::advance(db, id, report.number, report.step + 1).await?;
        return Ok(None);
    }
    listings::compare(db, known, report.number, now).await?;
    Ok(Some(CommandResult { done: true, code: Some(report.step + 1), detail: None }))
}
