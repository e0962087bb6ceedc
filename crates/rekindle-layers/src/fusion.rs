//! Two backbones joined into one: a picture and numbers, a text and its characters.
//!
//! | stage | flow |
//! |---|---|
//! | `LEFT.…`, those of the left part | the left part's flow beside the right part's input |
//! | `RIGHT.…`, those of the right part | the left part's last output beside the right part's flow |
//! | `join` | the embeddings of both side by side, `[batch, left + right]`, or a hidden layer of them |
//!
//! A fusion is a backbone, so freezing, rates, the feature store and the probe work for it without a word of their own. More
//! than two parts are a fusion of a fusion on the left.

use burn::{module::ModuleDisplay, nn::Linear, prelude::*, tensor::activation::relu};

use crate::{
    Backbone, Flow, Input, Rules, Stage,
    flow::{apart, side_by_side},
};

/// The fields of a [`Fusion`] that hold the parts.
const LEFT: &str = "left";
const RIGHT: &str = "right";

/// Two backbones whose embeddings are joined.
///
/// The fields are named after nothing but their side: what the parts are called is in [`Fusion::names`], and stages carry it.
#[derive(Module, Debug)]
pub struct Fusion<L: Module + ModuleDisplay, R: Module + ModuleDisplay> {
    left: L,
    right: R,
    join: Option<Linear>,
    #[module(skip)]
    names: [String; 2],
}

/// What passes between the stages of a [`Fusion`].
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "both hold tensors, which are small")]
pub enum Fused<L, R> {
    /// Each part's own.
    Parts(L, R),
    /// Both embeddings joined, `[batch, dim]`.
    Joined(Tensor<2>),
}

impl<L: Backbone, R: Backbone> Fusion<L, R> {
    /// Joins two backbones that are called `names` in plans; embeddings lie side by side.
    pub fn new(names: [&str; 2], left: L, right: R) -> Self {
        Self { left, right, join: None, names: names.map(str::to_owned) }
    }

    /// The same with a hidden layer, and a ReLU, over both embeddings.
    ///
    /// # Panics
    ///
    /// If the layer does not take both embeddings.
    pub fn with_join(mut self, join: Linear) -> Self {
        let both = self.left.embed_dim() + self.right.embed_dim();
        assert_eq!(join.weight.lazy_shape()[0], both, "the layer takes {both} numbers");
        self.join = Some(join);
        self
    }

    /// What the parts are called.
    pub fn names(&self) -> [&str; 2] {
        [&self.names[0], &self.names[1]]
    }

    /// The parts.
    pub fn parts(&self) -> (&L, &R) {
        (&self.left, &self.right)
    }
}

impl<L: Backbone, R: Backbone> Backbone for Fusion<L, R> {
    type Input = (L::Input, R::Input);
    type Flow = Fused<L::Flow, R::Flow>;

    fn stages(&self) -> Vec<Stage> {
        let of = |name: &str, field: &str, stages: Vec<Stage>| {
            let under = |stage: Stage| Stage {
                name: format!("{name}.{}", stage.name),
                modules: stage.modules.iter().map(|module| format!("{field}.{module}")).collect(),
                ..stage
            };
            stages.into_iter().map(under).collect::<Vec<_>>()
        };
        let mut stages = of(&self.names[0], LEFT, self.left.stages());
        stages.extend(of(&self.names[1], RIGHT, self.right.stages()));
        stages.push(Stage::vector("join", &["join"], self.embed_dim()));
        stages
    }

    fn depth(&self) -> usize {
        self.left.depth() + self.right.depth() + 1
    }

    fn enter(&self, (left, right): Self::Input) -> Self::Flow {
        Fused::Parts(self.left.enter(left), self.right.enter(right))
    }

    fn stage(&self, index: usize, x: Self::Flow) -> Self::Flow {
        let Fused::Parts(left, right) = x else { panic!("nothing comes after the join") };
        let first = self.left.depth();
        match index.checked_sub(first) {
            None => Fused::Parts(self.left.stage(index, left), right),
            Some(index) if index < self.right.depth() => {
                Fused::Parts(left, self.right.stage(index, right))
            }
            Some(_) => {
                let both = Tensor::cat(vec![self.left.pool(left), self.right.pool(right)], 1);
                Fused::Joined(match &self.join {
                    Some(join) => relu(join.forward(both)),
                    None => both,
                })
            }
        }
    }

    fn pool(&self, x: Self::Flow) -> Tensor<2> {
        let Fused::Joined(embeddings) = x else { panic!("the stages end in the join") };
        embeddings
    }

    fn rules(&self) -> Rules {
        self.left.rules().within(LEFT).and(self.right.rules().within(RIGHT))
    }

    fn embed_dim(&self) -> usize {
        match &self.join {
            Some(join) => join.weight.lazy_shape()[1],
            None => self.left.embed_dim() + self.right.embed_dim(),
        }
    }
}

impl<L: Flow, R: Flow> Input for Fused<L, R> {
    fn device(&self) -> Device {
        match self {
            Self::Parts(left, _) => left.device(),
            Self::Joined(x) => x.device(),
        }
    }

    fn inner(self) -> Self {
        match self {
            Self::Parts(left, right) => Self::Parts(left.inner(), right.inner()),
            Self::Joined(x) => Self::Joined(x.inner()),
        }
    }

    fn tracked(self) -> Self {
        match self {
            Self::Parts(left, right) => Self::Parts(left.tracked(), right.tracked()),
            Self::Joined(x) => Self::Joined(Tensor::from_inner(x)),
        }
    }
}

impl<L: Flow, R: Flow> Flow for Fused<L, R> {
    const TENSORS: usize = L::TENSORS + R::TENSORS;
    const SAME_SHAPES: bool = L::SAME_SHAPES && R::SAME_SHAPES;

    fn shapes(&self) -> Vec<Vec<usize>> {
        match self {
            Self::Parts(left, right) => [left.shapes(), right.shapes()].concat(),
            Self::Joined(x) => x.shapes(),
        }
    }

    fn into_rows(self) -> Vec<f32> {
        match self {
            Self::Parts(left, right) => {
                let width: usize =
                    left.shapes().iter().map(|shape| shape.iter().product::<usize>()).sum();
                let left = left.into_rows();
                let items = left.len() / width.max(1);
                side_by_side(&left, &right.into_rows(), items)
            }
            Self::Joined(x) => x.into_rows(),
        }
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        let Some(first) = shapes.len().checked_sub(R::TENSORS).filter(|first| *first > 0) else {
            return Self::Joined(Tensor::from_rows(rows, shapes, device));
        };
        let (left, right) = shapes.split_at(first);
        let width = |shapes: &[Vec<usize>]| -> usize {
            shapes.iter().map(|shape| shape.iter().product::<usize>()).sum()
        };
        let [of_left, of_right] = apart(&rows, width(left), width(shapes));
        Self::Parts(L::from_rows(of_left, left, device), R::from_rows(of_right, right, device))
    }
}
