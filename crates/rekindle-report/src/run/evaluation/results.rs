//! Results from predictions.

use rekindle_metrics::{
    Classification, Estimate, MultiLabel, NumberPredictions, Regression, Temperature,
};

use super::{
    Calibration, ClassScores, MultiLabelResults, RegressionResults, SingleLabelResults,
    TargetResults,
};

/// The level of the intervals of [`Classification`].
const LEVEL: f64 = 0.95;
/// The most points of a target that are kept: more are neither told apart nor quick to draw.
const POINTS: usize = 2000;

impl SingleLabelResults {
    /// What was measured of classes that are called so, and the temperature that was chosen by it, if one was.
    pub fn of(names: &[String], found: Classification, temperature: Option<Temperature>) -> Self {
        let class = |(name, scores): (&String, &rekindle_metrics::PerClass)| ClassScores {
            name: name.clone(),
            scores: *scores,
        };
        Self {
            accuracy: Estimate::new(found.accuracy, found.interval, LEVEL),
            log_loss: Some(found.log_loss),
            auroc: found.auroc,
            calibration: Some(Calibration {
                error: found.calibration_error,
                bins: found.bins,
                temperature,
            }),
            classes: names.iter().zip(&found.classes).map(class).collect(),
            confusion: found.confusion,
        }
    }
}

impl MultiLabelResults {
    /// What was measured of labels that are called so; the F1 before thresholds were chosen by it, if they were.
    pub fn of(names: &[String], scores: MultiLabel, f1_before: Option<f64>) -> Self {
        Self { labels: names.to_vec(), scores, f1_before }
    }
}

impl RegressionResults {
    /// Measures numbers that are called so.
    pub fn of(names: &[String], predictions: &NumberPredictions) -> Self {
        let Regression { average, targets, .. } = Regression::of(predictions);
        let target = |(place, (name, errors)): (usize, (&String, _))| TargetResults {
            name: name.clone(),
            errors,
            points: points(&predictions.of_target(place)),
        };
        Self { average, targets: names.iter().zip(targets).enumerate().map(target).collect() }
    }
}

/// At most [`POINTS`] of them, evenly spread; what is NaN has no point.
fn points(pairs: &[(f64, f64)]) -> Vec<[f64; 2]> {
    let step = pairs.len().div_ceil(POINTS).max(1);
    let finite = |(right, predicted): &&(f64, f64)| right.is_finite() && predicted.is_finite();
    let some = pairs.iter().step_by(step).filter(finite);
    some.map(|(right, predicted)| [*right, *predicted]).collect()
}
