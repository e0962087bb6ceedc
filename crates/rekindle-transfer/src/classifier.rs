//! A backbone with a linear head, some of its stages frozen.

use std::{collections::BTreeSet, ops::Range};

use burn::{
    module::{Flag, Param, ParamGroup, ParamId},
    nn::{Dropout, DropoutConfig, Linear, LinearConfig},
    prelude::*,
    tensor::TensorData,
};
use rekindle_layers::{
    Backbone, Input, NameStack, PackedWeights, ParameterVisitor, Stage, linear, parameters,
    visit_parameters,
};

use crate::{BatchNormPolicy, Error, Layout, Phase};

mod adapt;
mod statistics;

/// Weights from which on a batch goes through a network at once: VGG has 140 million, most of them of its linear layers.
const MANY_WEIGHTS: usize = 60_000_000;

/// The field of a batch norm that says whether it normalizes by the batch.
const FLAG: &str = "batch_statistics";

/// A [`Backbone`] and the linear head that reads its embeddings: one output a label, or one a number. A backbone that names no
/// classifier among its [landmarks](Backbone::landmarks) has none: its embeddings are the outputs. One that names
/// [further ones](Backbone::further_classifiers) has a head for each part of its embeddings, and the outputs are the means of
/// theirs.
#[derive(Module, Debug)]
pub struct Classifier<B: Module> {
    backbone: B,
    dropout: Dropout,
    head: Option<Linear>,
    /// One for each further part of the embeddings.
    head_further: Vec<Linear>,
    /// Of each head.
    #[module(skip)]
    packed: Vec<PackedWeights>,
    frozen: usize,
}

impl<B: Module> Classifier<B> {
    /// The field that holds the backbone; parameters of the backbone have it in front.
    pub const TRUNK: &'static str = "backbone";
    /// The field that holds the head; those that hold more of it begin so too.
    pub const HEAD: &'static str = "head";
    /// The field that holds the heads of further parts of the embeddings.
    const FURTHER: &'static str = "head_further";
}

impl<B: Backbone> Classifier<B> {
    /// Puts an untrained head for `classes` labels on `backbone`.
    ///
    /// # Panics
    ///
    /// If it has no head, and other outputs than so many; or if its embeddings are not as many parts as it has heads.
    pub fn new(backbone: B, classes: usize, device: &Device) -> Self {
        let embed_dim = backbone.embed_dim();
        let heads = 1 + backbone.further_classifiers().len();
        assert!(embed_dim.is_multiple_of(heads), "{embed_dim} numbers for {heads} heads");
        let linear = LinearConfig::new(embed_dim / heads, classes);
        let head = match backbone.landmarks().classifier {
            "" => {
                assert_eq!(classes, embed_dim, "outputs of a network without a head");
                None
            }
            _ => Some(linear.init(device)),
        };
        let head_further = (1..heads).map(|_| linear.init(device)).collect();
        let dropout = DropoutConfig::new(backbone.dropout()).init();
        let packed = vec![PackedWeights::default(); heads];
        Self { backbone, dropout, head, head_further, packed, frozen: 0 }
    }

    /// The network with another head: weights `[embed_dim, classes]` row by row, and biases `[classes]`.
    ///
    /// # Panics
    ///
    /// If the network has no head, or one of other dimensions.
    pub fn with_head(mut self, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        assert!(self.head.is_some(), "a head for a network that has none");
        let (dim, classes) = (self.backbone.embed_dim(), self.classes());
        assert!(
            weight.len() == dim * classes && bias.len() == classes,
            "a head of other dimensions"
        );
        // The mean of several is what one says of all parts, where each says so many times as much of its own.
        let heads = self.packed.len();
        let parts = weight.chunks((weight.len() / heads).max(1));
        for (head, part) in self.head.iter_mut().chain(&mut self.head_further).zip(parts) {
            let device = head.weight.lazy_device();
            let part: Vec<f32> = part.iter().map(|weight| weight * heads as f32).collect();
            let weight = Tensor::from_data(TensorData::new(part, [dim / heads, classes]), &device);
            let bias = Tensor::from_data(TensorData::new(bias.clone(), [classes]), &device);
            // The same parameters with other values: they train if they did.
            let trains = head.weight.is_require_grad();
            head.weight = head.weight.clone().map(|_| weight).set_require_grad(trains);
            head.bias = head.bias.take().map(|old| {
                let trains = old.is_require_grad();
                old.map(|_| bias).set_require_grad(trains)
            });
        }
        self
    }

