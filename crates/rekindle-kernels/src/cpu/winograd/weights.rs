//! Weights, transformed and packed; and their gradient, transformed back.

use super::{points::on_both_axes, squares::REACH};
use crate::{
    cpu::{
        geometry::{Convolution, Direction},
        layout::{Layout, Panel},
        parallel::{Shared, tasks},
        simd::{Kernel, Real, Simd},
    },
    memory::Buffer,
};

/// Weights in a window.
pub(super) const WINDOW: usize = 9;
/// Channels that are transformed at a time.
const CHANNELS: usize = 8;

/// Packs weights `[out, in, 3, 3]`, each output channel times its `scale`, as `[panel][36][depth][width]`.
pub(crate) fn pack<E: Real>(
    convolution: &Convolution,
    direction: Direction,
    layout: &Layout,
    weights: &[E],
    scale: Option<&[E]>,
    packed: Shared<E>,
) {
    let panels: Vec<Panel> = layout.panels(0).collect();
    let blocks = layout.channels.div_ceil(CHANNELS);
    tasks(panels.len() * blocks, |task| {
        let (panel, first) = (panels[task / blocks], task % blocks * CHANNELS);
        let channels = (layout.channels - first).min(CHANNELS);
        let width = panel.vectors * E::lanes(layout.isa);
        let mut windows = Buffer::<E>::zeros(channels * WINDOW * width);
        for channel in 0..channels {
            let windows = &mut windows[channel * WINDOW * width..][..WINDOW * width];
            for column in 0..panel.columns {
                let (here, there) = (panel.column + column, first + channel);
                let [output, input] = match direction {
                    Direction::Forward => [here, there],
                    Direction::Backward => [there, here],
                };
                let scale = scale.map_or(E::ONE, |scale| scale[output]);
                let from = (output * convolution.input.channels + input) * WINDOW;
                for (index, &weight) in weights[from..from + WINDOW].iter().enumerate() {
                    let place = match direction {
                        Direction::Forward => index,
                        // Turned around.
                        Direction::Backward => WINDOW - 1 - index,
                    };
                    windows[place * width + column] = weight * scale;
                }
            }
        }
        // SAFETY: each channel of each panel is written by one task.
        unsafe {
            let target = packed.get().add(panel.start + first * width);
            let position = layout.channels * width;
            let windows = windows.as_ptr();
            E::dispatch(layout.isa, Transform { windows, channels, width, target, position });
        }
    });
}

/// Transforms windows, G g Gᵀ.
struct Transform<E> {
    /// `[channels][9][width]`
    windows: *const E,
    channels: usize,
    width: usize,
    /// `[36][..][width]`
    target: *mut E,
    /// From one position to the next.
    position: usize,
}

impl<E: Real> Kernel<E> for Transform<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { windows, channels, width, target, position } = self;
        // SAFETY: by what `pack` says of the pointers; the width is a number of vectors.
        unsafe {
            for channel in 0..channels {
                for at in (0..width).step_by(S::LANES) {
                    let window = windows.add(channel * WINDOW * width + at);
                    let mut g = [[S::zero(); 3]; 3];
                    for row in 0..3 {
                        for place in 0..3 {
                            g[row][place] = S::load(window.add((row * 3 + place) * width));
                        }
                    }
                    let u = on_both_axes!(S, weights, 3 => 6, g);
                    let target = target.add(channel * width + at);
                    for row in 0..REACH {
                        for place in 0..REACH {
                            S::store(target.add((row * REACH + place) * position), u[row][place]);
                        }
                    }
                }
            }
        }
    }
}

/// Transforms the sums of a panel back, Gᵀ u G, and writes them where the weights are.
pub(super) struct Finish<E> {
    /// `[36][..][outputs][width]`, the panel's first.
    pub(super) sums: *const E,
    /// From one position to the next.
    pub(super) position: usize,
    /// From one output to the next.
    pub(super) width: usize,
    pub(super) outputs: usize,
    /// Channels that exist.
    pub(super) columns: usize,
    /// The gradient `[out, in, 3, 3]` from the panel's first channel on.
    pub(super) target: *mut E,
    /// Input channels.
    pub(super) channels: usize,
}

impl<E: Real> Kernel<E> for Finish<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { sums, position, width, outputs, columns, target, channels } = self;
        // SAFETY: by what `weight_gradient` says of the pointers.
        unsafe {
            for output in 0..outputs {
                for at in (0..width).step_by(S::LANES) {
                    let sums = sums.add(output * width + at);
                    let mut u = [[S::zero(); REACH]; REACH];
                    for row in 0..REACH {
                        for place in 0..REACH {
                            u[row][place] = S::load(sums.add((row * REACH + place) * position));
                        }
                    }
                    let g = on_both_axes!(S, weight_gradients, 6 => 3, u);
                    let mut lanes = [[E::ZERO; 16]; WINDOW];
                    for index in 0..WINDOW {
                        S::store(lanes[index].as_mut_ptr(), g[index / 3][index % 3]);
                    }
                    let target = target.add((output * channels + at) * WINDOW);
                    for lane in 0..columns.saturating_sub(at).min(S::LANES) {
                        for index in 0..WINDOW {
                            *target.add(lane * WINDOW + index) = lanes[index][lane];
                        }
                    }
                }
            }
        }
    }
}
