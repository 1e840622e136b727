//! The bureau's maps, as they are kept and handed out: outlines from the file, pins from where the
//! venues stand today.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    map::{self, Drawing, Shape},
    map_faults::{Fault, Why},
    places::{self, Places},
    tables::statement,
};
use crate::{
    base::ids::{DivisionCode, VenueId},
    venues::terms::Coordinates,
};

const APPROVAL_NUMBER_CHARS_MAX: usize = 60;
/// Of a digest: as many as tell any two maps of one division apart.
const TAG_BYTES: usize = 8;

/// A file with a map of a division.
#[derive(Clone, Copy, Debug)]
pub struct MapFile<'a> {
    /// `GeoJSON`.
    pub bytes: &'a [u8],
    pub coordinates: Coordinates,
    /// 审图号: without one a map may not be shown in public.
    pub approval_number: &'a str,
}

/// What was made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapTaken {
    pub shapes: usize,
    pub venues_on_it: usize,
    /// Those beyond its edges, and those without a position.
    pub venues_off_it: usize,
}

/// Why there is no map now that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum MapRefused {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Takes a map for the screens of `division` in place of the one before. Screens that hang there
/// draw it within seconds.
///
/// # Errors
/// A [`Fault`] that says what is wrong with the file; the map of before stays.
pub async fn set_map(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    file: &MapFile<'_>,
    now: DateTime<Utc>,
) -> Result<MapTaken, MapRefused> {
    let number = file.approval_number.trim();
    let fits = (1..=APPROVAL_NUMBER_CHARS_MAX).contains(&number.chars().count());
    if !fits || number.chars().any(char::is_control) {
        return Err(Fault::of_file(Why::BadApprovalNumber).into());
    }
    let drawing = map::draw(file.bytes, file.coordinates)?;
    let places = places::find(db, division, now).await?.ok_or(Fault::of_file(Why::NoDivision))?;
    let venues_on_it = pins(&drawing, &places).len();
    if venues_on_it == 0 && open(&places).any(|venue| venue.point.is_some()) {
        return Err(Fault::of_file(Why::NoVenueOnIt).into());
    }
    let text = serde_json::to_string(&drawing).expect("its keys are text and its numbers finite");
    let digest = Sha256::new().chain_update(number).chain_update([0]).chain_update(&text);
    let tag = hex::encode(&digest.finalize()[..TAG_BYTES]);
    let sql = "INSERT INTO screen_maps (division, tag, approval_number, drawing, supplied_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (division) DO UPDATE SET \
               tag = excluded.tag, approval_number = excluded.approval_number, \
               drawing = excluded.drawing, supplied_at = excluded.supplied_at";
    let values = [division.as_str().into(), tag.into(), number.into(), text.into(), now.into()];
    db.execute_raw(statement(db, sql, values)).await?;
    let venues_off_it = open(&places).count() - venues_on_it;
    Ok(MapTaken { shapes: drawing.shapes.len(), venues_on_it, venues_off_it })
}

/// Takes the map of `division` away; its screens show the schematic picture again. False if there
/// was none.
pub async fn remove_map(db: &impl ConnectionTrait, division: &DivisionCode) -> Result<bool, DbErr> {
    let sql = "DELETE FROM screen_maps WHERE division = $1";
    let done = db.execute_raw(statement(db, sql, [division.as_str().into()])).await?;
    Ok(done.rows_affected() > 0)
}

/// A map with a pin for every venue on it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MapSheet {
    /// As the document's `map`.
    pub tag: String,
    /// 审图号, to be shown with the map.
    pub approval_number: String,
    /// Units of the drawing, the longer side 1000.
    pub width: f64,
    pub height: f64,
    /// The largest first.
    pub shapes: Vec<Shape>,
    pub venues: Vec<Pin>,
}

/// Where a venue stands, in units of the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Pin {
    pub id: VenueId,
    pub x: f64,
    pub y: f64,
}

#[derive(FromQueryResult)]
struct MapRow {
    tag: String,
    approval_number: String,
    drawing: String,
}

#[derive(FromQueryResult)]
struct TagRow {
    tag: String,
}

/// The map of `division` with today's pins; none where no map was supplied.
pub async fn sheet(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    now: DateTime<Utc>,
) -> Result<Option<MapSheet>, DbErr> {
    let sql = "SELECT tag, approval_number, drawing FROM screen_maps WHERE division = $1";
    let row = MapRow::find_by_statement(statement(db, sql, [division.as_str().into()]));
    let Some(row) = row.one(db).await? else { return Ok(None) };
    let Some(places) = places::find(db, division, now).await? else { return Ok(None) };
    let drawing: Drawing = serde_json::from_str(&row.drawing)
        .map_err(|error| DbErr::Custom(format!("a map cannot be read: {error}")))?;
    let venues = pins(&drawing, &places);
    let Drawing { frame, shapes } = drawing;
    Ok(Some(MapSheet {
        tag: tag_of(&row.tag, &places.venues),
        approval_number: row.approval_number,
        width: frame.width,
        height: frame.height,
        shapes,
        venues,
    }))
}

/// Which map and pins a screen of `division` should have.
pub async fn tag(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    venues: &[places::Venue],
) -> Result<Option<String>, DbErr> {
    let sql = "SELECT tag FROM screen_maps WHERE division = $1";
    let row = TagRow::find_by_statement(statement(db, sql, [division.as_str().into()]));
    Ok(row.one(db).await?.map(|row| tag_of(&row.tag, venues)))
}

/// Changes with the map, and with every venue that comes, goes or moves.
fn tag_of(map: &str, venues: &[places::Venue]) -> String {
    let mut digest = Sha256::new().chain_update(map);
    for venue in venues.iter().filter(|venue| !venue.retired) {
        digest.update(venue.id.to_string());
        digest.update(format!("{:?}", venue.point));
    }
    hex::encode(&digest.finalize()[..TAG_BYTES])
}

fn pins(drawing: &Drawing, places: &Places) -> Vec<Pin> {
    let pin = |venue: &places::Venue| {
        let (x, y) = drawing.frame.place(venue.point?)?;
        Some(Pin { id: venue.id, x, y })
    };
    open(places).filter_map(pin).collect()
}

fn open(places: &Places) -> impl Iterator<Item = &places::Venue> {
    places.venues.iter().filter(|venue| !venue.retired)
}
