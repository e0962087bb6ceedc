//! Optimizers with PyTorch's defaults (Burn's differ), and a learning rate for each group.
//!
//! A step over a parameter is one pass of `rekindle-kernels`; Burn's `ModuleOptimizer` does the rest: groups,
//! state by parameter, records.

use burn::{
    lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler},
    module::ParamGroup,
    optim::{self, GradientsParams, ModuleOptimizer, RecordState, StateSink, StateSource},
    prelude::*,
};
use rekindle_kernels::{Update, update};
use serde::{Deserialize, Serialize};

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
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::AdamW { weight_decay: 0.01 }
    }
}

/// An optimizer and its state; parameters that do not train have none.
#[derive(Clone)]
pub struct Optimizer(ModuleOptimizer);

/// PyTorch's defaults.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Biases and the parameters of norms by Burn's names: decay would only pull them from where they
/// belong.
const NOT_DECAYED: &str = r"(?:^|\.)(?:bias|beta|gamma)$";

impl OptimizerConfig {
    /// An optimizer that has seen no step.
    pub fn init(&self) -> Optimizer {
        let not_decayed = ParamGroup::from_regex(NOT_DECAYED)
            .unwrap_or_else(|_| ParamGroup::from_ids(Vec::new()));
        let build = |decayed| OnePass { config: *self, decayed };
        let optimizer = ModuleOptimizer::from(build(Decayed::Yes));
        Optimizer(optimizer.with_group(not_decayed, build(Decayed::No), None))
    }
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
        let decay = |decay: f32| if self.decayed == Decayed::Yes { f64::from(decay) } else { 0.0 };
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
    /// Moves the parameters of `module` that have gradients, at `factor` times the rates.
    pub fn step<M: Module>(
        &mut self,
        rates: &Rates,
        factor: f64,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        self.0.step(rates.scaled(factor), module, gradients)
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
    fn scaled(&self, factor: f64) -> ModuleLearningRate {
        let base = ModuleLrScheduler::new(self.base * factor);
        let add = |rates: ModuleLrScheduler, (group, rate): &(ParamGroup, f64)| {
            rates.with_group(group.clone(), rate * factor)
        };
        self.groups.iter().fold(base, add).step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{Linear, LinearConfig};

    /// `torch.optim` on `loss = sum(w * c)`, three steps from `w = [1, -2]` with gradients `[0.5, 3]`.
    #[test]
    fn steps_are_pytorchs() {
        for (config, expected) in [
            (OptimizerConfig::AdamW { weight_decay: 0.01 }, [0.697_302_94, -2.293_706]),
            (
                OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 0.1 },
                [0.525_363_6, -4.214_969_6],
            ),
        ] {
            let device = Device::flex();
            let mut w = Tensor::<2>::from_floats([[1.0, -2.0]], &device);
            let gradient = Tensor::<2>::from_floats([[0.5, 3.0]], &device);
            let optimizer = OnePass { config, decayed: Decayed::Yes };
            let mut state = None;
            for _ in 0..3 {
                (w, state) = optim::Optimizer::step(&optimizer, 0.1, w, gradient.clone(), state);
            }
            let w = w.into_data().try_to_vec::<f32>().unwrap();
            for (w, expected) in w.iter().zip(expected) {
                assert!((w - expected).abs() < 2e-6, "{config:?}: {w} against {expected}");
            }
        }
    }

    #[test]
    fn state_outlives_a_record() {
        let device = Device::flex().autodiff();
        let mut layer: Linear = LinearConfig::new(3, 2).init(&device);
        let mut optimizer = OptimizerConfig::default().init();
        let step = |optimizer: &mut Optimizer, layer: Linear| {
            let loss = layer.forward(Tensor::<2>::ones([4, 3], &device)).sum();
            let gradients = GradientsParams::from_grads(loss.backward(), &layer);
            optimizer.step(&Rates::uniform(0.1), 1.0, layer, gradients)
        };
        layer = step(&mut optimizer, layer);
        let bytes = optimizer.0.into_bytes().unwrap();
        let again = OptimizerConfig::default().init().0.from_bytes(bytes).unwrap();
        let expected = step(&mut optimizer, layer.clone()).weight.val().into_data();
        let found = step(&mut Optimizer(again), layer).weight.val().into_data();
        found.assert_eq(&expected, true);
    }
}
