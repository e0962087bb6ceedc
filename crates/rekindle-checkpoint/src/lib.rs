//! Accounting for checkpoints: every tensor of a file, every parameter of a network.

mod error;
mod load;
mod report;
mod save;

pub use error::Error;
pub use load::{HeadPolicy, Naming, load};
pub use rekindle_files::{
    CheckpointFile, Dtype, Entry, Error as FileError, TensorInfo, write_safetensors,
};
pub use report::LoadReport;
pub use save::save;
