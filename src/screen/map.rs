//! The bureau's own map of a division: read from `GeoJSON`, checked, and drawn once, so that a
//! page has only outlines to show. Pure; why a file is refused is told to whoever has it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::map_faults::{Fault, Why};
use crate::venues::{Standpoint, as_gcj02, terms::Coordinates};

/// Bytes of a file; borders in more detail than that are for surveyors.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;
const SHAPES_MAX: usize = 1000;
const POINTS_MAX: usize = 400_000;
const NAME_CHARS_MAX: usize = 60;
/// Bytes of all outlines: what a page is sent, and keeps over a reboot.
const OUTLINES_BYTES_MAX: usize = 512 * 1024;
/// Units of the longer side of the frame.
const FRAME: f64 = 1000.0;
/// Corners nearer to each other are one on any screen.
const NEAR: f64 = 0.8;
/// Systems that are degrees of longitude and latitude, and differ by less than any screen shows.
const SYSTEMS: [&str; 3] = ["CRS84", "4326", "4490"];

/// A map as it is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drawing {
    pub frame: Frame,
    /// The largest first.
    pub shapes: Vec<Shape>,
}

/// How degrees in GCJ-02 become units of the drawing: `x` to the east, `y` to the south.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    west: f64,
    north: f64,
    /// Degrees of latitude in a degree of longitude here.
    squeeze: f64,
    /// Units in a degree of latitude.
    scale: f64,
    pub width: f64,
    pub height: f64,
}

/// One part of the division, such as a town.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shape {
    pub name: Option<String>,
    /// Where its name stands, in units of the drawing.
    pub x: f64,
    pub y: f64,
    /// The outlines as the data of an SVG path, holes by the even-odd rule.
    pub path: String,
}

impl Frame {
    /// Where a point stands in the drawing; none beyond its edges.
    pub fn place(&self, point: Standpoint) -> Option<(f64, f64)> {
        let (x, y) = self.project(as_gcj02(point));
        let is_inside = (0.0..=self.width).contains(&x) && (0.0..=self.height).contains(&y);
        is_inside.then(|| (tenths(x), tenths(y)))
    }

    fn project(&self, (lat, lng): (f64, f64)) -> (f64, f64) {
        ((lng - self.west) * self.squeeze * self.scale, (self.north - lat) * self.scale)
    }

    /// The frame around all of `shapes`.
    fn around(shapes: &[Outline]) -> Result<Self, Fault> {
        let points = || shapes.iter().flat_map(|shape| shape.rings.iter().flatten());
        let (mut south, mut north) = (f64::MAX, f64::MIN);
        let (mut west, mut east) = (f64::MAX, f64::MIN);
        for (lat, lng) in points() {
            (south, north) = (south.min(*lat), north.max(*lat));
            (west, east) = (west.min(*lng), east.max(*lng));
        }
        let squeeze = f64::midpoint(south, north).to_radians().cos();
        let (wide, high) = ((east - west) * squeeze, north - south);
        if wide <= 0.0 || high <= 0.0 {
            return Err(Fault::of_file(Why::Flat));
        }
        let scale = FRAME / wide.max(high);
        let (width, height) = (tenths(wide * scale), tenths(high * scale));
        Ok(Self { west, north, squeeze, scale, width, height })
    }
}

/// Reads a file whose positions are in `coordinates`, and draws it.
///
/// # Errors
/// The first thing that is wrong with it, with its place in the file.
pub fn draw(bytes: &[u8], coordinates: Coordinates) -> Result<Drawing, Fault> {
    if bytes.len() > BYTES_MAX {
        return Err(Fault::of_file(Why::TooLarge));
    }
    // Some programs put a mark before their text.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let file: Value = serde_json::from_slice(text)
        .map_err(|error| Fault::of_file(Why::NotJson { line: error.line() }))?;
    let outlines = outlines(&file, coordinates)?;
    let frame = Frame::around(&outlines)?;
    let mut shapes: Vec<(f64, Shape)> =
        outlines.into_iter().filter_map(|outline| shape(&frame, outline)).collect();
    shapes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let shapes: Vec<Shape> = shapes.into_iter().map(|(_, shape)| shape).collect();
    if shapes.iter().map(|shape| shape.path.len()).sum::<usize>() > OUTLINES_BYTES_MAX {
        return Err(Fault::of_file(Why::TooDetailed));
    }
    Ok(Drawing { frame, shapes })
}

type Point = (f64, f64);

/// A feature: its rings in latitude and longitude of GCJ-02, outer and inner alike.
struct Outline {
    name: Option<String>,
    rings: Vec<Vec<Point>>,
}

