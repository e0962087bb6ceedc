//! Reading and writing files of weights: safetensors, sharded, PyTorch.
//!
//! | what | |
//! |---|---|
//! | [`CheckpointFile`] | what is in a file or a folder, opened without its values, which are then read one tensor at a time |
//! | [`write_safetensors`] | a file, one tensor at a time, all or nothing |
//!
//! Opening takes at most twice the file and 64 MiB, whatever the file says of itself, and executes nothing.
//!
//! The format's own crate, `safetensors`, and Burn's `pytorch-reader` do not read here, but are what readers are held against
//! (`tests/differential.rs`, the fuzzers). `safetensors` 0.8 wants the whole file in memory, keeps the last of two tensors of one
//! name without a word, lets a header's shapes grow to ten times the header, and writes two entries of metadata in an order that
//! changes from process to process, so that one model would have many digests. `pytorch-reader` 0.22 takes half a gigabyte for a file of
//! 3 kB that says so (`tests/memory.rs`).

mod error;
mod file;
mod write;

pub use error::Error;
pub use file::{CheckpointFile, Dtype, TensorInfo, WeightsSet};
pub use write::{Entry, write_safetensors};
