//! Answers that are no single label: several labels, and numbers.

use rekindle_metrics::{Estimate, NumberErrors, PerLabel};

use super::{classes::bar, figure, table, tiles::Tile};
use crate::{
    ItemKind, MetricUnit, MultiLabelResults, RegressionResults, TargetResults,
    chart::{Axis, Ideal, ScatterChart, scatter_chart},
    markup::{NONE, capital, count, escape, number, percent, rough, value},
};

/// Up to how many labels keep their order in the table; of more, the worst come first.
const FEW: usize = 12;

/// Several labels: a row each.
pub(super) fn multi_label(found: &MultiLabelResults, items: ItemKind) -> String {
    let mut order: Vec<(&String, &PerLabel)> =
        found.labels.iter().zip(&found.scores.labels).collect();
    let mut words = "A label is given above its threshold.".to_owned();
    if let Some(before) = found.f1_before {
        words += &format!(
            " These {} chose the thresholds: F1 of all answers together {} before, where each was 0.5, {} after.",
            items.many(),
            percent(before, 1),
            percent(found.scores.f1.value, 1)
        );
    }
    if order.len() > FEW {
        let key = |label: &PerLabel| label.average_precision.unwrap_or(f64::INFINITY);
        order.sort_by(|one, other| key(one.1).total_cmp(&key(other.1)));
        words += " The label with the lowest average precision comes first.";
    }
    let row = |(name, label): &(&String, &PerLabel)| {
        let scores = &label.scores;
        vec![
            escape(name),
            count(scores.support),
            label.average_precision.map_or_else(|| NONE.to_owned(), bar),
            number(label.threshold),
            bar(scores.precision),
            bar(scores.recall),
            bar(scores.f1),
        ]
    };
    let rows: Vec<Vec<String>> = order.iter().map(row).collect();
    let examples = capital(items.many());
    let heads = ["Label", &examples, "AP", "Threshold", "Precision", "Recall", "F1"];
    let table = table("numbers scores", "Scores of each label", &heads.map(str::to_owned), &rows);
    if table.is_empty() {
        return table;
    }
    figure("scores-box", &format!("<h3>By label</h3>{table}"), &words)
}

/// The figures besides the mean average precision.
pub(super) fn multi_label_tiles(found: &MultiLabelResults) -> Vec<Tile> {
    let scores = &found.scores;
    let tile = |name: &str, value: String, about: String| (name.to_owned(), value, about);
    vec![
        tile("F1", percent(scores.f1.value, 1), around(&scores.f1, MetricUnit::Share)),
        tile("F1 (macro)", percent(scores.f1_macro, 1), "mean over the labels".to_owned()),
        tile(
            "Exact match",
            percent(scores.exact.value, 1),
            around(&scores.exact, MetricUnit::Share),
        ),
        tile("Loss", number(scores.loss), "binary cross-entropy".to_owned()),
    ]
}

/// Numbers: errors of each target, predicted against true, and what is left.
pub(super) fn numbers(found: &RegressionResults) -> String {
    let shown = |of: &Estimate, unit| {
        format!("{}<small>{}</small>", value(of.value, unit), around(of, unit))
    };
    let row = |name: &str, errors: &NumberErrors| {
        vec![
            escape(name),
            shown(&errors.mae, MetricUnit::Number),
            shown(&errors.rmse, MetricUnit::Number),
            shown(&errors.r2, MetricUnit::Number),
            if tells(&errors.mape) {
                shown(&errors.mape, MetricUnit::Share)
            } else {
                NONE.to_owned()
            },
        ]
    };
    let mut rows: Vec<_> = found.targets.iter().map(|it| row(&it.name, &it.errors)).collect();
    if rows.len() > 1 {
        rows.push(row("mean", &found.average));
    }
    let heads = ["Target", "MAE", "RMSE", "R²", "MAPE"].map(str::to_owned);
    let table = table("numbers", "Errors of each target", &heads, &rows);
    let charts: String = found.targets.iter().map(charts).collect();
    let zeros = found.targets.iter().filter(|it| it.errors.zeros > 0);
    let zeros: Vec<String> = zeros
        .map(|it| format!("{} true values of 0 in {}", count(it.errors.zeros), escape(&it.name)))
        .collect();
    let words = match zeros.is_empty() {
        true => String::new(),
        false => format!("MAPE leaves out {}: a share of zero is none.", zeros.join(" and ")),
    };
    charts + &figure("errors-box", &table, &words)
}

/// The figures besides the mean absolute error.
pub(super) fn number_tiles(found: &RegressionResults) -> Vec<Tile> {
    let NumberErrors { rmse, r2, mape, .. } = &found.average;
    let tile = |name: &str, of: &Estimate, unit| {
        (name.to_owned(), value(of.value, unit), around(of, unit))
    };
    let mut tiles =
        vec![tile("RMSE", rmse, MetricUnit::Number), tile("R²", r2, MetricUnit::Number)];
    if tells(mape) {
        tiles.push(tile("MAPE", mape, MetricUnit::Share));
    }
    tiles
}

/// The most that a mean percentage error tells anything: beyond it something true is zero, or next to it.
const MOST: f64 = 100.0;

/// Whether a mean percentage error tells anything.
fn tells(mape: &Estimate) -> bool {
    mape.value <= MOST && mape.high <= MOST
}

/// An interval, such as `12.1–14`.
fn around(of: &Estimate, unit: MetricUnit) -> String {
    match unit {
        MetricUnit::Share => {
            let [low, high] = [of.low, of.high].map(|end| percent(end, 1));
            format!("{}–{high}", low.trim_end_matches('%'))
        }
        MetricUnit::Number => format!("{}–{}", rough(of.low), rough(of.high)),
    }
}

fn charts(target: &TargetResults) -> String {
    let TargetResults { name, points, .. } = target;
    if points.is_empty() {
        return String::new();
    }
    let chart = |title: String, label: &str, points: Vec<(f64, f64)>, ideal: Ideal| {
        let axis = |label: &str| Axis { label: label.to_owned(), ..Axis::default() };
        scatter_chart(&ScatterChart { title, x: axis("true"), y: axis(label), points, ideal })
    };
    let against = points.iter().map(|[right, predicted]| (*right, *predicted)).collect();
    let against =
        chart(format!("{name}: predicted against true"), "predicted", against, Ideal::Diagonal);
    let left = points.iter().map(|[right, predicted]| (*right, predicted - right)).collect();
    let left = chart(format!("{name}: residuals"), "predicted less true", left, Ideal::Zero);
    let charts = figure("chart-box", &against, "On the dashed line predictions are right.")
        + &figure("chart-box", &left, "Above the dashed line predictions are too high.");
    format!("<div class=\"charts\">{charts}</div>\n")
}