    /// The network without its head.
    pub fn backbone(&self) -> &B {
        &self.backbone
    }

    /// Number of labels.
    pub fn classes(&self) -> usize {
        match &self.head {
            Some(head) => head.weight.lazy_shape()[1],
            None => self.backbone.embed_dim(),
        }
    }

    /// Number of stages that do not move, counted from the image.
    pub fn frozen(&self) -> usize {
        self.frozen
    }

    /// The stages, the classifier and the tensors in them, under the checkpoint's names.
    pub fn layout(&self) -> Layout {
        let classifier = self.backbone.landmarks().classifier;
        let further = self.backbone.further_classifiers();
        let further_name = |name: &str| {
            let (index, name) = name.split_once('.')?;
            Some(format!("{}.{name}", further.get(index.parse::<usize>().ok()?)?))
        };
        let mut parameters = parameters(self);
        for parameter in &mut parameters {
            parameter.name = match parameter.name.split_once('.') {
                Some((Self::TRUNK, name)) => name.to_owned(),
                Some((Self::HEAD, name)) => format!("{classifier}.{name}"),
                Some((Self::FURTHER, name)) => match further_name(name) {
                    Some(name) => name,
                    None => continue,
                },
                _ => continue,
            };
        }
        Layout {
            stages: self.backbone.stages(),
            classifier: classifier.to_owned(),
            further: further.iter().map(|&name| name.to_owned()).collect(),
            parameters,
        }
    }

    /// Outputs `[batch, classes]` for a batch of inputs.
    pub fn forward(&self, input: B::Input) -> Tensor<2> {
        self.classify(self.embed(input))
    }

    /// Outputs `[batch, classes]` from the output of the first `cut` stages, as [`prefix`](Self::prefix) returns it.
    ///
    /// # Panics
    ///
    /// If there are fewer stages, or `x` is not what the stage before the cut gives.
    pub fn forward_from(&self, cut: usize, x: B::Flow) -> Tensor<2> {
        self.classify(self.embed_from(cut, x))
    }

    /// Outputs `[batch, classes]` of embeddings `[batch, embed_dim]`, with dropout in training.
    pub fn classify(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.dropout.forward(x);
        let Some(head) = &self.head else { return x };
        if self.head_further.is_empty() {
            return outputs(head, x, &self.packed[0]);
        }
        let (heads, [_, dim]) = (self.packed.len(), x.dims());
        let part = |index: usize| x.clone().narrow(1, index * dim / heads, dim / heads);
        let each = std::iter::once(head).chain(&self.head_further).zip(&self.packed).enumerate();
        let each = each.map(|(index, (head, packed))| outputs(head, part(index), packed));
        match each.reduce(|sum, one| sum + one) {
            Some(sum) => sum / heads as f64,
            None => x,
        }
    }

    /// Embeddings `[batch, embed_dim]` of a batch of inputs.
    ///
    /// Frozen stages run outside the autodiff graph and in inference mode.
    pub fn embed(&self, input: B::Input) -> Tensor<2> {
        let whole = |input| self.embed_from(0, self.backbone.enter(input));
        // Of a network with more weights than maps, to read them again takes longer.
        if input.device().is_autodiff() || Module::num_params(&self.backbone) > MANY_WEIGHTS {
            return whole(input);
        }
        Tensor::cat(input.in_parts().into_iter().map(whole).collect(), 0)
    }

    /// Embeddings `[batch, embed_dim]` from the output of the first `cut` stages.
    ///
    /// # Panics
    ///
    /// As [`forward_from`](Self::forward_from).
    pub fn embed_from(&self, cut: usize, x: B::Flow) -> Tensor<2> {
        let stages = self.backbone.depth();
        assert!(cut <= stages, "a cut after {cut} stages of {stages}");
        let frozen = self.frozen.max(cut);
        let x = self.outside_graph(cut..frozen, x);
        self.pool((frozen..stages).fold(x, |x, index| self.backbone.stage(index, x)))
    }

    /// Output of the first `cut` stages in inference mode, without a graph.
    ///
    /// Of an item it is the same in every epoch in which these stages are frozen, so it can be
    /// kept. It is on the device of the input, for [`forward_from`](Self::forward_from).
    ///
    /// # Panics
    ///
    /// If there are fewer stages.
    pub fn prefix(&self, cut: usize, input: B::Input) -> B::Flow {
        let stages = self.backbone.depth();
        assert!(cut <= stages, "a cut after {cut} stages of {stages}");
        self.outside_graph(0..cut, self.backbone.enter(input))
    }

