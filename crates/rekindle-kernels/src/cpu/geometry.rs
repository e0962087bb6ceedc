//! Shapes of maps and windows, and which pixels a pixel reads.

/// Most numbers of a map, with its padding or without, and of weights, each axis counted as one at least: what else is
/// made of shapes, such as bytes, columns filled up to vectors and sums of tasks, is some thousand times as much at most,
/// and does not wrap.
pub(crate) const MOST_NUMBERS: usize = 1 << (usize::BITS / 2 + 8);

/// How many numbers a shape has.
///
/// # Panics
///
/// If there are more than [`MOST_NUMBERS`], an axis without any counted as one: a tensor that holds nothing may have
/// other axes whose product wraps.
pub(crate) fn count(dims: &[usize]) -> usize {
    let bounded = |product: usize, &dim: &usize| {
        product.checked_mul(dim.max(1)).filter(|&product| product <= MOST_NUMBERS)
    };
    let most = dims.iter().try_fold(1, bounded);
    assert!(most.is_some(), "a shape of {dims:?} has more numbers than {MOST_NUMBERS}");
    dims.iter().product()
}

/// The shape of a map, `[batch, height, width, channels]` in memory. No product of its axes wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Extent {
    /// Pictures.
    pub(crate) batch: usize,
    /// Rows of pixels.
    pub(crate) height: usize,
    /// Pixels in a row.
    pub(crate) width: usize,
    /// Numbers in a pixel.
    pub(crate) channels: usize,
    /// Numbers in all pixels. Nobody else can make an extent, so that every one is checked.
    len: usize,
}

impl Extent {
    /// From `[batch, height, width, channels]`.
    ///
    /// # Panics
    ///
    /// If there are more numbers than [`count`] takes.
    pub(crate) fn new(dims: [usize; 4]) -> Self {
        let len = count(&dims);
        let [batch, height, width, channels] = dims;
        Self { batch, height, width, channels, len }
    }

    /// As `[batch, height, width, channels]`.
    pub(crate) fn dims(&self) -> [usize; 4] {
        [self.batch, self.height, self.width, self.channels]
    }

    /// Pixels of all pictures.
    pub(crate) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Numbers in all pixels.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [batch, height, width, channels] = self.dims();
        write!(f, "{batch}x{height}x{width} {channels}")
    }
}

/// A window that slides over a map; `[vertical, horizontal]` each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Positions in the window.
    pub kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: [usize; 2],
    /// Pixels from one position to the next.
    pub dilation: [usize; 2],
    /// Padding above and to the left.
    pub before: [usize; 2],
    /// Padding below and to the right.
    pub after: [usize; 2],
}

impl Window {
    /// A window without dilation and with the same padding on all sides.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            before: [padding; 2],
            after: [padding; 2],
        }
    }

    /// Most pixels of a map with its padding on an axis, of a window's reach, and of a stride or a dilation.
    pub const MOST_PIXELS: usize = 1 << 30;
    /// Most positions of a window: a pool says where a maximum was in the numbers it computes with, and `f32` has
    /// no more whole ones in a row.
    pub const MOST_POSITIONS: usize = 1 << 24;

    /// How many windows fit a map, `[vertical, horizontal]`; none where the map is smaller than one.
    ///
    /// # Panics
    ///
    /// If the window has no position, stride or dilation, or if it or the map exceeds [`Window::MOST_PIXELS`] or
    /// [`Window::MOST_POSITIONS`].
    pub fn count(&self, map: [usize; 2]) -> [usize; 2] {
        self.check(map);
        [0, 1].map(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let padded = map[axis] + self.before[axis] + self.after[axis];
            if padded < reach { 0 } else { (padded - reach) / self.stride[axis] + 1 }
        })
    }

    /// Refuses what cannot be counted over a map: after it, sums and products of a window's and a map's pixels on an
    /// axis do not wrap, with a sign or without.
    ///
    /// # Panics
    ///
    /// As [`Window::count`] says.
    pub(crate) fn check(&self, map: [usize; 2]) {
        let Self { kernel, stride, dilation, before, after } = *self;
        let fits = |pixels: usize| pixels <= Self::MOST_PIXELS;
        for axis in 0..2 {
            let least = kernel[axis].min(stride[axis]).min(dilation[axis]);
            assert!(least > 0, "a window without a position, a stride or a dilation: {self:?}");
            let reach = (kernel[axis] - 1).checked_mul(dilation[axis]);
            let padding = before[axis].checked_add(after[axis]);
            let padded = padding.and_then(|padding| padding.checked_add(map[axis]));
            assert!(
                reach.is_some_and(|reach| reach < Self::MOST_PIXELS)
                    && padded.is_some_and(fits)
                    && fits(stride[axis])
                    && fits(dilation[axis]),
                "a window or a map of more than {} pixels on an axis: {self:?} over {map:?}",
                Self::MOST_PIXELS,
            );
        }
        let positions = kernel[0].checked_mul(kernel[1]);
        assert!(
            positions.is_some_and(|positions| positions <= Self::MOST_POSITIONS),
            "a window of {kernel:?} has more positions than {}",
            Self::MOST_POSITIONS,
        );
    }

    /// Positions in the window.
    pub fn positions(&self) -> usize {
        self.kernel[0].saturating_mul(self.kernel[1])
    }

    /// Whether each window is one pixel of the map, and each pixel one window.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1; 2]
            && self.stride == [1; 2]
            && self.before == [0; 2]
            && self.after == [0; 2]
    }
}

