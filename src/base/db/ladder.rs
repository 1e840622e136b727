//! Climbs the ladder of schema versions. A database may have climbed further than this version
//! knows, when it goes back after an upgrade: what newer steps add it does without, but not what
//! one of them took away.

use std::collections::HashSet;

use anyhow::{Context, bail};
use migrations::Migrator;
use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait;

/// How the name of a step ends that takes away what the version before it reads.
const CONTRACT: &str = "_contract";

/// How the database stands to the steps of this version, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    /// Steps that are not climbed yet.
    pending: Vec<String>,
    /// Steps of a newer version.
    newer: Vec<String>,
}

impl Standing {
    fn of(known: &[String], applied: Vec<String>) -> Self {
        let pending = known.iter().filter(|step| !applied.contains(step)).cloned().collect();
        let known: HashSet<&String> = known.iter().collect();
        let newer = applied.into_iter().filter(|step| !known.contains(step)).collect();
        Self { pending, newer }
    }

    /// Refuses what this version must not run on.
    fn check(&self) -> anyhow::Result<()> {
        if let Some(step) = self.newer.iter().find(|step| step.ends_with(CONTRACT)) {
            bail!(
                "the database belongs to a newer version: its step {step} took away what this one \
                 needs; run the newer version"
            );
        }
        if let (Some(newer), Some(pending)) = (self.newer.first(), self.pending.first()) {
            bail!(
                "the database belongs to another version: it has climbed {newer}, but not \
                 {pending}; run that version"
            );
        }
        Ok(())
    }
}

async fn standing(db: &DatabaseConnection) -> Result<Standing, DbErr> {
    let applied = Migrator::get_migration_models(db).await?;
    let applied = applied.into_iter().map(|step| step.version).collect();
    let known: Vec<String> =
        Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    Ok(Standing::of(&known, applied))
}

/// Brings the schema up to date, behind the caller's lock; a newer one is left as it is.
pub async fn climb(db: &DatabaseConnection) -> anyhow::Result<()> {
    let standing = standing(db).await.context("the steps of the schema cannot be read")?;
    standing.check()?;
    if !standing.newer.is_empty() {
        tracing::warn!(steps = ?standing.newer, "the database was prepared for a newer version");
        return Ok(());
    }
    Migrator::up(db, None).await.context("the migration failed; nothing of its step was kept")
}

/// How many steps of this version's ladder are not climbed yet.
pub async fn pending(db: &DatabaseConnection) -> anyhow::Result<usize> {
    let standing = standing(db).await?;
    standing.check()?;
    Ok(standing.pending.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(applied: &[&str]) -> Standing {
        let known = ["m1_places", "m2_people"].map(str::to_owned);
        Standing::of(&known, applied.iter().map(|step| (*step).to_owned()).collect())
    }

    #[test]
    fn a_newer_schema_is_lived_with_until_something_is_taken_away() {
        let newer = standing(&["m1_places", "m2_people", "m3_colours"]);
        assert_eq!((newer.pending.len(), newer.newer.len()), (0, 1));
        newer.check().unwrap();
        let contracted = standing(&["m1_places", "m2_people", "m3_colours", "m4_names_contract"]);
        let said = contracted.check().unwrap_err().to_string();
        assert!(said.contains("m4_names_contract") && !said.contains('\n'), "{said}");
    }

    #[test]
    fn a_schema_of_another_branch_is_refused() {
        let said = standing(&["m1_places", "m3_colours"]).check().unwrap_err().to_string();
        assert!(said.contains("m3_colours") && said.contains("m2_people"), "{said}");
        standing(&["m1_places"]).check().unwrap();
        standing(&[]).check().unwrap();
    }
}
