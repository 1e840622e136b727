//! Standards as versioned data: loaded from files, marked once somebody has compared every band
//! with the official text, never changed.

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, sea_query::Expr,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    standard::{self, Standard},
    tables::standards::{COLUMN, Column, Entity, Model},
};
use crate::{
    base::error::{Code, Error},
    staff::audit::{self, Deed},
};

/// The audit chain of standards.
const CHAIN: &str = "fitness";

/// What loading came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub name: String,
    pub version: i32,
    pub tables: usize,
    /// False: these very files are the newest version already.
    pub is_new: bool,
}

/// Loads a standard as the next version of its name, to be in force from now on.
pub async fn load(
    tx: &DatabaseTransaction,
    bands: &str,
    weights: &str,
    by: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<Loaded> {
    let Standard { name, tables, .. } = standard::read(bands, weights)?;
    let tables = tables.len();
    let newest =
        Entity::find().filter(COLUMN.name.eq(&name)).order_by_desc(Column::Version).one(tx).await?;
    let digest = digest(bands, weights);
    if let Some(same) = newest.as_ref().filter(|row| row.digest == digest) {
        return Ok(Loaded { name, version: same.version, tables, is_new: false });
    }
    let version = 1 + newest.map_or(0, |row| row.version);
    let row = Model {
        id: Uuid::now_v7(),
        name: name.clone(),
        version,
        bands: bands.to_owned(),
        weights: weights.to_owned(),
        digest: digest.clone(),
        loaded_at: now,
        loaded_by: by.to_owned(),
        compared_at: None,
        compared_by: None,
        compared_with: None,
    };
    Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    note(tx, by, "fitness_standard_loaded", (&name, version), Some(&digest), now).await?;
    Ok(Loaded { name, version, tables, is_new: true })
}

fn digest(bands: &str, weights: &str) -> String {
    let mut hash = Sha256::new();
    for part in [bands, weights] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Says that every band of a version was compared with the official text `with`; from now on
/// results by it have grades. Fails without such a version.
pub async fn compared(
    tx: &DatabaseTransaction,
    (name, version): (&str, i32),
    with: &str,
    by: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let done = Entity::update_many()
        .col_expr(Column::ComparedAt, Expr::value(now))
        .col_expr(Column::ComparedBy, Expr::value(by))
        .col_expr(Column::ComparedWith, Expr::value(with))
        .filter(COLUMN.name.eq(name))
        .filter(COLUMN.version.eq(version))
        .exec(tx)
        .await?;
    anyhow::ensure!(done.rows_affected == 1, "there is no version {version} of {name}");
    note(tx, by, "fitness_standard_compared", (name, version), Some(with), now).await
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    (name, version): (&str, i32),
    after: Option<&str>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let object = format!("fitness_standard:{name}:{version}");
    let deed = Deed { actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}

/// A version as it is listed.
#[derive(Clone, Debug)]
pub struct StandardView {
    pub name: String,
    pub version: i32,
    pub digest: String,
    pub loaded_at: DateTime<Utc>,
    pub compared_at: Option<DateTime<Utc>>,
    pub compared_with: Option<String>,
    /// Every item that may be measured, with its unit where the standard has one.
    pub items: Vec<(String, Option<String>)>,
}

/// All versions, the one in force first.
pub async fn standards(conn: &impl ConnectionTrait) -> Result<Vec<StandardView>, Error> {
    let rows = Entity::find().order_by_desc(Column::LoadedAt).order_by_desc(Column::Id).all(conn);
    rows.await?
        .into_iter()
        .map(|row| {
            let read = read(&row)?;
            let unit = |item: &str| {
                let table = read.tables.iter().find(|table| table.item == item);
                table.map(|table| table.unit.clone())
            };
            let items = read.items().into_iter().map(|item| (item.to_owned(), unit(item)));
            Ok(StandardView {
                items: items.collect(),
                name: row.name,
                version: row.version,
                digest: row.digest,
                loaded_at: row.loaded_at,
                compared_at: row.compared_at,
                compared_with: row.compared_with,
            })
        })
        .collect()
}

/// The standard by which a test is scored now: the one that was loaded last.
pub(super) async fn in_force(conn: &impl ConnectionTrait) -> Result<(Uuid, Standard), Error> {
    let newest =
        Entity::find().order_by_desc(Column::LoadedAt).order_by_desc(Column::Id).one(conn).await?;
    let newest = newest.ok_or(Error::Conflict(Code::FitnessStandardMissing))?;
    Ok((newest.id, read(&newest)?))
}

fn read(row: &Model) -> anyhow::Result<Standard> {
    standard::read(&row.bands, &row.weights)
}
