//! Depthwise convolution and its gradients, over vectors of channels.

mod runs;
mod weights;

use super::{
    activation::Activation,
    blocks::cut,
    geometry::{Convolution, Extent, Gather},
    norm::{Block, Measure, Moments},
    parallel::{Shared, parts},
    post::{Post, extended},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use runs::{Run, Weights, runs};

pub(crate) use weights::weight_gradient;

/// Neighbors in a row that are summed at once: they share most of their input, and all weights.
const NEIGHBORS: usize = 4;
/// Bytes of output that a task computes, or one row.
const PART: usize = 64 << 10;
/// Bytes of weights that a block of channels may have.
const CACHE: usize = 32 << 10;
/// Channels of blocks are multiples of this: a line of the cache.
const LINE: usize = 16;

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
    check(convolution, weights);
    let maps = Maps { source: x, from: convolution.input, target: y, to: convolution.output() };
    product(
        isa,
        &Gather::forward(convolution),
        maps,
        Weights { weights, scale: None },
        post,
        measure,
    )
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
    check(convolution, weights);
    let (from, to) = (convolution.output(), convolution.input);
    let weights = Weights { weights, scale };
    let post = Post { residual, ..Post::default() };
    for gather in Gather::backward(convolution) {
        let maps = Maps { source: dy, from, target: dx, to };
        product(isa, &gather, maps, weights, &post, Measure::Nothing);
    }
}

/// Refuses what is not a depthwise convolution with these weights.
fn check<E>(convolution: &Convolution, weights: &[E]) {
    assert!(convolution.is_depthwise(), "{convolution} is not depthwise");
    assert_eq!(weights.len(), convolution.weights(), "weights of another shape");
}

/// What is read and what is written.
struct Maps<'a, E> {
    source: &'a [E],
    from: Extent,
    target: &'a mut [E],
    to: Extent,
}

