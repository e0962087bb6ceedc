//! Maps cut into squares, and the transforms of a line of them.

use super::points::on_both_axes;
use crate::cpu::{
    activation::Activation,
    geometry::{Convolution, Extent},
    simd::{Kernel, Real, Simd, vectors},
};

/// Pixels of a square, on each axis.
pub(super) const SIDE: usize = 4;
/// Pixels that they are made of, on each axis.
pub(super) const REACH: usize = SIDE + 2;

/// A map cut into squares, each made of a larger square of another map.
#[derive(Debug, Clone, Copy)]
pub(in crate::cpu) struct Grid {
    pub(super) from: Extent,
    pub(super) to: Extent,
    /// The first pixel that the first square is made of, `[vertical, horizontal]`.
    origin: [isize; 2],
    /// Lines of squares in a picture.
    rows: usize,
    /// Squares in a line.
    pub(super) columns: usize,
}

impl Grid {
    /// The output, made of the input.
    pub(in crate::cpu) fn forward(convolution: &Convolution) -> Self {
        let origin = convolution.window.before.map(|before| -(before as isize));
        Self::new(convolution.input, convolution.output(), origin)
    }

    /// The input's gradient, made of the output's: the window is turned around.
    pub(in crate::cpu) fn backward(convolution: &Convolution) -> Self {
        let origin = convolution.window.before.map(|before| before as isize - 2);
        Self::new(convolution.output(), convolution.input, origin)
    }

    fn new(from: Extent, to: Extent, origin: [isize; 2]) -> Self {
        let [rows, columns] = [to.height, to.width].map(|pixels| pixels.div_ceil(SIDE));
        Self { from, to, origin, rows, columns }
    }

    /// Lines of squares in all pictures.
    pub(super) fn lines(&self) -> usize {
        self.to.batch * self.rows
    }

    /// The first pixel of a line of squares, or, for the line after the last, how many there are.
    pub(super) fn first_pixel(&self, line: usize) -> usize {
        let (picture, row) = (line / self.rows, line % self.rows);
        (picture * self.to.height + row * SIDE) * self.to.width
    }

    /// What a line of squares is made of.
    pub(super) fn take<E: Real>(&self, line: usize, source: *const E) -> Line<E> {
        let (picture, row) = (line / self.rows, line % self.rows);
        let origin = [(row * SIDE) as isize + self.origin[0], self.origin[1]];
        Line::new(source, self.from, picture, origin, self.columns)
    }

    /// The pixels of a line of squares themselves.
    pub(super) fn own<E: Real>(&self, line: usize, map: *const E) -> Line<E> {
        let (picture, row) = (line / self.rows, line % self.rows);
        Line::new(map, self.to, picture, [(row * SIDE) as isize, 0], self.columns)
    }
}

/// A line of squares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<E> {
    /// The picture's first number.
    picture: *const E,
    extent: Extent,
    /// The first pixel of the first square, which may lie outside.
    origin: [isize; 2],
    columns: usize,
}

impl<E: Real> Line<E> {
    fn new(
        map: *const E,
        extent: Extent,
        picture: usize,
        origin: [isize; 2],
        columns: usize,
    ) -> Self {
        let picture = map.wrapping_add(picture * extent.height * extent.width * extent.channels);
        Self { picture, extent, origin, columns }
    }

    /// The number of a pixel of a square, or none where it lies outside the map.
    #[inline(always)]
    fn at(&self, column: usize, row: usize, place: usize) -> Option<usize> {
        let y = (self.origin[0] + row as isize) as usize;
        let x = (self.origin[1] + (column * SIDE + place) as isize) as usize;
        // Below zero is beyond every size.
        let inside = y < self.extent.height && x < self.extent.width;
        inside.then(|| (y * self.extent.width + x) * self.extent.channels)
    }

    /// Where the pixels of a square are; `zeros` in the place of those outside.
    #[inline(always)]
    fn square<const N: usize>(&self, column: usize, zeros: *const E) -> [[*const E; N]; N] {
        let mut pixels = [[zeros; N]; N];
        for row in 0..N {
            for place in 0..N {
                if let Some(at) = self.at(column, row, place) {
                    pixels[row][place] = self.picture.wrapping_add(at);
                }
            }
        }
        pixels
    }
}

