//! How sure a metric is: percentile intervals of the bootstrap. Efron & Tibshirani 1993, chapter 13.

use rekindle_base::Random;
use serde::{Deserialize, Serialize};

use crate::{Predictions, values::nullable};

/// Where a metric lies, at some level of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A metric and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The metric itself.
    #[serde(with = "nullable")]
    pub value: f64,
    /// The lower end of its confidence interval.
    #[serde(with = "nullable")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "nullable")]
    pub high: f64,
    /// The interval's level of confidence, such as 0.95.
    pub level: f64,
}

impl Estimate {
    /// A metric with its interval at a level.
    pub fn new(value: f64, Interval { low, high }: Interval, level: f64) -> Self {
        Self { value, low, high, level }
    }
}

/// The quantile of the normal distribution that leaves 2.5% above it.
const Z: f64 = 1.959_963_984_540_054;

/// Resamples of an interval.
const RESAMPLES: usize = 1000;

/// The interval of a statistic of `examples` examples, which is asked for by the places of a resample.
///
/// The same examples always give the same interval. Resamples that have no such statistic (NaN) do not count; where none has,
/// neither end is a number.
///
/// # Panics
///
/// Unless `level` is in `(0, 1)`.
pub fn bootstrap(examples: usize, level: f64, statistic: impl Fn(&[usize]) -> f64) -> Interval {
    assert!(level > 0.0 && level < 1.0, "a level of {level}");
    let mut random = Random::from_state(0);
    let mut places = vec![0; examples];
    let mut found: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            places.fill_with(|| random.below(examples));
            statistic(&places)
        })
        .collect();
    found.retain(|value| !value.is_nan());
    found.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Interval { low: quantile(&found, tail), high: quantile(&found, 1.0 - tail) }
}

/// The quantile of values in ascending order: linear between neighbors, as numpy's `quantile`; NaN of none.
///
/// # Panics
///
/// Unless `share` is in `[0, 1]`.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    assert!((0.0..=1.0).contains(&share), "a quantile of {share}");
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// The interval of the accuracy at 95%: [`share_interval`] of the hits.
pub fn accuracy_interval(predictions: &Predictions) -> Interval {
    share_interval(&predictions.hits(1))
}

/// The interval at 95% of the share of hits: by the bootstrap, or by Wilson's where that says nothing, since all or
/// none are hits.
pub fn share_interval(hits: &[bool]) -> Interval {
    let right = hits.iter().filter(|hit| **hit).count();
    if right == 0 || right == hits.len() {
        return wilson(right, hits.len());
    }
    let share = |places: &[usize]| {
        places.iter().filter(|&&place| hits[place]).count() as f64 / places.len().max(1) as f64
    };
    bootstrap(hits.len(), 0.95, share)
}

/// The interval at 95% of a share, from counts alone. Wilson 1927. Of no examples it is all there is.
pub fn wilson(right: usize, examples: usize) -> Interval {
    if examples == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let (count, square) = (examples as f64, Z * Z);
    let share = right as f64 / count;
    let middle = share + square / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
    let of = |end: f64| (end / (1.0 + square / count)).clamp(0.0, 1.0);
    // Rounding leaves neither end quite where it is known to be.
    Interval {
        low: if right == 0 { 0.0 } else { of(middle - half) },
        high: if right == examples { 1.0 } else { of(middle + half) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.binomtest(right, examples).proportion_ci(0.95, method="wilson")`.
    #[test]
    fn wilsons_interval_is_scipys() {
        for (right, examples, low, high) in [
            (2, 2, 0.342_380_227_506_653, 1.0),
            (0, 2, 0.0, 0.657_619_772_493_346_9),
            (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436_1),
            (1, 60, 0.002_948_159_794_786_249_5, 0.088_551_297_275_900_61),
            (0, 0, 0.0, 1.0),
        ] {
            let found = wilson(right, examples);
            assert!((found.low - low).abs() < 1e-12, "{right} of {examples}: {found:?}");
            assert!((found.high - high).abs() < 1e-12, "{right} of {examples}: {found:?}");
        }
    }

    #[test]
    fn two_right_answers_of_two_are_no_certainty() {
        let of = |labels: &[usize]| {
            let mut predictions = Predictions::new(2);
            predictions.add(&[1.0, 0.0, 1.0, 0.0], labels);
            accuracy_interval(&predictions)
        };
        assert_eq!(of(&[0, 0]), wilson(2, 2));
        assert_eq!(of(&[1, 1]), wilson(0, 2));
    }

    #[test]
    fn an_interval_is_as_wide_as_the_theory_says() {
        // 800 of 1000 right: the normal approximation gives 0.8 +- 1.96 * sqrt(0.8 * 0.2 / 1000) = 0.775 to 0.825.
        let mut predictions = Predictions::new(2);
        for example in 0..1000 {
            predictions.add(&[1.0, 0.0], &[usize::from(example % 5 == 0)]);
        }
        let Interval { low, high } = accuracy_interval(&predictions);
        assert!((low - 0.775).abs() < 0.006 && (high - 0.825).abs() < 0.006, "{low} to {high}");
        assert_eq!(accuracy_interval(&predictions), accuracy_interval(&predictions));
        assert_eq!(
            bootstrap(1, 0.9, |places| places.len() as f64),
            Interval { low: 1.0, high: 1.0 }
        );
    }

    /// `numpy.quantile`.
    #[test]
    fn quantiles_are_numpys() {
        for (share, expected) in [(0.0, 1.0), (0.4, 2.4), (0.5, 3.0), (1.0, 8.0)] {
            let found = quantile(&[1.0, 2.0, 4.0, 8.0], share);
            assert!((found - expected).abs() < 1e-12, "{share}: {found}");
        }
        assert!(quantile(&[], 0.5).is_nan());
    }
}
