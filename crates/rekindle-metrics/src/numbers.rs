//! Errors of predicted numbers, by target and on average, and how sure they are.

use serde::{Deserialize, Serialize};

use crate::{Estimate, Values, bootstrap};

/// Predicted numbers and what was right, one or more targets an example.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberPredictions {
    targets: usize,
    predicted: Vec<f32>,
    right: Vec<f32>,
}

/// How numbers are predicted on a set of examples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// Number of examples.
    pub examples: usize,
    /// Means over the targets.
    pub average: NumberErrors,
    /// Each target by itself.
    pub targets: Vec<NumberErrors>,
}

/// Errors of one target, or means over several, as scikit-learn defines them but for the share of a true value of zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberErrors {
    /// The mean absolute error.
    pub mae: Estimate,
    /// The root of the mean squared error.
    pub rmse: Estimate,
    /// The share of the variance that is explained; a target that never changes counts 1 if it is met, else 0.
    pub r2: Estimate,
    /// The mean absolute error as a share of what is right, over examples for which that is not zero; not a number where it is
    /// zero for all, and of several targets the mean over those that have one.
    ///
    /// scikit-learn's `mean_absolute_percentage_error` divides by 2.2e-16 where the true value is zero, so that one such example
    /// turns the mean into a number of 16 digits that tells of nothing else. A share of zero is not defined: we leave it out,
    /// and count it in [`zeros`](Self::zeros). Without zeros both agree.
    pub mape: Estimate,
    /// How many true values are zero, which `mape` leaves out; of several targets in all.
    #[serde(default)]
    pub zeros: usize,
}

/// The level of the intervals.
const LEVEL: f64 = 0.95;

impl NumberPredictions {
    /// None yet, of so many targets.
    pub fn new(targets: usize) -> Self {
        Self { targets: targets.max(1), predicted: Vec::new(), right: Vec::new() }
    }

    /// Adds examples row by row.
    ///
    /// # Panics
    ///
    /// If there are not as many of both, or not whole rows.
    pub fn add(&mut self, predicted: &[f32], right: &[f32]) {
        assert_eq!(predicted.len(), right.len(), "predictions and targets of different numbers");
        assert!(predicted.len().is_multiple_of(self.targets), "not whole rows");
        self.predicted.extend_from_slice(predicted);
        self.right.extend_from_slice(right);
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.right.len() / self.targets
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.right.is_empty()
    }

    /// Number of targets.
    pub fn targets(&self) -> usize {
        self.targets
    }

    /// What was right and what was predicted of a target, an example each.
    ///
    /// # Panics
    ///
    /// If there is no such target.
    pub fn of_target(&self, target: usize) -> Vec<(f64, f64)> {
        assert!(target < self.targets, "target {target} of {}", self.targets);
        let both = self.right.iter().zip(&self.predicted).skip(target).step_by(self.targets);
        both.map(|(&right, &predicted)| (f64::from(right), f64::from(predicted))).collect()
    }

    /// The same with every number put back to the scale of its column: `value * std + mean`, a pair a target.
    ///
    /// # Panics
    ///
    /// If there is not a pair a target.
    pub fn restored(&self, scales: &[(f64, f64)]) -> Self {
        assert_eq!(scales.len(), self.targets, "scales are not one a target");
        let put_back = |values: &[f32]| -> Vec<f32> {
            let scaled = values.iter().zip(scales.iter().cycle());
            scaled.map(|(&value, (mean, std))| (f64::from(value) * std + mean) as f32).collect()
        };
        Self {
            targets: self.targets,
            predicted: put_back(&self.predicted),
            right: put_back(&self.right),
        }
    }

    /// What is measured after every epoch, in the units of the targets: `mae`, `rmse`, `r2` and `mape`, means over the
    /// targets.
    pub fn values(&self) -> Values {
        let found: Vec<[f64; 4]> = (0..self.targets)
            .map(|target| errors(self.of_target(target).iter().copied()))
            .collect();
        let mut values = Values::default();
        for (place, name) in ["mae", "rmse", "r2", "mape"].into_iter().enumerate() {
            values.set(name, average(found.iter().map(|errors| errors[place])));
        }
        values
    }

