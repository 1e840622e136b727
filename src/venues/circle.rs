//! The ten-minute circle (10分钟健身圈): how long somebody walks to a venue. Pure.

use super::{rules::Venue, terms::Coordinates};

/// Mean radius of the earth, metres.
const EARTH_RADIUS_M: f64 = 6_371_009.0;
/// A grown-up's walk in a town: 4.8 km/h.
const METRES_A_MINUTE: f64 = 80.0;
/// Ways in a town are longer than the crow's.
const DETOUR: f64 = 1.3;

/// Where somebody stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standpoint {
    pub lat: f64,
    pub lng: f64,
    pub coordinates: Coordinates,
}

/// Whole minutes from `from` to a venue on foot, rounded up; none where it has no position.
pub fn walking_minutes(from: Standpoint, venue: &Venue) -> Option<u32> {
    let (lat, lng) = venue.lat.zip(venue.lng)?;
    let to = Standpoint { lat, lng, coordinates: venue.coordinates };
    // The two systems differ by hundreds of metres, half of a ten-minute walk.
    let metres = metres_between(as_gcj02(from), as_gcj02(to));
    let minutes = (metres * DETOUR / METRES_A_MINUTE).ceil().clamp(0.0, f64::from(u32::MAX));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of u32 just before"
    )]
    let minutes = minutes as u32;
    Some(minutes)
}

/// The great-circle distance by the haversine formula.
fn metres_between(one: (f64, f64), other: (f64, f64)) -> f64 {
    let [lat_a, lng_a, lat_b, lng_b] = [one.0, one.1, other.0, other.1].map(f64::to_radians);
    let half_chord = ((lat_b - lat_a) / 2.0).sin().powi(2)
        + lat_a.cos() * lat_b.cos() * ((lng_b - lng_a) / 2.0).sin().powi(2);
    2.0 * EARTH_RADIUS_M * half_chord.sqrt().min(1.0).asin()
}

/// Latitude and longitude in the system of Chinese maps (GCJ-02), which shifts WGS 84 within China.
pub fn as_gcj02(point: Standpoint) -> (f64, f64) {
    match point.coordinates {
        Coordinates::Gcj02 => (point.lat, point.lng),
        Coordinates::Wgs84 if !is_in_china(point.lat, point.lng) => (point.lat, point.lng),
        Coordinates::Wgs84 => shifted(point.lat, point.lng),
    }
}

/// The rectangle within which the shift applies.
fn is_in_china(lat: f64, lng: f64) -> bool {
    (0.8293..=55.8271).contains(&lat) && (72.004..=137.8347).contains(&lng)
}

/// Semi-major axis of the Krasovsky 1940 ellipsoid, metres, and the square of its eccentricity.
const AXIS_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// The shift as it is publicly known: two series around (35° N, 105° E), in metres.
fn shifted(lat: f64, lng: f64) -> (f64, f64) {
    use std::f64::consts::PI;
    let (x, y) = (lng - 105.0, lat - 35.0);
    let wave = |of: f64, amplitudes: [f64; 3], lengths: [f64; 3]| -> f64 {
        let one = |n: usize| amplitudes[n] * (of / lengths[n] * PI).sin();
        (one(0) + one(1) + one(2)) * 2.0 / 3.0
    };
    let short = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let south_north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + short
        + wave(y, [20.0, 40.0, 0.0], [1.0, 3.0, 1.0])
        + wave(y, [160.0, 320.0, 0.0], [12.0, 30.0, 1.0]);
    let west_east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + short
        + wave(x, [20.0, 40.0, 0.0], [1.0, 3.0, 1.0])
        + wave(x, [150.0, 300.0, 0.0], [12.0, 30.0, 1.0]);
    let latitude = lat.to_radians();
    let flat = 1.0 - ECCENTRICITY_SQUARED * latitude.sin().powi(2);
    let metres_north = AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (flat * flat.sqrt()) * PI / 180.0;
    let metres_east = AXIS_M / flat.sqrt() * latitude.cos() * PI / 180.0;
    (lat + south_north / metres_north, lng + west_east / metres_east)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::sample;

    fn at(lat: f64, lng: f64, coordinates: Coordinates) -> Standpoint {
        Standpoint { lat, lng, coordinates }
    }

    #[test]
    fn the_shift_is_the_known_one() {
        // Tian'anmen, as both systems have it.
        let (lat, lng) = as_gcj02(at(39.907_333, 116.391_083, Coordinates::Wgs84));
        assert!((lat - 39.908_737).abs() < 1e-4, "{lat}");
        assert!((lng - 116.397_326).abs() < 1e-4, "{lng}");
        let abroad = at(48.8584, 2.2945, Coordinates::Wgs84);
        assert_eq!(as_gcj02(abroad), (48.8584, 2.2945));
    }

    #[test]
    fn a_walk_is_measured_in_one_system() {
        let mut venue = sample::venue(1);
        assert_eq!(walking_minutes(at(30.7, 121.0, Coordinates::Wgs84), &venue), None);
        (venue.lat, venue.lng) = (Some(30.7), Some(121.0));
        let from = at(30.7, 121.0, Coordinates::Wgs84);
        assert_eq!(walking_minutes(from, &venue), Some(0));
        // 0.0055 degrees of latitude are 611 metres, hence 795 on foot.
        let near = at(30.7055, 121.0, Coordinates::Wgs84);
        assert_eq!(walking_minutes(near, &venue), Some(10));
        let on_the_map = at(30.7, 121.0, Coordinates::Gcj02);
        assert!(walking_minutes(on_the_map, &venue).is_some_and(|minutes| minutes > 5));
    }
}
