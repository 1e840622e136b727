//! Writes of whole groups: all or nothing, and where rows are guarded, only what nobody outran.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr, Statement, Value};

use super::{Column, SQLITE_ROWS_MAX, Shape, parameters, selected, source, texts, tuples};
use crate::base::db::{begin, is_postgres};

/// What a bulk write does with its rows.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    /// Inserts; the text after the rows, such as `ON CONFLICT (id) DO NOTHING`, or empty.
    Insert(&'static str),
    /// The same, but every row must get in, or nothing of the whole write does.
    InsertAll(&'static str),
    /// Updates the rows whose first so many columns are equal.
    Update { keys: usize },
    /// Updates the rows whose first column is equal and whose second, a version, has not moved;
    /// moves it on by one. Every row must be there, or nothing of the whole write is done.
    Advance,
}

impl Verb {
    /// Whether other writers may have been here first, and must not have been.
    fn is_guarded(self) -> bool {
        matches!(self, Verb::InsertAll(_) | Verb::Advance)
    }

    /// What tells its text from those of other verbs.
    fn ingredient(self) -> (usize, usize) {
        match self {
            Verb::Insert(conflict) | Verb::InsertAll(conflict) => texts::constant(conflict),
            Verb::Update { keys } => (1, keys),
            Verb::Advance => (2, 0),
        }
    }

    pub fn is_update(self) -> bool {
        matches!(self, Verb::Update { .. } | Verb::Advance)
    }
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

/// Writes all parts in a transaction: on PostgreSQL as one statement, on SQLite one after the
/// other, in order. Rows of one table may be inserted once and updated in a second part, which
/// then runs after.
///
/// # Errors
/// What [`is_outrun`] knows, when a row of a guarded part was not as it must be.
pub async fn write_all<C: ConnectionTrait>(tx: &C, parts: Vec<Write>) -> Result<(), DbErr> {
    if !is_postgres(tx) {
        for part in parts {
            sqlite_write(tx, part).await?;
        }
        return Ok(());
    }
    for statement in statements(parts) {
        tx.execute_raw(postgres_write(statement, tx)).await?;
    }
    Ok(())
}

/// Writes all parts or none, without a transaction where one statement is enough: on PostgreSQL
/// that saves two round trips of three.
pub async fn write_whole(db: &DatabaseConnection, parts: Vec<Write>) -> Result<(), DbErr> {
    if is_postgres(db) && is_one_statement(&parts) {
        return write_all(db, parts).await;
    }
    let tx = begin(db).await?;
    write_all(&tx, parts).await?;
    tx.commit().await
}

/// Whether a write failed because somebody else had written first what it rests on.
pub fn is_outrun(error: &DbErr) -> bool {
    match error {
        DbErr::RecordNotUpdated => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) => inner
            .as_database_error()
            .and_then(sea_orm::sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == OUTRUN),
        _ => false,
    }
}

/// PostgreSQL's code for a division by zero, which is how [`postgres_write`] fails on purpose.
const OUTRUN: &str = "22012";

/// The parts by statements. Two updates of one table may meet in a row, which one statement must
/// not: the later ones follow by themselves.
fn statements(parts: Vec<Write>) -> Vec<Vec<Write>> {
    let (mut first, mut alone) = (Vec::new(), Vec::new());
    for part in parts.into_iter().filter(|part| !part.rows.is_empty()) {
        if part.verb.is_update() && first.iter().any(|other: &Write| other.table == part.table) {
            alone.push(vec![part]);
        } else {
            first.push(part);
        }
    }
    std::iter::once(first).filter(|first| !first.is_empty()).chain(alone).collect()
}

/// Whether no table is updated beside another part of its own.
fn is_one_statement(parts: &[Write]) -> bool {
    let written = || parts.iter().filter(|part| !part.rows.is_empty());
    written()
        .filter(|part| part.verb.is_update())
        .all(|part| written().filter(|other| other.table == part.table).count() == 1)
}

/// One statement of sibling CTEs. Guarded parts are counted first: where one falls short, the
/// statement divides by zero and so does nothing at all.
fn postgres_write<C: ConnectionTrait>(parts: Vec<Write>, tx: &C) -> Statement {
    let shape = |part: &Write| Shape::of(&part.rows);
    let ingredients = parts.iter().flat_map(|part| {
        let (table, verb) = (texts::constant(part.table), part.verb.ingredient());
        let columns = (part.columns.as_ptr().addr(), part.columns.len());
        let guarded = (usize::from(part.verb.is_guarded()), 0);
        [table, columns, verb, guarded, texts::shape(shape(part))]
    });
    let sql = texts::text(ingredients.collect(), || write_text(&parts));
    let values = parts
        .into_iter()
        .flat_map(|part| parameters(Shape::of(&part.rows), part.columns, part.rows));
    Statement::from_sql_and_values(tx.get_database_backend(), sql, values.collect::<Vec<_>>())
}

fn write_text(parts: &[Write]) -> String {
    let mut sql = String::with_capacity(4096);
    let mut guards = Vec::new();
    let mut first = 0;
    for (n, part) in parts.iter().enumerate() {
        let _ = write!(sql, "{} w{n} AS (", if n == 0 { "WITH" } else { "," });
        part_sql(&mut sql, part, first);
        if part.verb.is_guarded() {
            sql.push_str(" RETURNING 1");
            let key = part.columns[0].kind.postgres();
            let rows = match Shape::of(&part.rows) {
                Shape::One => "1".to_owned(),
                Shape::Many => format!("cardinality(${}::{key}[])", first + 1),
            };
            guards.push(format!("(SELECT count(*) FROM w{n}) = {rows}"));
        }
        sql.push(')');
        first += part.columns.len();
    }
    let whole = if guards.is_empty() { "true".to_owned() } else { guards.join(" AND ") };
    let _ = write!(sql, " SELECT 1 / CASE WHEN {whole} THEN 1 ELSE 0 END");
    sql
}

fn part_sql(sql: &mut String, part: &Write, first: usize) {
    let shape = Shape::of(&part.rows);
    let columns = || part.columns.iter().map(|c| (c.name, c.kind));
    let names =
        |separator: &str| part.columns.iter().map(|c| c.name).collect::<Vec<_>>().join(separator);
    match part.verb {
        Verb::Insert(conflict) | Verb::InsertAll(conflict) => {
            let _ = write!(sql, "INSERT INTO {} ({}) SELECT ", part.table, names(", "));
            let select: Vec<String> = part.columns.iter().map(|c| selected(*c)).collect();
            let _ = write!(sql, "{} FROM ", select.join(", "));
            source(sql, shape, "q", columns(), first);
            let _ = write!(sql, " {conflict}");
        }
        Verb::Update { keys } => {
            let _ = write!(sql, "UPDATE {} AS t SET ", part.table);
            let set: Vec<String> = part.columns[keys..]
                .iter()
                .map(|c| format!("{} = {}", c.name, selected(*c)))
                .collect();
            let _ = write!(sql, "{} FROM ", set.join(", "));
            source(sql, shape, "q", columns(), first);
            let on: Vec<String> =
                part.columns[..keys].iter().map(|c| format!("t.{0} = q.{0}", c.name)).collect();
            let _ = write!(sql, " WHERE {}", on.join(" AND "));
        }
        Verb::Advance => advance_sql(sql, part, first),
    }
}

/// The keys drive, and each looks for its row, which it locks: left to itself the planner might
/// read the whole table.
fn advance_sql(sql: &mut String, part: &Write, first: usize) {
    let [key, version, rest @ ..] = part.columns else { return };
    let mut set = format!("{0} = q.{0} + 1", version.name);
    for column in rest {
        let _ = write!(set, ", {} = {}", column.name, selected(*column));
    }
    let _ = write!(sql, "UPDATE {} AS t SET {set} FROM (SELECT k.*, r.place FROM ", part.table);
    let columns = part.columns.iter().map(|c| (c.name, c.kind));
    source(sql, Shape::of(&part.rows), "k", columns, first);
    let _ = write!(
        sql,
        " CROSS JOIN LATERAL (SELECT d.ctid AS place FROM {0} d WHERE d.{1} = k.{1} \
         AND d.{2} = k.{2} OFFSET 0 FOR UPDATE) r) q WHERE t.ctid = q.place",
        part.table, key.name, version.name
    );
}

/// In pieces of up to [`SQLITE_ROWS_MAX`] rows, each one statement for the next power of two of
/// rows, so that few texts are prepared; rows without values fill it up.
async fn sqlite_write<C: ConnectionTrait>(tx: &C, part: Write) -> Result<(), DbErr> {
    let Write { table, columns, verb, rows } = part;
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let taken = rows.len().min(SQLITE_ROWS_MAX);
        let size = taken.next_power_of_two();
        let mut values: Vec<Value> = Vec::with_capacity(size * columns.len());
        values.extend(rows.by_ref().take(taken).flatten());
        values.resize(size * columns.len(), Value::Bool(None));
        let shape = (columns.as_ptr().addr(), columns.len());
        let ingredients = vec![texts::constant(table), shape, verb.ingredient(), (size, 0)];
        let sql = texts::text(ingredients, || sqlite_text(table, columns, verb, size));
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        let written = tx.execute_raw(statement).await?.rows_affected();
        if verb.is_guarded() && written < taken as u64 {
            return Err(DbErr::RecordNotUpdated);
        }
    }
    Ok(())
}

