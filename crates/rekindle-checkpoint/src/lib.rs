//! Accounting for checkpoints: every tensor of a file, every parameter of a network.

mod account;
mod error;
mod layout;
mod load;
mod naming;
mod prefix;
mod report;
mod save;

pub use account::HeadPolicy;
pub use error::Error;
pub use load::load;
pub use naming::Naming;
pub use rekindle_files::{
    CheckpointFile, Dtype, Entry, Error as FileError, TensorInfo, WeightsSet, write_safetensors,
};
pub use report::LoadReport;
pub use save::save;

#[cfg(test)]
mod tests;
