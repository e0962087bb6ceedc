//! N-BEATS and N-HiTS: blocks of dense layers, each of which takes what it explains from the window and adds to the forecast.
//!
//! ```text
//! window    [b, 1, t | h]    what is left of it, and the forecast so far, which begins at zero; beside it [b, c] covariates
//! stack0    the same         x + basis(theta(relu(.. relu(window | covariates)))): what is taken away has its sign in the weights
//! ...
//! pool      [b, h]           the forecast
//! ```
//!
//! | | basis of what a block says | blocks see |
//! |---|---|---|
//! | N-BEATS, generic | itself, or any linear map of it | the window |
//! | N-BEATS, interpretable | polynomials, then sines and cosines of whole periods in the horizon | the window |
//! | N-HiTS | lines between a few points of the horizon, more of them from stack to stack | the greatest of several steps |
//!
//! Oreshkin and others 2020, <https://arxiv.org/abs/1905.10437>; Challu and others 2023, <https://arxiv.org/abs/2201.12886>.
//! Covariates as in NBEATSx: Olivares and others 2023, <https://arxiv.org/abs/2104.05522>, as neuralforecast has it: each block
//! sees all of them, the whole horizon's too.

use std::sync::Arc;

use burn::{prelude::*, tensor::TensorData};
use rekindle_layers::{Activation, Backbone, Landmarks, Projection, Rows, Stage};

use super::{hidden, saying};
use crate::{Family, NetworkConfig, WindowFlow, basis::Basis};

/// Stacks of blocks.
#[derive(Module, Debug)]
pub struct Blocks {
    stacks: Vec<Stack>,
    input: usize,
    forecast: usize,
}

#[derive(Module, Debug)]
struct Stack {
    blocks: Vec<Block>,
    #[module(skip)]
    name: String,
}

#[derive(Module, Debug)]
struct Block {
    layers: Vec<Projection>,
    theta: Projection,
    /// Steps of which the greatest is seen.
    pooled: usize,
    /// `[theta, t + h]`; none where `theta` is what is said.
    #[module(skip)]
    basis: Option<Arc<Basis>>,
}

/// What a stack is made of.
struct StackConfig {
    name: String,
    blocks: usize,
    basis: Option<Basis>,
    pooled: usize,
}

/// Greatest power of a trend, of the paper's code.
const DEGREE: usize = 2;

/// Steps of which each stack of an N-HiTS sees the greatest, and by how many its points are fewer than the horizon's steps:
/// what neuralforecast has by default.
const NHITS: [(usize, usize); 3] = [(2, 4), (2, 2), (1, 1)];

impl Blocks {
    /// Untrained.
    pub(crate) fn new(config: &NetworkConfig, device: &Device) -> Self {
        let stacks = stacks(config);
        let stacks = stacks.into_iter().map(|stack| Stack::new(stack, config, device)).collect();
        Self { stacks, input: config.input, forecast: config.forecast() }
    }

    /// What each stack adds to the forecasts of rows `[batch, numbers, 1]`, by its name: `[batch, horizon x outputs]`.
    pub fn parts(&self, input: Tensor<3>) -> Vec<(String, Tensor<2>)> {
        let mut x = self.enter(input);
        let add = |index: usize| {
            let next = self.stage(index, x.clone());
            let part = self.pool(next.clone()) - self.pool(x.clone());
            x = next;
            (self.stacks[index].name.clone(), part)
        };
        (0..self.stacks.len()).map(add).collect()
    }
}

