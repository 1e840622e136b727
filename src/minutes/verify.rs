//! The ledger against itself: every invariant that SQL can show, and the digest of what it says.
//!
//! Reads one moment of the whole database and changes nothing. Memory is bounded by the venue-days
//! and by a few members' histories, not by the ledger.

use std::{collections::HashMap, fmt, sync::Arc};

use anyhow::{Context as _, anyhow};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

use super::timeline::Venues;
use crate::{
    base::{db, ids::VenueId, keys::Keys},
    staff::audit,
    venues::{self, Venue},
};

mod days;
mod digest;
mod lives;
mod macs;
mod stays;
mod sums;
#[cfg(test)]
pub(super) mod tests;

pub use digest::{Scope, digest};

/// Breaches that are told one by one; the first few already say what happened.
const BREACHES_MAX: usize = 10_000;

/// Every breach of an invariant as one line that names table and row ids, and nobody. Empty when
/// everything holds.
///
/// # Errors
/// When the database cannot be read to the end, which says nothing about what it holds.
pub async fn ledger(db: &DatabaseConnection, keys: &Keys) -> anyhow::Result<Vec<String>> {
    let tx = db::snapshot(db).await?;
    let places = places(&tx).await?;
    let mut breaches = Breaches::default();
    macs::check(&tx, keys, &Scope::default(), &mut breaches)
        .await
        .context("the ledger cannot be read")?;
    sums::check(&tx, &mut breaches).await.context("the sums cannot be compared")?;
    lives::check(&tx, &places, &mut breaches).await.context("sessions cannot be read")?;
    days::check(&tx, &places, &mut breaches).await.context("the days cannot be read")?;
    for breach in audit::verify(&tx).await.context("the audit chain cannot be read")?.breaches {
        breaches.add(format_args!("audit {} {}: {}", breach.chain, breach.n, breach.what));
    }
    tx.rollback().await?;
    Ok(breaches.lines())
}

/// Breaches of the ledger's rows and of its days' digests in a scope alone: a row that was changed,
/// added, taken away or moved.
pub async fn ledger_within(
    tx: &DatabaseTransaction,
    keys: &Keys,
    scope: &Scope,
) -> anyhow::Result<Vec<String>> {
    let mut breaches = Breaches::default();
    macs::check(tx, keys, scope, &mut breaches).await.context("the ledger cannot be read")?;
    Ok(breaches.lines())
}

async fn places(tx: &DatabaseTransaction) -> anyhow::Result<Places> {
    let venues = venues::load_world(tx).await;
    Ok(Places(venues.map_err(|error| anyhow!("the venues cannot be read: {error:?}"))?))
}

/// The venues with all their versions, as the fold wants them.
struct Places(HashMap<VenueId, Arc<Venue>>);

impl Venues for Places {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.get(&id).map(Arc::as_ref)
    }
}

/// What was found, up to a bound.
#[derive(Default)]
struct Breaches {
    lines: Vec<String>,
    untold: usize,
}

impl Breaches {
    fn add(&mut self, line: fmt::Arguments<'_>) {
        if self.lines.len() < BREACHES_MAX {
            self.lines.push(line.to_string());
        } else {
            self.untold += 1;
        }
    }

    fn lines(mut self) -> Vec<String> {
        if self.untold > 0 {
            self.lines.push(format!("and {} more", self.untold));
        }
        self.lines
    }
}
