//! Numbers: what is missing is filled and flagged, tails are drawn in, and each lies somewhere among quantiles.
//!
//! A number becomes, in this order:
//!
//! | numbers | hold |
//! |---|---|
//! | 1 | it by mean and deviation; where its tails are heavy, of its inverse hyperbolic sine, which far out is a logarithm |
//! | as many as there are bins | how far through each bin between quantiles of the training cells it is, from 0 to 1: piecewise linear encoding (Gorishniy et al. 2022, arXiv 2203.05556) |
//! | 1, where cells were missing in training | 1 for a missing one |

use rekindle_metrics::quantile;
use serde::{Deserialize, Serialize};

use crate::cell::{is_missing, number};

/// Most bins between quantiles.
pub const BINS: usize = 16;
/// Training cells a bin: fewer say little.
const OF_A_BIN: usize = 16;
/// The fourth standardized moment from which tails are heavy; 3 is a normal distribution's, 6 a Laplace distribution's.
const HEAVY: f64 = 6.0;
/// Larger ones count as missing in training: their squares are no numbers.
const LARGEST: f64 = 1e150;
/// How many deviations from the mean a number counts at most: what is further out was never seen.
pub(crate) const FAR: f64 = 10.0;

/// A number, with what was learned of the training cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinnedNumber {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 1 where all are the same.
    pub std: f64,
    /// Stands for a missing one: the median.
    pub fill: f64,
    /// Whether cells were missing in training, so that there is a flag for those.
    pub flagged: bool,
    /// How heavy tails are drawn in.
    pub squash: Option<Squash>,
    /// Ends of bins, rising: quantiles.
    pub edges: Vec<f64>,
}

/// `asinh((x - middle) / spread)`, and where its values lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squash {
    /// The median.
    pub middle: f64,
    /// A robust deviation: that of a normal distribution with the same quartiles.
    pub spread: f64,
    /// The mean of what comes out.
    pub mean: f64,
    /// Its deviation.
    pub std: f64,
}

impl BinnedNumber {
    /// By the cells; those without a number count as missing.
    pub(crate) fn learn<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let (mut found, mut all) = (Vec::new(), 0_usize);
        for cell in cells {
            all += 1;
            found.extend(number(cell).ok().filter(|x| x.abs() <= LARGEST));
        }
        found.sort_by(f64::total_cmp);
        let (mean, std) = moments(&found);
        let fill = if found.is_empty() { 0.0 } else { quantile(&found, 0.5) };
        Self {
            mean,
            std,
            fill,
            // Of nothing at all there is nothing to tell apart.
            flagged: found.len() < all && !found.is_empty(),
            squash: Squash::learn(&found, (mean, std)),
            edges: edges(&found),
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { mean, std, fill, squash, edges, .. } = self;
        let scale = |mean: f64, std: f64| match mean.is_finite() && std.is_finite() && std > 0.0 {
            true => Ok(()),
            false => Err(format!("mean {mean} and deviation {std} are none")),
        };
        scale(*mean, *std)?;
        if let Some(Squash { middle, spread, mean, std }) = squash {
            scale(*middle, *spread)?;
            scale(*mean, *std)?;
        }
        let rise = edges.windows(2).all(|pair| pair[0] < pair[1]);
        match fill.is_finite()
            && edges.len() <= BINS + 1
            && rise
            && edges.iter().all(|x| x.is_finite())
        {
            true => Ok(()),
            false => {
                Err("what it fills in, or the ends of its bins, are no numbers that rise"
                    .to_owned())
            }
        }
    }

    pub(crate) fn width(&self) -> usize {
        1 + self.edges.len().saturating_sub(1) + usize::from(self.flagged)
    }

    pub(crate) fn encode(&self, cell: &str, row: &mut Vec<f32>) -> Result<(), String> {
        let x = self.filled(cell)?;
        let scaled = match &self.squash {
            Some(squash) => squash.of(x),
            None => (x - self.mean) / self.std,
        };
        row.push(scaled.clamp(-FAR, FAR) as f32);
        let through = |ends: &[f64]| ((x - ends[0]) / (ends[1] - ends[0])).clamp(0.0, 1.0) as f32;
        row.extend(self.edges.windows(2).map(through));
        row.extend(self.flagged.then(|| f32::from(is_missing(cell))));
        Ok(())
    }

    /// By mean and deviation alone, as a linear regression takes it.
    pub(crate) fn linear(&self, cell: &str) -> Result<f32, String> {
        Ok(((self.filled(cell)? - self.mean) / self.std) as f32)
    }

    fn filled(&self, cell: &str) -> Result<f64, String> {
        if is_missing(cell) { Ok(self.fill) } else { number(cell) }
    }
}

