//! The gradient of dense weights: for each position of the window, the product of the output's gradient
//! and the input, summed over pixels.
//!
//! Pixels are taken a chunk at a time. Both sides of the chunk are packed in the order in which the register
//! tile reads them: the gradient of the output once, `[tile of outputs][pixel][height]`, for the second
//! cache, and of the input a panel of channels at one position, `[pixel][width]`, for the first.

use std::ops::Range;

use super::{
    dense::{is_padded_once, pad},
    geometry::{Convolution, Extent, Gather, Position},
    parallel::{Shared, parts, tasks, with_pointers},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Pixels whose input is packed at a time.
const CHUNK: usize = 256;
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
    let (splits, sets) = cut(pixels, units, units * area * size_of::<E>());
    let mut sums = Buffer::<E>::any(splits * units * area);
    let packed = (sets > 1).then(|| pack_all(isa, convolution, dy, pixels));
    let job = Job {
        isa,
        convolution,
        gather: &gather,
        source: Shared::read(source),
        from,
        dy: Shared::read(dy),
        packed: packed.as_deref().map(Shared::read),
        pixels,
        outputs,
        run,
        panels,
    };
    let (size, set) = (pixels.div_ceil(splits), units.div_ceil(sets));
    let shared = Shared::new(&mut sums);
    tasks(sets * splits, |task| {
        let (split, first) = (task % splits, task / splits * set);
        let range = [split * size, ((split + 1) * size).min(pixels)];
        let (first, last) = (first.min(units), (first + set).min(units));
        // SAFETY: each unit of each part is summed by one task.
        let sums = unsafe {
            let start = shared.get().add((split * units + first) * area);
            std::slice::from_raw_parts_mut(start, (last - first) * area)
        };
        job.sum(first..last, range, sums);
    });
    let target = Shared::new(dw);
    tasks(convolution.groups * panels, |task| {
        let (group, panel) = (task / panels, task % panels);
        // SAFETY: all positions of a group's panel are joined and written by one task, after all parts were
        // summed.
        unsafe {
            for position in 0..gather.positions.len() {
                let first = shared.get().add(job.unit(group, position, panel) * area);
                E::dispatch(isa, Join { first, area, stride: units * area, splits });
            }
            job.scatter(group, panel, shared.get(), target.get());
        }
    });
}

/// Parts of the pixels and sets of the units to cut the work into, so that a task reads little of memory
/// more than once, and the parts' gradients are not large.
fn cut(pixels: usize, units: usize, bytes: usize) -> (usize, usize) {
    /// Bytes of the sums of all parts.
    const PARTIAL: usize = 8 << 20;
    let splits = TASKS.min(pixels.div_ceil(2 * CHUNK)).min(PARTIAL / bytes.max(1)).max(1);
    (splits, TASKS.div_ceil(splits).min(units))
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
    pixels: usize,
    outputs: usize,
    run: usize,
    panels: usize,
}

