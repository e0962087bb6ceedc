//! The way back through an activation and a batch norm.
//!
//! With `u = scale * (y - mean) + shift + residual` and `z = activation(u)`, the gradient of `u` is
//! `g = dz * slope(u)`. One pass gives `g` and its sums over the pixels; where the norm's statistics are
//! the batch's own, a second pass takes their part from it.

use super::{
    activation::Activation,
    dense::block_size,
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Pixels that are summed in registers before they are added to the sums in memory.
const ROWS: usize = 4;

/// Where the argument of an activation is found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'a, E> {
    /// The argument itself, or the value if that tells the slope.
    Kept(&'a [E]),
    /// `scale * (y - mean) + shift + residual`
    Normed {
        /// The norm's input.
        y: &'a [E],
        /// A factor for each channel.
        scale: &'a [E],
        /// What is added for each channel.
        shift: &'a [E],
        /// The mean of each channel.
        mean: &'a [E],
        /// The value, if that tells the slope, or else what was added.
        rest: Option<Rest<'a, E>>,
    },
}

/// What a normed argument lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest<'a, E> {
    /// What was added to it.
    Residual(&'a [E]),
    /// The activation's value, which tells its slope.
    Value(&'a [E]),
}

/// Sums over all pixels for each channel.
#[derive(Debug)]
pub(crate) struct Sums<E> {
    /// Of the gradient `g`.
    pub(crate) gradient: Buffer<E>,
    /// Of `g * (y - mean)`; zero where there is no `y`.
    pub(crate) product: Buffer<E>,
}

/// The sums of `g` over the pixels; `g` itself is written to `out` where that is wanted. `out` may be
/// where `dz` is.
pub(crate) fn slopes<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    channels: usize,
    dz: Shared<E>,
    len: usize,
    out: Option<Shared<E>>,
) -> Sums<E> {
    let pixels = len / channels.max(1);
    let size = block_size(pixels);
    let blocks = pixels.div_ceil(size);
    let mut partial = Buffer::<E>::zeros(2 * blocks * channels);
    let sums = Shared::new(&mut partial);
    let pointers = Pointers::new(activation, argument, channels, len);
    parts(pixels, size, |start, end| {
        let first = start * channels;
        let block = 2 * (start / size) * channels;
        // SAFETY: each pixel and each block of sums belongs to one task.
        unsafe {
            let kernel = Slopes {
                pointers: pointers.at(first),
                dz: dz.get().add(first),
                out: out.map(|out| out.get().add(first)),
                gradient: sums.get().add(block),
                product: sums.get().add(block + channels),
                pixels: end - start,
            };
            E::dispatch(isa, kernel);
        }
    });
    let total = |part: usize| {
        let mut total = Buffer::<E>::any(channels);
        for (channel, total) in total.iter_mut().enumerate() {
            let at = |block: usize| partial[(2 * block + part) * channels + channel].wide();
            *total = E::of((0..blocks).map(at).sum());
        }
        total
    };
    Sums { gradient: total(0), product: total(1) }
}

/// Pointers to what an argument is made of.
#[derive(Debug)]
struct Pointers<E> {
    activation: Activation,
    channels: usize,
    kept: Option<Shared<E>>,
    normed: Option<[Shared<E>; 4]>,
    residual: Option<Shared<E>>,
}

impl<E> Clone for Pointers<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Pointers<E> {}

impl<E: Real> Pointers<E> {
    fn new(activation: Activation, argument: Argument<'_, E>, channels: usize, len: usize) -> Self {
        let mut pointers = Self { activation, channels, kept: None, normed: None, residual: None };
        let map = |values: &[E]| {
            assert_eq!(values.len(), len, "a map of another shape");
            Shared::read(values)
        };
        match argument {
            Argument::Kept(kept) => pointers.kept = Some(map(kept)),
            Argument::Normed { y, scale, shift, mean, rest } => {
                assert!([scale, shift, mean].iter().all(|values| values.len() == channels));
                let [scale, shift, mean] = [scale, shift, mean].map(Shared::read);
                pointers.normed = Some([map(y), scale, shift, mean]);
                match rest {
                    Some(Rest::Value(value)) => pointers.kept = Some(map(value)),
                    Some(Rest::Residual(residual)) => pointers.residual = Some(map(residual)),
                    None => {}
                }
            }
        }
        pointers
    }

    /// From the number `first` of the map on.
    unsafe fn at(mut self, first: usize) -> Self {
        let at = |map: Shared<E>| {
            // SAFETY: a map has more numbers, by contract.
            Shared::from(unsafe { map.get().add(first) })
        };
        self.kept = self.kept.map(at);
        self.residual = self.residual.map(at);
        self.normed = self.normed.map(|[y, scale, shift, mean]| [at(y), scale, shift, mean]);
        self
    }

    /// The slope at a number of the map, and the distance of `y` from its mean.
    #[inline(always)]
    unsafe fn slope<S: Simd<E = E>>(&self, pixel: usize, at: usize, left: usize) -> [S::V; 2] {
        // SAFETY: the caller's number lies within the map.
        unsafe {
            let mut u = S::zero();
            let mut apart = S::zero();
            if let Some([y, scale, shift, mean]) = self.normed {
                let y = S::load_up_to(y.get().add(pixel + at), left);
                apart = S::sub(y, S::load_up_to(mean.get().add(at), left));
                if self.kept.is_none() {
                    let scale = S::load_up_to(scale.get().add(at), left);
                    u = S::fma(apart, scale, S::load_up_to(shift.get().add(at), left));
                    if let Some(residual) = self.residual {
                        u = S::add(u, S::load_up_to(residual.get().add(pixel + at), left));
                    }
                }
            }
            if let Some(kept) = self.kept {
                u = S::load_up_to(kept.get().add(pixel + at), left);
            }
            [self.activation.slope::<S>(u), apart]
        }
    }
}

struct Slopes<E> {
    pointers: Pointers<E>,
    dz: *const E,
    out: Option<*mut E>,
    gradient: *mut E,
    product: *mut E,
    pixels: usize,
}

impl<E: Real> Slopes<E> {
    /// `R` pixels from `pixel` on.
    #[inline(always)]
    unsafe fn rows<S: Simd<E = E>, const R: usize>(&self, pixel: usize) {
        let channels = self.pointers.channels;
        let pixel = pixel * channels;
        // SAFETY: by what `slopes` says of the pointers.
        unsafe {
            vectors!(S, channels, |at, left| {
                let mut gradient = S::load_up_to(self.gradient.add(at), left);
                let mut product = S::load_up_to(self.product.add(at), left);
                for row in 0..R {
                    let pixel = pixel + row * channels;
                    let [slope, apart] = self.pointers.slope::<S>(pixel, at, left);
                    let dz = S::load_up_to(self.dz.add(pixel + at), left);
                    let g = S::mul(dz, slope);
                    gradient = S::add(gradient, g);
                    product = S::fma(g, apart, product);
                    if let Some(out) = self.out {
                        S::store_up_to(out.add(pixel + at), g, left);
                    }
                }
                S::store_up_to(self.gradient.add(at), gradient, left);
                S::store_up_to(self.product.add(at), product, left);
            });
        }
    }
}

impl<E: Real> Kernel<E> for Slopes<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let mut pixel = 0;
        // SAFETY: no pixel beyond the last is touched.
        unsafe {
            while pixel + ROWS <= self.pixels {
                self.rows::<S, ROWS>(pixel);
                pixel += ROWS;
            }
            while pixel < self.pixels {
                self.rows::<S, 1>(pixel);
                pixel += 1;
            }
        }
    }
}

