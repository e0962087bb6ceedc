//! A learning rate from one sweep: rates rise step by step, and the loss says which are too low and too high.
//!
//! Smith 2015, <https://arxiv.org/abs/1506.01186>.

use burn::{module::Module, optim::GradientsParams};

use crate::{
    BatchSource, Error, Objective, OptimizerConfig, RateRange, Rates, TensorBatch, Train, exploded,
    fit::autodiff_device, smoothed, suggest,
};

/// What a sweep found.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The rates that were tried, as far as the sweep got.
    pub rates: Vec<f64>,
    /// The loss at each, smoothed.
    pub losses: Vec<f64>,
    /// The rate to train at; none where the loss never fell.
    pub suggestion: Option<f64>,
}

/// Trains `model` for a step at each rate of `range`, and ends early where the loss explodes.
///
/// `rates` are relative: those of the range are multiplied by them. The model is used up; go on with another.
///
/// # Errors
///
/// If a batch cannot be had.
pub fn sweep<M, I, O, T>(
    mut model: M,
    optimizer: &OptimizerConfig,
    rates: &Rates,
    range: &RateRange,
    objective: &O,
    train: &Train<T>,
) -> Result<Sweep, Error>
where
    M: Module,
    O: Objective<M, I>,
    T: BatchSource<I, O::Target>,
{
    let device = autodiff_device(&model);
    let mut optimizer = optimizer.init();
    let tried = range.rates();
    let (mut losses, mut curve) = (Vec::new(), Vec::new());
    // As many epochs as it takes.
    let batches = (0..).flat_map(|epoch| train.0.epoch(epoch, &device));
    for (rate, batch) in tried.iter().zip(batches) {
        let TensorBatch { input, target, .. } = batch.map_err(|error| Error::Data(error.into()))?;
        let (_, loss) = objective.step(&model, input, &target);
        losses.push(f64::from(loss.clone().into_scalar::<f32>()));
        curve = smoothed(&losses);
        if exploded(&curve) {
            break;
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(rates, *rate, model, gradients);
    }
    let rates = tried[..curve.len()].to_vec();
    let suggestion = suggest(&rates, &curve);
    Ok(Sweep { rates, losses: curve, suggestion })
}
