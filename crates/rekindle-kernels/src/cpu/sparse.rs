//! The gradients of a convolution over time whose output's gradient is nearly all zeros.
//!
//! Behind a maximum over time each channel of a text has one number that is not: Kim 2014, <https://arxiv.org/abs/1408.5882>.
//! Each such number adds a window of the input to the gradient of the weights, and a channel's weights to that of the input.

use super::{
    geometry::{Convolution, Gather},
    pack::transpose,
    parallel::{Shared, parts, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};
use crate::memory::Buffer;

/// One of so many numbers, or fewer, is not zero: otherwise the products of all are faster.
const RARE: usize = 8;
/// Output channels that a task takes at a time.
const CHANNELS: usize = 8;

/// A number of the output's gradient that is not zero.
#[derive(Debug, Clone, Copy)]
struct Entry<E> {
    pixel: u32,
    channel: u32,
    value: E,
}

/// Those numbers, pixel by pixel and channel by channel.
#[derive(Debug)]
pub(crate) struct Sparse<E> {
    entries: Vec<Entry<E>>,
    /// Where those of each picture begin, and where the last one's end.
    pictures: Vec<usize>,
}

/// Whether this is a convolution over time, and not one so large that its pixels cannot be numbered here.
fn suits(convolution: &Convolution) -> bool {
    let output = convolution.output();
    convolution.groups == 1
        && convolution.input.height == 1
        && output.height == 1
        && convolution.window.kernel[1] > 1
        && output.pixels().max(output.channels) <= u32::MAX as usize
}

impl<E: Real> Sparse<E> {
    /// The numbers of `dy` that are not zero, if the convolution suits and they are few enough.
    pub(crate) fn of(convolution: &Convolution, dy: &[E]) -> Option<Self> {
        let output = convolution.output();
        if !suits(convolution) || dy.is_empty() {
            return None;
        }
        assert_eq!(dy.len(), output.len(), "a gradient of another shape");
        let text = output.width * output.channels;
        let mut counts = vec![0; output.batch];
        let shared = Shared::new(&mut counts);
        let is_some = |value: &E| *value != E::ZERO;
        tasks(output.batch, |picture| {
            let found = dy[picture * text..][..text].iter().filter(|value| is_some(value)).count();
            // SAFETY: a picture's count is written by one task.
            unsafe { *shared.get().add(picture) = found };
        });
        let mut pictures = vec![0];
        for count in &counts {
            pictures.push(pictures[pictures.len() - 1] + count);
        }
        let total = pictures[output.batch];
        if total > dy.len() / RARE {
            return None;
        }
        let mut entries = vec![Entry { pixel: 0, channel: 0, value: E::ZERO }; total];
        let shared = Shared::new(&mut entries);
        tasks(output.batch, |picture| {
            let mut at = pictures[picture];
            for step in 0..output.width {
                let pixel = picture * output.width + step;
                let row = &dy[pixel * output.channels..][..output.channels];
                for (channel, &value) in row.iter().enumerate() {
                    if is_some(&value) {
                        let entry = Entry { pixel: pixel as u32, channel: channel as u32, value };
                        // SAFETY: a picture has as many entries as were counted, and they are written by one task.
                        unsafe { *shared.get().add(at) = entry };
                        at += 1;
                    }
                }
            }
        });
        Some(Self { entries, pictures })
    }

    /// The gradient `[out, in, 1, kernel]` of the weights.
    pub(crate) fn weight_gradient(
        &self,
        isa: Isa,
        convolution: &Convolution,
        x: &[E],
        dw: &mut [E],
    ) {
        assert_eq!(x.len(), convolution.input.len(), "an input of another shape");
        assert_eq!(dw.len(), convolution.weights(), "weights of another shape");
        let (inputs, outputs) = (convolution.input.channels, convolution.channels_out);
        let positions = convolution.window.positions();
        // The entries of each channel, in their order.
        let mut starts = vec![0; outputs + 1];
        self.entries.iter().for_each(|entry| starts[entry.channel as usize + 1] += 1);
        for channel in 0..outputs {
            starts[channel + 1] += starts[channel];
        }
        let (mut next, mut order) = (starts.clone(), vec![0; self.entries.len()]);
        for (index, entry) in self.entries.iter().enumerate() {
            let next = &mut next[entry.channel as usize];
            order[*next] = index;
            *next += 1;
        }
        let windows = Windows::new(convolution);
        let row = inputs * positions;
        let target = Shared::new(dw);
        parts(outputs, CHANNELS, |first, end| {
            let mut sums = Buffer::<E>::any(row);
            for channel in first..end {
                sums.fill(E::ZERO);
                for &index in &order[starts[channel]..starts[channel + 1]] {
                    let Entry { pixel, value, .. } = self.entries[index];
                    windows.each(pixel as usize, |position, source| {
                        let x = &x[source * inputs..][..inputs];
                        let sums = &mut sums[position * inputs..][..inputs];
                        // SAFETY: the kernel holds slices of one length.
                        unsafe { E::dispatch(isa, Add { value, x, sums }) };
                    });
                }
                // SAFETY: the weights of each output are written by one task, and there are as many as sums.
                unsafe {
                    let weights = target.get().add(channel * row);
                    transpose(sums.as_ptr(), [positions, inputs], inputs, weights, positions);
                }
            }
        });
    }

    /// The gradient of the input, with `residual`, what is known of it already, added.
    pub(crate) fn input_gradient(
        &self,
        isa: Isa,
        convolution: &Convolution,
        weights: &[E],
        residual: Option<&[E]>,
        dx: &mut [E],
    ) {
        assert_eq!(dx.len(), convolution.input.len(), "an input of another shape");
        assert_eq!(weights.len(), convolution.weights(), "weights of another shape");
        assert!(residual.is_none_or(|residual| residual.len() == dx.len()), "another shape");
        let (inputs, outputs) = (convolution.input.channels, convolution.channels_out);
        let positions = convolution.window.positions();
        let row = inputs * positions;
        // `[out, kernel, in]`
        let mut turned = Buffer::<E>::any(weights.len());
        let shared = Shared::new(&mut turned);
        parts(outputs, CHANNELS, |first, end| {
            for channel in first..end {
                let weights = &weights[channel * row..][..row];
                // SAFETY: the weights of each output are written by one task, and there are as many here as there.
                unsafe {
                    let turned = shared.get().add(channel * row);
                    transpose(weights.as_ptr(), [inputs, positions], positions, turned, inputs);
                }
            }
        });
        let windows = Windows::new(convolution);
        let text = convolution.input.width * inputs;
        let target = Shared::new(dx);
        tasks(convolution.input.batch, |picture| {
            let own = picture * text..(picture + 1) * text;
            // SAFETY: a picture is written by one task.
            let dx = unsafe { std::slice::from_raw_parts_mut(target.get().add(own.start), text) };
            match residual {
                Some(residual) => dx.copy_from_slice(&residual[own.clone()]),
                None => dx.fill(E::ZERO),
            }
            for entry in &self.entries[self.pictures[picture]..self.pictures[picture + 1]] {
                let Entry { pixel, channel, value } = *entry;
                windows.each(pixel as usize, |position, source| {
                    let x = &turned[channel as usize * row + position * inputs..][..inputs];
                    let sums = &mut dx[source * inputs - own.start..][..inputs];
                    // SAFETY: the kernel holds slices of one length.
                    unsafe { E::dispatch(isa, Add { value, x, sums }) };
                });
            }
        });
    }
}

/// Which pixels of the input each pixel of the output sees.
struct Windows {
    gather: Gather,
    width: usize,
}

impl Windows {
    fn new(convolution: &Convolution) -> Self {
        Self { gather: Gather::forward(convolution), width: convolution.input.width }
    }

    /// Calls `visit(position, pixel)` for those that are there.
    #[inline]
    fn each(&self, pixel: usize, mut visit: impl FnMut(usize, usize)) {
        let Self { gather, width } = self;
        let (picture, step) = (pixel / gather.targets[1], pixel % gather.targets[1]);
        for position in &gather.positions {
            let source = (step * gather.step[1]) as isize + position.offset[1];
            // Below zero is beyond every size.
            if position.offset[0] == 0 && (source as usize) < *width {
                visit(position.index, picture * width + source as usize);
            }
        }
    }
}

/// `sums += value * x`
struct Add<'a, E> {
    value: E,
    x: &'a [E],
    sums: &'a mut [E],
}

impl<E: Real> Kernel<E> for Add<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { value, x, sums } = self;
        // SAFETY: no more than the shorter is read and written.
        unsafe {
            let value = S::splat(value);
            vectors!(S, sums.len().min(x.len()), |at, left| {
                let sum = S::load_up_to(sums.as_ptr().add(at), left);
                let sum = S::fma(value, S::load_up_to(x.as_ptr().add(at), left), sum);
                S::store_up_to(sums.as_mut_ptr().add(at), sum, left);
            });
        }
    }
}