fn product<E: Real>(
    isa: Isa,
    gather: &Gather,
    maps: Maps<'_, E>,
    weights: Weights<'_, E>,
    post: &Post<'_, E>,
    measure: Measure,
) -> Option<Moments<E>> {
    let Maps { source, from, target, to } = maps;
    assert_eq!(source.len(), from.len(), "a source of another shape");
    assert_eq!(target.len(), to.len(), "a target of another shape");
    assert!(
        post.residual.is_none_or(|residual| residual.len() == to.len()),
        "what is added is of another shape"
    );
    let [rows, columns] = gather.targets;
    let all = to.batch * rows;
    let runs = runs(&gather.positions);
    let part = (PART / size_of::<E>() / (columns * to.channels).max(1)).max(1);
    let mut moments = measure.begin(to.channels, cut(to.pixels(), part * columns));
    if all * columns * to.channels == 0 {
        return moments;
    }
    let shared = moments.as_mut().map(Moments::shared);
    let weights = weights.in_order(&runs, to.channels);
    let scale = extended(post.scale, E::ONE, to.channels);
    let shift = extended(post.shift, E::ZERO, to.channels);
    let (low, high) = post.activation.clamp().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
    let job = Job {
        gather,
        runs: &runs,
        from,
        to,
        source: Shared::read(source),
        target: Shared::new(target),
        weights: &weights,
        scale: &scale,
        shift: &shift,
        residual: post.residual.map(Shared::read),
        activation: post.activation,
        low: E::of(low),
        high: E::of(high),
    };
    let clamped = post.activation.clamp().is_some();
    parts(all, part, |start, end| {
        // SAFETY: each row of targets belongs to one task; the maps are as long as their extents say, of which no product
        // wraps, and weights and factors as long as the channels.
        unsafe {
            if clamped {
                E::dispatch(isa, Task::<E, true> { job: &job, start, end });
            } else {
                E::dispatch(isa, Task::<E, false> { job: &job, start, end });
            }
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
struct Job<'a, E> {
    gather: &'a Gather,
    runs: &'a [Run],
    from: Extent,
    to: Extent,
    source: Shared<E>,
    target: Shared<E>,
    weights: &'a [E],
    scale: &'a [E],
    shift: &'a [E],
    residual: Option<Shared<E>>,
    activation: Activation,
    low: E,
    high: E,
}

/// A run for one row of targets.
#[derive(Clone, Copy)]
struct Taps<E> {
    /// The source of the first position and the first target; it may lie before the map.
    x: *const E,
    /// The first pixel of the row that sources lie in.
    row: *const E,
    /// The weights of the first position.
    w: *const E,
    /// The first source's column for the first target.
    column: isize,
    positions: usize,
}

/// Some rows of targets.
struct Task<'a, E, const CLAMPED: bool> {
    job: &'a Job<'a, E>,
    start: usize,
    end: usize,
}

impl<E: Real, const CLAMPED: bool> Kernel<E> for Task<'_, E, CLAMPED> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let job = self.job;
        let [rows, columns] = job.gather.targets;
        let channels = job.to.channels;
        let longest = job.runs.iter().map(|run| run.indices.len()).max().unwrap_or(0);
        let step = job.gather.step[1];
        let equal = job.runs.iter().all(|run| run.indices.len() == longest);
        let compiled = matches!((longest, step), (1 | 2 | 3 | 5, 1) | (3 | 5, 2));
        // Targets all of whose sources lie within a row.
        let left = job.runs.iter().map(|run| -run.offset[1]).max().unwrap_or(0).max(0) as usize;
        let first = left.div_ceil(step);
        let reach = job.runs.iter().map(|run| run.offset[1] + run.indices.len() as isize - 1);
        let room = job.from.width as isize - 1 - reach.max().unwrap_or(0);
        let last = if room < 0 { 0 } else { (room as usize / step + 1).min(columns) };
        let apart = job.gather.spacing[1] * channels;
        let mut taps = Vec::with_capacity(job.runs.len());
        // Channels whose weights stay in the innermost cache from one target to the next.
        let fit = (CACHE / size_of::<E>() / (job.weights.len() / channels).max(1)).max(LINE);
        let blocks = channels.div_ceil(fit);
        let block = channels.div_ceil(blocks).next_multiple_of(LINE);
        let all = self.end - self.start;
        for pass in 0..channels.div_ceil(block) * all {
            let (first_channel, index) = (pass / all * block, self.start + pass % all);
            let range = [first_channel, (first_channel + block).min(channels)];
            let (picture, row) = (index / rows, index % rows);
            job.look_up(picture, row, &mut taps);
            let target = job.target_at(picture, row);
            let mut column = 0;
            // SAFETY: targets lie within the map; sources are checked against it, row by row and column by column, and
            // neither a window's reach nor an extent wraps.
            unsafe {
                while column < columns {
                    // The last of them begin early enough to be whole: some are computed twice.
                    let begin = column.min(last.max(NEIGHBORS) - NEIGHBORS).max(first);
                    let whole = equal
                        && compiled
                        && column >= first
                        && column < last
                        && begin + NEIGHBORS <= last
                        && begin + NEIGHBORS > column;
                    if whole {
                        column = begin;
                    }
                    let target = target + column * apart;
                    match (whole, longest, step) {
                        (true, 1, 1) => job.near::<S, 1, 1, CLAMPED>(&taps, column, target, range),
                        (true, 2, 1) => job.near::<S, 2, 1, CLAMPED>(&taps, column, target, range),
                        (true, 3, 1) => job.near::<S, 3, 1, CLAMPED>(&taps, column, target, range),
                        (true, 3, 2) => job.near::<S, 3, 2, CLAMPED>(&taps, column, target, range),
                        (true, 5, 1) => job.near::<S, 5, 1, CLAMPED>(&taps, column, target, range),
                        (true, 5, 2) => job.near::<S, 5, 2, CLAMPED>(&taps, column, target, range),
                        _ => {
                            job.pixel::<S, CLAMPED>(&taps, column, target, range);
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

impl<E: Real> Job<'_, E> {
    /// The runs of a row of targets whose sources lie in the map.
    fn look_up(&self, picture: usize, row: usize, taps: &mut Vec<Taps<E>>) {
        let Self { gather, from, .. } = self;
        let channels = from.channels;
        let mut w = self.weights.as_ptr();
        taps.clear();
        for run in self.runs {
            let y = (row * gather.step[0]) as isize + run.offset[0];
            let positions = run.indices.len();
            // Below zero is beyond every size.
            if (y as usize) < from.height {
                let start = (picture * from.height + y as usize) * from.width * channels;
                let row = self.source.get().wrapping_add(start).cast_const();
                let column = run.offset[1];
                let x = row.wrapping_offset(column * channels as isize);
                taps.push(Taps { x, row, w, column, positions });
            }
            w = w.wrapping_add(positions * channels);
        }
    }

    /// Where the first target of a row is.
    fn target_at(&self, picture: usize, row: usize) -> usize {
        let Self { gather, to, .. } = self;
        let y = gather.origin[0] + gather.spacing[0] * row;
        ((picture * to.height + y) * to.width + gather.origin[1]) * to.channels
    }

    /// Scales, shifts, adds, activates and writes a vector of a target.
    #[inline(always)]
    unsafe fn finish<S: Simd<E = E>, const CLAMPED: bool>(
        &self,
        sum: S::V,
        target: usize,
        at: usize,
        left: usize,
    ) {
        // SAFETY: the target lies within the map, and factors are as long as the channels.
        unsafe {
            let scale = S::load_up_to(self.scale.as_ptr().add(at), left);
            let mut y = S::fma(sum, scale, S::load_up_to(self.shift.as_ptr().add(at), left));
            if let Some(residual) = self.residual {
                y = S::add(y, S::load_up_to(residual.get().add(target + at), left));
            }
            let y = if CLAMPED {
                S::min(S::splat(self.high), S::max(S::splat(self.low), y))
            } else {
                self.activation.value::<S>(y)
            };
            S::store_up_to(self.target.get().add(target + at), y, left);
        }
    }

    /// Some channels of one target whose sources may lie outside the map.
    #[inline(always)]
    unsafe fn pixel<S: Simd<E = E>, const CLAMPED: bool>(
        &self,
        taps: &[Taps<E>],
        column: usize,
        target: usize,
        [start, end]: [usize; 2],
    ) {
        let channels = self.to.channels;
        let width = self.from.width as isize;
        // A few vectors at once, so that no sum waits for the one before.
        let wide = (end - start) - (end - start) % (NEIGHBORS * S::LANES);
        // SAFETY: only sources within the map are read.
        unsafe {
            let mut at = start;
            while at < start + wide {
                let mut sums = [S::zero(); NEIGHBORS];
                for tap in taps {
                    let x = (column * self.gather.step[1]) as isize + tap.column;
                    let first = (-x).max(0);
                    let last = (width - x).min(tap.positions as isize);
                    for i in first..last {
                        let x = tap.row.add((x + i) as usize * channels + at);
                        let w = tap.w.add(i as usize * channels + at);
                        for n in 0..NEIGHBORS {
                            let (x, w) = (x.add(n * S::LANES), w.add(n * S::LANES));
                            sums[n] = S::fma(S::load(x), S::load(w), sums[n]);
                        }
                    }
                }
                for n in 0..NEIGHBORS {
                    self.finish::<S, CLAMPED>(sums[n], target, at + n * S::LANES, S::LANES);
                }
                at += NEIGHBORS * S::LANES;
            }
            vectors!(S, end - start - wide, |more, left| {
                let at = start + wide + more;
                let mut sum = S::zero();
                for tap in taps {
                    let x = (column * self.gather.step[1]) as isize + tap.column;
                    let first = (-x).max(0);
                    let last = (width - x).min(tap.positions as isize);
                    for i in first..last {
                        let x = tap.row.add((x + i) as usize * channels + at);
                        let w = tap.w.add(i as usize * channels + at);
                        sum = S::fma(S::load_up_to(x, left), S::load_up_to(w, left), sum);
                    }
                }
                self.finish::<S, CLAMPED>(sum, target, at, left);
            });
        }
    }

    /// Some channels of a few targets in a row, all of whose sources in it lie within the map; runs have
    /// `RUN` positions.
    #[inline(always)]
    unsafe fn near<S: Simd<E = E>, const RUN: usize, const STEP: usize, const CLAMPED: bool>(
        &self,
        taps: &[Taps<E>],
        column: usize,
        target: usize,
        [start, end]: [usize; 2],
    ) {
        let channels = self.to.channels;
        let apart = self.gather.spacing[1] * channels;
        let skip = column * STEP * channels;
        // SAFETY: all sources lie within the map.
        unsafe {
            vectors!(S, end - start, |more, left| {
                let at = start + more;
                let mut sums = [S::zero(); NEIGHBORS];
                for tap in taps {
                    let x = tap.x.wrapping_add(skip + at);
                    let w = tap.w.add(at);
                    for i in 0..RUN {
                        let w = S::load_up_to(w.add(i * channels), left);
                        for n in 0..NEIGHBORS {
                            let x = S::load_up_to(x.add((n * STEP + i) * channels), left);
                            sums[n] = S::fma(x, w, sums[n]);
                        }
                    }
                }
                for n in 0..NEIGHBORS {
                    self.finish::<S, CLAMPED>(sums[n], target + n * apart, at, left);
                }
            });
        }
    }
}
