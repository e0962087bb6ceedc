//! What passes through backbones that are joined: each part's own, then their embeddings, then one.

use burn::prelude::*;

use crate::{Flow, Input};

/// What passes between the stages of a [`Several`](crate::Several).
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "all hold tensors, which are small")]
pub enum SeveralFlow<F> {
    /// Each part's.
    Parts {
        /// As far as each has come.
        parts: Vec<PartFlow<F>>,
        /// The place of the part that the last stage was of.
        last: usize,
    },
    /// All embeddings joined, `[batch, dim]`.
    Joined(Tensor<2>),
}

/// What passes between the stages of a part.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "both hold tensors, which are small")]
pub enum PartFlow<F> {
    /// Its backbone's own.
    Own(F),
    /// What its backbone made of it, `[batch, channels]`.
    Embedded(Tensor<2>),
}

impl<F> PartFlow<F> {
    pub(super) fn embedding(self) -> Tensor<2> {
        let Self::Embedded(x) = self else { panic!("a part is joined before its last stage") };
        x
    }
}

impl<F: Flow> PartFlow<F> {
    fn mapped(
        self,
        own: impl FnOnce(F) -> F,
        embedded: impl FnOnce(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        match self {
            Self::Own(x) => Self::Own(own(x)),
            Self::Embedded(x) => Self::Embedded(embedded(x)),
        }
    }

    fn device(&self) -> Device {
        match self {
            Self::Own(x) => x.device(),
            Self::Embedded(x) => x.device(),
        }
    }

    /// Shapes of its tensors; a mark of no numbers, `[0, tensors]`, is before those of a flow of its own.
    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Own(x) => {
                let shapes = x.shapes();
                [vec![vec![0, shapes.len()]], shapes].concat()
            }
            Self::Embedded(x) => Flow::shapes(x),
        }
    }
}

impl<F: Flow> SeveralFlow<F> {
    fn mapped(self, own: impl Fn(F) -> F, embedded: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        match self {
            Self::Parts { parts, last } => {
                let parts = parts.into_iter().map(|part| part.mapped(&own, &embedded)).collect();
                Self::Parts { parts, last }
            }
            Self::Joined(x) => Self::Joined(embedded(x)),
        }
    }
}

impl<F: Flow> Input for SeveralFlow<F> {
    fn device(&self) -> Device {
        match self {
            Self::Parts { parts, .. } => parts.first().map(PartFlow::device).unwrap_or_default(),
            Self::Joined(x) => x.device(),
        }
    }

    fn inner(self) -> Self {
        self.mapped(Input::inner, Tensor::inner)
    }

    fn tracked(self) -> Self {
        self.mapped(Input::tracked, Tensor::from_inner)
    }
}

impl<F: Flow> Flow for SeveralFlow<F> {
    /// At least; how many there are is in the shapes.
    const TENSORS: usize = 1;
    const SAME_SHAPES: bool = F::SAME_SHAPES;

    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Parts { parts, .. } => parts.iter().flat_map(PartFlow::shapes).collect(),
            // A mark of no numbers, so that it is not taken for a single part.
            Self::Joined(x) => [vec![vec![0, 0]], Flow::shapes(x)].concat(),
        }
    }

    fn into_rows(self) -> Vec<f32> {
        let parts = match self {
            Self::Parts { parts, .. } => parts,
            Self::Joined(x) => return x.into_rows(),
        };
        let widths: Vec<usize> = parts.iter().map(|part| numbers(&part.shapes())).collect();
        let rows: Vec<Vec<f32>> = parts
            .into_iter()
            .map(|part| match part {
                PartFlow::Own(x) => x.into_rows(),
                PartFlow::Embedded(x) => x.into_rows(),
            })
            .collect();
        let items = rows.iter().zip(&widths).map(|(rows, width)| rows.len() / (*width).max(1));
        let items = items.max().unwrap_or_default();
        let row = |item: usize| {
            let parts = rows.iter().zip(&widths);
            parts.flat_map(move |(rows, &width)| rows[item * width..][..width].iter().copied())
        };
        (0..items).flat_map(row).collect()
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        if let [mark, rest @ ..] = shapes
            && mark == &[0, 0]
        {
            return Self::Joined(Tensor::from_rows(rows, rest, device));
        }
        let all = numbers(shapes).max(1);
        let (mut left, mut first, mut parts) = (shapes, 0, Vec::new());
        while let Some(shape) = left.first() {
            // A mark says how many tensors the part's own flow has.
            let (mark, tensors) = match shape.as_slice() {
                [0, tensors] => (1, *tensors),
                _ => (0, 1),
            };
            let (own, rest) = left[mark..].split_at(tensors);
            let width = numbers(own);
            let part = rows.chunks_exact(all).flat_map(|row| row[first..first + width].to_vec());
            let part: Vec<f32> = part.collect();
            parts.push(match mark {
                0 => PartFlow::Embedded(Tensor::from_rows(part, own, device)),
                _ => PartFlow::Own(F::from_rows(part, own, device)),
            });
            (left, first) = (rest, first + width);
        }
        Self::Parts { parts, last: 0 }
    }
}

/// Numbers of an item whose tensors have these shapes.
pub(super) fn numbers(shapes: &[Vec<usize>]) -> usize {
    shapes.iter().map(|shape| shape.iter().product::<usize>()).sum()
}
