//! Stochastic depth. Huang et al. 2016, "Deep Networks with Stochastic Depth",
//! <https://arxiv.org/abs/1603.09382>.

use burn::{
    module::{Flag, Param},
    prelude::*,
    tensor::Distribution,
};
use rekindle_kernels::{Activation, FeatureMap, add, add_scaled};

use crate::{
    ConvNormAct,
    projection::{as_map, as_sequence},
};

/// Drops a residual branch of a picture with a probability, and scales the kept ones up.
///
/// Draws once a picture or sequence (timm's `DropPath`), where `Dropout` draws once an element.
#[derive(Module, Debug)]
pub struct DropPath {
    probability: f64,
    training: Param<Flag>,
}

impl DropPath {
    /// A layer that drops with `probability` in `[0, 1)` while it trains.
    ///
    /// # Panics
    ///
    /// If the probability lies elsewhere.
    pub fn new(probability: f64) -> Self {
        assert!((0.0..1.0).contains(&probability), "drop path probability {probability}");
        Self { probability, training: Param::from_bool(true) }
    }

    /// `shortcut + factors * branch`, all `[batch, channels, height, width]`; outside training the factors are
    /// one.
    pub fn add(&self, branch: FeatureMap, shortcut: FeatureMap) -> FeatureMap {
        let device = branch.device();
        if !self.is_active(&device) {
            return add(branch, shortcut, Activation::Identity);
        }
        let keep = 1.0 - self.probability;
        let [batch, ..] = branch.dims();
        let options = (&device.inner(), branch.dtype());
        let kept = Tensor::random([batch], Distribution::Bernoulli(keep), options);
        add_scaled(branch, Tensor::from_inner(kept / keep), shortcut)
    }

    /// The same of the branch that `unit`, which ends in no activation, computes from `x`: outside training
    /// in one pass.
    pub fn forward_add(
        &self,
        unit: &ConvNormAct<'_>,
        x: FeatureMap,
        shortcut: FeatureMap,
    ) -> FeatureMap {
        if self.is_active(&x.device()) {
            self.add(unit.forward(x), shortcut)
        } else {
            unit.forward_add(x, shortcut)
        }
    }

    /// The same of a sequence: `[batch, length, channels_in]` to the shortcut's `[batch, length, channels]`.
    pub fn forward_sequence_add(
        &self,
        unit: &ConvNormAct<'_>,
        x: Tensor<3>,
        shortcut: Tensor<3>,
    ) -> Tensor<3> {
        as_sequence(self.forward_add(unit, as_map(x), as_map(shortcut)))
    }

    fn is_active(&self, device: &Device) -> bool {
        self.probability > 0.0 && self.training.is_enabled() && device.is_autodiff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conv2dConfig, ProjectionConfig};

    /// What is added to nothing by a branch that changes nothing.
    fn branch(layer: &DropPath, x: Tensor<4>) -> Tensor<4> {
        let mut conv = Conv2dConfig::new([2, 2], 1).init(&x.device());
        conv.weight = Param::from_tensor(Tensor::<2>::eye(2, &x.device()).reshape([2, 2, 1, 1]));
        let unit = ConvNormAct::new(&conv, None, Activation::Identity);
        let nothing = FeatureMap::new(x.zeros_like());
        layer.forward_add(&unit, FeatureMap::new(x), nothing).into_tensor()
    }

    #[test]
    fn drops_whole_pictures_and_keeps_the_mean() {
        let device = Device::flex().autodiff();
        let y = branch(&DropPath::new(0.25), Tensor::ones([8000, 2, 1, 3], &device));
        let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
        assert!(y.chunks(6).all(|picture| picture.iter().all(|v| *v == picture[0])));
        let mean = y.iter().sum::<f32>() / y.len() as f32;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }

    /// A sequence is dropped whole or made up for, as a map is, and neither where nothing is drawn. What is drawn depends on what
    /// other threads draw, so it is any of the two.
    #[test]
    fn drops_whole_sequences() {
        for (device, probability) in [
            (Device::flex().autodiff(), 0.5_f64),
            (Device::flex().autodiff(), 0.0),
            (Device::flex(), 0.5),
        ] {
            let mut projection = ProjectionConfig::new(2, 2).init(&device);
            projection.weight = Param::from_tensor(Tensor::eye(2, &device));
            let x = Tensor::<1, Int>::arange(0..384, &device).float().reshape([64, 3, 2]);
            let scale = Param::from_tensor(Tensor::<1>::from_floats([0.5, -2.0], &device));
            let unit = ConvNormAct::new(&projection, None, Activation::Identity);
            let unit = unit.scaled(Some(&scale));
            let layer = DropPath::new(probability);
            let found = layer.forward_sequence_add(&unit, x.clone(), x.ones_like());
            let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
            let draws = device.is_autodiff() && probability > 0.0;
            let factor = if draws { 1.0 / (1.0 - probability) as f32 } else { 1.0 };
            let (mut dropped, mut kept) = (0, 0);
            for (place, sequence) in found.chunks(6).enumerate() {
                let value = |at: usize| (6 * place + at) as f32 * [0.5, -2.0][at % 2];
                let is = |factor: f32| {
                    let mut pairs = sequence.iter().enumerate();
                    pairs.all(|(at, y)| (y - 1.0 - factor * value(at)).abs() < 1e-3)
                };
                if is(0.0) {
                    dropped += 1;
                } else {
                    assert!(is(factor), "{place}: {sequence:?}");
                    kept += 1;
                }
            }
            assert_eq!(dropped > 0, draws, "{dropped} of 64");
            assert!(kept > 0, "{dropped} of 64");
        }
    }

    #[test]
    fn does_nothing_outside_training() {
        let x = Tensor::<4>::ones([4, 2, 1, 3], &Device::flex());
        let autodiff = Tensor::<4>::ones([4, 2, 1, 3], &Device::flex().autodiff());
        for y in [
            branch(&DropPath::new(0.9), x),
            branch(&DropPath::new(0.9).freeze(), autodiff.clone()),
            branch(&DropPath::new(0.0), autodiff),
        ] {
            assert_eq!(y.sum().into_scalar::<f32>(), 24.0);
        }
    }
}
