//! Every row of every table as lines that both databases can be filled from. Tables and columns
//! are read from the catalogue, so what a later step of the ladder adds goes along by itself.
//!
//! Lines of JSON: a head with the ladder's steps; then a line a table, `{"table", "columns"}`, with
//! its rows behind it as arrays; at last `{"rows", "sha256"}` over all lines before. Ids are as
//! RFC 9562 writes them, instants as RFC 3339 in UTC, days as `2026-11-23`.

use std::{
    collections::HashSet,
    io::{BufRead, Write},
};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Utc};
use futures_util::TryStreamExt as _;
use migrations::{Migrator, partitions};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, Statement};
use sea_orm_migration::MigratorTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{begin, bulk::Kind, is_postgres, snapshot};

/// How much went from one side to the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub tables: usize,
    pub rows: usize,
}

/// The form of the lines; a reader refuses others.
const FORMAT: u32 = 1;
/// Tables that belong to the database or to its servers, not to the town: the ladder climbed so
/// far, and who holds which job now.
const STAY: [&str; 2] = ["seaql_migrations", "leases"];
/// The table that a fresh ladder leaves with rows; they make room for those that come.
const SEEDED: &str = "revisions";
/// By what PostgreSQL's partitioned tables are parted.
const PARTED_BY: [(&str, &str); 2] =
    [("entry_events", "occurred_at"), ("minute_entries", "recorded_at")];
/// Rows of one statement.
const ROWS_MAX: usize = 500;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    fitgate_export: u32,
    steps: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableLine {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    rows: usize,
    sha256: String,
}

/// A table as the catalogue has it.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
}

/// Lines on their way out, and the digest over them.
struct Lines<'a, W> {
    out: &'a mut W,
    hash: Sha256,
}

impl<W: Write> Lines<'_, W> {
    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        writeln!(self.out, "{line}")
    }
}

/// Writes all rows as they are at one moment.
pub async fn export<W: Write>(db: &DatabaseConnection, out: &mut W) -> anyhow::Result<Done> {
    let mut lines = Lines { out, hash: Sha256::new() };
    let tx = snapshot(db).await?;
    let head = Head { fitgate_export: FORMAT, steps: steps() };
    lines.say(&serde_json::to_string(&head)?)?;
    let mut done = Done::default();
    for table in tables(&tx).await? {
        done.tables += 1;
        lines.say(&serde_json::to_string(&table.line())?)?;
        let statement = Statement::from_string(tx.get_database_backend(), table.select());
        let mut rows = sea_orm::StreamTrait::stream_raw(&tx, statement).await?;
        while let Some(row) = rows.try_next().await? {
            lines.say(&table.row(&row)?)?;
            done.rows += 1;
        }
    }
    tx.rollback().await?;
    let end = End { rows: done.rows, sha256: hex::encode(lines.hash.finalize()) };
    writeln!(lines.out, "{}", serde_json::to_string(&end)?)?;
    Ok(done)
}

/// Fills a database whose ladder is climbed and that holds nothing yet; all rows get in, or none.
pub async fn import<R: BufRead>(db: &DatabaseConnection, lines: R) -> anyhow::Result<Done> {
    let tx = begin(db).await?;
    let known = tables(&tx).await?;
    for table in known.iter().filter(|table| table.name != SEEDED) {
        let any = format!("SELECT 1 AS n FROM {} LIMIT 1", table.name);
        let any = Statement::from_string(tx.get_database_backend(), any);
        let is_empty = tx.query_one_raw(any).await?.is_none();
        ensure!(is_empty, "the database is not empty ({}): import fills a new one", table.name);
    }
    if is_postgres(&tx) {
        tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    }
    tx.execute_unprepared(&format!("DELETE FROM {SEEDED}")).await?;
    let mut filling = Filling { tx: &tx, known: &known, months: HashSet::new(), batch: Vec::new() };
    let done = read(lines, &mut filling).await?;
    tx.commit().await?;
    // Plans made for empty tables would read them from end to end.
    db.execute_unprepared("ANALYZE").await?;
    Ok(done)
}

