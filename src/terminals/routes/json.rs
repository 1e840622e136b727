//! The JSON of terminals for staff, field by field.

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    base::{
        error::{Code, Error},
        ids::{TerminalId, TerminalKeyId, VenueId, ZoneId},
    },
    terminals::{IssuedKey, KeyView, NewPlace, NewTerminal, Serial, TerminalView, rules::Doorway},
};

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionWord {
    In,
    Out,
    Both,
}

impl From<DirectionWord> for Doorway {
    fn from(word: DirectionWord) -> Self {
        match word {
            DirectionWord::In => Doorway::In,
            DirectionWord::Out => Doorway::Out,
            DirectionWord::Both => Doorway::Both,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalBody {
    serial: String,
    venue_id: VenueId,
    zone_id: Option<ZoneId>,
    direction: DirectionWord,
    /// A business day, which may be past; the venue's opening day when absent.
    valid_from: Option<NaiveDate>,
    /// An IANA name; the venue's when absent.
    time_zone: Option<String>,
}

impl TerminalBody {
    pub fn venue(&self) -> VenueId {
        self.venue_id
    }

    pub fn parse(self) -> Result<NewTerminal, Error> {
        let serial = Serial::parse(&self.serial);
        let zone = self.time_zone.as_deref().map(str::parse).transpose();
        Ok(NewTerminal {
            serial: serial.map_err(|code| Error::invalid("/serial", code))?,
            time_zone: zone.map_err(|_| Error::invalid("/time_zone", Code::BadTimeZone))?,
            place: NewPlace {
                venue: self.venue_id,
                zone: self.zone_id,
                doorway: self.direction.into(),
                valid_from: self.valid_from,
            },
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceBody {
    venue_id: VenueId,
    zone_id: Option<ZoneId>,
    direction: DirectionWord,
    /// A future business day.
    valid_from: NaiveDate,
}

impl PlaceBody {
    pub fn venue(&self) -> VenueId {
        self.venue_id
    }

    pub fn parse(self) -> NewPlace {
        NewPlace {
            venue: self.venue_id,
            zone: self.zone_id,
            doorway: self.direction.into(),
            valid_from: Some(self.valid_from),
        }
    }
}

/// A key, this once.
#[derive(Serialize, ToSchema)]
pub struct IssuedKeyJson {
    key_id: TerminalKeyId,
    /// base64url of 32 bytes.
    key: String,
}

impl IssuedKeyJson {
    pub fn new(key: &IssuedKey) -> Self {
        Self { key_id: key.id, key: key.secret.expose_secret().to_owned() }
    }
}

#[derive(Serialize, ToSchema)]
pub struct TerminalCreated {
    id: TerminalId,
    #[serde(flatten)]
    key: IssuedKeyJson,
}

impl TerminalCreated {
    pub fn new(id: TerminalId, key: &IssuedKey) -> Self {
        Self { id, key: IssuedKeyJson::new(key) }
    }
}

#[derive(Serialize, ToSchema)]
pub struct TerminalJson {
    id: TerminalId,
    serial: String,
    protocol: String,
    time_zone: String,
    /// Where it stands now; null before its first day.
    place: Option<PlaceJson>,
    /// Milliseconds by which its clock is ahead.
    clock_offset_ms: i64,
    last_seen_at: Option<DateTime<Utc>>,
    /// Since when it is taken for lost.
    lost_at: Option<DateTime<Utc>>,
    /// Up to when everything that it recorded has arrived.
    watermark_at: Option<DateTime<Utc>>,
    queue_length: Option<i32>,
    faces: Option<i32>,
    firmware: Option<String>,
    ack_through: Option<RecordId>,
    resend_from: Option<RecordId>,
    keys: Vec<KeyJson>,
}

#[derive(Serialize, ToSchema)]
struct PlaceJson {
    venue_id: VenueId,
    zone_id: Option<ZoneId>,
    direction: String,
    valid_from: DateTime<Utc>,
}

/// The number of a record of a terminal.
#[derive(Serialize, ToSchema)]
pub struct RecordId {
    epoch: i64,
    seq: i64,
}

impl From<(i64, i64)> for RecordId {
    fn from((epoch, seq): (i64, i64)) -> Self {
        Self { epoch, seq }
    }
}

#[derive(Serialize, ToSchema)]
struct KeyJson {
    key_id: TerminalKeyId,
    created_at: DateTime<Utc>,
    activated_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl TerminalJson {
    pub fn new(view: &TerminalView, now: DateTime<Utc>) -> Self {
        let terminal = &view.terminal;
        Self {
            id: terminal.id,
            serial: terminal.serial.to_string(),
            protocol: terminal.family.to_string(),
            time_zone: terminal.time_zone.name().to_owned(),
            place: terminal.place_at(now).map(|place| PlaceJson {
                venue_id: place.venue,
                zone_id: place.zone,
                direction: place.doorway.as_str().to_owned(),
                valid_from: place.valid_from,
            }),
            clock_offset_ms: view.clock_offset_ms,
            last_seen_at: view.last_seen_at,
            lost_at: view.lost_at,
            watermark_at: view.watermark_at,
            queue_length: view.queue_length,
            faces: view.faces,
            firmware: view.firmware.clone(),
            ack_through: view.progress.ack_through().map(RecordId::from),
            resend_from: view.progress.resend_from().map(RecordId::from),
            keys: view.keys.iter().map(KeyJson::from).collect(),
        }
    }
}

impl From<&KeyView> for KeyJson {
    fn from(key: &KeyView) -> Self {
        Self {
            key_id: key.id,
            created_at: key.created_at,
            activated_at: key.activated_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
        }
    }
}
