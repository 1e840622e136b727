//! What a correction may change: its own session, those that it overlaps, and the days that these
//! touch; in the product's own books.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::{prelude::*, sample::Index};
use uuid::Uuid;

use super::{
    folded,
    histories::{History, Places, history, places},
    recorder::Recorder,
    span,
};
use crate::{
    base::ids::VenueId,
    minutes::{
        posting::books::RollUps,
        timeline::{Fact, FactKind, Provenance, Session, Venues},
    },
    venues::sample::cases,
};

type Span = (DateTime<Utc>, DateTime<Utc>);

fn overlap(one: Span, other: Span) -> bool {
    one.0 < other.1 && other.0 < one.1
}

fn covered(correction: &Fact) -> Span {
    (correction.entered_at.expect("both times"), correction.left_at)
}

/// A correction that is stated last, and the history before it.
fn corrected(history: &History, which: Index) -> Option<(History, Fact)> {
    let mut facts: Vec<&Fact> = history.facts.iter().collect();
    facts.retain(|fact| fact.kind == FactKind::Corrected);
    let later =
        |fact: &Fact| facts.iter().any(|other| other.opener == fact.opener && other.n > fact.n);
    let last: Vec<&Fact> = facts.iter().copied().filter(|fact| !later(fact)).collect();
    let fact = (!last.is_empty()).then(|| (*which.get(&last)).clone())?;
    let mut before = history.clone();
    before.facts.retain(|other| *other != fact);
    Some((before, fact))
}

/// What a correction may touch: sessions by id, days of venues, days of the member.
#[derive(Default)]
struct Touched {
    sessions: BTreeSet<Uuid>,
    venue_days: BTreeSet<(Uuid, NaiveDate)>,
}

impl Touched {
    /// `stays` as they are without any correction of this session; `spans` are the corrected time
    /// and the one that it replaces.
    fn by(
        places: &Places,
        fact: &Fact,
        stays: &[Session],
        spans: &[Span],
        now: DateTime<Utc>,
    ) -> Self {
        let mut touched = Self::default();
        let day =
            |venue: VenueId, at| (venue.0, places.venue(venue).expect("known").business_day(at));
        for stay in stays {
            let own = stay.id.0 == fact.opener.0;
            // A stay that is open is there from its first instant on.
            let stayed = (
                stay.entered_at,
                span(stay, now).1.max(stay.entered_at + TimeDelta::milliseconds(1)),
            );
            let stayed = if stay.left_at.is_some() { span(stay, now) } else { stayed };
            for covered in spans.iter().filter(|covered| own || overlap(stayed, **covered)) {
                touched.sessions.insert(stay.id.0);
                touched.venue_days.insert(day(stay.venue, stay.entered_at));
                // The corrected stay begins where staff say; the others may begin where it ends.
                let begins = if own { covered.0 } else { covered.1 };
                touched.venue_days.insert(day(stay.venue, begins));
            }
        }
        touched
    }

    fn member_day(&self, day: NaiveDate) -> bool {
        self.venue_days.iter().any(|(_, touched)| *touched == day)
    }
}

/// The roll-ups without the days that may be touched: what is left must not change.
fn elsewhere(mut rolled_up: RollUps, touched: &Touched) -> RollUps {
    rolled_up.venue_days.retain(|day, _| !touched.venue_days.contains(day));
    rolled_up.hours.retain(|(venue, day, _), _| !touched.venue_days.contains(&(*venue, *day)));
    rolled_up.member_days.retain(|(_, day), _| !touched.member_day(*day));
    let month = |venue: Uuid, month: NaiveDate| {
        let in_month = |day: &NaiveDate| chrono::Datelike::with_day(day, 1) == Some(month);
        touched.venue_days.iter().any(|(of, day)| *of == venue && in_month(day))
    };
    rolled_up.months.retain(|(venue, of, _), _| !month(*venue, *of));
    rolled_up
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_18_a_correction_changes_its_own_session_those_it_overlaps_and_their_days(
        history in history(), which in any::<Index>(),
    ) {
        let places = places();
        let Some((before, fact)) = corrected(&history, which) else { return Ok(()) };
        let mut bare = before.clone();
        let of_it = |other: &Fact| other.kind == FactKind::Corrected && other.opener == fact.opener;
        bare.facts.retain(|other| !of_it(other));
        let replaced = before.facts.iter().filter(|other| of_it(other)).max_by_key(|other| other.n);
        let spans: Vec<Span> = replaced.into_iter().chain([&fact]).map(covered).collect();
        let mut stays = folded(&places, &bare).sessions;
        // A corrected stay exists whatever its opener does.
        let own = |stay: &Session| stay.id.0 == fact.opener.0;
        let after = folded(&places, &history);
        let missing = !stays.iter().any(own);
        stays.extend(after.sessions.iter().filter(|stay| missing && own(stay)).cloned());
        let touched = Touched::by(&places, &fact, &stays, &spans, history.now);

        let mut recorder = Recorder::new(&places);
        recorder.take(&before.arrivals, &before.facts, history.now);
        let (old, rows) = (recorder.folded(), recorder.books.ledger.len());
        let kept = recorder.books.kept();
        recorder.take(&[], std::slice::from_ref(&fact), history.now);
        prop_assert_eq!(recorder.folded(), after.clone());
        for session in after.changes(&old.sessions) {
            prop_assert!(touched.sessions.contains(&session.id.0), "{:?}", session);
        }
        prop_assert_eq!(old.effects, after.effects);
        for row in &recorder.books.ledger[rows..] {
            let session = row.session_id.expect("only folds here");
            prop_assert!(touched.sessions.contains(&session), "{:?}", row);
            prop_assert!(touched.venue_days.contains(&(row.venue_id, row.business_day)), "{:?}", row);
        }
        let now_kept = recorder.books.kept();
        prop_assert_eq!(&now_kept, &recorder.books.counted_anew(&places));
        prop_assert_eq!(elsewhere(now_kept, &touched), elsewhere(kept, &touched));
    }

    #[test]
    fn a_head_count_only_shortens_what_was_estimated_of_one_stay(
        history in history(), which in any::<Index>(), after_min in 0..240_i64,
    ) {
        let places = places();
        let event = which.get(&history.events);
        let left_at = event.occurred_at + TimeDelta::minutes(after_min);
        let (opener, kind) = (event.id, FactKind::Absent);
        let fact = Fact { opener, n: 9, kind, entered_at: None, left_at };
        let mut without = history.clone();
        without.facts.retain(|other| (other.opener, other.kind) != (opener, kind));
        // Whatever is open has ended by then: a fact would end it, too.
        without.now = DateTime::<Utc>::MAX_UTC;
        let mut with = without.clone();
        with.facts.push(fact);
        let (before, after) = (folded(&places, &without), folded(&places, &with));
        prop_assert_eq!(before.sessions.len(), after.sessions.len());
        prop_assert_eq!(before.effects, after.effects);
        for stay in &before.sessions {
            let same = after.sessions.iter().find(|other| other.id == stay.id).expect("as many");
            let is_estimated = stay.provenance == Some(Provenance::Estimated);
            if stay.id.0 == opener.0 && is_estimated {
                prop_assert!(same.minutes <= stay.minutes, "{:?} {:?}", stay, same);
                prop_assert_eq!(same.provenance, stay.provenance);
            } else {
                prop_assert_eq!(same, stay);
            }
        }
    }
}
