//! What stops a run.

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A batch could not be had.
    #[error("cannot read the next batch")]
    Data(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The loss is no number any more.
    #[error("the loss is {loss} in epoch {epoch}, step {step}; lower the learning rate")]
    Diverged {
        /// Counted from one.
        epoch: usize,
        /// Counted from one.
        step: usize,
        /// What it is instead.
        loss: f64,
    },
    /// Whoever listens to events could not do its work.
    #[error("cannot go on after an event")]
    Listener(#[source] Box<dyn std::error::Error + Send + Sync>),
}
