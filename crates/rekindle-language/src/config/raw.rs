//! What a `config.json` may say, and what of it cannot be honored.

use rekindle_layers::Activation;
use serde::Deserialize;
use serde_json::Value;

use super::{EncoderConfig, Family};
use crate::Error;

/// The names of all families.
#[derive(Debug, Deserialize)]
pub(super) struct Raw {
    pub(super) model_type: String,
    pub(super) vocab_size: Option<usize>,
    #[serde(alias = "dim")]
    pub(super) hidden_size: Option<usize>,
    pub(super) embedding_size: Option<usize>,
    #[serde(alias = "n_layers")]
    pub(super) num_hidden_layers: Option<usize>,
    #[serde(alias = "n_heads")]
    pub(super) num_attention_heads: Option<usize>,
    #[serde(alias = "hidden_dim")]
    pub(super) intermediate_size: Option<usize>,
    #[serde(alias = "activation", alias = "hidden_activation")]
    pub(super) hidden_act: Option<String>,
    pub(super) max_position_embeddings: Option<usize>,
    pub(super) type_vocab_size: Option<usize>,
    pub(super) pad_token_id: Option<usize>,
    #[serde(alias = "norm_eps")]
    pub(super) layer_norm_eps: Option<f64>,
    pub(super) norm_bias: Option<bool>,
    #[serde(alias = "dropout", alias = "mlp_dropout")]
    pub(super) hidden_dropout_prob: Option<f64>,
    #[serde(alias = "attention_dropout")]
    pub(super) attention_probs_dropout_prob: Option<f64>,
    #[serde(alias = "seq_classif_dropout")]
    pub(super) classifier_dropout: Option<f64>,
    pub(super) position_embedding_type: Option<String>,
    pub(super) is_decoder: Option<bool>,
    pub(super) sinusoidal_pos_embds: Option<bool>,
    pub(super) relative_attention_num_buckets: Option<usize>,
    pub(super) position_buckets: Option<i64>,
    pub(super) max_relative_positions: Option<i64>,
    pub(super) relative_attention: Option<bool>,
    pub(super) norm_rel_ebd: Option<String>,
    pub(super) share_att_key: Option<bool>,
    pub(super) pos_att_type: Option<Value>,
    pub(super) position_biased_input: Option<bool>,
    pub(super) conv_kernel_size: Option<usize>,
    pub(super) local_attention: Option<usize>,
    pub(super) global_attn_every_n_layers: Option<usize>,
    pub(super) global_rope_theta: Option<f64>,
    pub(super) local_rope_theta: Option<f64>,
    pub(super) rope_parameters: Option<Value>,
    pub(super) attention_bias: Option<bool>,
    pub(super) mlp_bias: Option<bool>,
    pub(super) kernel_size: Option<usize>,
    pub(super) pooling_mode: Option<String>,
    pub(super) normalize: Option<bool>,
    pub(super) token_weights: Option<bool>,
}

impl Raw {
    /// Whether it asks for something that is computed otherwise here.
    pub(super) fn check(&self, config: &EncoderConfig) -> Result<(), Error> {
        let family = config.family;
        let refused = |field: &'static str, value: String| {
            Err(Error::Field { field, value, reason: "it is not known here".to_owned() })
        };
        if let Some(kind) =
            self.position_embedding_type.as_deref().filter(|kind| *kind != "absolute")
        {
            return refused("position_embedding_type", kind.to_owned());
        }
        if self.is_decoder == Some(true) {
            return refused("is_decoder", "true".to_owned());
        }
        if self.sinusoidal_pos_embds == Some(true) {
            return refused("sinusoidal_pos_embds", "true".to_owned());
        }
        if family == Family::ModernBert && self.mlp_bias.unwrap_or(false) != config.matrix_bias {
            return refused(
                "mlp_bias",
                format!("{:?} beside another attention_bias", self.mlp_bias),
            );
        }
        if family != Family::Electra && config.embedding_size != config.hidden_size {
            return refused("embedding_size", config.embedding_size.to_string());
        }
        if family != Family::Deberta {
            return Ok(());
        }
        if self.conv_kernel_size.unwrap_or(0) > 0 {
            return refused("conv_kernel_size", format!("{:?}", self.conv_kernel_size));
        }
        if self.relative_attention == Some(false) || self.share_att_key != Some(true) {
            return refused("share_att_key", format!("{:?}", self.share_att_key));
        }
        if self.position_biased_input == Some(true) {
            return refused("position_biased_input", "true".to_owned());
        }
        let kinds = self.pos_att_type.as_ref().map(Value::to_string).unwrap_or_default();
        if !(kinds.contains("p2c") && kinds.contains("c2p")) {
            return refused("pos_att_type", kinds);
        }
        Ok(())
    }
}

pub(super) fn activation(name: &str) -> Result<Activation, Error> {
    match name {
        "gelu" => Ok(Activation::Gelu),
        "relu" => Ok(Activation::Relu),
        "silu" | "swish" => Ok(Activation::Silu),
        other => Err(Error::Field {
            field: "hidden_act",
            value: other.to_owned(),
            reason: "known are gelu, relu, silu".to_owned(),
        }),
    }
}
