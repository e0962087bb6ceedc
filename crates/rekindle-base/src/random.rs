//! Random numbers by counting: any stream can be had from a few numbers, whatever was drawn before, on any thread.
//!
//! SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 16).

/// What SplitMix64 counts by: 2^64 divided by the golden ratio, made odd.
pub const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers.
///
/// Saved runs and goldens depend on every bit of every method here: none may ever draw another number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of `index` in `epoch` under `seed`.
    pub fn new(seed: u64, epoch: u64, index: u64) -> Self {
        let fold =
            |state: u64, part: u64| mix(state.wrapping_add(STEP) ^ mix(part.wrapping_add(STEP)));
        Self { state: fold(fold(fold(0, seed), epoch), index) }
    }

    /// SplitMix64 itself, started at `state`.
    pub fn from_state(state: u64) -> Self {
        Self { state }
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

    /// A number in `(0, 1)`, of 52 bits: one that has a logarithm, and so has its distance from 1.
    pub fn open_unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// A number of the distribution Beta(alpha, alpha), for an `alpha` greater than zero.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        // The quotient of two Gamma's, by their logarithms: for small alphas both may be too small for an f64.
        let [x, y] = [(); 2].map(|()| self.gamma_logarithm(alpha));
        1.0 / (1.0 + (y - x).exp())
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

    /// A number of the normal distribution of mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        let radius = 1.0 - self.unit();
        box_muller(radius, self.unit())
    }

    /// A number of the gamma distribution of scale 1 and a `shape` above 0.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let unit = |random: &mut Self| 1.0 - random.unit();
        if shape < 1.0 {
            // Section 6 of the paper.
            return self.gamma(shape + 1.0) * unit(self).powf(shape.recip());
        }
        let [d, v] = self.marsaglia_tsang(shape, Self::normal, unit);
        d * v
    }

    /// The logarithm of a number of the gamma distribution, for shapes so small that the number itself may be zero
    /// in an `f64`. It is made of open units throughout, and so of other numbers than [`gamma`](Self::gamma).
    pub fn gamma_logarithm(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            return self.gamma_logarithm(shape + 1.0) + self.open_unit().ln() / shape;
        }
        let normal = |random: &mut Self| {
            let radius = random.open_unit();
            box_muller(radius, random.open_unit())
        };
        let [d, v] = self.marsaglia_tsang(shape, normal, Self::open_unit);
        d.ln() + v.ln()
    }

    /// The factors of a number of the gamma distribution, for a shape of at least 1 (Marsaglia and Tsang, "A simple
    /// method for generating gamma variables", 2000).
    fn marsaglia_tsang(
        &mut self,
        shape: f64,
        normal: fn(&mut Self) -> f64,
        unit: fn(&mut Self) -> f64,
    ) -> [f64; 2] {
        let d = shape - 1.0 / 3.0;
        let c = (9.0 * d).sqrt().recip();
        loop {
            let x = normal(self);
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && unit(self).ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return [d, v];
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

/// SplitMix64's finalizer, a bijection of the 64-bit words.
pub fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A normal number of two units, the first of them above 0 (Box and Muller, 1958).
fn box_muller(radius: f64, angle: f64) -> f64 {
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests;
