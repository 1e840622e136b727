//! Orders as the calls that these devices take. Pure.

use chrono::{DateTime, Offset as _, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::json;

use super::xml;
use crate::{
    gateways::calls::{Call, XML},
    terminals::commands::Order,
};

/// Records of one page; devices give no more.
const PAGE: u32 = 30;

/// The call that carries an order out; none for what is carried out otherwise.
pub fn of(order: &Order, zone: Tz, now: DateTime<Utc>) -> Option<Call> {
    match order {
        Order::OpenDoor { .. } => Some(Call {
            method: "PUT",
            path: "/ISAPI/AccessControl/RemoteControl/door/1".into(),
            content_type: XML,
            body: "<RemoteControlDoor version=\"2.0\" \
                   xmlns=\"http://www.isapi.org/ver20/XMLSchema\">\n  <cmd>open</cmd>\n\
                   </RemoteControlDoor>\n"
                .into(),
        }),
        Order::Restart => Some(Call {
            method: "PUT",
            path: "/ISAPI/System/reboot".into(),
            content_type: XML,
            body: Vec::new(),
        }),
        Order::SyncTime => Some(Call {
            method: "PUT",
            path: "/ISAPI/System/time".into(),
            content_type: XML,
            body: time(zone, now).into_bytes(),
        }),
        Order::ServerDecides { on } => {
            let asks = json!({ "AcsCfg": {
                "remoteCheckDoorEnabled": on, "checkChannelType": "ISAPIListen",
            } });
            Some(Call::json("PUT", "/ISAPI/AccessControl/AcsCfg?format=json", &asks))
        }
        Order::QueryRecords { .. }
        | Order::HoldPerson { .. }
        | Order::RemovePerson { .. }
        | Order::ListPersons => None,
    }
}

/// The device's clock: local time with its offset, and the zone with the sign of POSIX.
fn time(zone: Tz, now: DateTime<Utc>) -> String {
    let local = now.with_timezone(&zone);
    let east_s = local.offset().fix().local_minus_utc();
    let sign = if east_s >= 0 { '-' } else { '+' };
    let (hours, minutes) = (east_s.abs() / 3600, east_s.abs() / 60 % 60);
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <Time version='2.0' xmlns='http://www.isapi.org/ver20/XMLSchema'>\n    \
         <timeMode>manual</timeMode>\n    <localTime>{}</localTime>\n    \
         <timeZone>{}</timeZone>\n</Time>\n",
        local.to_rfc3339_opts(SecondsFormat::Secs, false),
        xml::escape(&format!("CST{sign}{hours}:{minutes:02}:00")),
    )
}

/// One page of the records between two times, from the `position`th on.
pub fn page(search: &str, position: u32, from: DateTime<Utc>, to: DateTime<Utc>, zone: Tz) -> Call {
    let text =
        |at: DateTime<Utc>| at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false);
    let condition = json!({
        "AcsEventCond": {
            "searchID": search, "searchResultPosition": position, "maxResults": PAGE, "major": 5,
            "minor": 0, "startTime": text(from), "endTime": text(to),
        },
    });
    Call::json("POST", "/ISAPI/AccessControl/AcsEvent?format=json", &condition)
}

/// Our answer to a device that asked about somebody, with the sentence for its display.
pub fn checked(number: i64, granted: bool, sentence: &str) -> Call {
    let result = if granted { "success" } else { "failed" };
    let check = json!({ "RemoteCheck": {
        "serialNo": number, "checkResult": result, "info": sentence,
    } });
    Call::json("PUT", "/ISAPI/AccessControl/remoteCheck?format=json", &check)
}
