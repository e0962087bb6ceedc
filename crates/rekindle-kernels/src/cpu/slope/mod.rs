//! The way back through an activation and a batch norm.
//!
//! With `u = scale * (y - mean) + shift + residual` and `z = activation(u)`, the gradient of `u` is
//! `g = dz * slope(u)`. One pass gives `g` and its sums over the pixels; where the norm's statistics are
//! the batch's own, a second pass takes their part from it.

mod argument;

use super::{
    activation::Activation,
    blocks::block_size,
    parallel::{Shared, Written, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;
pub(crate) use argument::{Argument, Rest};
use argument::{Plain, Pointers, kind};

/// Pixels that are summed in registers before they are added to the sums in memory.
const ROWS: usize = 4;

/// Sums over all pixels for each channel.
#[derive(Debug)]
pub(crate) struct Sums<E> {
    /// Of the gradient `g`.
    pub(crate) gradient: Buffer<E>,
    /// Of `g * (y - mean)`; zero where there is no `y`.
    pub(crate) product: Buffer<E>,
}

/// Runs `$kernel` compiled for the kind of `$pointers`.
macro_rules! of_kind {
    ($isa:expr, $pointers:expr, $Kernel:ident($kernel:expr)) => {
        match $pointers.kind() {
            kind::KEPT => E::dispatch($isa, $Kernel::<E, { kind::KEPT }>($kernel)),
            kind::NORMED => E::dispatch($isa, $Kernel::<E, { kind::NORMED }>($kernel)),
            kind::ADDED => E::dispatch($isa, $Kernel::<E, { kind::ADDED }>($kernel)),
            _ => E::dispatch($isa, $Kernel::<E, { kind::VALUE }>($kernel)),
        }
    };
}

/// Writes `g` from `dz`, and sums it over the pixels.
pub(crate) fn slopes<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    channels: usize,
    mut map: Written<'_, E>,
) -> Sums<E> {
    let (len, [dz, out]) = map.shared();
    let pointers = Pointers::new(activation, argument, channels, len);
    // SAFETY: both are of a map of so many numbers, which is held until all tasks are done.
    unsafe { summed(isa, pointers, channels, len, dz, Some(out)) }
}

/// Sums `g` over the pixels, and writes it nowhere.
pub(crate) fn sums<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    channels: usize,
    dz: &[E],
) -> Sums<E> {
    let pointers = Pointers::new(activation, argument, channels, dz.len());
    // SAFETY: the slice is as long as it says, and held until all tasks are done.
    unsafe { summed(isa, pointers, channels, dz.len(), Shared::read(dz), None) }
}

