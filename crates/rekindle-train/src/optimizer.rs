//! Optimizers with PyTorch's defaults (Burn's differ), and a learning rate for each group.

use burn::{
    lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    module::ParamGroup,
    optim::{
        AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig, decay::WeightDecayConfig,
        momentum::MomentumConfig,
    },
    prelude::*,
};

/// Which optimizer, as data.
#[derive(Debug, Clone, Copy, PartialEq)]
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
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::AdamW { weight_decay: 0.01 }
    }
}

/// An optimizer and its state; parameters that do not train have none.
#[derive(Clone)]
pub struct Optimizer(ModuleOptimizer);

/// Biases and the parameters of norms by Burn's names: decay would only pull them from where they
/// belong.
const NOT_DECAYED: &str = r"(?:^|\.)(?:bias|beta|gamma)$";

impl OptimizerConfig {
    /// An optimizer that has seen no step.
    pub fn init(&self) -> Optimizer {
        let not_decayed = ParamGroup::from_regex(NOT_DECAYED)
            .unwrap_or_else(|_| ParamGroup::from_ids(Vec::new()));
        Optimizer(match *self {
            Self::AdamW { weight_decay } => {
                let build =
                    |decay| AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(decay).build();
                let optimizer = ModuleOptimizer::from(build(weight_decay));
                optimizer.with_group(not_decayed, build(0.0), None)
            }
            Self::Sgd { momentum, weight_decay } => {
                let momentum =
                    MomentumConfig { momentum, dampening: 0.0, nesterov: momentum > 0.0 };
                let config = SgdConfig::new().with_momentum(Some(momentum));
                let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay));
                let optimizer =
                    ModuleOptimizer::from(config.clone().with_weight_decay(decay).build());
                optimizer.with_group(not_decayed, config.build(), None)
            }
        })
    }
}

impl Optimizer {
    /// Moves the parameters of `module` that have gradients.
    pub(crate) fn step<M: Module>(
        &mut self,
        rates: ModuleLearningRate,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        self.0.step(rates, module, gradients)
    }
}

impl std::fmt::Debug for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Optimizer")
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
    pub(crate) fn scaled(&self, factor: f64) -> ModuleLearningRate {
        let base = ModuleLrScheduler::new(self.base * factor);
        let add = |rates: ModuleLrScheduler, (group, rate): &(ParamGroup, f64)| {
            rates.with_group(group.clone(), rate * factor)
        };
        self.groups.iter().fold(base, add).step()
    }
}
