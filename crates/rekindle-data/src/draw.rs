//! What is drawn for whole batches: by a place in training, and by nothing drawn before.

use std::fmt::Debug;

use rekindle_base::Random;

/// A place in training: the same place draws the same numbers, in a run that is resumed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Of the run.
    pub seed: u64,
    /// Counted from zero.
    pub epoch: usize,
    /// Counted from zero in the epoch.
    pub step: usize,
}

/// What was mixed into the samples of a batch: others of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixed {
    /// For each sample, the place in the batch of the other.
    pub places: Vec<usize>,
    /// How much of each sample is the other's, in `[0, 1]`.
    pub share: f64,
}

/// What is drawn for a whole batch of training inputs on the host, such as mixup.
pub trait DrawBatch<B>: Debug + Send + Sync {
    /// Changes a batch as drawn at a place in training, and says what was mixed into it.
    fn draw(&self, batch: &mut B, draw: Draw) -> Option<Mixed>;

    /// Whether nothing is ever drawn.
    fn is_none(&self) -> bool;

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    fn check(&self) -> Result<(), String>;

    /// All that it depends on, as [`canonical`](crate::canonical) text.
    fn describe(&self) -> String;
}

impl Draw {
    /// The numbers of this place.
    pub fn random(self) -> Random {
        let Self { seed, epoch, step } = self;
        // Each number is mixed before the next joins, so that no two places meet by their sums.
        let first = |state| Random::from_state(state).bits();
        let place = [epoch, step]
            .into_iter()
            .fold(first(seed), |mixed, number| first(mixed ^ number as u64));
        Random::from_state(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_differ_and_repeat() {
        let mut first = Vec::new();
        for seed in 0..4 {
            for epoch in 0..8 {
                for step in 0..32 {
                    let draw = Draw { seed, epoch, step };
                    assert_eq!(draw.random().bits(), draw.random().bits());
                    first.push(draw.random().bits());
                }
            }
        }
        let count = first.len();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), count);
    }
}
