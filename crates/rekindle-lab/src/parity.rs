//! Compares every architecture, and layers of sequences, with what the reference library computed for them.
//!
//! No pretrained weight is needed to prove an architecture right. A golden file says what timm
//! computed in float64 from weights filled by a formula ([`fill`]); the same weights go through a
//! real safetensors file and the real loader, and everything is compared: features and logits in
//! evaluation; loss, every gradient and every running statistic of a step of training.

mod check;
mod command;
mod error;
pub mod fill;
mod golden;
mod graph;
#[cfg(test)]
mod references;
mod sequences;

pub use check::{Agreement, check};
pub use command::{Graphs, Outcome, Parity, agreement};
pub use error::Error;
pub use golden::{Digest, Golden, LayerGolden, Reference, TextGolden, TextTrain, Train};
pub use graph::graph;
