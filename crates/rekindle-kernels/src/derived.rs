//! What is computed from parameters, and outlives a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::{backend::Flex, prelude::*};
use burn_flex::FlexTensor;

/// A tensor's very memory, held, so that nobody writes to it: with two owners Burn copies before it writes.
pub(crate) struct Held(FlexTensor);

impl Held {
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        Self(tensor)
    }

    /// Whether it is the same memory, read in the same order.
    pub(crate) fn is(&self, other: &FlexTensor) -> bool {
        Arc::ptr_eq(&self.0.data_arc(), &other.data_arc()) && self.0.layout() == other.layout()
    }
}

/// Which tensors something is computed from, known by their memory: on Flex and without a graph, where a tensor has one that
/// stays as it is.
#[derive(Default)]
pub struct Sources {
    tensors: Vec<FlexTensor>,
    unknown: bool,
}

impl Sources {
    /// One more.
    pub fn and<const D: usize>(mut self, tensor: &Tensor<D>) -> Self {
        match tensor.clone().try_into_primitive::<Flex>() {
            Ok(tensor) => self.tensors.push(tensor),
            Err(_) => self.unknown = true,
        }
        self
    }
}

/// Something computed from a layer's parameters, kept beside them and used only while they are the very ones.
///
/// Clones share what is kept.
pub struct Derived<T>(Arc<Mutex<Option<Kept<T>>>>);

struct Kept<T> {
    sources: Vec<Held>,
    value: T,
}

impl<T: Clone> Derived<T> {
    /// What is kept of these tensors, or what `derive` makes of them; of tensors that nothing is known of, nothing is kept.
    pub fn get(&self, sources: Sources, derive: impl FnOnce() -> T) -> T {
        let Sources { tensors, unknown } = sources;
        if unknown {
            return derive();
        }
        if let Some(kept) = &*self.lock()
            && kept.sources.len() == tensors.len()
            && kept.sources.iter().zip(&tensors).all(|(held, tensor)| held.is(tensor))
        {
            return kept.value.clone();
        }
        // Not under the lock: what derives may wait for tasks, and be given one that wants it.
        let value = derive();
        let sources = tensors.into_iter().map(Held::new).collect();
        *self.lock() = Some(Kept { sources, value: value.clone() });
        value
    }
}

impl<T> Derived<T> {
    /// Forgets what is kept.
    pub fn clear(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept<T>>> {
        // Whoever panicked left what was there before, or nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Derived<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> std::fmt::Debug for Derived<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.lock().is_some() { "Derived" } else { "Derived(none)" })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The same memory is computed with once, other memory anew, and a tensor that is held is not written to.
    #[test]
    fn what_is_kept_is_of_the_very_tensors() {
        let (device, derived, times) = (Device::flex(), Derived::default(), Cell::new(0));
        let sum = |tensor: &Tensor<1>, other: &Tensor<2>| {
            derived.get(Sources::default().and(tensor).and(other), || {
                times.set(times.get() + 1);
                (tensor.clone().sum() + other.clone().sum()).into_scalar::<f32>()
            })
        };
        let (ones, other) = (Tensor::ones([3], &device), Tensor::ones([2, 2], &device));
        assert_eq!((sum(&ones, &other), sum(&ones.clone(), &other)), (7.0, 7.0));
        assert_eq!(times.get(), 1);
        let more = ones + 1.0;
        assert_eq!((sum(&more, &other), times.get()), (10.0, 2));
        assert_eq!((sum(&more, &other.clone().transpose()), times.get()), (10.0, 3));
        derived.clear();
        assert_eq!((sum(&more, &other), times.get()), (10.0, 4));
        let tracked = Tensor::from_inner(more);
        assert_eq!((sum(&tracked, &other), sum(&tracked, &other), times.get()), (10.0, 10.0, 6));
    }
}
