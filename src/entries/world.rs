//! Venues and terminals as a process knows them: loaded whole, and known to be current because
//! every change bumps a revision that each group compares inside its transaction.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, RuntimeErr};

use crate::{
    base::{
        error::Error,
        fence::LOST_MAX,
        ids::{TerminalId, VenueId},
    },
    minutes::timeline::Venues,
    terminals::{self, Terminal},
    venues::{self, Rules, Venue},
};

/// One consistent view of places.
#[derive(Default)]
pub struct World {
    /// The revision it was loaded at; 0 before the first load.
    pub revision: i64,
    pub venues: HashMap<VenueId, Arc<Venue>>,
    pub terminals: HashMap<TerminalId, Arc<Terminal>>,
    /// Of any version of any venue's rules; see [`Venues::longest_stay`].
    longest_stay: TimeDelta,
}

impl World {
    /// Another number wherever the database lost its last changes, because its revision leaps then.
    /// What is known by a version is known by this, too: the version may be given out once more.
    pub fn era(&self) -> i64 {
        self.revision / LOST_MAX
    }
}

impl Venues for World {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.venues.get(&id).map(Arc::as_ref)
    }

    fn longest_stay(&self) -> TimeDelta {
        self.longest_stay
    }
}

/// The newest view of this process; shared by its clones.
#[derive(Clone, Default)]
pub struct Worlds(Arc<Mutex<Arc<World>>>);

impl Worlds {
    /// The view as last loaded; maybe behind.
    pub fn latest(&self) -> Arc<World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The view of now, loaded again only if something changed.
    pub async fn current(&self, db: &DatabaseConnection) -> Result<Arc<World>, DbErr> {
        let latest = self.latest();
        if venues::revision(db).await? == latest.revision {
            return Ok(latest);
        }
        self.reload(db).await
    }

    /// Loads the view again. The revision is read first: a change that slips in between makes
    /// the view look older than it is, and it is loaded once more.
    pub async fn reload<C: ConnectionTrait>(&self, db: &C) -> Result<Arc<World>, DbErr> {
        let revision = venues::revision(db).await?;
        let venues = venues::load_world(db).await.map_err(as_db)?;
        let terminals = terminals::load_terminals(db).await.map_err(as_db)?;
        let rules = venues.values().flat_map(|venue| &venue.rules);
        let longest_stay = rules.map(Rules::reach).max().unwrap_or_default();
        let world = Arc::new(World { revision, venues, terminals, longest_stay });
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.revision <= revision {
            *latest = world.clone();
        }
        Ok(world)
    }
}

/// What cannot be read now may be readable soon; what makes no sense is no passing matter.
pub fn as_db(error: Error) -> DbErr {
    match error {
        Error::Unavailable(..) => DbErr::Conn(RuntimeErr::Internal(error.to_string())),
        other => DbErr::Custom(format!("what entries rest on cannot be read: {other:?}")),
    }
}