impl Squash {
    /// Of sorted numbers, where their tails are heavy.
    fn learn(sorted: &[f64], (mean, std): (f64, f64)) -> Option<Self> {
        let fourth = sorted.iter().map(|x| ((x - mean) / std).powi(4)).sum::<f64>();
        if fourth / sorted.len().max(1) as f64 <= HEAVY {
            return None;
        }
        let middle = quantile(sorted, 0.5);
        // Quartiles of a normal distribution are 1.349 deviations apart.
        let quartiles = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.349;
        let mean_off = sorted.iter().map(|x| (x - middle).abs()).sum::<f64>() / sorted.len() as f64;
        let spread = if quartiles > 0.0 { quartiles } else { mean_off };
        let plain = Self { middle, spread, mean: 0.0, std: 1.0 };
        let squashed: Vec<f64> = sorted.iter().map(|x| plain.of(*x)).collect();
        let (mean, std) = moments(&squashed);
        Some(Self { mean, std, ..plain })
    }

    fn of(&self, x: f64) -> f64 {
        (((x - self.middle) / self.spread).asinh() - self.mean) / self.std
    }
}

/// Mean and standard deviation; a deviation of nothing is 1.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    if let Some(first) = values.first()
        && values.iter().all(|x| x == first)
    {
        return (*first, 1.0);
    }
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let std = variance.sqrt();
    (mean, if std > 0.0 && std.is_finite() { std } else { 1.0 })
}

/// The different ones of quantiles of sorted numbers; none where two would be the ends of all.
fn edges(sorted: &[f64]) -> Vec<f64> {
    let bins = BINS.min(sorted.len() / OF_A_BIN);
    let mut edges: Vec<f64> =
        (0..=bins).map(|bin| quantile(sorted, bin as f64 / bins.max(1) as f64)).collect();
    edges.dedup();
    if edges.len() < 3 { Vec::new() } else { edges }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(cells: &[String]) -> BinnedNumber {
        let code = BinnedNumber::learn(cells.iter().map(String::as_str));
        code.check().unwrap();
        code
    }

    fn encoded(code: &BinnedNumber, cell: &str) -> Vec<f32> {
        let mut row = Vec::new();
        code.encode(cell, &mut row).unwrap();
        assert_eq!(row.len(), code.width());
        row
    }

    #[test]
    fn numbers_lie_among_quantiles_and_missing_ones_are_filled_and_flagged() {
        let cells: Vec<String> = (0..=64).map(|x| x.to_string()).collect();
        let code = learned(&cells);
        assert_eq!((code.edges.clone(), code.flagged), (vec![0.0, 16.0, 32.0, 48.0, 64.0], false));
        assert_eq!(encoded(&code, "24")[1..], [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(encoded(&code, "1e9")[..], [10.0, 1.0, 1.0, 1.0, 1.0]);
        // Nothing was missing, so a missing one is the median.
        assert_eq!(encoded(&code, "NA"), encoded(&code, "32"));
        let code = learned(&[&cells[..], &[String::new(), "?".to_owned()]].concat());
        assert_eq!(encoded(&code, "")[..4], encoded(&code, "32")[..4]);
        assert_eq!((encoded(&code, "")[5], encoded(&code, "32")[5]), (1.0, 0.0));
        assert!(code.encode("x", &mut Vec::new()).unwrap_err().contains("`x` is no number"));
    }

    #[test]
    fn heavy_tails_are_drawn_in() {
        let even: Vec<String> = (0..200).map(|x| x.to_string()).collect();
        assert_eq!(learned(&even).squash, None);
        let heavy: Vec<String> =
            (0..200).map(|x| (f64::from(x) / 20.0).exp().to_string()).collect();
        let code = learned(&heavy);
        assert!(code.squash.is_some());
        let x: Vec<f64> = heavy.iter().map(|cell| f64::from(encoded(&code, cell)[0])).collect();
        let (mean, std) = moments(&x);
        assert!(mean.abs() < 1e-6 && (std - 1.0).abs() < 1e-6, "{mean} {std}");
        // The largest of 200 would be 5.7 deviations out.
        let most = x.iter().copied().fold(0.0, f64::max);
        assert!(most < 3.0, "{most}");
        // More than half of them zero, and a few far out.
        let counts: Vec<String> =
            (0..100).map(|x| (if x < 90 { 0 } else { x * x }).to_string()).collect();
        let code = learned(&counts);
        assert!(code.squash.is_some_and(|squash| squash.spread > 0.0));
    }

    #[test]
    fn columns_of_one_number_or_none_are_zero() {
        let code = learned(&["3.1".to_owned(), "3.1".to_owned(), "3.1".to_owned()]);
        assert_eq!(encoded(&code, "3.1"), [0.0]);
        let code = learned(&[String::new(), "NA".to_owned()]);
        assert_eq!((encoded(&code, ""), encoded(&code, "0")), (vec![0.0], vec![0.0]));
        let huge = learned(&["1e308".to_owned(), "-1e308".to_owned(), "1e308".to_owned()]);
        assert!(encoded(&huge, "1e308")[0].is_finite());
    }
}
