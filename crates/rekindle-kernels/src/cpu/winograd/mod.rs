//! Convolution with windows of 3x3 in a quarter of the multiplications.
//!
//! A map is cut into squares of 4x4 pixels. The 6x6 pixels that a square is made of are transformed (`V`), and
//! so are the weights (`U`); at each of the 36 positions, an output is then the plain product of `V` and `U`
//! summed over channels, and the squares of the output are transformed back. Lavin & Gray 2015,
//! <https://arxiv.org/abs/1509.09308>. The error is twice that of the sum itself; see `points`.
//!
//! ```text
//! input [pixels][channels] -> V [36][squares][channels] -> [36][squares][columns] -> output [pixels][columns]
//! ```
//!
//! A task takes a few lines of squares through all of it, in the cache. What a pixel becomes depends on its
//! square alone, not on the batch, the task or the thread.

mod choice;
mod gradient;
mod points;
mod squares;
mod weights;

use std::ops::Range;

use super::{
    activation::Activation,
    layout::Panel,
    norm::{Block, Measure, Moments},
    pack::Packed,
    parallel::{Shared, tasks, with_pointers},
    post::{Post, extended},
    simd::Real,
    tile::{self, Columns, Part, Rows},
};
use crate::memory::Buffer;
pub(super) use choice::{POSITIONS, suits};
pub(super) use gradient::{suits as gradient_suits, weight_gradient};
pub(super) use squares::Grid;
use squares::{Pixels, Room, Sums};
pub(super) use weights::pack;

/// Squares of a block: enough that weights, which are read for each block, are used often.
const SQUARES: usize = 48;
/// Tasks to cut a product into.
const TASKS: usize = 16;

/// Every pixel of the grid's target from its source, with weights that were packed in the grid's direction.
pub(super) fn product<E: Real>(
    grid: &Grid,
    source: &[E],
    weights: &Packed<E>,
    post: &Post<'_, E>,
    target: &mut [E],
    measure: Measure,
) -> Option<Moments<E>> {
    let layout = weights.layout;
    let (from, to) = (grid.from, grid.to);
    assert_eq!(source.len(), from.len(), "a source of another shape");
    assert_eq!(target.len(), to.len(), "a target of another shape");
    assert!(from.channels == layout.channels && to.channels == layout.columns, "other weights");
    assert!(
        post.residual.is_none_or(|residual| residual.len() == to.len()),
        "what is added is of another shape"
    );
    let lines = grid.lines();
    let blocks = (lines * grid.columns).div_ceil(SQUARES).min(lines).max(1);
    let size = lines.div_ceil(blocks);
    let blocks = lines.div_ceil(size.max(1));
    let first_pixel = |block: usize| grid.first_pixel((block * size).min(lines));
    let pixels = (0..blocks).map(|block| first_pixel(block + 1) - first_pixel(block));
    let mut moments = measure.begin(to.channels, pixels);
    if target.is_empty() {
        return moments;
    }
    let job = Job {
        grid,
        source: Shared::read(source),
        target: Shared::new(target),
        zeros: &Buffer::zeros(from.channels),
        weights,
        scale: &extended(post.scale, E::ONE, to.channels),
        shift: &extended(post.shift, E::ZERO, to.channels),
        residual: post.residual.map(Shared::read),
        activation: post.activation,
        none: &Buffer::zeros(layout.width()),
        ones: &Buffer::filled(layout.width(), E::ONE),
    };
    let panels: Vec<Panel> = layout.panels(0).collect();
    let chunk = panels.len().div_ceil(TASKS.div_ceil(blocks));
    let chunks = panels.len().div_ceil(chunk);
    let shared = moments.as_mut().map(Moments::shared);
    tasks(blocks * chunks, |task| {
        let (block, index) = (task / chunks, task % chunks);
        let panels = &panels[index * chunk..((index + 1) * chunk).min(panels.len())];
        let lines = block * size..((block + 1) * size).min(lines);
        // SAFETY: each line and panel is written by one task.
        let columns = unsafe { job.run(lines, panels) };
        if let Some(moments) = shared {
            let first = first_pixel(block);
            let start = job.target.get().wrapping_add(first * to.channels).cast_const();
            let pixels = first_pixel(block + 1) - first;
            let pixels = Block { start, stride: to.channels, pixels };
            // SAFETY: these pixels and columns were just written by this task.
            unsafe { moments.measure(layout.isa, block, pixels, columns.start, columns.len()) };
        }
    });
    moments
}

