//! Depthwise convolution and its gradients, over vectors of channels.

use super::{
    activation::Activation,
    dense::Post,
    geometry::{Convolution, Extent, Gather, Position},
    norm::{Block, Measure, Moments},
    parallel::{Shared, parts, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Neighbors in a row that are summed at once: they share most of their input, and all weights.
const NEIGHBORS: usize = 4;
/// Bytes of output that a task computes, or one row.
const PART: usize = 64 << 10;

/// Convolves each channel of `x` with its window, `weights` `[channels, 1, height, width]`.
pub(crate) fn forward<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    weights: &[E],
    post: &Post<'_, E>,
    y: &mut [E],
    measure: Measure,
) -> Option<Moments<E>> {
    let (from, to) = (convolution.input, convolution.output());
    let weights = by_position(weights, convolution.window.positions(), None);
    let gather = Gather::forward(convolution);
    product(isa, &gather, Maps { source: x, from, target: y, to }, &weights, post, measure)
}

/// The gradient `dx` of the input; `scale` is a factor for each channel, and `residual` is added.
pub(crate) fn input_gradient<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    dy: &[E],
    weights: &[E],
    scale: Option<&[E]>,
    residual: Option<&[E]>,
    dx: &mut [E],
) {
    let (from, to) = (convolution.output(), convolution.input);
    let weights = by_position(weights, convolution.window.positions(), scale);
    let post = Post { residual, ..Post::default() };
    for gather in Gather::backward(convolution) {
        let maps = Maps { source: dy, from, target: dx, to };
        product(isa, &gather, maps, &weights, &post, Measure::Nothing);
    }
}

/// `[position][channel]` from `[channel][position]`.
fn by_position<E: Real>(weights: &[E], positions: usize, scale: Option<&[E]>) -> Buffer<E> {
    let channels = weights.len() / positions.max(1);
    let mut out = Buffer::<E>::any(weights.len());
    for (channel, weights) in weights.chunks_exact(positions.max(1)).enumerate() {
        let scale = scale.map_or(E::ONE, |scale| scale[channel]);
        for (position, &weight) in weights.iter().enumerate() {
            out[position * channels + channel] = weight * scale;
        }
    }
    out
}

/// What is read and what is written.
struct Maps<'a, E> {
    source: &'a [E],
    from: Extent,
    target: &'a mut [E],
    to: Extent,
}

/// A run of positions in a row of the window, from left to right: their sources are neighbors.
#[derive(Debug, Clone)]
struct Run {
    /// Where the first is, relative to the target.
    offset: [isize; 2],
    /// The position in the window of each.
    indices: Vec<usize>,
}

/// The positions of a gather as runs.
fn runs(positions: &[Position]) -> Vec<Run> {
    let mut positions = positions.to_vec();
    positions.sort_by_key(|position| position.offset);
    let mut runs: Vec<Run> = Vec::new();
    for Position { offset, index } in positions {
        match runs.last_mut() {
            Some(run)
                if run.offset[0] == offset[0]
                    && run.offset[1] + run.indices.len() as isize == offset[1] =>
            {
                run.indices.push(index);
            }
            _ => runs.push(Run { offset, indices: vec![index] }),
        }
    }
    runs
}

