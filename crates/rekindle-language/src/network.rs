//! Any text encoder by its config: one type for what all families build.

use burn::prelude::*;
use rekindle_layers::{Backbone, Landmarks, Rules, Stage, TextFlow, Tokens};

use crate::{
    EncoderConfig, Error, Family, bert::Bert, deberta::Deberta, distilbert::DistilBert,
    modernbert::ModernBert, mpnet::Mpnet, scratch::Scratch, vectors::Vectors,
};

/// An encoder of any family without a head.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
pub enum TextBackbone {
    /// BERT, RoBERTa, XLM-RoBERTa, ELECTRA.
    Bert(Bert),
    /// DistilBERT.
    DistilBert(DistilBert),
    /// MPNet.
    Mpnet(Mpnet),
    /// ModernBERT.
    ModernBert(ModernBert),
    /// DeBERTa v2 and v3.
    Deberta(Deberta),
    /// Networks that begin from nothing.
    Scratch(Scratch),
    /// A table of given vectors.
    Static(Vectors),
}

/// Calls the network inside, whatever its family.
macro_rules! delegate {
    ($self:ident, $network:ident => $call:expr) => {
        match $self {
            Self::Bert($network) => $call,
            Self::DistilBert($network) => $call,
            Self::Mpnet($network) => $call,
            Self::ModernBert($network) => $call,
            Self::Deberta($network) => $call,
            Self::Scratch($network) => $call,
            Self::Static($network) => $call,
        }
    };
}

impl TextBackbone {
    /// Builds the network of a config with untrained parameters.
    ///
    /// # Panics
    ///
    /// If a field was changed to what [`EncoderConfig::check`] refuses.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        match config.family {
            Family::Bert | Family::Roberta | Family::XlmRoberta | Family::Electra => {
                Self::Bert(Bert::new(config, device))
            }
            Family::DistilBert => Self::DistilBert(DistilBert::new(config, device)),
            Family::Mpnet => Self::Mpnet(Mpnet::new(config, device)),
            Family::ModernBert => Self::ModernBert(ModernBert::new(config, device)),
            Family::Deberta => Self::Deberta(Deberta::new(config, device)),
            Family::Mean
            | Family::Conv1d
            | Family::Lstm
            | Family::Gru
            | Family::BiLstm
            | Family::BiGru => Self::Scratch(Scratch::new(config, device)),
            Family::Static => Self::Static(Vectors::new(config, device)),
        }
    }

    /// The network with given vectors for some of its tokens: numbers of tokens, and their vectors. Those of other tokens stay
    /// as they were drawn.
    ///
    /// # Errors
    ///
    /// If a vector or a token does not fit the table, or the network is none that begins from nothing or from vectors.
    pub fn with_vectors(self, rows: &[(usize, &[f32])]) -> Result<Self, Error> {
        Ok(match self {
            Self::Scratch(network) => Self::Scratch(network.with_vectors(rows)?),
            Self::Static(network) => Self::Static(network.with_vectors(rows)?),
            pretrained => {
                let Some(&(token, vector)) = rows.first() else { return Ok(pretrained) };
                let table = "a pretrained encoder, which has its own".to_owned();
                return Err(Error::Vector { token, length: vector.len(), table });
            }
        })
    }

    /// Vectors of all tokens `[batch, length, channels]`.
    pub fn hidden(&self, tokens: Tokens) -> Tensor<3> {
        let last = (0..self.depth()).fold(self.enter(tokens), |x, index| self.stage(index, x));
        last.sequence().hidden
    }
}

impl Backbone for TextBackbone {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        delegate!(self, network => network.stages())
    }

    fn depth(&self) -> usize {
        delegate!(self, network => network.depth())
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        delegate!(self, network => network.stage(index, x))
    }

    fn pool(&self, x: TextFlow) -> Tensor<2> {
        delegate!(self, network => network.pool(x))
    }

    fn embed_dim(&self) -> usize {
        delegate!(self, network => network.embed_dim())
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "", classifier: "classifier" }
    }

    fn rules(&self) -> Rules {
        delegate!(self, network => network.rules())
    }

    fn dropout(&self) -> f64 {
        delegate!(self, network => network.dropout())
    }
}
