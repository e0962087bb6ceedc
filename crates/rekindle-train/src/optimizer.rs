//! Optimizers with PyTorch's defaults (Burn's differ), and a learning rate for each group.
//!
//! A step over a parameter is one pass of `rekindle-kernels`; Burn's `ModuleOptimizer` does the rest: groups,
//! state by parameter, records.

use burn::{
    lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    module::{ModuleVisitor, Param, ParamGroup, ParamId},
    optim::{self, GradientsParams, ModuleOptimizer, RecordState, StateSink, StateSource},
    prelude::*,
    tensor::Bytes,
};
use rekindle_kernels::{Update, update};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Which optimizer, as data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// Loshchilov & Hutter 2017, <https://arxiv.org/abs/1711.05101>.
    AdamW {
        /// Decay of weights a step, times the learning rate; PyTorch's default is 0.01.
        weight_decay: f32,
    },
    /// Stochastic gradient descent with Nesterov momentum.
    Sgd {
        /// Share of the last step that is kept; 0.9 is usual.
        momentum: f64,
        /// Penalty on the square of weights; 0 in PyTorch, 5e-4 for CIFAR.
        weight_decay: f32,
    },
    /// Steps along the sign of a mean of gradients. Chen et al. 2023,
    /// <https://arxiv.org/abs/2302.06675>: wants a learning rate 3 to 10 times lower than AdamW's.
    Lion {
        /// Decay of weights a step, times the learning rate: 3 to 10 times AdamW's.
        weight_decay: f32,
    },
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::AdamW { weight_decay: 0.01 }
    }
}

/// An optimizer and its state; parameters that do not train have none.
#[derive(Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    inner: ModuleOptimizer,
}

/// PyTorch's defaults for AdamW.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Algorithm 2 of Lion's paper.
const LION_BETAS: [f64; 2] = [0.9, 0.99];

/// Biases and the parameters of norms by Burn's names, and what timm lists as `no_weight_decay`: learned
/// tokens and positions. Decay would only pull them from where they belong. (Neither do vectors decay, by
/// whatever name.)
const NOT_DECAYED: &str = r"(?x) (?:^|\.)(?:
    bias | beta | gamma
    | \w+_token | \w*pos_embed\w* | rel_pos\w* | relative_position\w* | attention_biases
)$";

/// What the bytes of a state open with; the name of the optimizer and a line break follow.
const SIGNATURE: &str = "rekindle optimizer 1 ";

impl OptimizerConfig {
    /// An optimizer that has seen no step.
    pub fn init(&self) -> Optimizer {
        let build = |decayed| OnePass { config: *self, decayed };
        let optimizer = ModuleOptimizer::from(build(Decayed::Yes));
        let inner = optimizer.with_group(not_decayed(), build(Decayed::No), None);
        Optimizer { config: *self, inner }
    }

    /// An optimizer with the state that [`Optimizer::to_bytes`] wrote, for parameters of the same ids: those
    /// of the model whose record was saved with it.
    ///
    /// # Errors
    ///
    /// If the bytes are broken, or another kind of optimizer wrote them.
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Optimizer, Error> {
        let wrong = |reason| Error::Load { what: self.name(), reason };
        let state = bytes
            .strip_prefix(SIGNATURE.as_bytes())
            .ok_or_else(|| wrong("they are of no optimizer".into()))?
            .strip_prefix(format!("{}\n", self.name()).as_bytes())
            .ok_or_else(|| wrong("they are of another one".into()))?;
        let Optimizer { config, inner } = self.init();
        let inner = inner
            .from_bytes(Bytes::from_bytes_vec(state.to_vec()))
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Optimizer { config, inner })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::AdamW { .. } => "AdamW",
            Self::Sgd { .. } => "SGD",
            Self::Lion { .. } => "Lion",
        }
    }
}

fn not_decayed() -> ParamGroup {
    ParamGroup::from_regex(NOT_DECAYED).unwrap_or_else(|_| ParamGroup::from_ids(Vec::new()))
}

/// A step in one pass over each parameter.
#[derive(Debug, Clone, Copy)]
struct OnePass {
    config: OptimizerConfig,
    decayed: Decayed,
}

/// Whether weights decay.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Decayed {
    Yes,
    No,
}

/// What an optimizer remembers of a parameter: means of its gradients and of their squares.
#[derive(Clone)]
struct State<const D: usize> {
    steps: u64,
    mean: Option<Tensor<D>>,
    square: Option<Tensor<D>>,
}

impl optim::Optimizer for OnePass {
    type State<const D: usize> = State<D>;

