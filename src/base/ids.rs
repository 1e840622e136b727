//! Ids and codes that more than one domain names. An arrow between domains means "calls", so the
//! names of things live here, on the ground.

use std::{fmt, str::FromStr};

use sea_orm::DeriveValueType;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One newtype an id, so that a venue cannot be taken for a terminal.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            DeriveValueType, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new `UUIDv7`: ids made later sort later.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )*};
}

ids! {
    /// A registered person.
    MemberId,
    /// Somebody's account with the mini-program, registered or not.
    AccountId,
    /// A check of who somebody is, under way or done.
    VerificationId,
    /// A message in the outbox.
    MessageId,
    /// A place with doors, hours and zones.
    VenueId,
    /// A part of a venue.
    ZoneId,
    /// A device at a door.
    TerminalId,
    /// A terminal's signing key.
    TerminalKeyId,
    /// One stored entry event; its session bears the same id.
    EventId,
    /// One stay; the id of its opening event.
    SessionId,
    /// One row of the minutes ledger.
    MinuteEntryId,
    /// Somebody who works here.
    StaffId,
    /// A certified sports instructor; one who offers slots is a coach.
    InstructorId,
    /// Hours of a coach or a court that can be booked.
    SlotId,
    /// Somebody's hold on a slot.
    BookingId,
}

/// A GB/T 2260 / 10114 code: 2, 4, 6, 9 or 12 digits; covers every code that it prefixes.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, DeriveValueType, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct DivisionCode(String);

impl DivisionCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn covers(&self, other: &DivisionCode) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The first and the last 12-digit code below this one, for `BETWEEN`: unlike `LIKE`, it uses
    /// the index under every collation, digits being ordered alike in all of them.
    pub fn bounds(&self) -> [sea_orm::Value; 2] {
        [self.as_str().into(), format!("{:9<12}", self.0).into()]
    }

    /// Whether this is a community or village (12 digits), where venues stand.
    pub fn is_community(&self) -> bool {
        self.0.len() == 12
    }

    /// This code and those that cover it, widest first: 33, 3304, 330482, …
    pub fn ancestry(&self) -> impl Iterator<Item = DivisionCode> + '_ {
        LEVEL_DIGITS
            .into_iter()
            .filter(|digits| *digits <= self.0.len())
            .map(|digits| DivisionCode(self.0[..digits].to_owned()))
    }
}

/// Lengths of the levels: province, city, county, street, community.
const LEVEL_DIGITS: [usize; 5] = [2, 4, 6, 9, 12];

/// The text is no division code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a division code has 2, 4, 6, 9 or 12 digits")]
pub struct BadDivisionCode;

impl FromStr for DivisionCode {
    type Err = BadDivisionCode;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = LEVEL_DIGITS.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| Self(text.to_owned())).ok_or(BadDivisionCode)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DivisionCode {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(input)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which way somebody went through a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    In,
    Out,
}

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Face,
    Qr,
    Card,
    Code,
    Manual,
}
