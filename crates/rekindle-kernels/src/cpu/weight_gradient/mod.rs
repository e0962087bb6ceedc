//! The gradient of dense weights: for each position of the window, the product of the output's gradient
//! and the input, summed over pixels.
//!
//! Pixels are taken a chunk at a time. Both sides of the chunk are packed in the order in which the register
//! tile reads them: the gradient of the output once, `[tile of outputs][pixel][height]`, for the second
//! cache, and of the input a panel of channels at one position, `[pixel][width]`, for the first. Outputs that
//! would not fit the second cache are cut into blocks, which cost no more than packing the input again. A side with
//! few channels is read where it lies: a chunk of it fits the first cache, and packing would take as long as
//! the sums.

mod outer;
mod pack;
mod write;

use std::ops::Range;

use super::{
    dense::{is_padded_once, pad},
    geometry::{Convolution, Extent, Gather, Position},
    parallel::{Shared, parts, tasks, with_pointers},
    simd::{Isa, Real},
    winograd,
};
use crate::memory::Buffer;
use outer::Join;
pub(super) use outer::{Outer, outer_product};
pub(super) use pack::Tiles;
use pack::{PackInput, pack_all};

/// Pixels of a chunk where the gradient of the output is packed.
const CHUNK: usize = 256;
/// Bytes of a chunk of the gradient that is read where it lies.
const NEAR: usize = 16 << 10;
/// Bytes of a pixel of which no more are read where they lie.
const FEW: usize = 768;
/// Outputs of a block: with a chunk's pixels they take a part of the second cache.
const OUTPUTS: usize = 192;
/// Most weights that are worth turning.
const TURNED: usize = 256 << 10;
/// Tasks to cut the work into.
const TASKS: usize = 32;

/// The gradient `[out, in / groups, height, width]` of the weights from the input and the gradient of the
/// output.
pub(crate) fn weight_gradient<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    dy: &[E],
    dw: &mut [E],
) {
    let output = convolution.output();
    assert_eq!(x.len(), convolution.input.len(), "an input of another shape");
    assert_eq!(dy.len(), output.len(), "a gradient of another shape");
    assert_eq!(dw.len(), convolution.weights(), "weights of another shape");
    let pixels = output.pixels();
    if pixels == 0 || dw.is_empty() {
        dw.fill(E::ZERO);
        return;
    }
    if winograd::gradient_suits(convolution) {
        return winograd::weight_gradient(isa, convolution, x, dy, dw);
    }
    if convolution.window.is_pointwise()
        && convolution.groups == 1
        && convolution.channels_out > convolution.input.channels
        && dw.len() <= TURNED
    {
        return turned(isa, convolution, x, dy, dw);
    }
    let mut gather = Gather::forward(convolution);
    let mut run = convolution.channels_seen();
    let [_, window_width] = convolution.window.kernel;
    let padded = is_padded_once(convolution).then(|| pad(convolution, x));
    if padded.is_some() {
        gather.positions.retain(|position| position.index % window_width == 0);
        for Position { offset: [vertical, horizontal], .. } in &mut gather.positions {
            *vertical += convolution.window.before[0] as isize;
            *horizontal = 0;
        }
        run = window_width * convolution.input.channels;
    }
    let (source, from) = match &padded {
        Some((padded, extent)) => (&padded[..], *extent),
        None => (x, convolution.input),
    };

    let width = isa.tile().1 * E::lanes(isa);
    let panels = run.div_ceil(width);
    let units = convolution.groups * gather.positions.len() * panels;
    let outputs = convolution.channels_out / convolution.groups;
    // A unit's sums: a row for each output.
    let area = outputs * width;
    let blocks = outputs.div_ceil(OUTPUTS);
    let block = outputs.div_ceil(blocks).next_multiple_of(isa.tile().0);
    let (splits, sets) = cut(pixels, units, blocks, units * area * size_of::<E>());
    let mut sums = Buffer::<E>::any(splits * units * area);
    let few = |channels: usize| channels * size_of::<E>() <= FEW;
    // Where many units read the gradient, chunks as long as packed ones are worth the packing.
    let reread = units > 4 && CHUNK / 2 * output.channels * size_of::<E>() > NEAR;
    let in_place =
        [few(output.channels) && !reread, few(from.channels) && convolution.window.is_pointwise()];
    let packed = (sets > 1 && !in_place[0]).then(|| pack_all(isa, convolution, dy, pixels));
    let job = Job {
        isa,
        convolution,
        gather: &gather,
        source: Shared::read(source),
        from,
        dy: Shared::read(dy),
        packed: packed.as_deref().map(Shared::read),
        in_place,
        pixels,
        outputs,
        run,
        panels,
    };
    let (size, set) = (pixels.div_ceil(splits), units.div_ceil(sets));
    let shared = Shared::new(&mut sums);
    tasks(sets * splits * blocks, |task| {
        let (split, rest) = (task % splits, task / splits);
        let (first, first_output) = (rest / blocks * set, rest % blocks * block);
        let part = Part {
            units: first.min(units)..(first + set).min(units),
            outputs: first_output.min(outputs)..(first_output + block).min(outputs),
            pixels: split * size..((split + 1) * size).min(pixels),
        };
        // SAFETY: the outputs of each unit of each split are summed by one task.
        unsafe { job.sum(&part, shared.get().add(split * units * area)) };
    });
    let target = Shared::new(dw);
    tasks(convolution.groups * panels, |task| {
        let (group, panel) = (task / panels, task % panels);
        // SAFETY: all positions of a group's panel are joined and written by one task, after all parts were
        // summed.
        unsafe {
            if job.run == convolution.channels_seen() && convolution.window.positions() == 1 {
                let (sums, stride) = (shared.get().cast_const(), units * area);
                job.join(group, panel, (sums, stride, splits), target.get());
                return;
            }
            for position in 0..gather.positions.len() {
                let first = shared.get().add(job.unit(group, position, panel) * area);
                E::dispatch(isa, Join { first, area, stride: units * area, splits });
            }
            job.scatter(group, panel, shared.get(), target.get());
        }
    });
}