/// A convolution's shapes, which fit each other. None of their products wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Convolution {
    /// Its input.
    pub(crate) input: Extent,
    /// Channels of its output.
    pub(crate) channels_out: usize,
    /// Parts of the channels that do not see each other.
    pub(crate) groups: usize,
    /// Its window.
    pub(crate) window: Window,
    /// Its output. Nobody else can make a convolution, so that every one is checked.
    output: Extent,
}

impl Convolution {
    /// From its input, its output's channels, its groups and its window.
    ///
    /// # Panics
    ///
    /// If the groups do not divide the channels, if the window and the map are not such as [`Window::count`] takes, or
    /// if the output, the weights or the input with its padding have more numbers than [`count`] takes.
    pub(crate) fn new(input: Extent, channels_out: usize, groups: usize, window: Window) -> Self {
        let [batch, height, width, channels] = input.dims();
        assert!(
            (1..=channels.max(channels_out).max(1)).contains(&groups)
                && channels.is_multiple_of(groups)
                && channels_out.is_multiple_of(groups),
            "a convolution of {channels} to {channels_out} channels in {groups} groups",
        );
        let Window { kernel, before, after, .. } = window;
        let [rows, columns] = window.count([height, width]);
        let output = Extent::new([batch, rows, columns, channels_out]);
        let [height, width] =
            [(height, 0), (width, 1)].map(|(pixels, axis)| pixels + before[axis] + after[axis]);
        count(&[batch, height, width, channels]);
        count(&[channels_out, channels / groups, kernel[0], kernel[1]]);
        Self { input, channels_out, groups, window, output }
    }

    /// Its output.
    pub(crate) fn output(&self) -> Extent {
        self.output
    }

    /// Input channels that an output channel sees.
    pub(crate) fn channels_seen(&self) -> usize {
        self.input.channels / self.groups
    }

    /// Numbers in the weights `[out, in / groups, height, width]`.
    pub(crate) fn weights(&self) -> usize {
        self.channels_out * self.channels_seen() * self.window.positions()
    }

    /// Multiplications and additions.
    pub(crate) fn flops(&self) -> f64 {
        let depth = self.channels_seen() * self.window.positions();
        2.0 * self.output().len() as f64 * depth as f64
    }

    /// Whether each channel is convolved by itself.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups == self.input.channels && self.groups == self.channels_out && self.groups > 1
    }
}

/// Which way a convolution is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Output channels are columns, input channels are summed over.
    Forward,
    /// Input channels are columns, output channels are summed over.
    Backward,
}

impl std::fmt::Display for Convolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [batch, height, width, channels] = self.input.dims();
        let Window { kernel: [rows, columns], stride: [stride, _], .. } = self.window;
        write!(f, "{batch}x{height}x{width} {channels}->{} {rows}x{columns}", self.channels_out)?;
        if stride > 1 {
            write!(f, " stride {stride}")?;
        }
        if self.groups > 1 {
            write!(f, " groups {}", self.groups)?;
        }
        Ok(())
    }
}

/// Where the pixels of one map find those of another that they are made of.
///
/// Target pixel `t` on an axis, `origin + spacing * t` in the whole map, reads source pixel
/// `step * t + offset` for each position. A convolution is one of these with `origin = 0`,
/// `spacing = 1`, `step = stride`; the gradient of its input is one for each remainder of the pixel
/// by the stride, with `spacing = stride`, `step = 1`.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    /// Targets of a picture, `[vertical, horizontal]`.
    pub(crate) targets: [usize; 2],
    /// The first target in the whole map.
    pub(crate) origin: [usize; 2],
    /// From one target to the next.
    pub(crate) spacing: [usize; 2],
    /// From the source of one target to the next's.
    pub(crate) step: [usize; 2],
    /// What is read for each target.
    pub(crate) positions: Vec<Position>,
}

/// A source pixel relative to a target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// `[vertical, horizontal]`
    pub(crate) offset: [isize; 2],
    /// The position in the window, row by row.
    pub(crate) index: usize,
}

impl Gather {
    /// How output pixels read the input.
    pub(crate) fn forward(convolution: &Convolution) -> Self {
        let window = &convolution.window;
        let output = convolution.output();
        let offset = |axis: usize, i: usize| {
            (i * window.dilation[axis]) as isize - window.before[axis] as isize
        };
        let positions = (0..window.positions()).map(|index| {
            let (i, j) = (index / window.kernel[1], index % window.kernel[1]);
            Position { offset: [offset(0, i), offset(1, j)], index }
        });
        Self {
            targets: [output.height, output.width],
            origin: [0; 2],
            spacing: [1; 2],
            step: window.stride,
            positions: positions.collect(),
        }
    }

