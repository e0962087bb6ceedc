//! Bars side by side: one group for each row, one bar in it for each series.

use super::draw::{self, Anchor};
use crate::markup;

/// Bars that start at zero, from the left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarChart {
    /// What is shown; stands above the chart.
    pub title: String,
    /// What the bars of a row are, in order; named above the chart if there are several.
    pub series: Vec<String>,
    /// The rows, from top to bottom.
    pub rows: Vec<BarRow>,
}

/// A row of bars.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarRow {
    /// What it is; written before it.
    pub label: String,
    /// A value for each series, at least zero.
    pub values: Vec<f64>,
}

/// Width in pixels.
const WIDTH: f64 = 400.0;
/// Height of a bar, its distance to the next one included.
const BAR: f64 = 14.0;
/// Room between two rows.
const GAP: f64 = 8.0;

/// Draws a row of bars for each label, each with its value.
pub fn bar_chart(chart: &BarChart) -> String {
    let values = || chart.rows.iter().flat_map(|row| &row.values).filter(|value| value.is_finite());
    let most = values().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let digits = values().map(|value| draw::width(&written(*value))).fold(0.0, f64::max);
    let labels = chart.rows.iter().map(|row| draw::width(&row.label)).fold(0.0, f64::max);
    let left = labels.min(WIDTH * 0.4) + 8.0;
    let room = WIDTH - left - digits - 10.0;

    let mut drawn = draw::heading(&chart.title, WIDTH);
    let mut y = 26.0;
    if chart.series.len() > 1 {
        let mut x = 0.0;
        let room = WIDTH / chart.series.len() as f64 - 31.0;
        for (place, name) in chart.series.iter().enumerate() {
            let name = &draw::shortened(name, room);
            drawn.push_str(&bar(x, y, 12.0, place));
            drawn.push_str(&draw::text(x + 17.0, y + 10.0, Anchor::Start, name));
            x += 31.0 + draw::width(name);
        }
        y += 26.0;
    }
    for row in &chart.rows {
        let high = BAR * row.values.len() as f64;
        let label = draw::shortened(&row.label, left - 8.0);
        let mut shape = draw::text(left - 8.0, y + high / 2.0 + 3.0, Anchor::End, &label);
        for (place, value) in row.values.iter().enumerate() {
            let top = y + BAR * place as f64;
            let wide = if value.is_finite() { room * (value.max(0.0) / most) } else { 0.0 };
            shape.push_str(&bar(left, top, wide.max(1.0), place));
            shape.push_str(&draw::faint(
                left + wide + 6.0,
                top + 10.0,
                Anchor::Start,
                &written(*value),
            ));
        }
        drawn.push_str(&draw::hint(&row.label, &shape));
        y += high + GAP;
    }
    let rows: Vec<String> = chart.rows.iter().map(spoken).collect();
    draw::svg(WIDTH, y, &format!("{}: {}", chart.title, rows.join("; ")), &drawn)
}

/// A bar; those of every other series are outlined, lest color alone tell them apart.
fn bar(x: f64, y: f64, wide: f64, place: usize) -> String {
    let color = draw::color(place);
    let opacity = if place.is_multiple_of(2) { "1" } else { ".25" };
    let high = BAR - 3.0;
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high}\" rx=\"1.5\" fill=\"{color}\" stroke=\"{color}\" fill-opacity=\"{opacity}\"/>"
    )
}

fn written(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        markup::count(value as usize)
    } else {
        markup::number(value)
    }
}

fn spoken(row: &BarRow) -> String {
    let values: Vec<String> = row.values.iter().map(|value| written(*value)).collect();
    format!("{} {}", row.label, values.join(" and "))
}
