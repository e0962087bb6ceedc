//! What the lessons share: the table that they print, and charts of losses by epoch.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use rekindle::{
    metrics::{Estimate, Predictions, accuracy_interval},
    report::chart::{Axis, AxisScale, LineChart, Series, line_chart},
    train::{Epoch, LOSS},
};

/// The names of the columns.
pub(crate) fn heading(measure: &str) {
    println!("{:<24} {measure:>10} {:>19} {:>8}  the course", "way", "95%", "seconds");
}

/// What the course has, which is of real data and says nothing beside what is made here.
pub(crate) fn course<'a>(data: Option<&PathBuf>, number: &'a str) -> &'a str {
    data.map_or("", |_| number)
}

/// A row: a way, its accuracy on the test part, how long it took, and what the course has, where it has something.
pub(crate) fn accuracy(way: &str, predictions: &Predictions, seconds: f64, course: &str) -> f64 {
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    let accuracy = predictions.top(1);
    row(
        way,
        Estimate::new(accuracy, accuracy_interval(predictions), 0.95),
        percent,
        (seconds, course),
    );
    accuracy
}

/// A row of an error in units of what is learned.
pub(crate) fn error(way: &str, error: Estimate, seconds: f64, course: &str) -> f64 {
    let number = |number: f64| match number.abs() {
        ..10.0 => format!("{number:.3}"),
        ..100.0 => format!("{number:.2}"),
        _ => format!("{number:.0}"),
    };
    row(way, error, number, (seconds, course));
    error.value
}

fn row(way: &str, found: Estimate, shown: impl Fn(f64) -> String, (seconds, course): (f64, &str)) {
    let interval = match found.low.is_nan() {
        true => String::new(),
        false => format!("{} to {}", shown(found.low), shown(found.high)),
    };
    println!("{way:<24} {:>10} {interval:>19} {seconds:>8.1}  {course}", shown(found.value));
}

/// The losses of training and validation by epoch, of one run or of several, as an SVG.
pub(crate) fn draw_losses(path: &Path, runs: &[(&str, &[Epoch])]) -> Result<()> {
    let of = |name: &str, style, epochs: &[Epoch], value: fn(&Epoch) -> Option<f64>| Series {
        name: name.to_owned(),
        points: epochs
            .iter()
            .filter_map(|epoch| Some((epoch.number as f64, value(epoch)?)))
            .collect(),
        style,
    };
    let series = runs.iter().enumerate().flat_map(|(place, (name, epochs))| {
        [
            of(&format!("{name}, training"), 2 * place, epochs, |epoch| epoch.train.get(LOSS)),
            of(&format!("{name}, validation"), 2 * place + 1, epochs, |epoch| epoch.val.get(LOSS)),
        ]
    });
    let chart = LineChart {
        title: "Loss by epoch".to_owned(),
        width: 640.0,
        height: 400.0,
        x: Axis { scale: AxisScale::Whole, ..Axis::default() },
        series: series.collect(),
        ..LineChart::default()
    };
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, line_chart(&chart))?;
    println!("losses: {}", path.display());
    Ok(())
}
