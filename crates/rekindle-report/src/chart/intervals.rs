//! Values with their intervals, one below the other: what overlaps may differ by chance.

use super::{
    draw::{self, Anchor},
    scale::{Axis, Placed},
};

/// Values with their intervals.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IntervalChart {
    /// What is shown; stands above the chart.
    pub title: String,
    /// The axis along the bottom.
    pub axis: Axis,
    /// The rows, from top to bottom.
    pub rows: Vec<IntervalRow>,
}

/// A value and its interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IntervalRow {
    /// What it is of; written before it.
    pub label: String,
    /// The value itself.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
    /// Its place in the palette of colors, dashes and markers.
    pub style: usize,
}

/// Width in pixels.
const WIDTH: f64 = 400.0;
/// Height of a row.
const ROW: f64 = 24.0;
/// Where the first row begins.
const TOP: f64 = 28.0;

/// Draws a point and its interval for each row.
pub fn interval_chart(chart: &IntervalChart) -> String {
    let height = TOP + ROW * chart.rows.len() as f64 + 26.0;
    let heading = draw::heading(&chart.title, WIDTH);
    let values: Vec<f64> =
        chart.rows.iter().flat_map(|row| [row.low, row.value, row.high]).collect();
    let Some(x) = Placed::around(&chart.axis, &values, 4.0) else {
        let empty = draw::faint(0.0, TOP + 16.0, Anchor::Start, "nothing to draw");
        return draw::svg(WIDTH, height, &chart.title, &(heading + &empty));
    };
    let labels = chart.rows.iter().map(|row| draw::width(&row.label)).fold(0.0, f64::max);
    let left = labels.min(WIDTH * 0.4) + 14.0;
    let (right, bottom) = (WIDTH - 20.0, height - 24.0);
    let x = x.over(left, right);

    let mut drawn = heading;
    for tick in x.ticks() {
        let at = x.clamped(tick.value);
        drawn.push_str(&draw::rule((at, TOP), (at, bottom), 0.13));
        drawn.push_str(&draw::faint(at, bottom + 17.0, Anchor::Middle, &tick.label));
    }
    let mut spoken = Vec::new();
    for (place, row) in chart.rows.iter().enumerate() {
        let y = TOP + ROW * (place as f64 + 0.5);
        let label = draw::shortened(&row.label, left - 14.0);
        let mut shape = draw::text(left - 14.0, y + 4.0, Anchor::End, &label);
        if let (Some(low), Some(high)) = (x.place(row.low), x.place(row.high)) {
            shape.push_str(&format!(
                "<path d=\"M{low:.1} {:.1}v8m0-4H{high:.1}m0-4v8\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
                y - 4.0,
                draw::color(row.style)
            ));
        }
        if let Some(at) = x.place(row.value) {
            shape.push_str(&draw::markers(row.style, &[(at, y)]));
        }
        let [value, low, high] = [row.value, row.low, row.high].map(|value| x.written(value));
        drawn.push_str(&draw::hint(&format!("{}\n{value}\n{low} to {high}", row.label), &shape));
        spoken.push(format!("{} {value}, {low} to {high}", row.label));
    }
    draw::svg(WIDTH, height, &format!("{}: {}", chart.title, spoken.join("; ")), &drawn)
}
