//! Batch normalization: statistics in one pass over the map, normalization and activation in one, and
//! two passes back. Ioffe & Szegedy 2015, <https://arxiv.org/abs/1502.03167>.

use super::{
    activation::Activation,
    blocks::{block_size, cut},
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Numbers that a pass over a map takes at a time: their inputs and output fit the cache.
const PART: usize = 16 << 10;

/// Mean and sum of squared distances of each channel, block by block of pixels.
///
/// Each block is measured around its own mean while it is in the cache, and blocks are joined in double
/// precision, so that a mean far from zero costs no precision.
#[derive(Debug)]
pub(crate) struct Moments<E> {
    channels: usize,
    /// Pixels of each block.
    blocks: Vec<usize>,
    means: Buffer<E>,
    squares: Buffer<E>,
}

/// What is measured of a map while it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Nothing.
    Nothing,
    /// The moments of its channels.
    Channels,
}

impl Measure {
    /// Room for what is to be measured, in blocks of so many pixels.
    pub(crate) fn begin<E: Real>(
        self,
        channels: usize,
        blocks: impl Iterator<Item = usize>,
    ) -> Option<Moments<E>> {
        (self == Self::Channels).then(|| Moments::new(channels, blocks.collect()))
    }
}

impl<E: Real> Moments<E> {
    /// For blocks of so many pixels.
    fn new(channels: usize, blocks: Vec<usize>) -> Self {
        let len = channels * blocks.len();
        Self { channels, blocks, means: Buffer::any(len), squares: Buffer::any(len) }
    }

    /// For tasks to write into, each its own block and channels.
    pub(crate) fn shared(&mut self) -> SharedMoments<E> {
        SharedMoments {
            channels: self.channels,
            means: Shared::new(&mut self.means),
            squares: Shared::new(&mut self.squares),
        }
    }

    /// Mean and biased variance of each channel; zeros where there is no pixel.
    pub(crate) fn join(&self) -> [Buffer<E>; 2] {
        let mut joined = [Buffer::zeros(self.channels), Buffer::zeros(self.channels)];
        let [means, variances] = joined.each_mut().map(|buffer| Shared::<E>::new(buffer));
        parts(self.channels, 64, |start, end| {
            for channel in start..end {
                let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
                for (block, &pixels) in self.blocks.iter().enumerate() {
                    let here = pixels as f64;
                    let index = block * self.channels + channel;
                    let apart = self.means[index].wide() - mean;
                    // Chan, Golub & LeVeque 1979.
                    let total: f64 = count + here;
                    mean += apart * here / total;
                    squares += self.squares[index].wide() + apart * apart * count * here / total;
                    count = total;
                }
                // SAFETY: each channel is written by one task.
                unsafe {
                    *means.get().add(channel) = E::of(mean);
                    *variances.get().add(channel) = E::of(squares / count.max(1.0));
                }
            }
        });
        joined
    }
}

/// Moments that tasks write.
#[derive(Debug)]
pub(crate) struct SharedMoments<E> {
    channels: usize,
    means: Shared<E>,
    squares: Shared<E>,
}

impl<E> Clone for SharedMoments<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for SharedMoments<E> {}

/// Pixels one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<E> {
    pub(crate) start: *const E,
    /// Numbers from one pixel to the next.
    pub(crate) stride: usize,
    pub(crate) pixels: usize,
}

impl<E: Real> SharedMoments<E> {
    /// Measures `columns` from `column` of the block with this index.
    ///
    /// # Safety
    ///
    /// The block is valid from `column` for `columns` numbers, and nobody else measures them.
    pub(crate) unsafe fn measure(
        self,
        isa: Isa,
        index: usize,
        block: Block<E>,
        column: usize,
        columns: usize,
    ) {
        let at = index * self.channels + column;
        // SAFETY: by contract; the moments are as long as the blocks and channels they are for.
        unsafe {
            let block = Block { start: block.start.add(column), ..block };
            let means = self.means.get().add(at);
            let squares = self.squares.get().add(at);
            E::dispatch(isa, BlockMoments { block, columns, means, squares });
        }
    }
}

/// Pixels of a map, whose numbers lie side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pixels<'a, E> {
    numbers: &'a [E],
    /// Numbers from one pixel to the next.
    stride: usize,
}

impl<'a, E> Pixels<'a, E> {
    /// Pixels that begin `stride` numbers behind each other.
    pub(crate) fn new(numbers: &'a [E], stride: usize) -> Self {
        Self { numbers, stride }
    }

    /// Where they are.
    ///
    /// # Panics
    ///
    /// If there are fewer than `pixels` of so many channels.
    fn shared(&self, pixels: usize, channels: usize) -> Shared<E> {
        let before = pixels.checked_sub(1).map_or(Some(0), |last| last.checked_mul(self.stride));
        let end =
            before.and_then(|before| before.checked_add(if pixels > 0 { channels } else { 0 }));
        assert!(
            self.stride >= channels && end.is_some_and(|end| end <= self.numbers.len()),
            "a map of other pixels"
        );
        Shared::read(self.numbers)
    }
}

