//! What the tables hold after postings, kept in memory, so that the laws try the product's own
//! arithmetic of ledger and roll-ups. Adds where SQL adds; decides nothing.

use std::{collections::BTreeMap, sync::OnceLock};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{MemberDay, Posting, Stay, VenueDay};
use crate::{
    base::{
        ids::{MemberId, VenueId},
        keys::Keys,
    },
    minutes::{
        ledger,
        tables::{minute_entry, session},
        timeline::{Provenance, Timeline, Venues},
    },
};

/// Sessions, ledger, lock rows and roll-ups.
#[derive(Default)]
pub struct Books {
    pub sessions: BTreeMap<Uuid, session::Model>,
    pub ledger: Vec<minute_entry::Model>,
    pub rolled_up: RollUps,
    /// Version and state of the fold, of every member.
    timelines: BTreeMap<MemberId, (i64, String)>,
}

/// Sums by key; a row that is missing is one of zeros.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollUps {
    pub venue_days: BTreeMap<(Uuid, NaiveDate), VenueDay>,
    /// Visits and minutes of an hour of a venue's day.
    pub hours: BTreeMap<(Uuid, NaiveDate, i16), (i64, i64)>,
    /// Visits of a member at a venue in a month.
    pub months: BTreeMap<(Uuid, NaiveDate, Uuid), i64>,
    pub member_days: BTreeMap<(Uuid, NaiveDate), MemberDay>,
}

/// The keys of all books: MACs of rows are compared across them.
pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(Keys::generate)
}

impl Books {
    /// Writes a posting as the database would.
    pub fn write(&mut self, mut posting: Posting) {
        posting.count_people(&self.stays());
        self.rolled_up.add(&posting);
        self.sessions.extend(posting.sessions);
        self.ledger.extend(posting.ledger);
        let states = posting.timelines.into_values();
        self.timelines.extend(states.map(|row| (row.member, (row.version, row.state))));
    }

    /// How many sessions each member has at each venue on each day.
    fn stays(&self) -> BTreeMap<Stay, i64> {
        let mut stays = BTreeMap::new();
        for row in self.sessions.values().filter(|row| !row.void) {
            *stays.entry((row.member_id, row.business_day, row.venue_id)).or_default() += 1;
        }
        stays
    }

    /// The lock row of a member, as it is read under its lock.
    pub fn timeline(&self, member: MemberId) -> (i64, Timeline) {
        let Some((version, state)) = self.timelines.get(&member) else { return Default::default() };
        (*version, serde_json::from_str(state).expect("as it was written"))
    }

    pub fn sessions_of(&self, member: MemberId) -> BTreeMap<Uuid, session::Model> {
        let mine = self.sessions.iter().filter(|(_, row)| row.member_id == member.0);
        mine.map(|(id, row)| (*id, row.clone())).collect()
    }

    /// The roll-ups counted anew from the sessions that stand and from what was carried over,
    /// people by their ids alone, and the digests from the ledger's rows.
    pub fn counted_anew(&self, venues: &dyn Venues) -> RollUps {
        let mut posting = Posting::new(keys(), venues, DateTime::<Utc>::MIN_UTC, "fold");
        for row in self.sessions.values() {
            posting.session(None, row.clone());
        }
        for row in self.ledger.iter().filter(|row| row.session_id.is_none()) {
            let venue = venues.venue(VenueId(row.venue_id)).expect("known");
            let provenance = Provenance::parse(&row.provenance).expect("a word");
            posting.carry_over(
                MemberId(row.member_id),
                venue,
                row.business_day,
                row.minutes,
                provenance,
            );
        }
        let mut anew = Self::default();
        anew.write(posting);
        let mut anew = anew.rolled_up.undigested();
        for row in &self.ledger {
            let key = (row.venue_id, row.business_day);
            let day = anew.venue_days.entry(key).or_default();
            add(&mut day.digest, &keys().digest_summand(&ledger::mac(keys(), row)));
        }
        anew.without_zeros()
    }

    /// The roll-ups as they were kept, by differences.
    pub fn kept(&self) -> RollUps {
        self.rolled_up.clone().without_zeros()
    }
}

impl RollUps {
    fn add(&mut self, posting: &Posting) {
        for (key, change) in &posting.venue_days {
            let day = self.venue_days.entry(*key).or_default();
            day.visits += change.visits;
            day.people += change.people;
            add(&mut day.minutes, &change.minutes);
            add(&mut day.digest, &change.digest);
        }
        for (key, (visits, minutes)) in &posting.hours {
            let hour = self.hours.entry(*key).or_default();
            *hour = (hour.0 + visits, hour.1 + minutes);
        }
        for (key, visits) in &posting.months {
            *self.months.entry(*key).or_default() += visits;
        }
        for (key, change) in &posting.member_days {
            let day = self.member_days.entry(*key).or_default();
            day.visits += change.visits;
            add(&mut day.minutes, &change.minutes);
        }
    }

    /// Without the digests, which cover the ids of ledger rows and so differ from run to run.
    pub fn undigested(mut self) -> Self {
        self.venue_days.values_mut().for_each(|day| day.digest = [0; 8]);
        self.without_zeros()
    }

    fn without_zeros(mut self) -> Self {
        self.venue_days.retain(|_, day| *day != VenueDay::default());
        self.hours.retain(|_, hour| *hour != (0, 0));
        self.months.retain(|_, visits| *visits != 0);
        self.member_days.retain(|_, day| *day != MemberDay::default());
        self
    }
}

fn add<const N: usize>(to: &mut [i64; N], summands: &[i64; N]) {
    to.iter_mut().zip(summands).for_each(|(sum, summand)| *sum += summand);
}