/// What all tasks share.
struct Job<'a, E> {
    grid: &'a Grid,
    source: Shared<E>,
    target: Shared<E>,
    zeros: &'a [E],
    weights: &'a Packed<E>,
    scale: &'a [E],
    shift: &'a [E],
    residual: Option<Shared<E>>,
    activation: Activation,
    /// A panel of zeros, and of ones.
    none: &'a [E],
    ones: &'a [E],
}

impl<E: Real> Job<'_, E> {
    /// Takes lines of squares through some panels of columns, which are returned.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes these columns of these lines.
    unsafe fn run(&self, lines: Range<usize>, panels: &[Panel]) -> Range<usize> {
        let Self { grid, weights, .. } = *self;
        let layout = weights.layout;
        let (isa, width, lanes) = (layout.isa, layout.width(), E::lanes(layout.isa));
        let (channels, squares) = (grid.from.channels, lines.len() * grid.columns);
        let first = panels.first().map_or(0, |panel| panel.column);
        let end = panels.last().map_or(0, |panel| panel.column + panel.columns);
        let columns = end - first;
        // From one position to the next there is a vector more than it takes, so that not all of them fall
        // into the same lines of the cache.
        let stride = channels.next_multiple_of(lanes);
        let (step, product_step) = (squares * stride + lanes, squares * columns + lanes);
        let mut transformed = Buffer::<E>::any(POSITIONS * step + width);
        let mut products = Buffer::<E>::any(POSITIONS * product_step);
        let (transformed, products) = (transformed.as_mut_ptr(), products.as_mut_ptr());
        for (index, line) in lines.clone().enumerate() {
            let into = Room {
                start: transformed.wrapping_add(index * grid.columns * stride),
                position: step,
                panel: width,
                square: stride,
            };
            let line = grid.take(line, self.source.get());
            // SAFETY: there is room for whole vectors of each square at each position.
            unsafe { E::dispatch(isa, Pixels { line, zeros: self.zeros.as_ptr(), into }) };
        }
        with_pointers(2 * squares, |table| {
            let (sources, targets) = table.split_at_mut(squares);
            for square in 0..squares {
                sources[square] = transformed.wrapping_add(square * stride);
                targets[square] = products.wrapping_add(square * columns);
            }
            let rows = Rows {
                sources: sources.as_ptr().cast(),
                targets: targets.as_ptr(),
                capacity: squares,
                count: squares,
            };
            for position in 0..POSITIONS {
                let offset = position * channels;
                for (index, &panel) in panels.iter().enumerate() {
                    let start = |panel: Panel| {
                        // SAFETY: a panel starts within the weights.
                        unsafe { weights.as_slice().as_ptr().add(panel.start) }
                    };
                    // The next panel at this position, or the first at the next.
                    let (next, further) = match panels.get(index + 1) {
                        Some(next) => (*next, position),
                        None => (panels[0], position + 1),
                    };
                    let next_width = next.vectors * lanes;
                    let columns = Columns {
                        weights: start(panel),
                        next: start(next).wrapping_add(further * channels * next_width),
                        offsets: &raw const offset,
                        positions: 1,
                        length: channels,
                        source: position * step,
                        target: position * product_step + panel.column - first,
                        columns: panel.columns,
                        part: Part::WHOLE,
                        scale: self.ones.as_ptr(),
                        shift: self.none.as_ptr(),
                        residual: None,
                        targets_start: products,
                        low: E::of(f64::NEG_INFINITY),
                        high: E::of(f64::INFINITY),
                    };
                    // SAFETY: the squares were transformed, and there is room for their products.
                    unsafe { tile::product(isa, panel, rows, columns) };
                }
            }
        });
        for (index, line) in lines.enumerate() {
            let sums = Sums {
                products: products.wrapping_add(index * grid.columns * columns),
                steps: [product_step, columns],
                line: grid.own(line, self.target.get()),
                first,
                channels: columns,
                scale: self.scale[first..].as_ptr(),
                shift: self.shift[first..].as_ptr(),
                residual: self.residual.map(|residual| grid.own(line, residual.get())),
                activation: self.activation,
            };
            // SAFETY: by contract.
            unsafe { E::dispatch(isa, sums) };
        }
        first..end
    }
}
