//! Which quantiles a forecast has, and those of the normal distribution.

use crate::Error;
use crate::error::config;

/// Most quantiles of a forecast.
pub const MAX_QUANTILES: usize = 101;

/// The quantiles of a forecast, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles {
    shares: Vec<f64>,
    /// Those of the normal distribution of mean 0 and variance 1.
    normal: Vec<f64>,
}

impl Quantiles {
    /// These quantiles, each once.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] unless each is above 0 and below 1, or if there are more than [`MAX_QUANTILES`].
    pub fn new(shares: &[f64]) -> Result<Self, Error> {
        let mut shares = shares.to_vec();
        if let Some(wrong) = shares.iter().find(|share| !(**share > 0.0 && **share < 1.0)) {
            let problem = format!("{wrong} is no quantile; ask for some above 0 and below 1");
            return Err(config("quantiles", problem));
        }
        if shares.len() > MAX_QUANTILES {
            let problem = format!("more than the limit of {MAX_QUANTILES}; ask for fewer");
            return Err(config("quantiles", problem));
        }
        shares.sort_by(f64::total_cmp);
        shares.dedup();
        let normal = shares.iter().map(|share| normal_quantile(*share)).collect();
        Ok(Self { shares, normal })
    }

    /// The middle, and the ends of intervals of these levels, such as 0.8 and 0.95.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn of_levels(levels: &[f64]) -> Result<Self, Error> {
        if let Some(wrong) = levels.iter().find(|level| !(**level > 0.0 && **level < 1.0)) {
            let problem =
                format!("{wrong} is no level; ask for some above 0 and below 1, such as 0.95");
            return Err(config("levels", problem));
        }
        let ends = levels.iter().flat_map(|level| Self::ends(*level));
        Self::new(&ends.chain([0.5]).collect::<Vec<_>>())
    }

    /// Which quantiles an interval of a level lies between.
    pub fn ends(level: f64) -> [f64; 2] {
        // As they are written: (1 - 0.95) / 2 is not quite 0.025.
        let tail = ((1.0 - level) / 2.0 * 1e9).round() / 1e9;
        [tail, ((1.0 - tail) * 1e9).round() / 1e9]
    }

    /// The quantiles.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Where a quantile stands among them.
    pub fn position(&self, share: f64) -> Option<usize> {
        self.shares.iter().position(|other| (other - share).abs() < 1e-9)
    }

    /// The same of the normal distribution of mean 0 and variance 1.
    pub(crate) fn normal(&self) -> &[f64] {
        &self.normal
    }
}

/// The quantile of the normal distribution of mean 0 and variance 1, to the last digits.
pub fn normal_quantile(share: f64) -> f64 {
    // By symmetry within the lower half, where nothing is lost to 1.
    if share == 0.5 {
        return 0.0;
    }
    if share > 0.5 {
        return -normal_quantile(1.0 - share);
    }
    let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
    let (mut low, mut high) = (-40.0, 0.0);
    let mut x = -1.0;
    for _ in 0..100 {
        let found = below(x);
        if found < share {
            low = x
        } else {
            high = x
        }
        // Newton's step on the logarithm, which is nearly a parabola, unless it leaves what is known.
        let density = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let next = x - (found.ln() - share.ln()) * found / density;
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        if (next - x).abs() < 1e-15 * x.abs().max(1.0) {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python's `statistics.NormalDist().inv_cdf`.
    #[test]
    fn quantiles_are_pythons() {
        for (share, expected) in [
            (0.5, 0.0),
            (0.025, -1.959_963_984_540_054_5),
            (0.975, 1.959_963_984_540_053_6),
            (0.1, -1.281_551_565_544_600_4),
            (1e-10, -6.361_340_902_404_056),
            (0.4, -0.253_347_103_135_799_7),
        ] {
            let found = normal_quantile(share);
            assert!((found - expected).abs() < 1e-13 * expected.abs().max(1.0), "{share}: {found}");
        }
    }

    #[test]
    fn levels_are_quantiles() {
        let found = Quantiles::of_levels(&[0.95, 0.8, 0.8]).unwrap();
        assert_eq!(found.shares(), [0.025, 0.1, 0.5, 0.9, 0.975]);
        assert_eq!(found.position(0.9), Some(3));
        for (levels, expected) in [([0.0], "0 is no level"), ([95.0], "95 is no level")] {
            let error = Quantiles::of_levels(&levels).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Quantiles::new(&[1.0]).is_err() && Quantiles::new(&[0.5; 200]).is_err());
    }
}
