//! What terminals hold of members: opaque ids, the handles of faces and cards, and until when.
//! No name, no number of a document, no phone.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::base::{error::Error, ids::MemberId};

/// Handles with whether their person may stand on a terminal at `$1`: 1 or 0. A face only with
/// the consent that was given last.
const ROWS: &str = "SELECT c.kind AS kind, c.handle AS handle, c.member_id AS member_id, \
     c.valid_from AS valid_from, c.valid_to AS valid_to, m.version AS version, \
     CASE WHEN c.status = 'active' AND m.status = 'active' AND (c.valid_to IS NULL OR c.valid_to > $1) \
     AND (c.kind <> 'face' OR EXISTS (SELECT 1 FROM consents k WHERE k.member_id = c.member_id \
     AND k.purpose = 'door_face' AND k.granted AND k.at = (SELECT MAX(l.at) FROM consents l \
     WHERE l.member_id = c.member_id AND l.purpose = 'door_face' AND l.at <= $1))) \
     THEN 1 ELSE 0 END AS holds \
     FROM credentials c JOIN members m ON m.id = c.member_id WHERE c.kind IN ('face', 'card')";

/// A handle that a terminal holds, or is to remove.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct RosterRow {
    /// `face` or `card`.
    pub kind: String,
    pub handle: String,
    member_id: Uuid,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
    holds: i32,
}

impl RosterRow {
    pub fn member(&self) -> MemberId {
        MemberId(self.member_id)
    }

    /// `false`: remove it.
    pub fn holds(&self) -> bool {
        self.holds == 1
    }

    /// Where a page after this row begins.
    pub fn key(&self) -> RosterKey {
        (self.holds, self.kind.clone(), self.handle.clone())
    }
}

/// The order of the roster: removals first, then by kind and handle.
pub type RosterKey = (i32, String, String);

/// At most `limit` rows after `after`.
pub async fn page(
    db: &impl ConnectionTrait,
    after: Option<RosterKey>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<RosterRow>, DbErr> {
    let (holds, kind, handle) = after.unwrap_or((-1, String::new(), String::new()));
    let sql = format!(
        "SELECT kind, handle, member_id, valid_from, valid_to, holds FROM ({ROWS}) AS r \
         WHERE (holds, kind, handle) > ($2, $3, $4) ORDER BY holds, kind, handle LIMIT $5"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [Value; 5] = [now.into(), holds.into(), kind.into(), handle.into(), limit.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    RosterRow::find_by_statement(statement).all(db).await
}

#[derive(FromQueryResult)]
struct Found {
    handle: String,
}

/// The handle of a face that begins with these hexadecimal digits, active or withdrawn; none where
/// several do.
pub async fn face_beginning(
    db: &impl ConnectionTrait,
    beginning: &str,
) -> Result<Option<String>, DbErr> {
    let sql = "SELECT handle FROM credentials WHERE kind = 'face' AND handle >= $1 \
               AND handle < $2 LIMIT 2";
    // Behind the last digit that there is.
    let values: [Value; 2] = [beginning.into(), format!("{beginning}g").into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let mut found = Found::find_by_statement(statement).all(db).await?;
    Ok(found.pop().filter(|_| found.is_empty()).map(|row| row.handle))
}

/// The masked name of whoever a face's handle stands for.
pub async fn masked_name_of_face(
    db: &impl ConnectionTrait,
    handle: &str,
) -> Result<Option<String>, DbErr> {
    let sql = "SELECT m.name_masked FROM credentials c JOIN members m ON m.id = c.member_id \
               WHERE c.kind = 'face' AND c.handle = $1";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [handle.into()]);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| row.try_get("", "name_masked")).transpose()
}

#[derive(FromQueryResult)]
struct Totals {
    rows: i64,
    holds: i64,
    versions: i64,
    newest: Option<DateTime<Utc>>,
}

/// A text that changes when the roster does: with every change of a member's version, and with
/// every handle that comes, goes or runs out.
pub async fn version(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<String, Error> {
    let sql = format!(
        "SELECT COUNT(*) AS rows, CAST(COALESCE(SUM(holds), 0) AS BIGINT) AS holds, \
         CAST(COALESCE(SUM(version), 0) AS BIGINT) AS versions, MAX(valid_from) AS newest \
         FROM ({ROWS}) AS r"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [now.into()]);
    let totals = Totals::find_by_statement(statement).one(db).await?;
    let text = totals.map_or_else(String::new, |t| {
        format!(
            "{} {} {} {:?}",
            t.rows,
            t.holds,
            t.versions,
            t.newest.map(|at| at.timestamp_millis())
        )
    });
    Ok(hex::encode(&Sha256::digest(text)[..8]))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::base::db;

    /// Two members: one with a face and a card, one with a face; who consents is up to the test.
    async fn town() -> (tempfile::TempDir, sea_orm::DatabaseConnection) {
        let (folder, db) = db::fresh_for_tests().await;
        for (n, kind, handle) in [(1, "face", "f1"), (1, "card", "c1"), (2, "face", "f2")] {
            let id = format!("x'{n:032x}'");
            let member = format!(
                "INSERT INTO members (id, status, home_community, name_ct, name_masked, \
                 document_type, document_ct, document_ix, verification, registered_at, version) \
                 VALUES ({id}, 'active', '330499001001', '', '', '', '', '{n}', 'verified', \
                 '2026-01-01T00:00:00+00:00', 1) ON CONFLICT DO NOTHING"
            );
            let credential = format!(
                "INSERT INTO credentials (kind, handle, member_id, status, valid_from) \
                 VALUES ('{kind}', '{handle}', {id}, 'active', '2026-01-01T00:00:00+00:00')"
            );
            db.execute_unprepared(&member).await.unwrap();
            db.execute_unprepared(&credential).await.unwrap();
        }
        (folder, db)
    }

    async fn consent(db: &sea_orm::DatabaseConnection, n: u8, day: u8, granted: bool) {
        let sql = format!(
            "INSERT INTO consents (member_id, purpose, at, text_version, text_hash, granted, \
             channel, by_actor) VALUES (x'{n:032x}', 'door_face', \
             '2026-02-{day:02}T00:00:00+00:00', '1', '', {granted}, '', '')"
        );
        db.execute_unprepared(&sql).await.unwrap();
    }

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).unwrap()
    }

    #[tokio::test]
    async fn a_face_stands_on_terminals_only_with_the_consent_given_last() {
        let (_folder, db) = town().await;
        consent(&db, 1, 1, true).await;
        consent(&db, 2, 1, true).await;
        let before = version(&db, now()).await.unwrap();
        consent(&db, 2, 2, false).await;
        let rows = page(&db, None, 10, now()).await.unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.holds(), &*row.handle)).collect();
        assert_eq!(seen, [(false, "f2"), (true, "c1"), (true, "f1")]);
        assert_ne!(version(&db, now()).await.unwrap(), before);
    }

    #[tokio::test]
    async fn pages_go_on_behind_their_last_row() {
        let (_folder, db) = town().await;
        let all = page(&db, None, 10, now()).await.unwrap();
        let first = page(&db, None, 2, now()).await.unwrap();
        let rest = page(&db, Some(first[1].key()), 10, now()).await.unwrap();
        assert_eq!([first, rest].concat(), all);
        assert_eq!(all[0].member(), MemberId(Uuid::from_u128(1)));
    }
}