    /// How the gradient of input pixels reads that of the output: one gather for each remainder; none where there is
    /// no number to write, though there may be remainders without end.
    pub(crate) fn backward(convolution: &Convolution) -> Vec<Self> {
        let window = &convolution.window;
        let Extent { height, width, .. } = convolution.input;
        let mut gathers = Vec::new();
        if convolution.input.len() == 0 {
            return gathers;
        }
        for a in 0..window.stride[0].min(height) {
            for b in 0..window.stride[1].min(width) {
                let rows = Self::offsets(window, 0, a);
                let columns = Self::offsets(window, 1, b);
                let positions = rows.iter().flat_map(|&(i, vertical)| {
                    columns.iter().map(move |&(j, horizontal)| Position {
                        offset: [vertical, horizontal],
                        index: i * window.kernel[1] + j,
                    })
                });
                gathers.push(Self {
                    targets: [
                        (height - a).div_ceil(window.stride[0]),
                        (width - b).div_ceil(window.stride[1]),
                    ],
                    origin: [a, b],
                    spacing: window.stride,
                    step: [1; 2],
                    positions: positions.collect(),
                });
            }
        }
        gathers
    }

    /// The window's positions on an axis that meet pixels with this remainder, and the window they
    /// belong to, counted from the pixel divided by the stride.
    fn offsets(window: &Window, axis: usize, remainder: usize) -> Vec<(usize, isize)> {
        let stride = window.stride[axis] as isize;
        (0..window.kernel[axis])
            .filter_map(|i| {
                let distance = (remainder + window.before[axis]) as isize
                    - (i * window.dilation[axis]) as isize;
                (distance.rem_euclid(stride) == 0).then_some((i, distance.div_euclid(stride)))
            })
            .collect()
    }

    /// Targets of all pictures.
    pub(crate) fn count(&self, batch: usize) -> usize {
        batch * self.targets[0] * self.targets[1]
    }

    /// Calls `visit(i, picture, row, column)` for targets `start..end`, `i` counted from `start` and
    /// row and column from the first target.
    #[inline]
    pub(crate) fn each(
        &self,
        start: usize,
        end: usize,
        mut visit: impl FnMut(usize, usize, usize, usize),
    ) {
        let [height, width] = self.targets;
        let (mut picture, rest) = (start / (height * width), start % (height * width));
        let (mut row, mut column) = (rest / width, rest % width);
        for i in 0..end - start {
            visit(i, picture, row, column);
            column += 1;
            if column == width {
                (column, row) = (0, row + 1);
                if row == height {
                    (row, picture) = (0, picture + 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted_as_pytorch_counts_them() {
        assert_eq!(Window::square(3, 2, 1).count([224, 225]), [112, 113]);
        assert_eq!(Window::square(7, 2, 3).count([6, 1]), [3, 1]);
        assert_eq!(Window::square(3, 1, 0).count([2, 3]), [0, 1]);
        let dilated = Window { dilation: [2, 3], ..Window::square(3, 1, 0) };
        assert_eq!(dilated.count([5, 7]), [1, 1]);
    }

    /// Every pair of an input and an output pixel that a window joins is met once on the way back.
    #[test]
    fn backward_gathers_meet_what_forward_ones_read() {
        for (kernel, stride, dilation, before, after, size) in [
            (3, 1, 1, 1, 1, 5),
            (3, 2, 1, 1, 1, 6),
            (2, 3, 2, 0, 1, 7),
            (1, 2, 1, 0, 0, 5),
            (5, 3, 1, 4, 0, 4),
        ] {
            let window = Window {
                kernel: [kernel; 2],
                stride: [stride, 1],
                dilation: [dilation; 2],
                before: [before, 0],
                after: [after, kernel * dilation],
            };
            let input = Extent::new([1, size, size, 1]);
            let convolution = Convolution::new(input, 1, 1, window);
            let output = convolution.output();
            let mut pairs = Vec::new();
            let gather = Gather::forward(&convolution);
            gather.each(0, gather.count(1), |_, _, row, column| {
                for position in &gather.positions {
                    let y = (row * gather.step[0]) as isize + position.offset[0];
                    let x = (column * gather.step[1]) as isize + position.offset[1];
                    if (0..size as isize).contains(&y) && (0..size as isize).contains(&x) {
                        pairs.push(([y as usize, x as usize], [row, column], position.index));
                    }
                }
            });
            let mut back = Vec::new();
            for gather in Gather::backward(&convolution) {
                gather.each(0, gather.count(1), |_, _, row, column| {
                    let pixel = [
                        gather.origin[0] + gather.spacing[0] * row,
                        gather.origin[1] + gather.spacing[1] * column,
                    ];
                    for position in &gather.positions {
                        let y = row as isize + position.offset[0];
                        let x = column as isize + position.offset[1];
                        let inside = (0..output.height as isize).contains(&y)
                            && (0..output.width as isize).contains(&x);
                        if inside {
                            back.push((pixel, [y as usize, x as usize], position.index));
                        }
                    }
                });
            }
            pairs.sort_unstable();
            back.sort_unstable();
            assert_eq!(pairs, back);
        }
    }
}
