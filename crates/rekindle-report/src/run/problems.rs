//! Where a record contradicts itself. The page says so rather than showing nothing.

use rekindle_metrics::Estimate;

use super::{
    EvaluationRecord, ItemKind, MultiLabelResults, RegressionResults, Results, RunRecord,
    SingleLabelResults, TargetResults, TextFacts,
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
            problems.extend(contradictions(evaluation, self.items));
        }
        let texts = self.data.as_ref().and_then(|data| data.texts.as_ref());
        problems.extend(texts.into_iter().flat_map(lengths));
        problems
    }
}

fn contradictions(evaluation: &EvaluationRecord, items: ItemKind) -> Vec<String> {
    let EvaluationRecord { set, pictures: examples, results, .. } = evaluation;
    let about = About { set, examples: *examples, many: items.many() };
    match results {
        Results::SingleLabel(found) => classes(&about, found),
        Results::MultiLabel(found) => labels(&about, found),
        Results::Regression(found) => numbers(&about, found),
    }
}

/// What an evaluation is of.
struct About<'a> {
    set: &'a str,
    examples: usize,
    /// What the examples are called.
    many: &'static str,
}

fn classes(&About { set, examples, many }: &About<'_>, found: &SingleLabelResults) -> Vec<String> {
    let SingleLabelResults { accuracy, classes, confusion, calibration, .. } = found;
    let mut problems = Vec::new();
    let Estimate { value, low, high, .. } = *accuracy;
    let ends = [0.0, low, value, high, 1.0];
    if examples > 0 && !ends.is_sorted_by(|one, next| *one <= next + ROUNDING) {
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
        if count > 0 && count != examples {
            problems.push(format!("{set}: {examples} {many}, but {count} in {what}"));
        }
    };
    counted("the confusion matrix", total(confusion.iter().flatten().copied()));
    counted("the classes", total(classes.iter().map(|class| class.scores.support)));
    let bins = calibration.iter().flat_map(|calibration| &calibration.bins);
    counted("the calibration", total(bins.map(|bin| bin.examples)));
    problems
}

fn labels(&About { set, examples, many }: &About<'_>, found: &MultiLabelResults) -> Vec<String> {
    let MultiLabelResults { labels, scores, .. } = found;
    let mut problems = Vec::new();
    if labels.len() != scores.labels.len() {
        let (names, rows) = (labels.len(), scores.labels.len());
        problems.push(format!("{set}: {names} labels, but scores of {rows}"));
    }
    if scores.examples != examples {
        problems.push(format!("{set}: {examples} {many}, but {} measured", scores.examples));
    }
    for (name, of) in labels.iter().zip(&scores.labels) {
        if of.scores.support > examples {
            let support = of.scores.support;
            problems.push(format!("{set}: {examples} {many}, but {support} have {name}"));
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

fn numbers(&About { set, examples, many }: &About<'_>, found: &RegressionResults) -> Vec<String> {
    let mut problems = Vec::new();
    for TargetResults { name, errors, points } in &found.targets {
        if points.len() > examples {
            let count = points.len();
            problems.push(format!("{set}: {examples} {many}, but {count} values of {name}"));
        }
        if errors.mae.value > errors.rmse.value * (1.0 + ROUNDING) {
            problems.push(format!("{set}: the MAE of {name} is above its RMSE"));
        }
    }
    problems
}

fn lengths(texts: &TextFacts) -> Vec<String> {
    let TextFacts { tokens, cut, unknown, .. } = texts;
    let mut problems = Vec::new();
    if !tokens.is_sorted() {
        problems.push(format!("the lengths of texts are not in order: {tokens:?}"));
    }
    for (name, share) in [("texts that are cut", cut), ("unknown tokens", unknown)] {
        // Of no text at all there is no share.
        if share.is_finite() && !(0.0..=1.0).contains(share) {
            problems.push(format!("the share of {name} is {}, not within 0 and 1", number(*share)));
        }
    }
    problems
}
