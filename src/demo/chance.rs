//! Seeded chance: the same seed gives the same draws on every machine and release.
//! It stands on the raw stream of `ChaCha8` alone, because the ranges and shuffles of `rand` may
//! draw differently from one release to the next.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// One stream of draws. Streams of one seed are independent of each other, so that a change in how
/// the members are drawn leaves the visits' draws alone.
pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number from 0 to `bound` − 1; 0 for a bound of 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included; at most 2³² apart.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u32::try_from(high - low + 1).unwrap_or(u32::MAX);
        low + i64::from(self.below(span))
    }

    /// Whether something happens that happens `permille` times in a thousand.
    pub fn happens(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }

    /// A position in a list of `len`.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(u32::try_from(len).unwrap_or(u32::MAX)) as usize
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// A position in `weights`, each as likely as its weight; the last for weights of 0 only.
    pub fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let mut rest = self.below(weights.clone().sum());
        let mut last = 0;
        for (position, weight) in weights.enumerate() {
            if rest < weight {
                return position;
            }
            rest -= weight;
            last = position;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_draws_for_ever() {
        let mut chance = Chance::new(7, 1);
        let drawn: Vec<u32> = (0..6).map(|_| chance.below(1000)).collect();
        let mut again = Chance::new(7, 1);
        assert_eq!(drawn, (0..6).map(|_| again.below(1000)).collect::<Vec<_>>());
        let mut other = Chance::new(7, 2);
        assert_ne!(drawn, (0..6).map(|_| other.below(1000)).collect::<Vec<_>>());
    }

    #[test]
    fn weights_are_respected() {
        let mut chance = Chance::new(1, 1);
        let weights = [0, 3, 0, 1];
        let mut seen = [0_u32; 4];
        for _ in 0..4000 {
            seen[chance.weighted(weights.into_iter())] += 1;
        }
        assert_eq!((seen[0], seen[2]), (0, 0));
        assert!((2800..3200).contains(&seen[1]), "{seen:?}");
    }
}