/// The gradient of weights of single pixels to more channels, as that of weights to fewer: to pack an output costs
/// more than to pack an input.
fn turned<E: Real>(isa: Isa, convolution: &Convolution, x: &[E], dy: &[E], dw: &mut [E]) {
    /// Rows and columns that are turned at a time: both sides of them are in the first cache.
    const SIDE: usize = 32;
    let (inputs, outputs) = (convolution.input.channels, convolution.channels_out);
    let turned = Convolution::new(convolution.output(), inputs, 1, convolution.window);
    let mut sums = Buffer::<E>::any(dw.len());
    weight_gradient(isa, &turned, dy, x, &mut sums);
    let target = Shared::new(dw);
    parts(outputs, SIDE, |start, end| {
        for first in (0..inputs).step_by(SIDE) {
            for output in start..end {
                for input in first..(first + SIDE).min(inputs) {
                    // SAFETY: the weights of each output are written by one task.
                    unsafe {
                        *target.get().add(output * inputs + input) = sums[input * outputs + output];
                    }
                }
            }
        }
    });
}

/// Parts of the pixels and sets of the units to cut the work into, so that a task reads little of memory
/// more than once, and the parts' gradients are not large.
fn cut(pixels: usize, units: usize, blocks: usize, bytes: usize) -> (usize, usize) {
    /// Bytes of the sums of all parts.
    const PARTIAL: usize = 8 << 20;
    let splits = TASKS.min(pixels.div_ceil(4 * CHUNK)).min(PARTIAL / bytes.max(1)).max(1);
    (splits, TASKS.div_ceil(splits * blocks).min(units))
}

/// What a task sums.
struct Part {
    units: Range<usize>,
    /// Of each group.
    outputs: Range<usize>,
    pixels: Range<usize>,
}

/// What all tasks share.
struct Job<'a, E> {
    isa: Isa,
    convolution: &'a Convolution,
    gather: &'a Gather,
    source: Shared<E>,
    from: Extent,
    dy: Shared<E>,
    /// The gradient of all pixels, where it is packed once for all tasks.
    packed: Option<Shared<E>>,
    /// Whether the gradient, and the input, are read where they lie.
    in_place: [bool; 2],
    pixels: usize,
    outputs: usize,
    run: usize,
    panels: usize,
}

