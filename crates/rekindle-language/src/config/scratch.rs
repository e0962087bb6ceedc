//! What the `config.json` of a network says that begins from nothing, or is a table of given vectors.
//!
//! | name | layers | becomes a text by | reference |
//! |---|---|---|---|
//! | `mean` | none | the mean | |
//! | `conv1d` | 32 filters over 5 tokens, ReLU | the greatest | Kim 2014, <https://arxiv.org/abs/1408.5882> |
//! | `lstm` | 64 units | the last | Hochreiter & Schmidhuber 1997, <https://doi.org/10.1162/neco.1997.9.8.1735> |
//! | `gru` | 64 units | the last | Cho et al. 2014, <https://arxiv.org/abs/1406.1078> |
//! | `bilstm`, `bigru` | 64 units in each direction | the last of each direction | |

use std::ops::RangeInclusive;

use rekindle_layers::{Activation, Pooling, TextPool};

use super::{EncoderConfig, Family, MOST_LAYERS, raw::Raw};
use crate::{Error, pooling::pooling_named};

/// A network from nothing as it is made where nothing else is asked for.
struct Row {
    name: &'static str,
    family: Family,
    units: usize,
    layers: usize,
    kernel: usize,
    pooling: Pooling,
}

#[rustfmt::skip]
const ROWS: [Row; 6] = [
    Row { name: "mean",   family: Family::Mean,   units: EMBEDDING, layers: 0, kernel: 1, pooling: Pooling::Mean },
    Row { name: "conv1d", family: Family::Conv1d, units: 32,        layers: 1, kernel: 5, pooling: Pooling::Max },
    Row { name: "lstm",   family: Family::Lstm,   units: 64,        layers: 1, kernel: 1, pooling: Pooling::Last },
    Row { name: "gru",    family: Family::Gru,    units: 64,        layers: 1, kernel: 1, pooling: Pooling::Last },
    Row { name: "bilstm", family: Family::BiLstm, units: 64,        layers: 1, kernel: 1, pooling: Pooling::Last },
    Row { name: "bigru",  family: Family::BiGru,  units: 64,        layers: 1, kernel: 1, pooling: Pooling::Last },
];

/// The names of networks that begin from nothing, for [`EncoderConfig::scratch`].
pub const SCRATCH: [&str; 6] = {
    let mut names = [""; ROWS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = ROWS[at].name;
        at += 1;
    }
    names
};

/// Numbers of a token's vector.
const EMBEDDING: usize = 128;
/// The most tokens of a text, where nothing says how many: as many as of BERT.
const LENGTH: usize = 512;

impl Family {
    /// Whether it is one of [`SCRATCH`].
    pub fn is_scratch(self) -> bool {
        ROWS.iter().any(|row| row.family == self)
    }

    /// Whether its layers read from both ends.
    pub(crate) fn is_bidirectional(self) -> bool {
        matches!(self, Self::BiLstm | Self::BiGru)
    }

    /// How many layers there may be.
    pub(super) fn layers(self) -> RangeInclusive<usize> {
        match self {
            Self::Mean | Self::Static => 0..=0,
            _ => 1..=MOST_LAYERS,
        }
    }
}

impl EncoderConfig {
    /// A network of a name in [`SCRATCH`] for `vocab_size` tokens, of which 0 pads. Every field may be changed.
    ///
    /// | field | is | usual |
    /// |---|---|---|
    /// | `embedding_size` | numbers of a token's vector | 128 |
    /// | `hidden_size` | filters, or units in each direction; of `mean` nothing | 64, `conv1d` 32 |
    /// | `num_hidden_layers` | layers on top of each other; of `mean` none | 1 |
    /// | `kernel_size` | tokens that a convolution sees | 5 |
    /// | `hidden_dropout`, `classifier_dropout` | dropped of embeddings and between layers, before the head | 0 |
    /// | `max_position_embeddings` | the most tokens of a text | 512 |
    /// | `pool` | how tokens become a text | by name |
    ///
    /// # Errors
    ///
    /// If there is no such name, or there cannot be so many tokens.
    pub fn scratch(name: &str, vocab_size: usize) -> Result<Self, Error> {
        let row = ROWS.iter().find(|row| row.name == name);
        let row =
            row.ok_or_else(|| Error::Scratch { found: name.to_owned(), known: SCRATCH.to_vec() })?;
        let config = Self {
            hidden_size: row.units,
            num_hidden_layers: row.layers,
            kernel_size: row.kernel,
            pool: TextPool { pooling: row.pooling, normalize: false },
            ..Self::bare(row.family, vocab_size, EMBEDDING)
        };
        config.check()?;
        Ok(config)
    }

