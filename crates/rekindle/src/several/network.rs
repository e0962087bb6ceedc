//! The network of a part: a text encoder, a network of pictures, or numbers as they are.

use burn::{
    nn::{Embedding, EmbeddingConfig, Initializer},
    prelude::*,
};
use rekindle_data::{Dense, TokenBatch};
use rekindle_finetune::FromPrepared;
use rekindle_language::TextBackbone;
use rekindle_layers::{Backbone, Flow, Input, Rules, Stage, TextFlow, Tokens};
use rekindle_onnx::{Feed, Named};
use rekindle_vision::{VisionBackbone, VisionFlow};

/// Numbers as they are.
#[derive(Module, Debug)]
pub struct Numbers {
    width: usize,
}

impl Numbers {
    /// So many.
    pub fn new(width: usize) -> Self {
        Self { width }
    }
}

/// Vectors of words, which are learned: rows of a table, whose places are an input's only numbers.
#[derive(Module, Debug)]
pub struct Vectors {
    embedding: Embedding,
}

/// The deviation that vectors of words begin with: beside numbers of deviation 1, nobody knows yet what a word is.
const BEGIN: f64 = 0.1;

impl Vectors {
    /// So many, of so many numbers each.
    pub fn new(rows: usize, dim: usize, device: &Device) -> Self {
        let begin = Initializer::Normal { mean: 0.0, std: BEGIN };
        let config = EmbeddingConfig::new(rows, dim).with_initializer(begin);
        Self { embedding: config.init(device) }
    }

    /// Vectors `[batch, dim]` of places `[batch, 1]`.
    fn forward(&self, places: Tensor<2>) -> Tensor<2> {
        let vectors = self.embedding.forward(places.int());
        let [batch, _, dim] = vectors.dims();
        vectors.reshape([batch, dim])
    }

    fn dim(&self) -> usize {
        self.embedding.weight.lazy_shape()[1]
    }
}

/// The network of a part.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a program has a handful of networks")]
pub enum PartNetwork {
    /// An encoder of texts.
    Text(TextBackbone),
    /// One that begins from nothing: its texts come padded to one length, so that what others make of an item can be kept
    /// beside them.
    Padded(TextBackbone),
    /// A network of pictures.
    Picture(VisionBackbone),
    /// Numbers as they are.
    Numbers(Numbers),
    /// Words by their vectors.
    Vectors(Vectors),
}

/// What a part reads.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "all hold tensors, which are small")]
pub enum PartInput {
    /// Texts.
    Tokens(Tokens),
    /// Pictures, `[batch, channels, height, width]`.
    Pictures(Tensor<4>),
    /// Rows of numbers, `[batch, width]`.
    Numbers(Tensor<2>),
}

/// What passes between its stages.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "all hold tensors, which are small")]
pub enum Passing {
    /// Texts.
    Text(TextFlow),
    /// Pictures.
    Picture(VisionFlow),
    /// Rows of numbers, `[batch, width]`.
    Numbers(Tensor<2>),
}

/// The same as it is prepared.
#[derive(Debug, Clone)]
pub enum PartBatch {
    /// Texts.
    Tokens(TokenBatch),
    /// Pictures.
    Pictures(Dense),
    /// Rows of numbers.
    Numbers(Dense),
}

impl FromPrepared<PartBatch> for PartInput {
    fn from_prepared(batch: PartBatch, device: &Device) -> Self {
        match batch {
            PartBatch::Tokens(batch) => Self::Tokens(Tokens::from_prepared(batch, device)),
            PartBatch::Pictures(batch) => Self::Pictures(Tensor::from_prepared(batch, device)),
            PartBatch::Numbers(batch) => Self::Numbers(Tensor::from_prepared(batch, device)),
        }
    }
}

impl Backbone for PartNetwork {
    type Input = PartInput;
    type Flow = Passing;

    fn stages(&self) -> Vec<Stage> {
        match self {
            Self::Text(network) | Self::Padded(network) => network.stages(),
            Self::Picture(network) => network.stages(),
            Self::Numbers(_) => Vec::new(),
            Self::Vectors(vectors) => {
                vec![Stage::vector("embedding", &["embedding"], vectors.dim())]
            }
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Text(network) | Self::Padded(network) => network.depth(),
            Self::Picture(network) => network.depth(),
            Self::Numbers(_) => 0,
            Self::Vectors(_) => 1,
        }
    }

    fn enter(&self, input: PartInput) -> Passing {
        match (self, input) {
            (Self::Text(network) | Self::Padded(network), PartInput::Tokens(x)) => {
                Passing::Text(network.enter(x))
            }
            (Self::Picture(network), PartInput::Pictures(x)) => Passing::Picture(network.enter(x)),
            (Self::Numbers(_) | Self::Vectors(_), PartInput::Numbers(x)) => Passing::Numbers(x),
            _ => panic!("the input of another part"),
        }
    }

