//! What the frame hands to domains that may not call those above them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;

use crate::{
    base::{config::Config, error::Error, ids::VenueId, keys::Keys, state::State},
    entries::{self, Reason},
    gateways, members, minutes, privacy, terminals, venues, webhooks, wechat,
};

/// Which addresses webhooks may have.
pub(super) fn reach(config: &Config) -> webhooks::Reach {
    webhooks::Reach { anywhere: config.webhooks_anywhere, hosts: config.webhook_hosts() }
}

/// Past minutes belong to a domain above members, so the frame hands them the way to the ledger.
pub(super) fn carry_over(state: &State) -> members::CarryOver {
    let (keys, clock) = (state.keys.clone(), state.clock.clone());
    Arc::new(move |tx, rows| {
        let (keys, now) = (keys.clone(), clock.now());
        Box::pin(async move { minutes::carry_over(tx, &keys, rows, now).await })
    })
}

/// To forget somebody is a matter of every domain, also where WeChat says that it must be.
pub(super) fn erase(state: &State) -> wechat::Erase {
    let clock = state.clock.clone();
    Arc::new(move |tx, member, actor| {
        let now = clock.now();
        Box::pin(async move { privacy::erase(tx, member, actor, now).await })
    })
}

/// What goes on in venues is known to the domains above them.
pub(super) fn look_around(state: &State) -> venues::LookAround {
    let (db, keys) = (state.db.clone(), state.keys.clone());
    Arc::new(move |token, venues, now| {
        let (db, keys) = (db.clone(), keys.clone());
        Box::pin(async move { looked_around(&db, &keys, token, &venues, now).await })
    })
}

async fn looked_around(
    db: &DatabaseConnection,
    keys: &Keys,
    token: Option<String>,
    venues: &[venues::Venue],
    now: DateTime<Utc>,
) -> Result<Vec<venues::Surroundings>, Error> {
    let member = match token {
        Some(token) => members::member_with_token(db, &token, now).await?,
        None => None,
    };
    let ids: Vec<VenueId> = venues.iter().map(|venue| venue.id).collect();
    let inside = minutes::busyness::inside(db, &ids, now).await?;
    let refusals = match member {
        Some(id) => Some(entries::refusals(db, keys, id, venues, &inside, now).await?),
        None => None,
    };
    let mut around = Vec::with_capacity(venues.len());
    for (n, venue) in venues.iter().enumerate() {
        let day = venue.business_day(now);
        let usual = minutes::busyness::usual_visits(db, venue.id, day).await?;
        let usual = usual.into_iter().map(|(hour, visits)| venues::UsualHour { hour, visits });
        around.push(venues::Surroundings {
            inside: inside.get(&venue.id).copied().unwrap_or_default(),
            usual_visits: usual.collect(),
            admission: refusals.as_ref().map(|all| admission(all[n])),
        });
    }
    Ok(around)
}

fn admission(refusal: Option<Reason>) -> venues::Admission {
    venues::Admission {
        admitted: refusal.is_none(),
        reason: refusal.map(Reason::code),
        sentence: refusal.map(Reason::zh),
        sentence_en: refusal.map(Reason::en),
    }
}

/// What terminals hold is known to the domain above members.
pub(super) fn face_doors(state: &State) -> members::FaceDoors {
    let (db, clock) = (state.db.clone(), state.clock.clone());
    Arc::new(move |member| {
        let (db, now) = (db.clone(), clock.now());
        Box::pin(async move { terminals::faces::doors_of(&db, member, now).await })
    })
}

/// What a terminal sent before it was claimed is read by a domain above terminals.
pub(super) fn release(intake: gateways::Intake) -> terminals::Release {
    Arc::new(move |family, serial, by| {
        let intake = intake.clone();
        Box::pin(async move { intake.release(family, &serial, &by).await })
    })
}
