//! The nearest venue that would admit somebody now.

use crate::venues::Venue;

/// Mean radius of the earth, metres.
const EARTH_RADIUS_M: f64 = 6_371_009.0;

/// A venue to send somebody to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest<'a> {
    pub venue: &'a Venue,
    /// As the crow flies; none where one of the two has no coordinates.
    pub metres: Option<f64>,
}

/// The venue nearest to `from`, other than it, for which `would_admit` holds; asked nearest first,
/// so that few are asked. Venues without coordinates come after all others, those of the same
/// community first. Coordinates of two systems (WGS 84 and GCJ-02) may be mixed: they differ by
/// some hundred metres, which may swap two neighbours but sends nobody across the town.
pub fn nearest_admitting<'a>(
    venues: impl IntoIterator<Item = &'a Venue>,
    from: &Venue,
    mut would_admit: impl FnMut(&Venue) -> bool,
) -> Option<Nearest<'a>> {
    let mut others: Vec<Nearest> = venues
        .into_iter()
        .filter(|venue| venue.id != from.id)
        .map(|venue| Nearest { venue, metres: metres_between(from, venue) })
        .collect();
    others.sort_by(|one, other| {
        let metres = |nearest: &Nearest| nearest.metres.unwrap_or(f64::INFINITY);
        let elsewhere = |nearest: &Nearest| nearest.venue.community != from.community;
        let by_distance = metres(one).total_cmp(&metres(other));
        by_distance
            .then_with(|| elsewhere(one).cmp(&elsewhere(other)))
            .then_with(|| one.venue.id.cmp(&other.venue.id))
    });
    others.into_iter().find(|nearest| would_admit(nearest.venue))
}

/// The great-circle distance by the haversine formula, which is exact enough for short ways too.
fn metres_between(one: &Venue, other: &Venue) -> Option<f64> {
    let (lat_a, lng_a) = (one.lat?.to_radians(), one.lng?.to_radians());
    let (lat_b, lng_b) = (other.lat?.to_radians(), other.lng?.to_radians());
    let half_chord = ((lat_b - lat_a) / 2.0).sin().powi(2)
        + lat_a.cos() * lat_b.cos() * ((lng_b - lng_a) / 2.0).sin().powi(2);
    Some(2.0 * EARTH_RADIUS_M * half_chord.sqrt().min(1.0).asin())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::sample::venue;

    fn metres((lat_a, lng_a): (f64, f64), (lat_b, lng_b): (f64, f64)) -> f64 {
        let placed = |lat, lng| Venue { lat: Some(lat), lng: Some(lng), ..venue(1) };
        metres_between(&placed(lat_a, lng_a), &placed(lat_b, lng_b)).expect("both are placed")
    }

    /// At sixty degrees the circles of latitude are half as long as the equator.
    #[test]
    fn degrees_of_longitude_shrink_towards_the_pole() {
        let at_the_equator = metres((0.0, 121.0), (0.0, 121.01));
        assert!((at_the_equator - 1_111.95).abs() < 0.01, "{at_the_equator}");
        let far_north = metres((60.0, 121.0), (60.0, 121.01));
        assert!((far_north - at_the_equator / 2.0).abs() < 0.01, "{far_north}");
    }

    #[test]
    fn the_other_side_of_the_earth_is_half_its_girth_away() {
        let across = metres((0.0, 0.0), (0.0, 180.0));
        assert!((across - 20_015_115.07).abs() < 0.1, "{across}");
    }
}
