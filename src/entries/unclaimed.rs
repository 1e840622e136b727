//! Records of terminals that nobody has claimed: kept in quarantine until somebody does, each once
//! by its own key, and so many of a terminal at most.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::rows::sealed_raw;
use crate::base::{
    db::bulk::{self, Column, Kind, Verb, Write, column, nullable},
    error::Error,
    keys::Keys,
};

/// Records that a terminal may leave here before it is claimed; a busy door's fortnight.
pub const RECORDS_MAX: i64 = 10_000;

/// Why they wait.
const REASON: &str = "unclaimed_terminal";

const COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("family", Kind::Text),
    column("serial", Kind::Text),
    nullable("terminal_id", Kind::Uuid),
    column("record_id", Kind::Text),
    column("received_at", Kind::Instant),
    column("reason", Kind::Text),
    column("raw", Kind::Text),
    column("raw_ct", Kind::Text),
];

/// A record of an unclaimed terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclaimed {
    pub id: Uuid,
    pub received_at: DateTime<Utc>,
    pub raw: String,
}

/// Keeps `(key, raw)` of a terminal, sealed; what is there already stays as it is.
pub async fn keep(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    family: &str,
    serial: &str,
    records: impl IntoIterator<Item = (String, String)>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let mut records: Vec<(String, String)> = records.into_iter().collect();
    records.sort();
    records.dedup_by(|a, b| a.0 == b.0);
    let row = |(key, raw): (String, String)| -> Vec<Value> {
        let id = Uuid::now_v7();
        vec![
            id.into(),
            family.into(),
            serial.into(),
            None::<Uuid>.into(),
            key.into(),
            now.into(),
            REASON.into(),
            "".into(),
            sealed_raw(keys, id, &raw).into(),
        ]
    };
    let conflict = "ON CONFLICT (family, serial, record_id) WHERE terminal_id IS NULL DO NOTHING";
    let rows = records.into_iter().map(row).collect();
    let write = Write { table: "quarantine", columns: COLUMNS, verb: Verb::Insert(conflict), rows };
    bulk::write_all(tx, vec![write]).await
}

/// How many records of a terminal wait.
pub async fn count(db: &impl ConnectionTrait, family: &str, serial: &str) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) AS n FROM quarantine WHERE family = $1 AND serial = $2 \
               AND terminal_id IS NULL AND resolved_at IS NULL";
    let values = [family.into(), serial.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_one_raw(statement).await?.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// The oldest `limit` records of a terminal that wait.
pub async fn waiting(
    db: &impl ConnectionTrait,
    keys: &Keys,
    family: &str,
    serial: &str,
    limit: u64,
) -> Result<Vec<Unclaimed>, Error> {
    let sql = "SELECT id, received_at, raw, raw_ct FROM quarantine WHERE family = $1 AND serial = $2 \
               AND terminal_id IS NULL AND resolved_at IS NULL ORDER BY id LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [Value; 3] = [family.into(), serial.into(), limit.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Unclaimed {
                id: row.try_get("", "id")?,
                received_at: row.try_get("", "received_at")?,
                raw: opened(keys, &row)?,
            })
        })
        .collect()
}

/// A record as it came: opened, or plain where it is older than the sealing.
fn opened(keys: &Keys, row: &QueryResult) -> Result<String, Error> {
    let (id, sealed): (Uuid, String) = (row.try_get("", "id")?, row.try_get("", "raw_ct")?);
    if sealed.is_empty() {
        return Ok(row.try_get("", "raw")?);
    }
    let plain = keys.open("quarantine", "raw_ct", &id.to_string(), &sealed)?;
    String::from_utf8(plain).map_err(Error::internal)
}

/// Notes that these records wait no more: their terminal is claimed and they have been recorded.
pub async fn resolve(
    db: &impl ConnectionTrait,
    ids: &[Uuid],
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    const RESOLVED: &[Column] = &[
        column("id", Kind::Uuid),
        column("resolved_at", Kind::Instant),
        column("resolution", Kind::Text),
        column("by_actor", Kind::Text),
    ];
    let row = |id: &Uuid| vec![(*id).into(), now.into(), "claimed".into(), by.into()];
    let rows = ids.iter().map(row).collect();
    let verb = Verb::Update { keys: 1 };
    let write = Write { table: "quarantine", columns: RESOLVED, verb, rows };
    bulk::write_all(db, vec![write]).await
}