fn outlines(file: &Value, coordinates: Coordinates) -> Result<Vec<Outline>, Fault> {
    if file["type"] != "FeatureCollection" {
        return Err(Fault::of_file(Why::NotCollection));
    }
    let system = file.pointer("/crs/properties/name").map(|name| name.as_str().unwrap_or_default());
    let is_told = file.get("crs").is_some_and(|crs| !crs.is_null());
    if is_told && !system.is_some_and(|name| SYSTEMS.iter().any(|known| name.ends_with(known))) {
        return Err(Fault::of_file(Why::OtherSystem));
    }
    let features = file["features"].as_array().filter(|features| !features.is_empty());
    let features = features.ok_or(Fault::of_file(Why::Empty))?;
    if features.len() > SHAPES_MAX {
        return Err(Fault::of_file(Why::TooMany));
    }
    let mut points = 0;
    let read = |(n, feature): (usize, &Value)| {
        let outline = outline(feature, coordinates).map_err(|why| Fault::of_feature(n, why))?;
        points += outline.rings.iter().map(Vec::len).sum::<usize>();
        if points > POINTS_MAX {
            return Err(Fault::of_file(Why::TooDetailed));
        }
        Ok(outline)
    };
    features.iter().enumerate().map(read).collect()
}

fn outline(feature: &Value, coordinates: Coordinates) -> Result<Outline, Why> {
    if feature["type"] != "Feature" {
        return Err(Why::NotFeature);
    }
    let name = match &feature["properties"]["name"] {
        Value::Null => None,
        Value::String(name) if is_name(name.trim()) => Some(name.trim().to_owned()),
        _ => return Err(Why::BadName),
    };
    let geometry = &feature["geometry"];
    let parts = &geometry["coordinates"];
    let rings: Vec<&Value> = match geometry["type"].as_str() {
        Some("Polygon") => list(parts)?.iter().collect(),
        Some("MultiPolygon") => {
            let polygons = list(parts)?.iter().map(list).collect::<Result<Vec<_>, _>>()?;
            polygons.into_iter().flatten().collect()
        }
        _ => return Err(Why::NotPolygon),
    };
    let rings = rings.into_iter().map(|ring| self::ring(ring, coordinates));
    Ok(Outline {
        name: name.filter(|name| !name.is_empty()),
        rings: rings.collect::<Result<_, _>>()?,
    })
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= NAME_CHARS_MAX && !text.chars().any(char::is_control)
}

fn list(value: &Value) -> Result<&Vec<Value>, Why> {
    value.as_array().filter(|list| !list.is_empty()).ok_or(Why::BadRing)
}

fn ring(ring: &Value, coordinates: Coordinates) -> Result<Vec<Point>, Why> {
    let points = list(ring)?;
    if points.len() < 4 || points.first() != points.last() {
        return Err(Why::BadRing);
    }
    points.iter().map(|point| position(point, coordinates)).collect()
}

fn position(point: &Value, coordinates: Coordinates) -> Result<Point, Why> {
    let degrees = |n: usize| point.get(n).and_then(Value::as_f64);
    let (lng, lat) = degrees(0).zip(degrees(1)).ok_or(Why::BadPosition)?;
    if (-90.0..=90.0).contains(&lng) && (90.0..=180.0).contains(&lat) {
        return Err(Why::Swapped);
    }
    if !(-180.0..=180.0).contains(&lng) || !(-90.0..=90.0).contains(&lat) {
        return Err(Why::BadPosition);
    }
    Ok(as_gcj02(Standpoint { lat, lng, coordinates }))
}

/// A shape with its area; none for one that is smaller than a corner of the drawing.
fn shape(frame: &Frame, outline: Outline) -> Option<(f64, Shape)> {
    let rings: Vec<Vec<Point>> = outline
        .rings
        .iter()
        .map(|ring| thinned(ring.iter().map(|point| frame.project(*point))))
        .filter(|ring| ring.len() > 2)
        .collect();
    let (area, centre) =
        rings.iter().map(|ring| area_and_centre(ring)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let (x, y) = (tenths(centre.0), tenths(centre.1));
    let path = rings.iter().map(|ring| written(ring)).collect();
    Some((area, Shape { name: outline.name, x, y, path }))
}

/// A ring without its last position, which is its first, and without corners on top of others.
fn thinned(ring: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    let is_near = |a: &Point, b: &Point| (a.0 - b.0).hypot(a.1 - b.1) < NEAR;
    for point in ring {
        if kept.last().is_none_or(|last| !is_near(last, &point)) {
            kept.push(point);
        }
    }
    if kept.len() > 1 && is_near(&kept[0], &kept[kept.len() - 1]) {
        kept.pop();
    }
    kept
}

/// By the shoelace formula; of a ring without area, its first corner.
fn area_and_centre(ring: &[Point]) -> (f64, Point) {
    let next = ring.iter().cycle().skip(1);
    let (mut double, mut x, mut y) = (0.0, 0.0, 0.0);
    for (a, b) in ring.iter().zip(next) {
        let cross = a.0 * b.1 - b.0 * a.1;
        double += cross;
        x += (a.0 + b.0) * cross;
        y += (a.1 + b.1) * cross;
    }
    if double.abs() < f64::EPSILON {
        return (0.0, ring[0]);
    }
    (double.abs() / 2.0, (x / (3.0 * double), y / (3.0 * double)))
}

fn written(ring: &[Point]) -> String {
    let mut path = String::new();
    for (n, (x, y)) in ring.iter().enumerate() {
        let word = if n == 0 { 'M' } else { 'L' };
        write!(path, "{word}{} {}", tenths(*x), tenths(*y)).expect("a string takes everything");
    }
    path.push('Z');
    path
}

fn tenths(units: f64) -> f64 {
    (units * 10.0).round() / 10.0
}