    /// Places of all examples, the one whose standardised errors are greatest first.
    pub fn most_wrong(&self) -> Vec<usize> {
        let mut wrong = vec![0.0_f64; self.len()];
        for target in 0..self.targets {
            let pairs = self.of_target(target);
            let spread = deviation(&pairs);
            for (sum, (right, predicted)) in wrong.iter_mut().zip(pairs) {
                *sum += (right - predicted).abs() / spread;
            }
        }
        let mut places: Vec<usize> = (0..wrong.len()).collect();
        places.sort_by(|&one, &other| wrong[other].total_cmp(&wrong[one]));
        places
    }
}

impl Regression {
    /// Measures all of it, with intervals of the bootstrap at 95%.
    pub fn of(predictions: &NumberPredictions) -> Self {
        let columns: Vec<Vec<(f64, f64)>> =
            (0..predictions.targets).map(|target| predictions.of_target(target)).collect();
        let of = |columns: &[Vec<(f64, f64)>]| {
            let mean =
                |place: usize, examples: &[usize]| {
                    average(columns.iter().map(|column| {
                        errors(examples.iter().map(|&example| column[example]))[place]
                    }))
                };
            let all: Vec<usize> = (0..predictions.len()).collect();
            let estimate = |place: usize| {
                let interval = bootstrap(all.len(), LEVEL, |examples| mean(place, examples));
                Estimate::new(mean(place, &all), interval, LEVEL)
            };
            let zeros = columns.iter().flatten().filter(|(right, _)| *right == 0.0).count();
            let [mae, rmse, r2, mape] = [0, 1, 2, 3].map(estimate);
            NumberErrors { mae, rmse, r2, mape, zeros }
        };
        Self {
            examples: predictions.len(),
            average: of(&columns),
            targets: columns.iter().map(|column| of(std::slice::from_ref(column))).collect(),
        }
    }
}

