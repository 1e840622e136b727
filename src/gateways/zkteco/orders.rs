//! Orders as the lines that devices understand. An order may take several lines; their ids are its
//! number, ten times, and the line's place. Pure.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::time;
use crate::terminals::{
    Family,
    commands::{Command, CommandResult, Order},
};

/// Lines of one order, at most; their places are the last digit of an id.
const LINES_MAX: i64 = 10;
/// The result is still to come.
const PENDING: i64 = -5000;

/// The lines of a command, each with its id, as an answer to a poll.
pub fn lines(family: Family, command: &Command, zone: Tz, now: DateTime<Utc>) -> String {
    let lines = words(family, &command.order, zone, now);
    let ids = (command.number * LINES_MAX + 1)..;
    let mut text = String::new();
    for (id, line) in ids.zip(lines) {
        writeln!(text, "C:{id}:{line}").expect("a String takes all text");
    }
    text
}

fn words(family: Family, order: &Order, zone: Tz, now: DateTime<Utc>) -> Vec<String> {
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
        Order::HoldPerson { handle } => hold(attends, handle),
        Order::RemovePerson { handle } => remove(attends, handle),
    }
}

/// A number that may enter; no name goes with it. Access terminals keep the door shut without the
/// second line.
fn hold(attends: bool, handle: &str) -> Vec<String> {
    if attends {
        return vec![format!("DATA UPDATE USERINFO PIN={handle}\tName=\tPri=0\tGrp=1")];
    }
    vec![
        format!(
            "DATA UPDATE user CardNo=\tPin={handle}\tPassword=\tGroup=0\tStartTime=0\tEndTime=0\t\
             Name=\tPrivilege=0"
        ),
        format!(
            "DATA UPDATE userauthorize Pin={handle}\tAuthorizeTimezoneId=1\tAuthorizeDoorId=1\t\
             DevID=1"
        ),
    ]
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
    let last = match (order, family) {
        (Order::HoldPerson { .. }, Family::ZktecoAcc) => 2,
        (Order::RemovePerson { .. }, Family::ZktecoAcc) => 3,
        _ => 1,
    };
    let done = code >= 0 || gone;
    (!done || place == last).then_some(CommandResult { done, code: Some(code), detail: None })
}
