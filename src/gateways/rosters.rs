//! Rosters of devices that are called: each person written with their face, or deleted with it, and
//! what the device said of them; once a night whom it holds against whom it should.

use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use super::{
    answers::Held,
    calls::Call,
    dahua::{numbers, people as dahua},
    hikvision::people::{self, Removal},
    hq::calls as hq,
    intake::Intake,
    outward::{Answered, CALLS_LEASE, Reach, failed, lease_of},
    uniubi::calls as uniubi,
};
use crate::{
    base::{error::Error, lease},
    terminals::{
        self, Family, VendorTerminal, access,
        commands::{CommandResult, Order},
        comparison, faces, links, listings, roster,
    },
};

/// Looks at a deletion that goes on, and the pause between two.
const LOOKS_MAX: usize = 20;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Pages of a listing: more persons than any of these devices holds.
const PAGES_MAX: u32 = 4_000;
/// Terminals that are looked after in one round.
const TERMINALS_MAX: u64 = 50;

/// What became of a person; nothing where the device did not answer, and is to be told again.
type Told = Result<Option<CommandResult>, Error>;

/// Queues what devices lack or must forget, and compares those that have not been compared today;
/// devices that fetch their orders are told to say whom they hold.
pub async fn keep_up(intake: &Intake, holder: &str) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    listings::ask_those_due(db, now).await?;
    for (id, family) in access::with_rosters(db, TERMINALS_MAX, now).await? {
        let Some(known) = links::by_id(db, family, id).await? else { continue };
        let name = lease_of(id);
        if comparison::is_due(db, &known, now).await?
            && lease::take(db, &name, holder, now, now + CALLS_LEASE).await?
        {
            let told = compare(intake, &known, holder).await;
            lease::give_back(db, &name, holder).await?;
            told?;
        }
        roster::keep_up(db, &intake.caches, &known, now).await?;
    }
    Ok(())
}

async fn compare(intake: &Intake, known: &VendorTerminal, holder: &str) -> Result<(), Error> {
    let (db, now) = (&intake.state.db, intake.now());
    let Some(access) = access::of(db, &intake.state.keys, known.terminal.id, now).await? else {
        return Ok(());
    };
    let reach = Reach::held(intake, known, &access, holder);
    if let Some(listed) = listed(&reach, known).await? {
        comparison::compare(db, known, &listed, now).await?;
    }
    Ok(())
}

/// Whom the device says that it holds; nothing where it did not say all.
async fn listed(
    reach: &Reach<'_>,
    known: &VendorTerminal,
) -> Result<Option<BTreeSet<String>>, Error> {
    let search = Uuid::now_v7().to_string();
    let mut all = BTreeSet::new();
    let mut position = 0;
    for index in 0..PAGES_MAX {
        let call = match known.family {
            Family::Dahua => dahua::page(position),
            Family::Uniubi => uniubi::page(index),
            Family::Hq => hq::page(&known.terminal.serial, position),
            Family::Hikvision | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => {
                people::page(&search, position)
            }
        };
        let answered = reach.place(&call).await?;
        let page = answered.and_then(|answered| read_page(known.family, &answered.body));
        let Some(page) = page else { return Ok(None) };
        position += page.count;
        all.extend(page.handles);
        if !page.more || page.count == 0 {
            return by_handles(reach, known.family, all).await.map(Some);
        }
    }
    Ok(None)
}

fn read_page(family: Family, body: &[u8]) -> Option<Held> {
    match family {
        Family::Dahua => dahua::listed(body),
        Family::Uniubi => uniubi::listed(body),
        Family::Hq => hq::listed(body),
        Family::Hikvision | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => {
            people::listed(body)
        }
    }
}

/// The handles behind numbers, where a family holds persons under others than ours.
async fn by_handles(
    reach: &Reach<'_>,
    family: Family,
    listed: BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    if family != Family::Dahua {
        return Ok(listed);
    }
    let mut handles = BTreeSet::new();
    for number in listed {
        let handle = match numbers::beginning(&number) {
            Some(beginning) => roster::handle_of(&reach.intake.state.db, &beginning).await?,
            None => None,
        };
        handles.insert(handle.unwrap_or(number));
    }
    Ok(handles)
}

/// Writes a person, and their face where we may hand it out.
pub async fn hold(reach: &Reach<'_>, known: &VendorTerminal, handle: &str) -> Told {
    let name = terminals::name_for(&reach.intake.state.db, known, handle).await?;
    if known.family == Family::Hq {
        let photo = photo(reach, handle).await?;
        let call = hq::hold(&known.terminal.serial, handle, &name, photo.as_deref());
        return asked(reach, &call, |answered| hq::refusal(&answered.body)).await;
    }
    let first = write(reach, known.family, handle, &name).await?;
    if !first.as_ref().is_some_and(|result| result.done) {
        return Ok(first);
    }
    match photo(reach, handle).await? {
        Some(jpeg) => write_face(reach, known.family, handle, &jpeg).await,
        None => Ok(first),
    }
}

async fn photo(reach: &Reach<'_>, handle: &str) -> Result<Option<Vec<u8>>, Error> {
    let state = &reach.intake.state;
    faces::hand_out(&state.db, &state.keys, reach.terminal, handle, reach.intake.now()).await
}

