//! Orders and persons as the calls that these devices take, and what they answer: mostly lines of
//! `name=value`. A person is an opaque number, and so is the name where the venue wants none. Pure.
//!
//! Writing persons and faces and opening doors is in the documents that came with this project's
//! samples. How a person is found and deleted (`recordFinder.cgi` gives the record's number,
//! `recordUpdater.cgi?action=remove` takes it, `FaceInfoManager.cgi?action=remove` the face), the
//! listing (`doSeekFind`), the clock (`global.cgi`), the restart (`magicBox.cgi`) and the query of
//! records are Dahua's public HTTP API for access control, as Intelbras documents it too.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;

use crate::{
    gateways::{
        answers::{Held, Refusal},
        calls::{Call, escape},
        dahua::lines,
    },
    terminals::commands::Order,
};

/// Persons of one page.
const PAGE: u32 = 100;
/// Records of one query: with a larger number some firmware forgets the times.
pub const RECORDS: u32 = 1_000;
const CARDS: &str = "/cgi-bin/recordFinder.cgi";
const UPDATE: &str = "/cgi-bin/recordUpdater.cgi";
const FACES: &str = "/cgi-bin/FaceInfoManager.cgi";

/// The call that carries an order out; none for what is carried out otherwise.
pub fn of(order: &Order, zone: Tz, now: DateTime<Utc>) -> Option<Call> {
    match order {
        Order::OpenDoor { .. } => {
            Some(Call::get("/cgi-bin/accessControl.cgi?action=openDoor&channel=1&Type=Remote"))
        }
        Order::Restart => Some(Call::get("/cgi-bin/magicBox.cgi?action=reboot")),
        Order::SyncTime => {
            let local = now.with_timezone(&zone).format("%Y-%m-%d%%20%H:%M:%S");
            Some(Call::get(format!("/cgi-bin/global.cgi?action=setCurrentTime&time={local}")))
        }
        Order::ServerDecides { on } => {
            // Online, or events only; after so many seconds without an answer it decides itself.
            let mode = if *on { 2 } else { 1 };
            Some(Call::get(format!(
                "/cgi-bin/configManager.cgi?action=setConfig&Intelbras_ModeCfg.DeviceMode={mode}\
                 &Intelbras_ModeCfg.RemoteCheckTimeout=5"
            )))
        }
        Order::QueryRecords { .. }
        | Order::HoldPerson { .. }
        | Order::RemovePerson { .. }
        | Order::ListPersons => None,
    }
}

/// Asks for the records of a person's card, by which a person is held.
pub fn find(number: &str) -> Call {
    Call::get(format!("{CARDS}?action=find&name=AccessControlCard&condition.UserID={number}"))
}

/// The numbers of a person's records; none if it is no such answer.
pub fn found(bytes: &[u8], number: &str) -> Option<Vec<u64>> {
    let listed = lines::records(bytes)?;
    let theirs = listed.iter().filter(|fields| fields.text("UserID") == number);
    let record = |fields: &crate::gateways::json::Fields| fields.text("RecNo").parse().ok();
    Some(theirs.filter_map(record).collect())
}

/// Writes a person who may pass at all times. A device wants a name: without one it is the number.
pub fn insert(number: &str, name: &str) -> Call {
    let name = named(number, name);
    Call::get(format!(
        "{UPDATE}?action=insert&name=AccessControlCard&CardName={name}&UserID={number}&CardNo=\
         &CardStatus=0&Doors[0]=0&TimeSections[0]=255&ValidDateStart=20200101%20000000\
         &ValidDateEnd=20371231%20235959"
    ))
}

/// Gives another name to a person who is there.
pub fn rename(record: u64, number: &str, name: &str) -> Call {
    let name = named(number, name);
    Call::get(format!(
        "{UPDATE}?action=update&name=AccessControlCard&recno={record}&CardName={name}"
    ))
}

fn named(number: &str, name: &str) -> String {
    escape(if name.is_empty() { number } else { name })
}

/// Deletes one record of a person.
pub fn remove(record: u64) -> Call {
    Call::get(format!("{UPDATE}?action=remove&name=AccessControlCard&recno={record}"))
}

/// Writes the face of a person.
pub fn face(number: &str, jpeg: &[u8]) -> Call {
    let picture = BASE64_STANDARD.encode(jpeg);
    let face = json!({ "UserID": number, "Info": { "PhotoData": [picture] } });
    Call::json("POST", format!("{FACES}?action=add"), &face)
}

