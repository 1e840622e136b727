//! What a terminal's record numbers tell: how far everything has arrived, and where holes are.
//!
//! Only the newest epoch is followed: an older one's counter is gone, so nobody can say where it
//! ended, and the state stays a function of the set of records, whatever order they came in.

/// Holes that are told apart; the record keys in SQL know every number all the same.
const GAPS_MAX: usize = 1000;

/// The numbers of the newest epoch that have their keys: 1 to `highest_seq` but for the gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub epoch: i64,
    /// 0 before the first record.
    pub highest_seq: i64,
    /// Rising, apart from each other, all below `highest_seq`.
    gaps: Vec<Gap>,
}

/// Numbers that have not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    first: i64,
    last: i64,
    /// Some of these numbers may have come: gaps were merged to keep their number bounded.
    blurred: bool,
}

/// Whether a record's key can be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// No key can exist: nothing to look up.
    New,
    /// Only the keys know.
    MaybeKnown,
}

impl Progress {
    /// Reads what is stored of a terminal; `gaps` as [`Progress::gaps_text`] writes it. Gaps that
    /// cannot be read are taken for one great doubt: every record is looked up and asked for again.
    pub fn parse(epoch: i64, highest_seq: i64, gaps: &str) -> Self {
        let all = Gap { first: 1, last: highest_seq - 1, blurred: true };
        let gaps = read_gaps(highest_seq, gaps)
            .unwrap_or_else(|| Some(all).filter(|gap| gap.first <= gap.last).into_iter().collect());
        Self { epoch, highest_seq, gaps }
    }

    /// The gaps as JSON, `[[epoch, first, last, blurred], …]`, at most a thousand.
    pub fn gaps_text(&self) -> String {
        let rows: Vec<_> =
            self.gaps.iter().map(|g| (self.epoch, g.first, g.last, g.blurred)).collect();
        serde_json::to_string(&rows).expect("numbers are always JSON")
    }

    /// The number up to which everything of the newest epoch has come; 0 if its first has not.
    pub fn acked_seq(&self) -> i64 {
        self.gaps.first().map_or(self.highest_seq, |gap| gap.first - 1)
    }

    /// (epoch, seq) up to which every record has its key; none before the first record.
    pub fn ack_through(&self) -> Option<(i64, i64)> {
        (self.highest_seq > 0).then(|| (self.epoch, self.acked_seq()))
    }

    /// How many numbers have not come; where gaps were merged, at most so many.
    pub fn missing(&self) -> i64 {
        self.gaps.iter().map(|gap| gap.last - gap.first + 1).sum()
    }

    /// Takes what has not come for lost, and answers how many numbers that were. A record that
    /// comes all the same is looked up by its key, as any other below the highest, and taken.
    pub fn give_up(&mut self) -> i64 {
        let missing = self.missing();
        self.gaps.clear();
        missing
    }

    /// (epoch, seq) of the first hole, where something beyond it has come.
    pub fn resend_from(&self) -> Option<(i64, i64)> {
        self.gaps.first().map(|gap| (self.epoch, gap.first))
    }

    /// Whether a record's key can be there, without taking the record in.
    pub fn novelty(&self, epoch: i64, seq: i64) -> Absorbed {
        if self.begins(epoch) || (epoch == self.epoch && seq > self.highest_seq) {
            return Absorbed::New;
        }
        match self.gap_with(epoch, seq) {
            Some(at) if !self.gaps[at].blurred => Absorbed::New,
            Some(_) | None => Absorbed::MaybeKnown,
        }
    }

    /// Takes in that a record has its key; both numbers are at least 0 and `seq` at least 1.
    /// Answers whether the key could have been there before.
    pub fn absorb(&mut self, epoch: i64, seq: i64) -> Absorbed {
        let novelty = self.novelty(epoch, seq);
        if self.begins(epoch) {
            *self = Self { epoch, highest_seq: 0, gaps: Vec::new() };
        }
        if epoch == self.epoch && seq > self.highest_seq {
            if seq > self.highest_seq + 1 {
                let (first, last) = (self.highest_seq + 1, seq - 1);
                self.gaps.push(Gap { first, last, blurred: false });
            }
            self.highest_seq = seq;
        } else if let Some(at) = self.gap_with(epoch, seq) {
            self.take_out(at, seq);
        }
        self.blur();
        novelty
    }

