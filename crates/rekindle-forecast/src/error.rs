//! What can go wrong.

use std::path::PathBuf;

/// What can go wrong with networks that forecast.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something cannot be as it was asked for.
    #[error("{0}")]
    Config(String),
    /// Series cannot be used.
    #[error(transparent)]
    Series(#[from] rekindle_series::Error),
    /// A loader's error.
    #[error(transparent)]
    Data(#[from] rekindle_data::Error),
    /// Training failed.
    #[error(transparent)]
    Finetune(Box<rekindle_finetune::Error>),
    /// A file of weights.
    #[error(transparent)]
    Checkpoint(#[from] rekindle_checkpoint::Error),
    /// A file holds no such model.
    #[error("{}: {problem}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

impl From<rekindle_finetune::Error> for Error {
    fn from(error: rekindle_finetune::Error) -> Self {
        Self::Finetune(Box::new(error))
    }
}
