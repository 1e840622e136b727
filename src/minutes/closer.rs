//! Credits sessions whose limit has passed while nobody came: by event time, so a server that was
//! off for a week credits the same minutes as one that ran.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use uuid::Uuid;

use super::{
    posting::Posting,
    standing::Standing,
    timeline::{Timeline, Venues},
};
use crate::base::{
    db::{
        self,
        bulk::{self, Kind, Lookup},
    },
    ids::MemberId,
    keys::Keys,
};

/// Timelines closed in one transaction: small pieces, so that entries need not wait.
const PIECE: usize = 256;

const DUE: Lookup = Lookup {
    select: "t.member_id AS member_id, t.version AS version, t.state AS state",
    from: "timelines t",
    on: "t.member_id = q.k1 AND t.limit_at < q.k2",
    keys: &[Kind::Uuid, Kind::Instant],
    lock: Some("t"),
};

/// Ends every open session whose limit lies before `now`; gives how many.
pub async fn close_due(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &dyn Venues,
    now: DateTime<Utc>,
) -> Result<usize, DbErr> {
    let mut closed = 0;
    loop {
        let piece = close_piece(db, keys, venues, now).await?;
        closed += piece;
        if piece < PIECE {
            return Ok(closed);
        }
    }
}

async fn close_piece(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &dyn Venues,
    now: DateTime<Utc>,
) -> Result<usize, DbErr> {
    let statement = Statement::from_sql_and_values(
        db.get_database_backend(),
        format!(
            "SELECT member_id FROM timelines WHERE limit_at < $1 ORDER BY limit_at LIMIT {PIECE}"
        ),
        [now.into()],
    );
    let mut due: Vec<Uuid> = Vec::new();
    for row in db.query_all_raw(statement).await? {
        due.push(row.try_get("", "member_id")?);
    }
    if due.is_empty() {
        return Ok(0);
    }
    due.sort();
    let tx = db::begin(db).await?;
    let mut posting = Posting::new(keys, venues, now, "closer");
    let lookups = due.iter().map(|id| vec![(*id).into(), now.into()]).collect();
    for row in bulk::find(&tx, &DUE, lookups).await? {
        let state: String = row.try_get("", "state")?;
        let timeline: Timeline =
            serde_json::from_str(&state).map_err(|e| DbErr::Json(e.to_string()))?;
        let member = MemberId(row.try_get("", "member_id")?);
        let standing = Standing::new(member, row.try_get("", "version")?, timeline);
        standing.finish(venues, now, &mut posting);
    }
    let writes = posting.finish(&tx).await?;
    bulk::write_all(&tx, writes).await?;
    tx.commit().await?;
    Ok(due.len())
}
