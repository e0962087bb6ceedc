//! What the best model gets right: in a sentence, in a few figures, and by what was asked.

use std::cmp::Ordering;

use super::{
    classes, tasks,
    tiles::{self, Tile},
};
use crate::{
    Better, EvaluationRecord, ItemKind, MainMetric, MetricUnit, Results, RunRecord,
    markup::{count, counted, duration, escape, percent, rough, value},
    run::metric::{Known, in_sentence},
};

/// The result in one sentence, and the figures that belong to it.
pub(super) fn opening(run: &RunRecord) -> String {
    let sentence = match (run.evaluations.as_slice(), monitored(run)) {
        ([first, rest @ ..], _) => {
            let others: String =
                rest.iter().map(|other| format!(" {}.", reached(other, run.items))).collect();
            format!(
                "<p class=\"lead\">{}{}.{others}</p>\n",
                reached(first, run.items),
                baseline(first)
            )
        }
        ([], Some(text)) => format!("<p class=\"lead\">{text}</p>\n"),
        ([], None) => String::new(),
    };
    sentence + &tiles(run)
}

pub(super) fn title(evaluation: &EvaluationRecord, items: ItemKind) -> String {
    let noun = if evaluation.pictures == 1 { items.one() } else { items.many() };
    format!("Results on {} {} {noun}", count(evaluation.pictures), evaluation.set)
}

pub(super) fn content(evaluation: &EvaluationRecord, items: ItemKind) -> String {
    match &evaluation.results {
        Results::SingleLabel(found) => classes::content(found, items),
        Results::MultiLabel(found) => tasks::multi_label(found, items),
        Results::Regression(found) => tasks::numbers(found),
    }
}

/// The main metric's interval, such as `88–98%`.
pub(crate) fn interval(evaluation: &EvaluationRecord) -> String {
    let MainMetric { estimate, unit, .. } = evaluation.main();
    match unit {
        MetricUnit::Number => format!("{}–{}", rough(estimate.low), rough(estimate.high)),
        MetricUnit::Share => {
            // Ten thousand examples tell tenths of a percent apart, sixty do not.
            let decimals = if evaluation.pictures < 1000 { 0 } else { 1 };
            let [low, high] = [estimate.low, estimate.high].map(|end| percent(end, decimals));
            format!("{}–{high}", low.trim_end_matches('%'))
        }
    }
}

/// Which of two runs did better: by the main metric, then by the loss, then by the best epoch's metric.
pub(crate) fn rank(one: &RunRecord, other: &RunRecord) -> Ordering {
    let signed = |value: f64, better| if better == Better::Lower { -value } else { value };
    let main = |run: &RunRecord| {
        let MainMetric { estimate, better, .. } = run.evaluations.first()?.main();
        Some(signed(estimate.value, better))
    };
    let loss = |run: &RunRecord| run.evaluations.first().and_then(EvaluationRecord::loss);
    let metric = |run: &RunRecord| best_metric(run).map(|(value, better)| signed(value, better));
    compared(main(one), main(other))
        .then_with(|| compared(loss(other), loss(one)))
        .then_with(|| compared(metric(one), metric(other)))
}

/// The greater is the better; what is NaN is the worst.
fn compared(one: Option<f64>, other: Option<f64>) -> Ordering {
    let number = |value: Option<f64>| value.filter(|value| !value.is_nan());
    number(one).partial_cmp(&number(other)).unwrap_or(Ordering::Equal)
}

/// The monitored metric in the best epoch.
fn best_metric(run: &RunRecord) -> Option<(f64, Better)> {
    let history = run.history.as_ref()?;
    let epoch = history.epochs.iter().find(|epoch| Some(epoch.number) == history.best)?;
    let metric = epoch.validation.iter().find(|metric| metric.name == history.monitored.name)?;
    Some((metric.value, history.monitored.better))
}

/// The best epoch's metric in a sentence, for a run that was not evaluated further.
fn monitored(run: &RunRecord) -> Option<String> {
    let (best, _) = best_metric(run)?;
    let monitored = &run.history.as_ref()?.monitored;
    let name = escape(&in_sentence(&monitored.name));
    let best = value(best, monitored.unit);
    Some(format!("The validation {name} reaches <strong>{best}</strong>."))
}

/// What was reached on a set, such as `98.3% of 60 validation pictures right (91–100%)`.
pub(crate) fn reached(evaluation: &EvaluationRecord, items: ItemKind) -> String {
    let MainMetric { name, estimate, unit, .. } = evaluation.main();
    let EvaluationRecord { set, pictures, results, .. } = evaluation;
    let (reached, interval) = (value(estimate.value, unit), interval(evaluation));
    let (number, set, many) = (count(*pictures), escape(set), items.many());
    let interval = format!("<span class=\"keep\">({interval})</span>");
    match results {
        Results::SingleLabel(_) => {
            format!("<strong>{reached}</strong> of {number} {set} {many} right {interval}")
        }
        _ => {
            let words = Known::of(name).words;
            format!("A {words} of <strong>{reached}</strong> on {number} {set} {many} {interval}")
        }
    }
}

fn baseline(evaluation: &EvaluationRecord) -> String {
    let Some(first) = evaluation.baselines.first() else { return String::new() };
    let MainMetric { unit, .. } = evaluation.main();
    let reaches = match &evaluation.results {
        Results::SingleLabel(_) => "is right for",
        _ => "reaches",
    };
    format!(", where {} {reaches} {}", escape(&first.name), value(first.value, unit))
}

/// The few figures that sum up a run.
fn tiles(run: &RunRecord) -> String {
    let mut tiles: Vec<Tile> = Vec::new();
    if let Some(evaluation) = run.evaluations.first() {
        let MainMetric { title, estimate, unit, .. } = evaluation.main();
        let level = percent(estimate.level, 1);
        let about = format!("{} ({level} interval)", interval(evaluation));
        tiles.push((title.to_owned(), value(estimate.value, unit), about));
        for baseline in &evaluation.baselines {
            let (name, reached) = (escape(&baseline.name), value(baseline.value, unit));
            tiles.push(("For comparison".to_owned(), reached, name));
        }
        tiles.extend(match &evaluation.results {
            Results::SingleLabel(found) => classes::tiles(found),
            Results::MultiLabel(found) => tasks::multi_label_tiles(found),
            Results::Regression(found) => tasks::number_tiles(found),
        });
    }
    if let Some(seconds) = run.environment.seconds {
        let epochs = run.history.as_ref().map_or(0, |history| history.epochs.len());
        let epochs = if epochs > 0 { counted(epochs, "epoch", "epochs") } else { String::new() };
        tiles.push(("Time".to_owned(), duration(seconds), epochs));
    }
    tiles::list(&tiles)
}