/// The gradient of a batch norm's input, `dy = scale * (g - mean(g) - xhat * mean(g * xhat))`, where `g`
/// is what [`slopes`] wrote, or else is computed again from `dz`. `out` may be where `dz` is.
pub(crate) fn through_norm<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    [dz, out]: [Shared<E>; 2],
    len: usize,
    sums: &Sums<E>,
    deviation: &[E],
) {
    let Argument::Normed { scale, .. } = argument else { return };
    let channels = scale.len();
    let pixels = len / channels.max(1);
    let count = pixels as f64;
    // dy = scale * g - constant - factor * (y - mean), with the reciprocal deviation in the factor twice.
    let mut constant = Buffer::<E>::any(channels);
    let mut factor = Buffer::<E>::any(channels);
    for channel in 0..channels {
        let (scale, r) = (scale[channel].wide(), deviation[channel].wide());
        constant[channel] = E::of(scale * sums.gradient[channel].wide() / count);
        factor[channel] = E::of(scale * r * r * sums.product[channel].wide() / count);
    }
    let pointers = Pointers::new(activation, argument, channels, len);
    let [constant, factor] = [Shared::read(&constant), Shared::read(&factor)];
    let size = block_size(pixels);
    parts(pixels, size, |start, end| {
        let first = start * channels;
        // SAFETY: each pixel belongs to one task.
        unsafe {
            let kernel = ThroughNorm {
                pointers: pointers.at(first),
                dz: dz.get().add(first),
                out: out.get().add(first),
                constant: constant.get(),
                factor: factor.get(),
                pixels: end - start,
            };
            E::dispatch(isa, kernel);
        }
    });
}

struct ThroughNorm<E> {
    pointers: Pointers<E>,
    dz: *const E,
    out: *mut E,
    constant: *const E,
    factor: *const E,
    pixels: usize,
}

impl<E: Real> Kernel<E> for ThroughNorm<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let channels = self.pointers.channels;
        let Some([_, scale, _, _]) = self.pointers.normed else { return };
        // SAFETY: by what `through_norm` says of the pointers.
        unsafe {
            for pixel in 0..self.pixels {
                let pixel = pixel * channels;
                vectors!(S, channels, |at, left| {
                    let [slope, apart] = self.pointers.slope::<S>(pixel, at, left);
                    let g = S::mul(S::load_up_to(self.dz.add(pixel + at), left), slope);
                    let scale = S::load_up_to(scale.get().add(at), left);
                    let constant = S::load_up_to(self.constant.add(at), left);
                    let factor = S::load_up_to(self.factor.add(at), left);
                    let dy = S::sub(
                        S::fma(g, scale, S::sub(S::zero(), constant)),
                        S::mul(factor, apart),
                    );
                    S::store_up_to(self.out.add(pixel + at), dy, left);
                });
            }
        }
    }
}
