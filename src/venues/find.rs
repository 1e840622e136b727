//! Reading places: pages of venues and divisions, the zones of venues, the state of a community.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::{
    community::{TwoPlusX, two_plus_x},
    rules::Venue,
    tables::{self, division, venue, zone},
    world,
};
use crate::base::{
    error::{Code, Error},
    ids::{DivisionCode, VenueId, ZoneId},
};

/// A division as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivisionView {
    pub code: String,
    pub name: String,
    pub level: String,
    pub resident_population: Option<i64>,
}

/// A zone as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneView {
    pub id: ZoneId,
    pub kind: String,
    pub name: String,
    pub area_m2: Option<i32>,
}

/// A community and whether it is a smart sports community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommunityView {
    pub division: DivisionView,
    pub two_plus_x: TwoPlusX,
}

/// At most `limit` divisions that `scope` covers, by code, after `after`.
pub async fn divisions(
    db: &impl ConnectionTrait,
    scope: &DivisionCode,
    after: Option<DivisionCode>,
    limit: u64,
) -> Result<Vec<DivisionView>, Error> {
    let mut query =
        division::Entity::find().filter(division::Column::Code.starts_with(scope.as_str()));
    if let Some(after) = after {
        query = query.filter(division::Column::Code.gt(after.to_string()));
    }
    let rows = query.order_by_asc(division::Column::Code).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(view).collect())
}

/// At most `limit` open venues, of `scope` if given, by id, after `after`.
pub async fn venues(
    db: &impl ConnectionTrait,
    scope: Option<&DivisionCode>,
    after: Option<VenueId>,
    limit: u64,
) -> Result<Vec<Venue>, Error> {
    let mut query = venue::Entity::find().filter(venue::Column::Status.eq(tables::OPEN));
    if let Some(scope) = scope {
        query = query.filter(venue::Column::Community.starts_with(scope.as_str()));
    }
    if let Some(after) = after {
        query = query.filter(venue::Column::Id.gt(after));
    }
    let rows = query.order_by_asc(venue::Column::Id).limit(limit).all(db).await?;
    let ids: Vec<VenueId> = rows.iter().map(|row| row.id).collect();
    world::complete(db, rows, Some(&ids)).await
}

/// Every venue of a division with all its versions, retired ones too.
pub async fn within(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Vec<Venue>, Error> {
    let query = venue::Entity::find()
        .filter(venue::Column::Community.starts_with(division.as_str()))
        .order_by_asc(venue::Column::Id);
    let rows = query.all(db).await?;
    let ids: Vec<VenueId> = rows.iter().map(|row| row.id).collect();
    world::complete(db, rows, Some(&ids)).await
}

/// Whether `zone` is a part of `venue`.
pub async fn has_zone(
    db: &impl ConnectionTrait,
    venue: VenueId,
    zone: ZoneId,
) -> Result<bool, Error> {
    let row =
        zone::Entity::find_by_id(zone).filter(zone::Column::VenueId.eq(venue)).one(db).await?;
    Ok(row.is_some())
}

/// The zones of these venues, oldest first; a venue without zones has no entry.
pub async fn zones(
    db: &impl ConnectionTrait,
    venues: &[VenueId],
) -> Result<HashMap<VenueId, Vec<ZoneView>>, Error> {
    let rows = zone::Entity::find()
        .filter(zone::Column::VenueId.is_in(venues.iter().copied()))
        .order_by_asc(zone::Column::Id)
        .all(db)
        .await?;
    let mut zones: HashMap<VenueId, Vec<ZoneView>> = HashMap::new();
    for zone::Model { id, venue_id, kind, name, area_m2 } in rows {
        zones.entry(venue_id).or_default().push(ZoneView { id, kind, name, area_m2 });
    }
    Ok(zones)
}

/// A community with what it has and lacks of "2+X".
///
/// # Errors
/// `NotFound` when the code is no registered community.
pub async fn community(
    db: &impl ConnectionTrait,
    code: &DivisionCode,
) -> Result<CommunityView, Error> {
    let found = division::Entity::find_by_id(code.to_string()).one(db).await?;
    let found = found.filter(|_| code.is_community());
    let division = found.map(view).ok_or(Error::NotFound(Code::NotFound))?;
    let kinds: Vec<String> = venue::Entity::find()
        .select_only()
        .column(venue::Column::Kind)
        .filter(venue::Column::Community.eq(code.clone()))
        .filter(venue::Column::Status.eq(tables::OPEN))
        .into_tuple()
        .all(db)
        .await?;
    let two_plus_x = two_plus_x(kinds.iter().map(String::as_str));
    Ok(CommunityView { division, two_plus_x })
}

fn view(row: division::Model) -> DivisionView {
    let division::Model { code, name, level, resident_population } = row;
    DivisionView { code, name, level, resident_population }
}
