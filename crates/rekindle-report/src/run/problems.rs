//! Where a record contradicts itself. The page says so rather than showing nothing.

use rekindle_metrics::Estimate;

use super::{
    EvaluationRecord, MultiLabelResults, RegressionResults, Results, RunRecord, SingleLabelResults,
    TargetResults,
};
use crate::markup::{number, total};

/// How far the end of an interval may be off by rounding.
const ROUNDING: f64 = 1e-6;

impl RunRecord {
    /// Everything in which the record contradicts itself, one line each; the page shows them too.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(history) = &self.history {
            let numbers: Vec<usize> = history.epochs.iter().map(|epoch| epoch.number).collect();
            if !numbers.is_sorted_by(|one, next| one < next) {
                problems.push(format!("the epochs are not in order: {numbers:?}"));
            }
            if let Some(best) = history.best.filter(|best| !numbers.contains(best)) {
                problems.push(format!("the best epoch, {best}, is not among the epochs"));
            }
        }
        for evaluation in &self.evaluations {
            problems.extend(contradictions(evaluation));
        }
        problems
    }
}

fn contradictions(evaluation: &EvaluationRecord) -> Vec<String> {
    let EvaluationRecord { set, pictures, results, .. } = evaluation;
    match results {
        Results::SingleLabel(found) => classes(set, *pictures, found),
        Results::MultiLabel(found) => labels(set, *pictures, found),
        Results::Regression(found) => numbers(set, *pictures, found),
    }
}

fn classes(set: &str, pictures: usize, found: &SingleLabelResults) -> Vec<String> {
    let SingleLabelResults { accuracy, classes, confusion, calibration, .. } = found;
    let mut problems = Vec::new();
    let Estimate { value, low, high, .. } = *accuracy;
    let ends = [0.0, low, value, high, 1.0];
    if pictures > 0 && !ends.is_sorted_by(|one, next| *one <= next + ROUNDING) {
        let [value, low, high] = [value, low, high].map(number);
        problems.push(format!("{set}: the accuracy {value} is not in [{low}, {high}]"));
    }
    if confusion.iter().any(|row| row.len() != confusion.len()) {
        problems.push(format!("{set}: the confusion matrix is not square"));
    }
    if !classes.is_empty() && !confusion.is_empty() && classes.len() != confusion.len() {
        let (classes, rows) = (classes.len(), confusion.len());
        problems.push(format!("{set}: {classes} classes, but {rows} rows of confusion"));
    }
    let mut counted = |what: &str, count: usize| {
        if count > 0 && count != pictures {
            problems.push(format!("{set}: {pictures} pictures, but {count} in {what}"));
        }
    };
    counted("the confusion matrix", total(confusion.iter().flatten().copied()));
    counted("the classes", total(classes.iter().map(|class| class.scores.support)));
    let bins = calibration.iter().flat_map(|calibration| &calibration.bins);
    counted("the calibration", total(bins.map(|bin| bin.examples)));
    problems
}

fn labels(set: &str, pictures: usize, found: &MultiLabelResults) -> Vec<String> {
    let MultiLabelResults { labels, scores, .. } = found;
    let mut problems = Vec::new();
    if labels.len() != scores.labels.len() {
        let (names, rows) = (labels.len(), scores.labels.len());
        problems.push(format!("{set}: {names} labels, but scores of {rows}"));
    }
    if scores.examples != pictures {
        problems.push(format!("{set}: {pictures} pictures, but {} measured", scores.examples));
    }
    for (name, of) in labels.iter().zip(&scores.labels) {
        if of.scores.support > pictures {
            let support = of.scores.support;
            problems.push(format!("{set}: {pictures} pictures, but {support} have {name}"));
        }
    }
    for (name, Estimate { value, .. }) in
        [("mAP", scores.map), ("F1", scores.f1), ("exact match", scores.exact)]
    {
        // Of no label at all there is no share.
        if value.is_finite() && !(-ROUNDING..=1.0 + ROUNDING).contains(&value) {
            problems.push(format!("{set}: the {name} {} is no share", number(value)));
        }
    }
    problems
}

fn numbers(set: &str, pictures: usize, found: &RegressionResults) -> Vec<String> {
    let mut problems = Vec::new();
    for TargetResults { name, errors, points } in &found.targets {
        if points.len() > pictures {
            let count = points.len();
            problems.push(format!("{set}: {pictures} pictures, but {count} values of {name}"));
        }
        if errors.mae.value > errors.rmse.value * (1.0 + ROUNDING) {
            problems.push(format!("{set}: the MAE of {name} is above its RMSE"));
        }
    }
    problems
}
