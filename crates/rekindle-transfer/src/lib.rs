//! Transfer learning: a classifier on a backbone, frozen stages, and plans of phases.
//!
//! A [`Recipe`] is a plan by name, a [`Plan`] is data, and a [`Layout`] is what it is checked against:
//! the stages and parameters of a network. Nothing here knows an architecture: what is needed is
//! asked of [`Backbone`](rekindle_layers::Backbone).

mod classifier;
mod error;
pub mod features;
mod layout;
mod lora;
mod pattern;
mod plan;
mod probe;
mod recipe;
mod ridge;

pub use classifier::Classifier;
pub use error::Error;
pub use layout::Layout;
pub use lora::Lora;
pub use plan::{
    BatchNormPolicy, Extent, Frozen, NormUse, Phase, PhaseLoss, Plan, PlanRow, PlanTable,
};
pub use probe::{Examples, LeftOut, Probe, ProbeConfig};
pub use recipe::Recipe;
pub use ridge::{Ridge, moments};
