//! Windows of a map: patches that see each other and no others. Liu et al. 2021, Section 3.2,
//! <https://arxiv.org/abs/2103.14030>.

use burn::{prelude::*, tensor::TensorData};
use rekindle_layers::{FeatureMap, embedding};

/// What is added to scores of patches that are neighbors only because a map was rolled: timm's.
const APART: f32 = -100.0;

/// How a map is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Rows and columns of a window.
    size: [usize; 2],
    /// Rows and columns by which the map is rolled up and to the left before.
    shift: [usize; 2],
}

impl Windows {
    /// Windows of `side` patches over a map, or of all of it where it is no larger; shifted ones by half of that.
    pub(crate) fn new(side: usize, map: [usize; 2], shifted: bool) -> Self {
        let shift = |extent| if shifted && extent > side { side / 2 } else { 0 };
        Self { size: map.map(|extent| extent.min(side)), shift: map.map(shift) }
    }

    /// Distances that two patches of a window may have.
    pub(crate) fn distances(&self) -> usize {
        self.size.iter().map(|side| 2 * side - 1).product()
    }

    fn area(&self) -> usize {
        self.size.iter().product()
    }

    /// The places of the patches of `[batch, height, width]` in windows.
    ///
    /// The map is rolled, filled up with zeros below and to the right, and cut.
    pub(crate) fn split(&self, [batch, height, width]: [usize; 3]) -> Split {
        let [rows, columns] = [0, 1].map(|axis| [height, width][axis].div_ceil(self.size[axis]));
        let pixels = batch * height * width;
        let mut taken = Vec::with_capacity(batch * rows * columns * self.area());
        let mut put = vec![0; pixels];
        for picture in 0..batch {
            for window in 0..rows * columns {
                for place in 0..self.area() {
                    let [y, x] = [
                        window / columns * self.size[0] + place / self.size[1],
                        window % columns * self.size[1] + place % self.size[1],
                    ];
                    if y >= height || x >= width {
                        taken.push(pixels as i64);
                        continue;
                    }
                    let [y, x] = [(y + self.shift[0]) % height, (x + self.shift[1]) % width];
                    let pixel = (picture * height + y) * width + x;
                    put[pixel] = taken.len() as i64;
                    taken.push(pixel as i64);
                }
            }
        }
        Split { map: [batch, height, width], length: self.area(), taken, put }
    }

    /// What is added to scores, `[1 or windows of a map, heads, area, area]`: of a table of distances `[distances, heads]` that
    /// of each pair of patches, and of a map that was rolled what parts patches that are not neighbors.
    pub(crate) fn bias(&self, table: Tensor<2>, map: [usize; 2]) -> Tensor<4> {
        let area = self.area();
        let [_, heads] = table.dims();
        let options = (&table.device(), table.dtype());
        let ids = self.relative().into_iter().map(|distance| distance as i64).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [area, area]), options.0);
        let bias = embedding(table, ids).permute([2, 0, 1]).reshape([1, heads, area, area]);
        if self.shift == [0, 0] {
            return bias;
        }
        let apart = self.apart(map);
        let shape = [apart.len() / (area * area), 1, area, area];
        let apart = TensorData::new(apart, shape).convert_dtype(options.1);
        bias + Tensor::from_data(apart, options)
    }

    /// The distance of each pair of patches as a row of the table, `[area, area]`.
    fn relative(&self) -> Vec<usize> {
        let [rows, columns] = self.size;
        let pairs = (0..self.area()).flat_map(|of| (0..self.area()).map(move |to| (of, to)));
        pairs
            .map(|(of, to)| {
                let down = of / columns + rows - 1 - to / columns;
                let right = of % columns + columns - 1 - to % columns;
                down * (2 * columns - 1) + right
            })
            .collect()
    }

    /// What parts patches of a map that was rolled, `[windows, area, area]`.
    fn apart(&self, map: [usize; 2]) -> Vec<f32> {
        let [rows, columns] = [0, 1].map(|axis| map[axis].div_ceil(self.size[axis]));
        // Of a rolled axis: what lies before its last window, what lies in it, and what came from the other side.
        let region = |axis: usize, windows: usize, at: usize| {
            let end = windows * self.size[axis];
            usize::from(at + self.size[axis] >= end) + usize::from(at + self.shift[axis] >= end)
        };
        let mut apart = Vec::with_capacity(rows * columns * self.area() * self.area());
        for window in 0..rows * columns {
            let regions: Vec<[usize; 2]> = (0..self.area())
                .map(|place| {
                    let y = window / columns * self.size[0] + place / self.size[1];
                    let x = window % columns * self.size[1] + place % self.size[1];
                    [region(0, rows, y), region(1, columns, x)]
                })
                .collect();
            for one in &regions {
                apart.extend(regions.iter().map(|other| if one == other { 0.0 } else { APART }));
            }
        }
        apart
    }
}

