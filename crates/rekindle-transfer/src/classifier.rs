//! A backbone with a linear head, some of its stages frozen.

use burn::{
    module::ParamGroup,
    nn::{Dropout, DropoutConfig, Linear, LinearConfig},
    prelude::*,
};
use rekindle_layers::{Backbone, PackedWeights, Stage, linear};

use crate::{Phase, Statistics};

/// A [`Backbone`] and the linear head that reads its embeddings.
#[derive(Module, Debug)]
pub struct Classifier<B: Module> {
    backbone: B,
    dropout: Dropout,
    head: Linear,
    #[module(skip)]
    packed: PackedWeights,
    frozen: usize,
}

impl<B: Module> Classifier<B> {
    /// The field that holds the backbone; parameters of the backbone have it in front.
    pub const TRUNK: &'static str = "backbone";
    /// The field that holds the head.
    pub const HEAD: &'static str = "head";
}

impl<B: Backbone> Classifier<B> {
    /// Puts an untrained head for `classes` labels on `backbone`.
    pub fn new(backbone: B, classes: usize, device: &Device) -> Self {
        let head = LinearConfig::new(backbone.embed_dim(), classes).init(device);
        let dropout = DropoutConfig::new(backbone.dropout()).init();
        Self { backbone, dropout, head, packed: PackedWeights::default(), frozen: 0 }
    }

    /// The network without its head.
    pub fn backbone(&self) -> &B {
        &self.backbone
    }

    /// Number of labels.
    pub fn classes(&self) -> usize {
        self.head.weight.lazy_shape()[1]
    }

    /// Number of stages that do not move, counted from the image.
    pub fn frozen(&self) -> usize {
        self.frozen
    }

    /// Logits `[batch, classes]` for images `[batch, channels, height, width]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.classify(self.dropout.forward(self.embed(images)))
    }

    /// Logits of embeddings.
    fn classify(&self, x: Tensor<2>) -> Tensor<2> {
        match &self.head.bias {
            Some(bias) => linear(x, self.head.weight.val(), bias.val(), &self.packed),
            // Not as we build it.
            None => self.head.forward(x),
        }
    }

    /// Embeddings `[batch, embed_dim]` of images `[batch, channels, height, width]`.
    ///
    /// Frozen stages run outside the autodiff graph and in inference mode.
    pub fn embed(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = images;
        if self.frozen > 0 && x.device().is_autodiff() {
            let fixed = self.backbone.valid();
            x = (0..self.frozen).fold(x.inner(), |x, index| fixed.stage(index, x));
            x = Tensor::from_inner(x);
        } else {
            x = (0..self.frozen).fold(x, |x, index| self.backbone.stage(index, x));
        }
        let stages = self.backbone.stages().len();
        let x = (self.frozen..stages).fold(x, |x, index| self.backbone.stage(index, x));
        self.backbone.pool(x)
    }

    /// Freezes the first `count` stages and trains all that follow, whatever was frozen before.
    ///
    /// A frozen stage does not move: no gradients, no dropout, and its batch norms keep and use
    /// their running statistics.
    ///
    /// # Panics
    ///
    /// If there are fewer stages.
    pub fn freeze_to(self, count: usize) -> Self {
        let stages = self.backbone.stages();
        assert!(count <= stages.len(), "{count} frozen stages of {}", stages.len());
        let mut model = stages[..count]
            .iter()
            .fold(self.unfreeze(), |model, stage| model.freeze_group(Self::group(stage)));
        model.frozen = count;
        model
    }

    /// Makes the network ready for a phase: what is frozen, and what batch norms normalize by.
    ///
    /// # Panics
    ///
    /// If the phase freezes more stages than there are.
    pub fn prepare(self, phase: &Phase) -> Self {
        let frozen = phase.frozen.count(self.backbone.stages().len());
        let model = self.freeze_to(frozen);
        match phase.statistics {
            // Of what the pattern matches, there are only flags to turn off.
            Statistics::Kept => model.freeze_group(group(r"\.batch_statistics$")),
            Statistics::Updated => model,
        }
    }

    /// The learning rate of each stage in a phase, as the groups of its parameters.
    pub fn rates(&self, phase: &Phase) -> Vec<(ParamGroup, f64)> {
        let stages = self.backbone.stages();
        stages.iter().map(Self::group).zip(phase.rates(stages.len())).collect()
    }

    /// The parameters of a stage of the backbone.
    pub fn group(stage: &Stage) -> ParamGroup {
        let modules: Vec<_> = stage.modules.iter().map(|name| name.replace('.', r"\.")).collect();
        // Burn's paths name the variant where a field is an enum, as the backbone may be.
        let variant = r"(?:[A-Z]\w*\.)?";
        group(&format!(r"^{}\.{variant}(?:{})\.", Self::TRUNK, modules.join("|")))
    }
}

/// Patterns of whole names always compile; were it not so, no parameter would be meant.
fn group(pattern: &str) -> ParamGroup {
    ParamGroup::from_regex(pattern).unwrap_or_else(|_| ParamGroup::from_ids(Vec::new()))
}
