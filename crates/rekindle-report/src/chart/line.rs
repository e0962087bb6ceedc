//! Lines over an axis, with areas and bands behind them: losses by epoch, a loss by rate, values by date.

use super::{
    Area,
    draw::{self, Anchor},
    named,
    scale::{Axis, AxisScale, Placed, drawable},
};

/// Lines, and what they are drawn over.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// What is shown; stands above the chart.
    pub title: String,
    /// Width in pixels, at least 200.
    pub width: f64,
    /// Height in pixels, at least 120.
    pub height: f64,
    /// The axis along the bottom.
    pub x: Axis,
    /// The axis along the left.
    pub y: Axis,
    /// What places 0, 1, 2 and so on of the bottom axis are called, such as dates; empty where they are what they are.
    pub names: Vec<String>,
    /// The lines.
    pub series: Vec<Series>,
    /// Stretches between two lines, behind all of those. No legend names them.
    pub areas: Vec<Area>,
    /// Stretches of the bottom axis that are shaded in turn, such as phases.
    pub bands: Vec<Band>,
    /// Places on the bottom axis that are marked, such as the best epoch.
    pub marks: Vec<Mark>,
    /// Whether the lines are named above the chart.
    pub legend: Legend,
}

impl Default for LineChart {
    fn default() -> Self {
        Self {
            title: String::new(),
            width: 400.0,
            height: 270.0,
            x: Axis::default(),
            y: Axis::default(),
            names: Vec::new(),
            series: Vec::new(),
            areas: Vec::new(),
            bands: Vec::new(),
            marks: Vec::new(),
            legend: Legend::Shown,
        }
    }
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// Its points in drawing order; the line breaks where one cannot be drawn.
    pub points: Vec<(f64, f64)>,
    /// Its place in the palette of colors, dashes and markers.
    pub style: usize,
}

/// A stretch of the bottom axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Band {
    /// What it is; written above it.
    pub label: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// A place on the bottom axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mark {
    /// What it is; written beside it.
    pub label: String,
    /// Where it is.
    pub at: f64,
}

/// Whether the lines of a chart are named above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legend {
    /// They are.
    Shown,
    /// They are named elsewhere.
    Hidden,
}

/// Above how many points a line a marker at each would hide the line.
const MOST_MARKERS: usize = 40;
/// Nearer to each other than so many pixels they hide it too.
const LEAST_APART: f64 = 6.5;
/// How many places of the bottom axis answer when pointed at.
const MOST_HINTS: usize = 300;

/// Draws lines over an axis.
pub fn line_chart(chart: &LineChart) -> String {
    let (width, height) = (chart.width.max(200.0), chart.height.max(120.0));
    let (legend, legend_height) = legend(chart, width);
    let heading = draw::heading(&chart.title, width) + &legend;
    let points = || {
        let lines = chart.series.iter().flat_map(|series| series.points.iter().copied());
        lines.chain(chart.areas.iter().flat_map(Area::corners))
    };
    let seen = |&(x, y): &(f64, f64)| drawable(chart.x.scale, x) && drawable(chart.y.scale, y);
    let mut xs: Vec<f64> = points().filter(seen).map(|(x, _)| x).collect();
    if chart.x.scale == AxisScale::Whole {
        // All epochs have their place, those without a value too.
        xs.extend(points().map(|(x, _)| x));
    }
    let ys: Vec<f64> = points().filter(seen).map(|(_, y)| y).collect();
    let (Some(x), Some(y)) = (
        Placed::around(&chart.x, &xs, width / 55.0),
        Placed::around(&chart.y, &ys, (height - legend_height) / 42.0),
    ) else {
        let empty = draw::faint(0.0, legend_height + 40.0, Anchor::Start, "nothing to draw");
        return draw::svg(
            width,
            height,
            &format!("{}: nothing to draw", chart.title),
            &(heading + &empty),
        );
    };

    let ticks = y.ticks();
    let labels = ticks.iter().map(|tick| draw::width(&tick.label)).fold(0.0, f64::max);
    let above = if chart.bands.is_empty() && chart.marks.is_empty() { 8.0 } else { 22.0 };
    let axis_label = if chart.x.label.is_empty() { 0.0 } else { 17.0 };
    let frame = Frame {
        left: labels + 8.0,
        right: width - 6.0,
        top: 20.0 + legend_height + above,
        bottom: height - 20.0 - axis_label,
    };
    let (x, y) = (x.over(frame.left, frame.right), y.over(frame.bottom, frame.top));
    let content = [
        heading,
        bands(&chart.bands, &x, &frame),
        grid(&ticks, &y, &frame),
        bottom(chart, &x, &frame, height),
        chart.areas.iter().map(|area| area.drawn(&x, &y)).collect(),
        marks(&chart.marks, &x, &frame),
        chart.series.iter().map(|series| curve(series, &x, &y)).collect(),
        hints(chart, &x, &y, &frame),
    ];
    draw::svg(width, height, &spoken(chart, &y), &content.concat())
}

