//! What can go wrong between a checkpoint and a network.

use std::path::PathBuf;

/// Everything that loading or saving a network can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The checkpoint and the network do not fit; everything that disagrees is listed.
    #[error("{path}: does not fit the network ({count} problems); check that the architecture is the checkpoint's\n  {list}", path = .path.display(), count = .problems.len(), list = .problems.join("\n  "))]
    Mismatch {
        /// The checkpoint.
        path: PathBuf,
        /// One line for each tensor that is missing, left over or of another shape.
        problems: Vec<String>,
    },

    /// Values that no network computes with; every tensor that has some is listed.
    #[error("{path}: holds values that cannot be right ({count} problems); the training that wrote it diverged, or the file is damaged: take an earlier epoch or another set of its weights, or fetch it again\n  {list}", path = .path.display(), count = .problems.len(), list = .problems.join("\n  "))]
    Values {
        /// The checkpoint.
        path: PathBuf,
        /// One line for each tensor.
        problems: Vec<String>,
    },

    /// The rules of a family do not fit its network: a mistake in the family.
    #[error("the family's rules of names do not fit the network; correct them: {}", .problems.join("; "))]
    Rules {
        /// Everything that disagrees.
        problems: Vec<String>,
    },

    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] rekindle_files::Error),
}
