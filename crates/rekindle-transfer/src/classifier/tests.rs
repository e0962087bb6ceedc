use std::convert::Infallible;

use burn::module::Param;
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap,
    Landmarks, global_mean,
};

use super::*;
use crate::Frozen;

/// Two stages of a 1x1 convolution, a batch norm and ReLU.
#[derive(Module, Debug)]
pub(crate) struct Chain {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    dropout: f64,
}

impl Chain {
    fn init(device: &Device) -> Self {
        let conv = |weight: [[f32; 2]; 2]| {
            let mut conv = Conv2dConfig::new([2, 2], 1).init(device);
            let weight = Tensor::<2>::from_floats(weight, device);
            conv.weight = Param::from_tensor(weight.reshape([2, 2, 1, 1]));
            conv
        };
        let norm = BatchNormConfig { channels: 2, epsilon: 1e-5 };
        let mut bn1 = norm.init(device);
        bn1.gamma = Param::from_tensor(Tensor::from_floats([1.0, 2.0], device));
        bn1.beta = Param::from_tensor(Tensor::from_floats([0.5, -1.0], device));
        let conv2 = conv([[1.0, 0.5], [-1.0, 2.0]]);
        Self {
            conv1: conv([[1.0, 0.0], [0.0, 1.0]]),
            bn1,
            conv2,
            bn2: norm.init(device),
            dropout: 0.0,
        }
    }
}

impl Backbone for Chain {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn depth(&self) -> usize {
        2
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn stages(&self) -> Vec<Stage> {
        [1, 2]
            .map(|i| Stage::map(&format!("s{i}"), &[&format!("conv{i}"), &format!("bn{i}")], 2, 1))
            .to_vec()
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let (conv, norm) = [(&self.conv1, &self.bn1), (&self.conv2, &self.bn2)][index];
        ConvNormAct::new(conv, norm, Activation::Relu).forward(FeatureMap::new(x)).into_tensor()
    }

