//! Confidence against accuracy: points on the diagonal are as right as they are sure.
//!
//! After DeGroot & Fienberg 1983, "The comparison and evaluation of forecasters".

use rekindle_metrics::Bin;

use super::{
    draw::{self, Anchor},
    scale::{Axis, Placed},
};
use crate::{
    ItemKind, MetricUnit,
    markup::{counted, percent, total},
};

/// How far probabilities can be trusted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReliabilityChart {
    /// What is shown; stands above the chart.
    pub title: String,
    /// What the examples are.
    pub items: ItemKind,
    /// Examples by the probability of their first guess, from low to high.
    pub bins: Vec<Bin>,
}

/// Width and height in pixels.
const SIZE: (f64, f64) = (400.0, 400.0);
const LEFT: f64 = 60.0;
const RIGHT: f64 = 388.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 290.0;
/// Where the counts stand on, and how high they are at most.
const COUNTS: (f64, f64) = (362.0, 40.0);

/// Draws a point for each bin, its distance to the diagonal, and how many examples it stands for.
pub fn reliability_chart(chart: &ReliabilityChart) -> String {
    let axis = Axis { unit: MetricUnit::Share, ..Axis::default() };
    let heading = draw::heading(&chart.title, SIZE.0);
    let Some(placed) = Placed::around(&axis, &[0.0, 1.0], 5.0) else { return heading };
    let (x, y) = (placed.over(LEFT, RIGHT), placed.over(BOTTOM, TOP));
    let mut drawn = heading;
    for tick in y.ticks() {
        let (across, up) = (x.clamped(tick.value), y.clamped(tick.value));
        drawn.push_str(&draw::rule((LEFT, up), (RIGHT, up), 0.13));
        drawn.push_str(&draw::faint(LEFT - 6.0, up + 4.0, Anchor::End, &tick.label));
        let middle = across.min(RIGHT - 6.0);
        drawn.push_str(&draw::faint(middle, COUNTS.0 + 16.0, Anchor::Middle, &tick.label));
    }
    drawn.push_str(&format!(
        "<path d=\"M{LEFT} {BOTTOM}L{RIGHT} {TOP}\" stroke=\"currentColor\" stroke-opacity=\".55\" stroke-dasharray=\"5 4\"/>"
    ));
    let ((base, high), middle) = (COUNTS, (LEFT + RIGHT) / 2.0);
    drawn.push_str(&draw::rule((LEFT, base), (RIGHT, base), 0.5));
    drawn.push_str(&draw::faint(LEFT + 6.0, TOP + 16.0, Anchor::Start, "share that is right"));
    drawn.push_str(&draw::faint(LEFT - 6.0, base, Anchor::End, chart.items.many()));
    drawn.push_str(&draw::faint(middle, SIZE.1 - 5.0, Anchor::Middle, "how sure the model is"));

    let bins = chart.bins.iter().filter(|bin| bin.examples > 0);
    let most = bins.clone().map(|bin| bin.examples).max().unwrap_or(1) as f64;
    for bin in bins.clone() {
        let (Some(across), Some(up)) = (x.place(bin.confidence), y.place(bin.accuracy)) else {
            continue;
        };
        let share = bin.examples as f64 / most;
        let (radius, tall, ideal) =
            (3.0 + 6.0 * share.sqrt(), high * share, y.clamped(bin.confidence));
        let color = draw::color(0);
        let shape = format!(
            "<path d=\"M{across:.1} {ideal:.1}V{up:.1}\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <circle cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"{radius:.1}\" fill=\"{color}\" fill-opacity=\".85\"/>\
             <rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"{tall:.1}\" fill=\"{color}\"/>",
            (across - 4.0).min(RIGHT - 8.0),
            base - tall
        );
        drawn.push_str(&draw::hint(&described(bin, chart.items), &shape));
    }
    let count = total(bins.map(|bin| bin.examples));
    let spoken = format!("{}: {} in bins by confidence", chart.title, examples(count, chart.items));
    draw::svg(SIZE.0, SIZE.1, &spoken, &drawn)
}

fn described(bin: &Bin, items: ItemKind) -> String {
    let counted = examples(bin.examples, items);
    let (sure, right) = (percent(bin.confidence, 1), percent(bin.accuracy, 1));
    format!("{counted}\n{sure} sure\n{right} right")
}

fn examples(number: usize, items: ItemKind) -> String {
    counted(number, items.one(), items.many())
}