fn stacks(config: &NetworkConfig) -> Vec<StackConfig> {
    let NetworkConfig { family, input, horizon, outputs, blocks, .. } = *config;
    let stack = |name: String, basis, pooled, blocks| StackConfig { name, blocks, basis, pooled };
    match family {
        Family::NBeatsInterpretable => {
            let trend = Basis::trend(DEGREE, [input, horizon], outputs);
            let season = Basis::season([input, horizon], outputs);
            vec![
                stack("trend".to_owned(), Some(trend), 1, blocks),
                stack("season".to_owned(), Some(season), 1, blocks),
            ]
        }
        Family::NHits => {
            let rows = NHITS.into_iter().enumerate();
            rows.map(|(index, (pooled, fewer))| {
                let points = (horizon / fewer).max(1);
                let basis =
                    (points < horizon).then(|| Basis::lines(points, [input, horizon], outputs));
                stack(format!("stack{index}"), basis, pooled.min(input), blocks)
            })
            .collect()
        }
        // A stack a block, so that any number of them can be frozen.
        _ => (0..blocks).map(|index| stack(format!("stack{index}"), None, 1, 1)).collect(),
    }
}

impl Stack {
    fn new(stack: StackConfig, config: &NetworkConfig, device: &Device) -> Self {
        let StackConfig { name, blocks, basis, pooled } = stack;
        let basis = basis.map(Arc::new);
        let whole = config.input + config.forecast();
        let said = basis.as_ref().map_or(whole, |basis| basis.functions());
        let block = |_| {
            let beside = config.features.numbers(config.input, config.horizon);
            let first = [config.input / pooled + beside, config.width];
            let layers = std::iter::once(first)
                .chain(std::iter::repeat_n([config.width; 2], config.layers - 1));
            Block {
                layers: layers.map(|channels| hidden(channels, device)).collect(),
                theta: saying([config.width, said], device),
                pooled,
                basis: basis.clone(),
            }
        };
        Self { blocks: (0..blocks).map(block).collect(), name }
    }
}

impl Block {
    /// `[b, 1, t + h]`, of which the first `input` are seen, beside covariates `[b, c]`, to the same.
    fn forward(&self, x: Tensor<3>, beside: Option<&Tensor<2>>, input: usize) -> Tensor<3> {
        let mut seen = self.seen(x.clone().narrow(2, 0, input));
        if let Some(beside) = beside {
            seen = Tensor::cat(vec![seen, beside.clone().unsqueeze_dim(1)], 2);
        }
        let hidden = self
            .layers
            .iter()
            .fold(seen, |x, layer| layer.forward_rows(&Rows::new(x), Activation::Relu));
        match &self.basis {
            None => self.theta.forward_add(hidden, x),
            Some(basis) => {
                let theta = self.theta.forward(hidden);
                let [rows, columns] = [basis.functions(), basis.steps()];
                let matrix = TensorData::new(basis.values().to_vec(), [1, rows, columns]);
                x.clone() + theta.matmul(Tensor::from_data(matrix, &x.device()))
            }
        }
    }

    /// The greatest of each few steps, the last of which are the window's; steps at its beginning that do not fill up are not
    /// seen.
    fn seen(&self, x: Tensor<3>) -> Tensor<3> {
        if self.pooled == 1 {
            return x;
        }
        let [batch, _, steps] = x.dims();
        let count = steps / self.pooled;
        let last = x.narrow(2, steps - count * self.pooled, count * self.pooled);
        last.reshape([batch, count, self.pooled]).max_dim(2).reshape([batch, 1, count])
    }
}

impl Backbone for Blocks {
    type Input = Tensor<3>;
    type Flow = WindowFlow;

    fn stages(&self) -> Vec<Stage> {
        let stack = |(index, stack): (usize, &Stack)| {
            let module = format!("stacks.{index}");
            Stage::vector(&stack.name, &[&module], self.input + self.forecast)
        };
        self.stacks.iter().enumerate().map(stack).collect()
    }

    fn depth(&self) -> usize {
        self.stacks.len()
    }

    fn enter(&self, input: Tensor<3>) -> WindowFlow {
        let [batch, numbers, _] = input.dims();
        let nothing = Tensor::zeros([batch, 1, self.forecast], (&input.device(), input.dtype()));
        let row = input.reshape([batch, numbers]);
        let covariates = numbers - self.input;
        let beside = (covariates > 0).then(|| row.clone().narrow(1, self.input, covariates));
        let window = row.narrow(1, 0, self.input).unsqueeze_dim(1);
        WindowFlow { x: Tensor::cat(vec![window, nothing], 2), beside }
    }

