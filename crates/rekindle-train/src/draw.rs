//! Random numbers that depend on a place in training and on nothing drawn before.
//!
//! SplitMix64 of Steele, Lea & Flood 2014, <https://doi.org/10.1145/2660193.2660195>.

use std::f64::consts::TAU;

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
        let place = [epoch, step]
            .into_iter()
            .fold(Stream(seed).bits(), |mixed, number| Stream(mixed ^ number as u64).bits());
        Stream(place)
    }
}

/// A sequence of random numbers.
pub(crate) struct Stream(u64);

impl Stream {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From the interval `(0, 1)`, its ends excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// One of the numbers below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((self.uniform() * count as f64) as usize).min(count.saturating_sub(1))
    }

    /// From the distribution Beta(alpha, alpha), for an `alpha` greater than zero.
    pub(crate) fn beta(&mut self, alpha: f64) -> f64 {
        // The quotient of two Gamma's, by their logarithms: for small alphas both may be too small for an f64.
        let [x, y] = [(); 2].map(|()| self.log_gamma(alpha));
        1.0 / (1.0 + (y - x).exp())
    }

    /// The logarithm of a number from Gamma(alpha, 1). Marsaglia & Tsang 2000,
    /// <https://doi.org/10.1145/358407.358414>.
    fn log_gamma(&mut self, alpha: f64) -> f64 {
        if alpha < 1.0 {
            return self.log_gamma(alpha + 1.0) + self.uniform().ln() / alpha;
        }
        let d = alpha - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d.ln() + v.ln();
            }
        }
    }

    /// From the standard normal distribution, after Box & Muller 1958.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference implementation for the seed 1234567.
    #[test]
    fn bits_are_the_references() {
        let mut stream = Stream(1_234_567);
        for expected in
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        {
            assert_eq!(stream.bits(), expected);
        }
    }

    #[test]
    fn places_differ_and_repeat() {
        let mut first = Vec::new();
        for seed in 0..4 {
            for epoch in 0..8 {
                for step in 0..32 {
                    let draw = Draw { seed, epoch, step };
                    assert_eq!(draw.stream().bits(), draw.stream().bits());
                    first.push(draw.stream().bits());
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
        let mut stream = Stream(1);
        let mut seen = [false; 7];
        (0..1000).for_each(|_| seen[stream.below(7)] = true);
        assert_eq!((seen, stream.below(1), stream.below(0)), ([true; 7], 0, 0));
    }
}
