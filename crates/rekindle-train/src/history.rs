//! What a run looks back on.

use std::time::Duration;

use rekindle_metrics::Values;
use serde::{Deserialize, Serialize};

/// What came out of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from one over all phases; 0 is the model before its first step.
    pub number: usize,
    /// The phase's name.
    pub phase: String,
    /// On the batches trained on, as they were trained on; [`LOSS`](crate::LOSS) is what was trained by.
    pub train: Values,
    /// On the validation data, after the epoch.
    pub val: Values,
    /// The learning rate of each group at the end of the epoch, the base rate first.
    pub rates: Vec<f64>,
    /// Training and evaluation together.
    pub seconds: f64,
    /// How many of them training waited for batches; an evaluation's waiting is not told apart.
    #[serde(default)]
    pub waiting: f64,
}

impl Epoch {
    /// Training and evaluation together.
    pub fn duration(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}