/// Where the patches of a batch are in its windows.
#[derive(Debug)]
pub(crate) struct Split {
    /// Batch, height and width.
    map: [usize; 3],
    /// Patches of a window.
    length: usize,
    /// Of each place in each window its patch, or one beyond the last.
    taken: Vec<i64>,
    /// Of each patch its place.
    put: Vec<i64>,
}

impl Split {
    /// `[batch, channels, height, width]` to `[batch * windows, area, channels]`.
    pub(crate) fn apart(&self, x: FeatureMap) -> Tensor<3> {
        taken(x, &self.taken, self.length)
    }

    /// Back to `[batch, channels, height, width]`; what the map was filled up with is left out.
    pub(crate) fn together(&self, x: Tensor<3>) -> FeatureMap {
        let [windows, length, channels] = x.dims();
        let [batch, height, width] = self.map;
        let rows = rows_of(x.reshape([windows * length, channels]), &self.put, height * width);
        FeatureMap::new(rows.reshape([batch, height, width, channels]).permute([0, 3, 1, 2]))
    }
}

/// Four patches side by side as the channels of one: `[batch, channels, height, width]` to `[batch, 4 * channels, height / 2,
/// width / 2]`, rounded up. Upper left, lower left, upper right, lower right; what is beyond the map is zeros.
pub(crate) fn merged(x: FeatureMap) -> FeatureMap {
    let [batch, channels, height, width] = x.dims();
    let [rows, columns] = [height.div_ceil(2), width.div_ceil(2)];
    let pixels = batch * height * width;
    let mut ids = Vec::with_capacity(batch * rows * columns * 4);
    for place in 0..batch * rows * columns {
        let picture = place / (rows * columns);
        let (row, column) = (place / columns % rows, place % columns);
        for [down, right] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            let (y, x) = (2 * row + down, 2 * column + right);
            let inside = y < height && x < width;
            ids.push(if inside { (picture * height + y) * width + x } else { pixels } as i64);
        }
    }
    let merged = taken(x, &ids, 4).reshape([batch, rows, columns, 4 * channels]);
    FeatureMap::new(merged.permute([0, 3, 1, 2]))
}

/// Pixels by their numbers in the batch, so many a group: `[groups, length, channels]`. One beyond the last is zeros.
fn taken(x: FeatureMap, ids: &[i64], length: usize) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    let pixels = batch * height * width;
    let rows = x.into_tensor().permute([0, 2, 3, 1]).reshape([pixels, channels]);
    let rows = if ids.iter().any(|id| *id == pixels as i64) {
        let zeros = Tensor::zeros([1, channels], (&rows.device(), rows.dtype()));
        Tensor::cat(vec![rows, zeros], 0)
    } else {
        rows
    };
    rows_of(rows, ids, length)
}

fn rows_of(rows: Tensor<2>, ids: &[i64], length: usize) -> Tensor<3> {
    let ids = TensorData::new(ids.to_vec(), [ids.len() / length.max(1), length]);
    let ids = Tensor::<2, Int>::from_data(ids, &rows.device());
    embedding(rows, ids)
}

/// A table of distances `[distances, heads]` of square windows for larger or smaller ones, as timm's `resize_rel_pos_bias_table`:
/// distances grow from the middle by a factor that lets both tables end alike, and what lies between is interpolated.
///
/// # Errors
///
/// If the heads differ, or a table is of windows that are no squares.
pub(crate) fn resample_relative(
    values: &[f32],
    from: &[usize],
    to: &[usize],
) -> Result<Vec<f32>, String> {
    let (&[rows_from, heads], &[rows_to, heads_to]) = (from, to) else {
        return Err("a table of distances has two axes".to_owned());
    };
    if heads != heads_to || values.len() != rows_from * heads {
        return Err("the tables are of other heads".to_owned());
    }
    let side = |rows: usize| {
        let side = rows.isqrt();
        (side % 2 == 1 && side * side == rows).then_some(side)
    };
    let (Some(old), Some(new)) = (side(rows_from), side(rows_to)) else {
        return Err(format!("{rows_from} or {rows_to} distances are not those of a square window"));
    };
    let neighbors = neighbors(old, new);
    let mut out = Vec::with_capacity(rows_to * heads);
    for down in &neighbors {
        for right in &neighbors {
            out.extend((0..heads).map(|head| {
                let corners = down.iter().flat_map(|down| right.map(|right| (*down, right)));
                let sum: f64 = corners
                    .map(|((y, of_y), (x, of_x))| {
                        of_y * of_x * f64::from(values[(y * old + x) * heads + head])
                    })
                    .sum();
                sum as f32
            }));
        }
    }
    Ok(out)
}