    /// A table of `vocab_size` given vectors of `dim` numbers, such as GloVe's, and their mean.
    ///
    /// # Errors
    ///
    /// If there cannot be such a table.
    pub fn vectors(vocab_size: usize, dim: usize) -> Result<Self, Error> {
        let config = Self::bare(Family::Static, vocab_size, dim);
        config.check()?;
        Ok(config)
    }

    /// Reads a `config.json` whose family says less in it than there is: of model2vec's the table's size, and whether its
    /// tokens have weights, stand in the file of weights alone. `shape_of` gives the shape of a tensor there.
    ///
    /// # Errors
    ///
    /// Those of [`from_json`](Self::from_json).
    pub fn from_json_with_shapes(
        text: &str,
        shape_of: impl Fn(&str) -> Option<Vec<usize>>,
    ) -> Result<Self, Error> {
        let mut raw: Raw = serde_json::from_str(text)?;
        if raw.model_type == Family::Static.name()
            && let Some([rows, dim]) = shape_of("embeddings").as_deref()
        {
            raw.vocab_size = Some(*rows);
            raw.hidden_size = Some(*dim);
            raw.token_weights = Some(shape_of("weights").is_some());
        }
        Self::of(raw)
    }

    /// Parameters of a layer, the first or a later one.
    pub(super) fn scratch_layer(&self) -> u128 {
        let units = self.hidden_size as u128;
        let (gates, directions) = match self.family {
            Family::Lstm => (4, 1),
            Family::Gru => (3, 1),
            Family::BiLstm => (4, 2),
            Family::BiGru => (3, 2),
            _ => return self.kernel_size as u128 * units * units.max(self.embedding_size as u128),
        };
        let read = (directions * units).max(self.embedding_size as u128);
        gates * directions * units * (read + units)
    }

    /// A table of tokens and nothing behind it.
    fn bare(family: Family, vocab_size: usize, dim: usize) -> Self {
        Self {
            family,
            vocab_size,
            hidden_size: dim,
            embedding_size: dim,
            num_hidden_layers: 0,
            num_attention_heads: 1,
            intermediate_size: 1,
            activation: Activation::Relu,
            max_position_embeddings: LENGTH,
            type_vocab_size: 0,
            pad_token_id: 0,
            layer_norm_eps: 0.0,
            norm_bias: false,
            hidden_dropout: 0.0,
            attention_dropout: 0.0,
            classifier_dropout: 0.0,
            position_buckets: 0,
            max_relative_positions: 0,
            norm_relative: false,
            local_attention: 0,
            global_attention_every: 1,
            rotary_bases: [1.0; 2],
            matrix_bias: false,
            kernel_size: 1,
            token_weights: false,
            pool: TextPool { pooling: Pooling::Mean, normalize: false },
        }
    }
}