/// The mean over targets; what is not defined for one is left out.
fn average(of_targets: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = of_targets
        .filter(|value| !value.is_nan())
        .fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

/// Mean absolute error, root of the mean squared error, R2 and mean absolute percentage error of pairs of what was right
/// and what was predicted.
fn errors(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> [f64; 4] {
    let count = pairs.clone().count().max(1) as f64;
    let mean = |of: &dyn Fn((f64, f64)) -> f64| pairs.clone().map(of).sum::<f64>() / count;
    let square = mean(&|(right, predicted)| (right - predicted).powi(2));
    let absolute = mean(&|(right, predicted)| (right - predicted).abs());
    let shares = pairs.clone().filter(|(right, _)| *right != 0.0);
    let share = average(shares.map(|(right, predicted)| ((right - predicted) / right).abs()));
    let middle = mean(&|(right, _)| right);
    let variance = mean(&|(right, _)| (right - middle).powi(2));
    let r2 = match (square == 0.0, variance == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - square / variance,
    };
    [absolute, square.sqrt(), r2, share]
}

/// The standard deviation of what was right; 1 where it never changes.
fn deviation(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len().max(1) as f64;
    let mean = pairs.iter().map(|(right, _)| right).sum::<f64>() / count;
    let variance = pairs.iter().map(|(right, _)| (right - mean).powi(2)).sum::<f64>() / count;
    if variance > 0.0 { variance.sqrt() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions() -> NumberPredictions {
        let mut predictions = NumberPredictions::new(2);
        predictions.add(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]);
        predictions.add(&[1.0, 7.0, 4.5, -2.0], &[0.5, 7.0, 5.0, 1.5]);
        predictions
    }

    /// `mean_absolute_error`, `root_mean_squared_error`, `r2_score` and `mean_absolute_percentage_error` of
    /// `sklearn.metrics` 1.9, with `multioutput` of `raw_values` and `uniform_average`.
    #[test]
    fn errors_are_scikit_learns() {
        let found = Regression::of(&predictions());
        let average = found.average;
        let [first, second] = found.targets[..] else { panic!("{found:?}") };
        for (name, of, expected) in [
            ("mae", average.mae, 0.8125),
            ("mae", first.mae, 0.375),
            ("mae", second.mae, 1.25),
            ("rmse", average.rmse, 1.135_065_004_489_801_4),
            ("rmse", first.rmse, 0.433_012_701_892_219_3),
            ("rmse", second.rmse, 1.837_117_307_087_383_6),
            ("r2", average.r2, 0.812_369_907_820_398_4),
            ("r2", first.r2, 0.929_824_561_403_508_8),
            ("r2", second.r2, 0.694_915_254_237_288_1),
            ("mape", average.mape, 0.592_857_142_857_142_9),
            ("mape", first.mape, 0.316_666_666_666_666_7),
            ("mape", second.mape, 0.869_047_619_047_619_1),
        ] {
            assert!((of.value - expected).abs() < 1e-12, "{name}: {} not {expected}", of.value);
            assert!(of.low <= of.value && of.value <= of.high, "{name}: {of:?}");
        }
        let values = predictions().values();
        for (name, expected) in [
            ("mae", average.mae.value),
            ("rmse", average.rmse.value),
            ("r2", average.r2.value),
            ("mape", average.mape.value),
        ] {
            assert_eq!(values.get(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_share_of_zero_is_left_out_and_counted() {
        let mut predictions = NumberPredictions::new(2);
        // The first target is zero once, the second always.
        for (predicted, right) in [([1.5, 1.0], [1.0, 0.0]), ([7.0, 2.0], [0.0, 0.0])] {
            predictions.add(&predicted, &right);
        }
        predictions.add(&[-5.0, 0.0], &[-4.0, -0.0]);
        let found = Regression::of(&predictions);
        let [first, second] = found.targets[..] else { panic!("{found:?}") };
        // Half of one, and a quarter of four.
        assert_eq!((first.mape.value, first.zeros), (0.375, 1));
        assert!(first.mape.low >= 0.25 && first.mape.high <= 0.5, "{first:?}");
        let ends = [second.mape.value, second.mape.low, second.mape.high];
        assert!(ends.iter().all(|end| end.is_nan()) && second.zeros == 3, "{second:?}");
        assert_eq!((found.average.mape.value, found.average.zeros), (0.375, 4));
        assert!(second.mae.value == 1.0 && second.rmse.value > 1.0);
        let values = predictions.values();
        assert_eq!(values.get("mape"), Some(0.375));
    }

    /// `r2_score([1, 1], [1, 2])` is 0, and that of what is met is 1.
    #[test]
    fn a_target_that_never_changes_is_met_or_not() {
        for (predicted, expected) in [([1.0, 2.0], 0.0), ([1.0, 1.0], 1.0)] {
            let mut constant = NumberPredictions::new(1);
            constant.add(&predicted, &[1.0, 1.0]);
            assert_eq!(constant.values().get("r2"), Some(expected));
        }
        assert_eq!(Regression::of(&NumberPredictions::new(1)).average.mae.value, 0.0);
    }

    /// Errors drawn evenly from 0 to 1: their mean has a deviation of 1 / sqrt(12 n), so 95% lie within 1.96 of it.
    #[test]
    fn an_interval_is_as_wide_as_the_theory_says() {
        let mut predictions = NumberPredictions::new(1);
        for example in 0..1000 {
            predictions.add(&[(example as f32 + 0.5) / 1000.0], &[0.0]);
        }
        let found = Regression::of(&predictions).average.mae;
        let half = 1.96 / (12.0_f64 * 1000.0).sqrt();
        assert!((found.low - (0.5 - half)).abs() < 0.002, "{found:?}");
        assert!((found.high - (0.5 + half)).abs() < 0.002, "{found:?}");
    }

    #[test]
    fn numbers_are_put_back_by_target() {
        let restored = predictions().restored(&[(10.0, 2.0), (-1.0, 0.5)]);
        assert_eq!(restored.of_target(0)[0], (16.0, 15.0));
        assert_eq!(restored.of_target(1)[1], (2.5, 3.0));
        assert_eq!(restored.values().get("r2").map(|r2| (r2 * 1e6).round()), Some(812_370.0));
        assert_eq!(predictions().most_wrong()[0], 3);
        assert_eq!((restored.len(), restored.targets()), (4, 2));
    }
}
