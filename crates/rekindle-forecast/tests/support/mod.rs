//! What tests of networks have in common.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use burn::prelude::*;
use rekindle_finetune::Start;
use rekindle_forecast::{ForecastNetwork, TrainConfig, Trained, train};
use rekindle_series::Panel;
use rekindle_train::{Callback, Failure, TrainEvent};

/// Weights are drawn from a generator that all threads share, and that an epoch of another run seeds.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn learn(
    panel: &Panel,
    config: &TrainConfig,
    folder: Option<(&Path, Start)>,
) -> Trained {
    train(panel, config, None, &Device::flex().autodiff(), folder, &mut []).unwrap()
}

/// Breaks off after some epochs.
pub(crate) struct After(pub(crate) usize);

impl Callback<ForecastNetwork> for After {
    fn on(&mut self, event: &TrainEvent<'_, ForecastNetwork>) -> Result<ControlFlow<()>, Failure> {
        let TrainEvent::Epoch { state, .. } = event else { return Ok(ControlFlow::Continue(())) };
        Ok(match state.epochs() >= self.0 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }
}
