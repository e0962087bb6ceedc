//! The training loop: optimizers, schedules, metrics and events.
//!
//! Nothing here knows an architecture: a model is whatever maps a batch of inputs to logits
//! ([`Predict`]).

mod error;
mod fit;
mod metrics;
mod optimizer;
mod schedule;

pub use error::Error;
pub use fit::{Batch, Epoch, Event, Fit, Predict, Source, evaluate};
pub use metrics::Metrics;
pub use optimizer::{Optimizer, OptimizerConfig, Rates};
pub use schedule::Schedule;