async fn read<R: BufRead>(lines: R, filling: &mut Filling<'_>) -> anyhow::Result<Done> {
    let mut hash = Sha256::new();
    let mut done = Done::default();
    let mut table: Option<(&Table, Vec<usize>)> = None;
    for (n, line) in lines.lines().enumerate() {
        let line = line?;
        let at = || format!("line {}", n + 1);
        if n == 0 {
            let head: Head = serde_json::from_str(&line).context("this is no export of fitgate")?;
            ensure!(head.fitgate_export == FORMAT, "another version wrote this export");
            ensure!(
                head.steps == steps(),
                "this version has other steps: use the one that wrote it"
            );
        } else if line.starts_with('[') {
            let (table, order) = table.as_ref().with_context(at)?;
            filling.row(table, order, &line).await.with_context(at)?;
            done.rows += 1;
        } else if let Ok(next) = serde_json::from_str::<TableLine>(&line) {
            if let Some((table, order)) = &table {
                filling.flush(table, order).await?;
            }
            table = Some(filling.table(&next).with_context(at)?);
            done.tables += 1;
        } else {
            let end: End = serde_json::from_str(&line).with_context(at)?;
            if let Some((table, order)) = &table {
                filling.flush(table, order).await?;
            }
            let is_whole = end.rows == done.rows && end.sha256 == hex::encode(hash.finalize());
            ensure!(is_whole, "the export was changed on its way: its digest is another");
            return Ok(done);
        }
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    bail!("the export breaks off: its last line is missing")
}

/// A database that is being filled.
struct Filling<'a> {
    tx: &'a DatabaseTransaction,
    known: &'a [Table],
    /// Partitions that are there: table, year, month.
    months: HashSet<(String, i32, u32)>,
    /// Rows of one table, as they came.
    batch: Vec<String>,
}

impl<'a> Filling<'a> {
    /// The table of this name, and the order in which its columns come.
    fn table(&self, line: &TableLine) -> anyhow::Result<(&'a Table, Vec<usize>)> {
        let table = self.known.iter().find(|table| table.name == line.table);
        let table = table.with_context(|| format!("there is no table {}", line.table))?;
        let place = |name: &String| table.columns.iter().position(|(column, _)| column == name);
        let order: Option<Vec<usize>> = line.columns.iter().map(place).collect();
        let order = order.with_context(|| format!("{} has other columns", line.table))?;
        ensure!(order.len() == table.columns.len(), "{} has other columns", line.table);
        Ok((table, order))
    }

    async fn row(&mut self, table: &Table, order: &[usize], line: &str) -> anyhow::Result<()> {
        let values: Vec<Value> = serde_json::from_str(line)?;
        ensure!(values.len() == order.len(), "a row of {} has other columns", table.name);
        if let Some((_, by)) = PARTED_BY.iter().find(|(name, _)| *name == table.name)
            && let Some(at) = order.iter().position(|place| table.columns[*place].0 == *by)
        {
            let instant = values[at].as_str().context("no instant")?.parse::<DateTime<Utc>>()?;
            let (year, month) = (instant.year(), instant.month());
            if self.months.insert((table.name.clone(), year, month)) {
                partitions::ensure(self.tx, &[&table.name], [(year, month)]).await?;
            }
        }
        self.batch.push(line.to_owned());
        if self.batch.len() < ROWS_MAX {
            return Ok(());
        }
        self.flush(table, order).await
    }

    async fn flush(&mut self, table: &Table, order: &[usize]) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let rows = format!("[{}]", self.batch.join(","));
        self.batch.clear();
        let sql = table.insert(order, is_postgres(self.tx));
        let backend = self.tx.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [rows.into()]);
        self.tx.execute_raw(statement).await.with_context(|| table.name.clone())?;
        Ok(())
    }
}

fn steps() -> Vec<String> {
    Migrator::migrations().iter().map(|step| step.name().to_owned()).collect()
}

impl Table {
    fn line(&self) -> TableLine {
        let columns = self.columns.iter().map(|(name, _)| name.clone()).collect();
        TableLine { table: self.name.clone(), columns }
    }

