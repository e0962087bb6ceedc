//! What came of a ladder, as a table and as plots.

use std::collections::BTreeMap;

use rekindle::report::{
    MetricUnit,
    chart::{Axis, AxisScale, LineChart, Series, line_chart},
};

use super::{super::answers::shown, Row};

/// A row a run, in Markdown.
pub(super) fn table(rows: &[Row], many: &str) -> String {
    let metric = rows.first().map_or("accuracy", |row| row.metric.as_str());
    let mut text = format!(
        "| rung | candidate | classes | {many} | {metric} | 95% | test | seconds |\n|---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let [value, low, high] = [row.value, row.low, row.high].map(|x| shown(metric, x));
        let test = row.test.map_or_else(String::new, |test| shown(metric, test));
        text += &format!(
            "| {} | {} | {} | {} | {value} | {low} to {high} | {test} | {:.1} |\n",
            row.rung,
            row.candidate.replace('|', "\\|"),
            row.classes,
            row.pictures,
            row.seconds
        );
    }
    text
}

/// Accuracy by what it takes, a line a candidate.
pub(super) fn plot(rows: &[Row], label: &str, x: fn(&Row) -> f64) -> String {
    let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        lines.entry(&row.candidate).or_default().push((x(row), row.value));
    }
    let metric = rows.first().map_or("accuracy", |row| row.metric.as_str());
    let unit = if ["mae", "rmse", "r2"].contains(&metric) {
        MetricUnit::Number
    } else {
        MetricUnit::Share
    };
    let series = lines.into_iter().enumerate().map(|(style, (name, mut points))| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { name: name.to_owned(), points, style }
    });
    line_chart(&LineChart {
        title: format!("Validation {metric} by {label}"),
        width: 720.0,
        height: 420.0,
        x: Axis { label: label.to_owned(), scale: AxisScale::Log, ..Axis::default() },
        y: Axis { unit, ..Axis::default() },
        series: series.collect(),
        ..LineChart::default()
    })
}
