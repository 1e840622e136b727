//! Deleting many rows by their exact values in one round trip.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use super::{Column, Shape, arrays, source, texts, tuples};
use crate::base::db::is_postgres;

/// Rows to be deleted by values of these columns, the table's key first.
#[derive(Clone, Copy, Debug)]
pub struct Matched {
    pub table: &'static str,
    pub columns: &'static [Column],
}

/// Deletes the rows that still have exactly these values, as long as the condition `guard.0`
/// (which ends where its value belongs) holds for `guard.1`; gives how many. A row that somebody
/// is changing at this moment would not be the one that was meant any more, so nobody is waited
/// for. For rows that may come back after a crash: on PostgreSQL the commit does not wait for the
/// disk either.
pub async fn delete<C: ConnectionTrait>(
    db: &C,
    matched: &Matched,
    keys: Vec<Vec<Value>>,
    guard: (&'static str, Value),
) -> Result<u64, DbErr> {
    let (condition, value) = guard;
    let (sql, values) = if is_postgres(db) {
        let ingredients = vec![texts::constant(matched.table), texts::constant(condition)];
        let sql = texts::text(ingredients, || postgres_text(matched, condition));
        let mut values = vec![value];
        values.extend(arrays(matched.columns, keys));
        (sql, values)
    } else {
        let sql = sqlite_text(matched, condition, keys.len());
        (sql, keys.into_iter().flatten().chain(std::iter::once(value)).collect())
    };
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

/// The keys drive here too: `(…) IN (VALUES …)` alone would read the whole table.
fn sqlite_text(matched: &Matched, condition: &str, rows: usize) -> String {
    let names: Vec<&str> = matched.columns.iter().map(|c| c.name).collect();
    let on: Vec<String> = names.iter().map(|name| format!("d.{name} = q.{name}")).collect();
    format!(
        "WITH q({}) AS (VALUES {}) DELETE FROM {table} WHERE {condition} ? AND rowid IN \
         (SELECT d.rowid FROM q CROSS JOIN {table} d WHERE {})",
        names.join(", "),
        tuples(rows, names.len()),
        on.join(" AND "),
        table = matched.table
    )
}

fn postgres_text(matched: &Matched, condition: &str) -> String {
    // A deletion that a crash undoes is only done again, so nobody waits for the disk.
    let mut sql = format!(
        "DELETE FROM {0} WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off' \
         AND {condition} $1 AND ctid = ANY (ARRAY(",
        matched.table
    );
    // The keys drive, as in a read: left to itself the planner compares every row with every key.
    sql.push_str("SELECT r.place FROM ");
    source(&mut sql, Shape::Many, "q", matched.columns.iter().map(|c| (c.name, c.kind)), 1);
    let on: Vec<String> =
        matched.columns.iter().map(|c| format!("d.{0} = q.{0}", c.name)).collect();
    let _ = write!(
        sql,
        " CROSS JOIN LATERAL (SELECT d.ctid AS place FROM {} d WHERE {} OFFSET 0 \
         FOR UPDATE SKIP LOCKED) r))",
        matched.table,
        on.join(" AND ")
    );
    sql
}