/// Writes a person without a face, or gives them another name where they are there.
async fn write(reach: &Reach<'_>, family: Family, handle: &str, name: &str) -> Told {
    match family {
        Family::Dahua => {
            let number = numbers::of(handle);
            let Some(found) = reach.place(&dahua::find(&number)).await? else { return Ok(None) };
            let records = dahua::found(&found.body, &number).unwrap_or_default();
            let call = match records.first() {
                Some(record) => dahua::rename(*record, &number, name),
                None => dahua::insert(&number, name),
            };
            asked(reach, &call, refused_by_dahua).await
        }
        Family::Uniubi => {
            let order = Order::HoldPerson { handle: handle.to_owned() };
            let call = uniubi::hold(handle, name);
            let Some(answered) = reach.place(&call).await? else { return Ok(None) };
            let refusal = |answered: &Answered| uniubi::refusal(&answered.body, &order);
            if uniubi::is_there(&answered.body) {
                return asked(reach, &uniubi::rename(handle, name), refusal).await;
            }
            Ok(Some(made_of(&answered, refusal(&answered))))
        }
        Family::Hikvision | Family::Hq | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => {
            asked(reach, &people::hold(handle, name), |a| people::refusal(&a.body)).await
        }
    }
}

async fn write_face(reach: &Reach<'_>, family: Family, handle: &str, jpeg: &[u8]) -> Told {
    match family {
        Family::Dahua => {
            let number = numbers::of(handle);
            // An older attempt may have left one behind, and a second is refused as a duplicate.
            if reach.place(&dahua::forget_face(&number)).await?.is_none() {
                return Ok(None);
            }
            asked(reach, &dahua::face(&number, jpeg), refused_by_dahua).await
        }
        Family::Uniubi => {
            let order = Order::HoldPerson { handle: handle.to_owned() };
            asked(reach, &uniubi::face(handle, jpeg), |a| uniubi::refusal(&a.body, &order)).await
        }
        Family::Hikvision | Family::Hq | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => {
            asked(reach, &people::face(handle, jpeg), |a| people::refusal(&a.body)).await
        }
    }
}

/// Deletes a person with their face: done only when the device says that it is.
pub async fn remove(reach: &Reach<'_>, known: &VendorTerminal, handle: &str) -> Told {
    match known.family {
        Family::Dahua => remove_by_record(reach, &numbers::of(handle)).await,
        Family::Uniubi => {
            let order = Order::RemovePerson { handle: handle.to_owned() };
            asked(reach, &uniubi::remove(handle), |a| uniubi::refusal(&a.body, &order)).await
        }
        Family::Hq => {
            let call = hq::remove(&known.terminal.serial, handle);
            asked(reach, &call, |answered| hq::not_removed(&answered.body)).await
        }
        Family::Hikvision | Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => {
            remove_and_watch(reach, handle).await
        }
    }
}

/// The face first, since without the person nobody would find it any more; then each record of the
/// person; and at last the device is asked whether there is none left.
async fn remove_by_record(reach: &Reach<'_>, number: &str) -> Told {
    let Some(face) = reach.place(&dahua::forget_face(number)).await? else { return Ok(None) };
    for last in [false, true] {
        let Some(found) = reach.place(&dahua::find(number)).await? else { return Ok(None) };
        let Some(records) = dahua::found(&found.body, number) else {
            return Ok(Some(failed("未删除 not deleted: no list")));
        };
        if records.is_empty() {
            let code = Some(i64::from(face.status.as_u16()));
            return Ok(Some(CommandResult { done: true, code, detail: None }));
        }
        for record in records.into_iter().filter(|_| !last) {
            if reach.place(&dahua::remove(record)).await?.is_none() {
                return Ok(None);
            }
        }
    }
    Ok(Some(failed("未删除 not deleted")))
}

/// A deletion that the device does in its own time.
async fn remove_and_watch(reach: &Reach<'_>, handle: &str) -> Told {
    let told = asked(reach, &people::remove(handle), |a| people::refusal(&a.body)).await?;
    let mut result = match told {
        Some(result) if result.done => result,
        told => return Ok(told),
    };
    for _ in 0..LOOKS_MAX {
        let answered = reach.place(&people::removal()).await?;
        match answered.map_or(Removal::Failed, |answered| people::removed(&answered.body)) {
            Removal::Done => return Ok(Some(result)),
            Removal::Going => tokio::time::sleep(LOOK_EVERY).await,
            Removal::Failed => break,
        }
    }
    result.done = false;
    result.detail = Some("未删除 not deleted".to_owned());
    Ok(Some(result))
}

fn refused_by_dahua(answered: &Answered) -> Option<String> {
    dahua::refusal(answered.status.is_success(), &answered.body)
}

/// What a device made of a person.
async fn asked(
    reach: &Reach<'_>,
    call: &Call,
    refusal: impl Fn(&Answered) -> Option<String>,
) -> Told {
    let Some(answered) = reach.place(call).await? else { return Ok(None) };
    let refusal = refusal(&answered);
    Ok(Some(made_of(&answered, refusal)))
}

fn made_of(answered: &Answered, refusal: Option<String>) -> CommandResult {
    CommandResult {
        done: answered.status.is_success() && refusal.is_none(),
        code: Some(i64::from(answered.status.as_u16())),
        detail: refusal,
    }
}
