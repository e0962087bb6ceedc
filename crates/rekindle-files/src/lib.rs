//! Reading and writing files of weights: safetensors, sharded, PyTorch.

mod error;
mod file;
mod write;

pub use error::Error;
pub use file::{CheckpointFile, Dtype, TensorInfo, WeightsSet};
pub use write::{Entry, write_safetensors};