/// Where transformed squares are written: `[position][panel][square][width]`, a panel as wide as a register
/// tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room<E> {
    pub(super) start: *mut E,
    /// From one position to the next.
    pub(super) position: usize,
    /// From one panel to the next.
    pub(super) panel: usize,
    /// From one square to the next.
    pub(super) square: usize,
}

/// Transforms a line of squares of the source, Bᵀ d B; lanes without a channel become zero.
pub(super) struct Pixels<E> {
    pub(super) line: Line<E>,
    pub(super) zeros: *const E,
    pub(super) into: Room<E>,
}

/// Transforms a line of squares of the target's gradient, A y Aᵀ.
pub(super) struct Gradients<E>(pub(super) Pixels<E>);

/// The body of both kernels.
macro_rules! transform {
    ($S:ty, $self:expr, $transform:ident, $from:literal) => {{
        let Pixels { line, zeros, into } = $self;
        let width = 2 * <$S>::LANES;
        for column in 0..line.columns {
            let pixels = line.square::<$from>(column, zeros);
            let target = into.start.add(column * into.square);
            vectors!($S, line.extent.channels, |at, left| {
                let mut d = [[<$S>::zero(); $from]; $from];
                for row in 0..$from {
                    for place in 0..$from {
                        d[row][place] = <$S>::load_up_to(pixels[row][place].add(at), left);
                    }
                }
                let v = on_both_axes!($S, $transform, $from => 6, d);
                let target = target.add(at / width * into.panel + at % width);
                for row in 0..REACH {
                    for place in 0..REACH {
                        let position = (row * REACH + place) * into.position;
                        <$S>::store(target.add(position), v[row][place]);
                    }
                }
            });
        }
    }};
}

impl<E: Real> Kernel<E> for Pixels<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: pixels outside the map are replaced by zeros, and there is room for whole vectors.
        unsafe { transform!(S, self, pixels, 6) }
    }
}

impl<E: Real> Kernel<E> for Gradients<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: as above.
        unsafe { transform!(S, self.0, gradients, 4) }
    }
}

/// Transforms a line of products, Aᵀ m A, and writes `activation(scale * sum + shift + residual)`.
pub(super) struct Sums<E> {
    /// `[position][square][columns]`
    pub(super) products: *const E,
    /// From one position to the next, and from one square to the next.
    pub(super) steps: [usize; 2],
    pub(super) line: Line<E>,
    /// The first channel that is written, and how many.
    pub(super) first: usize,
    pub(super) channels: usize,
    pub(super) scale: *const E,
    pub(super) shift: *const E,
    /// The picture's, like the line's.
    pub(super) residual: Option<Line<E>>,
    pub(super) activation: Activation,
}

impl<E: Real> Kernel<E> for Sums<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { products, steps: [position, square], line, first, channels, .. } = self;
        // SAFETY: only pixels within the map are written, and the products are there.
        unsafe {
            for column in 0..line.columns {
                let products = products.add(column * square);
                // Where each pixel of the square is, without branches in the loop over channels.
                let mut inside = [(0, 0); SIDE * SIDE];
                let mut count = 0;
                for pixel in 0..SIDE * SIDE {
                    if let Some(at) = line.at(column, pixel / SIDE, pixel % SIDE) {
                        inside[count] = (pixel, at + first);
                        count += 1;
                    }
                }
                vectors!(S, channels, |at, left| {
                    let mut m = [[S::zero(); REACH]; REACH];
                    for row in 0..REACH {
                        for place in 0..REACH {
                            let product = products.add((row * REACH + place) * position + at);
                            m[row][place] = S::load_up_to(product, left);
                        }
                    }
                    let sums = on_both_axes!(S, sums, 6 => 4, m);
                    let scale = S::load_up_to(self.scale.add(at), left);
                    let shift = S::load_up_to(self.shift.add(at), left);
                    for &(pixel, start) in &inside[..count] {
                        let mut y = S::fma(sums[pixel / SIDE][pixel % SIDE], scale, shift);
                        if let Some(residual) = self.residual {
                            let residual = residual.picture.add(start + at);
                            y = S::add(y, S::load_up_to(residual, left));
                        }
                        let y = self.activation.value::<S>(y);
                        S::store_up_to(line.picture.cast_mut().add(start + at), y, left);
                    }
                });
            }
        }
    }
}
