//! Dense and grouped convolution, and the gradient of its input: the same product, gathered otherwise.

use std::ops::Range;

use super::{
    activation::Activation,
    blocks::{block_size, cut},
    dropout::Dropout,
    geometry::{Convolution, Direction, Extent, Gather, Position},
    layout::Panel,
    norm::{Block, Measure, Moments},
    pack::Packed,
    parallel::{Shared, parts, tasks, threads, with_pointers},
    post::{Post, extended},
    simd::{Kernel, Real, Simd, vectors},
    tile::{self, Columns, Part, Rows},
    winograd::{self, Grid},
};
use crate::memory::Buffer;

/// Tasks to cut a small product into: the most, and for each thread. A number does not depend on which task computes it, and
/// a task of several panels fetches the next while it computes one.
const TASKS: [usize; 2] = [32, 8];
/// Channels that are summed at a time, or up to half as many more: where there are more, the sources of a block do not stay
/// in the second cache.
const DEPTH: usize = 512;
/// Inputs with no more channels are padded once, so that a row of the window is one run of numbers.
const FEW_CHANNELS: usize = 4;

/// Convolves `x` `[batch, height, width, in]` into `y` `[batch, height', width', out]`, and measures the
/// channels of `y` if they are to be.
pub(crate) fn forward<E: Real>(
    convolution: &Convolution,
    x: &[E],
    weights: &Packed<E>,
    post: &Post<'_, E>,
    y: &mut [E],
    measure: Measure,
) -> Option<Moments<E>> {
    weights.check(convolution, Direction::Forward);
    if weights.layout.winograd {
        return winograd::product(&Grid::forward(convolution), x, weights, post, y, measure);
    }
    let output = convolution.output();
    let mut gather = Gather::forward(convolution);
    let [_, width] = convolution.window.kernel;
    if is_padded_once(convolution) {
        let (padded, from) = pad(convolution, x);
        // A row of the window is one position, a run of `width * channels` numbers.
        gather.positions.retain(|position| position.index % width == 0);
        for Position { offset: [vertical, horizontal], .. } in &mut gather.positions {
            *vertical += convolution.window.before[0] as isize;
            *horizontal = 0;
        }
        let run = width * convolution.input.channels;
        let maps = Maps { source: &padded, from, target: y, to: output };
        product(&gather, maps, weights, run, post, measure)
    } else {
        let run = weights.layout.channels;
        let maps = Maps { source: x, from: convolution.input, target: y, to: output };
        product(&gather, maps, weights, run, post, measure)
    }
}

/// The gradient `dx` of the input from that of the output, with weights that were packed backward.
/// `residual` is added: what is known of `dx` already.
pub(crate) fn input_gradient<E: Real>(
    convolution: &Convolution,
    dy: &[E],
    weights: &Packed<E>,
    residual: Option<&[E]>,
    dx: &mut [E],
) {
    weights.check(convolution, Direction::Backward);
    let (from, to) = (convolution.output(), convolution.input);
    let post = Post { residual, ..Post::default() };
    if weights.layout.winograd {
        let grid = Grid::backward(convolution);
        winograd::product(&grid, dy, weights, &post, dx, Measure::Nothing);
        return;
    }
    for gather in Gather::backward(convolution) {
        let maps = Maps { source: dy, from, target: dx, to };
        product(&gather, maps, weights, weights.layout.channels, &post, Measure::Nothing);
    }
}

/// Whether going forward is what is computed here: neither channel by channel nor in squares.
pub(crate) fn is_direct(convolution: &Convolution) -> bool {
    !convolution.is_depthwise() && !winograd::suits(convolution, Direction::Forward)
}

pub(crate) fn is_padded_once(convolution: &Convolution) -> bool {
    convolution.input.channels <= FEW_CHANNELS
        && convolution.groups == 1
        && convolution.window.dilation[1] == 1
        && convolution.window.kernel[1] > 1
}

/// A copy of the input with its padding in memory.
pub(crate) fn pad<E: Real>(convolution: &Convolution, x: &[E]) -> (Buffer<E>, Extent) {
    let [batch, height, width, channels] = convolution.input.dims();
    let window = &convolution.window;
    let extent = Extent::new([
        batch,
        height + window.before[0] + window.after[0],
        width + window.before[1] + window.after[1],
        channels,
    ]);
    let mut padded = Buffer::<E>::any(extent.len());
    let row = extent.width * channels;
    let out = Shared::new(&mut padded);
    parts(batch * extent.height, 64, |start, end| {
        for index in start..end {
            // SAFETY: each row of the copy is written by one task.
            let target = unsafe { std::slice::from_raw_parts_mut(out.get().add(index * row), row) };
            let (picture, vertical) = (index / extent.height, index % extent.height);
            let inside =
                vertical.checked_sub(window.before[0]).filter(|vertical| *vertical < height);
            let Some(vertical) = inside else {
                target.fill(E::ZERO);
                continue;
            };
            let from = (picture * height + vertical) * width * channels;
            let before = window.before[1] * channels;
            target[..before].fill(E::ZERO);
            target[before..before + width * channels]
                .copy_from_slice(&x[from..from + width * channels]);
            target[before + width * channels..].fill(E::ZERO);
        }
    });
    (padded, extent)
}

