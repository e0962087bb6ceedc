//! Series with what was said of them and what comes next, between the ends of intervals; and what that is made of.

use super::{super::figure, whole};
use crate::{
    ForecastParts, ForecastRecord, SeriesForecast, StepsAhead,
    chart::{Area, Legend, LineChart, Mark, Series, area_swatch, line_chart, swatch},
    markup::{escape, number, percent},
};

/// Places in the palette: what is known, what followed, and what is forecast.
const KNOWN: usize = 0;
const RIGHT: usize = 4;
const SAID: usize = 1;

/// A chart a series, with one key for all.
pub(super) fn forecasts(record: &ForecastRecord) -> String {
    if record.series.is_empty() {
        return String::new();
    }
    let charts: String = record.series.iter().map(|it| chart(it, record)).collect();
    format!("{}<div class=\"charts\">{charts}</div>\n", key(record))
}

fn key(record: &ForecastRecord) -> String {
    let mut entries = vec![(swatch(KNOWN), "what was known".to_owned())];
    if record.series.iter().any(|it| !it.right.is_empty()) {
        entries.push((swatch(RIGHT), "what was measured on".to_owned()));
    }
    entries.push((swatch(SAID), format!("forecasts of {}", record.best)));
    let intervals = record.series.first().map(|it| widest_first(&it.next.intervals));
    for (place, (level, _)) in intervals.iter().flatten().enumerate() {
        entries.push((area_swatch(SAID, place + 1), format!("{} interval", percent(*level, 1))));
    }
    let entry = |(swatch, words): &(String, String)| format!("<li>{swatch}{}</li>", escape(words));
    format!("<ul class=\"key\">{}</ul>\n", entries.iter().map(entry).collect::<String>())
}

type Interval = (f64, Vec<[f64; 2]>);

/// Lest what is narrow lies below what is wide.
fn widest_first(intervals: &[Interval]) -> Vec<&Interval> {
    let mut sorted: Vec<&Interval> = intervals.iter().collect();
    sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
    sorted
}

fn chart(it: &SeriesForecast, record: &ForecastRecord) -> String {
    let SeriesForecast { name, times, history, right, measured, next, .. } = it;
    let known = history.len();
    // So that both lines touch.
    let joint = known.saturating_sub(1);
    let followed: Vec<f64> = history.iter().skip(joint).chain(right).copied().collect();
    let mut series = vec![line("known", 0, history, KNOWN)];
    if !right.is_empty() {
        series.push(line("right", joint, &followed, RIGHT));
    }
    let ahead: Vec<&StepsAhead> = measured.iter().chain([next]).collect();
    series.extend(ahead.iter().map(|ahead| line(&record.best, ahead.first, &ahead.points, SAID)));
    let mut marks = Vec::new();
    if let Some(measured) = measured.as_ref().filter(|it| it.first > 0) {
        marks.push(Mark { label: String::new(), at: measured.first as f64 - 0.5 });
    }
    if next.first > 0 {
        marks.push(Mark { label: String::new(), at: next.first as f64 - 0.5 });
    }
    let chart = LineChart {
        title: name.clone(),
        width: 420.0,
        height: 250.0,
        x: whole(""),
        names: times.clone(),
        series,
        areas: ahead.into_iter().flat_map(areas).collect(),
        marks,
        legend: Legend::Hidden,
        ..LineChart::default()
    };
    figure("chart-box", &line_chart(&chart), &escape(&words(it, &record.metric)))
}

/// How well it was forecast.
fn words(SeriesForecast { errors, about, .. }: &SeriesForecast, metric: &str) -> String {
    let errors = errors.map(|[best, naive]| {
        format!("{metric} {}, of repeating values {}", number(best), number(naive))
    });
    let parts = [errors.unwrap_or_default(), about.clone()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

fn line(name: &str, first: usize, values: &[f64], style: usize) -> Series {
    let points = values.iter().enumerate();
    let points = points.map(|(step, value)| ((first + step) as f64, *value)).collect();
    Series { name: name.to_owned(), points, style }
}

/// The intervals, the widest behind the others.
fn areas(ahead: &StepsAhead) -> Vec<Area> {
    let area = |(level, ends): &Interval| {
        let points = ends.iter().enumerate();
        let points = points.map(|(step, [low, high])| ((ahead.first + step) as f64, *low, *high));
        Area { name: percent(*level, 1), points: points.collect(), style: SAID }
    };
    widest_first(&ahead.intervals).into_iter().map(area).collect()
}

/// What stacks add to forecasts, a chart a network and series.
pub(super) fn parts(record: &ForecastRecord) -> String {
    let chart = |it: &ForecastParts| {
        let lines = it.parts.iter().enumerate();
        let chart = LineChart {
            title: format!("{}: {}", it.model, it.series),
            x: whole(""),
            names: it.times.clone(),
            series: lines.map(|(style, (name, values))| line(name, 0, values, style)).collect(),
            ..LineChart::default()
        };
        let words =
            format!("All are added to {}, from which the network counts.", number(it.shift));
        figure("chart-box", &line_chart(&chart), &words)
    };
    let charts: String = record.parts.iter().map(chart).collect();
    if charts.is_empty() {
        return charts;
    }
    format!(
        "<p>What each stack of a network adds to what it expects, in units of the series. The sum is the forecast.</p>\n\
         <div class=\"charts\">{charts}</div>\n"
    )
}
