//! Simulated devices of every family: what they recorded, in the bytes in which their firmware tells
//! it. They keep what they saw and tell it as often as they are made to.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use serde_json::json;

use crate::support::{TestTown, device::Bytes};

/// Every family, by the word under which staff claim it.
pub const FAMILIES: [&str; 7] =
    ["zkteco_acc", "zkteco_att", "hikvision", "fcard", "dahua", "uniubi", "hq"];

/// Records of one request, where a protocol takes several.
const BATCH: usize = 8;
const CHINA_S: i32 = 8 * 3_600;

/// A device at a door, as its firmware speaks.
#[derive(Clone)]
pub struct Device {
    pub family: &'static str,
    pub serial: String,
    /// Stands in the path where the family has one of its own.
    token: String,
    pub id: String,
    /// How far its clock is ahead.
    pub ahead: TimeDelta,
}

/// Somebody at the door.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The device's running number for it.
    pub number: u32,
    pub person: String,
    /// When it really was.
    pub at: DateTime<Utc>,
    pub is_exit: bool,
    pub is_refused: bool,
}

impl Device {
    /// One that staff have claimed for a door of a venue of its own.
    pub async fn claimed(town: &TestTown, family: &'static str, n: usize) -> Self {
        let venue = town.venue(&format!("{family}-{n}"), json!({})).await;
        let serial = format!("SIM{n}{}", family.replace('_', ""));
        let claimed = town.claim(&venue, family, &serial, "both").await;
        let token = claimed["path_token"].as_str().unwrap_or_default().to_owned();
        let id = claimed["id"].as_str().unwrap().to_owned();
        Self { family, serial, token, id, ahead: TimeDelta::zero() }
    }

    /// Whether its records say which way somebody went; others stand at an entrance.
    pub fn knows_ways(&self) -> bool {
        !["uniubi", "hq"].contains(&self.family)
    }

    /// Whether it reports whom it refused.
    pub fn tells_refusals(&self) -> bool {
        self.family != "zkteco_att"
    }

    /// Whether its clock can be measured.
    pub fn tells_time(&self) -> bool {
        ["zkteco_acc", "hikvision", "hq"].contains(&self.family)
    }

    fn clock(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        (at + self.ahead).with_timezone(&FixedOffset::east_opt(CHINA_S).unwrap())
    }