/// What is read and what is written.
struct Maps<'a, E> {
    source: &'a [E],
    from: Extent,
    target: &'a mut [E],
    to: Extent,
}

/// Every target pixel of a gather is written: the sum over its positions, `run` numbers each.
fn product<E: Real>(
    gather: &Gather,
    maps: Maps<'_, E>,
    weights: &Packed<E>,
    run: usize,
    post: &Post<'_, E>,
    measure: Measure,
) -> Option<Moments<E>> {
    let layout = weights.layout;
    let Maps { source, from, target, to } = maps;
    let columns = layout.groups * layout.columns;
    assert_eq!(source.len(), from.len(), "a source of another shape");
    assert_eq!(target.len(), to.len(), "a target of another shape");
    assert_eq!(to.channels, columns, "weights of another convolution");
    assert!(
        post.residual.is_none_or(|residual| residual.len() == to.len()),
        "what is added is of another shape"
    );
    let pixels = gather.count(to.batch);
    let size = block_size(pixels);
    let mut moments = measure.begin(columns, cut(pixels, size));
    if pixels == 0 || columns == 0 {
        return moments;
    }
    // A panel reads whole vectors of factors, beyond the last column too.
    let spare = layout.width();
    let scale = extended(post.scale, E::ONE, columns + spare);
    let shift = extended(post.shift, E::ZERO, columns + spare);
    let zeros = Buffer::<E>::zeros(from.channels.max(run));
    let offsets: Vec<usize> =
        gather.positions.iter().map(|position| position.index * layout.channels).collect();
    let (low, high) = post.activation.clamp().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let rest = match (post.dropout, post.activation.clamp()) {
        (Some(dropout), _) => Some(Rest::Dropped(dropout)),
        (None, None) => Some(Rest::Activated(post.activation)),
        (None, Some(_)) => None,
    };

    let panels: Vec<(usize, Panel)> = (0..layout.groups)
        .flat_map(|group| layout.panels(group).map(move |panel| (group, panel)))
        .collect();
    let blocks = pixels.div_ceil(size);
    let wanted = TASKS[0].min(TASKS[1] * threads());
    let chunk = panels.len().div_ceil(wanted.div_ceil(blocks));
    let chunks = panels.len().div_ceil(chunk);
    let slices = slices(run, gather.positions.len());

    let lookup =
        Lookup { gather, from, to, source: Shared::read(source), zeros: Shared::read(&zeros) };
    let target = Shared::new(target);
    let residual = post.residual.map(Shared::read);
    // What is dropped is dropped before it is added.
    let [residual, added] = match post.dropout {
        Some(_) => [None, residual],
        None => [residual, None],
    };
    let argument = post.argument;
    let shared = moments.as_mut().map(Moments::shared);
    tasks(blocks * chunks, |task| {
        let (block, chunk_index) = (task / chunks, task % chunks);
        let (first_pixel, end) = (block * size, ((block + 1) * size).min(pixels));
        with_pointers((gather.positions.len() + 1) * size, |table| {
            let rows = lookup.fill(table, size, first_pixel, end, target);
            let first = chunk_index * chunk;
            let own = first..(first + chunk).min(panels.len());
            let steps =
                slices.iter().flat_map(|slice| own.clone().map(move |index| (slice, index)));
            for (slice, index) in steps {
                let (group, panel) = panels[index];
                let width = panel.vectors * layout.lanes;
                let Some(slice) = part_of(slice, run, panel.columns == width) else { continue };
                let column = group * layout.columns + panel.column;
                let start = |panel: Panel| {
                    // SAFETY: a panel starts within the weights, and each of its channels has `width` of them.
                    unsafe { weights.as_slice().as_ptr().add(panel.start + slice.start * width) }
                };
                let columns = Columns {
                    weights: start(panel),
                    next: start(panels.get(index + 1).map_or(panel, |(_, next)| *next)),
                    offsets: offsets.as_ptr(),
                    positions: offsets.len(),
                    length: slice.len(),
                    source: group * layout.channels + slice.start,
                    target: column,
                    columns: panel.columns,
                    part: Part { is_first: slice.start == 0, is_last: slice.end == run },
                    scale: scale[column..].as_ptr(),
                    shift: shift[column..].as_ptr(),
                    residual: residual.map(|residual| residual.get().cast_const()),
                    targets_start: target.get(),
                    low: E::of(low),
                    high: E::of(high),
                };
                // SAFETY: each pixel and column is written by one task; sources were checked against
                // the map, run by run, and lie within it, since no product of an extent wraps; the weights are
                // those of the gather's convolution, and they and the factors are as long as the panel.
                unsafe {
                    tile::product(layout.isa, panel, rows, columns);
                    if slice.end < run {
                        continue;
                    }
                    if let Some(rest) = rest {
                        let columns = panel.columns;
                        let start = target.get();
                        let (row, rows) = (first_pixel, rows);
                        let block =
                            Written { rows, row, column, columns, rest, start, argument, added };
                        E::dispatch(layout.isa, block);
                    }
                    if let Some(moments) = shared {
                        // Of a forward gather the targets are one after the other.
                        let start = target.get().add(first_pixel * to.channels).cast_const();
                        let pixels =
                            Block { start, stride: to.channels, pixels: end - first_pixel };
                        moments.measure(layout.isa, block, pixels, column, panel.columns);
                    }
                }
            }
        });
    });
    moments
}

