//! The audit chain: who did what to what, each row's hash over the one before it. A changed,
//! removed or inserted row breaks it; a chain rewritten to its end contradicts an exported head.

mod heads;
mod reading;

pub use heads::{Kept, check as check_heads, keep as keep_heads, kept, listed};
pub use reading::{Filter, Row, page};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Statement,
};
use sha2::{Digest as _, Sha256};

use super::tables::audit::{Column, Entity, Model};

/// What happened. Names nobody outright: ids only, no names and no numbers of documents.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// `staff:<id>`, `command`, `job:<name>` …
    pub actor: &'a str,
    /// A verb in the past: `member_registered`.
    pub act: &'a str,
    /// `member:<id>`, `venue:<id>` …
    pub object: &'a str,
    /// What stood before and stands after, as text of the caller's choice; only digests are kept.
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
    pub reason: Option<&'a str>,
}

/// Adds one row to the end of `chain`, in the transaction of the change itself, and answers its
/// number (from 1). Appenders of one chain wait for one another until they commit, so append last.
pub async fn append(
    tx: &DatabaseTransaction,
    chain: &str,
    deed: &Deed<'_>,
    at: DateTime<Utc>,
) -> Result<i64, DbErr> {
    let n = next_number(tx, chain).await?;
    let before = Entity::find_by_id((chain.to_owned(), n - 1)).one(tx).await?;
    let mut row = Model {
        chain: chain.to_owned(),
        n,
        at,
        actor: deed.actor.to_owned(),
        act: deed.act.to_owned(),
        object: deed.object.to_owned(),
        before_digest: deed.before.map(digest),
        after_digest: deed.after.map(digest),
        reason: deed.reason.map(str::to_owned),
        hash: String::new(),
    };
    row.hash = hash_of(before.as_ref().map_or("", |row| &row.hash), &row);
    Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(n)
}

/// The chain's counter is a row of `revisions`: taking the next number locks it on both databases,
/// where a lock on the newest audit row would not see the row that a rival is adding. It also
/// tells afterwards when rows at the end are missing.
async fn next_number(tx: &DatabaseTransaction, chain: &str) -> Result<i64, DbErr> {
    let taken = Statement::from_sql_and_values(
        tx.get_database_backend(),
        "INSERT INTO revisions (name, n) VALUES ($1, 1) \
         ON CONFLICT (name) DO UPDATE SET n = revisions.n + 1 RETURNING n",
        [counter_name(chain).into()],
    );
    let row = tx.query_one_raw(taken).await?;
    row.ok_or_else(|| DbErr::RecordNotFound("a counter that was just written".into()))?
        .try_get("", "n")
}

const COUNTER_PREFIX: &str = "audit:";

fn counter_name(chain: &str) -> String {
    format!("{COUNTER_PREFIX}{chain}")
}

/// What is kept of a state before or after.
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Every field with its length before it, so that no text can pass for two fields.
fn hash_of(before: &str, row: &Model) -> String {
    let mut hash = Sha256::new();
    let mut field = |text: Option<&str>| {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        hash.update(length.to_le_bytes());
        hash.update(text.unwrap_or_default());
    };
    field(Some(before));
    field(Some(&row.chain));
    field(Some(&row.n.to_string()));
    field(Some(&row.at.timestamp_millis().to_string()));
    for text in [&row.actor, &row.act, &row.object] {
        field(Some(text));
    }
    for text in [&row.before_digest, &row.after_digest, &row.reason] {
        field(text.as_deref());
    }
    hex::encode(hash.finalize())
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    pub chain: String,
    /// The first row that does not fit.
    pub n: i64,
    pub what: &'static str,
}

/// The end of a chain, for keeping outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub chain: String,
    pub n: i64,
    pub hash: String,
}

/// What [`verify`] found: the end of every chain as far as it holds, and the first breach of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub heads: Vec<Head>,
    pub breaches: Vec<Breach>,
}

/// Rows read at once.
const PAGE_ROWS: u64 = 1000;

/// Recomputes every chain from its first row.
pub async fn verify(db: &impl ConnectionTrait) -> Result<Verified, DbErr> {
    let mut verified = Verified::default();
    for (chain, last) in counters(db).await? {
        let head = Head { chain: chain.clone(), n: 0, hash: String::new() };
        match walk(db, head).await? {
            Ok(head) if head.n == last => verified.heads.push(head),
            Ok(head) => verified.breaches.push(Breach {
                chain,
                n: head.n + 1,
                what: "rows at the end are missing, or came past the counter",
            }),
            Err(breach) => verified.breaches.push(breach),
        }
    }
    verified.breaches.extend(heads::check(db, &heads::kept(db, None, None).await?).await?);
    for chain in chains_without_counter(db).await? {
        verified.breaches.push(Breach { chain, n: 1, what: "the chain has lost its counter" });
    }
    Ok(verified)
}

