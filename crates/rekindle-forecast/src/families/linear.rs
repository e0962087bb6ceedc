//! NLinear and DLinear: no layer but the head. Zeng, Chen, Zhang & Xu 2023, "Are Transformers Effective for Time Series
//! Forecasting?", <https://arxiv.org/abs/2205.13504>.
//!
//! ```text
//! window   [b, 1, t]     scaled; NLinear takes the last value away, which is how windows are scaled for it
//! enter    [b, 1, 2 t]   DLinear alone: a moving average over 25 steps, and what it leaves
//! head     [b, h]
//! ```

use burn::{prelude::*, tensor::TensorData};
use rekindle_layers::{Backbone, Stage};

use crate::{Family, NetworkConfig, WindowFlow};

/// What the head of a linear network reads.
#[derive(Module, Debug)]
pub struct LinearInput {
    input: usize,
    decomposed: bool,
}

/// Steps of the moving average, of the paper's code.
const AVERAGE: usize = 25;

impl LinearInput {
    /// It has no parameters.
    pub(crate) fn new(config: &NetworkConfig) -> Self {
        Self { input: config.input, decomposed: config.family == Family::DLinear }
    }
}

/// The moving average as a matrix `[steps, steps]`, a column a step; beyond the ends, the first and the last value go on.
fn average(steps: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; steps * steps];
    let reach = (AVERAGE / 2) as isize;
    for to in 0..steps {
        for step in -reach..=reach {
            let from = (to as isize + step).clamp(0, steps as isize - 1) as usize;
            matrix[from * steps + to] += 1.0 / AVERAGE as f32;
        }
    }
    matrix
}

impl Backbone for LinearInput {
    type Input = Tensor<3>;
    type Flow = WindowFlow;

    fn stages(&self) -> Vec<Stage> {
        Vec::new()
    }

    fn enter(&self, input: Tensor<3>) -> WindowFlow {
        let [batch, steps, _] = input.dims();
        let x = input.reshape([batch, 1, steps]);
        if !self.decomposed {
            return WindowFlow::new(x);
        }
        let matrix = TensorData::new(average(steps), [1, steps, steps]);
        let trend = x.clone().matmul(Tensor::from_data(matrix, &x.device()));
        WindowFlow::new(Tensor::cat(vec![trend.clone(), x - trend], 2))
    }

    fn stage(&self, index: usize, _: WindowFlow) -> WindowFlow {
        panic!("stage {index} of a network without stages")
    }

    fn pool(&self, x: WindowFlow) -> Tensor<2> {
        x.x.flatten(1, 2)
    }

    fn embed_dim(&self) -> usize {
        if self.decomposed { 2 * self.input } else { self.input }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_goes_on_beyond_the_ends() {
        let config = NetworkConfig::new(Family::DLinear, 30, 1, 1);
        let network = LinearInput::new(&config);
        let values: Vec<f32> = (0..30).map(|step| (step * step) as f32).collect();
        let x = Tensor::<1>::from_data(values.as_slice(), &Device::flex()).reshape([1, 30, 1]);
        let y: Vec<f32> = network.embed(x).into_data().iter::<f32>().collect();
        assert_eq!(y.len(), network.embed_dim());
        let at = |place: isize| values[place.clamp(0, 29) as usize];
        for place in 0..30 {
            let window = (place as isize - 12)..=(place as isize + 12);
            let expected = window.map(at).sum::<f32>() / 25.0;
            assert!((y[place] - expected).abs() < 1e-3, "{place}: {} {expected}", y[place]);
            assert!((y[place] + y[30 + place] - values[place]).abs() < 1e-3);
        }
    }
}
