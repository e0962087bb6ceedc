//! Why a network cannot be written as a graph.

use std::{io, path::PathBuf};

/// Why a network cannot be written as a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Burn did not record the network.
    #[error("the network cannot be traced: {reason}")]
    NotTraced {
        /// In Burn's words.
        reason: String,
    },
    /// Another run is made of other operations.
    #[error(
        "the network computes in other steps where {what} is another: give that a fixed extent"
    )]
    OtherSteps {
        /// The axis that differs: `length`.
        what: String,
    },
    /// An extent that is no simple function of those of the inputs.
    #[error(
        "`{operation}` has an extent that does not follow from those of the inputs: {seen:?} in the traces"
    )]
    Extent {
        /// The operation.
        operation: String,
        /// What it was in each trace.
        seen: Vec<i64>,
    },
    /// A constant that depends on the inputs otherwise than by its extents.
    #[error(
        "the network looks at its inputs and computes with other constants: these cannot be in a graph"
    )]
    Constant,
    /// An operation that is not translated.
    #[error("ONNX is not written for the operation `{operation}`")]
    Operation {
        /// As Burn calls it.
        operation: String,
    },
    /// What a graph must give cannot be read or written.
    #[error(transparent)]
    File(#[from] rekindle_files::Error),
    /// A file of what a graph must give holds something else.
    #[error("{}: holds `{name}`, which is neither an input nor an output of a graph; give the file that `rekindle export` wrote", path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// Pictures are put in front of something else.
    #[error("the graph reads no pictures of this shape")]
    NoPictures,
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is no graph, or none that can be run here.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A graph cannot be run.
    #[error("the graph cannot be run: {reason}")]
    Run {
        /// Why.
        reason: String,
    },
    /// The file cannot be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
