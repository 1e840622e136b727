//! Rosters of devices that are called: each person written with their face, or deleted with it, and
//! what the device said of them; once a night whom it holds against whom it should.

use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use super::{
    hikvision::{
        calls::Call,
        people::{self, Removal},
    },
    intake::Intake,
    outward::{Answered, place},
};
use crate::{
    base::{error::Error, ids::TerminalId},
    terminals::{
        Family, VendorTerminal,
        access::{self, Access},
        commands::CommandResult,
        comparison, faces, links, roster,
    },
};

/// Looks at a deletion that goes on, and the pause between two.
const LOOKS_MAX: usize = 20;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Pages of a listing: more persons than any of these devices holds.
const PAGES_MAX: u32 = 4_000;
/// Terminals that are looked after in one round.
const TERMINALS_MAX: u64 = 50;

/// Queues what devices lack or must forget, and compares those that have not been compared today.
pub async fn keep_up(intake: &Intake) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    for id in access::with_rosters(db, Family::Hikvision, TERMINALS_MAX, now).await? {
        let Some(known) = links::by_id(db, Family::Hikvision, id).await? else { continue };
        if comparison::is_due(db, &known, now).await?
            && let Some(access) = access::of(db, &intake.state.keys, id, now).await?
            && let Some(listed) = listed(intake, id, &access).await?
        {
            comparison::compare(db, &known, &listed, now).await?;
        }
        roster::keep_up(db, &intake.caches, &known, now).await?;
    }
    Ok(())
}

/// Whom the device says that it holds; nothing where it did not say all.
async fn listed(
    intake: &Intake,
    id: TerminalId,
    access: &Access,
) -> Result<Option<BTreeSet<String>>, Error> {
    let search = Uuid::now_v7().to_string();
    let mut all = BTreeSet::new();
    let mut position = 0;
    for _ in 0..PAGES_MAX {
        let answered = place(intake, id, access, &people::page(&search, position)).await?;
        let page = answered.and_then(|answered| people::listed(&answered.body));
        let Some(page) = page else { return Ok(None) };
        position += page.count;
        all.extend(page.handles);
        if !page.more || page.count == 0 {
            return Ok(Some(all));
        }
    }
    Ok(None)
}

/// Writes a person, and their face where we may hand it out.
pub async fn hold(
    intake: &Intake,
    known: &VendorTerminal,
    access: &Access,
    handle: &str,
) -> Result<CommandResult, Error> {
    let id = known.terminal.id;
    let result = said(place(intake, id, access, &people::hold(handle)).await?);
    let (db, keys) = (&intake.state.db, &intake.state.keys);
    if !result.done {
        return Ok(result);
    }
    match faces::hand_out(db, keys, id, handle, intake.now()).await? {
        Some(jpeg) => Ok(said(place(intake, id, access, &people::face(handle, &jpeg)).await?)),
        None => Ok(result),
    }
}

/// Deletes a person with their face: done only when the device says that it is.
pub async fn remove(
    intake: &Intake,
    known: &VendorTerminal,
    access: &Access,
    handle: &str,
) -> Result<CommandResult, Error> {
    let id = known.terminal.id;
    let mut result = said(place(intake, id, access, &people::remove(handle)).await?);
    if !result.done {
        return Ok(result);
    }
    for _ in 0..LOOKS_MAX {
        let call: Call = people::removal();
        let answered = place(intake, id, access, &call).await?;
        match answered.map_or(Removal::Failed, |answered| people::removed(&answered.body)) {
            Removal::Done => return Ok(result),
            Removal::Going => tokio::time::sleep(LOOK_EVERY).await,
            Removal::Failed => break,
        }
    }
    result.done = false;
    result.detail = Some("未删除 not deleted".to_owned());
    Ok(result)
}

/// What a device made of a person.
fn said(answered: Option<Answered>) -> CommandResult {
    let Some(answered) = answered else {
        let detail = Some("no answer".to_owned());
        return CommandResult { done: false, code: None, detail };
    };
    let refusal = people::refusal(&answered.body);
    CommandResult {
        done: answered.status.is_success() && refusal.is_none(),
        code: Some(i64::from(answered.status.as_u16())),
        detail: refusal,
    }
}
