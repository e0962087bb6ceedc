//! A backbone with a linear head, some of its stages frozen.

use std::ops::Range;

use burn::{
    module::{Param, ParamGroup},
    nn::{Dropout, DropoutConfig, Linear, LinearConfig},
    prelude::*,
    tensor::TensorData,
};
use rekindle_layers::{Backbone, PackedWeights, Stage, linear, parameters};

use crate::{BatchNormPolicy, Error, Layout, Phase, lora::is_adapted};

mod statistics;

/// The field of a batch norm that says whether it normalizes by the batch.
const FLAG: &str = "batch_statistics";

/// A [`Backbone`] and the linear head that reads its embeddings.
#[derive(Module, Debug)]
pub struct Classifier<B: Module> {
    backbone: B,
    pub(crate) dropout: Dropout,
    head: Linear,
    #[module(skip)]
    packed: PackedWeights,
    pub(crate) frozen: usize,
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

    /// The network with another head: weights `[embed_dim, classes]` row by row, and biases `[classes]`.
    ///
    /// # Panics
    ///
    /// If the head of the network has other dimensions.
    pub fn with_head(mut self, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        let (device, [dim, classes]) =
            (self.head.weight.lazy_device(), self.head.weight.val().dims());
        let weight = Tensor::from_data(TensorData::new(weight, [dim, classes]), &device);
        let bias = Tensor::from_data(TensorData::new(bias, [classes]), &device);
        self.head.weight = Param::from_tensor(weight);
        self.head.bias = Some(Param::from_tensor(bias));
        self
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

    /// The stages, the classifier and the tensors in them, under the checkpoint's names.
    pub fn layout(&self) -> Layout {
        let classifier = self.backbone.landmarks().classifier;
        let mut parameters = parameters(self);
        for parameter in &mut parameters {
            parameter.name = match parameter.name.split_once('.') {
                Some((Self::TRUNK, name)) => name.to_owned(),
                Some((Self::HEAD, name)) => format!("{classifier}.{name}"),
                _ => continue,
            };
        }
        Layout { stages: self.backbone.stages(), classifier: classifier.to_owned(), parameters }
    }

    /// Logits `[batch, classes]` for images `[batch, channels, height, width]`.
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_from(0, images)
    }

    /// Logits `[batch, classes]` from the output of the first `cut` stages, as
    /// [`prefix`](Self::prefix) returns it; from images where that is none.
    ///
    /// # Panics
    ///
    /// If there are fewer stages, or the channels are not those of the stage before the cut.
    pub fn forward_from(&self, cut: usize, x: Tensor<4>) -> Tensor<2> {
        self.classify(self.embed_from(cut, x))
    }

    /// Logits `[batch, classes]` of embeddings `[batch, embed_dim]`, with dropout in training.
    pub fn classify(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.dropout.forward(x);
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
        self.embed_from(0, images)
    }

    /// Embeddings `[batch, embed_dim]` from the output of the first `cut` stages.
    ///
    /// # Panics
    ///
    /// As [`forward_from`](Self::forward_from).
    pub fn embed_from(&self, cut: usize, x: Tensor<4>) -> Tensor<2> {
        let stages = self.backbone.stages().len();
        assert!(cut <= stages, "a cut after {cut} stages of {stages}");
        let frozen = self.frozen.max(cut);
        let x = self.outside_graph(cut..frozen, x);
        self.pool((frozen..stages).fold(x, |x, index| self.backbone.stage(index, x)))
    }

    /// Output of the first `cut` stages in inference mode, without a graph; the images where that
    /// is none.
    ///
    /// Of a picture it is the same in every epoch in which these stages are frozen, so it can be
    /// kept. It is on the device of the images, for [`forward_from`](Self::forward_from).
    ///
    /// # Panics
    ///
    /// If there are fewer stages.
    pub fn prefix(&self, cut: usize, images: Tensor<4>) -> Tensor<4> {
        let stages = self.backbone.stages().len();
        assert!(cut <= stages, "a cut after {cut} stages of {stages}");
        self.outside_graph(0..cut, images)
    }

    /// Embeddings `[batch, embed_dim]` of the output of all stages.
    pub fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        self.backbone.pool(x)
    }

    /// Runs stages in inference mode and without a graph, on the device of `x`.
    fn outside_graph(&self, stages: Range<usize>, x: Tensor<4>) -> Tensor<4> {
        if stages.is_empty() {
            return x;
        }
        if x.device().is_autodiff() {
            let fixed = self.backbone.valid();
            return Tensor::from_inner(stages.fold(x.inner(), |x, index| fixed.stage(index, x)));
        }
        stages.fold(x, |x, index| self.backbone.stage(index, x))
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
    /// What was frozen before is forgotten. Stages that are frozen as a whole from the image on run
    /// outside the graph; a batch norm whose scale or shift is frozen keeps its statistics.
    ///
    /// # Errors
    ///
    /// If what is frozen is not in the network; [`Plan::check`](crate::Plan::check) says so before.
    pub fn prepare(self, phase: &Phase) -> Result<Self, Error> {
        let layout = self.layout();
        let extent = phase.frozen.extent(&layout)?;
        let frozen =
            layout.parameters.iter().zip(&extent.parameters).filter(|(_, frozen)| **frozen);
        let mut paths: Vec<String> = frozen.map(|(parameter, _)| parameter.path.clone()).collect();
        // The flag of each batch norm lies beside its statistics.
        let flags = paths.iter().filter_map(|path| path.strip_suffix(".running_mean"));
        let flags: Vec<_> = flags.map(|norm| format!("{norm}.{FLAG}")).collect();
        paths.extend(flags);
        let adapted = layout.parameters.iter().filter(|weight| is_adapted(weight, &layout));
        paths.extend(adapted.map(|weight| weight.path.clone()));

        let stages = layout.stages.iter().zip(&extent.whole).filter(|(_, whole)| **whole);
        let mut model = stages
            .fold(self.unfreeze(), |model, (stage, _)| model.freeze_group(Self::group(stage)))
            .freeze_group(ParamGroup::from_paths(paths));
        model.frozen = extent.leading;
        Ok(match phase.batch_norm {
            // Of what the pattern matches, there are only flags to turn off.
            BatchNormPolicy::Kept | BatchNormPolicy::Reestimated => {
                model.freeze_group(group(&format!(r"\.{FLAG}$")))
            }
            BatchNormPolicy::Updated => model,
        })
    }

    /// The learning rate of each stage in a phase, as the groups of its parameters.
    ///
    /// # Errors
    ///
    /// If what is frozen is not in the network.
    pub fn rates(&self, phase: &Phase) -> Result<Vec<(ParamGroup, f64)>, Error> {
        let layout = self.layout();
        let rates = phase.rates(&layout)?;
        Ok(layout.stages.iter().map(Self::group).zip(rates).collect())
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

#[cfg(test)]
pub(crate) mod tests;
