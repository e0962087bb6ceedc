//! How training went: curves by epoch, the phases behind them, and all numbers below.

use super::{figure, table};
use crate::{
    EpochRecord, History, Metric, MetricUnit, Monitored, PlanRecord, RunRecord,
    chart::{Axis, AxisScale, Band, LineChart, Mark, Series, line_chart},
    markup::{counted, duration, escape, number, value},
    run::metric::{in_sentence, title},
};

/// The name of the loss among the metrics.
pub(crate) const LOSS: &str = "loss";

pub(super) fn content(run: &RunRecord) -> String {
    let Some(history) = run.history.as_ref().filter(|history| !history.epochs.is_empty()) else {
        return String::new();
    };
    let bands = bands(history, run.plan.as_ref());
    let Monitored { name, unit, .. } = &history.monitored;
    let mut charts = chart(history, &bands, "Loss", LOSS, MetricUnit::Number);
    if name != LOSS {
        charts += &chart(history, &bands, &title(name), name, *unit);
    } else if let Some(name) = other_metric(history) {
        charts += &chart(history, &bands, &title(name), name, MetricUnit::of(name));
    }
    charts += &rates_chart(history, &bands);
    format!(
        "<p>{}</p>\n<div class=\"charts\">{charts}</div>\n{}",
        summary(history),
        epochs(history)
    )
}

/// The first metric that is not the loss.
fn other_metric(history: &History) -> Option<&str> {
    let metrics = history.epochs.iter().flat_map(|epoch| &epoch.validation);
    metrics.map(|metric| metric.name.as_str()).find(|name| *name != LOSS)
}

/// The metric's values by epoch.
pub(crate) fn series(
    epochs: &[EpochRecord],
    set: fn(&EpochRecord) -> &[Metric],
    metric: &str,
) -> Vec<(f64, f64)> {
    let point = |epoch: &EpochRecord| {
        let value = set(epoch).iter().find(|value| value.name == metric)?.value;
        Some((epoch.number as f64, value))
    };
    epochs.iter().filter_map(point).collect()
}

/// The phases as stretches of the axis of epochs; none if there is but one.
fn bands(history: &History, plan: Option<&PlanRecord>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for epoch in &history.epochs {
        let (from, to) = (epoch.number as f64 - 0.5, epoch.number as f64 + 0.5);
        match bands.last_mut() {
            Some(band) if band.label == epoch.phase => band.to = to,
            _ => bands.push(Band { label: epoch.phase.clone(), from, to }),
        }
    }
    let unnamed = bands.iter().all(|band| band.label.is_empty());
    if let (true, Some(plan)) = (unnamed, plan) {
        let last = last_epoch(history) as f64 + 0.5;
        let phases = plan.phases.iter().map(|phase| {
            let from = phase.first_epoch as f64 - 0.5;
            let to = (from + phase.epochs as f64).min(last);
            Band { label: phase.name.clone(), from, to }
        });
        bands = phases.filter(|band| band.from < band.to).collect();
    }
    if bands.len() > 1 { bands } else { Vec::new() }
}

/// The number of the last epoch.
fn last_epoch(history: &History) -> usize {
    history.epochs.last().map_or(0, |epoch| epoch.number)
}

/// The rates of groups by epoch, those that are always the same told once. Frozen ones have none.
pub(crate) fn rates(history: &History) -> Vec<Series> {
    let mut groups: Vec<&str> = Vec::new();
    for rate in history.epochs.iter().flat_map(|epoch| &epoch.rates) {
        if !groups.contains(&rate.group.as_str()) {
            groups.push(&rate.group);
        }
    }
    let mut told: Vec<Series> = Vec::new();
    for group in groups {
        let point = |epoch: &EpochRecord| {
            let rate = epoch.rates.iter().find(|rate| rate.group == group)?.rate;
            // Zero has no place on a logarithmic axis; NaN breaks the line there.
            Some((epoch.number as f64, if rate > 0.0 { rate } else { f64::NAN }))
        };
        let points: Vec<(f64, f64)> = history.epochs.iter().filter_map(point).collect();
        if points.iter().all(|(_, rate)| rate.is_nan()) {
            continue;
        }
        match told.iter_mut().find(|other| same(&other.points, &points)) {
            Some(other) => {
                let first = other.name.split(TO).next().unwrap_or_default();
                other.name = format!("{first}{TO}{group}");
            }
            None => told.push(Series { name: group.to_owned(), points, style: told.len() }),
        }
    }
    told
}

