//! What text networks read, and what passes through them: token numbers, and a vector a token.

use burn::prelude::*;
use rekindle_kernels::max_over_time;

use crate::{
    Flow, Input,
    flow::{apart, side_by_side},
};

/// A batch of texts as token numbers, padded to the longest.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// `[batch, length]`
    pub ids: Tensor<2, Int>,
    /// Which text of a pair a token belongs to, 0 or 1: `[batch, length]`.
    pub types: Tensor<2, Int>,
    /// 1 for a token, 0 for padding, which is behind: `[batch, length]`.
    pub mask: Tensor<2>,
}

impl Input for Tokens {
    fn device(&self) -> Device {
        self.mask.device()
    }

    fn inner(self) -> Self {
        Self { ids: self.ids.inner(), types: self.types.inner(), mask: self.mask.inner() }
    }

    fn tracked(self) -> Self {
        Self {
            ids: Tensor::from_inner(self.ids),
            types: Tensor::from_inner(self.types),
            mask: Tensor::from_inner(self.mask),
        }
    }
}

/// A vector for each token of each text of a batch.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// `[batch, length, channels]`
    pub hidden: Tensor<3>,
    /// 1 for a token, 0 for padding: `[batch, length]`.
    pub mask: Tensor<2>,
}

impl Sequence {
    /// The same tokens with other vectors.
    pub fn with(self, hidden: impl FnOnce(Tensor<3>, &Tensor<2>) -> Tensor<3>) -> Self {
        let hidden = hidden(self.hidden, &self.mask);
        Self { hidden, mask: self.mask }
    }
}

impl Input for Sequence {
    fn device(&self) -> Device {
        self.hidden.device()
    }

    fn inner(self) -> Self {
        Self { hidden: self.hidden.inner(), mask: self.mask.inner() }
    }

    fn tracked(self) -> Self {
        Self { hidden: Tensor::from_inner(self.hidden), mask: Tensor::from_inner(self.mask) }
    }
}

/// What passes between the stages of a text network: token numbers until the first stage has read them.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "both hold tensors, which are small")]
pub enum TextFlow {
    /// As they came.
    Tokens(Tokens),
    /// A vector a token.
    Sequence(Sequence),
}

impl TextFlow {
    /// The tokens.
    ///
    /// # Panics
    ///
    /// If a stage has read them already.
    pub fn tokens(self) -> Tokens {
        let Self::Tokens(tokens) = self else { panic!("the tokens were read already") };
        tokens
    }

    /// The vectors.
    ///
    /// # Panics
    ///
    /// If no stage has read the tokens yet.
    pub fn sequence(self) -> Sequence {
        let Self::Sequence(sequence) = self else { panic!("no stage has read the tokens yet") };
        sequence
    }
}

