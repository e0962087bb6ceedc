//! Random numbers by counting: any draw can be had from (seed, epoch, index) alone.
//!
//! splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014, figure 16). A stream belongs to
//! one picture in one epoch, so that no number depends on which thread draws it, or on what was drawn before.

/// The stream of random numbers of one index in one epoch.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

/// The golden ratio in 64 bits, splitmix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of `index` in `epoch` under `seed`.
    pub fn new(seed: u64, epoch: u64, index: u64) -> Self {
        let fold =
            |state: u64, part: u64| mix(state.wrapping_add(STEP) ^ mix(part.wrapping_add(STEP)));
        Self { state: fold(fold(fold(0, seed), epoch), index) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number in `[0, 1)`, of 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in `[low, high)`, or `low` where they are equal.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `bound`, or 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of the product: even to within 2^-64 of `bound`.
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// A number of the normal distribution of mean 0 and variance 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A number of the gamma distribution of scale 1 and a `shape` above 0 (Marsaglia and Tsang, "A simple method for
    /// generating gamma variables", 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // Section 6 of the paper.
            return self.gamma(shape + 1.0) * (1.0 - self.unit()).powf(shape.recip());
        }
        let d = shape - 1.0 / 3.0;
        let c = (9.0 * d).sqrt().recip();
        loop {
            let normal = self.normal();
            let v = (1.0 + c * normal).powi(3);
            let bound = normal * normal / 2.0 + d - d * v + d * v.ln();
            if v > 0.0 && (1.0 - self.unit()).ln() < bound {
                return d * v;
            }
        }
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_splitmix64() {
        // The first outputs for seed 1234567, as published with the reference C code.
        let mut random = Random { state: 1_234_567 };
        for expected in
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        {
            assert_eq!(random.bits(), expected);
        }
    }

    #[test]
    fn streams_differ_by_each_of_their_three_numbers() {
        let first = |seed, epoch, index| Random::new(seed, epoch, index).bits();
        let mut seen: Vec<u64> =
            (0..1000).map(|number| first(number / 100, number / 10 % 10, number % 10)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
        assert_eq!(first(1, 2, 3), first(1, 2, 3));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut random = Random::new(0, 0, 0);
        let mut counts = [0; 10];
        (0..10_000).for_each(|_| counts[random.below(10)] += 1);
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
        let mean = (0..10_000).map(|_| random.between(2.0, 4.0)).sum::<f64>() / 10_000.0;
        assert!((mean - 3.0).abs() < 0.03, "{mean}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn normal_and_gamma_numbers_have_their_mean_and_variance() {
        let moments = |mut draw: Box<dyn FnMut() -> f64>| {
            let draws: Vec<f64> = (0..20_000).map(|_| draw()).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0)
        };
        let mut random = Random::new(0, 0, 0);
        let (mean, variance) = moments(Box::new(move || random.normal()));
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        for shape in [0.3, 1.0, 4.5] {
            let mut random = Random::new(1, 0, 0);
            let (mean, variance) = moments(Box::new(move || random.gamma(shape)));
            let off = [(mean - shape) / shape, (variance - shape) / shape];
            assert!(off.iter().all(|off| off.abs() < 0.1), "{shape}: {mean} {variance}");
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::new(7, 0, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