/// What stands between the first and the last of several groups.
const TO: &str = " to ";

/// Whether two lines lie on each other, gaps included.
fn same(one: &[(f64, f64)], other: &[(f64, f64)]) -> bool {
    let bits = |(epoch, rate): &(f64, f64)| (epoch.to_bits(), rate.to_bits());
    one.iter().map(bits).eq(other.iter().map(bits))
}

fn chart(history: &History, bands: &[Band], title: &str, metric: &str, unit: MetricUnit) -> String {
    let line = |name: &str, set, style| Series {
        name: name.to_owned(),
        points: series(&history.epochs, set, metric),
        style,
    };
    let train = line("training", |epoch| epoch.train.as_slice(), 0);
    let validation = line("validation", |epoch| epoch.validation.as_slice(), 1);
    let mut lines = vec![train, validation];
    lines.retain(|line| !line.points.is_empty());
    if lines.is_empty() {
        return String::new();
    }
    let best = history.best.map(|best| Mark { label: "best".to_owned(), at: best as f64 });
    let chart = LineChart {
        title: title.to_owned(),
        x: Axis { label: "epoch".to_owned(), scale: AxisScale::Whole, unit: MetricUnit::Number },
        y: Axis { unit, ..Axis::default() },
        series: lines,
        bands: bands.to_vec(),
        marks: best.into_iter().collect(),
        ..LineChart::default()
    };
    figure("chart-box", &line_chart(&chart), "")
}

fn rates_chart(history: &History, bands: &[Band]) -> String {
    let lines = rates(history);
    if lines.is_empty() {
        return String::new();
    }
    let chart = LineChart {
        title: "Learning rate at the end of each epoch".to_owned(),
        x: Axis { label: "epoch".to_owned(), scale: AxisScale::Whole, unit: MetricUnit::Number },
        y: Axis { scale: AxisScale::Log, ..Axis::default() },
        series: lines,
        bands: bands.to_vec(),
        ..LineChart::default()
    };
    figure("chart-box", &line_chart(&chart), "")
}

/// The best epoch, in a sentence.
fn summary(history: &History) -> String {
    let Monitored { name, unit, .. } = &history.monitored;
    let seconds: f64 = history.epochs.iter().map(|epoch| epoch.seconds).sum();
    let length =
        format!("{} in {}", counted(history.epochs.len(), "epoch", "epochs"), duration(seconds));
    let best = history.best.and_then(|best| {
        let epoch = history.epochs.iter().find(|epoch| epoch.number == best)?;
        let metric = epoch.validation.iter().find(|metric| &metric.name == name)?;
        Some(format!(
            "; the best is epoch {best}, with a validation {} of {}",
            escape(&in_sentence(name)),
            value(metric.value, *unit)
        ))
    });
    length + &best.unwrap_or_default() + "."
}

/// Every number, for whoever does not see the charts or wants to know exactly.
fn epochs(history: &History) -> String {
    let mut names: Vec<&str> = Vec::new();
    for epoch in &history.epochs {
        for metric in epoch.train.iter().chain(&epoch.validation) {
            if !names.contains(&metric.name.as_str()) {
                names.push(&metric.name);
            }
        }
    }
    let mut heads = vec!["Epoch".to_owned(), "Phase".to_owned()];
    for name in &names {
        heads.push(format!("Training {}", escape(name)));
        heads.push(format!("Validation {}", escape(name)));
    }
    heads.push("Time".to_owned());
    let row = |epoch: &EpochRecord| {
        let mark = if history.best == Some(epoch.number) { " (best)" } else { "" };
        let mut cells = vec![format!("{}{mark}", epoch.number), escape(&epoch.phase)];
        for name in &names {
            for set in [&epoch.train, &epoch.validation] {
                let metric = set.iter().find(|metric| &metric.name == name);
                let unit = if *name == history.monitored.name {
                    history.monitored.unit
                } else {
                    MetricUnit::of(name)
                };
                cells.push(
                    metric.map_or_else(|| number(f64::NAN), |metric| value(metric.value, unit)),
                );
            }
        }
        cells.push(duration(epoch.seconds));
        cells
    };
    let rows: Vec<Vec<String>> = history.epochs.iter().map(row).collect();
    let table = table("numbers second-is-text", "Every epoch", &heads, &rows);
    format!("<details><summary>All numbers by epoch</summary>{table}</details>\n")
}