impl<E: Real> Job<'_, E> {
    /// Sums some outputs of some units, a panel of the run at a position of a group each, over some pixels.
    ///
    /// # Safety
    ///
    /// `sums` are those of all units, and nobody else reads or writes this part of them.
    unsafe fn sum(&self, part: &Part, sums: *mut E) {
        let Self { isa, panels, .. } = *self;
        let (height, vectors) = isa.tile();
        let (lanes, positions) = (E::lanes(isa), self.gather.positions.len());
        let width = vectors * lanes;
        let area = self.outputs * width;
        let channels = self.convolution.channels_out;
        let outputs = part.outputs.len();
        let tiles = outputs.div_ceil(height);
        let mut panel = Buffer::<E>::any(CHUNK * width);
        let [gradient_in_place, input_in_place] = self.in_place;
        let own =
            if self.packed.is_some() || gradient_in_place { 0 } else { tiles * CHUNK * height };
        let mut own = Buffer::<E>::any(own);
        let most = match gradient_in_place {
            true => (NEAR / (channels * size_of::<E>())).clamp(1, CHUNK),
            false => CHUNK,
        };
        // The columns of a unit, and where its sums of the part's outputs are.
        let unit_at = |unit: usize| {
            let column = unit % panels * width;
            let columns = (self.run - column).min(width);
            let first = part.outputs.start * columns.next_multiple_of(lanes);
            (column, columns, sums.wrapping_add(unit * area + first))
        };
        // The first chunk's products are where the sums begin.
        if part.pixels.is_empty() {
            for unit in part.units.clone() {
                let (_, columns, sums) = unit_at(unit);
                // SAFETY: by contract.
                unsafe {
                    let len = outputs * columns.next_multiple_of(lanes);
                    std::slice::from_raw_parts_mut(sums, len).fill(E::ZERO);
                }
            }
        }
        for chunk in part.pixels.clone().step_by(most) {
            let count = (part.pixels.end - chunk).min(most);
            with_pointers(count, |table| {
                let (mut of_group, mut of_position) = (None, None);
                for unit in part.units.clone() {
                    let (column, columns, sums) = unit_at(unit);
                    let (group, position) = (unit / panels / positions, unit / panels % positions);
                    let output = group * self.outputs + part.outputs.start;
                    // From one tile of outputs to the next, and from one pixel to the next.
                    let (gradient, stride, step) = match self.packed {
                        _ if gradient_in_place => {
                            // SAFETY: the chunk's pixels have these outputs.
                            let gradient = unsafe { self.dy.get().add(chunk * channels + output) };
                            (gradient.cast_const(), height, channels)
                        }
                        Some(packed) => {
                            let tile =
                                group * self.outputs.div_ceil(height) + part.outputs.start / height;
                            let start = (tile * self.pixels + chunk) * height;
                            // SAFETY: all pixels of all groups are packed.
                            let packed = unsafe { packed.get().add(start).cast_const() };
                            (packed, self.pixels * height, height)
                        }
                        None => {
                            if of_group.replace(group) != Some(group) {
                                // SAFETY: the chunk's pixels have these outputs, and there is room for all tiles.
                                unsafe {
                                    let dy = self.dy.get().add(chunk * channels + output);
                                    let tiles = Tiles { outputs, height, stride: count * height };
                                    tiles.pack(dy, channels, count, own.as_mut_ptr());
                                }
                            }
                            (own.as_ptr(), count * height, height)
                        }
                    };
                    let vectors = columns.div_ceil(lanes);
                    let channel = group * self.convolution.channels_seen() + column;
                    let (input, next) = if input_in_place && columns == vectors * lanes {
                        let start = chunk * self.from.channels + channel;
                        // SAFETY: a pixel of the output is one of the input, with these channels.
                        let input = unsafe { self.source.get().add(start).cast_const() };
                        (input, self.from.channels)
                    } else {
                        if of_position.replace(position) != Some(position) {
                            self.look_up(table, chunk, position);
                        }
                        let input = PackInput {
                            sources: table.as_ptr().cast(),
                            count,
                            channel,
                            columns,
                            width: vectors * lanes,
                            panel: panel.as_mut_ptr(),
                        };
                        // SAFETY: a pixel within the map has the run's channels.
                        unsafe { E::dispatch(isa, input) };
                        (panel.as_ptr(), vectors * lanes)
                    };
                    // SAFETY: the chunk has so many pixels, and there are sums for each output.
                    unsafe {
                        let outer = Outer {
                            a: gradient,
                            stride,
                            b: input,
                            steps: [step, next],
                            count,
                            sums,
                            begins: chunk == part.pixels.start,
                        };
                        outer_product(isa, vectors, outputs, outer);
                    }
                }
            });
        }
    }

    /// Where each pixel of a chunk finds its input at a position, or null.
    fn look_up(&self, table: &mut [*mut E], chunk: usize, position: usize) {
        let Self { gather, from, .. } = *self;
        let offset = gather.positions[position].offset;
        gather.each(chunk, chunk + table.len(), |i, picture, row, column| {
            let y = (row * gather.step[0]) as isize + offset[0];
            let x = (column * gather.step[1]) as isize + offset[1];
            let inside = (y as usize) < from.height && (x as usize) < from.width;
            table[i] = if inside {
                let pixel = (picture * from.height + y as usize) * from.width + x as usize;
                self.source.get().wrapping_add(pixel * from.channels)
            } else {
                std::ptr::null_mut()
            };
        });
    }

    /// The number of a unit.
    fn unit(&self, group: usize, position: usize, panel: usize) -> usize {
        (group * self.gather.positions.len() + position) * self.panels + panel
    }
}