    fn stage(&self, index: usize, x: WindowFlow) -> WindowFlow {
        let WindowFlow { x, beside } = x;
        let blocks = self.stacks[index].blocks.iter();
        let x = blocks.fold(x, |x, block| block.forward(x, beside.as_ref(), self.input));
        WindowFlow { x, beside }
    }

    fn pool(&self, x: WindowFlow) -> Tensor<2> {
        let x = x.x;
        let [batch, _, _] = x.dims();
        x.narrow(2, self.input, self.forecast).reshape([batch, self.forecast])
    }

    fn embed_dim(&self) -> usize {
        self.forecast
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "", classifier: "" }
    }
}

#[cfg(test)]
mod tests {
    use rekindle_series::FeatureCounts;

    use super::*;

    fn windows(batch: usize, steps: usize) -> Tensor<3> {
        let values: Vec<f32> =
            (0..batch * steps).map(|at| ((at * 37 % 101) as f32 / 50.0) - 1.0).collect();
        Tensor::<1>::from_data(values.as_slice(), &Device::flex()).reshape([batch, steps, 1])
    }

    /// A layer by Burn's own operations.
    fn linear(layer: &Projection, x: Tensor<2>) -> Tensor<2> {
        let bias = layer.bias.as_ref().unwrap().val().unsqueeze::<2>();
        x.matmul(layer.weight.val().transpose()) + bias
    }

    /// As the papers write it: each block's backcast is taken away, its forecast is added; covariates are seen by all.
    #[test]
    fn blocks_take_away_and_add_up() {
        for family in [Family::NBeats, Family::NBeatsInterpretable, Family::NHits] {
            check(family, FeatureCounts::default());
            check(family, FeatureCounts { past: 1, known: 2, fixed: 3 });
        }
    }

    fn check(family: Family, features: FeatureCounts) {
        let config = NetworkConfig::new(family, 9, 4, 3);
        let config = NetworkConfig { width: 8, features, ..config };
        let network = Blocks::new(&config, &Device::flex());
        let x = windows(5, config.row());
        let row = x.clone().reshape([5, config.row()]);
        let beside = (config.row() > 9).then(|| row.clone().slice([0..5, 9..config.row()]));
        let mut rest = row.slice([0..5, 0..9]);
        let mut forecast = Tensor::<2>::zeros([5, 12], &Device::flex());
        for block in network.stacks.iter().flat_map(|stack| &stack.blocks) {
            let count = 9 / block.pooled;
            let seen = rest.clone().narrow(1, 9 - count * block.pooled, count * block.pooled);
            let seen = seen.reshape([5, count, block.pooled]).max_dim(2).reshape([5, count]);
            let seen = Tensor::cat(std::iter::once(seen).chain(beside.clone()).collect(), 1);
            let relu = burn::tensor::activation::relu::<2>;
            let hidden = block.layers.iter().fold(seen, |x, layer| relu(linear(layer, x)));
            let mut said = linear(&block.theta, hidden);
            if let Some(basis) = &block.basis {
                let shape = [basis.functions(), basis.steps()];
                let matrix = TensorData::new(basis.values().to_vec(), shape);
                said = said.matmul(Tensor::from_data(matrix, &Device::flex()));
            }
            rest = rest + said.clone().narrow(1, 0, 9);
            forecast = forecast + said.narrow(1, 9, 12);
        }
        let found = network.embed(x.clone());
        let off = (found.clone() - forecast).abs().max().into_scalar::<f32>();
        assert!(off < 1e-5, "{family:?}: {off}");
        let parts = network.parts(x);
        assert_eq!(parts.len(), network.depth());
        let sum = parts.into_iter().map(|part| part.1).reduce(|one, other| one + other);
        let off = (found - sum.unwrap()).abs().max().into_scalar::<f32>();
        assert!(off < 1e-5, "{family:?}: {off}");
    }
}
