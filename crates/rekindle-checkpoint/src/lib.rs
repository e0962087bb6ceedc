//! Reading, accounting for and writing checkpoints.

mod error;
mod file;
mod load;
mod report;
mod save;
mod write;

pub use error::Error;
pub use file::{CheckpointFile, Dtype, TensorInfo};
pub use load::{HeadPolicy, Naming, load};
pub use report::LoadReport;
pub use save::save;
pub use write::{Entry, write_safetensors};
