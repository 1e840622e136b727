//! The bureau's own map: what is taken, what is refused and in which words, what a screen gets.

use proptest::prelude::*;

use super::*;
use crate::{
    screen::{
        MapFile, MapTaken,
        map::{Drawing, draw},
        map_faults::{Fault, Why},
        remove_map, set_map,
    },
    venues::{Standpoint, terms::Coordinates},
};

const PATH: &str = "/api/v1/screens/330482/map";

/// Two towns side by side, invented, the eastern one with a lake.
fn towns() -> Json {
    let ring = |west: f64, east: f64, south: f64, north: f64| {
        json!([[west, south], [east, south], [east, north], [west, north], [west, south]])
    };
    json!({ "type": "FeatureCollection", "features": [
        { "type": "Feature", "properties": { "name": "西镇" },
          "geometry": { "type": "Polygon", "coordinates": [ring(121.0, 121.1, 30.6, 30.8)] } },
        { "type": "Feature", "properties": { "name": "东镇", "colour": 7 },
          "geometry": { "type": "MultiPolygon", "coordinates": [
            [ring(121.1, 121.3, 30.6, 30.8), ring(121.15, 121.2, 30.65, 30.7)]] } },
    ] })
}

fn drawn(file: &Json) -> Result<Drawing, Fault> {
    draw(file.to_string().as_bytes(), Coordinates::Gcj02)
}

fn refusal(file: &Json) -> Fault {
    drawn(file).expect_err("refused")
}

/// The file with the value at `pointer` replaced.
fn with(pointer: &str, value: Json) -> Json {
    let mut file = towns();
    *file.pointer_mut(pointer).expect("it is there") = value;
    file
}

#[test]
fn a_map_is_drawn_true_to_its_proportions_the_largest_part_first() {
    let drawing = drawn(&towns()).expect("drawn");
    let frame = drawing.frame;
    // 0.3 degrees of longitude at 30.7° N are 0.258 degrees of latitude.
    assert_eq!((frame.width, frame.height), (1000.0, 775.3));
    let names: Vec<_> = drawing.shapes.iter().map(|shape| shape.name.as_deref()).collect();
    assert_eq!(names, [Some("东镇"), Some("西镇")]);
    assert_eq!(drawing.shapes[1].path, "M0 775.3L333.3 775.3L333.3 0L0 0Z");
    assert_eq!((drawing.shapes[1].x, drawing.shapes[1].y), (166.7, 387.7));
    assert_eq!(drawing.shapes[0].path.matches('M').count(), 2, "the lake is an outline too");
    let point = |lat, lng| Standpoint { lat, lng, coordinates: Coordinates::Gcj02 };
    assert_eq!(frame.place(point(30.8, 121.0)), Some((0.0, 0.0)));
    assert_eq!(frame.place(point(30.7, 121.15)), Some((500.0, 387.7)));
    assert_eq!(frame.place(point(30.9, 121.15)), None);
}

