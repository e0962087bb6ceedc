//! Low-rank adaptation as data: which weights get factors, and how large those are.
//!
//! Hu et al. 2021, <https://arxiv.org/abs/2106.09685>.

use std::collections::BTreeMap;

use rekindle_layers::ParameterInfo;
use serde::{Deserialize, Serialize};

use crate::{Error, Layout, pattern::Pattern};

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
    /// Without patterns, all those of the backbone whose smaller side is at least the rank; PEFT's usual choice in an encoder
    /// of texts is `*.query.weight` and `*.value.weight`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
}

impl Default for Lora {
    /// PEFT's rank, at twice the weight, wherever the backbone can be adapted.
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, matching: Vec::new() }
    }
}

impl Lora {
    /// The weights to adapt, by Burn's path.
    pub(crate) fn choose(&self, layout: &Layout) -> Result<BTreeMap<String, ParameterInfo>, Error> {
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
            if layout.has_factors(weight) {
                problems.push(format!("lora: `{}` is adapted already; merge first", weight.name));
            }
        }
        if problems.is_empty() { Ok(chosen) } else { Err(Error::Plan(problems)) }
    }
}

fn smaller_side(weight: &ParameterInfo) -> usize {
    sides(weight).map_or(0, |[out, channels_in]| out.min(channels_in))
}

/// `[out, in]` where it is the weight of a linear layer or a 1x1 convolution.
pub(crate) fn sides(parameter: &ParameterInfo) -> Option<[usize; 2]> {
    match parameter.shape.as_slice() {
        [channels_in, out] if parameter.transposed => Some([*out, *channels_in]),
        [out, channels_in] if parameter.linear => Some([*out, *channels_in]),
        [out, channels_in, 1, 1] => Some([*out, *channels_in]),
        _ => None,
    }
}
