//! Closing a venue or a zone of it at once, for as long as something there is dangerous. Hours and
//! exceptions begin on a future business day, since past ones were judged by; a closure begins now
//! and is judged by from now on, and no stay is folded by it.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, sea_query::Expr,
};
use uuid::Uuid;

use super::{has_zone, locked, object_of, tables::venue_closure, world};
use crate::{
    base::{
        error::{Code, Error},
        ids::{VenueId, ZoneId},
    },
    staff::audit::{self, Deed},
};

/// What is closed, and for what (`ticket:<id>`).
#[derive(Clone, Debug)]
pub struct NewClosure {
    pub venue: VenueId,
    /// None: the whole venue.
    pub zone: Option<ZoneId>,
    pub cause: String,
}

/// Closes a venue or a zone from now on; closing for the same cause once more changes nothing.
/// Refuses (404) a venue and (422) a zone that is not there.
pub async fn close(
    tx: &DatabaseTransaction,
    new: NewClosure,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    locked(tx, new.venue).await?;
    if let Some(zone) = new.zone
        && !has_zone(tx, new.venue, zone).await?
    {
        return Err(Error::invalid("/zone_id", Code::UnknownZone));
    }
    let standing = venue_closure::Entity::find()
        .filter(venue_closure::Column::Cause.eq(&new.cause))
        .filter(venue_closure::Column::OpenedAt.is_null())
        .all(tx)
        .await?;
    if standing.iter().any(|row| row.zone_id == new.zone) {
        return Ok(());
    }
    let row = venue_closure::Model {
        id: Uuid::now_v7(),
        venue_id: new.venue,
        zone_id: new.zone,
        cause: new.cause,
        closed_at: now,
        closed_by: by.to_owned(),
        opened_at: None,
        opened_by: None,
    };
    let (venue, cause) = (row.venue_id, row.cause.clone());
    row.into_active_model().insert(tx).await?;
    told(tx, by, "venue_closed", venue, &cause, now).await
}

/// Opens again what was closed for a cause; nothing where nothing is closed for it.
pub async fn open_again(
    tx: &DatabaseTransaction,
    cause: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let standing = venue_closure::Entity::find()
        .filter(venue_closure::Column::Cause.eq(cause))
        .filter(venue_closure::Column::OpenedAt.is_null())
        .all(tx)
        .await?;
    for row in standing {
        locked(tx, row.venue_id).await?;
        venue_closure::Entity::update_many()
            .col_expr(venue_closure::Column::OpenedAt, Expr::value(now))
            .col_expr(venue_closure::Column::OpenedBy, Expr::value(by))
            .filter(venue_closure::Column::Id.eq(row.id))
            .exec(tx)
            .await?;
        told(tx, by, "venue_opened_again", row.venue_id, cause, now).await?;
    }
    Ok(())
}

/// Says to every process that the world changed, and to the audit chain who changed it.
async fn told(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    venue: VenueId,
    cause: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    world::touch(tx).await?;
    let object = object_of(venue);
    let deed = Deed { actor, act, object: &object, before: None, after: Some(cause), reason: None };
    audit::append(tx, "places", &deed, now).await?;
    Ok(())
}
