//! How sure a metric is: percentile intervals of the bootstrap. Efron & Tibshirani 1993, chapter 13.

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
    let mut state = 0_u64;
    let mut places = vec![0; examples];
    let mut found: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            for place in &mut places {
                *place = ((u128::from(next(&mut state)) * examples as u128) >> 64) as usize;
            }
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

/// SplitMix64: Steele, Lea & Flood 2014.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
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
