//! A factor for each picture and channel (what squeeze and excitation ends in), or for each picture
//! (stochastic depth).

use super::{
    geometry::Extent,
    parallel::{Shared, parts, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Numbers that a task takes at a time.
const PART: usize = 16 << 10;

/// `y = factor * x + constant + added`, factors and constants `[batch, channels]`.
pub(crate) fn scale<E: Real>(
    isa: Isa,
    input: Extent,
    x: &[E],
    factors: &[E],
    constants: Option<&[E]>,
    added: Option<&[E]>,
    y: &mut [E],
) {
    let [batch, height, width, channels] = input.dims();
    assert!(x.len() == input.len() && y.len() == input.len(), "maps of different shapes");
    assert_eq!(factors.len(), batch * channels, "a factor for each picture and channel");
    assert!(
        constants.is_none_or(|constants| constants.len() == factors.len())
            && added.is_none_or(|added| added.len() == x.len()),
        "what is added is of another shape"
    );
    let pixels = height * width;
    let [from, factors] = [x, factors].map(Shared::read);
    let [constants, added] = [constants, added].map(|values| values.map(Shared::read));
    let out = Shared::new(y);
    let part = (PART / channels.max(1)).clamp(1, pixels.max(1));
    let blocks = pixels.div_ceil(part);
    tasks(batch * blocks, |task| {
        let (picture, start) = (task / blocks, task % blocks * part);
        let at = (picture * pixels + start) * channels;
        // SAFETY: each pixel belongs to one task, and lies within the maps: no product of an extent wraps.
        unsafe {
            E::dispatch(
                isa,
                Scale {
                    x: from.get().add(at),
                    y: out.get().add(at),
                    factors: factors.get().add(picture * channels),
                    constants: constants.map(|constants| constants.get().add(picture * channels)),
                    added: added.map(|added| added.get().add(at)),
                    pixels: (pixels - start).min(part),
                    channels,
                },
            );
        }
    });
}

struct Scale<E> {
    x: *const E,
    y: *mut E,
    factors: *const E,
    constants: Option<*mut E>,
    added: Option<*mut E>,
    pixels: usize,
    channels: usize,
}

impl<E: Real> Kernel<E> for Scale<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `scale` says of the pointers.
        unsafe {
            for pixel in 0..self.pixels {
                let pixel = pixel * self.channels;
                vectors!(S, self.channels, |at, left| {
                    let factor = S::load_up_to(self.factors.add(at), left);
                    let x = S::load_up_to(self.x.add(pixel + at), left);
                    let mut y = S::mul(x, factor);
                    if let Some(constants) = self.constants {
                        y = S::add(y, S::load_up_to(constants.add(at), left));
                    }
                    if let Some(added) = self.added {
                        y = S::add(y, S::load_up_to(added.add(pixel + at), left));
                    }
                    S::store_up_to(self.y.add(pixel + at), y, left);
                });
            }
        }
    }
}

/// The sum over the pixels of `x * dy` for each picture and channel, `[batch, channels]`.
pub(crate) fn products<E: Real>(isa: Isa, input: Extent, x: &[E], dy: &[E]) -> Buffer<E> {
    let [batch, height, width, channels] = input.dims();
    assert!(x.len() == input.len() && dy.len() == input.len(), "maps of different shapes");
    if x.is_empty() {
        // Of no pixel there is not even a pointer.
        return Buffer::zeros(batch * channels);
    }
    let pixels = height * width;
    let mut sums = Buffer::<E>::any(batch * channels);
    let [x, dy] = [x, dy].map(Shared::read);
    let out = Shared::new(&mut sums);
    // A few channels of a picture at a time, so that one picture is work for all threads.
    let block = 64;
    let blocks = channels.div_ceil(block);
    tasks(batch * blocks, |task| {
        let (picture, first) = (task / blocks, task % blocks * block);
        let at = picture * pixels * channels + first;
        // SAFETY: each picture and channel belongs to one task, and lies within the maps: no product of an extent wraps.
        unsafe {
            E::dispatch(
                isa,
                Products {
                    x: x.get().add(at),
                    dy: dy.get().add(at),
                    sums: out.get().add(picture * channels + first),
                    pixels,
                    stride: channels,
                    columns: (channels - first).min(block),
                },
            );
        }
    });
    sums
}

struct Products<E> {
    x: *const E,
    dy: *const E,
    sums: *mut E,
    pixels: usize,
    stride: usize,
    columns: usize,
}

impl<E: Real> Kernel<E> for Products<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `products` says of the pointers.
        unsafe {
            vectors!(S, self.columns, |at, left| {
                let mut sums = [S::zero(); 4];
                let mut pixel = 0;
                while pixel < self.pixels {
                    let rows = (self.pixels - pixel).min(4);
                    for i in 0..4 {
                        if i < rows {
                            let at = (pixel + i) * self.stride + at;
                            let x = S::load_up_to(self.x.add(at), left);
                            sums[i] = S::fma(x, S::load_up_to(self.dy.add(at), left), sums[i]);
                        }
                    }
                    pixel += rows;
                }
                let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                S::store_up_to(self.sums.add(at), sum, left);
            });
        }
    }
}

/// For each row the product of `a` and `b`; each row of `b` is then multiplied by its factor.
pub(crate) fn dots<E: Real>(isa: Isa, a: &[E], b: &mut [E], factors: &[E]) -> Buffer<E> {
    assert_eq!(a.len(), b.len(), "rows of different lengths");
    let rows = factors.len();
    let len = a.len() / rows.max(1);
    let mut dots = Buffer::<E>::zeros(rows);
    let (a, b, out) = (Shared::read(a), Shared::new(b), Shared::new(&mut dots));
    parts(rows, (PART / len.max(1)).max(1), |start, end| {
        for row in start..end {
            // SAFETY: each row belongs to one task, and all of them together are no longer than either side.
            unsafe {
                let (a, b) = (a.get().add(row * len), b.get().add(row * len));
                *out.get().add(row) = E::dispatch(isa, Dot { a, b, factor: factors[row], len });
            }
        }
    });
    dots
}

struct Dot<E> {
    a: *const E,
    b: *mut E,
    factor: E,
    len: usize,
}

impl<E: Real> Kernel<E> for Dot<E> {
    type Output = E;

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) -> E {
        // SAFETY: by what `dots` says of the pointers.
        unsafe {
            let factor = S::splat(self.factor);
            let mut sum = S::zero();
            vectors!(S, self.len, |at, left| {
                let b = S::load_up_to(self.b.add(at), left);
                sum = S::fma(S::load_up_to(self.a.add(at), left), b, sum);
                S::store_up_to(self.b.add(at), S::mul(b, factor), left);
            });
            E::of(S::sum(sum))
        }
    }
}
