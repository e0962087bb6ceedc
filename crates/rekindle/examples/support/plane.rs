//! What is answered over a plane, drawn under the points of two classes.

use std::{fs, path::Path};

use anyhow::Result;
use plotters::prelude::*;

/// Cells along each side.
const CELLS: usize = 48;
const COLORS: [RGBColor; 2] = [RGBColor(31, 119, 180), RGBColor(214, 39, 40)];

/// Draws points with their classes; `second` gives the probability of the second class at each of some points.
pub(crate) fn draw_plane(
    path: &Path,
    points: &[([f64; 2], usize)],
    second: impl Fn(&[[f64; 2]]) -> Result<Vec<f32>>,
) -> Result<()> {
    let ends = |axis: usize| {
        let ats = points.iter().map(|(point, _)| point[axis]);
        ats.fold([f64::MAX, f64::MIN], |[low, high], at| [low.min(at - 0.1), high.max(at + 0.1)])
    };
    let [[left, right], [below, above]] = [ends(0), ends(1)];
    let [wide, high] = [(right - left) / CELLS as f64, (above - below) / CELLS as f64];
    let corner = |place: usize| {
        [left + wide * (place % CELLS) as f64, below + high * (place / CELLS) as f64]
    };
    let corners: Vec<[f64; 2]> = (0..CELLS * CELLS).map(corner).collect();
    let middles: Vec<[f64; 2]> =
        corners.iter().map(|[x, y]| [x + wide / 2.0, y + high / 2.0]).collect();
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    let root = SVGBackend::new(path, (480, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart =
        ChartBuilder::on(&root).margin(8).build_cartesian_2d(left..right, below..above)?;
    let cell = |(&[x, y], second): (&[f64; 2], f32)| {
        let (class, sure) = if second < 0.5 { (0, 1.0 - second) } else { (1, second) };
        let color = COLORS[class].mix(f64::from(sure) - 0.4);
        Rectangle::new([(x, y), (x + wide, y + high)], color.filled())
    };
    chart.draw_series(corners.iter().zip(second(&middles)?).map(cell))?;
    let dot = |&([x, y], class): &([f64; 2], usize)| Circle::new((x, y), 3, COLORS[class].filled());
    chart.draw_series(points.iter().map(dot))?;
    root.present()?;
    Ok(())
}
