//! Convolutions side by side that are one: Ding et al. 2021, "RepVGG: Making VGG-style ConvNets Great Again",
//! <https://arxiv.org/abs/2101.03697>, section 3.3.

use burn::prelude::*;
use rekindle_kernels::{
    Activation, Convolve, Derived, FeatureMap, Norm, PackedWeights, Sources, convolve,
};

use crate::{BatchNorm, Conv2d, ConvNormAct};

/// Branches over one map, each with its norm, and the activation of their sum.
///
/// In training they are what they are. Outside of it, where norms do not depend on the batch, they are one convolution.
#[derive(Debug, Clone, Copy)]
pub struct Branches<'a> {
    /// A convolution with its norm.
    pub wide: (&'a Conv2d, &'a BatchNorm),
    /// One of a single pixel with the same channels, stride and groups.
    pub pointwise: (&'a Conv2d, &'a BatchNorm),
    /// The norm of the map itself, where it has the sum's shape.
    pub identity: Option<&'a BatchNorm>,
    /// Applied to the sum.
    pub activation: Activation,
    /// Where the one convolution is kept.
    pub fused: &'a FusedBranches,
}

/// Weights and bias of the convolution that a layer's branches are, kept while the layer's parameters stay as they are: on
/// Flex, and elsewhere computed for each call.
#[derive(Debug, Clone, Default)]
pub struct FusedBranches {
    derived: Derived<(Tensor<4>, Tensor<1>)>,
    packed: PackedWeights,
}

impl Branches<'_> {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height', width']`.
    ///
    /// # Panics
    ///
    /// If the channels differ, or the branches are not as their docs say.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        if x.device().is_autodiff() { self.apart(x) } else { self.as_one(x) }
    }

    fn apart(&self, x: FeatureMap) -> FeatureMap {
        // Parameters that train are others at the next step.
        self.fused.derived.clear();
        let pointwise = ConvNormAct::new(self.pointwise.0, self.pointwise.1, Activation::Identity);
        let sum = match self.identity {
            Some(norm) => {
                pointwise.forward_add(x.clone(), norm.forward(x.clone(), Activation::Identity))
            }
            None => pointwise.forward(x.clone()),
        };
        ConvNormAct::new(self.wide.0, self.wide.1, self.activation).forward_add(x, sum)
    }

    fn as_one(&self, x: FeatureMap) -> FeatureMap {
        let [_, _, height, width] = x.dims();
        let (conv, _) = self.wide;
        let (weight, bias) = self.fused.derived.get(self.sources(), || self.fuse());
        let with = Convolve {
            weight,
            bias: Some(bias),
            window: conv.window([height, width]),
            groups: conv.groups(),
            norm: Norm::None,
            shortcut: None,
            dropout: 0.0,
            activation: self.activation,
            packed: Some(&self.fused.packed),
        };
        convolve(x, with).0
    }

    /// All that the one convolution depends on.
    fn sources(&self) -> Sources {
        let norms = [Some(self.wide.1), Some(self.pointwise.1), self.identity];
        let weights = [self.wide.0, self.pointwise.0];
        let sources = weights
            .into_iter()
            .fold(Sources::default(), |sources, conv| sources.and(&conv.weight.val()));
        norms.into_iter().flatten().fold(sources, |sources, norm| {
            let sources = sources.and(&norm.gamma.val()).and(&norm.beta.val());
            sources.and(&norm.running_mean.value()).and(&norm.running_var.value())
        })
    }

    /// Weights and bias of the one convolution: a norm is a factor and an addend of each channel, a pointwise convolution
    /// is the middle of a wide one, and the map itself a pointwise convolution by ones.
    fn fuse(&self) -> (Tensor<4>, Tensor<1>) {
        let fold = |weight: Tensor<4>, norm: &BatchNorm| {
            let (factor, addend) = norm.affine();
            let [channels_out, ..] = weight.dims();
            (weight * factor.reshape([channels_out, 1, 1, 1]), addend)
        };
        let (wide, bias) = fold(self.wide.0.weight.val(), self.wide.1);
        let (mut middle, addend) = fold(self.pointwise.0.weight.val(), self.pointwise.1);
        let mut bias = bias + addend;
        if let Some(norm) = self.identity {
            let [channels_out, seen, ..] = middle.dims();
            let ones = Tensor::<2>::eye(seen, &middle.device()).cast(middle.dtype());
            let ones = ones.repeat_dim(0, self.wide.0.groups());
            let (ones, addend) = fold(ones.reshape([channels_out, seen, 1, 1]), norm);
            (middle, bias) = (middle + ones, bias + addend);
        }
        let [_, _, height, width] = wide.dims();
        let (row, column) = (height / 2, width / 2);
        let pixel = [0..middle.dims()[0], 0..middle.dims()[1], row..row + 1, column..column + 1];
        let middle = wide.clone().slice(pixel.clone()) + middle;
        (wide.slice_assign(pixel, middle), bias)
    }
}

