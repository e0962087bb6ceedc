//! Transfer learning: a classifier on a backbone, frozen stages, and plans of phases.
//!
//! Nothing here knows an architecture: what is needed is asked of
//! [`Backbone`](rekindle_layers::Backbone).

mod classifier;
mod error;
mod plan;

pub use classifier::Classifier;
pub use error::Error;
pub use plan::{Frozen, Phase, Plan, Statistics};
