//! The digest of what the ledger says: the same for two runs that tell the same stays, whatever
//! ids they gave and in whatever order things arrived.

use std::fmt::Write as _;

use anyhow::Context as _;
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt as _;
use sea_orm::{DatabaseConnection, DbErr, QueryResult, Statement, StreamTrait as _, Value};
use sha2::{Digest as _, Sha256};

use crate::base::{db, ids::DivisionCode};

/// What a digest covers; everything by default.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub division: Option<DivisionCode>,
    /// First business day.
    pub from: Option<NaiveDate>,
    /// Last business day, inclusive.
    pub to: Option<NaiveDate>,
}

/// SHA-256 in hex over the lines `community|venue name|entered_at|left_at|minutes|provenance` of
/// the scope's ended sessions that are not void, sorted bytewise, each ending in `\n`.
pub async fn digest(db: &DatabaseConnection, scope: &Scope) -> anyhow::Result<String> {
    let tx = db::snapshot(db).await?;
    let (sql, values) = scope.query();
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let mut hash = Sha256::new();
    {
        let mut rows = tx.stream_raw(statement).await.context("sessions cannot be read")?;
        // Lines begin with their community, so one community is sorted at a time.
        let (mut community, mut lines) = (String::new(), Vec::new());
        while let Some(row) = rows.try_next().await? {
            let (next, line) = line(&row)?;
            if next != community {
                add(&mut hash, &mut lines);
                community = next;
            }
            lines.push(line);
        }
        add(&mut hash, &mut lines);
    }
    tx.rollback().await?;
    Ok(hex::encode(hash.finalize()))
}

impl Scope {
    fn query(&self) -> (String, Vec<Value>) {
        let mut sql = "SELECT s.community AS community, v.name AS name, \
             s.entered_at AS entered_at, s.left_at AS left_at, s.minutes AS minutes, \
             s.provenance AS provenance FROM sessions s JOIN venues v ON v.id = s.venue_id \
             WHERE NOT s.void AND s.left_at IS NOT NULL"
            .to_owned();
        let (conditions, values) = self.conditions("s.community", "s.business_day");
        sql.push_str(&conditions);
        // Codes are twelve digits, which every collation sorts the same way.
        sql.push_str(" ORDER BY s.community");
        (sql, values)
    }

    /// What the scope asks of a community and of a business day, behind a `WHERE`, and its values.
    pub(super) fn conditions(&self, community: &str, day: &str) -> (String, Vec<Value>) {
        let division = self.division.as_ref().map(|code| format!("{code}%").into());
        let wanted = [
            (format!("{community} LIKE"), division),
            (format!("{day} >="), self.from.map(Value::from)),
            (format!("{day} <="), self.to.map(Value::from)),
        ];
        let (mut sql, mut values) = (String::new(), Vec::new());
        for (condition, value) in wanted {
            if let Some(value) = value {
                values.push(value);
                let _ = write!(sql, " AND {condition} ${}", values.len());
            }
        }
        (sql, values)
    }
}

fn line(row: &QueryResult) -> Result<(String, String), DbErr> {
    let community: String = row.try_get("", "community")?;
    let name: String = row.try_get("", "name")?;
    let (entered_at, left_at) = (row.try_get("", "entered_at")?, row.try_get("", "left_at")?);
    let minutes: i32 = row.try_get("", "minutes")?;
    let provenance: Option<String> = row.try_get("", "provenance")?;
    let (entered_at, left_at) = (instant(entered_at), instant(left_at));
    let provenance = provenance.unwrap_or_default();
    let line = format!("{community}|{name}|{entered_at}|{left_at}|{minutes}|{provenance}\n");
    Ok((community, line))
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn add(hash: &mut Sha256, lines: &mut Vec<String>) {
    lines.sort_unstable();
    for line in lines.drain(..) {
        hash.update(line);
    }
}