impl Input for TextFlow {
    fn device(&self) -> Device {
        match self {
            Self::Tokens(tokens) => tokens.device(),
            Self::Sequence(sequence) => sequence.device(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Tokens(tokens) => Self::Tokens(tokens.inner()),
            Self::Sequence(sequence) => Self::Sequence(sequence.inner()),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::Tokens(tokens) => Self::Tokens(tokens.tracked()),
            Self::Sequence(sequence) => Self::Sequence(sequence.tracked()),
        }
    }
}

impl Flow for TextFlow {
    /// Numbers, texts of a pair, mask.
    const TENSORS: usize = 3;
    const SAME_SHAPES: bool = false;

    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Tokens(Tokens { mask, .. }) => vec![vec![mask.dims()[1]]; 3],
            Self::Sequence(Sequence { hidden, .. }) => {
                let [_, length, channels] = hidden.dims();
                // As many tensors as tokens have, so that a fusion knows which are whose.
                vec![vec![length, channels], vec![length], vec![0]]
            }
        }
    }

    fn into_rows(self) -> Vec<f32> {
        match self {
            Self::Tokens(Tokens { ids, types, mask }) => {
                let items = mask.dims()[0];
                let whole = |numbers: Tensor<2, Int>| numbers.float().into_rows();
                let first = side_by_side(&whole(ids), &whole(types), items);
                side_by_side(&first, &mask.into_rows(), items)
            }
            Self::Sequence(Sequence { hidden, mask }) => {
                let items = mask.dims()[0];
                side_by_side(&hidden.into_rows(), &mask.into_rows(), items)
            }
        }
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        let of =
            |rows: Vec<f32>, shape: &[usize]| Tensor::from_rows(rows, &[shape.to_vec()], device);
        match shapes {
            [hidden, mask, none] if none == &[0] => {
                let widths = [hidden, mask].map(|shape| shape.iter().product::<usize>());
                let [left, right] = apart(&rows, widths[0], widths[0] + widths[1]);
                let hidden = Tensor::from_rows(left, std::slice::from_ref(hidden), device);
                Self::Sequence(Sequence { hidden, mask: of(right, mask) })
            }
            [ids, types, mask] => {
                let widths = [ids, types, mask].map(|shape| shape.iter().product::<usize>());
                let [first, last] = apart(&rows, widths[0] + widths[1], widths.iter().sum());
                let [first, second] = apart(&first, widths[0], widths[0] + widths[1]);
                let whole = |rows, shape: &[usize]| -> Tensor<2, Int> { of(rows, shape).int() };
                let (ids, types) = (whole(first, ids), whole(second, types));
                Self::Tokens(Tokens { ids, types, mask: of(last, mask) })
            }
            _ => panic!("{shapes:?} for a text"),
        }
    }
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first's, as of `[CLS]`.
    First,
    /// The last's.
    Last,
    /// The greatest number of each channel.
    Max,
}

/// How what an encoder says of tokens becomes what it says of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextPool {
    /// How vectors become one.
    pub pooling: Pooling,
    /// Whether that has length 1.
    pub normalize: bool,
}

/// Lengths below this count as this: PyTorch's `normalize`.
const SHORTEST: f64 = 1e-12;

impl TextPool {
    /// `[batch, channels]` of a sequence.
    pub fn forward(self, x: Sequence) -> Tensor<2> {
        self.normalized(self.pooling.forward(x))
    }

    /// Vectors `[batch, channels]` of texts with length 1, where that is asked for.
    pub fn normalized(self, x: Tensor<2>) -> Tensor<2> {
        if !self.normalize {
            return x;
        }
        let length = x.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(SHORTEST);
        x / length
    }
}

/// Added to what padding must not win with: beyond every score, and finite, so that a text of nothing but padding stays a number.
pub(crate) const FAR: f64 = -1e30;

impl Pooling {
    /// `[batch, channels]` of a sequence; padding counts nowhere, and a text of nothing else has a mean and a greatest of 0.
    pub fn forward(self, Sequence { hidden, mask }: Sequence) -> Tensor<2> {
        let [batch, length, channels] = hidden.dims();
        let mask = mask.cast(hidden.dtype());
        match self {
            Self::First => hidden.narrow(1, 0, 1).reshape([batch, channels]),
            Self::Mean => {
                let count = mask.clone().sum_dim(1).clamp_min(1.0);
                // The mean is a product of a row of weights with the vectors: no copy of them is made.
                let weights = (mask / count).reshape([batch, 1, length]);
                weights.matmul(hidden).reshape([batch, channels])
            }
            Self::Max => max_over_time(hidden, &mask),
            Self::Last => {
                let device = hidden.device();
                let steps = Tensor::<1, Int>::arange(0..length as i64, &device).float();
                let steps = steps.cast(hidden.dtype()).reshape([1, length]);
                let last = mask.sum_dim(1).clamp_min(1.0) - 1.0;
                let chosen = steps.expand([batch, length]).equal(last.expand([batch, length]));
                let weights = chosen.float().cast(hidden.dtype()).reshape([batch, 1, length]);
                weights.matmul(hidden).reshape([batch, channels])
            }
        }
    }
}
