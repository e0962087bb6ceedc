//! What the argument of an activation is made of on the way back, and where that lies in memory.

use crate::cpu::{
    activation::Activation,
    parallel::Shared,
    simd::{Real, Simd},
};

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

/// What an argument is made of, known when a kernel is compiled: [`Pointers::kind`].
pub(super) mod kind {
    /// It was kept.
    pub(in crate::cpu::slope) const KEPT: u8 = 0;
    /// The norm's output.
    pub(in crate::cpu::slope) const NORMED: u8 = 1;
    /// The norm's output and what was added.
    pub(in crate::cpu::slope) const ADDED: u8 = 2;
    /// The value was kept, and there is a norm behind.
    pub(in crate::cpu::slope) const VALUE: u8 = 3;
}

/// Pointers to what an argument is made of.
#[derive(Debug)]
pub(super) struct Pointers<E> {
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
    pub(super) fn kind(&self) -> u8 {
        match (self.normed.is_some(), self.kept.is_some(), self.residual.is_some()) {
            (false, ..) => kind::KEPT,
            (true, true, _) => kind::VALUE,
            (true, false, true) => kind::ADDED,
            (true, false, false) => kind::NORMED,
        }
    }

    pub(super) fn new(
        activation: Activation,
        argument: Argument<'_, E>,
        channels: usize,
        len: usize,
    ) -> Self {
        let mut pointers = Self { activation, kept: None, normed: None, residual: None };
        let map = |values: &[E]| {
            assert_eq!(values.len(), len, "a map of another shape");
            Shared::read(values)
        };
        match argument {
            Argument::Kept(kept) => pointers.kept = Some(map(kept)),
            Argument::Normed { y, scale, shift, mean, rest } => {
                assert!(
                    [scale, shift, mean].iter().all(|values| values.len() == channels),
                    "a norm of other channels"
                );
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
    ///
    /// # Safety
    ///
    /// The maps have so many.
    pub(super) unsafe fn at(mut self, first: usize) -> Self {
        let at = |map: Shared<E>| {
            // SAFETY: by contract.
            Shared::from(unsafe { map.get().add(first) })
        };
        self.kept = self.kept.map(at);
        self.residual = self.residual.map(at);
        self.normed = self.normed.map(|[y, scale, shift, mean]| [at(y), scale, shift, mean]);
        self
    }

    /// The same as plain pointers, null where there is nothing.
    pub(super) fn plain(&self) -> Plain<E> {
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
pub(super) struct Plain<E> {
    activation: Activation,
    kept: *const E,
    y: *const E,
    pub(super) scale: *const E,
    shift: *const E,
    mean: *const E,
    residual: *const E,
}

impl<E: Real> Plain<E> {
    /// The slope at a number of the map, and the distance of `y` from its mean.
    ///
    /// # Safety
    ///
    /// The map has the number, and what the kind names is there.
    #[inline(always)]
    pub(super) unsafe fn slope<S: Simd<E = E>, const KIND: u8>(
        &self,
        pixel: usize,
        at: usize,
        left: usize,
    ) -> [S::V; 2] {
        // SAFETY: by contract.
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