fn product<E: Real>(
    isa: Isa,
    gather: &Gather,
    maps: Maps<'_, E>,
    weights: &[E],
    post: &Post<'_, E>,
    measure: Measure,
) -> Option<Moments<E>> {
    let Maps { source, from, target, to } = maps;
    assert_eq!(source.len(), from.len(), "a source of another shape");
    assert_eq!(target.len(), to.len(), "a target of another shape");
    assert!(post.residual.is_none_or(|residual| residual.len() == to.len()));
    let [rows, columns] = gather.targets;
    let all = to.batch * rows;
    let runs = runs(&gather.positions);
    let part = (PART / size_of::<E>() / (columns * to.channels).max(1)).max(1);
    let mut moments = measure.begin(to.channels, to.pixels(), part * columns);
    if all * columns * to.channels == 0 {
        return moments;
    }
    let shared = moments.as_mut().map(Moments::shared);
    let job = Rows {
        gather,
        runs: &runs,
        from,
        to,
        source: Shared::read(source),
        target: Shared::new(target),
        weights,
        scale: post.scale,
        shift: post.shift,
        residual: post.residual.map(Shared::read),
        activation: post.activation,
    };
    parts(all, part, |start, end| {
        // SAFETY: each row of targets belongs to one task.
        unsafe {
            E::dispatch(isa, Task { job: &job, start, end });
            if let Some(moments) = shared {
                let first = job.target.get().add(start * columns * to.channels).cast_const();
                let pixels = (end - start) * columns;
                let block = Block { start: first, stride: to.channels, pixels };
                moments.measure(isa, start / part, block, 0, to.channels);
            }
        }
    });
    moments
}

/// What all tasks share.
struct Rows<'a, E> {
    gather: &'a Gather,
    runs: &'a [Run],
    from: Extent,
    to: Extent,
    source: Shared<E>,
    target: Shared<E>,
    weights: &'a [E],
    scale: Option<&'a [E]>,
    shift: Option<&'a [E]>,
    residual: Option<Shared<E>>,
    activation: Activation,
}

/// Some rows of targets.
struct Task<'a, E> {
    job: &'a Rows<'a, E>,
    start: usize,
    end: usize,
}

impl<E: Real> Kernel<E> for Task<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let job = self.job;
        let [rows, columns] = job.gather.targets;
        let longest = job.runs.iter().map(|run| run.indices.len()).max().unwrap_or(0);
        let step = job.gather.step[1];
        // Targets all of whose sources lie within a row.
        let left = job.runs.iter().map(|run| -run.offset[1]).max().unwrap_or(0).max(0) as usize;
        let first = left.div_ceil(step);
        let reach = job.runs.iter().map(|run| run.offset[1] + run.indices.len() as isize - 1);
        let room = job.from.width as isize - 1 - reach.max().unwrap_or(0);
        let last = if room < 0 { 0 } else { (room as usize / step + 1).min(columns) };
        for index in self.start..self.end {
            let (picture, row) = (index / rows, index % rows);
            let mut column = 0;
            // SAFETY: targets and their sources lie within the maps.
            unsafe {
                while column < columns {
                    let whole = column >= first && column + NEIGHBORS <= last;
                    match (whole, longest, step) {
                        (true, 1, 1) => job.neighbors::<S, 1, 1>(picture, row, column),
                        (true, 2, 1) => job.neighbors::<S, 2, 1>(picture, row, column),
                        (true, 3, 1) => job.neighbors::<S, 3, 1>(picture, row, column),
                        (true, 3, 2) => job.neighbors::<S, 3, 2>(picture, row, column),
                        (true, 5, 1) => job.neighbors::<S, 5, 1>(picture, row, column),
                        (true, 5, 2) => job.neighbors::<S, 5, 2>(picture, row, column),
                        _ => {
                            job.pixel::<S>(picture, row, column);
                            column += 1;
                            continue;
                        }
                    }
                    column += NEIGHBORS;
                }
            }
        }
    }
}

