use burn::optim::GradientsParams;
use rekindle_layers::{
    NameStack, ParameterMapper, ParameterVisitor, map_parameters, visit_parameters,
};
use rekindle_train::{OptimizerConfig, Rates};

mod linear;

use super::*;
use crate::{
    BatchNormPolicy, Frozen, Phase, PhaseLoss, Plan,
    classifier::tests::{Chain, batches, chain, device},
};

type Model = Classifier<Chain>;

fn lora(patterns: &[&str]) -> Lora {
    let matching = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    Lora { rank: 2, alpha: 3.0, matching }
}

/// All that is a weight, but for the norms'.
fn all() -> Lora {
    lora(&["conv?.weight", "fc.weight"])
}

fn images() -> Tensor<4> {
    batches().into_iter().next().unwrap().unwrap()
}

fn bits<const D: usize>(x: Tensor<D>) -> Vec<u32> {
    x.into_data().iter::<f32>().map(f32::to_bits).collect()
}

fn gradients(model: &Model) -> GradientsParams {
    let logits = model.forward(images());
    GradientsParams::from_grads(logits.powi_scalar(2).sum().backward(), model)
}

fn step(model: Model) -> Model {
    let gradients = gradients(&model);
    let mut optimizer = OptimizerConfig::default().init();
    optimizer.step(&Rates::uniform(0.05), 1.0, model, gradients)
}

/// Names of tensors with gradients, and the bits of all tensors.
struct Look {
    gradients: GradientsParams,
    trained: Vec<String>,
    bits: BTreeMap<String, Vec<u32>>,
}

impl ParameterVisitor for Look {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let path = at.path();
        if self.gradients.get::<D>(param.id).is_some() {
            self.trained.push(path.clone());
        }
        self.bits.insert(path, bits(param.val()));
    }
}

fn look(model: &Model) -> Look {
    let gradients = gradients(model);
    let mut look = Look { gradients, trained: vec![], bits: BTreeMap::new() };
    visit_parameters(model, &mut look);
    look
}

#[test]
fn at_the_start_outputs_are_the_bases() {
    let base = chain().freeze();
    let adapted = base.clone().adapt(&all()).unwrap();
    assert_eq!(bits(adapted.forward(images())), bits(base.forward(images())));
}

#[test]
fn gradients_reach_factors_and_a_head_that_is_not_adapted() {
    let factors = |weight: &str| ["a", "b"].map(|factor| format!("{weight}.weight.lora.{factor}"));
    let convolutions = [factors("backbone.conv1"), factors("backbone.conv2")].concat();
    // Of an adapted head, the bias trains as it did.
    let [a, b] = factors("head");
    for (lora, head) in [
        (all(), vec![a, b, "head.bias".to_owned()]),
        (lora(&["conv*"]), vec!["head.weight".to_owned(), "head.bias".to_owned()]),
    ] {
        let model = chain().adapt(&lora).unwrap();
        let expected = [convolutions.clone(), head].concat();
        let before = look(&model);
        assert_eq!(before.trained, expected, "{lora:?}");
        let after = look(&step(step(model)));
        for (path, bits) in &before.bits {
            assert_eq!(after.bits[path] != *bits, expected.contains(path), "{lora:?}: {path}");
        }
    }
}

#[test]
fn merged_outputs_are_the_unmerged() {
    let mut model = chain().adapt(&all()).unwrap();
    for _ in 0..3 {
        model = step(model);
    }
    let unmerged = model.forward(images());
    let before = chain().layout();
    let merged = model.clone().merge();
    assert_eq!(merged.layout(), before, "no factors are left");
    let difference = (merged.forward(images()) - unmerged.clone()).abs().max();
    assert!(difference.into_scalar::<f32>() < 1e-5);
    let base = chain();
    let moved = (base.forward(images()) - unmerged.clone()).abs().max();
    assert!(moved.into_scalar::<f32>() > 1e-2, "training changed nothing");
    let valid = model.valid().merge().forward(images().inner());
    let difference = (valid - unmerged.inner()).abs().max();
    assert!(difference.into_scalar::<f32>() < 1e-5);
}

/// Sets B to ones.
struct Ones;

impl ParameterMapper for Ones {
    fn float<const D: usize>(
        &mut self,
        at: &NameStack,
        param: Param<Tensor<D>>,
    ) -> Param<Tensor<D>> {
        if at.path().ends_with("lora.b") { param.map(|b| b.ones_like()) } else { param }
    }
}

