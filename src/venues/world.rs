//! The places as pure code judges by them, and the number that says whether they have changed.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult,
    QueryFilter as _, QueryOrder as _, Statement,
};

use super::{
    rules::{Closure, Exception, Hours, Rules, Venue},
    tables::{venue, venue_closure, venue_exception, venue_hours, venue_rules},
    terms::Coordinates,
};
use crate::base::{error::Error, ids::VenueId};

/// All venues, retired ones too: late events still belong to them.
pub async fn load_world(db: &impl ConnectionTrait) -> Result<HashMap<VenueId, Arc<Venue>>, Error> {
    let rows = venue::Entity::find().all(db).await?;
    let venues = complete(db, rows, None).await?;
    Ok(venues.into_iter().map(|venue| (venue.id, Arc::new(venue))).collect())
}

/// One venue, or nothing.
pub async fn load(db: &impl ConnectionTrait, id: VenueId) -> Result<Option<Venue>, Error> {
    let row = venue::Entity::find_by_id(id).all(db).await?;
    Ok(complete(db, row, Some(&[id])).await?.pop())
}

/// Reads what belongs to `rows`, keeping their order; `only` bounds the reads to these venues.
pub(super) async fn complete(
    db: &impl ConnectionTrait,
    rows: Vec<venue::Model>,
    only: Option<&[VenueId]>,
) -> Result<Vec<Venue>, Error> {
    let among = |column: sea_orm::sea_query::SimpleExpr| {
        only.map_or_else(Condition::all, |_| Condition::all().add(column))
    };
    let ids = || only.unwrap_or_default().iter().copied();
    let rules = venue_rules::Entity::find()
        .filter(among(venue_rules::Column::VenueId.is_in(ids())))
        .order_by_asc(venue_rules::Column::Version)
        .all(db)
        .await?;
    let hours = venue_hours::Entity::find()
        .filter(among(venue_hours::Column::VenueId.is_in(ids())))
        .order_by_asc(venue_hours::Column::Weekday)
        .order_by_asc(venue_hours::Column::Version)
        .all(db)
        .await?;
    let exceptions = venue_exception::Entity::find()
        .filter(among(venue_exception::Column::VenueId.is_in(ids())))
        .order_by_asc(venue_exception::Column::Day)
        .order_by_asc(venue_exception::Column::Version)
        .all(db)
        .await?;
    let closures = venue_closure::Entity::find()
        .filter(among(venue_closure::Column::VenueId.is_in(ids())))
        .order_by_asc(venue_closure::Column::ClosedAt)
        .all(db)
        .await?;
    assemble(rows, rules, hours, (exceptions, closures)).map_err(Error::internal)
}

fn assemble(
    rows: Vec<venue::Model>,
    rules: Vec<venue_rules::Model>,
    hours: Vec<venue_hours::Model>,
    (exceptions, closures): (Vec<venue_exception::Model>, Vec<venue_closure::Model>),
) -> anyhow::Result<Vec<Venue>> {
    let mut rules = by_venue(rules, |row| row.venue_id);
    let mut hours = by_venue(hours, |row| row.venue_id);
    let mut exceptions = by_venue(exceptions, |row| row.venue_id);
    let mut closures = by_venue(closures, |row| row.venue_id);
    rows.into_iter()
        .map(|row| {
            let id = row.id;
            let rules =
                taken(&mut rules, id).map(Rules::try_from).collect::<Result<Vec<_>, _>>()?;
            anyhow::ensure!(!rules.is_empty(), "a venue has no rules");
            Ok(Venue {
                id,
                status: row.status()?,
                community: row.community,
                name: row.name,
                kind: row.kind,
                area_m2: row.area_m2,
                lat: row.lat,
                lng: row.lng,
                coordinates: Coordinates::parse(&row.coordinates)
                    .ok_or_else(|| anyhow::anyhow!("a venue has unknown coordinates"))?,
                rules,
                hours: taken(&mut hours, id).map(Hours::try_from).collect::<Result<_, _>>()?,
                exceptions: taken(&mut exceptions, id).map(Exception::from).collect(),
                closures: taken(&mut closures, id).map(Closure::from).collect(),
            })
        })
        .collect()
}

fn by_venue<R>(rows: Vec<R>, venue: impl Fn(&R) -> VenueId) -> HashMap<VenueId, Vec<R>> {
    let mut groups: HashMap<VenueId, Vec<R>> = HashMap::new();
    for row in rows {
        groups.entry(venue(&row)).or_default().push(row);
    }
    groups
}

fn taken<R>(groups: &mut HashMap<VenueId, Vec<R>>, id: VenueId) -> impl Iterator<Item = R> {
    groups.remove(&id).unwrap_or_default().into_iter()
}

#[derive(FromQueryResult)]
struct Revision {
    n: i64,
}

/// A number that grows with every change of venues, zones and terminals' places. Whoever holds a
/// world reads it again when this differs.
pub async fn revision(db: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let sql = "SELECT n FROM revisions WHERE name = 'world'";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = Revision::find_by_statement(statement).one(db).await?;
    Ok(row.map_or(0, |row| row.n))
}

/// Says that the world changed; in the transaction that changes it.
pub async fn touch(tx: &impl ConnectionTrait) -> Result<(), DbErr> {
    tx.execute_unprepared("UPDATE revisions SET n = n + 1 WHERE name = 'world'").await.map(|_| ())
}
