//! A stretch between two lines, such as what a value lies in with a probability.

use super::{draw, scale::Placed};

/// A stretch between two lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Area {
    /// What lies in it.
    pub name: String,
    /// Places on the bottom axis, each with its lower and its upper end; it breaks where one of them cannot be drawn.
    pub points: Vec<(f64, f64, f64)>,
    /// Its place in the palette of colors.
    pub style: usize,
}

/// How far one that is of a single place reaches to both sides, in pixels.
const REACH: f64 = 3.0;

impl Area {
    /// All places of its lower and its upper end.
    pub(super) fn corners(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.points.iter().flat_map(|(at, low, high)| [(*at, *low), (*at, *high)])
    }

    pub(super) fn drawn(&self, x: &Placed, y: &Placed) -> String {
        let place = |(at, low, high): &(f64, f64, f64)| {
            Some((x.place(*at)?, y.place(*low)?, y.place(*high)?))
        };
        let placed: Vec<Option<(f64, f64, f64)>> = self.points.iter().map(place).collect();
        let pieces = placed.split(Option::is_none).filter(|piece| !piece.is_empty());
        let path: String = pieces.map(outline).collect();
        match path.as_str() {
            "" => String::new(),
            path => {
                format!("<path d=\"{path}\" {}/>", draw::shade(self.style, 1))
            }
        }
    }
}

/// Along the lower ends and back along the upper ones.
fn outline(piece: &[Option<(f64, f64, f64)>]) -> String {
    let mut points: Vec<(f64, f64, f64)> = piece.iter().flatten().copied().collect();
    if let [(at, low, high)] = points[..] {
        points = vec![(at - REACH, low, high), (at + REACH, low, high)];
    }
    let below = points.iter().map(|(at, low, _)| (at, low));
    let above = points.iter().rev().map(|(at, _, high)| (at, high));
    let corner = |(place, (at, end)): (usize, (&f64, &f64))| {
        format!("{}{at:.1} {end:.1}", if place == 0 { "M" } else { "L" })
    };
    below.chain(above).enumerate().map(corner).collect::<String>() + "z"
}
