//! A network that forecasts as ONNX: from values as they are to forecasts in their units.

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_base::Random;
use rekindle_forecast::{ForecastNetwork, Forecaster};
use rekindle_onnx::{Check, Recorded, TOLERANCE};
use rekindle_series::{ScalingBy, ScalingKind};

use super::{BATCHES, Exported};
use crate::Error;

/// What a graph gives: `[batch, horizon * outputs]`, step by step.
const FORECASTS: [&str; 1] = ["forecasts"];

/// A network that forecasts as ONNX. It reads `numbers`, the last values of each series `[batch, steps]`, scales them itself, and
/// gives `forecasts` `[batch, horizon * quantiles]` in their units. Quantiles come as they were learned: sorting and spreading
/// them is in its metadata (`config`), not in the graph.
///
/// # Errors
///
/// If the network sees columns beside values, or is scaled by whole series, which a graph has no input for.
pub fn export_forecaster(forecaster: &Forecaster) -> Result<Exported, Error> {
    let config = forecaster.config();
    if !config.features.is_empty() || config.scaled_by != ScalingBy::Window {
        let reason = "it sees columns beside values, or is scaled by whole series, which a graph has no input for";
        return Err(rekindle_onnx::Error::NotTraced { reason: reason.to_owned() }.into());
    }
    let (steps, kind) = (config.network.input, config.scaling);
    let network = forecaster.network().valid();
    let device = network.devices().into_iter().next().unwrap_or_default();
    let mut random = Random::new(0, 2, 0);
    let examples = BATCHES.map(|batch| {
        let mut values = Vec::with_capacity(batch * steps);
        for _ in 0..batch {
            let mut value = random.between(-50.0, 200.0);
            for _ in 0..steps {
                value += random.normal();
                values.push(value as f32);
            }
        }
        Tensor::<2>::from_data(TensorData::new(values, [batch, steps]), &device)
    });
    let onnx = rekindle_onnx::export(&examples, &FORECASTS, |values, device| {
        vec![forecasts(&network.valid().to_device(device), values, kind)]
    })?;
    let record = |values: Tensor<2>| {
        Recorded::of(values, &FORECASTS, |values| vec![forecasts(&network, values, kind)])
    };
    let batches = examples.into_iter().map(record).collect();
    let text = |value: &serde_json::Value| value.to_string();
    let onnx = onnx
        .with("config", &text(&serde_json::json!(config)))
        .with("quantiles", &text(&serde_json::json!(config.task.quantiles)));
    let check = Check { batches, tolerance: TOLERANCE };
    Ok(Exported { onnx, check, length: None, tokenizer: None })
}

/// What follows values, in their units.
fn forecasts(network: &ForecastNetwork, values: Tensor<2>, kind: ScalingKind) -> Tensor<2> {
    let [batch, steps] = values.dims();
    let (shift, scale) = scales(values.clone(), kind);
    let windows = (values - shift.clone()) / scale.clone();
    network.forward(windows.reshape([batch, steps, 1])) * scale + shift
}

/// What is taken away of each window and what it is divided by, `[batch, 1]` both: the formulas of [`ScalingKind`].
fn scales(values: Tensor<2>, kind: ScalingKind) -> (Tensor<2>, Tensor<2>) {
    let [_, steps] = values.dims();
    let mean = values.clone().mean_dim(1);
    let (zero, one) = (mean.zeros_like(), mean.ones_like());
    let last = || values.clone().narrow(1, steps - 1, 1);
    let deviation = || {
        let apart = values.clone() - mean.clone();
        (apart.clone() * apart).mean_dim(1).sqrt()
    };
    let (shift, scale) = match kind {
        ScalingKind::Plain => return (zero, one),
        ScalingKind::Standard => (mean.clone(), deviation()),
        ScalingKind::MinMax => {
            let least = values.clone().min_dim(1);
            (least.clone(), values.clone().max_dim(1) - least)
        }
        ScalingKind::MeanAbsolute => (zero, values.clone().abs().mean_dim(1)),
        ScalingKind::Last => return (last(), one),
        ScalingKind::LastDeviation => {
            let (deviation, least) = (deviation(), values.clone().abs().mean_dim(1) * 1e-3);
            let below = deviation.clone().lower(least.clone());
            (last(), deviation.mask_where(below, least))
        }
    };
    // What would be divided by 0 is not divided.
    let none = scale.clone().equal_elem(0.0);
    (shift, scale.mask_fill(none, 1.0))
}
