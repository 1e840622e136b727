//! Many rows in one round trip: writes of whole groups and reads by lists of keys.
//!
//! On PostgreSQL columns travel as arrays, so a statement's text does not depend on how many rows
//! there are, and all writes of a group are one statement of sibling CTEs. On SQLite, where there
//! is no round trip, rows go as `VALUES` in pieces of a power of two, so few texts are prepared.
//! Reads are shaped so that an index lookup a key is the only sane plan: the key list drives, and
//! each key looks into its table behind `LATERAL … OFFSET 0`, which no statistics can turn around.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value, sea_query::ArrayType};
use uuid::Uuid;

use super::is_postgres;

mod delete;

pub use delete::{Matched, delete};

/// The type of a column, as arrays need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Uuid,
    Text,
    Small,
    Int,
    Big,
    Float,
    Bool,
    Instant,
    Day,
}

/// A column of a bulk write.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether values may be absent.
    pub nullable: bool,
}

pub const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

pub const fn nullable(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

/// What a bulk write does with its rows.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    /// Inserts; the text after the rows, such as `ON CONFLICT (id) DO NOTHING`, or empty.
    Insert(&'static str),
    /// Updates the rows whose first so many columns are equal.
    Update { keys: usize },
}

/// One table's part of a group write. Rows of a kind must be in key order, so that writers that
/// meet wait for one another instead of deadlocking.
#[derive(Debug)]
pub struct Write {
    pub table: &'static str,
    pub columns: &'static [Column],
    pub verb: Verb,
    pub rows: Vec<Vec<Value>>,
}

/// Writes all parts: on PostgreSQL as one statement, on SQLite one after the other, in order.
/// Rows of one table may be inserted once and updated in a second part, which then runs after.
pub async fn write_all<C: ConnectionTrait>(tx: &C, mut parts: Vec<Write>) -> Result<(), DbErr> {
    parts.retain(|part| !part.rows.is_empty());
    if parts.is_empty() {
        return Ok(());
    }
    if is_postgres(tx) {
        // Two updates of one table may meet in a row, which one statement must not.
        let mut seen = Vec::new();
        let (first, second): (Vec<Write>, Vec<Write>) = parts.into_iter().partition(|part| {
            let updates = matches!(part.verb, Verb::Update { .. });
            let again = updates && seen.contains(&part.table);
            seen.push(part.table);
            !again
        });
        tx.execute_raw(postgres_write(first, tx)).await?;
        for part in second {
            tx.execute_raw(postgres_write(vec![part], tx)).await?;
        }
        return Ok(());
    }
    for part in parts {
        sqlite_write(tx, part).await?;
    }
    Ok(())
}

fn postgres_write<C: ConnectionTrait>(parts: Vec<Write>, tx: &C) -> Statement {
    let mut sql = String::with_capacity(2048);
    let mut values = Vec::new();
    let count = parts.len();
    for (n, part) in parts.into_iter().enumerate() {
        match n {
            0 if count > 1 => sql.push_str("WITH w0 AS ("),
            n if n + 1 == count => {}
            n => {
                let _ = write!(sql, "w{n} AS (");
            }
        }
        part_sql(&mut sql, &part, values.len());
        values.extend(arrays(part.columns, part.rows));
        if n + 1 < count {
            sql.push_str(if n + 2 < count { "), " } else { ") " });
        }
    }
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values)
}

fn part_sql(sql: &mut String, part: &Write, first: usize) {
    let names =
        |separator: &str| part.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(separator);
    match part.verb {
        Verb::Insert(conflict) => {
            let _ = write!(sql, "INSERT INTO {} ({}) SELECT ", part.table, names(", "));
            let select: Vec<String> = part.columns.iter().map(|c| selected(*c)).collect();
            let _ = write!(sql, "{} FROM ", select.join(", "));
            unnest(sql, part.columns.iter().map(|c| (c.name, c.kind)), first);
            let _ = write!(sql, " {conflict}");
        }
        Verb::Update { keys } => {
            let _ = write!(sql, "UPDATE {} AS t SET ", part.table);
            let set: Vec<String> = part.columns[keys..]
                .iter()
                .map(|c| format!("{} = {}", c.name, selected(*c)))
                .collect();
            let _ = write!(sql, "{} FROM ", set.join(", "));
            unnest(sql, part.columns.iter().map(|c| (c.name, c.kind)), first);
            let on: Vec<String> =
                part.columns[..keys].iter().map(|c| format!("t.{0} = q.{0}", c.name)).collect();
            let _ = write!(sql, " WHERE {}", on.join(" AND "));
        }
    }
}

