//! One step of an optimizer over one parameter: everything in one pass, on all threads.

use super::{
    parallel::{Shared, parts},
    simd::{Isa, Kernel, Real, Simd, vectors},
};

/// Numbers that a task takes at a time.
const PART: usize = 32 << 10;

/// What a step does with a gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Update {
    /// `m = momentum * m + g + decay * w`, and `w -= lr * m`, or `lr * (g + decay * w + momentum * m)`
    /// with Nesterov's momentum.
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Share of `m` that is kept.
        momentum: f64,
        /// Penalty on the square of weights.
        decay: f64,
        /// Whether momentum looks ahead.
        nesterov: bool,
    },
    /// Loshchilov & Hutter 2017, <https://arxiv.org/abs/1711.05101>.
    AdamW {
        /// Learning rate.
        lr: f64,
        /// Shares of the mean and the mean square that are kept.
        betas: [f64; 2],
        /// Added to the root of the mean square.
        epsilon: f64,
        /// Decay of weights, times the learning rate.
        decay: f64,
        /// Steps taken, this one included.
        step: i32,
    },
    /// Chen et al. 2023, <https://arxiv.org/abs/2302.06675>: a step of `lr` along the sign of
    /// `betas[0] * m + (1 - betas[0]) * g`, then `m = betas[1] * m + (1 - betas[1]) * g`.
    Lion {
        /// Learning rate.
        lr: f64,
        /// Share of `m` in the step, and share of it that is kept.
        betas: [f64; 2],
        /// Decay of weights, times the learning rate.
        decay: f64,
    },
}

/// Moves `w` along its gradient `g`. `m` and `v` are the optimizer's state: both are needed for
/// [`Update::AdamW`], `m` alone for the others, and neither for [`Update::Sgd`] without momentum.
pub(crate) fn update<E: Real>(
    isa: Isa,
    update: Update,
    w: &mut [E],
    g: &[E],
    m: &mut [E],
    v: &mut [E],
) {
    assert!(g.len() == w.len(), "a gradient of another shape");
    assert!(
        (m.is_empty() || m.len() == w.len()) && (v.is_empty() || v.len() == w.len()),
        "a state of another shape"
    );
    let (has_m, has_v) = (!m.is_empty(), !v.is_empty());
    let needed = match update {
        Update::Sgd { .. } => true,
        Update::AdamW { .. } => has_m && has_v,
        Update::Lion { .. } => has_m,
    };
    assert!(w.is_empty() || needed, "an optimizer without its state");
    let len = w.len();
    let (w, g, m, v) = (Shared::new(w), Shared::read(g), Shared::new(m), Shared::new(v));
    parts(len, PART, |start, end| {
        // SAFETY: each number belongs to one task, and what is there is as long as the weights.
        unsafe {
            E::dispatch(
                isa,
                Step {
                    update,
                    w: w.get().add(start),
                    g: g.get().add(start),
                    m: has_m.then(|| m.get().add(start)),
                    v: has_v.then(|| v.get().add(start)),
                    len: end - start,
                },
            );
        }
    });
}

struct Step<E> {
    update: Update,
    w: *mut E,
    g: *const E,
    m: Option<*mut E>,
    v: Option<*mut E>,
    len: usize,
}

impl<E: Real> Kernel<E> for Step<E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        // SAFETY: by what `update` says of the pointers.
        unsafe {
            match (self.update, self.m, self.v) {
                (Update::Sgd { lr, momentum, decay, nesterov }, m, _) => {
                    let [lr, momentum, decay] = [-lr, momentum, decay].map(E::of);
                    let (lr, momentum, decay) = (S::splat(lr), S::splat(momentum), S::splat(decay));
                    vectors!(S, self.len, |at, left| {
                        let w = S::load_up_to(self.w.add(at), left);
                        let g = S::fma(w, decay, S::load_up_to(self.g.add(at), left));
                        let mut step = g;
                        if let Some(m) = m {
                            let next = S::fma(S::load_up_to(m.add(at), left), momentum, g);
                            S::store_up_to(m.add(at), next, left);
                            step = if nesterov { S::fma(next, momentum, g) } else { next };
                        }
                        S::store_up_to(self.w.add(at), S::fma(step, lr, w), left);
                    });
                }
                (Update::AdamW { lr, betas: [a, b], epsilon, decay, step }, Some(m), Some(v)) => {
                    // w (1 - lr decay) - lr / (1 - a^t) m / (sqrt(v / (1 - b^t)) + epsilon)
                    let keep = S::constant(1.0 - lr * decay);
                    let rate = S::constant(-lr / (1.0 - a.powi(step)));
                    let root = S::constant(1.0 / (1.0 - b.powi(step)).sqrt());
                    let epsilon = S::constant(epsilon);
                    let (a, new_a) = (S::constant(a), S::constant(1.0 - a));
                    let (b, new_b) = (S::constant(b), S::constant(1.0 - b));
                    vectors!(S, self.len, |at, left| {
                        let g = S::load_up_to(self.g.add(at), left);
                        let next_m = S::fma(S::load_up_to(m.add(at), left), a, S::mul(g, new_a));
                        let square = S::mul(S::mul(g, g), new_b);
                        let next_v = S::fma(S::load_up_to(v.add(at), left), b, square);
                        S::store_up_to(m.add(at), next_m, left);
                        S::store_up_to(v.add(at), next_v, left);
                        let below = S::fma(S::sqrt(next_v), root, epsilon);
                        let step = S::div(S::mul(next_m, rate), below);
                        let w = S::load_up_to(self.w.add(at), left);
                        S::store_up_to(self.w.add(at), S::fma(w, keep, step), left);
                    });
                }
                (Update::Lion { lr, betas: [a, b], decay }, Some(m), _) => {
                    let keep = S::constant(1.0 - lr * decay);
                    let (zero, forth, back) = (S::zero(), S::constant(-lr), S::constant(lr));
                    let (a, new_a) = (S::constant(a), S::constant(1.0 - a));
                    let (b, new_b) = (S::constant(b), S::constant(1.0 - b));
                    vectors!(S, self.len, |at, left| {
                        let g = S::load_up_to(self.g.add(at), left);
                        let old = S::load_up_to(m.add(at), left);
                        let ahead = S::fma(old, a, S::mul(g, new_a));
                        S::store_up_to(m.add(at), S::fma(old, b, S::mul(g, new_b)), left);
                        // The sign of zero is zero, and there is no step.
                        let below = S::select_gt(zero, ahead, back, zero);
                        let step = S::select_gt(ahead, zero, forth, below);
                        let w = S::load_up_to(self.w.add(at), left);
                        S::store_up_to(self.w.add(at), S::fma(w, keep, step), left);
                    });
                }
                _ => {}
            }
        }
    }
}
