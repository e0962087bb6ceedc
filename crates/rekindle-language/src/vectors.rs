//! A table of given vectors and their mean: model2vec's `StaticModel`, and GloVe's or word2vec's vectors in the same form.
//!
//! ```text
//! tokens       [b, t]       numbers
//! 0 embeddings [b, t, c]    the table, each row times its token's weight where there are weights
//! pool         [b, c]       the mean, of length 1 where the config says so
//! ```

use burn::{
    module::{Initializer, Param},
    prelude::*,
    tensor::module::embedding,
};
use rekindle_layers::{Backbone, Sequence, Stage, StageOutput, TextFlow, TextPool, Tokens};

use crate::{EncoderConfig, Error, scratch::given};

/// A table of vectors without a head.
#[derive(Module, Debug)]
pub struct Vectors {
    /// `[tokens, channels]`
    embeddings: Param<Tensor<2>>,
    /// `[tokens]`
    weights: Option<Param<Tensor<1>>>,
    dropout: f64,
    channels: usize,
    #[module(skip)]
    pool: TextPool,
}

impl Vectors {
    /// A table of zeros, to be given vectors.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { vocab_size: rows, embedding_size: channels, .. } = *config;
        Self {
            embeddings: Initializer::Zeros.init([rows, channels], device),
            weights: config.token_weights.then(|| Initializer::Ones.init([rows], device)),
            dropout: config.classifier_dropout,
            channels,
            pool: config.pool,
        }
    }

    pub(crate) fn with_vectors(mut self, rows: &[(usize, &[f32])]) -> Result<Self, Error> {
        self.embeddings = given(self.embeddings, rows)?;
        Ok(self)
    }

    fn look_up(&self, Tokens { ids, mask, .. }: Tokens) -> Sequence {
        let x = embedding(self.embeddings.val(), ids.clone());
        let x = match &self.weights {
            Some(weights) => {
                let [rows] = weights.lazy_shape().dims();
                x * embedding(weights.val().reshape([rows, 1]), ids)
            }
            None => x,
        };
        // Padding's row is a token's like any, and reaches nothing: the mean leaves it out.
        Sequence { hidden: x, mask }
    }
}

impl Backbone for Vectors {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        let modules = ["embeddings", "weights"];
        vec![Stage::new("embeddings", &modules, self.channels, StageOutput::Sequence)]
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        assert_eq!(index, 0, "a table is one stage");
        TextFlow::Sequence(self.look_up(x.tokens()))
    }

    fn pool(&self, x: TextFlow) -> Tensor<2> {
        self.pool.forward(x.sequence())
    }

    fn embed_dim(&self) -> usize {
        self.channels
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}
