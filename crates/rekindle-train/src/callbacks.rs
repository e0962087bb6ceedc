//! Ready-made listeners: logs, checkpoints, a limit of time.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use crate::{Callback, Failure, TrainEvent};

mod checkpoints;
mod log;
mod tensorboard;

pub use checkpoints::{Best, Checkpoints, Keep};
pub use log::{Log, LogFormat, json_line};
pub use tensorboard::{Histograms, TensorBoard};

/// Ends the run after the epoch in which the time was up.
#[derive(Debug, Clone, Copy)]
pub struct TimeBudget {
    end: Option<Instant>,
}

impl TimeBudget {
    /// A limit that starts now.
    pub fn new(limit: Duration) -> Self {
        Self { end: Instant::now().checked_add(limit) }
    }
}

impl<M> Callback<M> for TimeBudget {
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        let ended = matches!(event, TrainEvent::Epoch { .. });
        let over = ended && self.end.is_some_and(|end| Instant::now() >= end);
        Ok(if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}
