//! Stochastic depth. Huang et al. 2016, "Deep Networks with Stochastic Depth",
//! <https://arxiv.org/abs/1603.09382>.

use burn::{
    module::{Flag, Param},
    prelude::*,
    tensor::Distribution,
};

/// Drops a residual branch of a picture with a probability, and scales the kept ones up.
///
/// Draws once a picture (timm's `DropPath`), where `Dropout` draws once an element.
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

    /// `[batch, channels, height, width]` in and out; changes nothing outside training.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if self.probability == 0.0 || !self.training.is_enabled() || !x.device().is_autodiff() {
            return x;
        }
        let keep = 1.0 - self.probability;
        let shape = [x.dims()[0], 1, 1, 1];
        let kept = Tensor::random(shape, Distribution::Bernoulli(keep), &x.device().inner());
        x * Tensor::from_inner(kept / keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_whole_pictures_and_keeps_the_mean() {
        let device = Device::flex().autodiff();
        device.seed(7);
        let layer = DropPath::new(0.25);
        let y = layer.forward(Tensor::ones([2000, 2, 1, 3], &device));
        let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
        assert!(y.chunks(6).all(|picture| picture.iter().all(|v| *v == picture[0])));
        let mean = y.iter().sum::<f32>() / y.len() as f32;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn does_nothing_outside_training() {
        let x = Tensor::<4>::ones([4, 2, 1, 3], &Device::flex());
        let autodiff = Tensor::<4>::ones([4, 2, 1, 3], &Device::flex().autodiff());
        for y in [
            DropPath::new(0.9).forward(x),
            DropPath::new(0.9).freeze().forward(autodiff.clone()),
            DropPath::new(0.0).forward(autodiff),
        ] {
            assert_eq!(y.sum().into_scalar::<f32>(), 24.0);
        }
    }
}
