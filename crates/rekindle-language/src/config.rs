//! A `config.json` as transformers writes it, whatever its family calls things; or as we write it for networks of our own.

mod raw;
mod scratch;
mod write;

pub use scratch::SCRATCH;

use rekindle_layers::{Activation, Pooling, TextPool};

use self::raw::{Raw, activation};
use crate::Error;

/// A family of encoders, by transformers' `model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `bert`: BERT, MiniLM, BGE, E5, GTE.
    Bert,
    /// `roberta`
    Roberta,
    /// `xlm-roberta`
    XlmRoberta,
    /// `electra`
    Electra,
    /// `distilbert`
    DistilBert,
    /// `mpnet`
    Mpnet,
    /// `modernbert`
    ModernBert,
    /// `deberta-v2`, which v3 is called too.
    Deberta,
    /// `rekindle-mean`: the mean of embeddings. It and the next begin from nothing.
    Mean,
    /// `rekindle-conv1d`: convolutions over embeddings.
    Conv1d,
    /// `rekindle-lstm`
    Lstm,
    /// `rekindle-gru`
    Gru,
    /// `rekindle-bilstm`: LSTMs that read from both ends.
    BiLstm,
    /// `rekindle-bigru`: GRUs that read from both ends.
    BiGru,
    /// `model2vec`: a table of given vectors, and their mean.
    Static,
}

const FAMILIES: [(&str, Family); 15] = [
    ("bert", Family::Bert),
    ("roberta", Family::Roberta),
    ("xlm-roberta", Family::XlmRoberta),
    ("electra", Family::Electra),
    ("distilbert", Family::DistilBert),
    ("mpnet", Family::Mpnet),
    ("modernbert", Family::ModernBert),
    ("deberta-v2", Family::Deberta),
    ("rekindle-mean", Family::Mean),
    ("rekindle-conv1d", Family::Conv1d),
    ("rekindle-lstm", Family::Lstm),
    ("rekindle-gru", Family::Gru),
    ("rekindle-bilstm", Family::BiLstm),
    ("rekindle-bigru", Family::BiGru),
    ("model2vec", Family::Static),
];

/// More of anything than any encoder has: a config beyond it is no config, and would take all memory.
const MOST: usize = 1 << 22;
/// More layers, and more parameters, than any encoder has.
const MOST_LAYERS: usize = 1024;
const MOST_PARAMETERS: u128 = 1 << 34;

impl Family {
    /// The `model_type` of its configs.
    pub fn name(self) -> &'static str {
        FAMILIES.iter().find(|(_, family)| *family == self).map_or("", |(name, _)| name)
    }
}

/// What tells one encoder from another: the fields of its `config.json` that its answers depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderConfig {
    /// Which family.
    pub family: Family,
    /// Rows of the table of tokens.
    pub vocab_size: usize,
    /// Numbers of a token's vector; units of a recurrent layer in each direction.
    pub hidden_size: usize,
    /// Numbers of a token's vector in the tables, where that is another number: ELECTRA's, and that of networks from nothing.
    pub embedding_size: usize,
    /// Layers; none where the embeddings themselves are pooled.
    pub num_hidden_layers: usize,
    /// Heads of each layer's attention.
    pub num_attention_heads: usize,
    /// Numbers between the two matrices of a layer.
    pub intermediate_size: usize,
    /// What is between them.
    pub activation: Activation,
    /// Rows of the table of positions; without such a table, the most tokens of a text.
    pub max_position_embeddings: usize,
    /// Rows of the table that tells the texts of a pair apart; 0 where there is none.
    pub type_vocab_size: usize,
    /// The number of the token that pads.
    pub pad_token_id: usize,
    /// Added to the variance by norms.
    pub layer_norm_eps: f64,
    /// Whether norms add something, in ModernBERT.
    pub norm_bias: bool,
    /// Dropped of hidden states in training.
    pub hidden_dropout: f64,
    /// Dropped of what tokens look at in training.
    pub attention_dropout: f64,
    /// Dropped before the head.
    pub classifier_dropout: f64,
    /// Buckets of relative positions: MPNet's, DeBERTa's.
    pub position_buckets: usize,
    /// Relative positions that DeBERTa tells apart.
    pub max_relative_positions: usize,
    /// Whether the table of DeBERTa's relative positions is normalized.
    pub norm_relative: bool,
    /// Tokens that ModernBERT's local layers look at, all in all.
    pub local_attention: usize,
    /// Which layers of ModernBERT look at all tokens: every n-th.
    pub global_attention_every: usize,
    /// Bases of rotary positions, of layers that look at all tokens and of local ones.
    pub rotary_bases: [f64; 2],
    /// Whether ModernBERT's matrices add something.
    pub matrix_bias: bool,
    /// Tokens that a convolution sees.
    pub kernel_size: usize,
    /// Whether each token of a table of given vectors has a weight too.
    pub token_weights: bool,
    /// How tokens become a text: their mean, unless something else is known.
    pub pool: TextPool,
}

