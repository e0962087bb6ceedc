//! Networks that begin from nothing: the mean of embeddings, convolutions, LSTMs and GRUs, in one direction or both.
//!
//! ```text
//! tokens       [b, t]       numbers
//! 0 embeddings [b, t, e]    a table whose row for padding is zero
//! 1 layer0     [b, t, c]    convolution and ReLU, LSTM or GRU; 2 c where it reads from both ends
//! ...
//! pool         [b, c]       the mean, the greatest, or the last in each direction
//! ```
//!
//! Names are those of `embedding = nn.Embedding(...)` and `encoder = nn.LSTM(...)`, `nn.GRU(...)` or
//! `nn.ModuleList([nn.Conv1d(...), ...])` in PyTorch.

use burn::{
    module::{Param, ParamId},
    nn::{Dropout, DropoutConfig, Embedding},
    prelude::*,
    tensor::{Distribution, TensorData},
};
use rekindle_layers::{
    Activation, Backbone, Conv1d, Conv1dConfig, Pooling, Recurrence, Recurrent, RecurrentConfig,
    Sequence, Stage, StageOutput, TextFlow, TextPool, Tokens,
};

use crate::{EncoderConfig, Error, Family};

/// A network from nothing without a head.
#[derive(Module, Debug)]
pub struct Scratch {
    embedding: Embedding,
    encoder: Encoder,
    dropout: Dropout,
    before_head: f64,
    #[module(skip)]
    channels: [usize; 2],
    padding: usize,
    both_ends: bool,
    #[module(skip)]
    pool: TextPool,
}

/// What is above the table.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
enum Encoder {
    Convolutions(Vec<Conv1d>),
    Recurrent(Recurrent),
}

/// Rows of the table are drawn from ± this, as Keras draws them.
const BOUND: f64 = 0.05;

impl Scratch {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { embedding_size, hidden_size, num_hidden_layers: layers, .. } = *config;
        let both_ends = config.family.is_bidirectional();
        let recurrent = |kind| {
            let config = RecurrentConfig {
                num_layers: layers,
                bidirectional: both_ends,
                ..RecurrentConfig::new(kind, embedding_size, hidden_size)
            };
            Encoder::Recurrent(config.init(device))
        };
        let convolution = |index: usize| {
            let channels_in = if index == 0 { embedding_size } else { hidden_size };
            Conv1dConfig::new([channels_in, hidden_size], config.kernel_size).init(device)
        };
        let directions = if both_ends { 2 } else { 1 };
        Self {
            embedding: Embedding {
                weight: table([config.vocab_size, embedding_size], config.pad_token_id, device),
            },
            encoder: match config.family {
                Family::Lstm | Family::BiLstm => recurrent(Recurrence::Lstm),
                Family::Gru | Family::BiGru => recurrent(Recurrence::Gru),
                // Without layers, of the mean.
                _ => Encoder::Convolutions((0..layers).map(convolution).collect()),
            },
            dropout: DropoutConfig::new(config.hidden_dropout).init(),
            before_head: config.classifier_dropout,
            channels: [
                embedding_size,
                if layers == 0 { embedding_size } else { directions * hidden_size },
            ],
            padding: config.pad_token_id,
            both_ends,
            pool: config.pool,
        }
    }

    pub(crate) fn with_vectors(mut self, rows: &[(usize, &[f32])]) -> Result<Self, Error> {
        self.embedding.weight = given(self.embedding.weight, rows)?;
        Ok(self)
    }

    fn layers(&self) -> usize {
        match &self.encoder {
            Encoder::Convolutions(layers) => layers.len(),
            Encoder::Recurrent(layers) => layers.num_layers(),
        }
    }

    /// The vectors of tokens; those of padding, wherever it stands, are zero and take no gradient.
    fn embed_tokens(&self, Tokens { ids, mask, .. }: Tokens) -> Sequence {
        let there = mask.clone() * ids.clone().not_equal_elem(self.padding as i64).float();
        let x = self.embedding.forward(ids);
        let there = there.cast(x.dtype()).unsqueeze_dim::<3>(2);
        Sequence { hidden: self.dropout.forward(x * there), mask }
    }

    fn layer(&self, index: usize, x: Sequence) -> Sequence {
        let last = index + 1 == self.layers();
        x.with(|x, mask| {
            let y = match &self.encoder {
                Encoder::Convolutions(layers) => {
                    let y = layers[index].forward(x, Activation::Relu);
                    // The next one sees nothing where padding is, as if the text ended there.
                    let there = mask.clone().cast(y.dtype()).unsqueeze_dim::<3>(2);
                    if last { y } else { y * there }
                }
                Encoder::Recurrent(layers) => layers.forward_layer(index, x, Some(mask), None).0,
            };
            if last { y } else { self.dropout.forward(y) }
        })
    }
}