/// The sums of `g`, which is written where that is wanted.
///
/// # Safety
///
/// `dz` and `out`, which may be the same, have `len` numbers, as the pointers were made for; nobody else uses `out`.
unsafe fn summed<E: Real>(
    isa: Isa,
    pointers: Pointers<E>,
    channels: usize,
    len: usize,
    dz: Shared<E>,
    out: Option<Shared<E>>,
) -> Sums<E> {
    let pixels = len / channels.max(1);
    let size = block_size(pixels);
    let blocks = pixels.div_ceil(size);
    let mut partial = Buffer::<E>::zeros(2 * blocks * channels);
    let sums = Shared::new(&mut partial);
    parts(pixels, size, |start, end| {
        let first = start * channels;
        let block = 2 * (start / size) * channels;
        // SAFETY: each pixel and each block of sums belongs to one task; the maps have so many numbers, by contract.
        unsafe {
            let kernel = SlopesOver {
                pointers: pointers.at(first).plain(),
                channels,
                dz: dz.get().add(first),
                out: out.map(|out| out.get().add(first)),
                gradient: sums.get().add(block),
                product: sums.get().add(block + channels),
                pixels: end - start,
            };
            of_kind!(isa, pointers, Slopes(kernel));
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

struct SlopesOver<E> {
    pointers: Plain<E>,
    channels: usize,
    dz: *const E,
    out: Option<*mut E>,
    gradient: *mut E,
    product: *mut E,
    pixels: usize,
}

struct Slopes<E, const KIND: u8>(SlopesOver<E>);

impl<E: Real, const KIND: u8> Slopes<E, KIND> {
    /// `R` pixels from `pixel` on.
    #[inline(always)]
    unsafe fn rows<S: Simd<E = E>, const R: usize, const WRITE: bool>(&self, pixel: usize) {
        let Self(SlopesOver { ref pointers, channels, dz, out, gradient, product, .. }) = *self;
        let out = out.unwrap_or(std::ptr::null_mut());
        let pixel = pixel * channels;
        // SAFETY: by the contract of `summed`.
        unsafe {
            vectors!(S, channels, |at, left| {
                let mut sum = S::load_up_to(gradient.add(at), left);
                let mut products = S::load_up_to(product.add(at), left);
                for row in 0..R {
                    let pixel = pixel + row * channels;
                    let [slope, apart] = pointers.slope::<S, KIND>(pixel, at, left);
                    let g = S::mul(S::load_up_to(dz.add(pixel + at), left), slope);
                    sum = S::add(sum, g);
                    if KIND != kind::KEPT {
                        products = S::fma(g, apart, products);
                    }
                    if WRITE {
                        S::store_up_to(out.add(pixel + at), g, left);
                    }
                }
                S::store_up_to(gradient.add(at), sum, left);
                if KIND != kind::KEPT {
                    S::store_up_to(product.add(at), products, left);
                }
            });
        }
    }

    /// All pixels.
    #[inline(always)]
    unsafe fn all<S: Simd<E = E>, const WRITE: bool>(&self) {
        let mut pixel = 0;
        // SAFETY: no pixel beyond the last is touched.
        unsafe {
            while pixel + ROWS <= self.0.pixels {
                self.rows::<S, ROWS, WRITE>(pixel);
                pixel += ROWS;
            }
            while pixel < self.0.pixels {
                self.rows::<S, 1, WRITE>(pixel);
                pixel += 1;
            }
        }
    }
}

impl<E: Real, const KIND: u8> Kernel<E> for Slopes<E, KIND> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: the caller's contract.
        unsafe { if self.0.out.is_some() { self.all::<S, true>() } else { self.all::<S, false>() } }
    }
}

/// The gradient of a batch norm's input, `dy = scale * (g - mean(g) - xhat * mean(g * xhat))`, where `g`
/// is what [`slopes`] wrote, or else is computed again from `dz`.
pub(crate) fn through_norm<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    map: Written<'_, E>,
    sums: &Sums<E>,
    deviation: &[E],
) {
    let Argument::Normed { y, scale, .. } = argument else { return };
    let channels = scale.len();
    let count = (y.len() / channels.max(1)) as f64;
    // dy = scale * g - constant - factor * (y - mean), with the reciprocal deviation in the factor twice.
    let mut constant = Buffer::<E>::any(channels);
    let mut factor = Buffer::<E>::any(channels);
    for channel in 0..channels {
        let (scale, r) = (scale[channel].wide(), deviation[channel].wide());
        constant[channel] = E::of(scale * sums.gradient[channel].wide() / count);
        factor[channel] = E::of(scale * r * r * sums.product[channel].wide() / count);
    }
    through(isa, activation, argument, map, [&constant, &factor]);
}

/// `dy = scale * g - constant - factor * (y - mean)`, with a number of each for each channel, where `g` is computed from `dz`.
pub(crate) fn through<E: Real>(
    isa: Isa,
    activation: Activation,
    argument: Argument<'_, E>,
    mut map: Written<'_, E>,
    [constant, factor]: [&[E]; 2],
) {
    let Argument::Normed { scale, .. } = argument else { return };
    let channels = scale.len();
    assert!(constant.len() == channels && factor.len() == channels, "a norm of other channels");
    let (len, [dz, out]) = map.shared();
    let pixels = len / channels.max(1);
    let pointers = Pointers::new(activation, argument, channels, len);
    let [constant, factor] = [constant, factor].map(Shared::read);
    let size = block_size(pixels);
    parts(pixels, size, |start, end| {
        let first = start * channels;
        // SAFETY: each pixel belongs to one task; all maps have `len` numbers, and are held until all tasks are done.
        unsafe {
            let kernel = NormOver {
                pointers: pointers.at(first).plain(),
                channels,
                dz: dz.get().add(first),
                out: out.get().add(first),
                constant: constant.get(),
                factor: factor.get(),
                pixels: end - start,
            };
            of_kind!(isa, pointers, ThroughNorm(kernel));
        }
    });
}

struct NormOver<E> {
    pointers: Plain<E>,
    channels: usize,
    dz: *const E,
    out: *mut E,
    constant: *const E,
    factor: *const E,
    pixels: usize,
}

struct ThroughNorm<E, const KIND: u8>(NormOver<E>);

impl<E: Real, const KIND: u8> Kernel<E> for ThroughNorm<E, KIND> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let NormOver { pointers, channels, dz, out, constant, factor, pixels } = self.0;
        // SAFETY: by what `through_norm` says of the pointers.
        unsafe {
            for pixel in 0..pixels {
                let pixel = pixel * channels;
                vectors!(S, channels, |at, left| {
                    let [slope, apart] = pointers.slope::<S, KIND>(pixel, at, left);
                    let g = S::mul(S::load_up_to(dz.add(pixel + at), left), slope);
                    let scale = S::load_up_to(pointers.scale.add(at), left);
                    let constant = S::load_up_to(constant.add(at), left);
                    let factor = S::load_up_to(factor.add(at), left);
                    let dy = S::sub(S::mul(g, scale), S::fma(factor, apart, constant));
                    S::store_up_to(out.add(pixel + at), dy, left);
                });
            }
        }
    }
}
