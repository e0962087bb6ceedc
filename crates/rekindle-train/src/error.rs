//! What stops a run.

use burn::store::RecordError;

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A batch could not be had.
    #[error("cannot read the next batch")]
    Data(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The loss is NaN or infinite.
    #[error(
        "the loss, or the norm of the gradients, is {loss} in epoch {epoch}, step {step}, on the examples at {examples:?}; lower the learning rate, clip gradients, or look at these examples"
    )]
    Diverged {
        /// Counted from one.
        epoch: usize,
        /// Counted from one.
        step: usize,
        /// What it is instead.
        loss: f64,
        /// The places of the step's examples in their data set.
        examples: Vec<usize>,
    },
    /// There is no device to train on.
    #[error("no device to train on; name at least one")]
    NoDevice,
    /// A step panicked on devices.
    #[error("training failed on {}", failures.join("; and on "))]
    Devices {
        /// Each device, by its place among those named, and its panic's message.
        failures: Vec<String>,
    },
    /// State could not be written as bytes.
    #[error("cannot write the state of {what}")]
    Save {
        /// Whose state it is.
        what: &'static str,
        /// What Burn says.
        #[source]
        source: RecordError,
    },
    /// Bytes hold no state that fits.
    #[error("these bytes are no state of {what}: {reason}; give those that it wrote")]
    Load {
        /// Whose state it was to be.
        what: &'static str,
        /// What is wrong with them.
        reason: String,
    },
    /// What is solved for after an epoch could not be.
    #[error("cannot solve for what is not trained")]
    Settle(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Whoever listens to events could not do its work.
    #[error("cannot go on after an event")]
    Listener(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A metric that is not measured was asked for.
    #[error("`{asked}` is not measured; measured are {}", known.join(", "))]
    Metric {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
}
