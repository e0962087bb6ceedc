//! A frozen stage does not move, and everything else does: a step of training, compared bit by bit.

use std::{convert::Infallible, iter};

use burn::{module::Param, nn::loss::CrossEntropyLossConfig, optim::GradientsParams, prelude::*};
use rekindle_checkpoint::Naming;
use rekindle_layers::{Backbone, NameStack, ParameterVisitor, Stage, visit_parameters};
use rekindle_train::{
    BatchSource, BatchTarget, Classify, Fit, FitConfig, Learn, OptimizerConfig, Rates, Schedule,
    State, TensorBatch, Train, Validation,
};

use crate::support::{Bits, Model, bits, network, pictures, smallest};

pub(crate) const CLASSES: usize = 7;
/// Two heads.
pub(crate) const DISTILLED: &str = "deit_tiny_distilled_patch16_224";

/// One batch.
pub(crate) struct Pictures;

impl Pictures {
    fn labels() -> Vec<usize> {
        vec![1, 3, 6]
    }

    pub(crate) fn input(device: &Device) -> Tensor<4> {
        pictures([3, 3, 64, 48], device)
    }
}

impl BatchSource<Tensor<4>, BatchTarget> for Pictures {
    type Error = Infallible;

    fn batches(&self) -> usize {
        1
    }

    fn epoch(
        &self,
        _epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Tensor<4>, BatchTarget>, Infallible>> {
        let target = BatchTarget::new(Self::labels());
        iter::once(Ok(TensorBatch { input: Self::input(device), target, indices: vec![0, 1, 2] }))
    }
}

/// A step of AdamW through the training loop: a small one, since steps follow on each other and three pictures
/// that are told apart for sure would leave no gradients.
pub(crate) fn train(model: Model) -> Model {
    let fit = Fit {
        phase: "one".to_owned(),
        epochs: 1,
        rates: Rates::uniform(1e-4),
        schedule: Schedule::Constant,
        settings: FitConfig::default(),
    };
    let objective = Learn { task: Classify::new(CLASSES), forward: Model::forward };
    let state = State::new(model, &OptimizerConfig::default());
    let data = (&Train(Pictures), &Validation(Pictures));
    fit.run(state, &objective, data, &mut []).unwrap().0.model
}

pub(crate) fn is_running(name: &str) -> bool {
    name.ends_with("running_mean") || name.ends_with("running_var")
}

/// What belongs to a stage, or to the head where there is no stage.
fn part<'a>(
    bits: &'a Bits,
    stages: &'a [Stage],
    stage: Option<usize>,
) -> impl Iterator<Item = &'a str> {
    let owner = |name: &str| stages.iter().position(|stage| stage.owns(name));
    bits.keys().map(String::as_str).filter(move |name| owner(name) == stage)
}

fn check_step(row: &str, model: Model, naming: &Naming, frozen: usize) -> Model {
    assert_eq!(model.frozen(), frozen);
    let stages = model.backbone().stages();
    let before = bits(&model, naming);
    let model = train(model);
    let after = bits(&model, naming);
    let moved = |name: &&str| before[*name] != after[*name];

    for index in 0..stages.len() {
        let row = format!("{row}: {}", stages[index].name);
        let names: Vec<&str> = part(&before, &stages, Some(index)).collect();
        assert!(!names.is_empty(), "{row}");
        if index < frozen {
            assert_eq!(names.iter().find(|name| moved(name)), None, "{row} is frozen");
            continue;
        }
        let (running, learned): (Vec<&str>, Vec<&str>) =
            names.into_iter().partition(|name| is_running(name));
        assert!(learned.iter().any(moved), "{row} has no parameter that moves");
        assert_eq!(running.iter().find(|name| !moved(name)), None, "{row}");
    }
    let head: Vec<&str> = part(&before, &stages, None).collect();
    let heads = 1 + model.backbone().further_classifiers().len();
    assert_eq!(head.len(), 2 * heads, "{row}: {head:?}");
    assert!(head.iter().all(moved), "{row}: the head");
    model
}

#[test]
fn frozen_stages_do_not_move_and_others_do() {
    let device = Device::flex().autodiff();
    for name in smallest().into_iter().chain([DISTILLED]) {
        let (model, naming) = network(name, 3, CLASSES, &device);
        let stages = model.backbone().stages().len();
        // From one step to the next, so that each also undoes the freezing before it.
        let mut model = model;
        for frozen in (0..=stages).rev().chain([stages, 0]) {
            let row = format!("{name} with {frozen} frozen of {stages}");
            model = check_step(&row, model.freeze_to(frozen), &naming, frozen);
        }
    }
}

#[test]
fn frozen_stages_have_no_gradients() {
    let device = Device::flex().autodiff();
    for name in smallest() {
        let (model, naming) = network(name, 3, CLASSES, &device);
        let stages = model.backbone().stages();
        for frozen in [0, 1, stages.len() / 2, stages.len(), 0] {
            let model = model.clone().freeze_to(frozen);
            let labels: Vec<i64> = Pictures::labels().iter().map(|&label| label as i64).collect();
            let labels = Tensor::<1, Int>::from_data(labels.as_slice(), &device);
            let logits = model.forward(Pictures::input(&device));
            let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, labels);
            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let mut visitor = Gradients { naming: &naming, gradients, found: vec![] };
            visit_parameters(&model, &mut visitor);
            for (tensor, found) in visitor.found {
                let stage = stages.iter().position(|stage| stage.owns(&tensor));
                let trains = stage.is_none_or(|stage| stage >= frozen);
                let expected = trains && !is_running(&tensor);
                assert_eq!(found, expected, "{name} with {frozen} frozen: {tensor}");
            }
        }
    }
}

/// Whether each tensor has a gradient.
struct Gradients<'a> {
    naming: &'a Naming,
    gradients: GradientsParams,
    found: Vec<(String, bool)>,
}

impl ParameterVisitor for Gradients<'_> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let found = self.gradients.get::<D>(param.id).is_some();
        self.found.push((self.naming.in_checkpoint(&at.name()), found));
    }
}

/// No dropout, no stochastic depth, and no statistics of the batch where all is frozen.
#[test]
fn a_frozen_backbone_embeds_as_in_validation() {
    let device = Device::flex().autodiff();
    for name in smallest() {
        let (model, _) = network(name, 3, CLASSES, &device);
        // Running statistics other than the first, which hide nothing.
        let model = train(model);
        let stages = model.backbone().stages().len();
        let embed = |model: &Model, device: &Device| -> Vec<u32> {
            let embeddings = model.embed(Pictures::input(device)).into_data();
            embeddings.iter::<f32>().map(f32::to_bits).collect()
        };
        // The statistics of this batch move the running ones, so it comes first.
        let trained = embed(&model, &device);
        let expected = embed(&model.valid(), &device.clone().inner());
        // Some transformers have neither, and were trained without stochastic depth.
        let differs = model.layout().parameters.iter().any(|p| is_running(&p.name));
        assert!(trained != expected || !differs, "{name}");
        assert!(embed(&model.freeze_to(stages), &device) == expected, "{name}");
    }
}
