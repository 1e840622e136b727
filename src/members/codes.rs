//! The code on a telephone that opens doors without a face: who, and since when, signed, good for
//! half a minute. In base32, since readers of QR codes garble everything else.

use base32::Alphabet;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::base::{ids::MemberId, keys::Keys};

/// How long a code opens doors.
pub const CODE_LIFE: TimeDelta = TimeDelta::seconds(30);
/// A terminal's clock is known to the nearest five seconds: a code may seem to come early.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(5);
/// Stands before everything else; another form brings another number.
const VERSION: u8 = 1;
/// Version, member, and seconds since 1970.
const SAID_BYTES: usize = 1 + 16 + 4;
const ALPHABET: Alphabet = Alphabet::Rfc4648 { padding: false };
/// Longer than any code.
const TEXT_BYTES_MAX: usize = 256;

/// A code that was made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorCode {
    /// What the QR code holds.
    pub text: String,
    pub valid_to: DateTime<Utc>,
}

/// Makes a code for a member.
pub fn door_code(keys: &Keys, member: MemberId, now: DateTime<Utc>) -> DoorCode {
    let seconds = u32::try_from(now.timestamp()).unwrap_or_default();
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(member.0.as_bytes());
    bytes.extend_from_slice(&seconds.to_be_bytes());
    let signature = keys.sign_code(&bytes);
    bytes.extend_from_slice(&signature);
    DoorCode { text: base32::encode(ALPHABET, &bytes), valid_to: issued(seconds) + CODE_LIFE }
}

/// What a code that this deployment signed says; whether it is still good is a question of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCode {
    pub member: MemberId,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Reads a code; nothing that is none, or that somebody else signed.
pub fn read_code(keys: &Keys, text: &str) -> Option<ReadCode> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let bytes = base32::decode(ALPHABET, text)?;
    let (said, signature) = bytes.split_at_checked(SAID_BYTES)?;
    let (version, rest) = said.split_first()?;
    let (member, seconds) = rest.split_at_checked(16)?;
    // One code has one text, whatever bits a lenient reader would ignore at its end.
    let is_canonical = base32::encode(ALPHABET, &bytes) == text;
    if *version != VERSION || !is_canonical || !keys.has_signed_code(said, signature) {
        return None;
    }
    let at = issued(u32::from_be_bytes(seconds.try_into().ok()?));
    let member = MemberId(Uuid::from_slice(member).ok()?);
    Some(ReadCode { member, from: at - CLOCK_SLACK, until: at + CODE_LIFE })
}

fn issued(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(seconds), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    const NOW_MS: i64 = 1_795_420_800_000;

    #[test]
    fn a_code_says_who_and_until_when() {
        let (keys, member, now) = (Keys::generate(), MemberId::new(), from_millis(NOW_MS));
        let code = door_code(&keys, member, now);
        assert!(code.text.len() <= 256, "{}", code.text.len());
        assert!(code.text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7')));
        let read = read_code(&keys, &code.text).unwrap();
        assert_eq!((read.member, read.until), (member, now + TimeDelta::seconds(30)));
        assert_eq!(code.valid_to, read.until);
        assert!(!code.text.contains(&member.to_string()));
    }

    #[test]
    fn what_was_changed_or_made_elsewhere_is_no_code() {
        let (keys, now) = (Keys::generate(), from_millis(NOW_MS));
        let code = door_code(&keys, MemberId::new(), now).text;
        for n in 0..code.len() {
            let mut changed = code.clone().into_bytes();
            changed[n] = if changed[n] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read_code(&keys, &changed), None, "{n}");
        }
        let elsewhere = door_code(&Keys::generate(), MemberId::new(), now).text;
        let long = "A".repeat(10_000);
        for bad in ["", "x", "张", &code[1..], &code.to_lowercase(), &elsewhere, &long] {
            assert_eq!(read_code(&keys, bad), None, "{bad:.20}");
        }
    }
}
