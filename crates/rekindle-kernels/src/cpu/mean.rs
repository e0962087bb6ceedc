//! The mean over all pixels of a picture, and its gradient.

use super::{
    geometry::Extent,
    parallel::{Shared, parts, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Numbers of output that a task computes.
const PART: usize = 16 << 10;

/// The mean of each picture and channel, `[batch, channels]`.
pub(crate) fn mean<E: Real>(isa: Isa, input: Extent, x: &[E]) -> Buffer<E> {
    let [batch, height, width, channels] = input.dims();
    assert_eq!(x.len(), input.len(), "an input of another shape");
    if x.is_empty() {
        // Of no pixel there is not even a pointer.
        return Buffer::zeros(batch * channels);
    }
    let pixels = height * width;
    let mut means = Buffer::<E>::any(batch * channels);
    let (from, out) = (Shared::read(x), Shared::new(&mut means));
    // A few channels of a picture at a time, so that one picture is work for all threads.
    let block = 64;
    let blocks = channels.div_ceil(block);
    tasks(batch * blocks, |task| {
        let (picture, first) = (task / blocks, task % blocks * block);
        let columns = (channels - first).min(block);
        // SAFETY: each picture and channel belongs to one task, and lies within the map: no product of an extent wraps.
        unsafe {
            let x = from.get().add(picture * pixels * channels + first);
            let mean = out.get().add(picture * channels + first);
            E::dispatch(isa, Mean { x, mean, pixels, stride: channels, columns });
        }
    });
    means
}

struct Mean<E> {
    x: *const E,
    mean: *mut E,
    pixels: usize,
    stride: usize,
    columns: usize,
}

impl<E: Real> Kernel<E> for Mean<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { x, mean, pixels, stride, columns } = self;
        // SAFETY: by what `mean` says of the pointers.
        unsafe {
            let share = S::constant(1.0 / pixels.max(1) as f64);
            vectors!(S, columns, |at, left| {
                let mut sums = [S::zero(); 4];
                let mut pixel = 0;
                while pixel + 4 <= pixels {
                    for i in 0..4 {
                        let x = S::load_up_to(x.add((pixel + i) * stride + at), left);
                        sums[i] = S::add(sums[i], x);
                    }
                    pixel += 4;
                }
                while pixel < pixels {
                    sums[0] = S::add(sums[0], S::load_up_to(x.add(pixel * stride + at), left));
                    pixel += 1;
                }
                let sum = S::add(S::add(sums[0], sums[1]), S::add(sums[2], sums[3]));
                S::store_up_to(mean.add(at), S::mul(sum, share), left);
            });
        }
    }
}

/// The gradient of the input of [`mean`].
pub(crate) fn mean_gradient<E: Real>(input: Extent, dy: &[E], dx: &mut [E]) {
    let Extent { height, width, channels, .. } = input;
    assert_eq!(dx.len(), input.len(), "an input of another shape");
    assert_eq!(dy.len(), input.batch * channels, "a gradient of another shape");
    let pixels = height * width;
    let share = E::of(1.0 / pixels.max(1) as f64);
    let out = Shared::new(dx);
    parts(input.pixels(), (PART / channels.max(1)).max(1), |start, end| {
        for pixel in start..end {
            // SAFETY: each pixel belongs to one task, and lies within the map.
            let dx = unsafe {
                std::slice::from_raw_parts_mut(out.get().add(pixel * channels), channels)
            };
            let dy = &dy[pixel / pixels * channels..][..channels];
            for (dx, &dy) in dx.iter_mut().zip(dy) {
                *dx = dy * share;
            }
        }
    });
}
