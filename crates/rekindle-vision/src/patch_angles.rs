//! Rotary positions in two axes, as DINOv3 has them (<https://arxiv.org/abs/2508.10104>, section 3.2): angles for any grid.

use std::sync::{Arc, Mutex, PoisonError};

use burn::{prelude::*, tensor::DType};
use rekindle_layers::Rotary;

use crate::flow::Patches;

/// The angles for the last grid that was asked for: a network's blocks share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Angles(Arc<Mutex<Option<(Key, Rotary)>>>);

/// Tokens before the patches, rows and columns, channels of a head; where and what the numbers are.
type Key = ([usize; 4], Device, DType);

impl Angles {
    /// Those for heads of `width` channels.
    pub(crate) fn of(&self, patches: &Patches, width: usize) -> Rotary {
        let Patches { hidden, prefix, grid: [rows, columns] } = patches;
        // Constants, which a graph may meet, and which must not make one.
        let device = hidden.device().inner();
        let key = ([*prefix, *rows, *columns, width], device, hidden.dtype());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((same, rotary)) if *same == key => rotary.clone(),
            _ => {
                let rotary = rotary(key.0, (&key.1, key.2));
                *kept = Some((key, rotary.clone()));
                rotary
            }
        }
    }
}

/// The longest period, in lengths of half a picture.
const PERIOD: f64 = 100.0;

/// Half of a head's pairs are turned by a patch's row, half by its column; tokens are not.
fn rotary([prefix, rows, columns, width]: [usize; 4], options: (&Device, DType)) -> Rotary {
    let of_axis = width / 4;
    // Between -1 and 1, at the middle of a patch.
    let place = |index: usize, count: usize| (2 * index + 1) as f64 / count as f64 - 1.0;
    let angle = |token: usize, pair: usize| {
        let Some(patch) = token.checked_sub(prefix) else { return 0.0 };
        let place = match pair < of_axis {
            true => place(patch / columns, rows),
            false => place(patch % columns, columns),
        };
        let period = PERIOD.powf((pair % of_axis.max(1)) as f64 / of_axis as f64);
        std::f64::consts::TAU * place / period
    };
    Rotary::of_angles([prefix + rows * columns, 2 * of_axis], angle, options)
}