#[test]
fn a_map_and_a_venue_in_two_systems_meet_on_the_screen() {
    let wgs = draw(towns().to_string().as_bytes(), Coordinates::Wgs84).expect("drawn");
    let place = |coordinates| wgs.frame.place(Standpoint { lat: 30.7, lng: 121.15, coordinates });
    let (x, y) = place(Coordinates::Wgs84).expect("on it");
    assert!((x - 500.0).abs() < 2.0 && (y - 387.7).abs() < 2.0, "{x} {y}");
    assert_ne!(place(Coordinates::Gcj02), Some((x, y)), "hundreds of metres lie between them");
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_two_languages_with_its_place() {
    let position = "/features/0/geometry/coordinates/0/1";
    let many = vec![towns()["features"][0].clone(); 1001];
    for (file, feature, why) in [
        (json!([]), None, Why::NotCollection),
        (with("/type", json!("Topology")), None, Why::NotCollection),
        (with("/features", json!([])), None, Why::Empty),
        (with("/features", json!(many)), None, Why::TooMany),
        (with("/features/1/type", json!("feature")), Some(1), Why::NotFeature),
        (with("/features/1/geometry", Json::Null), Some(1), Why::NotPolygon),
        (with("/features/1/geometry/type", json!("Point")), Some(1), Why::NotPolygon),
        (with("/features/1/properties/name", json!(7)), Some(1), Why::BadName),
        (with("/features/1/properties/name", json!("名".repeat(61))), Some(1), Why::BadName),
        (with("/features/0/geometry/coordinates/0", json!([[121.0, 30.0]])), Some(0), Why::BadRing),
        (with("/features/0/geometry/coordinates", json!({})), Some(0), Why::BadRing),
        (with(position, json!(["121", "30"])), Some(0), Why::BadPosition),
        (with(position, json!([181, 30])), Some(0), Why::BadPosition),
        (with(position, json!([30.6, 121.1])), Some(0), Why::Swapped),
    ] {
        assert_eq!(refusal(&file), Fault { feature, why });
    }
    let mut projected = towns();
    projected["crs"] = json!({ "properties": { "name": "urn:ogc:def:crs:EPSG::4549" } });
    assert_eq!(refusal(&projected).why, Why::OtherSystem);
    projected["crs"] = json!({ "properties": { "name": "urn:ogc:def:crs:EPSG::4490" } });
    drawn(&projected).expect("degrees of CGCS2000");
    let marked = format!("\u{feff}{}", towns());
    draw(marked.as_bytes(), Coordinates::Wgs84).expect("UTF-8 as spreadsheets write it");
    let text = draw(b"{\n\"type\":", Coordinates::Wgs84).expect_err("refused").to_string();
    assert!(text.starts_with("第 2 行 / line 2: 不是有效的 JSON"), "{text}");
    let text = refusal(&with(position, json!([30.6, 121.1]))).to_string();
    assert!(
        text.starts_with("features[0]: 经度和纬度颠倒了") && text.contains("Latitude"),
        "{text}"
    );
}

#[test]
fn borders_are_thinned_to_what_a_screen_shows_and_refused_beyond_that() {
    let round = |corners: u32, ripple: f64| {
        let corner = |n: u32| {
            let turn = f64::from(n % corners) / f64::from(corners) * std::f64::consts::TAU;
            let radius = 0.1 + ripple * f64::from(n % 2);
            json!([121.0 + radius * turn.cos(), 30.7 + radius * turn.sin()])
        };
        let ring: Vec<Json> = (0..=corners).map(corner).collect();
        with("/features/0/geometry/coordinates/0", json!(ring))
    };
    let drawing = drawn(&round(50_000, 0.0)).expect("drawn");
    assert!(drawing.shapes.iter().all(|shape| shape.path.len() < 60_000));
    assert_eq!(refusal(&round(50_000, 0.05)).why, Why::TooDetailed);
    let spaces = " ".repeat(8 * 1024 * 1024 + 1);
    let why = draw(spaces.as_bytes(), Coordinates::Wgs84).expect_err("refused").why;
    assert_eq!(why, Why::TooLarge);
}

proptest! {
    #[test]
    fn no_file_makes_it_panic_and_what_is_drawn_stays_in_its_frame(
        points in prop::collection::vec((-200.0..200.0_f64, -100.0..100.0_f64), 0..12),
        cut in 0..400_usize,
    ) {
        let mut ring: Vec<Json> = points.iter().map(|(lng, lat)| json!([lng, lat])).collect();
        ring.extend(ring.first().cloned());
        let file = with("/features/0/geometry/coordinates/0", json!(ring)).to_string();
        let _refused = draw(&file.as_bytes()[..cut.min(file.len())], Coordinates::Wgs84);
        if let Ok(Drawing { frame, shapes }) = draw(file.as_bytes(), Coordinates::Gcj02) {
            for shape in shapes {
                let numbers = shape.path.split(|c: char| "MLZ ".contains(c)).filter(|n| !n.is_empty());
                let numbers: Vec<f64> = numbers.map(|n| n.parse().expect("a number")).collect();
                for corner in numbers.chunks(2) {
                    prop_assert!((0.0..=frame.width).contains(&corner[0]), "{corner:?}");
                    prop_assert!((0.0..=frame.height).contains(&corner[1]), "{corner:?}");
                }
            }
        }
    }
}

impl Town {
    async fn stands(&self, venue: Uuid, lat: f64, lng: f64) {
        let sql = "UPDATE venues SET lat = $1, lng = $2, coordinates = 'gcj02' WHERE id = $3";
        self.run(sql, [lat.into(), lng.into(), venue.into()]).await;
    }

    async fn takes(&self, file: &Json, approval_number: &str) -> Result<MapTaken, String> {
        let bytes = file.to_string();
        let file =
            MapFile { bytes: bytes.as_bytes(), coordinates: Coordinates::Gcj02, approval_number };
        let taken = set_map(&self.db, &division("330482"), &file, self.clock.now()).await;
        taken.map_err(|refused| refused.to_string())
    }
}

#[tokio::test]
async fn a_screen_gets_the_map_with_a_pin_where_each_venue_stands_now() {
    let town = Town::new().await;
    assert_eq!(town.document("330482").await["map"], Json::Null);
    let (router, token) = town.serve("330482").await;
    let none = get(&router, PATH, &token, None).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    town.stands(town.gym, 30.7, 121.15).await;
    town.stands(town.court, 31.7, 121.15).await;
    let report = town.takes(&towns(), " 示例 0001 ").await.expect("taken");
    assert_eq!(report, MapTaken { shapes: 2, venues_on_it: 1, venues_off_it: 2 });
    let sheet = body(get(&router, PATH, &token, None).await).await;
    assert_eq!(sheet["approval_number"], "示例 0001");
    assert_eq!((&sheet["width"], &sheet["shapes"][1]["name"]), (&json!(1000.0), &json!("西镇")));
    assert_eq!(sheet["venues"], json!([{ "id": town.gym, "x": 500.0, "y": 387.7 }]));
    let before = town.document("330482").await["map"].clone();
    assert_eq!(before, sheet["tag"]);
    assert_eq!(town.document(YONGXING).await["map"], Json::Null, "each division has its own");
    town.stands(town.hall, 30.65, 121.05).await;
    let moved = town.document("330482").await["map"].clone();
    assert_ne!(moved, before, "a screen that has the pins of before asks again");
    town.takes(&towns(), "示例 0002").await.expect("taken in place of the first");
    assert_ne!(town.document("330482").await["map"], moved);
    let other = get(&router, PATH, "guessed", None).await;
    assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
    assert!(remove_map(&town.db, &division("330482")).await.expect("removed"));
    assert!(!remove_map(&town.db, &division("330482")).await.expect("none left"));
    assert_eq!(town.document("330482").await["map"], Json::Null);
}

#[tokio::test]
async fn a_map_of_another_place_or_without_its_number_is_refused_and_the_old_one_stays() {
    let town = Town::new().await;
    town.takes(&towns(), "示例 0001").await.expect("no venue has a position: any map may fit");
    let before = town.document("330482").await["map"].clone();
    let number = town.takes(&towns(), "  ").await.expect_err("refused");
    assert!(number.starts_with("审图号"), "{number}");
    let broken = town.takes(&with("/features", json!([])), "示例").await.expect_err("refused");
    assert!(broken.starts_with("没有任何要素"), "{broken}");
    assert_eq!(town.document("330482").await["map"], before);
    town.stands(town.gym, 39.9, 116.4).await;
    let elsewhere = town.takes(&towns(), "示例").await.expect_err("refused");
    assert!(elsewhere.contains("没有一个落在图上"), "{elsewhere}");
    let text = towns().to_string();
    let file = MapFile {
        bytes: text.as_bytes(),
        coordinates: Coordinates::Gcj02,
        approval_number: "示例",
    };
    let nowhere = set_map(&town.db, &division("3399"), &file, town.clock.now()).await;
    assert!(nowhere.expect_err("refused").to_string().starts_with("没有这个区域"));
}