/// Arrays cannot hold absent values here, so a sentinel of each kind stands for them on the way.
fn selected(column: Column) -> String {
    if !column.nullable {
        return format!("q.{}", column.name);
    }
    let sentinel = match column.kind {
        Kind::Uuid => "'00000000-0000-0000-0000-000000000000'::uuid",
        Kind::Text => "E'\\x01'",
        Kind::Small => "'-32768'::int2",
        Kind::Int => "'-2147483648'::int4",
        Kind::Big => "'-9223372036854775808'::int8",
        Kind::Float => "'NaN'::float8",
        Kind::Bool => unreachable!("absent booleans are not written in bulk"),
        Kind::Instant => "'1000-01-01T00:00:00Z'::timestamptz",
        Kind::Day => "'1000-01-01'::date",
    };
    format!("NULLIF(q.{}, {sentinel})", column.name)
}

fn unnest(sql: &mut String, columns: impl Iterator<Item = (&'static str, Kind)>, first: usize) {
    let mut names = Vec::new();
    let mut arrays = Vec::new();
    for (n, (name, kind)) in columns.enumerate() {
        names.push(name);
        arrays.push(format!("${}::{}[]", first + n + 1, kind.postgres()));
    }
    let _ = write!(sql, "UNNEST({}) AS q({})", arrays.join(", "), names.join(", "));
}

fn arrays(columns: &[Column], rows: Vec<Vec<Value>>) -> Vec<Value> {
    let mut arrays: Vec<Vec<Value>> =
        columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        debug_assert_eq!(row.len(), columns.len());
        for ((value, column), array) in row.into_iter().zip(columns).zip(&mut arrays) {
            array.push(if column.nullable { present(value) } else { value });
        }
    }
    columns
        .iter()
        .zip(arrays)
        .map(|(column, values)| Value::Array(column.kind.array(), Some(Box::new(values))))
        .collect()
}

impl Kind {
    fn postgres(self) -> &'static str {
        match self {
            Kind::Uuid => "uuid",
            Kind::Text => "text",
            Kind::Small => "int2",
            Kind::Int => "int4",
            Kind::Big => "int8",
            Kind::Float => "float8",
            Kind::Bool => "bool",
            Kind::Instant => "timestamptz",
            Kind::Day => "date",
        }
    }

    fn array(self) -> ArrayType {
        match self {
            Kind::Uuid => ArrayType::Uuid,
            Kind::Text => ArrayType::String,
            Kind::Small => ArrayType::SmallInt,
            Kind::Int => ArrayType::Int,
            Kind::Big => ArrayType::BigInt,
            Kind::Float => ArrayType::Double,
            Kind::Bool => ArrayType::Bool,
            Kind::Instant => ArrayType::ChronoDateTimeUtc,
            Kind::Day => ArrayType::ChronoDate,
        }
    }
}

/// The value, or the sentinel that [`selected`] turns into NULL.
fn present(value: Value) -> Value {
    match value {
        Value::Uuid(None) => Uuid::nil().into(),
        Value::String(None) => "\u{1}".into(),
        Value::SmallInt(None) => i16::MIN.into(),
        Value::Int(None) => i32::MIN.into(),
        Value::BigInt(None) => i64::MIN.into(),
        Value::Double(None) => f64::NAN.into(),
        Value::ChronoDateTimeUtc(None) => absent_instant().into(),
        Value::ChronoDate(None) => absent_instant().date_naive().into(),
        present => present,
    }
}

fn absent_instant() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(1000, 1, 1)
        .unwrap_or_default()
        .and_time(chrono::NaiveTime::MIN)
        .and_utc()
}

/// Rows of one SQLite statement; times the widest table far below its limit of parameters.
const SQLITE_ROWS_MAX: usize = 64;

/// The largest power of two that is neither over `left` nor over the bound.
fn piece(left: usize) -> usize {
    let mut size = SQLITE_ROWS_MAX;
    while size > left {
        size /= 2;
    }
    size
}