/// A table of tokens, drawn but for the padding's row, which is zero.
fn table([rows, channels]: [usize; 2], padding: usize, device: &Device) -> Param<Tensor<2>> {
    let init = move |device: &Device, trains: bool| {
        let drawn =
            Tensor::<2>::random([rows, channels], Distribution::Uniform(-BOUND, BOUND), device);
        let table = match padding < rows {
            true => {
                let zeros = Tensor::zeros([1, channels], device);
                drawn.slice_assign([padding..padding + 1, 0..channels], zeros)
            }
            false => drawn,
        };
        if trains { table.require_grad() } else { table }
    };
    let shape = Shape::from([rows, channels]);
    Param::uninitialized(ParamId::new(), init, device.clone(), true, shape)
}

/// A table with some of its rows given.
pub(crate) fn given(
    table: Param<Tensor<2>>,
    rows: &[(usize, &[f32])],
) -> Result<Param<Tensor<2>>, Error> {
    let [tokens, channels] = table.lazy_shape().dims();
    let fits = |(token, vector): &&(usize, &[f32])| *token < tokens && vector.len() == channels;
    if let Some(&(token, vector)) = rows.iter().find(|row| !fits(row)) {
        let table = format!("a table of {tokens} tokens and {channels} numbers each");
        return Err(Error::Vector { token, length: vector.len(), table });
    }
    if rows.is_empty() {
        return Ok(table);
    }
    let device = table.lazy_device();
    let trains = table.is_require_grad();
    let mut values: Vec<f32> = table.val().into_data().iter::<f32>().collect();
    for (token, vector) in rows {
        values[token * channels..][..channels].copy_from_slice(vector);
    }
    let values = Tensor::from_data(TensorData::new(values, [tokens, channels]), &device);
    // The same parameter with other values: it trains if it did.
    Ok(table.map(|_| values).set_require_grad(trains))
}

impl Backbone for Scratch {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        let [embedding, channels] = self.channels;
        let first = Stage::new("embeddings", &["embedding"], embedding, StageOutput::Sequence);
        let layer = |index: usize| {
            // PyTorch numbers the tensors of recurrent layers, not modules.
            let modules = match &self.encoder {
                Encoder::Convolutions(_) => vec![format!("encoder.{index}")],
                Encoder::Recurrent(_) => Recurrent::names(index)
                    .into_iter()
                    .map(|name| format!("encoder.{name}"))
                    .collect(),
            };
            let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
            Stage::new(&format!("layer{index}"), &modules, channels, StageOutput::Sequence)
        };
        std::iter::once(first).chain((0..self.layers()).map(layer)).collect()
    }

    fn depth(&self) -> usize {
        1 + self.layers()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        TextFlow::Sequence(match index {
            0 => self.embed_tokens(x.tokens()),
            _ => self.layer(index - 1, x.sequence()),
        })
    }

    fn pool(&self, x: TextFlow) -> Tensor<2> {
        let x = x.sequence();
        if !(self.both_ends && self.pool.pooling == Pooling::Last) {
            return self.pool.forward(x);
        }
        // Who reads from the end is done at the first token.
        let Sequence { hidden, mask } = x;
        let half = self.channels[1] / 2;
        let part = |first: usize, pooling: Pooling| {
            let hidden = hidden.clone().narrow(2, first, half);
            pooling.forward(Sequence { hidden, mask: mask.clone() })
        };
        let ends = Tensor::cat(vec![part(0, Pooling::Last), part(half, Pooling::First)], 1);
        self.pool.normalized(ends)
    }

    fn embed_dim(&self) -> usize {
        self.channels[1]
    }

    fn dropout(&self) -> f64 {
        self.before_head
    }
}

#[cfg(test)]
mod tests;