/// The text for `size` rows, of which those whose first column is absent do nothing.
fn sqlite_text(table: &str, columns: &[Column], verb: Verb, size: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let rows = tuples(size, columns.len());
    let (keys, moved) = match verb {
        Verb::Insert(conflict) | Verb::InsertAll(conflict) if size == 1 => {
            return format!("INSERT INTO {table} ({}) VALUES {rows} {conflict}", names.join(", "));
        }
        Verb::Insert(conflict) | Verb::InsertAll(conflict) => {
            return format!(
                "INSERT INTO {table} ({}) SELECT * FROM (VALUES {rows}) WHERE column1 IS NOT NULL \
                 {conflict}",
                names.join(", ")
            );
        }
        Verb::Update { keys } => (keys, None),
        Verb::Advance => (2, Some(format!("{0} = t.{0} + 1", names[1]))),
    };
    let to = names.iter().enumerate().skip(keys);
    let set: Vec<String> = moved
        .into_iter()
        .chain(to.map(|(n, name)| format!("{name} = q.column{}", n + 1)))
        .collect();
    let on =
        names[..keys].iter().enumerate().map(|(n, name)| format!("t.{name} = q.column{}", n + 1));
    format!(
        "UPDATE {table} AS t SET {} FROM (VALUES {rows}) AS q WHERE {}",
        set.join(", "),
        on.collect::<Vec<_>>().join(" AND ")
    )
}
