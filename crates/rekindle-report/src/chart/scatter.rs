//! Points of two values each: predicted against true, or errors against what is true.

use super::{
    draw::{self, Anchor},
    scale::{Axis, Placed},
};

/// Points of two values each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScatterChart {
    /// What is shown; stands above the chart.
    pub title: String,
    /// The axis along the bottom.
    pub x: Axis,
    /// The axis along the left.
    pub y: Axis,
    /// The points; those that are NaN are left out.
    pub points: Vec<(f64, f64)>,
    /// Where points lie that are as they should be.
    pub ideal: Ideal,
}

/// Where points lie that are as they should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ideal {
    /// Where both values are equal.
    #[default]
    Diagonal,
    /// Where the second is zero.
    Zero,
}

/// Width and height in pixels.
const SIZE: (f64, f64) = (400.0, 340.0);
const LEFT: f64 = 60.0;
const RIGHT: f64 = 388.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 294.0;

/// Draws the points, and a dashed line where they should lie.
pub fn scatter_chart(chart: &ScatterChart) -> String {
    let heading = draw::heading(&chart.title, SIZE.0);
    let (across, mut up): (Vec<f64>, Vec<f64>) = chart.points.iter().copied().unzip();
    match chart.ideal {
        Ideal::Diagonal => up.extend(&across),
        Ideal::Zero => up.push(0.0),
    }
    let (Some(x), Some(y)) =
        (Placed::around(&chart.x, &across, 5.0), Placed::around(&chart.y, &up, 5.0))
    else {
        let empty = draw::faint(0.0, TOP + 16.0, Anchor::Start, "nothing to draw");
        return draw::svg(SIZE.0, SIZE.1, &chart.title, &(heading + &empty));
    };
    let (x, y) = (x.over(LEFT, RIGHT), y.over(BOTTOM, TOP));
    let mut drawn = heading;
    for tick in y.ticks() {
        let at = y.clamped(tick.value);
        drawn.push_str(&draw::rule((LEFT, at), (RIGHT, at), 0.13));
        drawn.push_str(&draw::faint(LEFT - 6.0, at + 4.0, Anchor::End, &tick.label));
    }
    let ticks = x.ticks();
    for tick in &ticks {
        let at = x.clamped(tick.value);
        drawn.push_str(&draw::faint(
            at.min(RIGHT - 6.0),
            BOTTOM + 16.0,
            Anchor::Middle,
            &tick.label,
        ));
    }
    drawn.push_str(&draw::faint(
        (LEFT + RIGHT) / 2.0,
        SIZE.1 - 5.0,
        Anchor::Middle,
        &chart.x.label,
    ));
    drawn.push_str(&draw::faint(LEFT + 6.0, TOP + 14.0, Anchor::Start, &chart.y.label));
    if let (Some(first), Some(last)) = (ticks.first(), ticks.last()) {
        let at = |value: f64| match chart.ideal {
            Ideal::Diagonal => y.clamped(value),
            Ideal::Zero => y.clamped(0.0),
        };
        drawn.push_str(&format!(
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"currentColor\" stroke-opacity=\".55\" stroke-dasharray=\"5 4\"/>",
            x.clamped(first.value),
            at(first.value),
            x.clamped(last.value),
            at(last.value)
        ));
    }
    let placed =
        chart.points.iter().filter_map(|(one, other)| Some((x.place(*one)?, y.place(*other)?)));
    let color = draw::color(0);
    let path: String = placed
        .map(|(x, y)| format!("M{x:.1} {y:.1}m-2.2 0a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0-4.4 0"))
        .collect();
    drawn.push_str(&format!("<path d=\"{path}\" fill=\"{color}\" fill-opacity=\".55\"/>"));
    let spoken = format!("{}: {} points", chart.title, chart.points.len());
    draw::svg(SIZE.0, SIZE.1, &spoken, &drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_that_is_a_number_is_drawn_once() {
        for (points, expected) in [
            (vec![(0.0, 0.1), (1.0, 0.9), (2.0, 2.5)], 3),
            (vec![(0.0, 0.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (3.0, 3.0)], 2),
            (Vec::new(), 0),
        ] {
            for ideal in [Ideal::Diagonal, Ideal::Zero] {
                let chart =
                    ScatterChart { points: points.clone(), ideal, ..ScatterChart::default() };
                assert_eq!(scatter_chart(&chart).matches("m-2.2 0").count(), expected);
            }
        }
    }
}
