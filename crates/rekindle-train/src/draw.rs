//! Random numbers that depend on a place in training and on nothing drawn before.

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

impl Draw {
    /// The numbers of this place.
    pub(crate) fn stream(self) -> Stream {
        let Self { seed, epoch, step } = self;
        // Each number is mixed before the next joins, so that no two places meet by their sums.
        let first = |state| Random::from_state(state).bits();
        let place = [epoch, step]
            .into_iter()
            .fold(first(seed), |mixed, number| first(mixed ^ number as u64));
        Stream(Random::from_state(place))
    }
}

/// A sequence of random numbers.
pub(crate) struct Stream(Random);

impl Stream {
    /// From the interval `(0, 1)`, its ends excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.open_unit()
    }

    /// One of the numbers below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// From the distribution Beta(alpha, alpha), for an `alpha` greater than zero.
    pub(crate) fn beta(&mut self, alpha: f64) -> f64 {
        // The quotient of two Gamma's, by their logarithms: for small alphas both may be too small for an f64.
        let [x, y] = [(); 2].map(|()| self.0.gamma_logarithm(alpha));
        1.0 / (1.0 + (y - x).exp())
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
                    assert_eq!(draw.stream().0.bits(), draw.stream().0.bits());
                    first.push(draw.stream().0.bits());
                }
            }
        }
        let count = first.len();
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), count);
    }

    /// Shares below a few places, against `scipy.stats.beta(alpha, alpha).cdf`.
    #[test]
    fn betas_are_distributed_so() {
        let places = [0.01, 0.1, 0.3, 0.5];
        for (alpha, expected) in [
            (0.1, [0.320_308, 0.406_385, 0.462_804, 0.5]),
            (0.2, [0.209_778, 0.336_69, 0.433_204, 0.5]),
            (0.8, [0.020_717, 0.131_806, 0.324_061, 0.5]),
            (1.0, [0.01, 0.1, 0.3, 0.5]),
            (2.0, [0.000_298, 0.028, 0.216, 0.5]),
        ] {
            let mut stream = Draw { seed: 7, epoch: 0, step: 0 }.stream();
            let drawn: Vec<f64> = (0..40_000).map(|_| stream.beta(alpha)).collect();
            assert!(drawn.iter().all(|x| (0.0..=1.0).contains(x)), "{alpha}");
            for (place, expected) in places.into_iter().zip(expected) {
                let below = drawn.iter().filter(|&&x| x < place).count() as f64;
                let found = below / drawn.len() as f64;
                // Four standard deviations of such a share.
                assert!((found - expected).abs() < 0.01, "{alpha}, {place}: {found}, {expected}");
            }
        }
        // Too small for the Gamma's themselves.
        let mut stream = Draw { seed: 7, epoch: 0, step: 0 }.stream();
        assert!((0..1000).all(|_| stream.beta(1e-4).is_finite()));
    }

    #[test]
    fn below_reaches_all_and_no_more() {
        let mut stream = Stream(Random::from_state(1));
        let mut seen = [false; 7];
        (0..1000).for_each(|_| seen[stream.below(7)] = true);
        assert_eq!((seen, stream.below(1), stream.below(0)), ([true; 7], 0, 0));
    }
}
