//! A config as a `config.json`, in the words of its family.

use serde_json::{Map, Value, json};

use super::{EncoderConfig, Family};
use crate::pooling::pooling_name;
use rekindle_layers::Activation;

/// What most families call a field, and what one calls it.
type Renamed = &'static [(&'static str, &'static str)];

const DISTILBERT: Renamed = &[
    ("hidden_size", "dim"),
    ("num_hidden_layers", "n_layers"),
    ("num_attention_heads", "n_heads"),
    ("intermediate_size", "hidden_dim"),
    ("hidden_act", "activation"),
    ("hidden_dropout_prob", "dropout"),
    ("attention_probs_dropout_prob", "attention_dropout"),
    ("classifier_dropout", "seq_classif_dropout"),
];
const MODERNBERT: Renamed = &[
    ("hidden_act", "hidden_activation"),
    ("hidden_dropout_prob", "mlp_dropout"),
    ("attention_probs_dropout_prob", "attention_dropout"),
    ("layer_norm_eps", "norm_eps"),
];

impl EncoderConfig {
    /// The `config.json` that [`from_json`](Self::from_json) reads; of transformers' families one that transformers loads.
    ///
    /// What a checkpoint's own says beside is not in it, so its text is kept where there is one. Neither is how tokens become a
    /// text, which sentence-transformers keeps in files of its own.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut fields = match self.family.is_scratch() || self.family == Family::Static {
            true => self.of_ours(),
            false => self.of_transformers(),
        };
        fields.insert("model_type".to_owned(), json!(self.family.name()));
        let text = serde_json::to_string_pretty(&fields);
        // A map of names and numbers always has a text.
        text.unwrap_or_default()
    }

    fn of_ours(&self) -> Map<String, Value> {
        let mut fields = object(json!({
            "vocab_size": self.vocab_size,
            "embedding_size": self.embedding_size,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "kernel_size": self.kernel_size,
            "max_position_embeddings": self.max_position_embeddings,
            "pad_token_id": self.pad_token_id,
            "hidden_dropout_prob": self.hidden_dropout,
            "classifier_dropout": self.classifier_dropout,
            "pooling_mode": pooling_name(self.pool.pooling),
            "normalize": self.pool.normalize,
        }));
        if self.family == Family::Static {
            fields.insert("hidden_dim".to_owned(), json!(self.embedding_size));
            fields.insert("token_weights".to_owned(), json!(self.token_weights));
        }
        fields
    }

    fn of_transformers(&self) -> Map<String, Value> {
        let activation = match self.activation {
            Activation::Relu => "relu",
            Activation::Silu => "silu",
            _ => "gelu",
        };
        let mut fields = object(json!({
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "intermediate_size": self.intermediate_size,
            "hidden_act": activation,
            "max_position_embeddings": self.max_position_embeddings,
            "type_vocab_size": self.type_vocab_size,
            "pad_token_id": self.pad_token_id,
            "layer_norm_eps": self.layer_norm_eps,
            "hidden_dropout_prob": self.hidden_dropout,
            "attention_probs_dropout_prob": self.attention_dropout,
            "classifier_dropout": self.classifier_dropout,
        }));
        let more = match self.family {
            Family::Electra => json!({"embedding_size": self.embedding_size}),
            Family::Mpnet => json!({"relative_attention_num_buckets": self.position_buckets}),
            Family::Deberta => json!({
                "relative_attention": true,
                "position_buckets": self.position_buckets,
                "max_relative_positions": self.max_relative_positions,
                "norm_rel_ebd": if self.norm_relative { "layer_norm" } else { "none" },
                "share_att_key": true,
                "pos_att_type": ["p2c", "c2p"],
                "position_biased_input": false,
            }),
            Family::ModernBert => json!({
                "norm_bias": self.norm_bias,
                "local_attention": self.local_attention,
                "global_attn_every_n_layers": self.global_attention_every,
                "global_rope_theta": self.rotary_bases[0],
                "local_rope_theta": self.rotary_bases[1],
                "attention_bias": self.matrix_bias,
                "mlp_bias": self.matrix_bias,
            }),
            _ => json!({}),
        };
        fields.extend(object(more));
        let renamed = match self.family {
            Family::DistilBert => DISTILBERT,
            Family::ModernBert => MODERNBERT,
            _ => &[],
        };
        for (usual, own) in renamed {
            if let Some(value) = fields.remove(*usual) {
                fields.insert((*own).to_owned(), value);
            }
        }
        fields
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let sizes = r#""vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "intermediate_size": 32, "max_position_embeddings": 64, "hidden_act": "silu", "layer_norm_eps": 1e-9"#;
        for (family, more) in [
            ("bert", r#""attention_probs_dropout_prob": 0.3, "hidden_dropout_prob": 0.2"#),
            ("roberta", r#""type_vocab_size": 1"#),
            ("xlm-roberta", r#""pad_token_id": 1"#),
            ("electra", r#""embedding_size": 8"#),
            ("distilbert", r#""seq_classif_dropout": 0.3"#),
            ("mpnet", r#""relative_attention_num_buckets": 8"#),
            (
                "modernbert",
                r#""norm_bias": true, "local_rope_theta": 7.0, "attention_bias": true, "mlp_bias": true"#,
            ),
            (
                "deberta-v2",
                r#""position_buckets": 4, "norm_rel_ebd": "layer_norm", "share_att_key": true,
                "pos_att_type": ["p2c", "c2p"], "position_biased_input": false"#,
            ),
        ] {
            let text = format!(r#"{{"model_type": "{family}", {sizes}, {more}}}"#);
            let config = EncoderConfig::from_json(&text).unwrap();
            let written = config.to_json();
            assert_eq!(EncoderConfig::from_json(&written).unwrap(), config, "{written}");
        }
    }
}