impl<E: Real> Rows<'_, E> {
    /// The source row of a run for a row of targets, if it exists.
    #[inline(always)]
    fn source_row(&self, picture: usize, row: usize, run: &Run) -> Option<usize> {
        let y = (row * self.gather.step[0]) as isize + run.offset[0];
        // Below zero is beyond every size.
        ((y as usize) < self.from.height).then(|| picture * self.from.height + y as usize)
    }

    /// Where a target is.
    #[inline(always)]
    fn target_at(&self, picture: usize, row: usize, column: usize) -> usize {
        let y = self.gather.origin[0] + self.gather.spacing[0] * row;
        let x = self.gather.origin[1] + self.gather.spacing[1] * column;
        ((picture * self.to.height + y) * self.to.width + x) * self.to.channels
    }

    /// Scales, shifts, adds, activates and writes a vector of a target.
    #[inline(always)]
    unsafe fn finish<S: Simd<E = E>>(&self, sum: S::V, target: usize, at: usize, left: usize) {
        // SAFETY: the target lies within the map, and factors are as long as the channels.
        unsafe {
            let mut y = sum;
            if let Some(scale) = self.scale {
                y = S::mul(y, S::load_up_to(scale.as_ptr().add(at), left));
            }
            if let Some(shift) = self.shift {
                y = S::add(y, S::load_up_to(shift.as_ptr().add(at), left));
            }
            if let Some(residual) = self.residual {
                y = S::add(y, S::load_up_to(residual.get().add(target + at), left));
            }
            let y = self.activation.value::<S>(y);
            S::store_up_to(self.target.get().add(target + at), y, left);
        }
    }

    /// One target whose sources may lie outside the map.
    #[inline(always)]
    unsafe fn pixel<S: Simd<E = E>>(&self, picture: usize, row: usize, column: usize) {
        let channels = self.to.channels;
        let target = self.target_at(picture, row, column);
        // SAFETY: only sources within the map are read.
        unsafe {
            vectors!(S, channels, |at, left| {
                let mut sum = S::zero();
                for run in self.runs {
                    let Some(source) = self.source_row(picture, row, run) else { continue };
                    for (i, index) in run.indices.iter().enumerate() {
                        let x =
                            (column * self.gather.step[1]) as isize + run.offset[1] + i as isize;
                        if (x as usize) < self.from.width {
                            let pixel = (source * self.from.width + x as usize) * channels;
                            let x = S::load_up_to(self.source.get().add(pixel + at), left);
                            let w = self.weights.as_ptr().add(index * channels + at);
                            sum = S::fma(x, S::load_up_to(w, left), sum);
                        }
                    }
                }
                self.finish::<S>(sum, target, at, left);
            });
        }
    }

    /// A few targets in a row, all of whose sources in it lie within the map; runs have `RUN` positions.
    #[inline(always)]
    unsafe fn neighbors<S: Simd<E = E>, const RUN: usize, const STEP: usize>(
        &self,
        picture: usize,
        row: usize,
        column: usize,
    ) {
        let channels = self.to.channels;
        let target = self.target_at(picture, row, column);
        let apart = self.gather.spacing[1] * channels;
        // SAFETY: all sources lie within the map.
        unsafe {
            vectors!(S, channels, |at, left| {
                let mut sums = [S::zero(); NEIGHBORS];
                for run in self.runs {
                    let Some(source) = self.source_row(picture, row, run) else { continue };
                    let x = (column * STEP) as isize + run.offset[1];
                    let pixel = (source * self.from.width + x as usize) * channels;
                    let x = self.source.get().add(pixel + at);
                    for i in 0..RUN {
                        let w =
                            self.weights.as_ptr().add(run.indices.get_unchecked(i) * channels + at);
                        let w = S::load_up_to(w, left);
                        for n in 0..NEIGHBORS {
                            let x = S::load_up_to(x.add((n * STEP + i) * channels), left);
                            sums[n] = S::fma(x, w, sums[n]);
                        }
                    }
                }
                for n in 0..NEIGHBORS {
                    self.finish::<S>(sums[n], target + n * apart, at, left);
                }
            });
        }
    }
}

