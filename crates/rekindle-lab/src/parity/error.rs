//! Why a golden file could not be compared at all.

use std::path::PathBuf;

/// What keeps a comparison from being made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: cannot read the golden file; check the path", path = .path.display())]
    Read {
        /// The golden file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no golden file.
    #[error("{path}: not a golden file; make it with tests/reference/golden.py or golden_sequences.py", path = .path.display())]
    Parse {
        /// The golden file.
        path: PathBuf,
        /// Where the text is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The file contradicts itself.
    #[error("{path}: {reason}; make it again with tests/reference/golden.py or golden_sequences.py", path = .path.display())]
    Inconsistent {
        /// The golden file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// No family has the architecture.
    #[error(transparent)]
    Unknown(#[from] rekindle_vision::UnknownArchitecture),
    /// The encoder is of no family that is there.
    #[error(transparent)]
    Encoder(#[from] rekindle_language::Error),
    /// The layer is none that is there, or asks for something else.
    #[error("`{model}`: no such layer, or its config says something that is not known: {config}")]
    Layer {
        /// The layer.
        model: String,
        /// PyTorch's arguments.
        config: String,
    },
    /// The reference is another library's, whose names are others.
    #[error("{path}: `{model}` is of none of timm, paper, hf, net and torch; names and shapes of other libraries differ", path = .path.display())]
    Library {
        /// The golden file.
        path: PathBuf,
        /// The model it is for.
        model: String,
    },
    /// The network cannot be written as a graph.
    #[error(transparent)]
    Graph(#[from] rekindle_onnx::Error),
    /// The filled weights could not be loaded.
    #[error(transparent)]
    Checkpoint(#[from] rekindle_checkpoint::Error),
    /// The file of filled weights could not be written or opened.
    #[error(transparent)]
    Weights(#[from] rekindle_checkpoint::FileError),
    /// There is no room for the filled weights.
    #[error("cannot make a temporary folder for the weights; free some space or set TMPDIR")]
    Temporary(#[source] std::io::Error),
}
