//! Short words for columns, tables and indexes, so that a step reads like the table it makes.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
    sea_query::{IndexCreateStatement, PostgresQueryBuilder},
};

pub fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).uuid().not_null().take()
}

pub fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

pub fn small(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).small_integer().not_null().take()
}

pub fn int(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

pub fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

pub fn float(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).double().not_null().take()
}

pub fn boolean(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// An instant, UTC, whole milliseconds.
pub fn instant(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp_with_time_zone().not_null().take()
}

/// A business day or month: a date, computed by the application.
pub fn day(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).date().not_null().take()
}

/// The same column, but it may be absent.
pub fn or_null(mut column: ColumnDef) -> ColumnDef {
    column.null().take()
}

/// A table of `columns` whose primary key is `key`, in the key's order.
pub fn table(
    name: &'static str,
    columns: Vec<ColumnDef>,
    key: &[&'static str],
) -> TableCreateStatement {
    let mut primary = Index::create();
    for column in key {
        primary.col(*column);
    }
    let mut table = Table::create();
    table.table(name);
    for mut column in columns {
        table.col(&mut column);
    }
    table.primary_key(primary.primary()).take()
}

pub fn index(
    table: &'static str,
    name: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.table(table).name(name);
    for column in columns {
        index.col(*column);
    }
    index.take()
}

pub async fn create_all(
    manager: &SchemaManager<'_>,
    tables: Vec<TableCreateStatement>,
) -> Result<(), DbErr> {
    for table in tables {
        manager.create_table(table).await?;
    }
    Ok(())
}

pub async fn index_all(
    manager: &SchemaManager<'_>,
    indexes: Vec<IndexCreateStatement>,
) -> Result<(), DbErr> {
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Makes a table that `PostgreSQL` partitions by ranges of `by` and SQLite keeps whole.
pub async fn create_partitioned(
    manager: &SchemaManager<'_>,
    table: TableCreateStatement,
    by: &str,
) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return manager.create_table(table).await;
    }
    let sql = format!("{} PARTITION BY RANGE ({by})", table.to_string(PostgresQueryBuilder));
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

/// Runs one statement that both databases understand as it stands.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(|_| ())
}
