//! The training loop: optimizers, schedules, metrics and events.
//!
//! Nothing here knows an architecture: a [`Task`] says how a model maps inputs to logits.

mod error;
mod fit;
mod metrics;
mod optimizer;
mod schedule;

pub use error::Error;
pub use fit::{Batch, Epoch, Event, Fit, Source, Task, evaluate};
pub use metrics::Metrics;
pub use optimizer::{Optimizer, OptimizerConfig, Rates};
pub use schedule::Schedule;
