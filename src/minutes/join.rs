//! The stays of two registrations of one person become those of one: everything of both is folded
//! anew as one person's, so that stays which overlap count once. What was credited is taken back
//! and entered anew; no row of the ledger changes.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, FromQueryResult,
    QueryFilter as _, Statement,
};
use uuid::Uuid;

use super::{
    declare::World,
    effect::{Effect, Moment},
    posting::{Posting, TimelineRow},
    refold, statement,
    tables::session,
    timeline::{Fact, FactKind, Provenance, Timeline, Venues as _},
};
use crate::base::{
    db::bulk,
    error::{Code, Error},
    ids::{MemberId, VenueId},
    keys::Keys,
};

/// Gives `kept` all events, facts and past minutes of `gone`, and tells what comes of it. Refuses
/// (409) where corrected stays of both overlap.
pub async fn join(
    tx: &DatabaseTransaction,
    keys: &Keys,
    (kept, gone): (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<Effect, Error> {
    let mut both = [kept, gone];
    both.sort();
    for member in both {
        statement::lock(tx, member).await?;
    }
    let world = World::load(tx).await?;
    let before = Moment::of(tx, &both).await?;
    give_up(tx, keys, &world, (kept, gone), now).await?;
    for table in ["entry_events", "session_facts", "sessions", "session_disputes"] {
        let sql = format!("UPDATE {table} SET member_id = $1 WHERE member_id = $2");
        let values = [kept.0.into(), gone.0.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    for sql in REMEMBERED {
        let values = [kept.0.into(), gone.0.into(), now.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    if overlap(&refold::facts(tx, kept).await?) {
        return Err(Error::Conflict(Code::CorrectionOverlaps));
    }
    fold_anew(tx, keys, &world, kept, now).await?;
    Ok(before.until(Moment::of(tx, &[kept]).await?))
}

/// So that counters hear where `gone` is no longer counted among a day's people, although no stay is
/// theirs any more.
const REMEMBERED: [&str; 2] = [
    "INSERT INTO member_joins (gone_id, kept_id, at) VALUES ($2, $1, $3)",
    "UPDATE member_joins SET kept_id = $1, at = $3 WHERE kept_id = $2",
];

/// Takes back whatever `gone` was credited, and enters for `kept` what was carried over.
async fn give_up(
    tx: &DatabaseTransaction,
    keys: &Keys,
    world: &World,
    (kept, gone): (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut posting = Posting::new(keys, world, now, "joined");
    let stays = session::Entity::find()
        .filter(session::Column::MemberId.eq(gone.0))
        .filter(session::Column::Void.eq(false))
        .all(tx)
        .await?;
    for stay in stays {
        let left_at = stay.left_at.or(Some(stay.entered_at));
        let void = session::Model { void: true, minutes: 0, left_at, ..stay.clone() };
        posting.session(Some(stay), void);
    }
    for past in carried_over(tx, gone).await? {
        let provenance = Provenance::parse(&past.provenance);
        let (Some(venue), Some(provenance)) = (world.venue(VenueId(past.venue_id)), provenance)
        else {
            continue;
        };
        let minutes = i32::try_from(past.minutes).map_err(Error::internal)?;
        posting.carry_over(gone, venue, past.business_day, -minutes, provenance);
        posting.carry_over(kept, venue, past.business_day, minutes, provenance);
    }
    posting.timeline(TimelineRow {
        member: gone,
        version: version(tx, gone).await? + 1,
        state: serde_json::to_string(&Timeline::default()).map_err(Error::internal)?,
        last_at: None,
        open: None,
    });
    let writes = posting.finish(tx).await?;
    bulk::write_all(tx, writes).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Past {
    venue_id: Uuid,
    business_day: NaiveDate,
    provenance: String,
    minutes: i64,
}

async fn carried_over(tx: &DatabaseTransaction, member: MemberId) -> Result<Vec<Past>, Error> {
    let sql = "SELECT venue_id, business_day, provenance, CAST(SUM(minutes) AS BIGINT) AS minutes \
               FROM minute_entries WHERE member_id = $1 AND session_id IS NULL \
               GROUP BY venue_id, business_day, provenance HAVING SUM(minutes) <> 0 \
               ORDER BY venue_id, business_day, provenance";
    let values = [member.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(Past::find_by_statement(statement).all(tx).await?)
}

async fn version(tx: &DatabaseTransaction, member: MemberId) -> Result<i64, Error> {
    let sql = "SELECT version FROM timelines WHERE member_id = $1";
    let values = [member.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let row = tx.query_one_raw(statement).await?.ok_or(Error::NotFound(Code::NotFound))?;
    Ok(row.try_get("", "version")?)
}

/// Folds everything that the member has.
async fn fold_anew(
    tx: &DatabaseTransaction,
    keys: &Keys,
    world: &World,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "SELECT MIN(occurred_at) AS first, MAX(occurred_at) AS last FROM entry_events \
               WHERE member_id = $1 AND decision <> 'refused'";
    let values = [member.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let mut instants: Vec<DateTime<Utc>> = Vec::new();
    if let Some(row) = tx.query_one_raw(statement).await? {
        for column in ["first", "last"] {
            instants.extend(row.try_get::<Option<DateTime<Utc>>>("", column)?);
        }
    }
    let mut standing = statement::lock(tx, member).await?;
    let mut posting = Posting::new(keys, world, now, "joined");
    if !instants.is_empty() {
        standing.reconsider(tx, world, &instants, now, &mut posting).await?;
    }
    standing.finish(world, now, &mut posting);
    let writes = posting.finish(tx).await?;
    bulk::write_all(tx, writes).await?;
    Ok(())
}

/// Whether two corrected stays overlap, by the newest correction of each.
fn overlap(facts: &[Fact]) -> bool {
    let corrected = || facts.iter().filter(|fact| fact.kind == FactKind::Corrected);
    let openers: BTreeSet<_> = corrected().map(|fact| fact.opener).collect();
    let mut spans: Vec<_> = openers
        .into_iter()
        .filter_map(|opener| {
            let of_stay = corrected().filter(|fact| fact.opener == opener);
            let newest = of_stay.max_by_key(|fact| fact.n)?;
            Some((newest.entered_at?, newest.left_at))
        })
        .collect();
    spans.sort_unstable();
    spans.windows(2).any(|pair| pair[0].1 > pair[1].0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{clock::from_millis, ids::EventId};

    fn fact(opener: u128, n: i32, from: i64, to: i64) -> Fact {
        Fact {
            opener: EventId(Uuid::from_u128(opener)),
            n,
            kind: FactKind::Corrected,
            entered_at: Some(from_millis(from)),
            left_at: from_millis(to),
        }
    }

    #[test]
    fn only_the_newest_correction_of_each_stay_counts() {
        assert!(!overlap(&[]));
        assert!(!overlap(&[fact(1, 1, 0, 5), fact(2, 1, 5, 9)]));
        assert!(overlap(&[fact(1, 1, 0, 6), fact(2, 1, 5, 9)]));
        assert!(!overlap(&[fact(1, 1, 0, 6), fact(1, 2, 0, 4), fact(2, 1, 5, 9)]));
    }
}
