//! Maximum, average and global pooling, and their gradients.

use super::{
    geometry::{Convolution, Extent, Gather, Window},
    parallel::{Shared, parts, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// Numbers of output that a task computes, or one row of pixels.
const PART: usize = 16 << 10;

/// A pool as a convolution that has a channel of output for each of input.
fn shape(input: Extent, window: Window) -> Convolution {
    Convolution { input, channels_out: input.channels, groups: input.channels, window }
}

/// The greatest number of each window and channel, `[batch, height', width', channels]`.
///
/// Where `places` are wanted they say which position of the window it was: the first of equals, and the
/// last that is no number, as in PyTorch.
pub(crate) fn maximum<E: Real>(
    input: Extent,
    window: Window,
    x: &[E],
    y: &mut [E],
    places: Option<&mut [u8]>,
) {
    let output = shape(input, window).output();
    assert!(x.len() == input.len() && y.len() == output.len());
    assert!(window.positions() <= 256, "a window of more than 256 positions");
    let gather = Gather::forward(&shape(input, window));
    let channels = input.channels;
    let (out, places) = (Shared::new(y), places.map(Shared::new));
    let row = (PART / channels.max(1)).max(1);
    parts(output.pixels(), row, |start, end| {
        gather.each(start, end, |i, picture, row, column| {
            let at = (start + i) * channels;
            // SAFETY: each pixel belongs to one task.
            let y = unsafe { std::slice::from_raw_parts_mut(out.get().add(at), channels) };
            let mut places = places.map(|places| {
                // SAFETY: as above.
                unsafe { std::slice::from_raw_parts_mut(places.get().add(at), channels) }
            });
            let mut first = true;
            for position in &gather.positions {
                let v = (row * gather.step[0]) as isize + position.offset[0];
                let h = (column * gather.step[1]) as isize + position.offset[1];
                if v as usize >= input.height || h as usize >= input.width {
                    continue;
                }
                let pixel = (picture * input.height + v as usize) * input.width + h as usize;
                let x = &x[pixel * channels..(pixel + 1) * channels];
                match (&mut places, first) {
                    (None, true) => y.copy_from_slice(x),
                    (None, false) => {
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = if keeps(*y, x) { *y } else { x };
                        }
                    }
                    (Some(places), true) => {
                        y.copy_from_slice(x);
                        places.fill(position.index as u8);
                    }
                    (Some(places), false) => {
                        for ((y, place), &x) in y.iter_mut().zip(places.iter_mut()).zip(x) {
                            let keep = keeps(*y, x);
                            *y = if keep { *y } else { x };
                            *place = if keep { *place } else { position.index as u8 };
                        }
                    }
                }
                first = false;
            }
        });
    });
}

/// Whether `old` stays the greatest when `new` comes: what is no number wins.
#[inline(always)]
fn keeps<E: Real>(old: E, new: E) -> bool {
    // A comparison with what is no number is false.
    let greater = new > old;
    !greater && !new.is_nan()
}

/// The gradient of the input of [`maximum`]: each window's goes to the place of its maximum.
pub(crate) fn maximum_gradient<E: Real>(
    input: Extent,
    window: Window,
    dy: &[E],
    places: &[u8],
    dx: &mut [E],
) {
    let pool = shape(input, window);
    let output = pool.output();
    assert!(dx.len() == input.len() && dy.len() == output.len() && places.len() == dy.len());
    let channels = input.channels;
    let out = Shared::new(dx);
    for gather in Gather::backward(&pool) {
        let row = (PART / channels.max(1)).max(1);
        parts(gather.count(input.batch), row, |start, end| {
            gather.each(start, end, |_, picture, row, column| {
                let y = gather.origin[0] + gather.spacing[0] * row;
                let x = gather.origin[1] + gather.spacing[1] * column;
                let pixel = (picture * input.height + y) * input.width + x;
                // SAFETY: each pixel belongs to one task.
                let dx = unsafe {
                    std::slice::from_raw_parts_mut(out.get().add(pixel * channels), channels)
                };
                dx.fill(E::ZERO);
                for position in &gather.positions {
                    let v = row as isize + position.offset[0];
                    let h = column as isize + position.offset[1];
                    if v as usize >= output.height || h as usize >= output.width {
                        continue;
                    }
                    let pixel = (picture * output.height + v as usize) * output.width + h as usize;
                    let range = pixel * channels..(pixel + 1) * channels;
                    let index = position.index as u8;
                    for ((dx, &dy), &place) in
                        dx.iter_mut().zip(&dy[range.clone()]).zip(&places[range])
                    {
                        *dx = *dx + if place == index { dy } else { E::ZERO };
                    }
                }
            });
        });
    }
}

/// The average of each window and channel over the pixels that exist.
pub(crate) fn average<E: Real>(input: Extent, window: Window, x: &[E], y: &mut [E]) {
    let pool = shape(input, window);
    let output = pool.output();
    assert!(x.len() == input.len() && y.len() == output.len());
    let gather = Gather::forward(&pool);
    let shares = Shares::new(input, window);
    let channels = input.channels;
    let out = Shared::new(y);
    let row = (PART / channels.max(1)).max(1);
    parts(output.pixels(), row, |start, end| {
        gather.each(start, end, |i, picture, row, column| {
            // SAFETY: each pixel belongs to one task.
            let y = unsafe {
                std::slice::from_raw_parts_mut(out.get().add((start + i) * channels), channels)
            };
            y.fill(E::ZERO);
            for position in &gather.positions {
                let v = (row * gather.step[0]) as isize + position.offset[0];
                let h = (column * gather.step[1]) as isize + position.offset[1];
                if v as usize >= input.height || h as usize >= input.width {
                    continue;
                }
                let pixel = (picture * input.height + v as usize) * input.width + h as usize;
                for (y, &x) in y.iter_mut().zip(&x[pixel * channels..(pixel + 1) * channels]) {
                    *y = *y + x;
                }
            }
            let share = E::of(shares.of(row, column));
            y.iter_mut().for_each(|y| *y = *y * share);
        });
    });
}

/// The gradient of the input of [`average`].
pub(crate) fn average_gradient<E: Real>(input: Extent, window: Window, dy: &[E], dx: &mut [E]) {
    let pool = shape(input, window);
    let output = pool.output();
    assert!(dx.len() == input.len() && dy.len() == output.len());
    let shares = Shares::new(input, window);
    let channels = input.channels;
    let out = Shared::new(dx);
    for gather in Gather::backward(&pool) {
        let row = (PART / channels.max(1)).max(1);
        parts(gather.count(input.batch), row, |start, end| {
            gather.each(start, end, |_, picture, row, column| {
                let y = gather.origin[0] + gather.spacing[0] * row;
                let x = gather.origin[1] + gather.spacing[1] * column;
                let pixel = (picture * input.height + y) * input.width + x;
                // SAFETY: each pixel belongs to one task.
                let dx = unsafe {
                    std::slice::from_raw_parts_mut(out.get().add(pixel * channels), channels)
                };
                dx.fill(E::ZERO);
                for position in &gather.positions {
                    let v = row as isize + position.offset[0];
                    let h = column as isize + position.offset[1];
                    if v as usize >= output.height || h as usize >= output.width {
                        continue;
                    }
                    let pixel = (picture * output.height + v as usize) * output.width + h as usize;
                    let share = E::of(shares.of(v as usize, h as usize));
                    for (dx, &dy) in
                        dx.iter_mut().zip(&dy[pixel * channels..(pixel + 1) * channels])
                    {
                        *dx = *dx + dy * share;
                    }
                }
            });
        });
    }
}

/// One over the pixels of each window that exist.
struct Shares([Vec<usize>; 2]);

impl Shares {
    fn new(input: Extent, window: Window) -> Self {
        let counts = window.count([input.height, input.width]);
        let sizes = [input.height, input.width];
        Self([0, 1].map(|axis| {
            let pixels = |index: usize| {
                let source = |i: usize| {
                    (index * window.stride[axis] + i * window.dilation[axis])
                        .checked_sub(window.before[axis])
                };
                let inside = |i: &usize| source(*i).is_some_and(|pixel| pixel < sizes[axis]);
                (0..window.kernel[axis]).filter(inside).count()
            };
            (0..counts[axis]).map(pixels).collect()
        }))
    }

    fn of(&self, row: usize, column: usize) -> f64 {
        1.0 / (self.0[0][row] * self.0[1][column]).max(1) as f64
    }
}

/// The mean of each picture and channel, `[batch, channels]`.
pub(crate) fn mean<E: Real>(isa: Isa, input: Extent, x: &[E]) -> Buffer<E> {
    let Extent { batch, height, width, channels } = input;
    assert_eq!(x.len(), input.len(), "an input of another shape");
    let pixels = height * width;
    let mut means = Buffer::<E>::any(batch * channels);
    let (from, out) = (Shared::read(x), Shared::new(&mut means));
    // A few channels of a picture at a time, so that one picture is work for all threads.
    let block = 64;
    let blocks = channels.div_ceil(block);
    tasks(batch * blocks, |task| {
        let (picture, first) = (task / blocks, task % blocks * block);
        let columns = (channels - first).min(block);
        // SAFETY: each picture and channel belongs to one task.
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
    assert!(dx.len() == input.len() && dy.len() == input.batch * channels);
    let pixels = height * width;
    let share = E::of(1.0 / pixels.max(1) as f64);
    let out = Shared::new(dx);
    parts(input.pixels(), (PART / channels.max(1)).max(1), |start, end| {
        for pixel in start..end {
            // SAFETY: each pixel belongs to one task.
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
