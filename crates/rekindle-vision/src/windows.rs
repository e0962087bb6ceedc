//! Windows of a map: patches that see each other and no others. Liu et al. 2021, Section 3.2,
//! <https://arxiv.org/abs/2103.14030>.

use burn::{prelude::*, tensor::TensorData};
use rekindle_layers::{FeatureMap, embedding, take_rows};

/// What is added to scores of patches that are neighbors only because a map was rolled: timm's.
const APART: f32 = -100.0;

/// How a map is cut into square windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Patches of a window's side.
    side: usize,
    /// Rows and columns by which the map is rolled up and to the left before.
    shift: usize,
}

impl Windows {
    /// Windows of `side` patches for maps of `map` of them, or of as many where those are no more; shifted ones by half of that.
    pub(crate) fn new(side: usize, map: usize, shifted: bool) -> Self {
        Self { side: side.min(map), shift: if shifted && map > side { side / 2 } else { 0 } }
    }

    /// Distances that two patches of a window may have.
    pub(crate) fn distances(&self) -> usize {
        (2 * self.side - 1).pow(2)
    }

    fn area(&self) -> usize {
        self.side * self.side
    }

    /// Rows and columns of windows over a map, the last ones filled up.
    fn count(&self, map: [usize; 2]) -> [usize; 2] {
        map.map(|extent| extent.div_ceil(self.side))
    }

    /// Row and column of a place in one of the windows, of which there are so many side by side.
    fn position(&self, (window, columns): (usize, usize), place: usize) -> [usize; 2] {
        [
            window / columns * self.side + place / self.side,
            window % columns * self.side + place % self.side,
        ]
    }

    /// The places of the patches of a map `[height, width]` in windows.
    ///
    /// The map is rolled, filled up with zeros below and to the right, and cut.
    pub(crate) fn split(&self, [height, width]: [usize; 2]) -> Split {
        let [rows, columns] = self.count([height, width]);
        let pixels = height * width;
        let mut taken = Vec::with_capacity(rows * columns * self.area());
        let mut put = vec![0; pixels];
        for window in 0..rows * columns {
            for place in 0..self.area() {
                let [y, x] = self.position((window, columns), place);
                if y >= height || x >= width {
                    taken.push(pixels);
                    continue;
                }
                let [y, x] = [(y + self.shift) % height, (x + self.shift) % width];
                let pixel = y * width + x;
                put[pixel] = taken.len();
                taken.push(pixel);
            }
        }
        Split { map: [height, width], length: self.area(), taken, put }
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
        if self.shift == 0 {
            return bias;
        }
        let apart = self.apart(map);
        let shape = [apart.len() / (area * area), 1, area, area];
        let apart = TensorData::new(apart, shape).convert_dtype(options.1);
        bias + Tensor::from_data(apart, options)
    }

    /// The distance of each pair of patches as a row of the table, `[area, area]`.
    fn relative(&self) -> Vec<usize> {
        let side = self.side;
        let pairs = (0..self.area()).flat_map(|of| (0..self.area()).map(move |to| (of, to)));
        let distance = |of: usize, to: usize| of + side - 1 - to;
        pairs
            .map(|(of, to)| {
                let down = distance(of / side, to / side);
                down * (2 * side - 1) + distance(of % side, to % side)
            })
            .collect()
    }

    /// What parts patches of a map that was rolled, `[windows, area, area]`.
    fn apart(&self, map: [usize; 2]) -> Vec<f32> {
        let [rows, columns] = self.count(map);
        // Of a rolled axis: what lies before its last window, what lies in it, and what came from the other side.
        let region = |at: usize, windows: usize| {
            let end = windows * self.side;
            usize::from(at + self.side >= end) + usize::from(at + self.shift >= end)
        };
        let mut apart = Vec::with_capacity(rows * columns * self.area() * self.area());
        for window in 0..rows * columns {
            let regions: Vec<[usize; 2]> = (0..self.area())
                .map(|place| {
                    let [y, x] = self.position((window, columns), place);
                    [region(y, rows), region(x, columns)]
                })
                .collect();
            for one in &regions {
                apart.extend(regions.iter().map(|other| if one == other { 0.0 } else { APART }));
            }
        }
        apart
    }
}

/// Where the patches of a map are in its windows.
#[derive(Debug)]
pub(crate) struct Split {
    /// Height and width.
    map: [usize; 2],
    /// Patches of a window.
    length: usize,
    /// Of each place in each window its patch, or one beyond the last.
    taken: Vec<usize>,
    /// Of each patch its place.
    put: Vec<usize>,
}

impl Split {
    /// `[batch, channels, height, width]` to `[batch * windows, area, channels]`.
    pub(crate) fn apart(&self, x: FeatureMap) -> Tensor<3> {
        let taken = take_rows(pixels(x), &self.taken);
        let [batch, places, channels] = taken.dims();
        taken.reshape([batch * (places / self.length), self.length, channels])
    }

    /// Back to `[batch, channels, height, width]`; what the map was filled up with is left out.
    pub(crate) fn together(&self, x: Tensor<3>) -> FeatureMap {
        let [windows, length, channels] = x.dims();
        let [height, width] = self.map;
        let batch = windows * length / self.taken.len().max(1);
        let rows = take_rows(x.reshape([batch, self.taken.len(), channels]), &self.put);
        FeatureMap::new(rows.reshape([batch, height, width, channels]).permute([0, 3, 1, 2]))
    }
}

/// Four patches side by side as the channels of one: `[batch, channels, height, width]` to `[batch, 4 * channels, height / 2,
/// width / 2]`, rounded up. Upper left, lower left, upper right, lower right; what is beyond the map is zeros.
pub(crate) fn merged(x: FeatureMap) -> FeatureMap {
    let [batch, channels, height, width] = x.dims();
    let [rows, columns] = [height.div_ceil(2), width.div_ceil(2)];
    let mut places = Vec::with_capacity(rows * columns * 4);
    for place in 0..rows * columns {
        let (row, column) = (place / columns, place % columns);
        for [down, right] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            let (y, x) = (2 * row + down, 2 * column + right);
            places.push(if y < height && x < width { y * width + x } else { height * width });
        }
    }
    let merged = take_rows(pixels(x), &places).reshape([batch, rows, columns, 4 * channels]);
    FeatureMap::new(merged.permute([0, 3, 1, 2]))
}

/// The pixels of maps, `[batch, height * width, channels]`.
fn pixels(x: FeatureMap) -> Tensor<3> {
    let [batch, channels, height, width] = x.dims();
    x.into_tensor().permute([0, 2, 3, 1]).reshape([batch, height * width, channels])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows larger than the map, shifted ones, and such as the map does not fill.
    #[test]
    fn what_was_split_comes_together() {
        let device = Device::flex();
        for (side, made_for, map, count) in
            [(7, 14, [14, 14], 4), (7, 14, [10, 15], 6), (7, 14, [2, 3], 1), (4, 2, [3, 5], 6)]
        {
            for shifted in [false, true] {
                let windows = Windows::new(side, made_for, shifted);
                let [height, width] = map;
                let x = Tensor::<1, Int>::arange(1..(6 * height * width + 1) as i64, &device);
                let x = x.float().reshape([2, 3, height, width]);
                let split = windows.split([height, width]);
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
