//! Whether a report's file says what the ledger says: the file against its own digest and seal,
//! the ledger of its days against its MACs and digests, and its rows against what sessions, ledger
//! and events give when everything is counted anew.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use uuid::Uuid;

use super::{
    figures, mark,
    places::statement,
    read::read,
    table::{Report, Row, State, digest, seal},
    truth,
};
use crate::{
    base::{db, keys::Keys},
    minutes::verify::{Scope, ledger_within},
};

/// Rows that are told one by one.
const TOLD_MAX: usize = 20;

/// What came of comparing a file with the ledger, one line each.
pub struct Proof {
    /// Every way in which they disagree; empty when the report is proven.
    pub differences: Vec<String>,
    /// Whether the file's watermark still stands, or what came later.
    pub watermark: Vec<String>,
}

/// Compares a file with the ledger, and looks at what came since the file was made.
///
/// # Errors
/// When the file is no report, or the database cannot be read.
pub async fn verify(
    db: &DatabaseConnection,
    keys: &Keys,
    file: &[u8],
    now: DateTime<Utc>,
) -> anyhow::Result<Proof> {
    let report = read(file)?;
    let kind = report.head.ask.kind;
    if report.head.definition != kind.definition() {
        anyhow::bail!(
            "this program counts {} by definition {}, the file by {}",
            kind.as_str(),
            kind.definition(),
            report.head.definition
        );
    }
    let mut found = of_itself(keys, &report);
    let tx = db::snapshot(db).await?;
    let ask = &report.head.ask;
    let scope =
        Scope { division: Some(ask.division.clone()), from: Some(ask.from), to: Some(ask.to) };
    found.extend(ledger_within(&tx, keys, &scope).await?);
    let facts = truth::read(&tx, ask).await;
    let facts = facts.map_err(|error| anyhow::anyhow!("the ledger cannot be read: {error:?}"))?;
    let counted = figures::rows(ask, &facts);
    if digest(&report.head, &counted) != report.digest {
        found.push("the ledger gives another digest than the file".to_owned());
        found.extend(differences(&report.rows, &counted));
        found.extend(restated(&tx, &report).await?);
    }
    let watermark = mark::check(&tx, &report.head, now).await;
    let watermark =
        watermark.map_err(|error| anyhow::anyhow!("the watermark cannot be read: {error:?}"))?;
    tx.rollback().await?;
    Ok(Proof { differences: found, watermark })
}

/// What the file alone shows.
fn of_itself(keys: &Keys, report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    if digest(&report.head, &report.rows) != report.digest {
        found.push("the file's rows are not those of its digest".to_owned());
    }
    if seal(keys, &report.head, &report.digest) != report.seal {
        found.push("the file's head or digest is not as it was sealed".to_owned());
    }
    found
}

/// A row as it is told.
fn told(row: &Row) -> String {
    use super::table::Cell;
    let texts = row.iter().map(|cell| match cell {
        Cell::Nothing => String::new(),
        Cell::Whole(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    });
    texts.collect::<Vec<_>>().join(" | ")
}

/// Rows that only one side has.
fn differences(file: &[Row], ledger: &[Row]) -> Vec<String> {
    let file: Vec<String> = file.iter().map(told).collect();
    let ledger: Vec<String> = ledger.iter().map(told).collect();
    let (in_file, in_ledger): (std::collections::HashSet<&String>, std::collections::HashSet<_>) =
        (file.iter().collect(), ledger.iter().collect());
    let gone = file.iter().filter(|row| !in_ledger.contains(row));
    let fresh = ledger.iter().filter(|row| !in_file.contains(row));
    let gone = gone.map(|row| format!("only the file says: {row}"));
    let fresh = fresh.map(|row| format!("only the ledger says: {row}"));
    let mut lines: Vec<String> = gone.chain(fresh).collect();
    if lines.len() > TOLD_MAX {
        let more = lines.len() - TOLD_MAX;
        lines.truncate(TOLD_MAX);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// What was published anew since the report was made, which may be all that is behind it.
async fn restated(db: &impl ConnectionTrait, report: &Report) -> Result<Vec<String>, DbErr> {
    let ask = &report.head.ask;
    let [first, last] = ask.division.bounds();
    let sql = "SELECT venue_id, business_day, n, causes FROM day_revisions \
               WHERE business_day BETWEEN $1 AND $2 AND division BETWEEN $3 AND $4 \
               AND venue_id IS NOT NULL AND at > $5 AND n > 1 ORDER BY business_day, n LIMIT 20";
    let values = [ask.from.into(), ask.to.into(), first, last, report.head.as_of.into()];
    let mut lines = Vec::new();
    if report.head.state == State::Provisional {
        lines.push("not every day was final when the report was made".to_owned());
    }
    for row in db.query_all_raw(statement(db, sql, values)).await? {
        let venue: Uuid = row.try_get("", "venue_id")?;
        let day: chrono::NaiveDate = row.try_get("", "business_day")?;
        let (n, causes): (i32, String) = (row.try_get("", "n")?, row.try_get("", "causes")?);
        lines.push(format!("restated since: {day} of venue {venue}, version {n}, {causes}"));
    }
    Ok(lines)
}
