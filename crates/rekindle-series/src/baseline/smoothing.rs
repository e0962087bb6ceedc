//! Simple exponential smoothing, fitted by the least sum of squares.

/// Weights of the last value that are tried: the bounds of R's `ses`.
const LOWEST: f64 = 1e-4;
const HIGHEST: f64 = 0.9999;
/// How many weights are tried at once, and how often the best of them is closed in on: each time the distance becomes an eighth.
const LANES: usize = 16;
const ROUNDS: usize = 5;

/// A smoothed series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Smoothed {
    /// The weight of the last value.
    pub(super) alpha: f64,
    /// The level after the last value, which is the forecast of all steps.
    pub(super) level: f64,
    /// The mean square of the errors of the next step.
    pub(super) variance: f64,
}

/// Fits the weight and the first level.
///
/// Errors are linear in the first level, so the best one of each weight follows from sums, and only the weight is searched for.
pub(super) fn fit(values: &[f64]) -> Smoothed {
    let (mut low, mut high) = (LOWEST, HIGHEST);
    let mut best = (f64::INFINITY, LOWEST, 0.0);
    for _ in 0..ROUNDS {
        let step = (high - low) / (LANES - 1) as f64;
        let alphas: [f64; LANES] = std::array::from_fn(|lane| low + step * lane as f64);
        for (alpha, (squares, first)) in alphas.into_iter().zip(squares(values, &alphas)) {
            if squares < best.0 {
                best = (squares, alpha, first);
            }
        }
        (low, high) = ((best.1 - step).max(LOWEST), (best.1 + step).min(HIGHEST));
    }
    let (squares, alpha, first) = best;
    let level = values.iter().fold(first, |level, value| level + alpha * (value - level));
    Smoothed { alpha, level, variance: squares / values.len() as f64 }
}

/// The sum of squared errors of each weight with its best first level, and that level.
fn squares(values: &[f64], alphas: &[f64; LANES]) -> [(f64, f64); LANES] {
    let start = values[0];
    let mut level = [start; LANES];
    // How much of the first level is left, and sums of squares and products with the errors.
    let mut left = [1.0; LANES];
    let (mut errors, mut both, mut weights) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for &value in values {
        for lane in 0..LANES {
            let error = value - level[lane];
            errors[lane] += error * error;
            both[lane] += error * left[lane];
            weights[lane] += left[lane] * left[lane];
            level[lane] += alphas[lane] * error;
            left[lane] *= 1.0 - alphas[lane];
        }
        // What is left becomes too small to be a normal number, which is slow and says nothing.
        left.iter_mut().for_each(|left| *left = if *left < 1e-100 { 0.0 } else { *left });
    }
    std::array::from_fn(|lane| {
        let shift = both[lane] / weights[lane];
        ((errors[lane] - both[lane] * shift).max(0.0), start + shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_squares_are_found() {
        let values =
            [446.7, 454.5, 455.7, 423.6, 456.3, 440.6, 425.3, 485.1, 506.0, 526.8, 514.3, 494.2];
        let found = fit(&values);
        // By brute force.
        let sum = |alpha: f64, first: f64| {
            let mut level = first;
            values.iter().fold(0.0, |sum, value| {
                let error = value - level;
                level += alpha * error;
                sum + error * error
            })
        };
        let mut least = f64::INFINITY;
        for alpha in 1..1000 {
            for first in 0..400 {
                least = least.min(sum(f64::from(alpha) / 1000.0, 430.0 + f64::from(first) / 10.0));
            }
        }
        let squares = found.variance * values.len() as f64;
        assert!(squares <= least && squares > least * 0.9999, "{found:?}: {squares}, not {least}");
        assert_eq!(fit(&[5.0; 9]).level, 5.0);
        assert_eq!(fit(&[7.0]).level, 7.0);
    }
}