    /// Whether this epoch's first record is yet to come.
    fn begins(&self, epoch: i64) -> bool {
        self.highest_seq == 0 || epoch > self.epoch
    }

    fn gap_with(&self, epoch: i64, seq: i64) -> Option<usize> {
        let at = self.gaps.partition_point(|gap| gap.last < seq);
        let holds = |gap: &Gap| epoch == self.epoch && gap.first <= seq;
        self.gaps.get(at).filter(|gap| holds(gap)).map(|_| at)
    }

    /// A number of this gap has come; what is left on either side stays a gap.
    fn take_out(&mut self, at: usize, seq: i64) {
        let gap = self.gaps[at];
        let below = (gap.first < seq).then_some(Gap { last: seq - 1, ..gap });
        let above = (seq < gap.last).then(|| Gap { first: seq + 1, ..gap });
        self.gaps.splice(at..=at, below.into_iter().chain(above));
    }

    /// Keeps the gaps bounded. The highest are merged: the lowest decide what is acknowledged,
    /// and nothing is acknowledged that has not come, since a merged gap closes only number by
    /// number, as the terminal sends it again.
    fn blur(&mut self) {
        while self.gaps.len() > GAPS_MAX {
            let Some(last) = self.gaps.pop() else { return };
            if let Some(before) = self.gaps.last_mut() {
                *before = Gap { last: last.last, blurred: true, ..*before };
            }
        }
    }
}