/// The gradient `[channels, 1, height, width]` of the weights.
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
    let rows = output.batch * output.height;
    let part = rows.div_ceil(32).max(1);
    let tasks_ = rows.div_ceil(part);
    let mut sums = Buffer::<E>::zeros(tasks_.max(1) * dw.len());
    let (shared, len) = (Shared::new(&mut sums), dw.len());
    tasks(tasks_, |task| {
        let (start, end) = (task * part, ((task + 1) * part).min(rows));
        // SAFETY: each part of the sums belongs to one task.
        unsafe {
            let sums = shared.get().add(task * len);
            E::dispatch(
                isa,
                Weights { convolution, x: x.as_ptr(), dy: dy.as_ptr(), sums, start, end },
            );
        }
    });
    let (channels, positions) = (output.channels, convolution.window.positions());
    for channel in 0..channels {
        for position in 0..positions {
            let at = position * channels + channel;
            let parts = (0..tasks_).map(|task| sums[task * len + at].wide());
            dw[channel * positions + position] = E::of(parts.sum());
        }
    }
}

struct Weights<'a, E> {
    convolution: &'a Convolution,
    x: *const E,
    dy: *const E,
    /// `[position][channel]`
    sums: *mut E,
    start: usize,
    end: usize,
}

impl<E: Real> Kernel<E> for Weights<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let window = &self.convolution.window;
        // SAFETY: by what `weight_gradient` says of the pointers.
        unsafe {
            for index in self.start..self.end {
                for i in 0..window.kernel[0] {
                    match window.kernel[1] {
                        3 => self.row::<S, 3>(index, i, 0),
                        5 => self.row::<S, 5>(index, i, 0),
                        width => {
                            for j in 0..width {
                                self.row::<S, 1>(index, i, j);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl<E: Real> Weights<'_, E> {
    /// Adds what a row of the output gives for `K` positions in row `i` of the window, from `j` on.
    #[inline(always)]
    unsafe fn row<S: Simd<E = E>, const K: usize>(&self, index: usize, i: usize, j: usize) {
        let (from, to) = (self.convolution.input, self.convolution.output());
        let window = &self.convolution.window;
        let channels = to.channels;
        let (picture, row) = (index / to.height, index % to.height);
        let y =
            (row * window.stride[0] + i * window.dilation[0]) as isize - window.before[0] as isize;
        // Below zero is beyond every size.
        if y as usize >= from.height {
            return;
        }
        let [stride, dilation] = [window.stride[1], window.dilation[1]];
        let start = j as isize * dilation as isize - window.before[1] as isize;
        // Targets all of whose sources lie within the row.
        let first = ((-start).max(0) as usize).div_ceil(stride).min(to.width);
        let room = from.width as isize - 1 - start - ((K - 1) * dilation) as isize;
        let last =
            if room < 0 { first } else { (room as usize / stride + 1).min(to.width).max(first) };
        // SAFETY: sources are checked, or lie within the row.
        unsafe {
            let x = self.x.add((picture * from.height + y as usize) * from.width * channels);
            let dy = self.dy.add(index * to.width * channels);
            vectors!(S, channels, |at, left| {
                let sums = self.sums.add((i * window.kernel[1] + j) * channels + at);
                let mut tile = [S::zero(); K];
                for k in 0..K {
                    tile[k] = S::load_up_to(sums.add(k * channels), left);
                }
                for column in (0..first).chain(last..to.width) {
                    let d = S::load_up_to(dy.add(column * channels + at), left);
                    for k in 0..K {
                        let source = (column * stride + k * dilation) as isize + start;
                        if (source as usize) < from.width {
                            let x = S::load_up_to(x.add(source as usize * channels + at), left);
                            tile[k] = S::fma(x, d, tile[k]);
                        }
                    }
                }
                let mut d = dy.wrapping_add(first * channels + at);
                let skip = ((first * stride) as isize + start) * channels as isize;
                let mut p = x.wrapping_offset(skip + at as isize);
                for _ in first..last {
                    let g = S::load_up_to(d, left);
                    for k in 0..K {
                        tile[k] =
                            S::fma(S::load_up_to(p.add(k * dilation * channels), left), g, tile[k]);
                    }
                    d = d.wrapping_add(channels);
                    p = p.wrapping_add(stride * channels);
                }
                for k in 0..K {
                    S::store_up_to(sums.add(k * channels), tile[k], left);
                }
            });
        }
    }
}
