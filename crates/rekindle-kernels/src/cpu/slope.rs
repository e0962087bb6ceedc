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

/// What an argument is made of, known when a kernel is compiled: [`Pointers::kind`].
mod kind {
    /// It was kept.
    pub(super) const KEPT: u8 = 0;
    /// The norm's output.
    pub(super) const NORMED: u8 = 1;
    /// The norm's output and what was added.
    pub(super) const ADDED: u8 = 2;
    /// The value was kept, and there is a norm behind.
    pub(super) const VALUE: u8 = 3;
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

/// Pointers to what an argument is made of.
#[derive(Debug)]
struct Pointers<E> {
    activation: Activation,
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
    /// What the argument is made of.
    fn kind(&self) -> u8 {
        match (self.normed.is_some(), self.kept.is_some(), self.residual.is_some()) {
            (false, ..) => kind::KEPT,
            (true, true, _) => kind::VALUE,
            (true, false, true) => kind::ADDED,
            (true, false, false) => kind::NORMED,
        }
    }

    fn new(activation: Activation, argument: Argument<'_, E>, channels: usize, len: usize) -> Self {
        let mut pointers = Self { activation, kept: None, normed: None, residual: None };
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

    /// The same as plain pointers, null where there is nothing.
    fn plain(&self) -> Plain<E> {
        let pointer =
            |map: Option<Shared<E>>| map.map_or(std::ptr::null(), |map| map.get().cast_const());
        let normed = self.normed.map(|normed| normed.map(Some)).unwrap_or([None; 4]);
        let [y, scale, shift, mean] = normed.map(pointer);
        let (kept, residual) = (pointer(self.kept), pointer(self.residual));
        Plain { activation: self.activation, kept, y, scale, shift, mean, residual }
    }
}

/// Pointers that are null where there is nothing.
#[derive(Clone, Copy)]
struct Plain<E> {
    activation: Activation,
    kept: *const E,
    y: *const E,
    scale: *const E,
    shift: *const E,
    mean: *const E,
    residual: *const E,
}

impl<E: Real> Plain<E> {
    /// The slope at a number of the map, and the distance of `y` from its mean.
    #[inline(always)]
    unsafe fn slope<S: Simd<E = E>, const KIND: u8>(
        &self,
        pixel: usize,
        at: usize,
        left: usize,
    ) -> [S::V; 2] {
        // SAFETY: the caller's number lies within the map, and what the kind names is there.
        unsafe {
            let mut apart = S::zero();
            if KIND != kind::KEPT {
                let y = S::load_up_to(self.y.add(pixel + at), left);
                apart = S::sub(y, S::load_up_to(self.mean.add(at), left));
            }
            let u = if KIND == kind::KEPT || KIND == kind::VALUE {
                S::load_up_to(self.kept.add(pixel + at), left)
            } else {
                let scale = S::load_up_to(self.scale.add(at), left);
                let mut u = S::fma(apart, scale, S::load_up_to(self.shift.add(at), left));
                if KIND == kind::ADDED {
                    u = S::add(u, S::load_up_to(self.residual.add(pixel + at), left));
                }
                u
            };
            [self.activation.slope::<S>(u), apart]
        }
    }
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
        // SAFETY: by what `slopes` says of the pointers.
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