/// With B of ones, each output gets the sum of A over the rank, times alpha/rank.
#[test]
fn the_product_is_added_the_right_way_round() {
    let model = chain();
    let x = Tensor::<2>::from_floats([[1.0, -2.0], [0.5, 4.0]], &device());
    let base = model.classify(x.clone());
    let adapted = map_parameters(model.adapt(&lora(&["fc.weight"])).unwrap(), &mut Ones);
    let mut a = FindA { found: None };
    visit_parameters(&adapted, &mut a);
    let sums = a.found.unwrap().sum_dim(0);
    assert!((sums.clone().abs().sum().into_scalar::<f32>()) > 0.0);
    let expected = base + x.clone().matmul(sums.transpose()).mul_scalar(1.5);
    let difference = (adapted.classify(x.clone()) - expected).abs().max();
    assert!(difference.into_scalar::<f32>() < 1e-6);
}

struct FindA {
    found: Option<Tensor<2>>,
}

impl ParameterVisitor for FindA {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        if at.path().ends_with("lora.a") {
            let [rank, channels_in] = [param.lazy_shape()[0], param.lazy_shape()[1]];
            self.found = Some(param.val().reshape([rank, channels_in]));
        }
    }
}

#[test]
fn a_phase_keeps_adapted_weights_frozen() {
    let phase = Phase {
        batch_norm: BatchNormPolicy::Updated,
        ..Phase::new("phase", 1, Frozen::Nothing, 1e-3)
    };
    let model = chain().adapt(&lora(&["conv1.*"])).unwrap().prepare(&phase).unwrap();
    let trained = look(&model).trained;
    assert!(!trained.contains(&"backbone.conv1.weight".to_owned()), "{trained:?}");
    for path in ["backbone.conv1.weight.lora.a", "backbone.conv2.weight", "backbone.bn1.gamma"] {
        assert!(trained.contains(&path.to_owned()), "{trained:?}");
    }
}

#[test]
fn without_patterns_the_backbone_is_adapted_and_nothing_else_of_it_trains() {
    let phase = Phase::new("phase", 1, Frozen::Pretrained, 1e-3);
    let model = chain().adapt(&lora(&[])).unwrap().prepare(&phase).unwrap();
    let expected = [
        "backbone.conv1.weight.lora.a",
        "backbone.conv1.weight.lora.b",
        "backbone.conv2.weight.lora.a",
        "backbone.conv2.weight.lora.b",
        "head.weight",
        "head.bias",
    ];
    assert_eq!(look(&model).trained, expected);
    assert_eq!(model.frozen(), 0);
    assert!(model.layout().is_adapted() && !model.merge().layout().is_adapted());
    // Without factors, it is the backbone that stays.
    let model = chain().prepare(&phase).unwrap();
    assert_eq!((look(&model).trained.len(), model.frozen()), (2, 2));
}

#[test]
fn a_head_that_is_solved_for_can_have_no_factors() {
    for frozen in [Frozen::Nothing, Frozen::Pretrained] {
        let loss = PhaseLoss::Contrastive;
        let phases = vec![Phase { loss, ..Phase::new("pairs", 1, frozen.clone(), 1e-3) }];
        for (lora, is_refused) in [(all(), true), (lora(&["conv?.*"]), false), (lora(&[]), false)] {
            let row = format!("{frozen:?} {lora:?}");
            let plan = Plan { lora: Some(lora.clone()), phases: phases.clone() };
            for model in [chain(), chain().adapt(&lora).unwrap()] {
                let found = plan.check(&model.layout()).map_err(|error| error.to_string());
                assert_eq!(found.is_err(), is_refused, "{row}: {found:?}");
                let said = found.err().unwrap_or_default();
                assert_eq!(said.contains("it can have no factors"), is_refused, "{row}: {said}");
            }
        }
    }
}

#[test]
fn what_cannot_be_adapted_is_listed_at_once() {
    let wrong = Lora {
        rank: 3,
        alpha: 0.0,
        matching: ["conv1.*", "bn*", "^x("].map(str::to_owned).to_vec(),
    };
    let error = chain().adapt(&wrong).unwrap_err().to_string();
    for part in [
        "lora: alpha 0 is not positive",
        "the rank 3 is not in 1..=2, the smaller side of `conv1.weight`",
        "`bn*` matches no weight of a linear layer or 1x1 convolution; there are conv1.weight, \
         conv2.weight, fc.weight",
        "`^x(` is no regular expression",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let large = Lora { rank: 3, ..lora(&[]) };
    let none = chain().adapt(&large).unwrap_err().to_string();
    assert!(none.contains("no weight of a linear layer or 1x1 convolution with both"), "{none}");
    let plan = Plan { lora: Some(large), phases: vec![Phase::new("a", 1, Frozen::Backbone, 0.1)] };
    assert!(plan.check(&chain().layout()).unwrap_err().to_string().contains("at least 3"));
    let twice = chain().adapt(&all()).unwrap().adapt(&all()).unwrap_err().to_string();
    assert!(twice.contains("`fc.weight` is adapted already; merge first"), "{twice}");
}
