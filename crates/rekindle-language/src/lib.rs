//! Text encoders: a family is a file, a variant is a `config.json` as transformers writes it, or a name in [`SCRATCH`].
//!
//! ```
//! use burn::prelude::*;
//! use rekindle_language::{EncoderConfig, TextBackbone};
//! use rekindle_layers::{Backbone, Tokens};
//!
//! let device = Device::default();
//! let config = r#"{"model_type": "bert", "vocab_size": 99, "hidden_size": 16, "num_hidden_layers": 2,
//!     "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64, "type_vocab_size": 2}"#;
//! let bert = TextBackbone::new(&EncoderConfig::from_json(config)?, &device);
//! let ids = Tensor::<2, Int>::from_ints([[2, 17, 5, 3], [2, 8, 3, 0]], &device);
//! let types = ids.zeros_like();
//! let mask = Tensor::<2>::from_floats([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]], &device);
//! assert_eq!(bert.embed(Tokens { ids, types, mask }).dims(), [2, 16]);
//! # Ok::<(), rekindle_language::Error>(())
//! ```

pub mod bert;
mod block;
mod config;
pub mod deberta;
pub mod distilbert;
mod error;
pub mod modernbert;
pub mod mpnet;
mod network;
mod pooling;
pub mod scratch;
mod sentence;
pub mod vectors;

pub use config::{EncoderConfig, Family, SCRATCH};
pub use error::Error;
pub use network::TextBackbone;
pub use sentence::{pool_files, pool_from_json, pool_to_json, text_pool};
