//! The blocks of settings that devices are told when they connect. Pure.

use chrono::{DateTime, Offset as _, Utc};
use chrono_tz::Tz;

/// How an access terminal is to push: at once, polling every two seconds. The version keeps it in
/// clear text; newer ones want the vendor's closed library.
const ACC: &str = "ErrorDelay=60\nRequestDelay=2\nTransTimes=00:00;14:00\nTransInterval=1\n\
                   TransTables=User Transaction\nRealtime=1\n";

/// What a registered access terminal is told when it connects.
pub fn registered(registry_code: &str, session: &str) -> String {
    format!(
        "registry=ok\nRegistryCode={registry_code}\nServerVersion=3.0.1\nServerName=ADMS\n\
         PushProtVer=3.0.1\n{ACC}SessionID={session}\nTimeoutSec=10\n"
    )
}

/// What an access terminal is told when it asks how to push.
pub fn push(session: &str) -> String {
    format!(
        "ServerVersion=3.0.1\nServerName=ADMS\nPushVersion=3.0.1\n{ACC}SessionID={session}\n\
         TimeoutSec=10\n"
    )
}

/// What an attendance terminal is told when it connects. The marks say: send what is new.
pub fn attendance(serial: &str, zone: Tz, now: DateTime<Utc>) -> String {
    format!(
        "GET OPTION FROM: {serial}\nATTLOGStamp=None\nOPERLOGStamp=9999\nATTPHOTOStamp=None\n\
         ErrorDelay=30\nDelay=10\nTransTimes=00:00;14:05\nTransInterval=1\n\
         TransFlag=TransData AttLog\tOpLog\tAttPhoto\tEnrollUser\tChgUser\tEnrollFP\tChgFP\tUserPic\n\
         TimeZone={}\nRealtime=1\nEncrypt=None\n",
        attendance_zone(zone, now)
    )
}

fn offset_s(zone: Tz, now: DateTime<Utc>) -> i32 {
    now.with_timezone(&zone).offset().fix().local_minus_utc()
}

/// Whole hours east, or minutes where the hours are not whole: a fraction would be cut.
fn attendance_zone(zone: Tz, now: DateTime<Utc>) -> i32 {
    let minutes = offset_s(zone, now) / 60;
    if minutes % 60 == 0 { minutes / 60 } else { minutes }
}

/// The zone as `+0800`.
pub fn zone_text(zone: Tz, now: DateTime<Utc>) -> String {
    let minutes = offset_s(zone, now) / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_told_as_each_protocol_wants_them() {
        let now = DateTime::from_timestamp_millis(1_795_000_000_000).unwrap();
        let told = |zone: Tz| (attendance_zone(zone, now), zone_text(zone, now));
        assert_eq!(told(Tz::Asia__Shanghai), (8, "+0800".into()));
        assert_eq!(told(Tz::Asia__Kolkata), (330, "+0530".into()));
        assert_eq!(told(Tz::America__Sao_Paulo), (-3, "-0300".into()));
    }
}
