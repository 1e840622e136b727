//! What is left of somebody who was erased: ids in sessions and ledger, and no name to them. The
//! venues' totals stand on the ids alone.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::{
    histories::{History, Places, history, places},
    recorder::Recorder,
};
use crate::{
    base::ids::{EventId, MemberId, VenueId},
    minutes::posting::books::RollUps,
    venues::sample::cases,
};

/// Minutes of an old platform: member, venue, how many.
type Past = (usize, u8, i32);

fn member(n: usize) -> MemberId {
    MemberId(Uuid::from_u128(1 + n as u128))
}

/// Gives each member's events ids of their own.
fn apart(n: usize, mut history: History) -> History {
    let own =
        |id: &mut EventId| *id = EventId(Uuid::from_u128(id.0.as_u128() + ((n as u128) << 32)));
    history.events.iter_mut().for_each(|event| own(&mut event.id));
    history.arrivals.iter_mut().for_each(|event| own(&mut event.id));
    history.facts.iter_mut().for_each(|fact| own(&mut fact.opener));
    history
}

/// The life of a town: everybody's records arrive in turn, and until `split` turns are over also
/// those of the one who then `goes`, about whom nothing is known afterwards: the doors do not know
/// their face, and nobody can state a fact.
struct Life<'a> {
    recorder: Recorder<'a>,
    town: &'a [History],
    goes: usize,
    clock: DateTime<Utc>,
}

impl<'a> Life<'a> {
    fn until(
        places: &'a Places,
        town: &'a [History],
        goes: usize,
        split: usize,
        past: &[Past],
    ) -> Self {
        let recorder = Recorder::new(places);
        let mut life = Self { recorder, town, goes, clock: DateTime::<Utc>::MIN_UTC };
        for (of, venue, minutes) in past {
            let venue = VenueId(Uuid::from_u128((*venue).into()));
            let at = town[0].events[0].occurred_at;
            life.recorder.carry_over(member(*of % town.len()), venue, at, *minutes);
        }
        life.turns(0..split, true);
        life
    }

    fn turns(&mut self, turns: std::ops::Range<usize>, all: bool) {
        for turn in turns {
            for (n, history) in self.town.iter().enumerate().filter(|(n, _)| all || *n != self.goes)
            {
                let Some(event) = history.arrivals.get(turn) else { continue };
                self.clock = self.clock.max(event.occurred_at);
                let facts = if turn % 4 == 2 { history.facts.as_slice() } else { &[] };
                self.recorder.take_of(member(n), std::slice::from_ref(event), facts, self.clock);
            }
        }
    }

    /// The town goes on without them, and all that is open ends in the end.
    fn goes_on(mut self, split: usize) -> Recorder<'a> {
        self.turns(split..usize::from(u8::MAX), false);
        for (n, history) in self.town.iter().enumerate().filter(|(n, _)| *n != self.goes) {
            self.recorder.take_of(member(n), &[], &history.facts, self.clock.max(history.now));
        }
        self.recorder.close_due(DateTime::<Utc>::MAX_UTC);
        self.recorder
    }
}

/// What venues count: the days, their hours, and in how many months how many people came.
fn of_venues(rolled_up: &RollUps) -> RollUps {
    RollUps { member_days: BTreeMap::default(), ..rolled_up.clone() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_21_erasing_a_member_leaves_the_totals_of_venues(
        town in vec(history(), 1..4), goes in 0..3_usize, split in 0..13_usize,
        past in vec((0..3_usize, 1..=5_u8, 1..500), 0..3),
    ) {
        let (places, goes) = (places(), goes % town.len());
        let town: Vec<History> =
            town.into_iter().enumerate().map(|(n, history)| apart(n, history)).collect();
        let mut erased = Life::until(&places, &town, goes, split, &past);
        let totals = of_venues(&erased.recorder.books.kept());
        erased.recorder.erase(member(goes));
        // What is left proves the totals, people and digests included, without a name.
        let left = erased.recorder.books.counted_anew(&places);
        prop_assert_eq!(&of_venues(&left), &totals);
        prop_assert_eq!(&of_venues(&erased.recorder.books.kept()), &totals);
        // And later it is as if they had only stayed away.
        let away = Life::until(&places, &town, goes, split, &past).goes_on(split).books;
        let gone = erased.goes_on(split).books;
        prop_assert_eq!(of_venues(&gone.kept().undigested()), of_venues(&away.kept().undigested()));
        prop_assert_eq!(gone.kept(), gone.counted_anew(&places));
        prop_assert!(gone.sessions.values().all(|session| session.void || session.left_at.is_some()));
    }
}
