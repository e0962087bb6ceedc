//! Maximum, average and global pooling, and their gradients.

use super::{
    geometry::{Convolution, Extent, Gather, Window},
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};

/// Numbers of output that a task computes, or one row of pixels.
const PART: usize = 16 << 10;

/// A pool as a convolution that has a channel of output for each of input.
fn shape(input: Extent, window: Window) -> Convolution {
    Convolution::new(input, input.channels, input.channels.max(1), window)
}

/// What a pool makes of a map.
pub(crate) fn output(input: Extent, window: Window) -> Extent {
    shape(input, window).output()
}

/// The greatest number of each window and channel, `[batch, height', width', channels]`.
///
/// Where `places` are wanted they say which position of the window it was: the first of equals, or of those
/// that are NaN.
pub(crate) fn maximum<E: Real>(
    isa: Isa,
    input: Extent,
    window: Window,
    x: &[E],
    y: &mut [E],
    places: Option<&mut [E]>,
) {
    let pool = shape(input, window);
    let output = pool.output();
    assert_eq!(x.len(), input.len(), "an input of another shape");
    assert_eq!(y.len(), output.len(), "an output of another shape");
    assert!(
        places.as_ref().is_none_or(|places| places.len() == y.len()),
        "places of another shape"
    );
    let gather = Gather::forward(&pool);
    let channels = input.channels;
    let (x, y, places) = (Shared::read(x), Shared::new(y), places.map(Shared::new));
    parts(output.pixels(), (PART / channels.max(1)).max(1), |start, end| {
        let mut sources = Vec::with_capacity(gather.positions.len());
        gather.each(start, end, |i, picture, row, column| {
            let at = (start + i) * channels;
            look_up(&gather, input, [picture, row, column], &mut sources);
            // SAFETY: each pixel belongs to one task, and sources lie within the map, of which no product wraps.
            unsafe {
                E::dispatch(
                    isa,
                    Maximum {
                        x: x.get(),
                        sources: &sources,
                        y: y.get().add(at),
                        places: places.map(|places| places.get().add(at)),
                        channels,
                    },
                );
            }
        });
    });
}

/// Where the positions of a target's window that lie in the map begin, and which they are.
fn look_up(
    gather: &Gather,
    from: Extent,
    [picture, row, column]: [usize; 3],
    sources: &mut Vec<(usize, usize)>,
) {
    sources.clear();
    for position in &gather.positions {
        let v = (row * gather.step[0]) as isize + position.offset[0];
        let h = (column * gather.step[1]) as isize + position.offset[1];
        // Below zero is beyond every size.
        if (v as usize) < from.height && (h as usize) < from.width {
            let pixel = (picture * from.height + v as usize) * from.width + h as usize;
            sources.push((pixel * from.channels, position.index));
        }
    }
}

struct Maximum<'a, E> {
    x: *const E,
    sources: &'a [(usize, usize)],
    y: *mut E,
    places: Option<*mut E>,
    channels: usize,
}

impl<E: Real> Kernel<E> for Maximum<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `maximum` says of the pointers.
        unsafe {
            let Some(&(first, index)) = self.sources.first() else {
                // Padding alone, which is less than every number; what was in the memory before is nobody's business.
                vectors!(S, self.channels, |at, left| {
                    S::store_up_to(self.y.add(at), S::constant(f64::NEG_INFINITY), left);
                    if let Some(places) = self.places {
                        S::store_up_to(places.add(at), S::constant(-1.0), left);
                    }
                });
                return;
            };
            vectors!(S, self.channels, |at, left| {
                let mut best = S::load_up_to(self.x.add(first + at), left);
                let mut place = S::constant(index as f64);
                for &(source, index) in &self.sources[1..] {
                    let x = S::load_up_to(self.x.add(source + at), left);
                    // The old one stays if it is no smaller, or NaN.
                    let here = S::constant(index as f64);
                    let next = S::select_ge(best, x, place, here);
                    place = S::select_ge(best, best, next, place);
                    let next = S::select_ge(best, x, best, x);
                    best = S::select_ge(best, best, next, best);
                }
                S::store_up_to(self.y.add(at), best, left);
                if let Some(places) = self.places {
                    S::store_up_to(places.add(at), place, left);
                }
            });
        }
    }
}

