//! Pieces of a page for answers that are no single label: several labels, and numbers.

use rekindle_metrics::{Estimate, MultiLabel, NumberPredictions, PerLabel, Regression};

use super::{figure, table};
use crate::{
    Unit,
    chart::{Axis, Ideal, ScatterChart, scatter_chart},
    markup::{count, escape, number, percent, value},
};

/// Several labels: the figures in a sentence, and a row a label.
pub fn multi_label(labels: &[String], found: &MultiLabel) -> String {
    let row = |(name, label): (&String, &PerLabel)| {
        let share = |share: f64| value(share, Unit::Share);
        vec![
            escape(name),
            count(label.scores.support),
            label.average_precision.map_or_else(|| share(f64::NAN), share),
            number(label.threshold),
            share(label.scores.precision),
            share(label.scores.recall),
            share(label.scores.f1),
        ]
    };
    let rows: Vec<Vec<String>> = labels.iter().zip(&found.labels).map(row).collect();
    let heads =
        ["Label", "Examples", "Average precision", "Threshold", "Precision", "Recall", "F1"];
    let by_label = table("numbers", "Scores of each label", &heads.map(str::to_owned), &rows);
    let shares = |of: &Estimate| {
        format!("{} ({} to {})", percent(of.value, 1), percent(of.low, 1), percent(of.high, 1))
    };
    let words = format!(
        "<p>Of {} examples: mean average precision {}, F1 of all answers together {}, every label right in {}; mean F1 of \
         the labels {}.</p>\n",
        count(found.examples),
        shares(&found.map),
        shares(&found.f1),
        shares(&found.exact),
        percent(found.f1_macro, 1)
    );
    words + &figure("scores-box", &format!("<h3>By label</h3>{by_label}"), "")
}

/// Numbers: errors of each target, predicted against true, and what is left.
pub fn numbers(targets: &[String], predictions: &NumberPredictions, found: &Regression) -> String {
    let shown =
        |of: &Estimate| format!("{} ({} to {})", number(of.value), number(of.low), number(of.high));
    let row = |(name, errors): (&String, &rekindle_metrics::NumberErrors)| {
        let errors = [&errors.mae, &errors.rmse, &errors.r2, &errors.mape].map(shown);
        std::iter::once(escape(name)).chain(errors).collect::<Vec<String>>()
    };
    let rows: Vec<Vec<String>> = targets.iter().zip(&found.targets).map(row).collect();
    let heads = ["Target", "MAE", "RMSE", "R2", "MAPE"].map(str::to_owned);
    let mut content = table("numbers", "Errors of each target", &heads, &rows);
    for (target, name) in targets.iter().enumerate().take(predictions.targets()) {
        let pairs = predictions.of_target(target);
        let chart = |title: String, label: &str, points: Vec<(f64, f64)>, ideal: Ideal| {
            let axis = |label: &str| Axis { label: label.to_owned(), ..Axis::default() };
            scatter_chart(&ScatterChart { title, x: axis("true"), y: axis(label), points, ideal })
        };
        let against = chart(
            format!("{name}: predicted against true"),
            "predicted",
            pairs.clone(),
            Ideal::Diagonal,
        );
        let left = pairs.iter().map(|(right, predicted)| (*right, predicted - right)).collect();
        let left = chart(format!("{name}: residuals"), "predicted less true", left, Ideal::Zero);
        content += &figure("chart-box", &against, "On the dashed line predictions are right.");
        content += &figure("chart-box", &left, "Above the dashed line predictions are too high.");
    }
    content
}
