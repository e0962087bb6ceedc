//! Packed weights that outlive a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_flex::FlexTensor;

use crate::{
    cpu::{Convolution, Direction, Isa, Packed},
    derived::Held,
};

/// Weights in the order in which the kernels read them, kept beside a layer's parameters.
///
/// Clones share what is kept. It is used only while the layer's weights are the very ones that were
/// packed, and dropped when the layer trains.
#[derive(Clone, Default)]
pub struct PackedWeights(Arc<Mutex<Option<Kept>>>);

struct Kept {
    weight: Held,
    packed: Arc<Packed<f32>>,
}

impl PackedWeights {
    /// Forgets what is kept.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    /// The weights packed for going forward, from before or as `pack` does it.
    pub(crate) fn get(
        &self,
        isa: Isa,
        convolution: &Convolution,
        weight: &FlexTensor,
        pack: impl FnOnce() -> Packed<f32>,
    ) -> Arc<Packed<f32>> {
        if let Some(kept) = &*self.lock() {
            let fits = kept.packed.fits(isa, convolution, Direction::Forward);
            if fits && kept.weight.is(weight) {
                return Arc::clone(&kept.packed);
            }
        }
        // Not under the lock: packing waits for tasks, and whoever waits may be given another's task that wants it.
        let packed = Arc::new(pack());
        let weight = Held::new(weight.clone());
        *self.lock() = Some(Kept { weight, packed: Arc::clone(&packed) });
        packed
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        // Whoever panicked left what was there before, or nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for PackedWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.lock().is_some() { "PackedWeights" } else { "PackedWeights(none)" })
    }
}
