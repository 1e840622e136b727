//! The roll-ups: each row is found and locked, then changed or made.

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QuerySelect, Set,
};

use crate::{
    day::Day,
    tables::{member_day, member_venue_month, session, venue_day, venue_day_hour},
};

/// What a stay changes in the sums of its venue and its member.
#[derive(Default)]
pub struct Change {
    pub visits: i64,
    pub people: i64,
    pub minutes_measured: i64,
    pub minutes_estimated: i64,
    pub digest: [i64; 8],
}

pub async fn add<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    day: Day,
    change: &Change,
) -> Result<(), DbErr> {
    venue_day(tx, stay, change).await?;
    venue_hour(tx, stay, day, change).await?;
    member_day(tx, stay, change).await?;
    if change.visits != 0 {
        month(tx, stay, day, change).await?;
    }
    Ok(())
}

async fn venue_day<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    change: &Change,
) -> Result<(), DbErr> {
    let key = (stay.venue_id, stay.business_day);
    let found = venue_day::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    let [d0, d1, d2, d3, d4, d5, d6, d7] = change.digest;
    let Some(row) = found else {
        let row = venue_day::Model {
            venue_id: key.0,
            business_day: key.1,
            visits: change.visits,
            people: change.people,
            minutes_measured: change.minutes_measured,
            minutes_self_declared: 0,
            minutes_estimated: change.minutes_estimated,
            minutes_corrected: 0,
            digest_0: d0,
            digest_1: d1,
            digest_2: d2,
            digest_3: d3,
            digest_4: d4,
            digest_5: d5,
            digest_6: d6,
            digest_7: d7,
            state: "provisional".to_owned(),
            version: 1,
        };
        return row.into_active_model().insert(tx).await.map(|_| ());
    };
    let changed = venue_day::ActiveModel {
        visits: Set(row.visits + change.visits),
        people: Set(row.people + change.people),
        minutes_measured: Set(row.minutes_measured + change.minutes_measured),
        minutes_estimated: Set(row.minutes_estimated + change.minutes_estimated),
        digest_0: Set(row.digest_0 + d0),
        digest_1: Set(row.digest_1 + d1),
        digest_2: Set(row.digest_2 + d2),
        digest_3: Set(row.digest_3 + d3),
        digest_4: Set(row.digest_4 + d4),
        digest_5: Set(row.digest_5 + d5),
        digest_6: Set(row.digest_6 + d6),
        digest_7: Set(row.digest_7 + d7),
        version: Set(row.version + 1),
        ..row.into_active_model()
    };
    changed.update(tx).await.map(|_| ())
}

async fn venue_hour<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    day: Day,
    change: &Change,
) -> Result<(), DbErr> {
    let minutes = change.minutes_measured + change.minutes_estimated;
    let key = (stay.venue_id, stay.business_day, day.hour);
    let found = venue_day_hour::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    let Some(row) = found else {
        let row = venue_day_hour::Model {
            venue_id: key.0,
            business_day: key.1,
            hour: key.2,
            visits: change.visits,
            minutes,
            version: 1,
        };
        return row.into_active_model().insert(tx).await.map(|_| ());
    };
    let changed = venue_day_hour::ActiveModel {
        visits: Set(row.visits + change.visits),
        minutes: Set(row.minutes + minutes),
        version: Set(row.version + 1),
        ..row.into_active_model()
    };
    changed.update(tx).await.map(|_| ())
}

async fn member_day<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    change: &Change,
) -> Result<(), DbErr> {
    let key = (stay.member_id, stay.business_day);
    let found = member_day::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    let Some(row) = found else {
        let row = member_day::Model {
            member_id: key.0,
            business_day: key.1,
            visits: change.visits,
            minutes_measured: change.minutes_measured,
            minutes_self_declared: 0,
            minutes_estimated: change.minutes_estimated,
            minutes_corrected: 0,
            version: 1,
        };
        return row.into_active_model().insert(tx).await.map(|_| ());
    };
    let changed = member_day::ActiveModel {
        visits: Set(row.visits + change.visits),
        minutes_measured: Set(row.minutes_measured + change.minutes_measured),
        minutes_estimated: Set(row.minutes_estimated + change.minutes_estimated),
        version: Set(row.version + 1),
        ..row.into_active_model()
    };
    changed.update(tx).await.map(|_| ())
}

async fn month<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    day: Day,
    change: &Change,
) -> Result<(), DbErr> {
    let key = (stay.venue_id, day.month, stay.member_id);
    let found = member_venue_month::Entity::find_by_id(key).lock_exclusive().one(tx).await?;
    let Some(row) = found else {
        let row = member_venue_month::Model {
            venue_id: key.0,
            month: key.1,
            member_id: key.2,
            visits: change.visits,
            version: 1,
        };
        return row.into_active_model().insert(tx).await.map(|_| ());
    };
    let changed = member_venue_month::ActiveModel {
        visits: Set(row.visits + change.visits),
        version: Set(row.version + 1),
        ..row.into_active_model()
    };
    changed.update(tx).await.map(|_| ())
}
