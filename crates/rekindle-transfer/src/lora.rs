//! Low-rank adaptation: a few factors learn what is added to weights that stay as they are.
//!
//! Hu et al. 2021, <https://arxiv.org/abs/2106.09685>. The sum is made anew in every forward pass by
//! Burn's reparameterizations, so no layer knows of it:
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
use serde::{Deserialize, Serialize};

use crate::{Classifier, Error, Layout, plan::Pattern};

/// Which weights get factors, and how large those are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// Rank of the factors; at most the smaller side of each weight.
    pub rank: usize,
    /// The product of the factors counts `alpha / rank` times; positive.
    pub alpha: f64,
    /// Which weights, by their names in checkpoints, as [`Frozen::Matching`](crate::Frozen) has
    /// patterns. Of what they match, weights of linear layers and of 1x1 convolutions are adapted.
    /// Without patterns, all those of the backbone whose smaller side is at least the rank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
}

impl Default for Lora {
    /// PEFT's rank, at twice the weight, wherever the backbone can be adapted.
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, matching: Vec::new() }
    }
}

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

impl Lora {
    /// What is wrong with it for a network.
    pub(crate) fn problems(&self, layout: &Layout) -> Vec<String> {
        match self.choose(layout) {
            Err(Error::Plan(problems)) => problems,
            Err(error) => vec![error.to_string()],
            Ok(_) => Vec::new(),
        }
    }

    /// The weights to adapt, by Burn's path.
    fn choose(&self, layout: &Layout) -> Result<BTreeMap<String, ParameterInfo>, Error> {
        let mut problems = Vec::new();
        let mut chosen: BTreeMap<String, ParameterInfo> = BTreeMap::new();
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            problems.push(format!("lora: alpha {} is not positive", self.alpha));
        }
        let able = || layout.parameters.iter().filter(|parameter| sides(parameter).is_some());
        if self.matching.is_empty() {
            let large = able().filter(|weight| {
                layout.owners(&weight.name).iter().any(|part| *part < layout.stages.len())
                    && smaller_side(weight) >= self.rank
            });
            chosen.extend(large.map(|weight| (weight.path.clone(), weight.clone())));
            if chosen.is_empty() {
                problems.push(format!(
                    "lora: the backbone has no weight of a linear layer or 1x1 convolution with both sides at least {}",
                    self.rank
                ));
            }
        }
        for text in &self.matching {
            let pattern = match Pattern::new(text) {
                Ok(pattern) => pattern,
                Err(problem) => {
                    problems.push(format!("lora: {problem}"));
                    continue;
                }
            };
            let found: Vec<_> = able().filter(|weight| pattern.matches(&weight.name)).collect();
            if found.is_empty() {
                let names: Vec<_> = able().take(6).map(|weight| weight.name.as_str()).collect();
                problems.push(format!(
                    "lora: the pattern `{text}` matches no weight of a linear layer or 1x1 \
                     convolution; there are {}",
                    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                ));
            }
            chosen.extend(found.into_iter().map(|weight| (weight.path.clone(), weight.clone())));
        }
        for weight in chosen.values() {
            let most = smaller_side(weight);
            if self.rank == 0 || self.rank > most {
                problems.push(format!(
                    "lora: the rank {} is not in 1..={most}, the smaller side of `{}`",
                    self.rank, weight.name
                ));
            }
            if is_adapted(weight, layout) {
                problems.push(format!("lora: `{}` is adapted already; merge first", weight.name));
            }
        }
        if problems.is_empty() { Ok(chosen) } else { Err(Error::Plan(problems)) }
    }
}

/// Whether the parameter has factors.
pub(crate) fn is_adapted(weight: &ParameterInfo, layout: &Layout) -> bool {
    let factor = format!("{}.{}.a", weight.path, LowRank::NAME);
    layout.parameters.iter().any(|parameter| parameter.path == factor)
}

/// Whether a tensor of this name was added to a weight.
pub(crate) fn is_factor(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(weight, _)| weight.ends_with(&format!(".{}", LowRank::NAME)))
}

fn smaller_side(weight: &ParameterInfo) -> usize {
    sides(weight).map_or(0, |[out, channels_in]| out.min(channels_in))
}

/// `[out, in]` where it is the weight of a linear layer or a 1x1 convolution.
fn sides(parameter: &ParameterInfo) -> Option<[usize; 2]> {
    match parameter.shape.as_slice() {
        [channels_in, out] if parameter.transposed => Some([*out, *channels_in]),
        [out, channels_in, 1, 1] => Some([*out, *channels_in]),
        _ => None,
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
    const NAME: &'static str = "lora";

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
