//! How sure a metric is: percentile intervals of the bootstrap. Efron & Tibshirani 1993, chapter 13.

use rekindle_base::Random;
use serde::{Deserialize, Serialize};

use crate::Predictions;

/// Where a metric lies, at some level of confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Resamples of an interval.
const RESAMPLES: usize = 1000;

/// The interval of a statistic of `examples` examples, which is asked for by the places of a resample.
///
/// The same examples always give the same interval.
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
    found.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    // Linear between order statistics, as numpy's `percentile`.
    let at = |share: f64| {
        let place = share * (RESAMPLES - 1) as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(RESAMPLES - 1);
        found[below] + (found[above] - found[below]) * (place - below as f64)
    };
    Interval { low: at(tail), high: at(1.0 - tail) }
}

/// The interval of the accuracy at 95%.
pub fn accuracy_interval(predictions: &Predictions) -> Interval {
    let hits = predictions.hits(1);
    let share = |places: &[usize]| {
        places.iter().filter(|&&place| hits[place]).count() as f64 / places.len().max(1) as f64
    };
    bootstrap(hits.len(), 0.95, share)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