async fn sqlite_write<C: ConnectionTrait>(tx: &C, part: Write) -> Result<(), DbErr> {
    let width = part.columns.len();
    let mut rows = part.rows.into_iter();
    while rows.len() > 0 {
        let size = match part.verb {
            Verb::Insert(_) => piece(rows.len()),
            Verb::Update { .. } => 1,
        };
        let values: Vec<Value> = rows.by_ref().take(size).flatten().collect();
        let (sql, values) = match part.verb {
            Verb::Insert(conflict) => {
                let names: Vec<&str> = part.columns.iter().map(|c| c.name).collect();
                let tuples = tuples(size, width);
                let sql = format!(
                    "INSERT INTO {} ({}) VALUES {tuples} {conflict}",
                    part.table,
                    names.join(", ")
                );
                (sql, values)
            }
            Verb::Update { keys } => sqlite_update(part.table, part.columns, keys, values),
        };
        tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values))
            .await?;
    }
    Ok(())
}

fn sqlite_update(
    table: &str,
    columns: &[Column],
    keys: usize,
    mut values: Vec<Value>,
) -> (String, Vec<Value>) {
    let set: Vec<String> = columns[keys..].iter().map(|c| format!("{} = ?", c.name)).collect();
    let on: Vec<String> = columns[..keys].iter().map(|c| format!("{} = ?", c.name)).collect();
    values.rotate_left(keys);
    (format!("UPDATE {table} SET {} WHERE {}", set.join(", "), on.join(" AND ")), values)
}

fn tuples(rows: usize, width: usize) -> String {
    let one = format!("({})", vec!["?"; width].join(", "));
    vec![one; rows].join(", ")
}

/// A read by a list of keys: `q.k1`, `q.k2` … are the key's parts in `select`, `from` and `on`.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// `c.handle AS handle, …`; every item named.
    pub select: &'static str,
    /// `credentials c JOIN members m ON …`
    pub from: &'static str,
    /// `c.kind = q.k1 AND c.handle = q.k2`
    pub on: &'static str,
    pub keys: &'static [Kind],
    /// The alias whose rows are locked until commit, in the order of the keys.
    pub lock: Option<&'static str>,
}

/// All rows of `lookup` for `keys`, in the keys' order on PostgreSQL and in pieces of it on SQLite.
pub async fn find<C: ConnectionTrait>(
    db: &C,
    lookup: &Lookup,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<QueryResult>, DbErr> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if is_postgres(db) {
        return db.query_all_raw(postgres_find(db, lookup, keys)).await;
    }
    let mut found = Vec::new();
    let mut keys = keys.into_iter();
    while keys.len() > 0 {
        let size = piece(keys.len());
        let names: Vec<String> = (1..=lookup.keys.len()).map(|n| format!("k{n}")).collect();
        let sql = format!(
            "WITH q({}) AS (VALUES {}) SELECT {} FROM q CROSS JOIN {} WHERE {}",
            names.join(", "),
            tuples(size, lookup.keys.len()),
            lookup.select,
            lookup.from,
            lookup.on
        );
        let values: Vec<Value> = keys.by_ref().take(size).flatten().collect();
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        found.extend(db.query_all_raw(statement).await?);
    }
    Ok(found)
}

/// Names of key parts; more than four are never needed.
const KEY_NAMES: [&str; 4] = ["k1", "k2", "k3", "k4"];

fn postgres_find<C: ConnectionTrait>(db: &C, lookup: &Lookup, keys: Vec<Vec<Value>>) -> Statement {
    let mut sql = String::with_capacity(512);
    sql.push_str("SELECT r.* FROM ");
    let columns: Vec<Column> =
        lookup.keys.iter().zip(KEY_NAMES).map(|(kind, name)| column(name, *kind)).collect();
    unnest(&mut sql, columns.iter().map(|c| (c.name, c.kind)), 0);
    let lock = lookup.lock.map(|alias| format!(" FOR UPDATE OF {alias}")).unwrap_or_default();
    let _ = write!(
        sql,
        " CROSS JOIN LATERAL (SELECT {} FROM {} WHERE {} OFFSET 0{lock}) r",
        lookup.select, lookup.from, lookup.on
    );
    Statement::from_sql_and_values(db.get_database_backend(), sql, arrays(&columns, keys))
}
