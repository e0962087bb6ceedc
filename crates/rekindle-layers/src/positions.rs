//! Tables of learned positions for another size of picture, as timm's `resample_abs_pos_embed` has them.
//!
//! PyTorch's bicubic interpolation with antialiasing: Keys 1981, <https://doi.org/10.1109/TASSP.1981.1163711>,
//! with a = -0.5, widened where the table shrinks.

/// Keys' parameter; PyTorch's and Pillow's value.
const A: f64 = -0.5;
/// Pixels to either side that the filter reaches.
const SUPPORT: f64 = 2.0;

/// A table `[..., prefix + grid * grid, dim]` for another grid; the first `prefix` rows (tokens) stay.
///
/// # Errors
///
/// If the shapes differ in more than the number of positions, or the positions are no square.
pub fn resample_positions(
    values: &[f32],
    from: &[usize],
    to: &[usize],
    prefix: usize,
) -> Result<Vec<f32>, String> {
    let ([outer_from @ .., rows_from, dim_from], [outer_to @ .., rows_to, dim]) = (from, to) else {
        return Err("a table of positions has two axes at least".to_owned());
    };
    let is_one = |outer: &[usize]| outer.iter().all(|extent| *extent == 1);
    if dim_from != dim || !is_one(outer_from) || !is_one(outer_to) {
        return Err("the tables differ in more than the number of positions".to_owned());
    }
    let side = |rows: usize| {
        let cells = rows.checked_sub(prefix)?;
        let side = cells.isqrt();
        (side > 0 && side * side == cells).then_some(side)
    };
    let (Some(old), Some(new)) = (side(*rows_from), side(*rows_to)) else {
        return Err(format!("{rows_from} or {rows_to} less {prefix} tokens is no square"));
    };
    let (tokens, grid) = values.split_at((prefix * dim).min(values.len()));
    if grid.len() != old * old * dim {
        return Err("the table is cut off".to_owned());
    }
    let filters: Vec<Filter> = (0..new).map(|place| Filter::new(place, old, new)).collect();
    let grid: Vec<f64> = grid.iter().map(|value| f64::from(*value)).collect();
    let mut wide = Vec::with_capacity(old * new * dim);
    for row in grid.chunks_exact(old * dim) {
        wide.extend(filters.iter().flat_map(|filter| filter.apply(row, *dim)));
    }
    let rows = filters.iter().flat_map(|filter| filter.apply(&wide, new * dim));
    Ok(tokens.iter().copied().chain(rows.map(|value| value as f32)).collect())
}

/// What [`resample_positions`] multiplies a grid of learned positions with: `[new rows * new columns, old rows * old columns]`,
/// row by row.
pub fn position_filter(old: [usize; 2], new: [usize; 2]) -> Vec<f32> {
    let dense = |axis: usize| -> Vec<Vec<f64>> {
        let places = 0..new[axis];
        places.map(|place| Filter::new(place, old[axis], new[axis]).dense(old[axis])).collect()
    };
    let (rows, columns) = (dense(0), dense(1));
    let pairs = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
    pairs
        .flat_map(|(row, column)| {
            row.iter().flat_map(|row| column.iter().map(move |column| (row * column) as f32))
        })
        .collect()
}

/// The places that one new place is the sum of, each by its weight.
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

impl Filter {
    /// For `place` of `new`, over `old` places.
    fn new(place: usize, old: usize, new: usize) -> Self {
        let scale = old as f64 / new as f64;
        let widened = scale.max(1.0);
        let center = scale * (place as f64 + 0.5);
        let edge = |at: f64| (at + 0.5).max(0.0) as usize;
        let first = edge(center - SUPPORT * widened);
        let end = edge(center + SUPPORT * widened).min(old);
        let weight = |at: usize| keys((at as f64 - center + 0.5) / widened);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let total: f64 = weights.iter().sum();
        Self { first, weights: weights.into_iter().map(|weight| weight / total).collect() }
    }

    /// The weight of each of the old places.
    fn dense(&self, old: usize) -> Vec<f64> {
        let mut all = vec![0.0; old];
        all[self.first..][..self.weights.len()].copy_from_slice(&self.weights);
        all
    }

    /// The weighted sum of lines of `length` values.
    fn apply(&self, lines: &[f64], length: usize) -> Vec<f64> {
        let mut sum = vec![0.0; length];
        for (line, weight) in lines.chunks_exact(length).skip(self.first).zip(&self.weights) {
            sum.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
        }
        sum
    }
}

/// Keys' cubic kernel.
fn keys(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < SUPPORT {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