/// The moments of a map's channels.
pub(crate) fn moments<E: Real>(
    isa: Isa,
    map: Pixels<'_, E>,
    channels: usize,
    pixels: usize,
) -> Moments<E> {
    let from = map.shared(pixels, channels);
    let size = block_size(pixels);
    let mut moments = Moments::new(channels, cut(pixels, size).collect());
    let shared = moments.shared();
    parts(pixels, size, |start, end| {
        // SAFETY: each block is measured by one task, and lies within the map.
        unsafe {
            let first = from.get().add(start * map.stride).cast_const();
            let block = Block { start: first, stride: map.stride, pixels: end - start };
            shared.measure(isa, start / size, block, 0, channels);
        }
    });
    moments
}

struct BlockMoments<E> {
    block: Block<E>,
    columns: usize,
    means: *mut E,
    squares: *mut E,
}

impl<E: Real> Kernel<E> for BlockMoments<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { block: Block { start, stride, pixels }, columns, means, squares } = self;
        // SAFETY: by the contract of `measure`.
        unsafe {
            let count = S::constant(pixels as f64);
            vectors!(S, columns, |at, left| {
                // Two sums, so that an addition need not wait for the one before.
                let (mut even, mut odd) = (S::zero(), S::zero());
                let mut p = start.add(at);
                for _ in 0..pixels / 2 {
                    even = S::add(even, S::load_up_to(p, left));
                    odd = S::add(odd, S::load_up_to(p.add(stride), left));
                    // At last beyond the block, where nothing is read.
                    p = p.wrapping_add(2 * stride);
                }
                if pixels % 2 == 1 {
                    even = S::add(even, S::load_up_to(p, left));
                }
                let mean = S::div(S::add(even, odd), count);
                let (mut even, mut odd) = (S::zero(), S::zero());
                let mut p = start.add(at);
                for _ in 0..pixels / 2 {
                    let (a, b) = (S::load_up_to(p, left), S::load_up_to(p.add(stride), left));
                    let (a, b) = (S::sub(a, mean), S::sub(b, mean));
                    even = S::fma(a, a, even);
                    odd = S::fma(b, b, odd);
                    p = p.wrapping_add(2 * stride);
                }
                if pixels % 2 == 1 {
                    let a = S::sub(S::load_up_to(p, left), mean);
                    even = S::fma(a, a, even);
                }
                S::store_up_to(means.add(at), mean, left);
                S::store_up_to(squares.add(at), S::add(even, odd), left);
            });
        }
    }
}

/// `z = activation(scale * (y - mean) + shift + residual)`, with a mean, a scale and a shift for each channel.
///
/// The mean is taken off first: where it is large, what is left of `scale * y + (shift - scale * mean)`
/// would be rounding.
pub(crate) fn apply<E: Real>(
    isa: Isa,
    y: Pixels<'_, E>,
    [mean, scale, shift]: [&[E]; 3],
    residual: Option<&[E]>,
    activation: Activation,
    z: &mut [E],
) {
    let channels = scale.len();
    assert!(residual.is_none_or(|residual| residual.len() == z.len()), "maps of different shapes");
    assert!(mean.len() == channels && shift.len() == channels, "a norm of other channels");
    assert!(z.len().is_multiple_of(channels.max(1)), "a map of other channels");
    let pixels = z.len() / channels.max(1);
    let from = y.shared(pixels, channels);
    let (to, residual) = (Shared::new(z), residual.map(Shared::read));
    let [mean, scale, shift] = [mean, scale, shift].map(Shared::read);
    parts(pixels, (PART / channels.max(1)).max(1), |start, end| {
        let first = start * channels;
        // SAFETY: each pixel is written by one task; all maps have so many pixels, and the vectors are as long as one.
        unsafe {
            E::dispatch(
                isa,
                Apply {
                    y: from.get().add(start * y.stride),
                    stride: y.stride,
                    z: to.get().add(first),
                    residual: residual.map(|residual| residual.get().add(first).cast_const()),
                    mean: mean.get(),
                    scale: scale.get(),
                    shift: shift.get(),
                    activation,
                    pixels: end - start,
                    channels,
                },
            );
        }
    });
}

struct Apply<E> {
    y: *const E,
    /// Numbers from one pixel of `y` to the next.
    stride: usize,
    z: *mut E,
    residual: Option<*const E>,
    mean: *const E,
    scale: *const E,
    shift: *const E,
    activation: Activation,
    pixels: usize,
    channels: usize,
}

impl<E: Real> Kernel<E> for Apply<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `apply` says of the pointers.
        unsafe {
            for pixel in 0..self.pixels {
                let from = self.y.add(pixel * self.stride);
                let pixel = pixel * self.channels;
                vectors!(S, self.channels, |at, left| {
                    let scale = S::load_up_to(self.scale.add(at), left);
                    let shift = S::load_up_to(self.shift.add(at), left);
                    let y = S::load_up_to(from.add(at), left);
                    let apart = S::sub(y, S::load_up_to(self.mean.add(at), left));
                    let mut u = S::fma(apart, scale, shift);
                    if let Some(residual) = self.residual {
                        u = S::add(u, S::load_up_to(residual.add(pixel + at), left));
                    }
                    S::store_up_to(self.z.add(pixel + at), self.activation.value::<S>(u), left);
                });
            }
        }
    }
}
