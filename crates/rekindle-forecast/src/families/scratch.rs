//! Dense layers, causal convolutions, LSTM and GRU: what the first networks of a course on forecasting are.
//!
//! ```text
//! window   [b, t, 1 + k]   values, and the covariates of their steps and of their series
//! layer0   [b, 1, c]       dense: all steps at once, of the horizon too; convolutions and recurrent layers: [b, t, c]
//! ...
//! context  [b, 1, c]       convolutions and recurrent layers where something is known ahead: the last step and the horizon
//! pool     [b, c]          the last step
//! head     [b, h]
//! ```
//!
//! That the horizon's covariates meet the last state is how neuralforecast's recurrent networks see them.
//!
//! Names are those of `layers = nn.ModuleList([...])` and `encoder = nn.LSTM(...)` in PyTorch.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, Conv1d, Conv1dConfig, Padding1d, Projection, Recurrence, Recurrent,
    RecurrentConfig, Rows, Stage, StageOutput,
};
use rekindle_series::FeatureCounts;

use super::hidden;
use crate::{Family, NetworkConfig, WindowFlow, config::KERNEL};

/// A network whose last state is the embedding.
#[derive(Module, Debug)]
pub struct Scratch {
    encoder: Encoder,
    /// `[c + horizon x known, c]`.
    context: Option<Projection>,
    width: usize,
    dropout: f64,
    #[module(skip)]
    row: Row,
}

/// What a row of input consists of.
#[derive(Debug, Clone, Copy)]
struct Row {
    input: usize,
    horizon: usize,
    features: FeatureCounts,
}

impl Row {
    /// Rows `[b, numbers, 1]` as `[b, t, 1 + k]` and what is known of the horizon, `[b, h x known]`.
    fn apart(&self, rows: Tensor<3>) -> WindowFlow {
        let Self { input, horizon, features: FeatureCounts { past, known, fixed } } = *self;
        if self.features.is_empty() {
            return WindowFlow::new(rows);
        }
        let [batch, numbers, _] = rows.dims();
        let rows = rows.reshape([batch, numbers]);
        let mut first = 0;
        let mut next = |[steps, width]: [usize; 2]| {
            let part = rows.clone().narrow(1, first, steps * width);
            first += steps * width;
            part.reshape([batch, steps, width])
        };
        let mut channels = vec![next([input, 1])];
        if past > 0 {
            channels.push(next([input, past]));
        }
        let ahead = (known > 0).then(|| {
            channels.push(next([input, known]));
            next([horizon, known]).reshape([batch, horizon * known])
        });
        if fixed > 0 {
            channels.push(next([1, fixed]).repeat_dim(1, input));
        }
        WindowFlow { x: Tensor::cat(channels, 2), beside: ahead }
    }
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
        let NetworkConfig { family, input, horizon, width, layers, dropout, features, .. } =
            *config;
        let steps = 1 + features.past + features.known + features.fixed;
        let channels = |index: usize, first: usize| [if index == 0 { first } else { width }, width];
        let convolution = |index: usize| {
            let padding = Padding1d::Causal;
            let config = Conv1dConfig::new(channels(index, steps), KERNEL);
            Conv1dConfig { dilation: 1 << index, padding, ..config }.init(device)
        };
        let recurrent = |kind| {
            let config = RecurrentConfig::new(kind, steps, width);
            Encoder::Recurrent(RecurrentConfig { num_layers: layers, ..config }.init(device))
        };
        let encoder = match family {
            Family::Lstm => recurrent(Recurrence::Lstm),
            Family::Gru => recurrent(Recurrence::Gru),
            Family::Conv1d => Encoder::Convolutions((0..layers).map(convolution).collect()),
            _ => Encoder::Dense(
                (0..layers).map(|index| hidden(channels(index, config.row()), device)).collect(),
            ),
        };
        let ahead = match encoder {
            Encoder::Dense(_) => 0,
            _ => horizon * features.known,
        };
        let context = (ahead > 0).then(|| hidden([width + ahead, width], device));
        Self { encoder, context, width, dropout, row: Row { input, horizon, features } }
    }
}

impl Backbone for Scratch {
    type Input = Tensor<3>;
    type Flow = WindowFlow;

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
        let context = self.context.iter();
        let context = context.map(|_| Stage::vector("context", &["context"], self.width));
        (0..layers).map(stage).chain(context).collect()
    }

    fn enter(&self, input: Tensor<3>) -> WindowFlow {
        match &self.encoder {
            Encoder::Dense(_) => {
                let [batch, steps, channels] = input.dims();
                WindowFlow::new(input.reshape([batch, 1, steps * channels]))
            }
            _ => self.row.apart(input),
        }
    }

    fn stage(&self, index: usize, x: WindowFlow) -> WindowFlow {
        let WindowFlow { x, beside } = x;
        let x = match &self.encoder {
            Encoder::Dense(layers) => layers[index].forward_rows(&Rows::new(x), Activation::Relu),
            Encoder::Convolutions(layers) if index < layers.len() => {
                layers[index].forward(x, Activation::Relu)
            }
            Encoder::Recurrent(layers) if index < layers.num_layers() => {
                layers.forward_layer(index, x, None, None).0
            }
            _ => match (&self.context, &beside) {
                (Some(context), Some(ahead)) => {
                    let [_, steps, _] = x.dims();
                    let both = vec![x.narrow(1, steps - 1, 1), ahead.clone().unsqueeze_dim(1)];
                    context.forward_rows(&Rows::new(Tensor::cat(both, 2)), Activation::Relu)
                }
                _ => panic!("stage {index} of a network that has fewer"),
            },
        };
        WindowFlow { x, beside }
    }

    fn pool(&self, x: WindowFlow) -> Tensor<2> {
        let x = x.x;
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