impl Raw {
    /// The config of a network from nothing or of a table of vectors; what is not said is as usual.
    pub(super) fn scratch(
        self,
        name: &'static str,
        family: Family,
    ) -> Result<EncoderConfig, Error> {
        let lacks = |field| Error::Lacks { family: name, field };
        let vocab_size = self.vocab_size.ok_or_else(|| lacks("vocab_size"))?;
        let usual = match ROWS.iter().find(|row| row.family == family) {
            Some(row) => EncoderConfig::scratch(row.name, vocab_size)?,
            // model2vec says `hidden_dim`, which is something else of other families.
            None => {
                let dim = self.hidden_size.or(self.intermediate_size);
                EncoderConfig::vectors(vocab_size, dim.ok_or_else(|| lacks("hidden_dim"))?)?
            }
        };
        let pooling = match self.pooling_mode {
            None => usual.pool.pooling,
            Some(mode) => pooling_named(mode)?,
        };
        let embedding_size = self.embedding_size.unwrap_or(usual.embedding_size);
        let config = EncoderConfig {
            embedding_size,
            hidden_size: self.hidden_size.unwrap_or(usual.hidden_size),
            num_hidden_layers: self.num_hidden_layers.unwrap_or(usual.num_hidden_layers),
            kernel_size: self.kernel_size.unwrap_or(usual.kernel_size),
            max_position_embeddings: self.max_position_embeddings.unwrap_or(LENGTH),
            pad_token_id: self.pad_token_id.unwrap_or(usual.pad_token_id),
            hidden_dropout: self.hidden_dropout_prob.unwrap_or(usual.hidden_dropout),
            classifier_dropout: self.classifier_dropout.unwrap_or(usual.classifier_dropout),
            token_weights: self.token_weights.unwrap_or(false),
            pool: TextPool { pooling, normalize: self.normalize.unwrap_or(false) },
            ..usual
        };
        config.check()?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut configs: Vec<_> =
            SCRATCH.iter().map(|name| EncoderConfig::scratch(name, 99).unwrap()).collect();
        configs.push(EncoderConfig {
            token_weights: true,
            pool: TextPool { pooling: Pooling::Mean, normalize: true },
            ..EncoderConfig::vectors(99, 50).unwrap()
        });
        configs.push(EncoderConfig {
            embedding_size: 50,
            hidden_size: 24,
            num_hidden_layers: 3,
            max_position_embeddings: 15,
            pad_token_id: 2,
            hidden_dropout: 0.1,
            classifier_dropout: 0.5,
            pool: TextPool { pooling: Pooling::Max, normalize: true },
            ..EncoderConfig::scratch("bigru", 99).unwrap()
        });
        configs.push(EncoderConfig {
            kernel_size: 3,
            num_hidden_layers: 2,
            ..EncoderConfig::scratch("conv1d", 99).unwrap()
        });
        for config in configs {
            let text = config.to_json();
            assert_eq!(EncoderConfig::from_json(&text).unwrap(), config, "{text}");
        }
    }

    /// As the course's: 1,280,000 in the table, then 0, 20,512, 49,408, 37,248 and 98,816; PyTorch's LSTM has a second bias.
    #[test]
    fn the_courses_networks_have_as_many_parameters() {
        for (name, layer) in [
            ("mean", 0),
            ("conv1d", 20_512),
            ("lstm", 49_408 + 256),
            ("gru", 37_248),
            ("bilstm", 98_816 + 512),
            ("bigru", 2 * 37_248),
        ] {
            let config = EncoderConfig::scratch(name, 10_000).unwrap();
            let network = crate::TextBackbone::new(&config, &burn::prelude::Device::flex());
            let all = rekindle_layers::parameters(&network);
            let count: usize = all.iter().map(rekindle_layers::ParameterInfo::count).sum();
            assert_eq!(count, 1_280_000 + layer, "{name}");
        }
    }

    /// model2vec says in its config how long vectors are, and nowhere how many there are.
    #[test]
    fn the_size_of_a_table_comes_from_its_file() {
        let text = r#"{"model_type": "model2vec", "architectures": ["StaticModel"], "hidden_dim": 3, "normalize": true}"#;
        let error = EncoderConfig::from_json(text).unwrap_err().to_string();
        assert!(error.contains("a model2vec lacks `vocab_size`"), "{error}");
        for weights in [true, false] {
            let shape_of = |name: &str| match name {
                "embeddings" => Some(vec![7, 5]),
                "weights" => weights.then(|| vec![7]),
                _ => None,
            };
            let config = EncoderConfig::from_json_with_shapes(text, shape_of).unwrap();
            assert_eq!((config.vocab_size, config.hidden_size, config.embedding_size), (7, 5, 5));
            assert_eq!((config.token_weights, config.pool.normalize), (weights, true));
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let error = EncoderConfig::scratch("rnn", 99).unwrap_err().to_string();
        assert!(error.contains("`rnn`") && error.contains("mean, conv1d, lstm, gru"), "{error}");
        let text = EncoderConfig::scratch("lstm", 99).unwrap().to_json();
        for (from, to, named) in [
            ("99", "0", "vocab_size 0"),
            ("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 0", "num_hidden_layers 0"),
            ("\"hidden_size\": 64", "\"hidden_size\": 4194304", "parameters, of at most"),
            ("lasttoken", "first", "pooling_mode first"),
            (
                "\"hidden_dropout_prob\": 0.0",
                "\"hidden_dropout_prob\": 1.0",
                "hidden_dropout_prob 1",
            ),
            ("rekindle-lstm", "rekindle-mean", "num_hidden_layers 1: it must be in 0..=0"),
            ("rekindle-lstm", "rekindle-rnn", "`rekindle-rnn` is not known"),
        ] {
            let text = text.replacen(from, to, 1);
            let error = EncoderConfig::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(named), "{to}: {error} in {text}");
        }
    }
}
