//! Everything that is kept of a person, in one JSON document. Every table with a person's id is
//! listed here; a test fails where one is forgotten. What only serves us — hashes, indexes, MACs —
//! is left out; what is sealed is opened.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{DatabaseConnection, QueryResult, Statement};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::base::{db, error::Error, ids::MemberId, keys::Keys};

mod beyond;
mod listed;

/// How a column becomes JSON.
#[derive(Clone, Copy)]
enum Kind {
    Uuid,
    Text,
    Day,
    Instant,
    Small,
    Int,
    Big,
    Bool,
    Float,
    /// Sealed under the row's first column; shown without its `_ct`.
    Sealed,
    /// A sealed photo; shown in base64.
    Photo,
}

/// A table with rows about people.
struct Exported {
    table: &'static str,
    /// Whose row it is.
    person: &'static str,
    /// The first one names the row.
    columns: &'static [(&'static str, Kind)],
}

use Kind::{Big, Bool, Day, Float, Instant, Int, Photo, Sealed, Small, Text};

/// Every table of which an export shows something.
fn exported() -> impl Iterator<Item = &'static Exported> {
    listed::EXPORTED.iter().chain(&beyond::EXPORTED)
}

/// Tables with a person's id and nothing of theirs that another table does not tell: where the
/// fold stands, whose counters are to be written anew, and the sums of days.
#[cfg(test)]
const NOT_EXPORTED: [&str; 3] = ["timelines", "counter_changes", "member_months"];

/// Everything that is kept of a member, as of one moment.
pub async fn export(
    db: &DatabaseConnection,
    keys: &Keys,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Value, Error> {
    let tx = db::snapshot(db).await?;
    let mut tables = Map::new();
    for exported in exported() {
        // A table whose rows are about two people stands here once for each.
        let rows = rows(&tx, keys, exported, member).await?;
        let all = tables.entry(exported.table).or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.extend(rows);
        }
    }
    tx.commit().await?;
    Ok(json!({ "exported_at": now, "member_id": member, "tables": tables }))
}

async fn rows(
    tx: &impl sea_orm::ConnectionTrait,
    keys: &Keys,
    exported: &Exported,
    member: MemberId,
) -> Result<Vec<Value>, Error> {
    let Exported { table, person, columns } = exported;
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let first = names[0];
    let sql =
        format!("SELECT {} FROM {table} WHERE {person} = $1 ORDER BY {first}", names.join(", "));
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [member.0.into()]);
    let mut items = Vec::new();
    for row in tx.query_all_raw(statement).await? {
        items.push(item(keys, exported, &row)?);
    }
    Ok(items)
}

fn item(keys: &Keys, exported: &Exported, row: &QueryResult) -> Result<Value, Error> {
    let mut item = Map::new();
    let name_of_row = match value(exported.columns[0], row)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    for &(name, kind) in exported.columns {
        let shown = name.strip_suffix("_ct").unwrap_or(name);
        let value = match kind {
            Sealed => opened(keys, exported.table, name, &name_of_row, row)?,
            Photo => {
                let sealed: String = row.try_get("", name)?;
                // Relayed to the terminals, and kept here no more.
                if sealed.is_empty() {
                    Value::Null
                } else {
                    json!(STANDARD.encode(keys.open_face(&name_of_row, &sealed)?))
                }
            }
            Kind::Uuid | Text | Day | Instant | Small | Int | Big | Bool | Float => {
                value((name, kind), row)?
            }
        };
        item.insert(shown.to_owned(), value);
    }
    Ok(Value::Object(item))
}

/// A sealed text; an empty one has been forgotten already.
fn opened(
    keys: &Keys,
    table: &str,
    column: &str,
    row_id: &str,
    row: &QueryResult,
) -> Result<Value, Error> {
    let sealed: Option<String> = row.try_get("", column)?;
    let Some(sealed) = sealed.filter(|sealed| !sealed.is_empty()) else { return Ok(Value::Null) };
    let plain = keys.open(table, column, row_id, &sealed)?;
    Ok(json!(String::from_utf8_lossy(&plain)))
}

fn value((name, kind): (&str, Kind), row: &QueryResult) -> Result<Value, Error> {
    Ok(match kind {
        Kind::Uuid => json!(row.try_get::<Option<Uuid>>("", name)?),
        Text | Sealed | Photo => json!(row.try_get::<Option<String>>("", name)?),
        Day => json!(row.try_get::<Option<NaiveDate>>("", name)?),
        Instant => json!(row.try_get::<Option<DateTime<Utc>>>("", name)?),
        Small => json!(row.try_get::<Option<i16>>("", name)?),
        Int => json!(row.try_get::<Option<i32>>("", name)?),
        Big => json!(row.try_get::<Option<i64>>("", name)?),
        Bool => json!(row.try_get::<Option<bool>>("", name)?),
        Float => json!(row.try_get::<Option<f64>>("", name)?),
    })
}

#[cfg(test)]
mod tests;
