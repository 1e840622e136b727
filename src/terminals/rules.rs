//! Where a terminal stands, how far its clock is off, and what its record numbers tell. Pure.

mod family;
mod names;
mod numbers;
mod order;
pub mod pins;
mod progress;
mod standing;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::base::ids::{TerminalId, VenueId, ZoneId};

pub use family::Family;
pub use names::Names;
pub use numbers::Numbers;
pub use order::Order;
pub use progress::{Absorbed, Progress};
pub use standing::{Standing, Trouble, USUAL_PAUSE_AT_FIRST_S, is_off, usual_pause_step};

/// Milliseconds to which an offset is rounded: what lies below is the network, not the clock.
const OFFSET_STEP_MS: i64 = 5_000;
/// Events keep their offset in whole seconds of 32 bits; a clock farther off is no clock.
const OFFSET_MAX_MS: i64 = 1_000 * i32::MAX as i64;

/// A device at a door, as entries judge by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub id: TerminalId,
    pub serial: Arc<str>,
    /// The protocol it speaks: `native`, or a vendor's.
    pub family: Arc<str>,
    /// In which local times that it reports are meant.
    pub time_zone: Tz,
    /// By rising `valid_from`.
    pub places: Vec<Place>,
}

/// Where a terminal stands from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub valid_from: DateTime<Utc>,
    pub venue: VenueId,
    pub zone: Option<ZoneId>,
    pub doorway: Doorway,
}

/// Which way people go past a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doorway {
    In,
    Out,
    Both,
}

impl Doorway {
    pub fn as_str(self) -> &'static str {
        match self {
            Doorway::In => "in",
            Doorway::Out => "out",
            Doorway::Both => "both",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Doorway::In, Doorway::Out, Doorway::Both].into_iter().find(|d| d.as_str() == text)
    }
}

impl Terminal {
    /// Where it stood at `at`; none before its first place.
    pub fn place_at(&self, at: DateTime<Utc>) -> Option<&Place> {
        let after = self.places.partition_point(|place| place.valid_from <= at);
        after.checked_sub(1).map(|index| &self.places[index])
    }
}

/// How far a terminal's clock is ahead, in milliseconds: a device time minus it is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// What events are corrected by.
    pub adopted_ms: i64,
    /// What the newest heartbeat measured.
    pub seen_ms: Option<i64>,
}

/// Takes a heartbeat's measurement in: a new offset is adopted when two consecutive ones agree,
/// so that one late packet moves no clock.
pub fn offset_step(
    offset: ClockOffset,
    clock: DateTime<Utc>,
    received_at: DateTime<Utc>,
) -> ClockOffset {
    let exact_ms = clock.timestamp_millis() - received_at.timestamp_millis();
    let measured_ms = (exact_ms + OFFSET_STEP_MS / 2).div_euclid(OFFSET_STEP_MS) * OFFSET_STEP_MS;
    if measured_ms.abs() > OFFSET_MAX_MS {
        return offset;
    }
    let agrees = offset.seen_ms == Some(measured_ms);
    ClockOffset {
        adopted_ms: if agrees { measured_ms } else { offset.adopted_ms },
        seen_ms: Some(measured_ms),
    }
}

/// Up to when everything that a terminal recorded has arrived: an empty queue moves it to the
/// terminal's own time, corrected; never back, and never into the future.
pub fn watermark_step(
    watermark: Option<DateTime<Utc>>,
    queue_length: i32,
    clock: DateTime<Utc>,
    offset: ClockOffset,
    received_at: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if queue_length > 0 {
        return watermark;
    }
    let own = clock.checked_sub_signed(TimeDelta::milliseconds(offset.adopted_ms))?;
    watermark.max(Some(own.min(received_at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    const NOW: i64 = 1_795_000_000_000;

    fn measured(offset: ClockOffset, ahead_ms: i64) -> ClockOffset {
        offset_step(offset, from_millis(NOW + ahead_ms), from_millis(NOW))
    }

    #[test]
    fn an_offset_is_adopted_when_two_heartbeats_agree() {
        let once = measured(ClockOffset::default(), 240_900);
        assert_eq!(once, ClockOffset { adopted_ms: 0, seen_ms: Some(240_000) });
        let twice = measured(once, 238_100);
        assert_eq!(twice.adopted_ms, 240_000);
        let late = measured(twice, 200_000);
        assert_eq!(late.adopted_ms, 240_000);
        assert_eq!(measured(late, 240_000).adopted_ms, 240_000);
    }

    #[test]
    fn offsets_are_rounded_to_the_nearest_five_seconds_on_both_sides() {
        let seen = |ms| measured(ClockOffset::default(), ms).seen_ms;
        assert_eq!(seen(2_499), Some(0));
        assert_eq!(seen(2_500), Some(5_000));
        assert_eq!(seen(-2_500), Some(0));
        assert_eq!(seen(-2_501), Some(-5_000));
    }

    #[test]
    fn a_clock_beyond_all_measure_changes_nothing() {
        let offset = ClockOffset { adopted_ms: 5_000, seen_ms: Some(5_000) };
        assert_eq!(measured(offset, 250_000_000_000_000), offset);
    }

    #[test]
    fn a_watermark_moves_forward_only_with_an_empty_queue() {
        let offset = ClockOffset { adopted_ms: 60_000, seen_ms: None };
        let at = |ms| from_millis(NOW + ms);
        let step = |old, queue, clock| watermark_step(old, queue, at(clock), offset, at(0));
        assert_eq!(step(None, 3, 60_000), None);
        assert_eq!(step(None, 0, 58_000), Some(at(-2_000)));
        assert_eq!(step(None, 0, 90_000), Some(at(0)));
        assert_eq!(step(Some(at(-1_000)), 0, 0), Some(at(-1_000)));
    }

    #[test]
    fn an_event_belongs_to_the_place_at_its_time() {
        let place = |ms, doorway| Place {
            valid_from: from_millis(ms),
            venue: VenueId::default(),
            zone: None,
            doorway,
        };
        let terminal = Terminal {
            id: TerminalId::default(),
            serial: "T1".into(),
            family: "native".into(),
            time_zone: Tz::Asia__Shanghai,
            places: vec![place(100, Doorway::In), place(200, Doorway::Both)],
        };
        let doorway = |ms| terminal.place_at(from_millis(ms)).map(|place| place.doorway);
        assert_eq!(doorway(99), None);
        assert_eq!(doorway(100), Some(Doorway::In));
        assert_eq!(doorway(199), Some(Doorway::In));
        assert_eq!(doorway(200), Some(Doorway::Both));
    }
}
