//! What one division's screen remembers between two documents, each part for as long as it may be
//! old: so the cost of a document depends neither on how many ask nor on how long the history is.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::Instant;

use super::{
    assemble::{Parts, assemble},
    document::Document,
    figures::{self, Hours, Lost, Scope, Today},
    life::{self, Life},
    past::{self, Past},
    people::{self, Distinct, Group, LatestEntry},
    places::{self, Places, Terminals},
};
use crate::{
    base::{
        counters::Counters,
        ids::{DivisionCode, VenueId},
    },
    instructors,
};

/// How old each part may be.
const PLACES_EVERY: Duration = Duration::from_secs(15);
const TERMINALS_EVERY: Duration = Duration::from_secs(10);
const PAST_EVERY: Duration = Duration::from_secs(15);
const REGISTERED_EVERY: Duration = Duration::from_secs(15);
const INSTRUCTORS_EVERY: Duration = Duration::from_secs(15);
const DISTINCT_EVERY: Duration = Duration::from_mins(1);
const RANKING_EVERY: Duration = Duration::from_mins(1);
const USUAL_EVERY: Duration = Duration::from_mins(15);
const LIFE_EVERY: Duration = Duration::from_secs(10);
const LATEST_EVERY: Duration = Duration::from_secs(2);
/// The curve of today: many small numbers, which need not move as fast as the large ones.
const HOURS_EVERY: Duration = Duration::from_secs(3);
/// Today's figures while they come from SQL.
const DEGRADED_EVERY: Duration = Duration::from_secs(2);
/// A part that takes long is worked out so rarely that it costs at most one part in fifty of the
/// time.
const REST: u32 = 50;

/// A part that may be a little old.
struct Paced<T> {
    value: Option<T>,
    due: Instant,
}

impl<T> Paced<T> {
    fn new() -> Self {
        Self { value: None, due: Instant::now() }
    }

    fn forget(&mut self) {
        self.due = Instant::now();
    }

    /// The value, worked out anew when it is older than `every`. While that fails, so does this:
    /// an old part must not pass for a young one.
    async fn get(
        &mut self,
        every: Duration,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<&T, DbErr> {
        let value = match self.value.take() {
            Some(value) if Instant::now() < self.due => value,
            Some(_) | None => {
                let began = Instant::now();
                let value = work.await?;
                self.due = Instant::now() + every.max(began.elapsed() * REST);
                value
            }
        };
        Ok(self.value.insert(value))
    }
}

/// One division's parts.
pub struct Board {
    division: DivisionCode,
    day: Option<NaiveDate>,
    places: Paced<Option<Places>>,
    terminals: Paced<Terminals>,
    degraded: Paced<Today>,
    hours: Paced<Hours>,
    past: Paced<Past>,
    usual: Paced<Option<[i64; 24]>>,
    month_by_venue: Paced<HashMap<VenueId, (i64, i64)>>,
    distinct: Paced<(Distinct, DateTime<Utc>)>,
    registered: Paced<Vec<Group>>,
    instructors: Paced<i64>,
    latest: Paced<Vec<LatestEntry>>,
    life: Paced<Life>,
    latest_finder: people::Latest,
}

impl Board {
    pub fn new(division: DivisionCode) -> Self {
        Self {
            division,
            day: None,
            places: Paced::new(),
            terminals: Paced::new(),
            degraded: Paced::new(),
            hours: Paced::new(),
            past: Paced::new(),
            usual: Paced::new(),
            month_by_venue: Paced::new(),
            distinct: Paced::new(),
            registered: Paced::new(),
            instructors: Paced::new(),
            latest: Paced::new(),
            life: Paced::new(),
            latest_finder: people::Latest::default(),
        }
    }

    /// The document at `now`; none where there is no such division.
    pub async fn document(
        &mut self,
        db: &DatabaseConnection,
        counters: &Counters,
        now: DateTime<Utc>,
    ) -> Result<Option<Document>, DbErr> {
        let division = &self.division;
        let find = places::find(db, division, now);
        let Some(places) = self.places.get(PLACES_EVERY, find).await? else { return Ok(None) };
        let day = places.business_day(now);
        if self.day.replace(day) != Some(day) {
            self.degraded.forget();
            self.hours.forget();
            self.past.forget();
            self.usual.forget();
            self.month_by_venue.forget();
            self.distinct.forget();
            self.instructors.forget();
        }
        let month = past::month_of(day);
        let distinct = async { Ok((people::distinct(db, division, month).await?, now)) };
        let (distinct, people_as_of) = *self.distinct.get(DISTINCT_EVERY, distinct).await?;
        let latest = self.latest_finder.find(db, division, places.venues.len(), now);
        let venues: Vec<VenueId> = places.venues.iter().map(|venue| venue.id).collect();
        let scope = Scope { division, day, venues: &venues };
        let parts = Parts {
            division,
            now,
            business_day: day,
            places,
            terminals: self
                .terminals
                .get(TERMINALS_EVERY, places::terminals(db, division, now))
                .await?,
            past: self.past.get(PAST_EVERY, past::days(db, division, day)).await?,
            usual: self
                .usual
                .get(USUAL_EVERY, past::usual_hours(db, division, day))
                .await?
                .as_ref(),
            month_by_venue: self
                .month_by_venue
                .get(RANKING_EVERY, past::month_by_venue(db, division, day))
                .await?,
            distinct,
            people_as_of,
            registered: self
                .registered
                .get(REGISTERED_EVERY, people::registered(db, division))
                .await?,
            instructors: *self
                .instructors
                .get(INSTRUCTORS_EVERY, instructors::count_active(db, division, day))
                .await?,
            latest: self.latest.get(LATEST_EVERY, latest).await?,
            life: self.life.get(LIFE_EVERY, life::find(db, division, now)).await?,
            hours: self.hours.get(HOURS_EVERY, hours(counters, db, &scope)).await?,
            // Last, so that nothing else is newer than the figures that move.
            today: &today(counters, &mut self.degraded, db, &scope, now).await?,
        };
        Ok(Some(assemble(&parts)))
    }
}

/// Today's figures: from the counters as they are now, or from SQL, a little old.
async fn today(
    counters: &Counters,
    degraded: &mut Paced<Today>,
    db: &DatabaseConnection,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Today, DbErr> {
    match figures::from_counters(counters, scope, now).await {
        Ok(today) => Ok(today),
        Err(Lost { rebuilding }) => {
            let figures = degraded.get(DEGRADED_EVERY, figures::from_sql(db, scope, now)).await?;
            Ok(Today { degraded: true, rebuilding, ..figures.clone() })
        }
    }
}

async fn hours(
    counters: &Counters,
    db: &DatabaseConnection,
    scope: &Scope<'_>,
) -> Result<Hours, DbErr> {
    match figures::hours_from_counters(counters, scope).await {
        Ok(hours) => Ok(hours),
        Err(Lost { .. }) => figures::hours_from_sql(db, scope).await,
    }
}
