//! Reads by lists of keys, one lookup or several in one round trip.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use super::{Column, Kind, SQLITE_ROWS_MAX, Shape, column, parameters, source, texts, tuples};
use crate::base::db::is_postgres;

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
        let taken = keys.len().min(SQLITE_ROWS_MAX);
        let size = taken.next_power_of_two();
        let mut values: Vec<Value> = keys.by_ref().take(taken).flatten().collect();
        // Absent keys match nothing.
        values.resize(size * lookup.keys.len(), Value::Bool(None));
        let [select, from, on, lock, _] = lookup.ingredients(Shape::Many);
        let ingredients = vec![select, from, on, lock, (size, 1)];
        let sql = texts::text(ingredients, || sqlite_text(lookup, size));
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        found.extend(db.query_all_raw(statement).await?);
    }
    Ok(found)
}

fn sqlite_text(lookup: &Lookup, size: usize) -> String {
    let width = lookup.keys.len();
    format!(
        "WITH q({}) AS (VALUES {}) SELECT {} FROM q CROSS JOIN {} WHERE {}",
        KEY_NAMES[..width].join(", "),
        tuples(size, width),
        lookup.select,
        lookup.from,
        lookup.on
    )
}

/// Names of key parts; more are never needed.
const KEY_NAMES: [&str; 5] = ["k1", "k2", "k3", "k4", "k5"];

fn postgres_find<C: ConnectionTrait>(db: &C, lookup: &Lookup, keys: Vec<Vec<Value>>) -> Statement {
    let shape = Shape::of(&keys);
    let sql = texts::text(lookup.ingredients(shape).to_vec(), || {
        let mut sql = String::from("SELECT r.* ");
        lookup_sql(&mut sql, lookup, shape, 0);
        sql
    });
    let values = parameters(shape, &lookup.columns(), keys);
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

impl Lookup {
    fn columns(&self) -> Vec<Column> {
        self.keys.iter().zip(KEY_NAMES).map(|(kind, name)| column(name, *kind)).collect()
    }

    fn ingredients(&self, shape: Shape) -> [(usize, usize); 5] {
        let texts = [self.select, self.from, self.on, self.lock.unwrap_or_default()];
        let [select, from, on, lock] = texts.map(texts::constant);
        [select, from, on, lock, texts::shape(shape)]
    }
}

/// `FROM keys … lookup r`, with parameters from `first` on.
fn lookup_sql(sql: &mut String, lookup: &Lookup, shape: Shape, first: usize) {
    sql.push_str("FROM ");
    source(sql, shape, "q", lookup.columns().iter().map(|c| (c.name, c.kind)), first);
    let lock = lookup.lock.map(|alias| format!(" FOR UPDATE OF {alias}")).unwrap_or_default();
    let _ = write!(
        sql,
        " CROSS JOIN LATERAL (SELECT {} FROM {} WHERE {} OFFSET 0{lock}) r",
        lookup.select, lookup.from, lookup.on
    );
}

/// The rows of each lookup for its keys, as [`find`] gives them; all of one moment on PostgreSQL.
/// The lookups must not lock, and their columns have names of their own.
pub async fn find_together<C: ConnectionTrait, const N: usize>(
    db: &C,
    lookups: [(&Lookup, Vec<Vec<Value>>); N],
) -> Result<[Vec<QueryResult>; N], DbErr> {
    let mut found: [Vec<QueryResult>; N] = std::array::from_fn(|_| Vec::new());
    if !is_postgres(db) {
        for ((lookup, keys), rows) in lookups.into_iter().zip(&mut found) {
            *rows = find(db, lookup, keys).await?;
        }
        return Ok(found);
    }
    for row in db.query_all_raw(statement(db, lookups)).await? {
        let part: i32 = row.try_get("", "part")?;
        // A lookup without rows leaves one of nothing.
        let is_row = row.try_get::<Option<bool>>("", &hit(part))?.is_some();
        if let Some(rows) = usize::try_from(part).ok().and_then(|part| found.get_mut(part))
            && is_row
        {
            rows.push(row);
        }
    }
    Ok(found)
}

fn hit(part: i32) -> String {
    format!("hit{part}")
}

/// A row a part, joined to the rows of its own lookup only: the others see at once that it is not
/// theirs, and leave their columns empty.
fn statement<C: ConnectionTrait, const N: usize>(
    db: &C,
    lookups: [(&Lookup, Vec<Vec<Value>>); N],
) -> Statement {
    let shapes = lookups.each_ref().map(|(lookup, keys)| (*lookup, Shape::of(keys)));
    let ingredients = shapes.iter().flat_map(|(lookup, shape)| lookup.ingredients(*shape));
    let sql = texts::text(ingredients.collect(), || text_together(&shapes));
    let values = lookups
        .into_iter()
        .flat_map(|(lookup, keys)| parameters(Shape::of(&keys), &lookup.columns(), keys));
    Statement::from_sql_and_values(db.get_database_backend(), sql, values.collect::<Vec<_>>())
}

fn text_together(lookups: &[(&Lookup, Shape)]) -> String {
    let mut sql = String::with_capacity(2048);
    let last = lookups.len().saturating_sub(1);
    let _ = write!(sql, "SELECT * FROM generate_series(0, {last}) AS parts(part)");
    let mut first = 0;
    for (part, (lookup, shape)) in (0..).zip(lookups) {
        let _ = write!(sql, " LEFT JOIN LATERAL (SELECT true AS {}, r.* ", hit(part));
        lookup_sql(&mut sql, lookup, *shape, first);
        let _ = write!(sql, " WHERE part = {part}) p{part} ON true");
        first += lookup.keys.len();
    }
    sql
}