/// The gradient of the input of [`maximum`]: each window's goes to the place of its maximum.
pub(crate) fn maximum_gradient<E: Real>(
    isa: Isa,
    input: Extent,
    window: Window,
    dy: &[E],
    places: &[E],
    dx: &mut [E],
) {
    let pool = shape(input, window);
    let output = pool.output();
    assert_eq!(dx.len(), input.len(), "an input of another shape");
    assert_eq!(dy.len(), output.len(), "a gradient of another shape");
    assert_eq!(places.len(), dy.len(), "places of another shape");
    let channels = input.channels;
    let (dy, places, dx) = (Shared::read(dy), Shared::read(places), Shared::new(dx));
    for gather in Gather::backward(&pool) {
        parts(gather.count(input.batch), (PART / channels.max(1)).max(1), |start, end| {
            let mut sources = Vec::with_capacity(gather.positions.len());
            gather.each(start, end, |_, picture, row, column| {
                let y = gather.origin[0] + gather.spacing[0] * row;
                let x = gather.origin[1] + gather.spacing[1] * column;
                let pixel = (picture * input.height + y) * input.width + x;
                look_up(&gather, output, [picture, row, column], &mut sources);
                // SAFETY: each pixel belongs to one task, and sources lie within the map, of which no product wraps.
                unsafe {
                    E::dispatch(
                        isa,
                        MaximumGradient {
                            dy: dy.get(),
                            places: places.get(),
                            sources: &sources,
                            dx: dx.get().add(pixel * channels),
                            channels,
                        },
                    );
                }
            });
        });
    }
}

struct MaximumGradient<'a, E> {
    dy: *const E,
    places: *const E,
    sources: &'a [(usize, usize)],
    dx: *mut E,
    channels: usize,
}

impl<E: Real> Kernel<E> for MaximumGradient<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `maximum_gradient` says of the pointers.
        unsafe {
            vectors!(S, self.channels, |at, left| {
                let mut sum = S::zero();
                for &(source, index) in self.sources {
                    let place = S::load_up_to(self.places.add(source + at), left);
                    let dy = S::load_up_to(self.dy.add(source + at), left);
                    // Places are whole numbers: nearer than a half is equal.
                    let apart = S::sub(place, S::constant(index as f64));
                    let near = S::select_gt(S::constant(0.25), S::mul(apart, apart), dy, S::zero());
                    sum = S::add(sum, near);
                }
                S::store_up_to(self.dx.add(at), sum, left);
            });
        }
    }
}

/// What the sum of a window is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Divisor {
    /// The pixels that exist.
    Pixels,
    /// The positions of the window, padding included.
    Positions,
}

/// The sum of each window and channel over the pixels that exist, divided.
pub(crate) fn average<E: Real>(
    input: Extent,
    window: Window,
    divisor: Divisor,
    x: &[E],
    y: &mut [E],
) {
    let pool = shape(input, window);
    let output = pool.output();
    assert_eq!(x.len(), input.len(), "an input of another shape");
    assert_eq!(y.len(), output.len(), "an output of another shape");
    let gather = Gather::forward(&pool);
    let shares = Shares::new(input, window, divisor);
    let channels = input.channels;
    let out = Shared::new(y);
    let row = (PART / channels.max(1)).max(1);
    parts(output.pixels(), row, |start, end| {
        gather.each(start, end, |i, picture, row, column| {
            // SAFETY: each pixel belongs to one task, and lies within the map.
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
pub(crate) fn average_gradient<E: Real>(
    input: Extent,
    window: Window,
    divisor: Divisor,
    dy: &[E],
    dx: &mut [E],
) {
    let pool = shape(input, window);
    let output = pool.output();
    assert_eq!(dx.len(), input.len(), "an input of another shape");
    assert_eq!(dy.len(), output.len(), "a gradient of another shape");
    let shares = Shares::new(input, window, divisor);
    let channels = input.channels;
    let out = Shared::new(dx);
    for gather in Gather::backward(&pool) {
        let row = (PART / channels.max(1)).max(1);
        parts(gather.count(input.batch), row, |start, end| {
            gather.each(start, end, |_, picture, row, column| {
                let y = gather.origin[0] + gather.spacing[0] * row;
                let x = gather.origin[1] + gather.spacing[1] * column;
                let pixel = (picture * input.height + y) * input.width + x;
                // SAFETY: each pixel belongs to one task, and lies within the map.
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

/// One over what the sum of each window is divided by.
struct Shares([Vec<usize>; 2]);

impl Shares {
    fn new(input: Extent, window: Window, divisor: Divisor) -> Self {
        let counts = window.count([input.height, input.width]);
        let sizes = [input.height, input.width];
        Self([0, 1].map(|axis| {
            let pixels = |index: usize| {
                if divisor == Divisor::Positions {
                    return window.kernel[axis];
                }
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
