//! Folders of model2vec: a vector a token, whose mean is the text's (Tulkens and van Dongen 2024).
//!
//! | in `model.safetensors` | is |
//! |---|---|
//! | `embeddings` | `[tokens, dim]` |
//! | `weights` | `[tokens]`, what a token's vector is multiplied by; may be missing |
//!
//! Tables whose tokens share rows, by a tensor `mapping`, are refused.

use std::path::Path;

use rekindle_files::CheckpointFile;
use serde_json::Value;

use super::{broken, table};
use crate::{Error, Text, Tokenizer, tokenizer::optional};

/// Where texts are cut, as model2vec cuts them; tokens that the tokenizer adds elsewhere are counted, and not used.
const MAX_TOKENS: usize = 512;

/// A vector for each token of a tokenizer.
#[derive(Debug, Clone)]
pub struct StaticEmbeddings {
    /// From texts to tokens.
    pub tokenizer: Tokenizer,
    /// Numbers a token.
    pub dim: usize,
    /// The numbers, `[tokens, dim]`, weights of tokens multiplied in.
    pub vectors: Vec<f32>,
    /// Whether a text's mean is brought to length one.
    pub normalize: bool,
}

impl StaticEmbeddings {
    /// Reads a folder as the Hub has it.
    ///
    /// # Errors
    ///
    /// Where a file is missing or damaged, or tokenizer and table do not fit.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let tokenizer = Tokenizer::open(folder, MAX_TOKENS)?;
        let config = optional(&folder.join("config.json"))?;
        let path = folder.join("model.safetensors");
        let file = CheckpointFile::open(&path)?;
        let (table, [rows, dim]) = table(&file, &path)?;
        let tokens = tokenizer.len();
        if file.get("mapping").is_some() {
            let cause =
                "its tokens share rows by a tensor `mapping`, which is not read; fetch one without";
            return Err(broken(&path, cause.to_owned()));
        }
        if rows != tokens {
            let cause = format!("has {rows} rows, but the tokenizer has {tokens} tokens");
            return Err(broken(&path, cause));
        }
        let mut vectors = table;
        if let Some(info) = file.get("weights") {
            if info.shape != [tokens] {
                let cause = format!("`weights` is {:?}, but there are {tokens} tokens", info.shape);
                return Err(broken(&path, cause));
            }
            let weights = file.read_f32("weights")?;
            for (row, weight) in vectors.chunks_mut(dim).zip(weights) {
                row.iter_mut().for_each(|x| *x *= weight);
            }
        }
        if let Some(place) = vectors.iter().position(|number| !number.is_finite()) {
            let cause = format!("token {} has the number {}", place / dim.max(1), vectors[place]);
            return Err(broken(&path, cause));
        }
        let normalize = config.get("normalize").and_then(Value::as_bool).unwrap_or(false);
        Ok(Self { tokenizer, dim, vectors, normalize })
    }

    /// The vector of a text: the mean of its known tokens', zeros where it has none.
    ///
    /// # Errors
    ///
    /// Those of [`Tokenizer::encode`].
    pub fn embed(&self, text: &Text) -> Result<Vec<f32>, Error> {
        let ids = self.tokenizer.encode_alone(text)?.ids;
        let unknown = self.tokenizer.unknown_id();
        let known: Vec<usize> =
            ids.into_iter().filter(|id| Some(*id) != unknown).map(|id| id as usize).collect();
        let mut sum = vec![0.0_f64; self.dim];
        for id in &known {
            let row = self.vectors.get(id * self.dim..(id + 1) * self.dim).unwrap_or_default();
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scale = match self.normalize {
            true if length > 0.0 => 1.0 / length,
            true => 1.0,
            false => 1.0 / known.len().max(1) as f64,
        };
        Ok(sum.into_iter().map(|x| (x * scale) as f32).collect())
    }
}
