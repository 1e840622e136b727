//! The ends of the chains, day by day: kept in a table and, for whoever wants to prove it later, in a
//! file outside the database. A chain that was rewritten to its end contradicts them.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use serde::{Deserialize, Serialize};

use super::{Breach, Head};

const FILE_MODE: u32 = 0o600;

/// The end of a chain on a day; a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult, Serialize, Deserialize)]
pub struct Kept {
    pub day: NaiveDate,
    pub chain: String,
    pub n: i64,
    pub hash: String,
    pub at: DateTime<Utc>,
}

/// The ends of all chains now.
async fn ends(db: &impl ConnectionTrait) -> Result<Vec<Head>, DbErr> {
    let sql = "SELECT a.chain AS chain, a.n AS n, a.hash AS hash FROM revisions r \
               JOIN audit a ON r.name = 'audit:' || a.chain AND a.n = r.n ORDER BY a.chain";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    rows.iter()
        .map(|row| {
            let chain = row.try_get("", "chain")?;
            Ok(Head { chain, n: row.try_get("", "n")?, hash: row.try_get("", "hash")? })
        })
        .collect()
}

/// Keeps the ends of now as those of the day, and adds them to `file`; a job runs it daily.
pub async fn keep(
    db: &impl ConnectionTrait,
    file: Option<&Path>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let day = now.date_naive();
    let mut lines = String::new();
    for Head { chain, n, hash } in ends(db).await? {
        let sql = "INSERT INTO audit_heads (day, chain, n, hash, at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (day, chain) DO UPDATE SET n = excluded.n, hash = excluded.hash, \
                   at = excluded.at";
        let values: [Value; 5] =
            [day.into(), chain.clone().into(), n.into(), hash.clone().into(), now.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        db.execute_raw(statement).await?;
        lines.push_str(&serde_json::to_string(&Kept { day, chain, n, hash, at: now })?);
        lines.push('\n');
    }
    let Some(file) = file else { return Ok(()) };
    let shown = || format!("the ends of the audit chains cannot be added to {}", file.display());
    let mut open = OpenOptions::new();
    let mut list = open.append(true).create(true).mode(FILE_MODE).open(file).with_context(shown)?;
    list.write_all(lines.as_bytes()).with_context(shown)?;
    list.sync_all().with_context(shown)
}

/// What was kept, the newest first, behind a day and a chain; all of it without a number of rows.
pub async fn kept(
    db: &impl ConnectionTrait,
    before: Option<(NaiveDate, String)>,
    rows: Option<u64>,
) -> Result<Vec<Kept>, DbErr> {
    let (day, chain) = before.unwrap_or((NaiveDate::MAX, String::new()));
    let day = day.min(NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(day));
    let rows = rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(i64::MAX);
    let sql = "SELECT day, chain, n, hash, at FROM audit_heads WHERE (day, chain) < ($1, $2) \
               ORDER BY day DESC, chain DESC LIMIT $3";
    let values: [Value; 3] = [day.into(), chain.into(), rows.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Kept::find_by_statement(statement).all(db).await
}

/// What stands in a file of ends; a line that a crash cut short is passed over.
pub fn listed(file: &Path) -> anyhow::Result<Vec<Kept>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the ends of the audit chains in {}", file.display()))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The rows of the chain that contradict what was kept.
pub async fn check(db: &impl ConnectionTrait, heads: &[Kept]) -> Result<Vec<Breach>, DbErr> {
    let mut breaches = Vec::new();
    for head in heads {
        let sql = "SELECT hash FROM audit WHERE chain = $1 AND n = $2";
        let values: [Value; 2] = [head.chain.clone().into(), head.n.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let row = db.query_one_raw(statement).await?;
        let hash = row.map(|row| row.try_get::<String>("", "hash")).transpose()?;
        if hash.as_deref() != Some(head.hash.as_str()) {
            let what = "the row contradicts the end of the chain that was kept";
            breaches.push(Breach { chain: head.chain.clone(), n: head.n, what });
        }
    }
    Ok(breaches)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Deed, append, verify},
        *,
    };
    use crate::base::{clock::from_millis, db};

    const DEED: Deed = Deed {
        actor: "staff:1",
        act: "member_registered",
        object: "member:1",
        before: None,
        after: None,
        reason: None,
    };

    async fn appended(db: &sea_orm::DatabaseConnection, rows: i64) {
        for n in 1..=rows {
            let tx = db::begin(db).await.unwrap();
            append(&tx, "members", &DEED, from_millis(n)).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_chain_rewritten_to_its_end_contradicts_what_was_kept_of_it() {
        let (folder, db) = db::fresh_for_tests().await;
        let file = folder.path().join("heads");
        appended(&db, 3).await;
        keep(&db, Some(&file), from_millis(0)).await.unwrap();
        assert_eq!(verify(&db).await.unwrap().breaches, []);
        // Everything that the database holds is made anew, without the second row.
        for sql in ["DELETE FROM audit", "DELETE FROM revisions WHERE name = 'audit:members'"] {
            db.execute_unprepared(sql).await.unwrap();
        }
        appended(&db, 2).await;
        let breaches = verify(&db).await.unwrap().breaches;
        assert_eq!((breaches.len(), breaches[0].n), (1, 3), "{breaches:?}");
        db.execute_unprepared("DELETE FROM audit_heads").await.unwrap();
        assert_eq!(verify(&db).await.unwrap().breaches, []);
        let from_file = check(&db, &listed(&file).unwrap()).await.unwrap();
        assert_eq!(from_file.len(), 1, "the file outside knows");
        assert_eq!(kept(&db, None, None).await.unwrap(), []);
    }
}
