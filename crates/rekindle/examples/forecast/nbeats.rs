//! N-BEATS as a backbone of one's own, and how it is trained.

use burn::nn::{Initializer, Linear, LinearConfig};
use burn::{prelude::*, tensor::activation::relu};
use rekindle::{
    forecast::{Error, Forecaster, NetworkConfig, TrainConfig, train_network},
    layers::{Backbone, Landmarks, Stage},
    series::Panel,
    transfer::Classifier,
};

// ANCHOR: block
/// Dense layers, and what they say of the window and of what follows it.
#[derive(Module, Debug)]
struct Block {
    layers: Vec<Linear>,
    theta: Linear,
}

/// N-BEATS, generic: Oreshkin and others 2020, <https://arxiv.org/abs/1905.10437>.
#[derive(Module, Debug)]
pub(crate) struct NBeats {
    blocks: Vec<Block>,
    input: usize,
    forecast: usize,
}

impl NBeats {
    fn new(config: &NetworkConfig, device: &Device) -> Self {
        let (input, forecast) = (config.input, config.forecast());
        let linear = |channels_in, channels_out, gain| {
            let begin = Initializer::KaimingUniform { gain, fan_out_only: false };
            LinearConfig::new(channels_in, channels_out).with_initializer(begin).init(device)
        };
        let block = |_| {
            let first = std::iter::once(linear(input, config.width, 1.4));
            let more = (1..config.layers).map(|_| linear(config.width, config.width, 1.4));
            // A block begins with saying little.
            let theta = linear(config.width, input + forecast, 0.1);
            Block { layers: first.chain(more).collect(), theta }
        };
        Self { blocks: (0..config.blocks).map(block).collect(), input, forecast }
    }
}
// ANCHOR_END: block

// ANCHOR: backbone
impl Backbone for NBeats {
    /// Windows, `[batch, input, 1]`.
    type Input = Tensor<3>;
    /// What is left of the window, and the forecast so far: `[batch, 1, input + forecast]`.
    type Flow = Tensor<3>;

    fn stages(&self) -> Vec<Stage> {
        let stage = |block: usize| {
            let modules = format!("blocks.{block}");
            Stage::vector(&format!("block{block}"), &[&modules], self.input + self.forecast)
        };
        (0..self.blocks.len()).map(stage).collect()
    }
    fn enter(&self, windows: Tensor<3>) -> Tensor<3> {
        let nothing = Tensor::zeros([windows.dims()[0], 1, self.forecast], &windows.device());
        Tensor::cat(vec![windows.swap_dims(1, 2), nothing], 2)
    }
    fn stage(&self, index: usize, x: Tensor<3>) -> Tensor<3> {
        let block = &self.blocks[index];
        let seen = x.clone().narrow(2, 0, self.input);
        let hidden = block.layers.iter().fold(seen, |x, layer| relu(layer.forward(x)));
        let said = block.theta.forward(hidden);
        let backcast = said.clone().narrow(2, 0, self.input).neg();
        x + Tensor::cat(vec![backcast, said.narrow(2, self.input, self.forecast)], 2)
    }
    fn pool(&self, x: Tensor<3>) -> Tensor<2> {
        x.narrow(2, self.input, self.forecast).flatten(1, 2)
    }
    fn embed_dim(&self) -> usize {
        self.forecast
    }
    /// The forecast is what blocks add up: there is no head.
    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "", classifier: "" }
    }
}
// ANCHOR_END: backbone

// ANCHOR: train
pub(crate) fn learned(seen: &Panel, config: &TrainConfig) -> Result<Forecaster<NBeats>, Error> {
    let device = Device::flex().autodiff();
    device.seed(config.seed);
    let network = &config.model.network;
    let network = Classifier::new(NBeats::new(network, &device), network.forecast(), &device);
    Ok(train_network(seen, config, network, None, &mut [])?.forecaster)
}
// ANCHOR_END: train