fn read_gaps(highest_seq: i64, text: &str) -> Option<Vec<Gap>> {
    let rows: Vec<(i64, i64, i64, bool)> = serde_json::from_str(text).ok()?;
    let rows = rows.into_iter();
    let gaps: Vec<Gap> =
        rows.map(|(_, first, last, blurred)| Gap { first, last, blurred }).collect();
    let apart = gaps.windows(2).all(|pair| pair[0].last < pair[1].first);
    let inside = gaps.iter().all(|g| g.first >= 1 && g.first <= g.last && g.last < highest_seq);
    (apart && inside).then_some(gaps)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn after(records: &[(i64, i64)]) -> Progress {
        let mut progress = Progress::default();
        for (epoch, seq) in records {
            progress.absorb(*epoch, *seq);
        }
        progress
    }

    #[test]
    fn nothing_is_acknowledged_before_the_first_record() {
        assert_eq!(Progress::default().ack_through(), None);
        assert_eq!(Progress::default().resend_from(), None);
    }

    #[test]
    fn a_hole_stops_the_acknowledgement_and_is_asked_for() {
        let mut progress = after(&[(1, 1), (1, 2), (1, 5)]);
        assert_eq!(progress.ack_through(), Some((1, 2)));
        assert_eq!(progress.resend_from(), Some((1, 3)));
        assert_eq!(progress.absorb(1, 4), Absorbed::New);
        assert_eq!(progress.absorb(1, 4), Absorbed::MaybeKnown);
        assert_eq!(progress.absorb(1, 3), Absorbed::New);
        assert_eq!(progress.ack_through(), Some((1, 5)));
        assert_eq!(progress.resend_from(), None);
    }

    #[test]
    fn what_is_given_up_is_waited_for_no_more_and_taken_if_it_comes() {
        let mut progress = after(&[(1, 1), (1, 4), (1, 9)]);
        assert_eq!(progress.give_up(), 6);
        assert_eq!((progress.missing(), progress.resend_from()), (0, None));
        assert_eq!(progress.ack_through(), Some((1, 9)));
        assert_eq!(progress.absorb(1, 3), Absorbed::MaybeKnown, "its key decides");
        assert_eq!(progress.absorb(1, 11), Absorbed::New);
        assert_eq!(progress.missing(), 1, "what is lost later is missing again");
        assert_eq!(progress.give_up(), 1);
        assert_eq!(progress.give_up(), 0);
    }

    #[test]
    fn a_new_epoch_starts_again_at_one() {
        let mut progress = after(&[(0, 1), (0, 9)]);
        assert_eq!(progress.absorb(7, 2), Absorbed::New);
        assert_eq!(progress.ack_through(), Some((7, 0)));
        assert_eq!(progress.resend_from(), Some((7, 1)));
        assert_eq!(progress.absorb(0, 5), Absorbed::MaybeKnown);
        assert_eq!(progress.absorb(7, 1), Absorbed::New);
        assert_eq!(progress.ack_through(), Some((7, 2)));
    }

    #[test]
    fn the_greatest_number_is_one_like_any_other() {
        let mut progress = after(&[(i64::MAX, i64::MAX)]);
        assert_eq!(progress.resend_from(), Some((i64::MAX, 1)));
        assert_eq!(progress.absorb(i64::MAX, i64::MAX - 1), Absorbed::New);
        assert_eq!(progress.absorb(i64::MAX, i64::MAX), Absorbed::MaybeKnown);
    }

    #[test]
    fn too_many_holes_blur_but_nothing_missing_is_ever_acknowledged() {
        let holes = i64::try_from(GAPS_MAX).unwrap() + 500;
        let mut progress = Progress::default();
        for n in 1..=holes {
            progress.absorb(1, 2 * n);
        }
        assert_eq!(progress.gaps.len(), GAPS_MAX);
        assert_eq!(progress.novelty(1, 2 * holes - 1), Absorbed::MaybeKnown);
        for n in 1..2 * holes {
            assert!(n % 2 == 0 || progress.acked_seq() < n);
            progress.absorb(1, n);
            assert!(progress.acked_seq() >= n);
        }
        assert_eq!(progress.ack_through(), Some((1, 2 * holes)));
        assert_eq!(progress.resend_from(), None);
    }

    #[test]
    fn gaps_that_cannot_be_read_are_doubted_until_all_has_come_again() {
        for text in ["", "[1]", "[[1,0,2,false]]", "[[1,3,2,false]]", "[[1,2,9,false]]"] {
            let mut progress = Progress::parse(1, 3, text);
            assert_eq!(progress.resend_from(), Some((1, 1)), "{text}");
            assert_eq!(progress.absorb(1, 1), Absorbed::MaybeKnown);
            assert_eq!(progress.absorb(1, 2), Absorbed::MaybeKnown);
            assert_eq!(progress.ack_through(), Some((1, 3)));
        }
        assert_eq!(Progress::parse(0, 0, "[]"), Progress::default());
        assert_eq!(Progress::parse(0, 0, ""), Progress::default());
    }

    prop_compose! {
        fn history()(
            records in prop::collection::vec((0..3_i64, 1..20_i64), 1..60),
        )(
            shuffled in Just(records.clone()).prop_shuffle(),
            doubled in prop::sample::subsequence(records.clone(), 0..=records.len()),
            records in Just(records),
        ) -> (Vec<(i64, i64)>, Vec<(i64, i64)>) {
            (records, shuffled.into_iter().chain(doubled).collect())
        }
    }

    proptest! {
        #[test]
        fn order_and_duplicates_do_not_matter((records, again) in history()) {
            prop_assert_eq!(after(&records), after(&again));
        }

        #[test]
        fn an_acknowledgement_never_passes_a_missing_number((records, _) in history()) {
            let mut progress = Progress::default();
            let mut come = BTreeSet::new();
            for (epoch, seq) in records {
                let novelty = progress.absorb(epoch, seq);
                let fresh = come.insert((epoch, seq));
                prop_assert!(fresh || novelty == Absorbed::MaybeKnown);
                let (newest, _) = *come.last().unwrap();
                let has = |n: i64| come.contains(&(newest, n));
                let through = (1..20).take_while(|n| has(*n)).last().unwrap_or(0);
                prop_assert_eq!(progress.ack_through(), Some((newest, through)));
                let beyond = come.last().unwrap().1 > through;
                prop_assert_eq!(progress.resend_from(), beyond.then_some((newest, through + 1)));
                let stored =
                    Progress::parse(progress.epoch, progress.highest_seq, &progress.gaps_text());
                prop_assert_eq!(&stored, &progress);
            }
        }
    }
}
