//! The gradient of depthwise weights, summed over the rows of the output.

use crate::{
    cpu::{
        geometry::Convolution,
        parallel::{Shared, tasks},
        simd::{Isa, Kernel, Real, Simd, vectors},
    },
    memory::Buffer,
};

/// The gradient `[channels, 1, height, width]` of the weights.
pub(crate) fn weight_gradient<E: Real>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    dy: &[E],
    dw: &mut [E],
) {
    let output = convolution.output();
    assert!(convolution.is_depthwise(), "{convolution} is not depthwise");
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
        // SAFETY: each part of the sums belongs to one task, and the maps are as long as their extents say.
        unsafe {
            let sums = shared.get().add(task * len);
            E::dispatch(
                isa,
                WeightSums { convolution, x: x.as_ptr(), dy: dy.as_ptr(), sums, start, end },
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

struct WeightSums<'a, E> {
    convolution: &'a Convolution,
    x: *const E,
    dy: *const E,
    /// `[position][channel]`
    sums: *mut E,
    start: usize,
    end: usize,
}

impl<E: Real> Kernel<E> for WeightSums<'_, E> {
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

impl<E: Real> WeightSums<'_, E> {
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
        // SAFETY: sources are checked, or lie within the row: neither a window's reach nor an extent wraps.
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
