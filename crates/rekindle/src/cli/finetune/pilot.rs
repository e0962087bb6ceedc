//! How long a network takes on this machine, timed with untrained parameters and a few of the user's own items.

use std::time::Instant;

use rekindle::{
    Device, ItemOf, ModelOf, Pictures,
    cards::Card,
    transfer::{Frozen, Phase, Recipe},
};

use super::super::{data::DataArguments, kind::Kind, weights::Place};

/// Items that a network is timed on.
const TIMED: usize = 8;
/// A step of training over an item costs as much as so many times going forward.
const STEP: f64 = 4.0;
/// The same where the upper stages alone are trained, the lower ones' features being kept.
const UPPER_STEP: f64 = 1.5;

/// A network that was timed.
pub(super) struct Timed {
    pub(super) card: &'static Card,
    pub(super) place: Place,
    /// Seconds an item, going forward.
    pub(super) forward: f64,
}

/// How many items there are.
#[derive(Clone, Copy)]
pub(super) struct Items {
    pub(super) all: f64,
    pub(super) train: f64,
}

impl Timed {
    /// Seconds that a recipe takes.
    pub(super) fn seconds(&self, recipe: &Recipe, items: Items) -> f64 {
        let phases = match recipe {
            Recipe::Train(plan) => plan.phases.as_slice(),
            Recipe::Probe | Recipe::AsIs => &[],
        };
        let steps: f64 = phases.iter().map(|phase| phase.epochs as f64 * epoch(phase, items)).sum();
        // Once through all of them, to solve for the head.
        self.forward * (items.all + steps)
    }

    pub(super) fn top1(&self) -> f64 {
        self.card.top1.unwrap_or(0.0)
    }
}

/// What an epoch costs, its validation included, in items that go forward.
fn epoch(phase: &Phase, items: Items) -> f64 {
    let step = match phase.frozen {
        // Of features that are kept.
        Frozen::Backbone => return 0.0,
        Frozen::Nothing | Frozen::Pretrained | Frozen::Matching(_) => STEP,
        Frozen::Stages(_) | Frozen::AllBut(_) | Frozen::Before(_) => UPPER_STEP,
    };
    step * items.train * phase.passes.get() as f64 + items.all - items.train
}

/// How many items there are, and a few of them from all over.
pub(super) fn gathered<M: Kind>(data: &DataArguments) -> anyhow::Result<(Items, Vec<ItemOf<M>>)> {
    let place = data.place::<M>()?;
    let kind = data.kind::<M>(&place)?;
    let rows = M::gathered(&place, kind)?.rows;
    let all = rows.len() as f64;
    let step = (rows.len() / TIMED).max(1);
    let some = rows.into_iter().step_by(step).take(TIMED).map(|row| row.item).collect();
    // What is validated and tested on is about a fifth, however it is divided.
    Ok((Items { all, train: 0.8 * all }, some))
}

/// Seconds an item that a network of this card takes to read and to go forward.
pub(super) fn forward(
    card: &Card,
    items: &[ItemOf<Pictures>],
    device: &Device,
) -> anyhow::Result<f64> {
    let labels = ["a", "b"].map(str::to_owned);
    let device = device.clone().inner();
    let (model, _) = ModelOf::<Pictures>::for_labels(Some(&card.name()), None, &labels, &device)?;
    // The first time parameters are made, and packed.
    model.embed(items.iter().cloned())?;
    let began = Instant::now();
    model.embed(items.iter().cloned())?;
    Ok(began.elapsed().as_secs_f64() / items.len().max(1) as f64)
}
