//! Dense layers, causal convolutions, LSTM and GRU: what the first networks of a course on forecasting are.
//!
//! ```text
//! window   [b, t, 1]
//! layer0   [b, 1, c]     dense: all steps at once; convolutions and recurrent layers: [b, t, c]
//! ...
//! pool     [b, c]        the last step
//! head     [b, h]
//! ```
//!
//! Names are those of `layers = nn.ModuleList([...])` and `encoder = nn.LSTM(...)` in PyTorch.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, Conv1d, Conv1dConfig, Padding1d, Projection, Recurrence, Recurrent,
    RecurrentConfig, Rows, Stage, StageOutput,
};

use super::hidden;
use crate::{Family, NetworkConfig, config::KERNEL};

/// A network whose last state is the embedding.
#[derive(Module, Debug)]
pub struct Scratch {
    encoder: Encoder,
    width: usize,
    dropout: f64,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
enum Encoder {
    Dense(Vec<Projection>),
    Convolutions(Vec<Conv1d>),
    Recurrent(Recurrent),
}

impl Scratch {
    /// Untrained.
    pub(crate) fn new(config: &NetworkConfig, device: &Device) -> Self {
        let NetworkConfig { family, input, width, layers, dropout, .. } = *config;
        let channels = |index: usize, first: usize| [if index == 0 { first } else { width }, width];
        let convolution = |index: usize| {
            let padding = Padding1d::Causal;
            let config = Conv1dConfig::new(channels(index, 1), KERNEL);
            Conv1dConfig { dilation: 1 << index, padding, ..config }.init(device)
        };
        let recurrent = |kind| {
            let config = RecurrentConfig::new(kind, 1, width);
            Encoder::Recurrent(RecurrentConfig { num_layers: layers, ..config }.init(device))
        };
        let encoder = match family {
            Family::Lstm => recurrent(Recurrence::Lstm),
            Family::Gru => recurrent(Recurrence::Gru),
            Family::Conv1d => Encoder::Convolutions((0..layers).map(convolution).collect()),
            _ => Encoder::Dense(
                (0..layers).map(|index| hidden(channels(index, input), device)).collect(),
            ),
        };
        Self { encoder, width, dropout }
    }
}

impl Backbone for Scratch {
    type Input = Tensor<3>;
    type Flow = Tensor<3>;

    fn stages(&self) -> Vec<Stage> {
        let (layers, output) = match &self.encoder {
            Encoder::Dense(layers) => (layers.len(), StageOutput::Vector),
            Encoder::Convolutions(layers) => (layers.len(), StageOutput::Sequence),
            Encoder::Recurrent(layers) => (layers.num_layers(), StageOutput::Sequence),
        };
        let modules = |index: usize| match &self.encoder {
            // PyTorch numbers the tensors of recurrent layers, not modules.
            Encoder::Recurrent(_) => {
                Recurrent::names(index).iter().map(|name| format!("encoder.{name}")).collect()
            }
            _ => vec![format!("encoder.{index}")],
        };
        let stage = |index: usize| {
            let modules: Vec<String> = modules(index);
            let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
            Stage::new(&format!("layer{index}"), &modules, self.width, output)
        };
        (0..layers).map(stage).collect()
    }

    fn enter(&self, input: Tensor<3>) -> Tensor<3> {
        match &self.encoder {
            Encoder::Dense(_) => {
                let [batch, steps, channels] = input.dims();
                input.reshape([batch, 1, steps * channels])
            }
            _ => input,
        }
    }

    fn stage(&self, index: usize, x: Tensor<3>) -> Tensor<3> {
        match &self.encoder {
            Encoder::Dense(layers) => layers[index].forward_rows(&Rows::new(x), Activation::Relu),
            Encoder::Convolutions(layers) => layers[index].forward(x, Activation::Relu),
            Encoder::Recurrent(layers) => layers.forward_layer(index, x, None, None).0,
        }
    }

    fn pool(&self, x: Tensor<3>) -> Tensor<2> {
        let [batch, steps, channels] = x.dims();
        x.narrow(1, steps - 1, 1).reshape([batch, channels])
    }

    fn embed_dim(&self) -> usize {
        self.width
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}