/// Deletes the face of a person.
pub fn forget_face(number: &str) -> Call {
    Call::get(format!("{FACES}?action=remove&UserID={number}"))
}

/// One page of those whom the device holds, from the `position`th on.
pub fn page(position: u32) -> Call {
    Call::get(format!(
        "{CARDS}?action=doSeekFind&name=AccessControlCard&count={PAGE}&offset={position}"
    ))
}

/// Reads a page of persons, by the numbers that stand for them; none if it is no such page.
pub fn listed(bytes: &[u8]) -> Option<Held> {
    let rows = lines::records(bytes)?;
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let numbers = rows.iter().filter_map(|fields| fields.get("UserID")).map(str::to_owned);
    Some(Held { handles: numbers.collect(), count, more: count >= PAGE })
}

/// Asks for the records between two times, the oldest first.
pub fn records(from: DateTime<Utc>, to: DateTime<Utc>) -> Call {
    let (from, to) = (from.timestamp(), to.timestamp());
    Call::get(format!(
        "{CARDS}?action=find&name=AccessControlCardRec&StartTime={from}&EndTime={to}&count={RECORDS}"
    ))
}

/// What a device says of an order or a person: nothing if all is well.
pub fn refusal(is_success: bool, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]);
    let text = text.trim();
    if is_success && !text.starts_with("Error") {
        return None;
    }
    let own = text.trim_start_matches("Error").trim();
    Some(Refusal::of_words(own).told(if own.is_empty() { "unknown" } else { own }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::survive;

    const LISTED: &str = "found=2\r\nrecords[0].UserID=7\r\nrecords[0].RecNo=3\r\n\
                          records[1].CardName=x\r\nrecords[1].UserID=8\r\nrecords[1].RecNo=4\r\n";

    #[test]
    fn persons_are_found_by_number_and_listed() {
        assert_eq!(found(LISTED.as_bytes(), "8"), Some(vec![4]));
        assert_eq!(found(b"found=0", "8"), Some(Vec::new()));
        assert_eq!((found(b"Error", "8"), listed(b"")), (None, None));
        let held = listed(LISTED.as_bytes()).unwrap();
        assert_eq!((held.count, held.more), (2, false));
        assert_eq!(held.handles.into_iter().collect::<Vec<_>>(), ["7", "8"]);
    }

    #[test]
    fn orders_and_persons_are_told_in_paths() {
        let now = "2026-11-23T02:00:00Z".parse().unwrap();
        let clock = of(&Order::SyncTime, chrono_tz::Asia::Shanghai, now).unwrap();
        assert!(clock.path.ends_with("time=2026-11-23%2010:00:00"), "{}", clock.path);
        let asks = of(&Order::ServerDecides { on: true }, chrono_tz::Asia::Shanghai, now).unwrap();
        assert!(asks.path.contains("DeviceMode=2&"), "{}", asks.path);
        assert!(insert("7", "").path.contains("CardName=7&UserID=7&"));
        assert!(insert("7", "张*").path.contains("CardName=%E5%BC%A0%2A&UserID=7&"));
        assert!(rename(3, "7", "").path.ends_with("&recno=3&CardName=7"));
        assert_eq!(
            remove(3).path,
            "/cgi-bin/recordUpdater.cgi?action=remove&name=AccessControlCard&recno=3"
        );
        let face: serde_json::Value = serde_json::from_slice(&face("7", b"\xff\xd8").body).unwrap();
        assert_eq!(face["Info"]["PhotoData"][0], "/9g=");
    }

    #[test]
    fn answers_say_which_kind_of_refusal_it_is() {
        assert_eq!(refusal(true, b"OK\r\n"), None);
        assert_eq!(refusal(true, b"RecNo=1"), None);
        assert_eq!(refusal(true, b"Error\nBad Request!").unwrap(), "未写入 not taken: BadRequest");
        assert!(refusal(false, br#"{"error":"Photo quality"}"#).unwrap().starts_with("照片不合格"));
        assert!(refusal(false, b"").unwrap().ends_with("unknown"));
    }

    #[test]
    fn no_mutation_stops_the_readers_of_answers() {
        survive("dahua_answers", &[LISTED.into(), b"Error\nFull".to_vec()]);
    }
}
