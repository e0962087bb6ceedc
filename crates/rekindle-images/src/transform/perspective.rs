//! Perspective by four corners.

use super::warp::{Warp, warped};
use crate::Picture;

/// Four corners, each x and y in pixels: top left, top right, bottom right, bottom left.
pub type Corners = [[f64; 2]; 4];

/// Moves the corners `from` of a picture to `to`, in its own frame (torchvision's `perspective`, PIL backend).
///
/// Where no perspective does that, as with three corners on a line, nothing but the color beside the picture is seen.
pub fn perspective(picture: &Picture, from: &Corners, to: &Corners, warp: &Warp) -> Picture {
    // In 32 bits, as torchvision keeps them.
    let [a, b, c, d, e, f, g, h] = coefficients(from, to)
        .map_or([f64::NAN; 8], |row| row.map(|value| f64::from(value as f32)));
    warped(picture, warp, |x, y| {
        let depth = g * x + h * y + 1.0;
        [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
    })
}

/// a to h such that `((ax + by + c) / (gx + hy + 1), (dx + ey + f) / (gx + hy + 1))` leads from each corner of `to` to that of
/// `from`: two linear equations a corner.
fn coefficients(from: &Corners, to: &Corners) -> Option<[f64; 8]> {
    let mut rows = [[0.0; 9]; 8];
    for (corner, ([u, v], [x, y])) in from.iter().zip(to).enumerate() {
        rows[2 * corner] = [*x, *y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, *u];
        rows[2 * corner + 1] = [0.0, 0.0, 0.0, *x, *y, 1.0, -v * x, -v * y, *v];
    }
    solved(rows)
}

/// Gaussian elimination with the largest pivot of each column; the last column is the right side.
fn solved(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let largest =
            |a: &usize, b: &usize| rows[*a][column].abs().total_cmp(&rows[*b][column].abs());
        let pivot = (column..8).max_by(largest)?;
        rows.swap(column, pivot);
        let pivot = rows[column];
        // The entries are whole pixels and their products: what is left of 0 after rounding is far below.
        if pivot[column].abs() < 1e-9 {
            return None;
        }
        for (place, row) in rows.iter_mut().enumerate() {
            if place != column {
                let share = row[column] / pivot[column];
                row.iter_mut().zip(pivot).for_each(|(value, pivot)| *value -= share * pivot);
            }
        }
    }
    Some(std::array::from_fn(|place| rows[place][8] / rows[place][place]))
}
