//! Low-rank factors on a network's weights, which stay as they are.
//!
//! The sum is made anew in every forward pass by Burn's reparameterizations, so no layer knows of it:
//!
//! | tensor | shape | at the start |
//! |---|---|---|
//! | weight | `[out, in]`, or `[out, in, 1, 1]` of a convolution | the checkpoint's |
//! | A | `[rank, in]` | uniform in ±1/√in, as PEFT draws it |
//! | B | `[out, rank]` | zero |
//! | in use | weight + alpha/rank · B A | the checkpoint's |

use std::collections::BTreeMap;

use burn::{
    module::{Param, ParamGroup, Reparameterization, Reparameterizer},
    prelude::*,
    tensor::Distribution,
};
use rekindle_layers::{Backbone, ParameterInfo};

use super::Classifier;
use crate::{Error, Layout, Lora, lora::sides};

impl<B: Backbone> Classifier<B> {
    /// Freezes the network, dropout in the backbone and statistics included, and adapts weights.
    ///
    /// The factors train, and so does the head as far as it is not adapted. They are parameters of
    /// the network, called `lora.a` and `lora.b` behind the weight's name.
    /// [`prepare`](Self::prepare) keeps adapted weights frozen, whatever a phase says, and decides
    /// anew about everything else.
    ///
    /// # Errors
    ///
    /// One error that lists everything that is wrong: a pattern that matches no weight of a linear
    /// layer or 1x1 convolution, a rank or an alpha out of range, a weight that is adapted already.
    pub fn adapt(self, lora: &Lora) -> Result<Self, Error> {
        let layout = self.layout();
        let chosen = lora.choose(&layout)?;
        let trains = |path: &&str| path.starts_with(Self::HEAD) && !chosen.contains_key(*path);
        let paths = layout.parameters.iter().map(|parameter| parameter.path.as_str());
        let head: Vec<_> = paths.filter(trains).collect();
        let mut model = self.freeze().unfreeze_group(ParamGroup::from_paths(head));
        model.dropout = model.dropout.unfreeze();
        model.frozen = 0;
        Ok(model.apply_reparameterization(Attach { lora: lora.clone(), chosen }))
    }

    /// Adds the factors to the weights for good, so that the network can be saved and used like any.
    ///
    /// The merged weights are trained or not as they were before; where nothing is adapted, nothing
    /// changes.
    pub fn merge(self) -> Self {
        self.materialize()
    }
}

/// What is added to a weight.
#[derive(Module, Debug)]
struct LowRank {
    a: Param<Tensor<2>>,
    b: Param<Tensor<2>>,
    scale: f64,
    /// Whether the weight is `[in, out]`, as Burn's linear layers have it.
    transposed: bool,
}

impl Reparameterization for LowRank {
    const NAME: &'static str = Layout::FACTORS;

    fn apply<const D: usize>(&self, base: Tensor<D>) -> Tensor<D> {
        let product = self.b.val().matmul(self.a.val()).mul_scalar(self.scale);
        let product = if self.transposed { product.transpose() } else { product };
        let shape = base.shape();
        base + product.reshape(shape)
    }
}

struct Attach {
    lora: Lora,
    /// By Burn's path.
    chosen: BTreeMap<String, ParameterInfo>,
}

impl Reparameterizer for Attach {
    type Reparam = LowRank;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LowRank>) {
        let weight = self.chosen.get(path);
        let Some((weight, [out, channels_in])) = weight.and_then(|w| Some((w, sides(w)?))) else {
            return (param, None);
        };
        let device = param.lazy_device();
        let Lora { rank, alpha, .. } = self.lora;
        let bound = 1.0 / (channels_in as f64).sqrt();
        let a = Tensor::random([rank, channels_in], Distribution::Uniform(-bound, bound), &device);
        let factors = LowRank {
            a: Param::from_tensor(a),
            b: Param::from_tensor(Tensor::zeros([out, rank], &device)),
            scale: alpha / rank as f64,
            transposed: weight.transposed,
        };
        (param.set_require_grad(false), Some(factors))
    }
}

#[cfg(test)]
mod tests;
