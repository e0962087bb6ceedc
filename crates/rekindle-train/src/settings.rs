//! What is the same in all phases of a run, and the metric by which its models are compared.

use rekindle_metrics::{Direction, Values};
use serde::Serialize;

use crate::{EarlyStopping, Epoch, Error, LOSS, Plateau, ranges::Ranges};

/// What is the same in all phases of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitConfig {
    /// Batches whose mean gradient makes a step; with several devices, for each of them.
    pub accumulate: usize,
    /// The largest norm of all gradients together; above it they are scaled down to it.
    pub clip: Option<f64>,
    /// Lowers the rates where the monitored metric stands still.
    pub plateau: Option<Plateau>,
    /// Ends a phase where the monitored metric stands still.
    pub stopping: Option<EarlyStopping>,
    /// The metric of the validation data by which models are compared.
    pub monitor: Monitor,
    /// Draws dropout, together with the epoch.
    pub seed: u64,
}

/// A metric of the validation data, by which models are compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Monitor {
    /// Its name.
    pub metric: String,
    /// Whether more of it is better.
    pub direction: Direction,
}

impl Default for FitConfig {
    /// Plain steps, measured by the loss.
    fn default() -> Self {
        Self {
            accumulate: 1,
            clip: None,
            plateau: None,
            stopping: None,
            monitor: Monitor { metric: LOSS.to_owned(), direction: Direction::Lower },
            seed: 0,
        }
    }
}

impl FitConfig {
    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        let mut ranges = Ranges::default()
            .wrong_if(self.accumulate == 0, || "accumulate must be at least 1, but is 0".into());
        if let Some(clip) = self.clip {
            ranges = ranges.positive("clip", clip);
        }
        let plateau = self.plateau.as_ref().map_or(Ok(()), Plateau::check);
        let stopping = self.stopping.as_ref().map_or(Ok(()), EarlyStopping::check);
        ranges.and(plateau).and(stopping).done()
    }
}

impl Monitor {
    /// A metric and which values of it are better.
    pub fn new(metric: &str, direction: Direction) -> Self {
        Self { metric: metric.to_owned(), direction }
    }

    /// What it was after each epoch.
    pub fn history<'a>(&self, epochs: impl Iterator<Item = &'a Epoch>) -> Vec<f64> {
        epochs.map(|epoch| epoch.val.get(&self.metric).unwrap_or(f64::NAN)).collect()
    }

    /// Whether it is among what is measured.
    ///
    /// # Errors
    ///
    /// [`Error::Metric`] names what is.
    pub fn check(&self, measured: &Values) -> Result<(), Error> {
        let known = || measured.iter().map(|(name, _)| name.to_owned()).collect();
        match measured.get(&self.metric) {
            Some(_) => Ok(()),
            None => Err(Error::Metric { asked: self.metric.clone(), known: known() }),
        }
    }

    /// The place of the best epoch; of equals the one with the lowest loss, then the first.
    pub fn best(&self, epochs: &[Epoch]) -> Option<usize> {
        let values = self.history(epochs.iter());
        let better = |new: f64, old: f64| self.direction.is_better(new, old);
        let losses = Self::new(LOSS, Direction::Lower).history(epochs.iter());
        (0..values.len()).reduce(|best, next| {
            let equal = values[next] == values[best];
            let smaller = equal && Direction::Lower.is_better(losses[next], losses[best]);
            if smaller || better(values[next], values[best]) { next } else { best }
        })
    }
}
