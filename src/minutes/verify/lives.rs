//! Members' histories, some members at a time: their sessions, the events and facts these follow
//! from, and their lock rows.

use std::collections::BTreeMap;

use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbErr, FromQueryResult as _, QueryResult, Statement,
    Value,
};
use uuid::Uuid;

use super::{Breaches, Places, stays};
use crate::minutes::{
    refold::{self, EVENT_COLUMNS, Stored},
    tables::{session, session_fact},
    timeline::{Fact, Timeline},
};

/// Members whose histories are in memory at once.
const PIECE: usize = 128;

/// Everything on record of one member.
#[derive(Default)]
pub struct Life {
    pub sessions: Vec<session::Model>,
    /// Granted and recorded ones.
    pub events: Vec<Stored>,
    pub facts: Vec<Fact>,
    pub lock: Option<Lock>,
    /// Nothing says any more which events were this person's.
    pub erased: bool,
}

/// What the member's lock row says of the open session.
pub struct Lock {
    pub open: Option<(Uuid, Uuid)>,
    /// None when the state cannot be read.
    pub timeline: Option<Timeline>,
}

pub async fn check(
    tx: &DatabaseTransaction,
    places: &Places,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let mut after = Uuid::nil();
    while after != Uuid::max() {
        // Pieces end at members with a lock row; whoever has none lies in between.
        let sql = format!(
            "SELECT member_id FROM timelines WHERE member_id > $1 \
             ORDER BY member_id LIMIT 1 OFFSET {}",
            PIECE - 1
        );
        let last = rows(tx, &sql, [after.into()]).await?;
        let last = last.first().map_or(Ok(Uuid::max()), |row| row.try_get("", "member_id"))?;
        for (member, life) in lives(tx, after, last, breaches).await? {
            stays::check(places, member, &life, breaches);
        }
        after = last;
    }
    Ok(())
}

async fn lives(
    tx: &DatabaseTransaction,
    after: Uuid,
    last: Uuid,
    breaches: &mut Breaches,
) -> Result<BTreeMap<Uuid, Life>, DbErr> {
    let range = || [after.into(), last.into()];
    let mut lives: BTreeMap<Uuid, Life> = BTreeMap::new();
    let of = "WHERE member_id > $1 AND member_id <= $2";
    for row in rows(tx, &format!("SELECT * FROM sessions {of}"), range()).await? {
        let Ok(session) = session::Model::from_query_result(&row, "") else {
            let id: Uuid = row.try_get("", "id")?;
            breaches.add(format_args!("sessions {id}: cannot be read"));
            continue;
        };
        lives.entry(session.member_id).or_default().sessions.push(session);
    }
    let sql = format!(
        "SELECT member_id, {EVENT_COLUMNS} FROM entry_events {of} AND decision <> 'refused'"
    );
    for row in rows(tx, &sql, range()).await? {
        lives.entry(row.try_get("", "member_id")?).or_default().events.push(refold::stored(&row)?);
    }
    for row in rows(tx, &format!("SELECT * FROM session_facts {of}"), range()).await? {
        let fact = session_fact::Model::from_query_result(&row, "")?;
        lives.entry(fact.member_id).or_default().facts.push(refold::fact(&fact));
    }
    let sql = format!("SELECT member_id, state, open_session, open_venue FROM timelines {of}");
    for row in rows(tx, &sql, range()).await? {
        lives.entry(row.try_get("", "member_id")?).or_default().lock = Some(lock(&row)?);
    }
    let sql = "SELECT id FROM members WHERE id > $1 AND id <= $2 AND status = 'erased'";
    for row in rows(tx, sql, range()).await? {
        lives.entry(row.try_get("", "id")?).or_default().erased = true;
    }
    Ok(lives)
}

fn lock(row: &QueryResult) -> Result<Lock, DbErr> {
    let session: Option<Uuid> = row.try_get("", "open_session")?;
    let venue: Option<Uuid> = row.try_get("", "open_venue")?;
    let state: String = row.try_get("", "state")?;
    Ok(Lock { open: session.zip(venue), timeline: serde_json::from_str(&state).ok() })
}

pub async fn rows<const N: usize>(
    tx: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.query_all_raw(statement).await
}
