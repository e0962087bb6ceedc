//! Everything that can go wrong while a network is fine-tuned.

use std::{error::Error as StdError, path::PathBuf};

/// What can go wrong with a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An item cannot be read or prepared.
    #[error(transparent)]
    Data(Box<dyn StdError + Send + Sync>),
    /// Weights do not fit the network, or cannot be loaded or saved.
    #[error(transparent)]
    Checkpoint(#[from] rekindle_checkpoint::Error),
    /// A file of weights cannot be read or written.
    #[error(transparent)]
    Weights(#[from] rekindle_checkpoint::FileError),
    /// A plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] rekindle_transfer::Error),
    /// Training stopped.
    #[error(transparent)]
    Train(#[from] rekindle_train::Error),
    /// Features of frozen stages, or digests of files, cannot be kept.
    #[error(transparent)]
    Features(#[from] rekindle_transfer::features::Error),
    /// The state of a run cannot be written or gone on from.
    #[error(transparent)]
    State(#[from] rekindle_train::StateError),
    /// A folder, a log or a state cannot be written.
    #[error(transparent)]
    File(#[from] rekindle_base::PathError),
    /// TensorBoard's events cannot be written.
    #[error(transparent)]
    TensorBoard(#[from] rekindle_train::EventFileError),
    /// What is written beside the weights cannot be made.
    #[error("what is written beside the weights cannot be made")]
    Describe(#[source] Box<dyn StdError + Send + Sync>),
    /// A run was broken off before its first epoch ended.
    #[error(
        "the run was broken off before its first epoch ended, so there is nothing to keep; give it more time"
    )]
    NoEpoch,
    /// Fine-tuning was asked for in a way that cannot be.
    #[error("cannot fine-tune this way: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The loss is NaN or infinite.
    #[error("the loss, or the norm of the gradients, is {loss} in epoch {epoch}, step {step}, on {}; lower the learning rate, clip gradients, or look at these", items.join(", "))]
    Diverged {
        /// Counted from one.
        epoch: usize,
        /// Counted from one.
        step: usize,
        /// What it is instead.
        loss: f64,
        /// The step's items: their files, or their places where they are in none.
        items: Vec<String>,
    },
    /// A run ended by an error, but not everything is lost.
    #[error("the run ended early; its best model, of epoch {epoch}, is kept as {}", path.display())]
    Rescued {
        /// Counted from one; 0 is before the first.
        epoch: usize,
        /// Where the model is.
        path: PathBuf,
        /// Why the run ended.
        #[source]
        source: Box<Error>,
    },
    /// The best model of a run that is to go on is gone, or not the run's.
    #[error("{path}: is not the best model of the run that its folder holds the state of; put it back, or leave `--resume` out to start anew", path = .path.display())]
    BestLost {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it, if it is there.
        #[source]
        source: Option<Box<Error>>,
    },
    /// The state in a run's folder is of a run that was asked for differently.
    #[error("{path}: is the state of another run; it differs in {differs}; ask for it as it was asked for then, choose another folder, or leave `--resume` out to start anew", path = .path.display(), differs = .differs.join(", "))]
    OtherRun {
        /// The state.
        path: PathBuf,
        /// What is not as it was.
        differs: Vec<String>,
    },
}

impl Error {
    pub(crate) fn data(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Data(Box::new(error))
    }
}
