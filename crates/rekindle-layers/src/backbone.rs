//! What every network is: an ordered list of stages, and a pool that ends in embeddings.
//!
//! | of a network of | [`Input`](Backbone::Input) | [`Flow`](Backbone::Flow) |
//! |---|---|---|
//! | pictures | `Tensor<4>` `[batch, channels, height, width]` | the same |
//! | series | `Tensor<3>` `[batch, time, features]` | the same |
//! | rows of numbers | `Tensor<2>` `[batch, features]` | the same |
//! | several of these | a pair of inputs | [`Fused`](crate::Fused) |

use burn::{module::ModuleDisplay, prelude::*};

use crate::{Flow, Input, Rules};

/// One stage of a network, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Name in plans, tables and error messages.
    pub name: String,
    /// The checkpoint's name of each module in it, such as `layer1` or `features.0`.
    pub modules: Vec<String>,
    /// Channels of its output: its last axis but those of space and time.
    pub channels: usize,
    /// What its output is.
    pub output: StageOutput,
}

/// What a stage ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageOutput {
    /// A feature map, whose pixels each stand for `reduction` pixels of the image in each direction.
    FeatureMap {
        /// How many times smaller than the image.
        reduction: usize,
    },
    /// A vector for each token or step.
    Sequence,
    /// One vector.
    Vector,
}

impl Stage {
    /// A stage of these modules.
    pub fn new(name: &str, modules: &[&str], channels: usize, output: StageOutput) -> Self {
        let modules = modules.iter().map(|&module| module.to_owned()).collect();
        Self { name: name.to_owned(), modules, channels, output }
    }

    /// A stage whose output is a map, `reduction` times smaller than the image.
    pub fn map(name: &str, modules: &[&str], channels: usize, reduction: usize) -> Self {
        Self::new(name, modules, channels, StageOutput::FeatureMap { reduction })
    }

    /// A stage whose output is one vector.
    pub fn vector(name: &str, modules: &[&str], channels: usize) -> Self {
        Self::new(name, modules, channels, StageOutput::Vector)
    }

    /// How many times smaller than the image its output is, where that is a map.
    pub fn reduction(&self) -> Option<usize> {
        match self.output {
            StageOutput::FeatureMap { reduction } => Some(reduction),
            StageOutput::Sequence | StageOutput::Vector => None,
        }
    }

    /// Whether the parameter with this name in the checkpoint belongs to this stage.
    pub fn owns(&self, parameter: &str) -> bool {
        self.modules.iter().any(|module| {
            let rest = parameter.strip_prefix(module.as_str());
            // A parameter without a module around it, such as a class token, is one by itself.
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}

/// A network without its head, cut into stages, input first.
///
/// The cut is what freezing, rates per stage, feature maps and feature caches are built on. Every
/// parameter belongs to exactly one stage, and each stage takes the output of the one before.
pub trait Backbone: Module + ModuleDisplay {
    /// What it reads: a batch as it was prepared.
    type Input: Input;
    /// What passes from stage to stage.
    type Flow: Flow;

    /// The stages, from the input to the embeddings.
    fn stages(&self) -> Vec<Stage>;

    /// Number of stages; one that is asked often says it without the cost of naming them.
    fn depth(&self) -> usize {
        self.stages().len()
    }

    /// The input as the first stage takes it. It has no parameters.
    fn enter(&self, input: Self::Input) -> Self::Flow;

    /// Runs one stage.
    ///
    /// # Panics
    ///
    /// If there is no stage `index`, or `x` is not what the stage before gives.
    fn stage(&self, index: usize, x: Self::Flow) -> Self::Flow;

    /// Turns the output of the last stage into embeddings `[batch, embed_dim]`. It has no parameters.
    fn pool(&self, x: Self::Flow) -> Tensor<2>;

    /// Width of the embeddings.
    fn embed_dim(&self) -> usize;

    /// The checkpoint's names of the layers that depend on the task: a classifier `head`, unless checkpoints of others say
    /// otherwise.
    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "", classifier: "head" }
    }

    /// The checkpoint's names of further classifiers, beside that of the [landmarks](Self::landmarks): the embeddings are then as
    /// many parts of one width, each classifier reads its own, and the answer is the mean of theirs.
    fn further_classifiers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where the family's checkpoints differ from this module in more than names of its kinds of layers: nowhere, unless they
    /// say otherwise.
    fn rules(&self) -> Rules {
        Rules::default()
    }

    /// Probability with which the paper drops an embedding before the head.
    fn dropout(&self) -> f64 {
        0.0
    }

    /// Embeddings `[batch, embed_dim]` of a batch of inputs.
    fn embed(&self, input: Self::Input) -> Tensor<2> {
        let last = (0..self.depth()).fold(self.enter(input), |x, index| self.stage(index, x));
        self.pool(last)
    }

    /// Whether what the first `cut` stages make of items has the same shapes for all, so that it can be kept: what does not,
    /// as texts of different lengths, is kept once it is an embedding.
    fn same_shapes(&self, cut: usize) -> bool {
        Self::Flow::SAME_SHAPES || cut == self.depth()
    }

    /// The map that each stage ends in, as far as there are maps.
    fn feature_maps(&self, input: Self::Input) -> Vec<Self::Flow> {
        let maps = self.stages().iter().take_while(|stage| stage.reduction().is_some()).count();
        let mut x = self.enter(input);
        (0..maps)
            .map(|index| {
                x = self.stage(index, x.clone());
                x.clone()
            })
            .collect()
    }
}

/// The checkpoint's names of the two layers that depend on the task rather than the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landmarks {
    /// The convolution that reads the image, whose input channels may differ; empty where there is none.
    pub first_convolution: &'static str,
    /// The linear layer that writes the logits; its classes may differ.
    pub classifier: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_owns_whole_names_only() {
        let stage = Stage::map("layer1", &["layer1", "bn1", "cls_token"], 64, 4);
        for owned in ["layer1.0.weight", "bn1.bias", "cls_token"] {
            assert!(stage.owns(owned), "{owned}");
        }
        for other in ["layer10.0.weight", "layer2.0.bn1.weight", "cls_tokens"] {
            assert!(!stage.owns(other), "{other}");
        }
    }
}