/// The part of a chart that lines are drawn in, in pixels.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Names of the lines, in as many rows as they take, and the height of these.
fn legend(chart: &LineChart, width: f64) -> (String, f64) {
    const ROW: f64 = 18.0;
    if chart.legend == Legend::Hidden || chart.series.is_empty() {
        return (String::new(), 0.0);
    }
    let (mut x, mut y, mut drawn) = (0.0, 32.0, String::new());
    for series in &chart.series {
        let name = draw::shortened(&series.name, width - 36.0);
        let needed = 30.0 + draw::width(&name);
        if x > 0.0 && x + needed > width {
            (x, y) = (0.0, y + ROW);
        }
        drawn.push_str(&draw::sample(x, y - 4.0, series.style));
        drawn.push_str(&draw::text(x + 30.0, y, Anchor::Start, &name));
        x += needed + 14.0;
    }
    (drawn, y - 32.0 + ROW)
}

/// Shades every second band and names all; by number where a name does not fit.
fn bands(bands: &[Band], x: &Placed, frame: &Frame) -> String {
    let ends = |band: &Band| (x.clamped(band.from), x.clamped(band.to));
    let fits = bands.iter().all(|band| {
        let (from, to) = ends(band);
        draw::width(&band.label) + 4.0 <= to - from
    });
    let draw_band = |(place, band): (usize, &Band)| {
        let (from, to) = ends(band);
        let ink = if place.is_multiple_of(2) { 0.055 } else { 0.0 };
        let (top, wide, high) = (frame.top - 18.0, to - from, frame.bottom - frame.top + 18.0);
        let shade = format!(
            "<rect x=\"{from:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill-opacity=\"{ink}\"/>"
        );
        let label = if fits { band.label.clone() } else { (place + 1).to_string() };
        let named = draw::faint((from + to) / 2.0, frame.top - 5.0, Anchor::Middle, &label);
        draw::hint(&band.label, &(shade + &named))
    };
    bands.iter().enumerate().map(draw_band).collect()
}

fn grid(ticks: &[super::scale::Tick], y: &Placed, frame: &Frame) -> String {
    let line = |tick: &super::scale::Tick| {
        let at = y.clamped(tick.value);
        let label = draw::faint(frame.left - 6.0, at + 4.0, Anchor::End, &tick.label);
        draw::rule((frame.left, at), (frame.right, at), 0.13) + &label
    };
    ticks.iter().map(line).collect()
}

fn bottom(chart: &LineChart, x: &Placed, frame: &Frame, height: f64) -> String {
    let mut drawn = draw::rule((frame.left, frame.bottom), (frame.right, frame.bottom), 0.5);
    let mut free = 0.0;
    let ticks = match chart.names.as_slice() {
        [] => x.ticks(),
        names => named::ticks(names, frame.right - frame.left),
    };
    for tick in ticks {
        let at = x.clamped(tick.value);
        drawn.push_str(&draw::rule((at, frame.bottom), (at, frame.bottom + 4.0), 0.5));
        let half = draw::width(&tick.label) / 2.0;
        // Kept inside the chart, and off its neighbor.
        let middle = at.min(frame.right + 6.0 - half);
        if middle - half >= free {
            drawn.push_str(&draw::faint(middle, frame.bottom + 17.0, Anchor::Middle, &tick.label));
            free = middle + half + 6.0;
        }
    }
    let middle = (frame.left + frame.right) / 2.0;
    drawn + &draw::faint(middle, height - 4.0, Anchor::Middle, &chart.x.label)
}

fn marks(marks: &[Mark], x: &Placed, frame: &Frame) -> String {
    let mark = |mark: &Mark| {
        let at = x.place(mark.at)?;
        let line = format!(
            "<path d=\"M{at:.1} {:.1}V{:.1}\" stroke=\"currentColor\" stroke-opacity=\".6\" stroke-dasharray=\"1.5 3\"/>",
            frame.top, frame.bottom
        );
        // On the side that has room.
        let (anchor, beside) = if at + draw::width(&mark.label) + 6.0 > frame.right {
            (Anchor::End, at - 5.0)
        } else {
            (Anchor::Start, at + 5.0)
        };
        Some(line + &draw::faint(beside, frame.bottom - 6.0, anchor, &mark.label))
    };
    marks.iter().filter_map(mark).collect()
}