    fn local(&self, at: DateTime<Utc>) -> String {
        self.clock(at).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// What it sends to say that it lives, with its clock where the protocol has one.
    pub fn heartbeat(&self, now: DateTime<Utc>) -> Bytes {
        let (serial, token) = (&self.serial, &self.token);
        match self.family {
            "zkteco_acc" => posts(
                &format!("/iclock/cdata?SN={serial}&table=rtstate"),
                "application/push;charset=UTF-8",
                &format!("time={}\tsensor=00\trelay=00\talarm=0000", self.local(now)),
            ),
            "zkteco_att" => Bytes::new("GET", &format!("/iclock/getrequest?SN={serial}"), b""),
            "hikvision" => {
                let body = json!({ "eventType": "heartBeat", "shortSerialNumber": serial,
                    "dateTime": self.clock(now).to_rfc3339() });
                posts(&format!("/hikvision/{token}"), "application/json", &body.to_string())
            }
            "fcard" => {
                let body = json!({ "SN": serial, "RelayStatus": 0 }).to_string();
                posts("/Device/Keepalive", "application/json", &body)
            }
            "dahua" => Bytes::new("POST", &format!("/dahua/{token}/keepalive"), b""),
            "uniubi" => Bytes::new("POST", &format!("/uniubi/{token}/heartbeat"), b"{}"),
            _ => {
                let time = self.clock(now).format("%Y-%m-%dT%H:%M:%S").to_string();
                let body = json!({ "operator": "HeartBeat",
                    "info": { "DeviceID": serial, "Time": time } });
                let path = format!("/hq/{token}/heartbeat");
                posts(&path, "application/json", &body.to_string())
            }
        }
    }

    /// Its records as requests, in their order, as many a request as the protocol takes.
    pub fn tells(&self, records: &[Seen]) -> Vec<Bytes> {
        match self.family {
            "zkteco_acc" | "zkteco_att" => {
                records.chunks(BATCH).map(|batch| self.rows(batch)).collect()
            }
            _ => records.iter().map(|seen| self.one(seen)).collect(),
        }
    }

    fn rows(&self, batch: &[Seen]) -> Bytes {
        let serial = &self.serial;
        let is_acc = self.family == "zkteco_acc";
        let row = |seen: &Seen| {
            let (time, pin, way) = (self.local(seen.at), &seen.person, u8::from(seen.is_exit));
            if !is_acc {
                return format!("{pin}\t{time}\t{way}\t15\t0\t0\t0");
            }
            let (event, number) = (if seen.is_refused { 23 } else { 0 }, seen.number);
            format!(
                "time={time}\tpin={pin}\tcardno=0\teventaddr=1\tevent={event}\t\
                 inoutstatus={way}\tverifytype=15\tindex={number}"
            )
        };
        let table = if is_acc { "rtlog" } else { "ATTLOG&Stamp=9999" };
        let path = format!("/iclock/cdata?SN={serial}&table={table}");
        let rows: Vec<String> = batch.iter().map(row).collect();
        posts(&path, "application/push;charset=UTF-8", &rows.join("\r\n"))
    }

    fn one(&self, seen: &Seen) -> Bytes {
        let (serial, token, person) = (&self.serial, &self.token, &seen.person);
        let unix = self.clock(seen.at);
        match self.family {
            "hikvision" => {
                let minor = if seen.is_refused { 76 } else { 75 };
                let body = json!({
                    "dateTime": unix.to_rfc3339(), "eventType": "AccessControllerEvent",
                    "shortSerialNumber": serial,
                    "AccessControllerEvent": {
                        "majorEventType": 5, "subEventType": minor, "employeeNoString": person,
                        "serialNo": seen.number, "frontSerialNo": seen.number - 1, "cardReaderNo": 1 + u8::from(seen.is_exit),
                    },
                });
                posts(&format!("/hikvision/{token}"), "application/json", &body.to_string())
            }
            "fcard" => {
                let detail = json!({
                    "RecordID": seen.number, "RecordType": if seen.is_refused { 17 } else { 3 },
                    "RecordDate": unix.timestamp(), "UserID": person,
                    "IsEntry": u8::from(!seen.is_exit),
                });
                let part = |name: &str, text: &str| {
                    format!(
                        "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
                    )
                };
                let body = part("SN", serial) + &part("RecordDetail", &detail.to_string());
                let kind = "multipart/form-data; boundary=b";
                posts("/Record/UploadIdentifyRecord", kind, &(body + "--b--\r\n"))
            }
            "dahua" => {
                let body = json!({ "Channel": 0, "Events": [{
                    "Action": "Pulse", "Code": "AccessControl", "Index": 0,
                    "PhysicalAddress": serial,
                    "Data": {
                        "UserID": person, "Method": 15, "Status": u8::from(!seen.is_refused),
                        "ErrorCode": 0, "Door": 0,
                        "Type": if seen.is_exit { "Exit" } else { "Entry" },
                        "UTC": unix.timestamp(), "RealUTC": unix.timestamp(),
                    },
                }] });
                posts(&format!("/dahua/{token}"), "application/json", &body.to_string())
            }
            "uniubi" => {
                let kind = if seen.is_refused { "face_1" } else { "face_0" };
                let body = json!({ "personId": person, "deviceKey": serial, "type": kind,
                    "time": unix.timestamp_millis().to_string() });
                posts(&format!("/uniubi/{token}"), "application/json", &body.to_string())
            }
            _ => {
                let body = json!({ "operator": "VerifyPush", "info": {
                    "DeviceID": serial, "CustomizeID": person,
                    "VerifyStatus": 1 + u8::from(seen.is_refused), "VerfyType": 1,
                    "CreateTime": unix.format("%Y-%m-%dT%H:%M:%S").to_string(),
                    "Sendintime": 0, "nRecordIndex": seen.number,
                } });
                let path = format!("/hq/{token}/Verify");
                posts(&path, "application/json", &body.to_string())
            }
        }
    }

    /// What it must hear so that it does not tell `told` again.
    pub fn is_content_with(&self, answer: &str) -> bool {
        match self.family {
            "zkteco_acc" => answer == "OK",
            "zkteco_att" => answer.starts_with("OK: "),
            "fcard" => answer == r#"{"Success":1}"#,
            "hq" => answer == r#"{"code":200,"desc":"OK"}"#,
            // Any 200 will do.
            _ => true,
        }
    }
}

fn posts(path: &str, content_type: &str, body: &str) -> Bytes {
    let header = format!("Content-Type: {content_type}");
    Bytes::new("POST", path, body.as_bytes()).with(&header)
}
