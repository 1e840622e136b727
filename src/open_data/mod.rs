//! Open data in the form of OpenActive: feeds of venues, activities and slots that everybody may
//! follow, and how busy venues are, without anybody in it. Off unless the settings say under which address
//! and licence.
//!
//! A leased job compares what is with what was published and numbers the differences in one
//! transaction, so numbers follow commits and no reader can miss one that came late. Readers of the
//! feeds cost one index scan, whatever goes on in the town.

mod page;
mod routes;
mod rules;
mod tables;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction};
use serde_json::json;
use uuid::Uuid;

pub use routes::routes;
pub use rules::Feed;

use self::{
    rules::{Change, PAGE, changes},
    tables::{ACTIVITIES, ActivityRow, ItemRow, VENUES, VenueRow, execute, rows},
};
use crate::{
    base::{config::OpenData, db, error::Error},
    bookings,
};

/// How long it is told that an item is gone; the standard asks for two days.
const GONE_KEPT: TimeDelta = TimeDelta::days(7);

/// Publishes what changed since the last time; a job runs it.
pub async fn publish(
    db: &DatabaseConnection,
    settings: &OpenData,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for feed in Feed::ALL {
        let tx = db::begin(db).await?;
        let is = match feed {
            Feed::Venues => venues(&tx, settings).await?,
            Feed::Activities => activities(&tx, settings, now).await?,
            Feed::Slots => slots(&tx, settings, now).await?,
        };
        publish_feed(&tx, feed, &is, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn publish_feed(
    tx: &DatabaseTransaction,
    feed: Feed,
    is: &BTreeMap<Uuid, String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "SELECT id, change, data FROM open_data_items WHERE feed = $1";
    let kept: Vec<ItemRow> = rows(tx, sql, vec![feed.as_str().into()]).await?;
    // What was forgotten long ago may have had the highest number; the clock has passed it.
    let last = kept.iter().map(|row| row.change).max().unwrap_or(0);
    let first = now.timestamp_millis().max(last + 1);
    let published = kept
        .into_iter()
        .map(|row| (row.id, Some(row.data).filter(|data| !data.is_empty())))
        .collect();
    for Change { id, number, data } in changes(&published, is, first) {
        let sql = "INSERT INTO open_data_items (feed, id, change, data, changed_at) \
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT (feed, id) DO UPDATE SET \
                   change = excluded.change, data = excluded.data, \
                   changed_at = excluded.changed_at";
        let data = data.unwrap_or_default();
        let values = vec![feed.as_str().into(), id.into(), number.into(), data.into(), now.into()];
        execute(tx, sql, values).await?;
    }
    let sql = "DELETE FROM open_data_items WHERE feed = $1 AND data = '' AND changed_at < $2";
    execute(tx, sql, vec![feed.as_str().into(), (now - GONE_KEPT).into()]).await?;
    Ok(())
}

async fn venues(
    tx: &impl ConnectionTrait,
    settings: &OpenData,
) -> Result<BTreeMap<Uuid, String>, Error> {
    let found: Vec<VenueRow> = rows(tx, VENUES, Vec::new()).await?;
    let item = |row: VenueRow| {
        let url = format!("{}/api/v1/venues/{}", settings.url, row.id);
        let mut location = json!({ "@type": "Place", "name": row.name });
        // The standard's positions are of WGS 84; another system would mislead.
        if let (Some(lat), Some(lng), "wgs84") = (row.lat, row.lng, row.coordinates.as_str()) {
            location["geo"] =
                json!({ "@type": "GeoCoordinates", "latitude": lat, "longitude": lng });
        }
        let data = json!({
            "@context": "https://openactive.io/", "@type": Feed::Venues.kind(), "@id": url,
            "url": url, "identifier": row.id, "name": row.name, "category": [row.kind],
            "location": location, "fitgate:division": row.community,
        });
        (row.id, data.to_string())
    };
    Ok(found.into_iter().map(item).collect())
}

async fn activities(
    tx: &impl ConnectionTrait,
    settings: &OpenData,
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, String>, Error> {
    let found: Vec<ActivityRow> = rows(tx, ACTIVITIES, vec![now.into()]).await?;
    let item = |row: ActivityRow| {
        let status = if row.cancelled_at.is_some() { "EventCancelled" } else { "EventScheduled" };
        let location = match row.venue_id {
            Some(id) => json!({
                "@type": "Place", "url": format!("{}/api/v1/venues/{id}", settings.url),
            }),
            None => json!({ "@type": "Place", "name": row.place }),
        };
        let data = json!({
            "@context": "https://openactive.io/", "@type": Feed::Activities.kind(),
            "@id": format!("{}/api/v1/activities/{}", settings.url, row.id),
            "identifier": row.id, "name": row.title, "description": row.about,
            "category": [row.kind], "startDate": row.starts_at, "endDate": row.ends_at,
            "maximumAttendeeCapacity": row.capacity,
            "remainingAttendeeCapacity": row.capacity - row.taken,
            "eventStatus": format!("https://schema.org/{status}"), "location": location,
        });
        (row.id, data.to_string())
    };
    Ok(found.into_iter().map(item).collect())
}

/// Hours of coaches and courts, with how many seats are left; nothing of who booked.
async fn slots(
    tx: &impl ConnectionTrait,
    settings: &OpenData,
    now: DateTime<Utc>,
) -> Result<BTreeMap<Uuid, String>, Error> {
    let item = |slot: bookings::Offered| {
        let id = slot.id.0;
        let mut data = json!({
            "@context": "https://openactive.io/", "@type": Feed::Slots.kind(),
            "@id": format!("{}/open/v1/slots/{id}", settings.url), "identifier": id,
            "facilityUse": format!("{}/api/v1/venues/{}", settings.url, slot.venue_id),
            "startDate": slot.starts_at, "endDate": slot.ends_at,
            "duration": format!("PT{}M", (slot.ends_at - slot.starts_at).num_minutes()),
            "maximumUses": slot.capacity, "remainingUses": slot.free(),
            "category": [slot.kind], "fitgate:activity": slot.sport,
        });
        if let Some(cents) = slot.price_cents {
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            data["offers"] = json!([{ "@type": "Offer", "price": price, "priceCurrency": "CNY" }]);
        }
        (id, data.to_string())
    };
    Ok(bookings::bookable(tx, now).await?.into_iter().map(item).collect())
}

/// The changes of a feed behind a number, at most a page.
pub async fn behind(
    db: &impl ConnectionTrait,
    feed: Feed,
    after: i64,
) -> Result<Vec<Change>, Error> {
    let sql = "SELECT id, change, data FROM open_data_items \
               WHERE feed = $1 AND change > $2 ORDER BY change LIMIT $3";
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let found: Vec<ItemRow> =
        rows(db, sql, vec![feed.as_str().into(), after.into(), limit.into()]).await?;
    let change = |row: ItemRow| Change {
        id: row.id,
        number: row.change,
        data: Some(row.data).filter(|data| !data.is_empty()),
    };
    Ok(found.into_iter().map(change).collect())
}