impl<E: Real> Job<'_, E> {
    /// Sums some units, a panel of the run at a position of a group each, over some pixels.
    fn sum(&self, units: Range<usize>, [start, end]: [usize; 2], sums: &mut [E]) {
        let Self { isa, outputs, panels, .. } = *self;
        let (height, vectors) = isa.tile();
        let (lanes, positions) = (E::lanes(isa), self.gather.positions.len());
        let width = vectors * lanes;
        let channels = self.convolution.channels_out;
        let tiles = outputs.div_ceil(height);
        sums.fill(E::ZERO);
        let mut panel = Buffer::<E>::any(CHUNK * width);
        let own = if self.packed.is_some() { 0 } else { tiles * CHUNK * height };
        let mut own = Buffer::<E>::any(own);
        for chunk in (start..end).step_by(CHUNK) {
            let count = (end - chunk).min(CHUNK);
            with_pointers(count, |table| {
                let (mut of_group, mut of_position) = (None, None);
                for (unit, sums) in units.clone().zip(sums.chunks_exact_mut(outputs * width)) {
                    let (place, column) = (unit / panels, unit % panels * width);
                    let (group, position) = (place / positions, place % positions);
                    // From one tile of outputs to the next.
                    let (packed, stride) = match self.packed {
                        Some(packed) => {
                            let start = (group * tiles * self.pixels + chunk) * height;
                            // SAFETY: all pixels of all groups are packed.
                            (unsafe { packed.get().add(start).cast_const() }, self.pixels * height)
                        }
                        None => {
                            if of_group.replace(group) != Some(group) {
                                // SAFETY: the chunk's pixels have these outputs, and there is room for all tiles.
                                unsafe {
                                    let dy = self.dy.get().add(chunk * channels + group * outputs);
                                    let tiles = Tiles { outputs, height, stride: count * height };
                                    tiles.pack(dy, channels, count, own.as_mut_ptr());
                                }
                            }
                            (own.as_ptr(), count * height)
                        }
                    };
                    if of_position.replace(position) != Some(position) {
                        self.look_up(table, chunk, position);
                    }
                    let columns = (self.run - column).min(width);
                    let vectors = columns.div_ceil(lanes);
                    let input = PackInput {
                        sources: table.as_ptr().cast(),
                        count,
                        channel: group * self.convolution.channels_seen() + column,
                        columns,
                        width: vectors * lanes,
                        panel: panel.as_mut_ptr(),
                    };
                    // SAFETY: a pixel within the map has the run's channels.
                    unsafe { E::dispatch(isa, input) };
                    for first in (0..outputs).step_by(height) {
                        // SAFETY: the chunk is packed, and the sums are `width` for each output.
                        unsafe {
                            let outer = Outer {
                                a: packed.add(first / height * stride),
                                height,
                                b: panel.as_ptr(),
                                count,
                                sums: sums.as_mut_ptr().add(first * vectors * lanes),
                            };
                            outer_product(isa, vectors, (outputs - first).min(height), outer);
                        }
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

    /// Writes the sums of a panel at all positions where the weights are.
    ///
    /// # Safety
    ///
    /// `sums` are those of all units, `target` is the whole gradient, and nobody else writes this panel's
    /// part of it.
    unsafe fn scatter(&self, group: usize, panel: usize, sums: *const E, target: *mut E) {
        let lanes = E::lanes(self.isa);
        let width = self.isa.tile().1 * lanes;
        let column = panel * width;
        let columns = (self.run - column).min(width);
        let stride = columns.next_multiple_of(lanes);
        let seen = self.convolution.channels_seen();
        let positions = self.convolution.window.positions();
        let unit = |position: usize| {
            let unit = self.unit(group, position, panel);
            // SAFETY: there are sums of all units.
            unsafe { sums.add(unit * self.outputs * width) }
        };
        for output in 0..self.outputs {
            let row = (group * self.outputs + output) * seen;
            if self.run == seen {
                let target = target.wrapping_add((row + column) * positions);
                for (index, position) in self.gather.positions.iter().enumerate() {
                    let sums = unit(index).wrapping_add(output * stride);
                    for i in 0..columns {
                        // SAFETY: within the weights, and this panel's.
                        unsafe { *target.add(i * positions + position.index) = *sums.add(i) };
                    }
                }
                continue;
            }
            // A run over a row of the window has all channels of each of its positions.
            for (index, position) in self.gather.positions.iter().enumerate() {
                let sums = unit(index).wrapping_add(output * stride);
                for i in 0..columns {
                    let (channel, next) = ((column + i) % seen, (column + i) / seen);
                    let at = (row + channel) * positions + position.index + next;
                    // SAFETY: within the weights, and this panel's.
                    unsafe { *target.add(at) = *sums.add(i) };
                }
            }
        }
    }
}

/// The gradient of the output packed `[group][tile of outputs][pixel][height]`.
fn pack_all<E: Real>(isa: Isa, convolution: &Convolution, dy: &[E], pixels: usize) -> Buffer<E> {
    let Convolution { groups, channels_out: channels, .. } = *convolution;
    let (outputs, height) = (channels / groups, isa.tile().0);
    let tiles = Tiles { outputs, height, stride: pixels * height };
    let mut packed = Buffer::<E>::any(groups * outputs.div_ceil(height) * pixels * height);
    let (dy, out) = (Shared::read(dy), Shared::new(&mut packed));
    parts(pixels, 128, |start, end| {
        for group in 0..groups {
            // SAFETY: each pixel is packed by one task.
            unsafe {
                let dy = dy.get().add(start * channels + group * outputs);
                let packed = group * outputs.div_ceil(height) * tiles.stride + start * height;
                tiles.pack(dy, channels, end - start, out.get().add(packed));
            }
        }
    });
    packed
}

/// Tiles of outputs, `[tile][pixel][height]`; of the last there may be fewer than `height`.
struct Tiles {
    outputs: usize,
    height: usize,
    /// From one tile to the next.
    stride: usize,
}

impl Tiles {
    /// Packs `count` pixels whose outputs lie `channels` apart.
    ///
    /// # Safety
    ///
    /// `dy` has that many numbers, and `packed` room for them.
    unsafe fn pack<E: Real>(&self, dy: *const E, channels: usize, count: usize, packed: *mut E) {
        /// Of a height that is known, so that no row is a call.
        unsafe fn rows<E: Real, const N: usize>(
            dy: *const E,
            stride: usize,
            count: usize,
            out: *mut E,
        ) {
            for pixel in 0..count {
                // SAFETY: the caller's contract.
                unsafe {
                    let row = dy.add(pixel * stride).cast::<[E; N]>().read();
                    out.add(pixel * N).cast::<[E; N]>().write(row);
                }
            }
        }
        /// Pixels at a time: few enough that their lines are still in the cache for the next tile.
        const PIXELS: usize = 8;
        let Self { outputs, height, stride } = *self;
        for pixel in (0..count).step_by(PIXELS) {
            let count = (count - pixel).min(PIXELS);
            for first in (0..outputs).step_by(height) {
                // SAFETY: by contract.
                unsafe {
                    let dy = dy.add(pixel * channels + first);
                    let packed = packed.add(first / height * stride + pixel * height);
                    match (height, (outputs - first).min(height)) {
                        (6, 6) => rows::<E, 6>(dy, channels, count, packed),
                        (12, 12) => rows::<E, 12>(dy, channels, count, packed),
                        (_, left) => {
                            for pixel in 0..count {
                                let row = dy.add(pixel * channels);
                                std::ptr::copy_nonoverlapping(
                                    row,
                                    packed.add(pixel * height),
                                    left,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Copies a few channels of many pixels side by side, zeros where there is no pixel.
struct PackInput<E> {
    sources: *const *const E,
    count: usize,
    channel: usize,
    columns: usize,
    width: usize,
    panel: *mut E,
}

impl<E: Real> Kernel<E> for PackInput<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: each source has `columns` numbers, and the panel `count` times `width`.
        unsafe {
            match (self.columns == self.width, self.width / S::LANES) {
                (true, 1) => self.whole::<S, 1>(),
                (true, 2) => self.whole::<S, 2>(),
                _ => self.part::<S>(),
            }
        }
    }
}

impl<E: Real> PackInput<E> {
    /// Panels of `VECTORS` vectors that are all there.
    #[inline(always)]
    unsafe fn whole<S: Simd<E = E>, const VECTORS: usize>(&self) {
        // SAFETY: as in `run`.
        unsafe {
            let mut target = self.panel;
            for i in 0..self.count {
                let source = *self.sources.add(i);
                if source.is_null() {
                    for v in 0..VECTORS {
                        S::store(target.add(v * S::LANES), S::zero());
                    }
                } else {
                    let source = source.add(self.channel);
                    for v in 0..VECTORS {
                        S::store(target.add(v * S::LANES), S::load(source.add(v * S::LANES)));
                    }
                }
                target = target.add(VECTORS * S::LANES);
            }
        }
    }

    /// The last panel of a run.
    #[inline(always)]
    unsafe fn part<S: Simd<E = E>>(&self) {
        // SAFETY: as in `run`.
        unsafe {
            for i in 0..self.count {
                let source = *self.sources.add(i);
                let target = self.panel.add(i * self.width);
                let mut at = 0;
                while at < self.width {
                    let left = self.columns.saturating_sub(at).min(S::LANES);
                    let v = if source.is_null() || left == 0 {
                        S::zero()
                    } else {
                        S::load_up_to(source.add(self.channel + at), left)
                    };
                    S::store(target.add(at), v);
                    at += S::LANES;
                }
            }
        }
    }
}

/// Adds to sums `[rows][width]` the products of `a` `[count][height]` and `b` `[count][width]`.
#[derive(Clone, Copy)]
struct Outer<E> {
    a: *const E,
    height: usize,
    b: *const E,
    count: usize,
    sums: *mut E,
}

/// Calls the tile that was compiled for this many rows and vectors.
unsafe fn outer_product<E: Real>(isa: Isa, vectors: usize, rows: usize, outer: Outer<E>) {
    /// One arm for each height.
    macro_rules! heights {
        ($vectors:literal: $($height:literal)*) => {
            match rows {
                // SAFETY: the caller's contract.
                $($height => unsafe { E::dispatch(isa, Sized::<E, $height, $vectors>(outer)) },)*
                _ => unreachable!("a tile of {rows} rows"),
            }
        };
    }
    if vectors == 1 {
        heights!(1: 1 2 3 4 5 6 7 8 9 10 11 12)
    } else {
        heights!(2: 1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

struct Sized<E, const ROWS: usize, const VECTORS: usize>(Outer<E>);

impl<E: Real, const ROWS: usize, const VECTORS: usize> Kernel<E> for Sized<E, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Outer { mut a, height, mut b, count, sums } = self.0;
        // SAFETY: by the contract of the caller.
        unsafe {
            let mut tile = [[S::zero(); VECTORS]; ROWS];
            for row in 0..ROWS {
                for v in 0..VECTORS {
                    tile[row][v] = S::load(sums.add((row * VECTORS + v) * S::LANES));
                }
            }
            for _ in 0..count {
                let mut w = [S::zero(); VECTORS];
                for v in 0..VECTORS {
                    w[v] = S::load(b.add(v * S::LANES));
                }
                for row in 0..ROWS {
                    let value = S::splat(*a.add(row));
                    for v in 0..VECTORS {
                        tile[row][v] = S::fma(value, w[v], tile[row][v]);
                    }
                }
                a = a.wrapping_add(height);
                b = b.add(VECTORS * S::LANES);
            }
            for row in 0..ROWS {
                for v in 0..VECTORS {
                    S::store(sums.add((row * VECTORS + v) * S::LANES), tile[row][v]);
                }
            }
        }
    }
}

/// Adds to the first part's sums those of the others.
struct Join<E> {
    first: *mut E,
    area: usize,
    stride: usize,
    splits: usize,
}

impl<E: Real> Kernel<E> for Join<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `weight_gradient` says of the pointers.
        unsafe {
            vectors!(S, self.area, |at, left| {
                let mut sum = S::load_up_to(self.first.add(at), left);
                for part in 1..self.splits {
                    sum = S::add(sum, S::load_up_to(self.first.add(part * self.stride + at), left));
                }
                S::store_up_to(self.first.add(at), sum, left);
            });
        }
    }
}