/// The parts in which a run of channels at so many positions is summed.
pub(super) fn slices(run: usize, positions: usize) -> Vec<Range<usize>> {
    let count = if positions == 1 { ((run + DEPTH / 2) / DEPTH).max(1) } else { 1 };
    let part = run.div_ceil(count).max(1);
    (0..count).map(|index| (index * part).min(run)..((index + 1) * part).min(run)).collect()
}

/// What of a run a panel sums with one of its slices: one that is not full sums all of it at once, with the last.
pub(super) fn part_of(slice: &Range<usize>, run: usize, is_full: bool) -> Option<Range<usize>> {
    match is_full {
        true => Some(slice.clone()),
        false => (slice.end == run).then_some(0..run),
    }
}

/// Finds the pointers of pixels.
struct Lookup<'a, E> {
    gather: &'a Gather,
    from: Extent,
    to: Extent,
    source: Shared<E>,
    zeros: Shared<E>,
}

impl<E: Real> Lookup<'_, E> {
    /// Fills a table with the sources of targets `start..end`, `capacity` for each position, and then
    /// the targets themselves.
    fn fill(
        &self,
        table: &mut [*mut E],
        capacity: usize,
        start: usize,
        end: usize,
        target: Shared<E>,
    ) -> Rows<E> {
        let Self { gather, from, to, .. } = *self;
        let (sources, targets) = table.split_at_mut(gather.positions.len() * capacity);
        gather.each(start, end, |i, picture, row, column| {
            let vertical = (row * gather.step[0]) as isize;
            let horizontal = (column * gather.step[1]) as isize;
            for (position, sources) in gather.positions.iter().zip(sources.chunks_mut(capacity)) {
                let (y, x) = (vertical + position.offset[0], horizontal + position.offset[1]);
                // Below zero is beyond every size.
                let inside = (y as usize) < from.height && (x as usize) < from.width;
                sources[i] = if inside {
                    let pixel = (picture * from.height + y as usize) * from.width + x as usize;
                    self.source.get().wrapping_add(pixel * from.channels)
                } else {
                    self.zeros.get()
                };
            }
            let y = gather.origin[0] + gather.spacing[0] * row;
            let x = gather.origin[1] + gather.spacing[1] * column;
            let pixel = (picture * to.height + y) * to.width + x;
            targets[i] = target.get().wrapping_add(pixel * to.channels);
        });
        Rows {
            sources: sources.as_ptr().cast(),
            targets: targets.as_ptr(),
            capacity,
            count: end - start,
        }
    }
}

/// What the tile leaves to be done.
#[derive(Clone, Copy)]
enum Rest {
    Activated(Activation),
    Dropped(Dropout),
}

/// Does it to what was just written.
struct Written<E> {
    rows: Rows<E>,
    /// The first of them, whose targets are one after the other.
    row: usize,
    column: usize,
    columns: usize,
    rest: Rest,
    /// Of all that is written; the next two lie as far from their starts.
    start: *mut E,
    /// Where what was written goes as it is.
    argument: Option<Shared<E>>,
    /// What is added behind a dropout.
    added: Option<Shared<E>>,
}

impl<E: Real> Kernel<E> for Written<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: the rows were just written by this task, and the other maps are as long as the target.
        unsafe {
            for row in 0..self.rows.count {
                let pixel = (*self.rows.targets.add(row)).add(self.column);
                let place = pixel.offset_from(self.start);
                match self.rest {
                    Rest::Dropped(dropout) => {
                        let added = self.added.map(|added| added.get().offset(place).cast_const());
                        let place = (self.row + row, self.column, self.columns);
                        dropout.over::<S>(place, pixel, added, pixel);
                    }
                    Rest::Activated(activation) => {
                        let argument = self.argument.map(|argument| argument.get().offset(place));
                        vectors!(S, self.columns, |at, left| {
                            let x = S::load_up_to(pixel.add(at), left);
                            if let Some(argument) = argument {
                                S::store_up_to(argument.add(at), x, left);
                            }
                            S::store_up_to(pixel.add(at), activation.value::<S>(x), left);
                        });
                    }
                }
            }
        }
    }
}
