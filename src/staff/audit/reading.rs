//! Reading the chain: the newest first, by chain, by who acted, by what was touched.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, EntityTrait as _, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::{
    base::{
        error::{Code, Error},
        ids::StaffId,
    },
    staff::{Function, StaffCaller, tables::staff},
};

/// Digits of a division from which on somebody sees only what their own staff did.
const CITY_DIGITS: usize = 4;

/// What is looked for; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub chain: Option<String>,
    pub actor: Option<String>,
    pub object: Option<String>,
    pub act: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// A row of the chain.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Row {
    pub chain: String,
    pub n: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub act: String,
    pub object: String,
    pub before_digest: Option<String>,
    pub after_digest: Option<String>,
    pub reason: Option<String>,
    pub hash: String,
}

/// Rows behind `before`, by time. Whoever has less than a city names one of their own staff: rows
/// do not say where something was done.
pub async fn page(
    db: &DatabaseConnection,
    by: &StaffCaller,
    filter: &Filter,
    before: Option<(DateTime<Utc>, String, i64)>,
    rows: u64,
) -> Result<Vec<Row>, Error> {
    by.require(Function::ReadAudit, &by.division)?;
    if by.division.as_str().len() > CITY_DIGITS {
        check_own(db, by, filter.actor.as_deref()).await?;
    }
    let (at, chain, n) =
        before.unwrap_or((DateTime::<Utc>::from_timestamp_nanos(i64::MAX), String::new(), 0));
    let from = filter.from.unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    let to = filter.to.unwrap_or(DateTime::<Utc>::from_timestamp_nanos(i64::MAX));
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut values: Vec<Value> =
        vec![at.into(), chain.into(), n.into(), from.into(), to.into(), rows.into()];
    let mut sql = "SELECT * FROM audit WHERE (at, chain, n) < ($1, $2, $3) AND at >= $4 \
                   AND at <= $5"
        .to_owned();
    let filters = [
        ("chain", &filter.chain),
        ("actor", &filter.actor),
        ("object", &filter.object),
        ("act", &filter.act),
    ];
    for (column, value) in filters {
        let Some(value) = value else { continue };
        values.push(value.clone().into());
        write!(sql, " AND {column} = ${}", values.len()).map_err(Error::internal)?;
    }
    sql.push_str(" ORDER BY at DESC, chain DESC, n DESC LIMIT $6");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Row::find_by_statement(statement).all(db).await?)
}

async fn check_own(
    db: &DatabaseConnection,
    by: &StaffCaller,
    actor: Option<&str>,
) -> Result<(), Error> {
    let missing = || Error::NotFound(Code::NotFound);
    let actor = actor.ok_or_else(|| Error::invalid("", Code::Required))?;
    let id = actor.strip_prefix("staff:").and_then(|id| id.parse::<Uuid>().ok());
    let row = staff::Entity::find_by_id(StaffId(id.ok_or_else(missing)?)).one(db).await?;
    let row = row.ok_or_else(missing)?;
    if by.division.covers(&row.division) { Ok(()) } else { Err(missing()) }
}