    fn select(&self) -> String {
        let column = |(name, kind): &(String, Kind)| match kind {
            Kind::Big => format!("CAST(\"{name}\" AS BIGINT) AS \"{name}\""),
            _ => format!("\"{name}\""),
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        format!("SELECT {} FROM {}", columns.join(", "), self.name)
    }

    fn row(&self, row: &QueryResult) -> anyhow::Result<String> {
        let value = |(name, kind): &(String, Kind)| {
            value(row, name, *kind).with_context(|| format!("{}.{name}", self.name))
        };
        let values: Vec<Value> = self.columns.iter().map(value).collect::<anyhow::Result<_>>()?;
        Ok(serde_json::to_string(&values)?)
    }

    /// Takes an array of rows as JSON, whose parts come in `order`.
    fn insert(&self, order: &[usize], into_postgres: bool) -> String {
        let columns = || order.iter().map(|place| &self.columns[*place]);
        let names: Vec<String> = columns().map(|(name, _)| format!("\"{name}\"")).collect();
        let of = if into_postgres { of_postgres } else { of_sqlite };
        let parts: Vec<String> = columns().enumerate().map(|(n, (_, kind))| of(n, *kind)).collect();
        let source = if into_postgres {
            "json_array_elements($1::json) AS r(value)"
        } else {
            "json_each($1) r"
        };
        let (name, names, parts) = (&self.name, names.join(", "), parts.join(", "));
        // SQLite takes what follows for a condition of the join without one of ours.
        format!("INSERT INTO {name} ({names}) SELECT {parts} FROM {source} WHERE true")
    }
}

fn of_postgres(n: usize, kind: Kind) -> String {
    format!("(r.value->>{n})::{}", kind.postgres())
}

/// As sea-orm writes it: ids as sixteen bytes, instants and days as text.
fn of_sqlite(n: usize, kind: Kind) -> String {
    let part = format!("json_extract(r.value, '$[{n}]')");
    if kind == Kind::Uuid { format!("unhex(replace({part}, '-', ''))") } else { part }
}

fn value(row: &QueryResult, name: &str, kind: Kind) -> anyhow::Result<Value> {
    let value = match kind {
        Kind::Uuid => row.try_get::<Option<Uuid>>("", name)?.map(|id| id.to_string().into()),
        Kind::Text => row.try_get::<Option<String>>("", name)?.map(Value::from),
        Kind::Small | Kind::Int | Kind::Big => {
            row.try_get::<Option<i64>>("", name)?.map(Value::from)
        }
        Kind::Float => row.try_get::<Option<f64>>("", name)?.map(Value::from),
        Kind::Bool => row.try_get::<Option<bool>>("", name)?.map(Value::from),
        Kind::Instant => row
            .try_get::<Option<DateTime<Utc>>>("", name)?
            .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, false).into()),
        Kind::Day => row.try_get::<Option<NaiveDate>>("", name)?.map(|day| day.to_string().into()),
    };
    Ok(value.unwrap_or(Value::Null))
}

const SQLITE_CATALOGUE: &str = "SELECT m.name AS a, c.name AS b, lower(c.type) AS c \
     FROM sqlite_master m JOIN pragma_table_info(m.name) c \
     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";

const POSTGRES_CATALOGUE: &str = "SELECT c.relname::text AS a, a.attname::text AS b, \
     format_type(a.atttypid, NULL) AS c FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') \
     AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped \
     ORDER BY c.relname, a.attnum";

/// The tables that go along, by name.
async fn tables(tx: &DatabaseTransaction) -> anyhow::Result<Vec<Table>> {
    let sql = if is_postgres(tx) { POSTGRES_CATALOGUE } else { SQLITE_CATALOGUE };
    let mut tables: Vec<Table> = Vec::new();
    for row in tx.query_all_raw(Statement::from_string(tx.get_database_backend(), sql)).await? {
        let [name, column, written]: [String; 3] =
            [row.try_get("", "a")?, row.try_get("", "b")?, row.try_get("", "c")?];
        if STAY.contains(&name.as_str()) {
            continue;
        }
        let Some(kind) = kind(&written) else {
            bail!("{name}.{column} is of a kind that cannot travel: {written}");
        };
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push((column, kind)),
            None => tables.push(Table { name, columns: vec![(column, kind)] }),
        }
    }
    Ok(tables)
}

/// What the databases call the kinds of our columns. Whole numbers travel as the largest.
fn kind(written: &str) -> Option<Kind> {
    match written {
        "uuid" | "uuid_text" => Some(Kind::Uuid),
        "text" | "character varying" | "varchar" => Some(Kind::Text),
        "smallint" | "integer" | "bigint" => Some(Kind::Big),
        "double" | "double precision" => Some(Kind::Float),
        "boolean" => Some(Kind::Bool),
        "timestamp with time zone" | "timestamp_with_timezone_text" => Some(Kind::Instant),
        "date" | "date_text" => Some(Kind::Day),
        _ => None,
    }
}
