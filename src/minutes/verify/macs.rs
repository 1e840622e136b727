//! Every ledger row against its MAC, and every venue-day's digest against its rows: what was
//! changed in place fails the first, what was added or taken away fails the second.

use std::collections::HashMap;

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use sea_orm::{
    DatabaseTransaction, DbErr, FromQueryResult as _, QueryResult, Statement, StreamTrait as _,
};
use uuid::Uuid;

use super::{Breaches, Scope};
use crate::{
    base::keys::Keys,
    minutes::{ledger, tables::minute_entry},
};

type Digests = HashMap<(Uuid, NaiveDate), [i64; 8]>;

pub async fn check(
    tx: &DatabaseTransaction,
    keys: &Keys,
    scope: &Scope,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let digests = entries(tx, keys, scope, breaches).await?;
    venue_days(tx, digests, scope, breaches).await
}

/// Checks each row by itself; gives what the rows of a venue-day add up to.
async fn entries(
    tx: &DatabaseTransaction,
    keys: &Keys,
    scope: &Scope,
    breaches: &mut Breaches,
) -> Result<Digests, DbErr> {
    let mut digests = Digests::new();
    let (conditions, values) = scope.conditions("e.community", "e.business_day");
    let sql = format!("SELECT e.* FROM minute_entries e WHERE TRUE{conditions}");
    let all = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let mut rows = tx.stream_raw(all).await?;
    while let Some(row) = rows.try_next().await? {
        let Ok(entry) = minute_entry::Model::from_query_result(&row, "") else {
            breaches.add(format_args!("minute_entries {}: cannot be read", id(&row)));
            continue;
        };
        let id = entry.id;
        let mut stored = [0; 32];
        let readable = hex::decode_to_slice(&entry.mac, &mut stored).is_ok();
        if !readable || stored != ledger::mac(keys, &entry) {
            breaches.add(format_args!("minute_entries {id}: the MAC does not fit the row"));
        }
        if entry.session_id.is_none() != (entry.cause == "carried_over") {
            let what = "only carried_over rows have no session";
            breaches.add(format_args!("minute_entries {id}: {what}"));
        }
        let sum = digests.entry((entry.venue_id, entry.business_day)).or_default();
        for (limb, summand) in sum.iter_mut().zip(keys.digest_summand(&stored)) {
            *limb += summand;
        }
    }
    Ok(digests)
}

fn id(row: &QueryResult) -> String {
    row.try_get::<Uuid>("", "id")
        .map_or_else(|_| "(an unreadable id)".to_owned(), |id| id.to_string())
}

async fn venue_days(
    tx: &DatabaseTransaction,
    mut digests: Digests,
    scope: &Scope,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let (conditions, values) = scope.conditions("v.community", "d.business_day");
    // Without a scope also the days of venues that are missing themselves.
    let sql = format!(
        "SELECT d.venue_id, d.business_day, d.digest_0, d.digest_1, d.digest_2, d.digest_3, \
         d.digest_4, d.digest_5, d.digest_6, d.digest_7 \
         FROM venue_days d LEFT JOIN venues v ON v.id = d.venue_id WHERE TRUE{conditions}"
    );
    let all = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let mut rows = tx.stream_raw(all).await?;
    while let Some(row) = rows.try_next().await? {
        let venue: Uuid = row.try_get("", "venue_id")?;
        let day: NaiveDate = row.try_get("", "business_day")?;
        let mut stored = [0_i64; 8];
        for (n, limb) in stored.iter_mut().enumerate() {
            *limb = row.try_get("", &format!("digest_{n}"))?;
        }
        if digests.remove(&(venue, day)).unwrap_or_default() != stored {
            let what = "the digest does not fit the ledger's rows";
            breaches.add(format_args!("venue_days {venue} {day}: {what}"));
        }
    }
    let mut rowless: Vec<_> = digests.into_keys().collect();
    rowless.sort_unstable();
    for (venue, day) in rowless {
        breaches.add(format_args!("venue_days {venue} {day}: the row is missing"));
    }
    Ok(())
}