    fn stage(&self, index: usize, x: Passing) -> Passing {
        match (self, x) {
            (Self::Text(network), Passing::Text(x)) => Passing::Text(network.stage(index, x)),
            (Self::Padded(network), Passing::Text(x)) => {
                Passing::Text(network.stage(index, without_padding(x)))
            }
            (Self::Picture(network), Passing::Picture(x)) => {
                Passing::Picture(network.stage(index, x))
            }
            (Self::Vectors(vectors), Passing::Numbers(x)) => Passing::Numbers(vectors.forward(x)),
            _ => panic!("there is no stage {index} of numbers"),
        }
    }

    fn pool(&self, x: Passing) -> Tensor<2> {
        match (self, x) {
            (Self::Text(network) | Self::Padded(network), Passing::Text(x)) => network.pool(x),
            (Self::Picture(network), Passing::Picture(x)) => network.pool(x),
            (Self::Numbers(_) | Self::Vectors(_), Passing::Numbers(x)) => x,
            _ => panic!("what passes through another part"),
        }
    }

    fn embed_dim(&self) -> usize {
        match self {
            Self::Text(network) | Self::Padded(network) => network.embed_dim(),
            Self::Picture(network) => network.embed_dim(),
            Self::Numbers(numbers) => numbers.width,
            Self::Vectors(vectors) => vectors.dim(),
        }
    }

    fn rules(&self) -> Rules {
        match self {
            Self::Text(network) | Self::Padded(network) => network.rules(),
            Self::Picture(network) => network.rules(),
            Self::Numbers(_) | Self::Vectors(_) => Rules::default(),
        }
    }

    fn same_shapes(&self, cut: usize) -> bool {
        match self {
            Self::Text(network) => network.same_shapes(cut),
            Self::Padded(network) => cut == 0 || network.same_shapes(cut),
            Self::Picture(_) | Self::Numbers(_) | Self::Vectors(_) => true,
        }
    }
}

/// Texts without what is padding in all of them.
fn without_padding(flow: TextFlow) -> TextFlow {
    let TextFlow::Tokens(Tokens { ids, types, mask }) = flow else { return flow };
    // Elsewhere padding costs less than to ask how much of it there is.
    if mask.device().inner() != Device::flex() {
        return TextFlow::Tokens(Tokens { ids, types, mask });
    }
    let longest: f32 = mask.clone().sum_dim(1).max().into_scalar();
    let length = (longest as usize).max(1);
    let [ids, types] = [ids, types].map(|x| x.narrow(1, 0, length));
    TextFlow::Tokens(Tokens { ids, types, mask: mask.narrow(1, 0, length) })
}

impl Input for PartInput {
    fn device(&self) -> Device {
        match self {
            Self::Tokens(x) => x.device(),
            Self::Pictures(x) => x.device(),
            Self::Numbers(x) => x.device(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Tokens(x) => Self::Tokens(x.inner()),
            Self::Pictures(x) => Self::Pictures(x.inner()),
            Self::Numbers(x) => Self::Numbers(x.inner()),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::Tokens(x) => Self::Tokens(x.tracked()),
            Self::Pictures(x) => Self::Pictures(x.tracked()),
            Self::Numbers(x) => Self::Numbers(x.tracked()),
        }
    }
}

impl Feed for PartInput {
    fn moved(self, device: &Device) -> Self {
        match self {
            Self::Tokens(x) => Self::Tokens(x.moved(device)),
            Self::Pictures(x) => Self::Pictures(x.moved(device)),
            Self::Numbers(x) => Self::Numbers(x.moved(device)),
        }
    }

    fn named(&self) -> Vec<Named> {
        match self {
            Self::Tokens(x) => x.named(),
            Self::Pictures(x) => x.named(),
            Self::Numbers(x) => x.named(),
        }
    }
}

impl Input for Passing {
    fn device(&self) -> Device {
        match self {
            Self::Text(x) => x.device(),
            Self::Picture(x) => x.device(),
            Self::Numbers(x) => x.device(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Text(x) => Self::Text(x.inner()),
            Self::Picture(x) => Self::Picture(x.inner()),
            Self::Numbers(x) => Self::Numbers(x.inner()),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::Text(x) => Self::Text(x.tracked()),
            Self::Picture(x) => Self::Picture(x.tracked()),
            Self::Numbers(x) => Self::Numbers(x.tracked()),
        }
    }
}

impl Flow for Passing {
    /// A text's; pictures and numbers are fewer.
    const TENSORS: usize = TextFlow::TENSORS;
    const SAME_SHAPES: bool = false;

    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Text(x) => x.shapes(),
            Self::Picture(x) => x.shapes(),
            Self::Numbers(x) => x.shapes(),
        }
    }

    fn into_rows(self) -> Vec<f32> {
        match self {
            Self::Text(x) => x.into_rows(),
            Self::Picture(x) => x.into_rows(),
            Self::Numbers(x) => x.into_rows(),
        }
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        match shapes.len() {
            VisionFlow::TENSORS => Self::Picture(VisionFlow::from_rows(rows, shapes, device)),
            1 => Self::Numbers(Tensor::from_rows(rows, shapes, device)),
            _ => Self::Text(TextFlow::from_rows(rows, shapes, device)),
        }
    }
}
