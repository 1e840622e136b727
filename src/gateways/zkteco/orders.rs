//! Orders as the lines that devices understand. An order may take several lines; their ids are its
//! number, ten times, and the line's place. Pure.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::time;
use crate::{
    gateways::{answers::Refusal, holders::Holder},
    terminals::{
        Family,
        commands::{Command, CommandResult, Order},
    },
};

/// Lines of one order, at most; their places are the last digit of an id.
const LINES_MAX: i64 = 10;
/// The places of a person's lines begin after this where a photo is among them, so that a result
/// says by its id alone whether it is the last.
const WITH_PHOTO: i64 = 3;
/// The result is still to come.
const PENDING: i64 = -5000;

/// The lines of a command, each with its id, as an answer to a poll.
pub fn lines(
    family: Family,
    command: &Command,
    holder: Option<&Holder>,
    zone: Tz,
    now: DateTime<Utc>,
) -> String {
    let lines = words(family, &command.order, holder, zone, now);
    let has_photo = holder.is_some_and(|holder| holder.photo.is_some());
    let first = command.number * LINES_MAX + 1 + if has_photo { WITH_PHOTO } else { 0 };
    let mut text = String::new();
    for (id, line) in (first..).zip(lines) {
        writeln!(text, "C:{id}:{line}").expect("a String takes all text");
    }
    text
}

fn words(
    family: Family,
    order: &Order,
    holder: Option<&Holder>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Vec<String> {
    let local = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    let text = |at| local(at).format("%Y-%m-%d %H:%M:%S").to_string();
    let attends = family == Family::ZktecoAtt;
    match order {
        Order::OpenDoor { .. } if attends => vec!["AC_UNLOCK".into()],
        Order::OpenDoor { seconds } => vec![format!("CONTROL DEVICE 010101{seconds:02X}")],
        Order::Restart if attends => vec!["REBOOT".into()],
        Order::Restart => vec!["CONTROL DEVICE 03000000".into()],
        Order::SyncTime => {
            let option = if attends { "OPTION" } else { "OPTIONS" };
            vec![format!("SET {option} DateTime={}", time::to_seconds(local(now)))]
        }
        Order::QueryRecords { from, to } if attends => {
            vec![format!("DATA QUERY ATTLOG StartTime={}\tEndTime={}", text(*from), text(*to))]
        }
        Order::QueryRecords { from, to } => vec![format!(
            "DATA QUERY tablename=transaction,fielddesc=*,filter=starttime={}\tendtime={}",
            text(*from),
            text(*to)
        )],
        Order::HoldPerson { .. } => holder.map(|holder| hold(attends, holder)).unwrap_or_default(),
        Order::RemovePerson { .. } => {
            holder.map(|holder| remove(attends, &holder.number)).unwrap_or_default()
        }
        Order::ServerDecides { on } => {
            vec![format!("SET OPTIONS AutoServerFunOn={}", u8::from(*on))]
        }
        Order::ListPersons => vec!["DATA QUERY tablename=user,fielddesc=*,filter=*".into()],
    }
}

/// Somebody who may enter. Access terminals keep the door shut without the second line.
fn hold(attends: bool, Holder { number, name, photo }: &Holder) -> Vec<String> {
    let mut lines = if attends {
        vec![format!("DATA UPDATE USERINFO PIN={number}\tName={name}\tPri=0\tGrp=1")]
    } else {
        vec![
            format!(
                "DATA UPDATE user CardNo=\tPin={number}\tPassword=\tGroup=0\tStartTime=0\t\
                 EndTime=0\tName={name}\tPrivilege=0"
            ),
            format!(
                "DATA UPDATE userauthorize Pin={number}\tAuthorizeTimezoneId=1\t\
                 AuthorizeDoorId=1\tDevID=1"
            ),
        ]
    };
    if let Some(photo) = photo {
        let content = BASE64_STANDARD.encode(photo);
        let table = if attends { "BIOPHOTO" } else { "biophoto" };
        lines.push(format!(
            "DATA UPDATE {table} PIN={number}\tType=9\tSize={}\tContent={content}\tFormat=0\t\
             Url=\tPostBackTmpFlag=0",
            content.len()
        ));
    }
    lines
}

fn remove(attends: bool, handle: &str) -> Vec<String> {
    if attends {
        return vec![format!("DATA DELETE USERINFO PIN={handle}")];
    }
    vec![
        format!("DATA DELETE userauthorize Pin={handle}"),
        format!("DATA DELETE biophoto PIN={handle}"),
        format!("DATA DELETE user Pin={handle}"),
    ]
}

/// The command that an id belongs to, and the line's place in it.
pub fn number_of(id: &str) -> Option<(i64, i64)> {
    let id: i64 = id.parse().ok().filter(|id| *id > LINES_MAX)?;
    Some((id / LINES_MAX, id % LINES_MAX))
}

/// What a line's result says of its whole order; nothing while other lines are to come.
pub fn verdict(family: Family, order: &Order, place: i64, code: i64) -> Option<CommandResult> {
    if code == PENDING {
        return None;
    }
    // To forget somebody who is not there is done already.
    let unknown = if family == Family::ZktecoAtt { -10 } else { -27 };
    let gone = matches!(order, Order::RemovePerson { .. }) && code == unknown;
    let is_last = match (order, family) {
        (Order::HoldPerson { .. }, Family::ZktecoAcc) => [2, WITH_PHOTO + 3].contains(&place),
        (Order::HoldPerson { .. }, _) => [1, WITH_PHOTO + 2].contains(&place),
        (Order::RemovePerson { .. }, Family::ZktecoAcc) => place == 3,
        _ => place == 1,
    };
    let done = code >= 0 || gone;
    let is_person = matches!(order, Order::HoldPerson { .. });
    let detail =
        (!done && is_person).then(|| refusal(family, code).told(&code.unsigned_abs().to_string()));
    (!done || is_last).then_some(CommandResult { done, code: Some(code), detail })
}

/// What a device did not like about a person, by its return code.
fn refusal(family: Family, code: i64) -> Refusal {
    match (family, code) {
        (Family::ZktecoAtt, -1001) | (Family::ZktecoAcc, -604 | -18 | -3) => Refusal::Full,
        (Family::ZktecoAtt, -2 | -9 | -11) | (Family::ZktecoAcc, -30 | -26 | -631 | -632) => {
            Refusal::BadPhoto
        }
        _ => Refusal::Other,
    }
}

/// What a device did not like about a face, as its table of errors says it afterwards; nothing for
/// an error that is not about one.
pub fn bad_face(code: &str) -> Option<CommandResult> {
    let is_about_one = code.starts_with("D01E");
    is_about_one.then(|| CommandResult {
        done: false,
        code: None,
        detail: Some(Refusal::BadPhoto.told(code)),
    })
}
