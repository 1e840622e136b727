//! What residents are told of their bookings, in the transaction of what happened: a booking stands, a
//! seat is offered, a slot was called off.

use chrono::{DateTime, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction};

use super::{Slot, statement};
use crate::base::{
    error::Error,
    ids::{BookingId, MemberId},
    keys::Keys,
    outbox::{self, Note, thing},
};

/// What has happened to a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Confirmed,
    /// There is a seat for who waited, for a while.
    Offered,
    /// By the house.
    CalledOff,
}

impl Said {
    /// The kind of message, which has a template in the settings.
    fn kind(self) -> &'static str {
        match self {
            Self::Confirmed => "booking",
            Self::Offered => "booking_offer",
            Self::CalledOff => "booking_called_off",
        }
    }

    fn zh(self) -> &'static str {
        match self {
            Self::Confirmed => "预约成功，请按时到场",
            Self::Offered => "候补到位，请在30分钟内确认",
            Self::CalledOff => "场馆已取消该时段，敬请谅解",
        }
    }
}

/// Tells whoever has a booking; once of each thing.
pub async fn tell(
    tx: &DatabaseTransaction,
    keys: &Keys,
    slot: &Slot,
    (booking, member): (BookingId, MemberId),
    said: Said,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "SELECT name FROM venues WHERE id = $1";
    let row = tx.query_one_raw(statement(tx, sql, [slot.venue_id.0.into()])).await?;
    let venue: String = row.map_or(Ok(String::new()), |row| row.try_get("", "name"))?;
    let starts = slot.starts_at.with_timezone(&Shanghai);
    let note = Note {
        member,
        kind: said.kind(),
        name: format!("{}:{booking}", said.kind()),
        session: None,
        page: format!("pages/booking/index?booking={booking}"),
        fields: vec![
            ("thing1", thing(&venue)),
            ("time2", starts.format("%Y年%-m月%-d日 %H:%M").to_string()),
            ("thing3", said.zh().to_owned()),
        ],
        not_before: now,
        valid_until: Some(slot.starts_at),
    };
    outbox::put(tx, keys, note, now).await
}