    fn embed_dim(&self) -> usize {
        2
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv1", classifier: "fc" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

pub(crate) fn device() -> Device {
    Device::flex().autodiff()
}

pub(crate) fn chain() -> Classifier<Chain> {
    Classifier::new(Chain::init(&device()), 3, &device())
}

/// Batches of two pictures and of one.
pub(crate) fn batches() -> [Result<Tensor<4>, Infallible>; 2] {
    let range = |end| Tensor::<1, Int>::arange(0..end, &device()).float();
    let squares = range(8).powi_scalar(2).reshape([1, 2, 2, 2]);
    [Ok(range(16).reshape([2, 2, 2, 2])), Ok(squares)]
}

fn phase(frozen: Frozen, batch_norm: BatchNormPolicy) -> Phase {
    Phase { batch_norm, ..Phase::new("phase", 1, frozen, 1e-3) }
}

/// Means and variances of both norms.
fn statistics(model: &Classifier<Chain>) -> [Vec<f32>; 4] {
    let Chain { bn1, bn2, .. } = model.valid().backbone;
    [bn1.running_mean, bn1.running_var, bn2.running_mean, bn2.running_var]
        .map(|running| running.value().into_data().try_to_vec().unwrap())
}

fn assert_close(found: [Vec<f32>; 4], expected: [[f32; 2]; 4]) {
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() <= 2e-5 * expected.abs(), "{found} not {expected}");
    }
}

/// `torch.optim.swa_utils.update_bn` on `Sequential(BatchNorm2d, ReLU, Conv2d, BatchNorm2d)` in
/// float64, with `momentum=None`.
#[test]
fn statistics_are_reestimated_as_in_pytorch() {
    for policy in [BatchNormPolicy::Kept, BatchNormPolicy::Updated, BatchNormPolicy::Reestimated] {
        let model = chain().prepare(&phase(Frozen::Nothing, policy)).unwrap();
        let model = model.reestimate(batches()).unwrap();
        let expected = [
            [4.5, 20.5],
            [18.023_81, 111.357_14],
            [0.935_612_84, 0.217_165_05],
            [1.621_619_6, 0.666_106_3],
        ];
        assert_close(statistics(&model), expected);
        let again = model.reestimate(batches()).unwrap();
        assert_close(statistics(&again), expected);
        let flag = again.backbone.bn1.batch_statistics.is_enabled();
        assert_eq!(flag, policy == BatchNormPolicy::Updated, "{policy:?}");
        assert!(
            again.backbone.conv1.weight.is_require_grad()
                && again.head.is_some_and(|head| head.weight.is_require_grad())
        );
    }
}

/// The same with `bn1.eval()`: (0, 1) are its first statistics.
#[test]
fn frozen_statistics_are_not_reestimated() {
    let expected = [[0.0, 0.0], [1.0, 1.0], [24.999_875, 74.999_61], [205.426_52, 1_495.532_7]];
    for frozen in [Frozen::Stages(1), Frozen::Matching(vec!["bn1.bias".to_owned()])] {
        let phase = phase(frozen.clone(), BatchNormPolicy::Reestimated);
        let model = chain().prepare(&phase).unwrap().reestimate(batches()).unwrap();
        let found = statistics(&model);
        assert_eq!(found[..2], [[0.0, 0.0], [1.0, 1.0]], "{frozen:?}");
        assert_close(found, expected);
        assert!(!model.backbone.bn1.beta.is_require_grad(), "{frozen:?}");
    }
}

#[test]
fn without_a_batch_statistics_stay() {
    let phase = phase(Frozen::Nothing, BatchNormPolicy::Reestimated);
    let model = chain().prepare(&phase).unwrap().reestimate(batches()).unwrap();
    let before = statistics(&model);
    let model = model.reestimate(Vec::<Result<_, Infallible>>::new()).unwrap();
    assert_eq!(statistics(&model), before);
    assert_eq!(model.reestimate([Err("no disk")]).unwrap_err(), "no disk");
}

#[test]
fn one_value_a_channel_has_no_variance() {
    let one = Tensor::<4>::ones([1, 2, 1, 1], &device());
    let phase = phase(Frozen::Nothing, BatchNormPolicy::Reestimated);
    let model = chain().prepare(&phase).unwrap();
    let found = statistics(&model.reestimate([Ok::<_, ()>(one)]).unwrap());
    assert_eq!(found[..2], [[1.0, 1.0], [1.0, 1.0]]);
}

#[test]
fn names_in_the_layout_are_the_checkpoints() {
    let layout = chain().layout();
    let names: Vec<_> = layout.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names[..3], ["conv1.weight", "bn1.weight", "bn1.bias"]);
    assert_eq!(names[names.len() - 2..], ["fc.weight", "fc.bias"]);
    assert!(names.iter().all(|name| layout.owners(name).len() == 1));
}

#[test]
fn what_is_not_in_the_network_is_not_prepared() {
    let phase = phase(Frozen::Before("s3".to_owned()), BatchNormPolicy::Kept);
    let error = chain().prepare(&phase).unwrap_err().to_string();
    assert!(error.contains("no stage `s3`; stages are s1, s2"), "{error}");
    assert!(chain().rates(&phase).is_err());
}

#[test]
fn embeddings_are_dropped_in_training_only() {
    let backbone = Chain { dropout: 0.5, ..Chain::init(&device()) };
    let weight = (1..=6).map(|value| value as f32).collect();
    let model = Classifier::new(backbone, 3, &device()).with_head(weight, vec![0.0; 3]);
    // Without dropout all rows are one, to the last bit.
    let spread = |model: &Classifier<Chain>, x: Tensor<2>| {
        let logits = model.classify(x);
        (logits.clone() - logits.narrow(0, 0, 1)).abs().max().into_scalar::<f32>()
    };
    // Of 64 rows of two values, all dropped alike once in 4^63 runs.
    let ones = Tensor::<2>::ones([64, 2], &device());
    assert!(spread(&model, ones.clone()) >= 1.0);
    assert_eq!(spread(&model.valid(), ones.inner()), 0.0);
}
