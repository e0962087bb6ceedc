//! The greatest number of each channel over the steps of a text, and the way back.

use super::{
    geometry::Window,
    parallel::{Shared, tasks},
    simd::{Isa, Kernel, Real, Simd, vectors},
};

/// Channels that a task takes at a time.
const CHANNELS: usize = 128;

/// The shape of what is looked at, `[batch, time, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) batch: usize,
    pub(crate) time: usize,
    pub(crate) channels: usize,
}

impl Steps {
    fn len(self) -> usize {
        self.batch * self.time * self.channels
    }

    fn check(self, lengths: &[usize]) {
        assert!(
            lengths.len() == self.batch && lengths.iter().all(|length| *length <= self.time),
            "lengths of other texts"
        );
        // Steps are numbered in the numbers that are computed with, and `f32` has no more whole ones in a row.
        assert!(self.time <= Window::MOST_POSITIONS, "{} steps", self.time);
    }
}

/// The greatest number of each channel in the first steps of each text, `[batch, channels]`, and the first step that has it; NaN
/// where there is one. A text without steps has 0, at step -1.
pub(crate) fn maximum<E: Real>(
    isa: Isa,
    steps: Steps,
    lengths: &[usize],
    x: &[E],
    y: &mut [E],
    places: &mut [E],
) {
    steps.check(lengths);
    let Steps { batch, time, channels } = steps;
    assert!(
        x.len() == steps.len() && y.len() == batch * channels && places.len() == y.len(),
        "a maximum over time of other shapes"
    );
    let (y, places) = (Shared::new(y), Shared::new(places));
    let cuts = channels.div_ceil(CHANNELS);
    tasks(batch * cuts, |task| {
        let (text, first) = (task / cuts.max(1), task % cuts.max(1) * CHANNELS);
        let kernel = Maximum {
            x: &x[text * time * channels..][..lengths[text] * channels],
            y: y.get().wrapping_add(text * channels),
            places: places.get().wrapping_add(text * channels),
            channels,
            first,
            end: (first + CHANNELS).min(channels),
        };
        // SAFETY: these channels of the text are written by one task, and the lengths were compared.
        unsafe { E::dispatch(isa, kernel) }
    });
}

struct Maximum<'a, E> {
    /// The steps of a text.
    x: &'a [E],
    y: *mut E,
    places: *mut E,
    channels: usize,
    first: usize,
    end: usize,
}

impl<E: Real> Kernel<E> for Maximum<'_, E> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<E = E>>(self) {
        let Self { x, y, places, channels, first, end } = self;
        let steps = x.len() / channels;
        // SAFETY: columns `first..end` lie within a step of `channels`, and within what is written.
        unsafe {
            vectors!(S, end - first, |at, left| {
                let at = first + at;
                let (mut best, mut place) = (S::zero(), S::constant(-1.0));
                if steps > 0 {
                    best = S::load_up_to(x.as_ptr().add(at), left);
                    place = S::zero();
                }
                for step in 1..steps {
                    let x = S::load_up_to(x.as_ptr().add(step * channels + at), left);
                    // The old one stays if it is no smaller, or NaN.
                    let next = S::select_ge(best, x, place, S::constant(step as f64));
                    place = S::select_ge(best, best, next, place);
                    let next = S::select_ge(best, x, best, x);
                    best = S::select_ge(best, best, next, best);
                }
                S::store_up_to(y.add(at), best, left);
                S::store_up_to(places.add(at), place, left);
            });
        }
    }
}

/// The gradient `[batch, time, channels]`: that of each maximum at its step, and zeros.
pub(crate) fn maximum_gradient<E: Real>(steps: Steps, dy: &[E], places: &[E], dx: &mut [E]) {
    let Steps { batch, time, channels } = steps;
    assert!(
        dx.len() == steps.len() && dy.len() == batch * channels && places.len() == dy.len(),
        "the gradient of a maximum over time of other shapes"
    );
    let target = Shared::new(dx);
    tasks(batch, |text| {
        let len = time * channels;
        // SAFETY: a text is written by one task.
        let dx = unsafe { std::slice::from_raw_parts_mut(target.get().add(text * len), len) };
        dx.fill(E::ZERO);
        let own = text * channels..(text + 1) * channels;
        for (channel, (dy, place)) in dy[own.clone()].iter().zip(&places[own]).enumerate() {
            // A text without steps has nowhere to put it.
            if *place >= E::ZERO {
                dx[place.wide() as usize * channels + channel] = *dy;
            }
        }
    });
}