/// Of each of `new` distances the two of `old` ones that it lies between, and the share of each.
fn neighbors(old: usize, new: usize) -> Vec<[(usize, f64); 2]> {
    let (half, reach) = (old / 2, (new / 2) as f64);
    let (mut low, mut high) = (1.01_f64, 1.5_f64);
    let mut factor = low;
    while high - low > 1e-6 {
        factor = f64::midpoint(low, high);
        let end = (1.0 - factor.powi(half as i32)) / (1.0 - factor);
        if end > reach { high = factor } else { low = factor }
    }
    let mut places = vec![0.0];
    let mut step = 1.0;
    for index in 0..half {
        places.push(step);
        places.insert(0, -step);
        step += factor.powi(index as i32 + 1);
    }
    let between = |place: f64| {
        let right = places.iter().position(|at| *at >= place).unwrap_or(old - 1);
        let left = right.saturating_sub(1);
        let [after, before] = [places[right] - place, place - places[left]].map(|far| far.max(0.0));
        let [after, before] = if after + before == 0.0 { [1.0, 1.0] } else { [after, before] };
        let whole = after + before;
        [(left, after / whole), (right, before / whole)]
    };
    (0..new).map(|index| between(index as f64 - reach)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// timm 1.0.31's `resize_rel_pos_bias_table` of `10 sin(0.7 i)`.
    #[test]
    fn tables_are_resampled_as_timm_does() {
        let rows: [(usize, usize, [f32; 8]); 3] = [
            (7, 3, [1.34184, 9.9713, -9.04823, 6.60748, 8.39723, -9.87342, 9.69691, 4.00482]),
            (7, 12, [2e-5, -1.27579, -0.16697, 6.72123, 4.60868, 2.10687, 0.9089, -2.76881]),
            (3, 4, [0.0, 0.16814, 2.34399, 6.6957, 9.92766, 8.27328, 4.45564, 2.54682]),
        ];
        for (old, new, expected) in rows {
            let shape = |window: usize| [(2 * window - 1).pow(2), 2];
            let values: Vec<f32> = (0..shape(old).iter().product::<usize>())
                .map(|index| ((index as f64 * 0.7).sin() * 10.0) as f32)
                .collect();
            let found = resample_relative(&values, &shape(old), &shape(new)).unwrap();
            for (index, expected) in expected.iter().enumerate() {
                let found = found[index * (found.len() - 1) / 7];
                assert!((found - expected).abs() < 2e-4, "{old} to {new}: {found}, {expected}");
            }
        }
        for to in [[25, 3], [24, 2], [16, 2]] {
            assert!(resample_relative(&[0.0; 18], &[9, 2], &to).is_err(), "{to:?}");
        }
    }

    /// Windows larger than the map, shifted ones, and such as the map does not fill.
    #[test]
    fn what_was_split_comes_together() {
        let device = Device::flex();
        for (side, made_for, map, count) in [
            (7, [14, 14], [14, 14], 4),
            (7, [14, 21], [10, 15], 6),
            (3, [2, 9], [2, 9], 3),
            (4, [2, 2], [3, 5], 6),
        ] {
            for shifted in [false, true] {
                let windows = Windows::new(side, made_for, shifted);
                let [height, width] = map;
                let x = Tensor::<1, Int>::arange(1..(6 * height * width + 1) as i64, &device);
                let x = x.float().reshape([2, 3, height, width]);
                let split = windows.split([2, height, width]);
                let apart = split.apart(FeatureMap::new(x.clone()));
                assert_eq!(apart.dims(), [2 * count, windows.area(), 3], "{windows:?}");
                assert_eq!(apart.clone().sum().into_scalar::<f32>(), {
                    x.clone().sum().into_scalar::<f32>()
                });
                let together = split.together(apart).into_tensor();
                together.into_data().assert_eq(&x.into_data(), true);
            }
        }
    }
}
