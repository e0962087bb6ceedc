//! What happens during training, and who listens.

use std::{error::Error as StdError, ops::ControlFlow};

use crate::State;

/// What happened. `M` is the model. Epochs and steps are counted from one.
#[derive(Debug)]
pub enum TrainEvent<'a, M> {
    /// A phase begins, or goes on after an interruption.
    Phase {
        /// Its name.
        phase: &'a str,
        /// The epochs that are left of it, first and last.
        epochs: [usize; 2],
        /// Its steps in an epoch.
        steps: usize,
    },
    /// A step was taken.
    Step {
        /// The phase's name.
        phase: &'a str,
        /// The epoch, over all phases.
        epoch: usize,
        /// The step in it.
        step: usize,
        /// Steps in the epoch.
        steps: usize,
        /// The loss of the step's last batch.
        loss: f64,
        /// Examples seen in the epoch so far.
        examples: usize,
        /// The share of the epoch so far that was spent waiting for batches, in `[0, 1]`.
        waiting: f64,
        /// The factor on all learning rates.
        factor: f64,
    },
    /// An epoch was trained and evaluated; the last of the state's history says what came out.
    Epoch {
        /// The model as it was evaluated: in validation, and averaged if the state averages.
        model: &'a M,
        /// Everything that training goes on from.
        state: &'a State<M>,
    },
}

/// What is passed on when a listener fails.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// Who hears of every event. `Break` ends the run after the epoch at hand.
///
/// Closures are callbacks: `|event: &TrainEvent<'_, M>| Ok(ControlFlow::Continue(()))`.
pub trait Callback<M> {
    /// Hears of an event.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from its work; training stops then.
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure>;
}

impl<M, F> Callback<M> for F
where
    F: FnMut(&TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure>,
{
    fn on(&mut self, event: &TrainEvent<'_, M>) -> Result<ControlFlow<()>, Failure> {
        self(event)
    }
}

/// Tells all of them, whatever the first ones answer.
pub(crate) fn tell<M>(
    callbacks: &mut [&mut dyn Callback<M>],
    event: &TrainEvent<'_, M>,
) -> Result<ControlFlow<()>, Failure> {
    let mut answer = ControlFlow::Continue(());
    for callback in callbacks {
        if callback.on(event)?.is_break() {
            answer = ControlFlow::Break(());
        }
    }
    Ok(answer)
}
