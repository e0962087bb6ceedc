//! How samples become batches, as data.

use std::num::NonZeroUsize;

use serde::Serialize;

/// How samples become batches.
#[derive(Debug, Clone, PartialEq)]
pub struct LoaderConfig {
    /// Samples a batch; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Which sample comes when.
    pub order: Order,
    /// What becomes of a last batch that is not full.
    pub remainder: Remainder,
    /// Whether every epoch draws anew.
    pub views: Views,
    /// Draws the order, and what is drawn for each sample, together with the epoch.
    pub seed: u64,
    /// Threads that prepare samples; with 0 the caller's own does.
    pub workers: usize,
    /// Batches that are prepared ahead of the caller, at least 1.
    pub prefetch: usize,
    /// The most bytes of inputs that are prepared ahead of the caller, whatever the batches; at least one input.
    pub prefetch_bytes: usize,
}

impl Default for LoaderConfig {
    /// 32 samples in order, 2 batches and a quarter of a gibibyte ahead, a thread a core up to 8.
    fn default() -> Self {
        Self {
            batch_size: 32,
            order: Order::Kept,
            remainder: Remainder::Kept,
            views: Views::Fresh,
            seed: 0,
            workers: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)),
            prefetch: 2,
            prefetch_bytes: 256 << 20,
        }
    }
}

/// Which sample comes when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they are given.
    Kept,
    /// All of them shuffled, anew every epoch.
    Shuffled,
    /// As many as there are samples, each label equally often: samples of rare labels come again and again.
    Balanced,
    /// As many as there are samples: labels take turns with so many samples each, so that a batch has pairs of a label, and
    /// of different ones. A label that has fewer gives all of them.
    PerLabel(NonZeroUsize),
}

/// Which of the inputs that can be drawn an epoch shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Views {
    /// Every epoch draws other ones.
    Fresh,
    /// Epochs take turns with this many, so that what is computed of them can be kept. The first is the
    /// evaluation's input, the others are drawn.
    Cycled(NonZeroUsize),
}

impl Views {
    /// The view that an epoch sees; the one named [`Views::PLAIN`] is the evaluation's input.
    pub fn of(self, epoch: u64) -> u64 {
        match self {
            // A run never gets there.
            Self::Fresh => epoch.saturating_add(1),
            Self::Cycled(count) => epoch % count.get() as u64,
        }
    }

    /// The view that is the evaluation's input.
    pub const PLAIN: u64 = 0;
}

/// What becomes of the samples that do not fill a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remainder {
    /// They are a smaller batch.
    Kept,
    /// They are left out of the epoch.
    Dropped,
}