#[cfg(test)]
mod tests {
    use burn::{module::Param, tensor::Distribution};

    use super::*;
    use crate::{BatchNormConfig, Conv2dConfig};

    struct Layer {
        wide: (Conv2d, BatchNorm),
        pointwise: (Conv2d, BatchNorm),
        identity: Option<BatchNorm>,
        fused: FusedBranches,
    }

    impl Layer {
        fn draw(channels: [usize; 2], stride: usize, groups: usize) -> Self {
            let device = Device::flex();
            let draw =
                |low| Tensor::random([channels[1]], Distribution::Uniform(low, 1.5), &device);
            let norm = || {
                let config = BatchNormConfig { channels: channels[1], epsilon: 1e-5 };
                let norm = config.init(&device);
                norm.running_mean.update(draw(-1.0));
                norm.running_var.update(draw(0.1));
                let (gamma, beta) = (Param::from_tensor(draw(0.2)), Param::from_tensor(draw(-1.0)));
                BatchNorm { gamma, beta, ..norm }
            };
            let conv = |kernel| {
                let conv = Conv2dConfig::new(channels, kernel);
                Conv2dConfig { stride, groups, ..conv }.init(&device)
            };
            let identity = (stride == 1 && channels[0] == channels[1]).then(norm);
            let fused = FusedBranches::default();
            Self { wide: (conv(3), norm()), pointwise: (conv(1), norm()), identity, fused }
        }

        fn branches(&self) -> Branches<'_> {
            Branches {
                wide: (&self.wide.0, &self.wide.1),
                pointwise: (&self.pointwise.0, &self.pointwise.1),
                identity: self.identity.as_ref(),
                activation: Activation::Relu,
                fused: &self.fused,
            }
        }

        /// How far the one convolution is from the branches, relative to their largest number.
        fn difference(&self) -> f32 {
            let channels = self.wide.0.weight.dims()[1] * self.wide.0.groups();
            let uniform = Distribution::Uniform(-1.0, 1.0);
            let x = FeatureMap::new(Tensor::random([2, channels, 9, 7], uniform, &Device::flex()));
            let apart = self.branches().apart(x.clone()).into_tensor();
            let as_one = self.branches().forward(x).into_tensor();
            assert_eq!(apart.dims(), as_one.dims());
            let largest: f32 = apart.clone().abs().max().into_scalar();
            (apart - as_one).abs().max().into_scalar::<f32>() / largest
        }
    }

    #[test]
    fn one_convolution_is_the_branches() {
        for (channels, stride, groups) in
            [([3, 8], 2, 1), ([8, 8], 1, 1), ([8, 8], 2, 1), ([8, 8], 1, 4), ([8, 16], 2, 4)]
        {
            let difference = Layer::draw(channels, stride, groups).difference();
            assert!(
                difference < 1e-5,
                "{channels:?}, stride {stride}, {groups} groups: {difference}"
            );
        }
    }

    fn double<const D: usize>(param: &mut Param<Tensor<D>>) {
        *param = Param::from_tensor(param.val() * 2.0);
    }

    /// Whatever it is that changes, what was kept is not used again; and it is used until then.
    #[test]
    fn what_changes_is_fused_anew() {
        let mut layer = Layer::draw([4, 4], 1, 1);
        assert!(layer.difference() < 1e-5);
        let kept =
            |layer: &Layer| layer.fused.derived.get(layer.branches().sources(), || panic!("anew"));
        let changes: [fn(&mut Layer); 5] = [
            |layer| double(&mut layer.wide.0.weight),
            |layer| double(&mut layer.pointwise.0.weight),
            |layer| double(&mut layer.wide.1.gamma),
            |layer| double(&mut layer.identity.as_mut().unwrap().beta),
            |layer| {
                let mean = layer.pointwise.1.running_mean.value() * 2.0;
                layer.pointwise.1.running_mean.update(mean);
            },
        ];
        for (index, change) in changes.into_iter().enumerate() {
            // `difference` forgets what was kept, as training does.
            layer.branches().forward(FeatureMap::new(Tensor::ones([1, 4, 3, 3], &Device::flex())));
            let (weight, _) = kept(&layer);
            assert_eq!(weight.dims(), [4, 4, 3, 3]);
            change(&mut layer);
            let x = FeatureMap::new(Tensor::ones([1, 4, 3, 3], &Device::flex()));
            let as_one = layer.branches().forward(x.clone()).into_tensor();
            let apart = layer.branches().apart(x).into_tensor();
            let difference: f32 = (as_one - apart).abs().max().into_scalar();
            assert!(difference < 1e-5, "change {index}: {difference}");
        }
    }
}
