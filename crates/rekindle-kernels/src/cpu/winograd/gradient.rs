//! The gradient of weights: at each position, the product of the transformed input and the transformed gradient
//! of the output, summed over squares, and transformed back.
//!
//! Squares are taken a part at a time that the last cache holds. Both sides of a part are transformed line by
//! line, and written in the order in which the register tile reads them; then each position is a task.

use super::{
    POSITIONS,
    squares::{Gradients, Grid, Pixels, Room},
    weights::{Finish, WINDOW},
};
use crate::{
    cpu::{
        geometry::{Convolution, Direction},
        parallel::{Shared, tasks},
        simd::{Isa, Real},
        weight_gradient::{Outer, Tiles, outer_product},
    },
    memory::Buffer,
};

/// Bytes of a part, both sides together.
const PART: usize = 32 << 20;
/// Squares that are summed at a time: a panel of the input's for so many is in the first cache.
const CHUNK: usize = 256;
/// Fewest squares that pay for a gradient of four times the size. Training does not promise that a batch has
/// no say.
const SQUARES: usize = 96;

/// Whether the gradient of a convolution's weights is faster this way.
pub(crate) fn suits(convolution: &Convolution) -> bool {
    let grid = Grid::forward(convolution);
    super::suits(convolution, Direction::Forward) && grid.lines() * grid.columns >= SQUARES
}

/// The gradient `[out, in, 3, 3]` of the weights.
pub(crate) fn weight_gradient<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    dy: &[E],
    dw: &mut [E],
) {
    let grid = Grid::forward(convolution);
    let (lanes, (height, vectors)) = (E::lanes(isa), isa.tile());
    let width = vectors * lanes;
    let (channels, outputs) = (convolution.input.channels, convolution.channels_out);
    let (panels, tiles) = (channels.div_ceil(width), outputs.div_ceil(height));
    let square = POSITIONS * (panels * width + tiles * height) * size_of::<E>();
    let lines = grid.lines();
    let most = (PART / (square * grid.columns)).clamp(1, lines);
    // Parts of equal length, give or take one.
    let size = lines.div_ceil(lines.div_ceil(most));
    let squares = size * grid.columns;

    // A vector more than it takes: see `super`.
    let steps = [panels * squares * width + lanes, tiles * squares * height + lanes];
    let mut inputs = Buffer::<E>::any(POSITIONS * steps[0]);
    let mut gradients = Buffer::<E>::any(POSITIONS * steps[1]);
    let area = outputs * width;
    let mut sums = Buffer::<E>::zeros(POSITIONS * panels * area);
    let zeros = Buffer::<E>::zeros(channels.max(outputs));
    let [inputs, gradients] = [&mut inputs, &mut gradients].map(|buffer| Shared::new(buffer));
    let (x, dy, zeros) = (Shared::read(x), Shared::read(dy), Shared::read(&zeros));
    let shared = Shared::new(&mut sums);

    for first in (0..lines).step_by(size) {
        let here = size.min(lines - first);
        tasks(here, |index| {
            let at = index * grid.columns;
            let into = Room {
                start: inputs.get().wrapping_add(at * width),
                position: steps[0],
                panel: squares * width,
                square: width,
            };
            let zeros = zeros.get().cast_const();
            let input = Pixels { line: grid.take(first + index, x.get()), zeros, into };
            let stride = outputs.next_multiple_of(lanes);
            let step = grid.columns * stride + lanes;
            let mut own = Buffer::<E>::any(POSITIONS * step + width);
            let into =
                Room { start: own.as_mut_ptr(), position: step, panel: width, square: stride };
            let gradient =
                Gradients(Pixels { line: grid.own(first + index, dy.get()), zeros, into });
            let packing = Tiles { outputs, height, stride: squares * height };
            // SAFETY: each line of squares is written by one task.
            unsafe {
                E::dispatch(isa, input);
                E::dispatch(isa, gradient);
                for position in 0..POSITIONS {
                    let from = own.as_ptr().add(position * step);
                    let to = gradients.get().add(position * steps[1] + at * height);
                    packing.pack(from, stride, grid.columns, to);
                }
            }
        });
        tasks(POSITIONS, |position| {
            for chunk in (0..here * grid.columns).step_by(CHUNK) {
                let count = (here * grid.columns - chunk).min(CHUNK);
                for panel in 0..panels {
                    let vectors = (channels - panel * width).min(width).div_ceil(lanes);
                    let at = position * steps[0] + (panel * squares + chunk) * width;
                    // SAFETY: the sums of each position belong to one task; both sides were written.
                    unsafe {
                        let outer = Outer {
                            a: gradients.get().add(position * steps[1] + chunk * height),
                            stride: squares * height,
                            b: inputs.get().add(at),
                            steps: [height, width],
                            count,
                            sums: shared.get().add((position * panels + panel) * area),
                            begins: false,
                        };
                        outer_product(isa, vectors, outputs, outer);
                    }
                }
            }
        });
    }
    let target = Shared::new(dw);
    tasks(panels, |panel| {
        let columns = (channels - panel * width).min(width);
        // SAFETY: the weights of each channel are written by one task.
        unsafe {
            let finish = Finish {
                sums: shared.get().add(panel * area),
                position: panels * area,
                width: columns.next_multiple_of(lanes),
                outputs,
                columns,
                target: target.get().add(panel * width * WINDOW),
                channels,
            };
            E::dispatch(isa, finish);
        }
    });
}