impl EncoderConfig {
    /// Reads a `config.json`.
    ///
    /// What is not said has transformers' defaults, as there; what would change the answers and is not known here is an error.
    ///
    /// # Errors
    ///
    /// If it is no such config, of another kind of model, or asks for what is not there.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        Self::of(serde_json::from_str(text)?)
    }

    fn of(raw: Raw) -> Result<Self, Error> {
        let known = FAMILIES.iter().find(|(name, _)| *name == raw.model_type);
        let &(name, family) = known.ok_or_else(|| Error::Family {
            found: raw.model_type.clone(),
            known: FAMILIES.iter().map(|(name, _)| *name).collect(),
        })?;
        if family.is_scratch() || family == Family::Static {
            return raw.scratch(name, family);
        }
        let modern = family == Family::ModernBert;
        let number =
            |field, value: Option<usize>| value.ok_or(Error::Lacks { family: name, field });
        let hidden_size = number("hidden_size", raw.hidden_size)?;
        let max_position_embeddings =
            number("max_position_embeddings", raw.max_position_embeddings)?;
        let usual_types = match family {
            Family::Bert | Family::Roberta | Family::XlmRoberta | Family::Electra => 2,
            _ => 0,
        };
        let usual_eps = match family {
            Family::ModernBert => 1e-5,
            Family::Deberta => 1e-7,
            _ => 1e-12,
        };
        let usual_pad = match family {
            Family::Roberta | Family::XlmRoberta | Family::Mpnet => 1,
            Family::ModernBert => 50_283,
            _ => 0,
        };
        let hidden_dropout = raw.hidden_dropout_prob.unwrap_or(if modern { 0.0 } else { 0.1 });
        let base = |kind: &str, old: Option<f64>, usual: f64| {
            let new = raw
                .rope_parameters
                .as_ref()
                .and_then(|all| all.get(kind)?.get("rope_theta")?.as_f64());
            new.or(old).unwrap_or(usual)
        };
        let buckets = match family {
            Family::Mpnet => raw.relative_attention_num_buckets.unwrap_or(32),
            _ => raw.position_buckets.map_or(0, |buckets| usize::try_from(buckets).unwrap_or(0)),
        };
        let relative = raw.max_relative_positions.and_then(|most| usize::try_from(most).ok());
        let config = Self {
            family,
            vocab_size: number("vocab_size", raw.vocab_size)?,
            hidden_size,
            embedding_size: match family {
                Family::Electra => raw.embedding_size.unwrap_or(128),
                _ => raw.embedding_size.unwrap_or(hidden_size),
            },
            num_hidden_layers: number("num_hidden_layers", raw.num_hidden_layers)?,
            num_attention_heads: number("num_attention_heads", raw.num_attention_heads)?,
            intermediate_size: number("intermediate_size", raw.intermediate_size)?,
            activation: activation(raw.hidden_act.as_deref().unwrap_or("gelu"))?,
            max_position_embeddings,
            type_vocab_size: raw.type_vocab_size.unwrap_or(usual_types),
            pad_token_id: raw.pad_token_id.unwrap_or(usual_pad),
            layer_norm_eps: raw.layer_norm_eps.unwrap_or(usual_eps),
            norm_bias: raw.norm_bias.unwrap_or(!modern),
            hidden_dropout,
            attention_dropout: raw.attention_probs_dropout_prob.unwrap_or(if modern {
                0.0
            } else {
                0.1
            }),
            classifier_dropout: raw.classifier_dropout.unwrap_or(hidden_dropout),
            position_buckets: buckets,
            max_relative_positions: relative
                .filter(|most| *most > 0)
                .unwrap_or(max_position_embeddings),
            norm_relative: raw
                .norm_rel_ebd
                .as_deref()
                .is_some_and(|norms| norms.contains("layer_norm")),
            local_attention: raw.local_attention.unwrap_or(128),
            global_attention_every: raw.global_attn_every_n_layers.unwrap_or(3),
            rotary_bases: [
                base("full_attention", raw.global_rope_theta, 160_000.0),
                base("sliding_attention", raw.local_rope_theta, 10_000.0),
            ],
            matrix_bias: raw.attention_bias.unwrap_or(false),
            kernel_size: 1,
            token_weights: false,
            pool: TextPool { pooling: Pooling::Mean, normalize: false },
        };
        raw.check(&config)?;
        config.check()?;
        Ok(config)
    }

    /// The most tokens of a text, those around it included.
    pub fn max_tokens(&self) -> usize {
        match self.family {
            // Positions are counted from behind the padding's number.
            Family::Roberta | Family::XlmRoberta | Family::Mpnet => {
                self.max_position_embeddings.saturating_sub(self.pad_token_id + 1)
            }
            _ => self.max_position_embeddings,
        }
    }

    /// Whether there can be such a network, for whoever changes a field.
    ///
    /// # Errors
    ///
    /// The first field that is out of its range, and that range.
    pub fn check(&self) -> Result<(), Error> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("embedding_size", self.embedding_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("global_attn_every_n_layers", self.global_attention_every),
            ("kernel_size", self.kernel_size),
        ];
        let layers = self.family.layers();
        for (field, value) in sizes {
            let range = match field {
                "num_hidden_layers" => layers.clone(),
                _ => 1..=MOST,
            };
            if !range.contains(&value) {
                let reason = format!("it must be in {range:?}");
                return Err(Error::Field { field, value: value.to_string(), reason });
            }
        }
        for (field, share) in [
            ("hidden_dropout_prob", self.hidden_dropout),
            ("attention_probs_dropout_prob", self.attention_dropout),
            ("classifier_dropout", self.classifier_dropout),
        ] {
            if !(0.0..1.0).contains(&share) {
                let reason = "it must be at least 0 and less than 1".to_owned();
                return Err(Error::Field { field, value: share.to_string(), reason });
            }
        }
        let of = |a: usize, b: usize| a as u128 * b as u128;
        let layer = match self.family.is_scratch() {
            true => self.scratch_layer(),
            false => {
                4 * of(self.hidden_size, self.hidden_size)
                    + 3 * of(self.hidden_size, self.intermediate_size)
            }
        };
        let tables = of(self.vocab_size, self.embedding_size)
            + of(self.max_position_embeddings, self.embedding_size)
            + of(2 * self.position_buckets.max(self.max_relative_positions), self.hidden_size)
            + of(self.type_vocab_size, self.embedding_size);
        let parameters = tables + layer * self.num_hidden_layers as u128;
        if parameters > MOST_PARAMETERS {
            let reason = format!(
                "with all else that makes {parameters} parameters, of at most {MOST_PARAMETERS}"
            );
            let value = self.hidden_size.to_string();
            return Err(Error::Field { field: "hidden_size", value, reason });
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let reason = format!("hidden_size {} is no multiple of it", self.hidden_size);
            let value = self.num_attention_heads.to_string();
            return Err(Error::Field { field: "num_attention_heads", value, reason });
        }
        if self.max_tokens() == 0 {
            let reason = format!("no token fits behind the padding's number {}", self.pad_token_id);
            let value = self.max_position_embeddings.to_string();
            return Err(Error::Field { field: "max_position_embeddings", value, reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64}"#;

    /// transformers' own defaults, and what each family calls things.
    #[test]
    fn what_is_not_said_is_as_in_transformers() {
        let bert = EncoderConfig::from_json(BERT).unwrap();
        assert_eq!((bert.layer_norm_eps, bert.type_vocab_size, bert.pad_token_id), (1e-12, 2, 0));
        assert_eq!((bert.hidden_dropout, bert.max_tokens()), (0.1, 64));
        let roberta = EncoderConfig::from_json(&BERT.replace("bert", "roberta")).unwrap();
        assert_eq!((roberta.pad_token_id, roberta.max_tokens()), (1, 62));
        let distilbert = r#"{"model_type": "distilbert", "vocab_size": 99, "dim": 16, "n_layers": 3, "n_heads": 4,
            "hidden_dim": 40, "max_position_embeddings": 64, "dropout": 0.2, "seq_classif_dropout": 0.3}"#;
        let distilbert = EncoderConfig::from_json(distilbert).unwrap();
        assert_eq!((distilbert.num_hidden_layers, distilbert.intermediate_size), (3, 40));
        assert_eq!((distilbert.hidden_dropout, distilbert.classifier_dropout), (0.2, 0.3));
    }

    #[test]
    fn what_cannot_be_honored_is_named() {
        for (from, to, named) in [
            ("bert", "gpt2", "model_type `gpt2` is not known; known are bert,"),
            ("\"hidden_size\": 16, ", "", "lacks `hidden_size`"),
            ("\"num_attention_heads\": 2", "\"num_attention_heads\": 3", "num_attention_heads 3"),
            ("99", "0", "vocab_size 0"),
            ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1025", "num_hidden_layers 1025"),
            ("\"hidden_size\": 16", "\"hidden_size\": 4194304", "parameters, of at most"),
            ("99", "99, \"hidden_act\": \"tanhshrink\"", "known are gelu"),
            ("99", "99, \"position_embedding_type\": \"relative_key\"", "relative_key"),
            ("99", "99, \"is_decoder\": true", "is_decoder"),
            ("{", "", "not the config.json of a text encoder"),
        ] {
            let text = BERT.replacen(from, to, 1);
            assert_ne!(text, BERT, "{from}");
            let error = EncoderConfig::from_json(&text).unwrap_err().to_string();
            assert!(error.contains(named), "{to}: {error}");
        }
    }
}