    /// Embeddings `[batch, embed_dim]` of the output of all stages.
    pub fn pool(&self, x: B::Flow) -> Tensor<2> {
        self.backbone.pool(x)
    }

    /// Runs stages in inference mode and without a graph, on the device of `x`.
    fn outside_graph(&self, stages: Range<usize>, x: B::Flow) -> B::Flow {
        if stages.is_empty() {
            return x;
        }
        if x.device().is_autodiff() {
            let fixed = self.backbone.valid();
            return x.without_graph(|x| stages.fold(x, |x, index| fixed.stage(index, x)));
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
        let stages = self.group(&stages[..count]);
        let mut model = self.unfreeze().freeze_group(stages);
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
        let mut paths: BTreeSet<String> =
            frozen.map(|(parameter, _)| parameter.path.clone()).collect();
        // The flag of each batch norm lies beside its statistics.
        let flags = paths.iter().filter_map(|path| path.strip_suffix(".running_mean"));
        let flags: Vec<_> = flags.map(|norm| format!("{norm}.{FLAG}")).collect();
        paths.extend(flags);
        let adapted = layout.parameters.iter().filter(|weight| layout.has_factors(weight));
        paths.extend(adapted.map(|weight| weight.path.clone()));
        let whole = layout.stages.iter().zip(&extent.whole).filter(|(_, whole)| **whole);
        let whole: Vec<Stage> = whole.map(|(stage, _)| stage.clone()).collect();
        let batch_norm = phase.batch_norm == BatchNormPolicy::Updated;
        let frozen = self.ids(|path, name| {
            let flag = path.rsplit('.').next() == Some(FLAG);
            paths.contains(path) || Self::owned(name, &whole) || (flag && !batch_norm)
        });
        let mut model = self.unfreeze().freeze_group(ParamGroup::from_ids(frozen));
        model.frozen = extent.leading;
        Ok(model)
    }

    /// The learning rate of each stage in a phase, as the groups of its parameters.
    ///
    /// # Errors
    ///
    /// If what is frozen is not in the network.
    pub fn rates(&self, phase: &Phase) -> Result<Vec<(ParamGroup, f64)>, Error> {
        let layout = self.layout();
        let rates = phase.rates(&layout)?;
        let group = |stage: &Stage| self.group(std::slice::from_ref(stage));
        Ok(layout.stages.iter().map(group).zip(rates).collect())
    }

    /// All that stages own: parameters, statistics, and the flags of layers that train.
    pub fn group(&self, stages: &[Stage]) -> ParamGroup {
        ParamGroup::from_ids(self.ids(|_, name| Self::owned(name, stages)))
    }

    /// Whether one of the stages owns the parameter that is called so in this network.
    pub fn owned(name: &str, stages: &[Stage]) -> bool {
        let inside = name.strip_prefix(Self::TRUNK).and_then(|name| name.strip_prefix('.'));
        inside.is_some_and(|name| stages.iter().any(|stage| stage.owns(name)))
    }

    /// The parameters and flags whose path and checkpoint's name are asked for.
    fn ids(&self, chosen: impl Fn(&str, &str) -> bool) -> Vec<ParamId> {
        let mut ids = Ids { chosen, found: Vec::new() };
        visit_parameters(self, &mut ids);
        ids.found
    }
}

/// What a head says of its part of the embeddings.
fn outputs(head: &Linear, x: Tensor<2>, packed: &PackedWeights) -> Tensor<2> {
    match &head.bias {
        Some(bias) => linear(x, head.weight.val(), bias.val(), packed),
        // Not as we build it.
        None => head.forward(x),
    }
}

struct Ids<F> {
    chosen: F,
    found: Vec<ParamId>,
}

impl<F: Fn(&str, &str) -> bool> Ids<F> {
    fn add(&mut self, at: &NameStack, id: ParamId) {
        if (self.chosen)(&at.path(), &at.name()) {
            self.found.push(id);
        }
    }
}

impl<F: Fn(&str, &str) -> bool> ParameterVisitor for Ids<F> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        self.add(at, param.id);
    }

    fn flag(&mut self, at: &NameStack, flag: &Param<Flag>) {
        self.add(at, flag.id);
    }
}

#[cfg(test)]
pub(crate) mod tests;