async fn walk(db: &impl ConnectionTrait, mut head: Head) -> Result<Result<Head, Breach>, DbErr> {
    loop {
        let rows = Entity::find()
            .filter(Column::Chain.eq(&head.chain))
            .filter(Column::N.gt(head.n))
            .order_by_asc(Column::N)
            .limit(PAGE_ROWS)
            .all(db)
            .await?;
        if rows.is_empty() {
            return Ok(Ok(head));
        }
        for row in rows {
            let breach = |what| Breach { chain: row.chain.clone(), n: head.n + 1, what };
            if row.n != head.n + 1 {
                return Ok(Err(breach("a row is missing")));
            }
            if row.hash != hash_of(&head.hash, &row) {
                return Ok(Err(breach("the row was changed, or the one before it")));
            }
            head = Head { chain: row.chain, n: row.n, hash: row.hash };
        }
    }
}

/// Each chain with the number of its last row.
async fn counters(db: &impl ConnectionTrait) -> Result<Vec<(String, i64)>, DbErr> {
    let all = Statement::from_string(
        db.get_database_backend(),
        "SELECT name, n FROM revisions WHERE name LIKE 'audit:%' ORDER BY name",
    );
    let rows = db.query_all_raw(all).await?;
    rows.iter()
        .map(|row| {
            let name: String = row.try_get("", "name")?;
            let chain = name.strip_prefix(COUNTER_PREFIX).unwrap_or(&name).to_owned();
            Ok((chain, row.try_get("", "n")?))
        })
        .collect()
}

async fn chains_without_counter(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let all = Statement::from_string(
        db.get_database_backend(),
        "SELECT DISTINCT chain FROM audit WHERE NOT EXISTS \
         (SELECT 1 FROM revisions WHERE name = 'audit:' || chain) ORDER BY chain",
    );
    let rows = db.query_all_raw(all).await?;
    rows.iter().map(|row| row.try_get("", "chain")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{clock::from_millis, db};

    const DEED: Deed = Deed {
        actor: "staff:1",
        act: "member_registered",
        object: "member:1",
        before: None,
        after: Some("state"),
        reason: None,
    };

    async fn with_rows(rows: i64) -> (tempfile::TempDir, sea_orm::DatabaseConnection) {
        let (folder, db) = db::fresh_for_tests().await;
        for n in 1..=rows {
            let tx = db::begin(&db).await.unwrap();
            assert_eq!(append(&tx, "members", &DEED, from_millis(n)).await.unwrap(), n);
            append(&tx, "staff", &DEED, from_millis(n)).await.unwrap();
            tx.commit().await.unwrap();
        }
        (folder, db)
    }

    async fn breach_after(sql: &str) -> Breach {
        let (_folder, db) = with_rows(5).await;
        db.execute_unprepared(sql).await.unwrap();
        let verified = verify(&db).await.unwrap();
        assert_eq!(verified.breaches.len(), 1, "{verified:?}");
        assert_eq!(verified.breaches[0].chain, "members");
        verified.breaches[0].clone()
    }

    #[tokio::test]
    async fn an_untouched_chain_verifies_to_its_head() {
        let (_folder, db) = with_rows(5).await;
        let verified = verify(&db).await.unwrap();
        assert_eq!(verified.breaches, []);
        let ends: Vec<_> = verified.heads.iter().map(|head| (&*head.chain, head.n)).collect();
        assert_eq!(ends, [("members", 5), ("staff", 5)]);
    }

    #[tokio::test]
    async fn every_way_to_touch_a_row_is_named() {
        let row = "chain = 'members' AND n = 3";
        let set = |what: &str| format!("UPDATE audit SET {what} WHERE {row}");
        for what in ["actor = 'x'", "reason = ''", "after_digest = NULL", "hash = 'x'"] {
            assert_eq!(breach_after(&set(what)).await.n, 3, "{what}");
        }
        assert_eq!(breach_after(&format!("DELETE FROM audit WHERE {row}")).await.n, 3);
        let last = "DELETE FROM audit WHERE chain = 'members' AND n = 5";
        assert_eq!(breach_after(last).await.n, 5);
        let added = "INSERT INTO audit SELECT chain, 6, at, actor, act, object, before_digest, \
                     after_digest, reason, hash FROM audit WHERE chain = 'members' AND n = 5";
        assert_eq!(breach_after(added).await.n, 6);
        let counter = "DELETE FROM revisions WHERE name = 'audit:members'";
        assert_eq!(breach_after(counter).await.n, 1);
    }

    #[tokio::test]
    async fn appenders_at_once_leave_one_whole_chain() {
        let (_folder, db) = with_rows(0).await;
        let appended = (0..20).map(|_| {
            let db = db.clone();
            async move {
                let tx = db::begin(&db).await.unwrap();
                append(&tx, "members", &DEED, from_millis(0)).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
        futures_util::future::join_all(appended).await;
        let verified = verify(&db).await.unwrap();
        assert_eq!((verified.heads[0].n, verified.breaches.len()), (20, 0));
    }
}