/// The line, broken where a point cannot be drawn, and its markers.
fn curve(series: &Series, x: &Placed, y: &Placed) -> String {
    let placed: Vec<Option<(f64, f64)>> =
        series.points.iter().map(|(at, value)| x.place(*at).zip(y.place(*value))).collect();
    let pieces = placed.split(Option::is_none).filter(|piece| piece.len() > 1);
    let path: String = pieces.map(joined).collect();
    let points: Vec<(f64, f64)> = placed.iter().flatten().copied().collect();
    let line = if path.is_empty() {
        String::new()
    } else {
        format!("<path d=\"{path}\" {}/>", draw::stroke(series.style))
    };
    // A point without neighbors is seen by its marker alone.
    let alone = placed.split(Option::is_none).filter(|piece| piece.len() == 1);
    let long = points.first().zip(points.last()).map_or(0.0, |(first, last)| last.0 - first.0);
    let dense = points.len() > 1 && long.abs() < LEAST_APART * (points.len() - 1) as f64;
    let marked: Vec<(f64, f64)> = if dense || points.len() > MOST_MARKERS {
        alone.flatten().flatten().copied().collect()
    } else {
        points
    };
    line + &draw::markers(series.style, &marked)
}

fn joined(piece: &[Option<(f64, f64)>]) -> String {
    let points = piece.iter().flatten().enumerate();
    points.map(|(i, (x, y))| format!("{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" })).collect()
}

/// For each place on the bottom axis, all values there.
fn hints(chart: &LineChart, x: &Placed, y: &Placed, frame: &Frame) -> String {
    let mut places: Vec<f64> =
        chart.series.iter().flat_map(|series| series.points.iter().map(|point| point.0)).collect();
    places.retain(|place| x.place(*place).is_some());
    places.sort_by(f64::total_cmp);
    places.dedup();
    if places.len() > MOST_HINTS {
        return String::new();
    }
    let at: Vec<f64> = places.iter().map(|place| x.clamped(*place)).collect();
    let hint = |(index, place): (usize, &f64)| {
        let before = index.checked_sub(1).map_or(frame.left, |i| (at[i] + at[index]) / 2.0);
        let after = at.get(index + 1).map_or(frame.right, |next| (at[index] + next) / 2.0);
        let value = |series: &Series| {
            let point = series.points.iter().find(|point| point.0 == *place)?;
            Some(format!("\n{}: {}", series.name, y.written(point.1)))
        };
        let values: String = chart.series.iter().filter_map(value).collect();
        let within = |area: &Area| {
            let (_, low, high) = area.points.iter().find(|point| point.0 == *place)?;
            Some(format!("\n{}: {} to {}", area.name, y.written(*low), y.written(*high)))
        };
        let areas: String = chart.areas.iter().filter_map(within).collect();
        let words = match chart.names.get(*place as usize) {
            Some(name) => format!("{name}{values}{areas}"),
            None => format!("{} {}{values}{areas}", chart.x.label, x.written(*place)),
        };
        let (top, high, wide) = (frame.top, frame.bottom - frame.top, after - before);
        let shape = format!(
            "<rect x=\"{before:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill-opacity=\"0\"/>\
             <path class=\"cursor\" d=\"M{:.1} {top:.1}v{high:.1}\" stroke=\"currentColor\" stroke-opacity=\"0\"/>",
            at[index]
        );
        draw::hint(words.trim(), &shape)
    };
    places.iter().enumerate().map(hint).collect()
}

/// Where each line begins and ends.
fn spoken(chart: &LineChart, y: &Placed) -> String {
    let ends = |series: &Series| {
        let mut values =
            series.points.iter().map(|point| point.1).filter(|v| drawable(chart.y.scale, *v));
        let first = values.next()?;
        let last = values.next_back().unwrap_or(first);
        Some(format!("{} from {} to {}", series.name, y.written(first), y.written(last)))
    };
    let ends: Vec<String> = chart.series.iter().filter_map(ends).collect();
    let by = match chart.x.label.as_str() {
        "" => String::new(),
        label => format!(" by {label}"),
    };
    format!("{}{by}: {}", chart.title, ends.join("; "))
}
