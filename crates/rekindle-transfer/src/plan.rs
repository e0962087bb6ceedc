//! What is trained when, and how fast: phases as data, in TOML for people and in JSON with weights.
//!
//! ```toml
//! lora = { rank = 8, alpha = 16 }     # adapt the backbone's weights by factors; left out, there are none
//!
//! [[phases]]
//! name = "head"
//! epochs = 2
//! frozen = "backbone"
//! lr = 1e-3
//!
//! [[phases]]
//! name = "upper"
//! epochs = 3
//! frozen = "before layer3"            # or "nothing", 3, { all_but = 2 }, { matching = ["*.bn?.*"] }, "pretrained"
//! loss = "task"                       # or "contrastive", of embeddings: the head is then solved for after each epoch
//! passes = 1                          # through the training data, an epoch
//! lr = 1e-4                           # of the head
//! decay = 0.5                         # for each stage from the head towards the image
//! stage_lr = { layer4 = 1e-4 }        # instead of what decay makes of it
//! batch_norm = "kept"                 # or "updated", "reestimated"
//! optimizer = { adam_w = { weight_decay = 0.01 } }
//! schedule = { cosine = { warmup = 0.1 } }
//! ```

mod check;
mod extent;
mod frozen;
mod set;
mod table;

use std::{collections::BTreeMap, num::NonZeroUsize};

use rekindle_train::{OptimizerConfig, Schedule};
use serde::{Deserialize, Serialize};

pub use extent::Extent;
pub use frozen::Frozen;
pub use table::{NormUse, PlanRow, PlanTable};

use crate::{Error, Layout, Lora};

/// Phases, one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What is added to weights that stay as they are, from the first phase on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
    /// What is done first comes first.
    pub phases: Vec<Phase>,
}

/// One row of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Name in logs; another one for each phase.
    pub name: String,
    /// Epochs to train for.
    pub epochs: usize,
    /// What does not move.
    pub frozen: Frozen,
    /// What is made less; that of the task if not given.
    #[serde(default, skip_serializing_if = "PhaseLoss::is_task")]
    pub loss: PhaseLoss,
    /// How often an epoch goes through the training data; once if not given. Where they are few, measuring after an epoch
    /// takes longer than the epoch.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub passes: NonZeroUsize,
    /// Learning rate of the head at the schedule's factor of one, in `(0, 1]`.
    pub lr: f64,
    /// Factor on the rate for each stage from the head towards the image, in `(0, 1]`; 1 if not given.
    #[serde(default = "one")]
    pub decay: f64,
    /// Learning rates of stages by name, instead of what `lr` and `decay` make of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stage_lr: BTreeMap<String, f64>,
    /// What takes the steps; AdamW with PyTorch's defaults if not given.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// The course of all rates over the phase; [`Phase::SCHEDULE`] if not given.
    #[serde(default = "schedule")]
    pub schedule: Schedule,
    /// What the batch norms of trained stages normalize by; [`BatchNormPolicy::Kept`] if not given.
    #[serde(default)]
    pub batch_norm: BatchNormPolicy,
}

/// What the steps of a phase make less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseLoss {
    /// The loss of the task, of the head's outputs.
    #[default]
    Task,
    /// What brings the embeddings of a label together, and sets those of different labels apart: the cosines of all pairs of a
    /// batch against 1 and 0 ([`contrastive`](rekindle_train::contrastive)). The head is solved for after
    /// each epoch. Right for a few examples a label, since there are many more pairs of them.
    Contrastive,
}

impl PhaseLoss {
    fn is_task(&self) -> bool {
        *self == Self::Task
    }
}

/// What trained batch norms normalize by; a frozen one always keeps and uses its statistics.
///
/// A batch norm is frozen if its stage is, or if its scale or shift is by a pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchNormPolicy {
    /// The running statistics, which stay the checkpoint's; scale and shift are trained. Right for
    /// few pictures: a checkpoint may be far off on the statistics of a batch, and what is trained
    /// on a batch's would be evaluated on others.
    #[default]
    Kept,
    /// The batch's, which move the running statistics. Right for training from nothing.
    Updated,
    /// Computed anew on the training data before the phase, as the mean over all batches
    /// ([`Classifier::reestimate`](crate::Classifier::reestimate)), and kept from then on. Right where the
    /// pictures are of another kind than the checkpoint's, but too few at a time for [`Updated`](Self::Updated).
    Reestimated,
}

impl Plan {
    /// Phases without anything added to the weights.
    pub fn new(phases: Vec<Phase>) -> Self {
        Self { lora: None, phases }
    }

    /// Reads a plan from TOML.
    ///
    /// # Errors
    ///
    /// If the text is no plan: an unknown key, a missing one, a value of another kind. The source of
    /// the error shows the line.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Read(Box::new(error)))
    }

    /// Writes the plan as [`from_toml`](Self::from_toml) reads it, with most of what is not given otherwise.
    ///
    /// # Errors
    ///
    /// If a number of epochs or stages is beyond TOML's integers.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::Write(Box::new(error)))
    }

    /// Whether the backbone stays as it is in every phase.
    pub fn is_head_only(&self) -> bool {
        self.phases.iter().all(|phase| phase.frozen == Frozen::Backbone)
    }

    /// The most epochs of a plan: more than anybody waits for, and a table of all of them fits into memory.
    pub const MOST_EPOCHS: usize = 100_000;

    /// Epochs of all phases.
    pub fn epochs(&self) -> usize {
        self.phases.iter().fold(0, |sum, phase| sum.saturating_add(phase.epochs))
    }
}

impl Phase {
    /// The most passes of an epoch: more than anybody waits for.
    pub const MOST_PASSES: usize = 10_000;

    /// Half a cosine after a linear rise over the first tenth of the steps.
    pub const SCHEDULE: Schedule = Schedule::Cosine { warmup: 0.1 };

    /// A phase with every default: one rate for all, AdamW, [`Phase::SCHEDULE`], statistics kept.
    pub fn new(name: &str, epochs: usize, frozen: Frozen, lr: f64) -> Self {
        Self {
            name: name.to_owned(),
            epochs,
            frozen,
            loss: PhaseLoss::Task,
            passes: once(),
            lr,
            decay: one(),
            stage_lr: BTreeMap::new(),
            optimizer: OptimizerConfig::default(),
            schedule: schedule(),
            batch_norm: BatchNormPolicy::default(),
        }
    }

    /// The rate of each stage, image first; zero where all of it is frozen.
    ///
    /// # Errors
    ///
    /// If what is frozen is not in the network.
    pub fn rates(&self, layout: &Layout) -> Result<Vec<f64>, Error> {
        let extent = self.frozen.extent(layout)?;
        let stages = layout.stages.len();
        let rate = |(index, name): (usize, &String)| {
            if extent.is_whole(index) {
                return 0.0;
            }
            let steps = i32::try_from(stages - index).unwrap_or(i32::MAX);
            self.stage_lr.get(name).copied().unwrap_or_else(|| self.lr * self.decay.powi(steps))
        };
        Ok(layout.stages.iter().map(|stage| &stage.name).enumerate().map(rate).collect())
    }
}

fn one() -> f64 {
    1.0
}

fn once() -> NonZeroUsize {
    NonZeroUsize::MIN
}

fn is_once(passes: &NonZeroUsize) -> bool {
    *passes == once()
}

fn schedule() -> Schedule {
    Phase::SCHEDULE
}

#[cfg(test)]
mod tests;
