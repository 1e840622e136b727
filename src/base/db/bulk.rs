//! Many rows in one round trip: writes of whole groups and reads by lists of keys.
//!
//! On PostgreSQL columns travel as arrays, so a statement's text does not depend on how many rows
//! there are, and all writes of a group are one statement of sibling CTEs. On SQLite, where there
//! is no round trip, rows go as `VALUES`, filled up to a power of two, so few texts are prepared.
//! Reads are shaped so that an index lookup a key is the only sane plan: the key list drives, and
//! each key looks into its table behind `LATERAL … OFFSET 0`, which no statistics can turn around.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{Value, sea_query::ArrayType};
use uuid::Uuid;

mod delete;
mod read;
mod texts;
mod write;

pub use delete::{Matched, delete};
pub use read::{Lookup, find, find_together};
pub use texts::all as texts;
pub use write::{Verb, Write, is_outrun, write_all, write_whole};

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

/// How many rows travel: one goes as plain parameters, which cost nothing to unfold; several as
/// arrays, a column each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    Many,
}

impl Shape {
    fn of(rows: &[Vec<Value>]) -> Self {
        if rows.len() == 1 { Shape::One } else { Shape::Many }
    }
}

/// The rows as a table `alias` with these columns, from parameter `first` on.
fn source(
    sql: &mut String,
    shape: Shape,
    alias: &str,
    columns: impl Iterator<Item = (&'static str, Kind)>,
    first: usize,
) {
    let (opens, suffix, closes) = match shape {
        Shape::One => ("(VALUES (", "", "))"),
        Shape::Many => ("UNNEST(", "[]", ")"),
    };
    sql.push_str(opens);
    let mut names = String::new();
    for (n, (name, kind)) in columns.enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        let _ = write!(sql, "{comma}${}::{}{suffix}", first + n + 1, kind.postgres());
        let _ = write!(names, "{comma}{name}");
    }
    let _ = write!(sql, "{closes} AS {alias}({names})");
}

/// The parameters of [`source`].
fn parameters(shape: Shape, columns: &[Column], mut rows: Vec<Vec<Value>>) -> Vec<Value> {
    if shape == Shape::Many {
        return arrays(columns, rows);
    }
    let row = rows.pop().unwrap_or_default();
    let one =
        |(value, column): (Value, &Column)| if column.nullable { present(value) } else { value };
    row.into_iter().zip(columns).map(one).collect()
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
    pub(super) fn postgres(self) -> &'static str {
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

fn tuples(rows: usize, width: usize) -> String {
    let one = format!("({})", vec!["?"; width].join(", "));
    vec![one; rows].join(", ")
}