    fn step<const D: usize>(
        &self,
        lr: f64,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<State<D>>,
    ) -> (Tensor<D>, Option<State<D>>) {
        let State { steps, mean, square } =
            state.unwrap_or(State { steps: 0, mean: None, square: None });
        let steps = steps + 1;
        let decays = self.decayed == Decayed::Yes && D > 1;
        let decay = |decay: f32| if decays { f64::from(decay) } else { 0.0 };
        let how = match self.config {
            OptimizerConfig::AdamW { weight_decay } => Update::AdamW {
                lr,
                betas: BETAS,
                epsilon: EPSILON,
                decay: decay(weight_decay),
                step: i32::try_from(steps).unwrap_or(i32::MAX),
            },
            OptimizerConfig::Sgd { momentum, weight_decay } => {
                Update::Sgd { lr, momentum, decay: decay(weight_decay), nesterov: momentum > 0.0 }
            }
            OptimizerConfig::Lion { weight_decay } => {
                Update::Lion { lr, betas: LION_BETAS, decay: decay(weight_decay) }
            }
        };
        let (tensor, [mean, square]) = update(how, tensor, grad, [mean, square]);
        (tensor, Some(State { steps, mean, square }))
    }

    fn to_device<const D: usize>(state: State<D>, device: &Device) -> State<D> {
        let [mean, square] =
            [state.mean, state.square].map(|tensor| tensor.map(|tensor| tensor.to_device(device)));
        State { mean, square, ..state }
    }
}

impl<const D: usize> RecordState for State<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        out.push_scalar(prefix, "steps", self.steps.into());
        for (name, tensor) in [("mean", &self.mean), ("square", &self.square)] {
            if let Some(tensor) = tensor {
                out.push_tensor(prefix, name, tensor.to_data());
            }
        }
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let steps = u64::try_from(src.take_scalar(prefix, "steps")?).ok()?;
        let [mean, square] = ["mean", "square"]
            .map(|name| src.take_tensor(prefix, name).map(|data| Tensor::from_data(data, device)));
        Some(Self { steps, mean, square })
    }
}

impl Optimizer {
    /// The same state under another configuration; without state where that is of another optimizer.
    pub fn turn_into(self, config: &OptimizerConfig) -> Self {
        let kept = self.to_bytes().and_then(|bytes| config.from_bytes(&bytes));
        // Moments of one optimizer mean nothing to another.
        kept.unwrap_or_else(|_| config.init())
    }

    /// Moves the parameters of `module` that have gradients, at `factor` times the rates.
    pub fn step<M: Module>(
        &mut self,
        rates: &Rates,
        factor: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        self.inner.step(rates.scaled(factor), module, gradients)
    }

    /// Drops the state of all parameters of `module` that take no gradient: where they were frozen again,
    /// it is memory that nobody needs and would be out of date later.
    pub fn discard_frozen<M: Module>(&mut self, module: &M) {
        let mut frozen =
            Frozen { path: Vec::new(), of: not_decayed(), ids: [Vec::new(), Vec::new()] };
        module.visit(&mut frozen);
        // A new group over parameters drops their state, and decays them as before.
        for (ids, decayed) in frozen.ids.into_iter().zip([Decayed::Yes, Decayed::No]) {
            if !ids.is_empty() {
                let group = ParamGroup::from_ids(ids);
                let optimizer = OnePass { config: self.config, decayed };
                self.inner = self.inner.clone().with_group(group, optimizer, None);
            }
        }
    }

    /// The state, for [`OptimizerConfig::from_bytes`].
    ///
    /// # Errors
    ///
    /// If Burn cannot write it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let what = self.config.name();
        let state = self.inner.into_bytes().map_err(|source| Error::Save { what, source })?;
        Ok([SIGNATURE.as_bytes(), what.as_bytes(), b"\n", &state].concat())
    }
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Optimizer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Collects the parameters that take no gradient: those that are not `of` a group, and those that are.
struct Frozen {
    path: Vec<String>,
    of: ParamGroup,
    ids: [Vec<ParamId>; 2],
}

impl ModuleVisitor for Frozen {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            let inside = self.of.matches(&param.id, Some(&self.path.join(".")));
            self.ids[usize::from(inside)].push(param.id);
        }
    }

    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
}

/// Learning rates: one for everything, and others for groups of parameters.
#[derive(Debug, Clone)]
pub struct Rates {
    /// The rate of what is in no group.
    pub base: f64,
    /// The last group that a parameter is in decides.
    pub groups: Vec<(ParamGroup, f64)>,
}

impl Rates {
    /// The same rate for all.
    pub fn uniform(rate: f64) -> Self {
        Self { base: rate, groups: Vec::new() }
    }

    /// All rates times `factor`, as Burn's optimizers take them.
    fn scaled(&self, factor: f64) -> ModuleLearningRate {
        let base = ModuleLrScheduler::new(self.base * factor);
        let add = |rates: ModuleLrScheduler, (group, rate): &(ParamGroup, f64)| {
            rates.with_group(group.clone(), rate * factor)
        };
        self.groups.iter().fold(base, add).step()
    }
}

#[cfg(test)]
mod tests;
