//! What a model's outputs mean, as its config says it and as training knows it.

use burn::{
    prelude::*,
    tensor::activation::{log_softmax, sigmoid},
};
use rekindle_cards::{HubConfig, LossSpec, TargetColumn, TaskSpec};
use rekindle_data::{Target, manifest::Offer};
use rekindle_finetune::TransferTask;
use rekindle_metrics::{Classification, MultiLabel, Temperature, Values};
use rekindle_report::{MultiLabelResults, RegressionResults, Results, SingleLabelResults};
use rekindle_train::{Classify, ClassifyMultiLabel, Regress, RegressionLoss, Scale};

/// A task that a [`Model`](crate::Model) can be saved with: one label, several labels, numbers.
pub trait ModelTask: TransferTask<Label: Target> {
    /// The task of these labels or columns of numbers, as it is usual.
    fn of(names: &[String]) -> Self;

    /// The task of a model with such a config; none where it is of another kind.
    fn from_config(config: &HubConfig) -> Option<Self>;

    /// The config of a model for this task, whose outputs are called so.
    fn to_config(&self, names: &[String], config: HubConfig) -> HubConfig;

    /// What two views of the same pictures say together, from the outputs `[batch, outputs]` for each.
    fn average(views: [Tensor<2>; 2]) -> Tensor<2>;

    /// What a run's page shows of the answers to a set of pictures; `before` is what was measured on them before the task
    /// was calibrated on them, if it was.
    fn results(&self, names: &[String], scores: &Self::Scores, before: Option<&Values>) -> Results;
}

/// What is learned of pictures, by the type of their labels: `usize`, `Vec<usize>` or `Vec<f32>`.
pub trait Learned: Target + serde::Serialize {
    /// The task that learns it.
    type Task: ModelTask<Label = Self>;

    /// Whether data that offer this have it.
    fn is_offered(offer: &Offer) -> bool;
}

impl Learned for usize {
    type Task = Classify;

    fn is_offered(offer: &Offer) -> bool {
        offer.label
    }
}

impl Learned for Vec<usize> {
    type Task = ClassifyMultiLabel;

    fn is_offered(offer: &Offer) -> bool {
        offer.labels || offer.label
    }
}

impl Learned for Vec<f32> {
    type Task = Regress;

    fn is_offered(offer: &Offer) -> bool {
        !offer.numbers.is_empty()
    }
}

/// What a model's outputs are called: its labels, or its columns of numbers.
pub(crate) fn names(config: &HubConfig) -> Vec<String> {
    match &config.task {
        TaskSpec::Regression { targets, .. } => {
            targets.iter().map(|target| target.name.clone()).collect()
        }
        _ => config.labels.clone(),
    }
}

impl ModelTask for Classify {
    fn of(names: &[String]) -> Self {
        Self::new(names.len())
    }

    fn from_config(config: &HubConfig) -> Option<Self> {
        let temperature = config.temperature.unwrap_or(1.0);
        let task = || Self { temperature, ..Self::new(config.classes) };
        (config.task == TaskSpec::SingleLabel).then(task)
    }

    fn to_config(&self, names: &[String], config: HubConfig) -> HubConfig {
        HubConfig {
            classes: names.len(),
            labels: names.to_vec(),
            task: TaskSpec::SingleLabel,
            temperature: (self.temperature != 1.0).then_some(self.temperature),
            ..config
        }
    }

    /// The logarithm of the mean of the probabilities.
    fn average(views: [Tensor<2>; 2]) -> Tensor<2> {
        let [one, other] = views.map(|logits| log_softmax(logits, 1));
        // Below the larger one, where nothing overflows, and a probability too small for a number stays above zero.
        let larger = one.clone().max_pair(other.clone());
        let sum = (one - larger.clone()).exp() + (other - larger.clone()).exp();
        larger + sum.log() - std::f64::consts::LN_2
    }

    fn results(&self, names: &[String], scores: &Self::Scores, before: Option<&Values>) -> Results {
        let found = Classification::of(scores);
        let temperature = before.and_then(|before| {
            let temperature = Temperature {
                value: self.temperature,
                error_before: before.get("calibration_error")?,
                error_after: found.calibration_error,
                loss_before: before.get("loss")?,
                loss_after: found.log_loss,
            };
            let Temperature { error_before, loss_before, loss_after, .. } = temperature;
            let finite = [error_before, loss_before, loss_after].into_iter().all(f64::is_finite);
            finite.then_some(temperature)
        });
        Results::SingleLabel(SingleLabelResults::of(names, found, temperature))
    }
}

/// The probability of each label above which it is given.
pub(crate) fn thresholds(task: &ClassifyMultiLabel) -> Vec<f64> {
    task.thresholds.clone().unwrap_or_else(|| vec![0.5; task.classes])
}

impl ModelTask for ClassifyMultiLabel {
    fn of(names: &[String]) -> Self {
        Self::new(names.len())
    }

    fn from_config(config: &HubConfig) -> Option<Self> {
        let TaskSpec::MultiLabel { thresholds } = &config.task else { return None };
        Some(Self { thresholds: Some(thresholds.clone()), ..Self::new(config.classes) })
    }

    fn to_config(&self, names: &[String], config: HubConfig) -> HubConfig {
        let even = TaskSpec::multi_label(names.len());
        let thresholds = self.thresholds.clone();
        HubConfig {
            classes: names.len(),
            labels: names.to_vec(),
            task: thresholds.map_or(even, |thresholds| TaskSpec::MultiLabel { thresholds }),
            temperature: None,
            ..config
        }
    }

    /// The logit of the mean of the probabilities.
    fn average(views: [Tensor<2>; 2]) -> Tensor<2> {
        let [one, other] = views.map(sigmoid);
        let mean =
            ((one + other) / 2.0).clamp(f64::from(f32::EPSILON), 1.0 - f64::from(f32::EPSILON));
        mean.clone().log() - (mean.neg() + 1.0).log()
    }

    fn results(&self, names: &[String], scores: &Self::Scores, before: Option<&Values>) -> Results {
        let found = MultiLabel::of(scores, &thresholds(self));
        let before = before.and_then(|before| before.get("f1")).filter(|f1| f1.is_finite());
        Results::MultiLabel(MultiLabelResults::of(names, found, before))
    }
}

impl ModelTask for Regress {
    fn of(names: &[String]) -> Self {
        Self::new(names.len())
    }

    fn from_config(config: &HubConfig) -> Option<Self> {
        let TaskSpec::Regression { targets, loss } = &config.task else { return None };
        let scale = |target: &TargetColumn| Scale { mean: target.mean, deviation: target.std };
        let loss = match *loss {
            LossSpec::Mse => RegressionLoss::Mse,
            LossSpec::Mae => RegressionLoss::Mae,
            LossSpec::Huber { delta } => RegressionLoss::Huber { delta },
        };
        Some(Self { scales: targets.iter().map(scale).collect(), loss })
    }

    fn to_config(&self, names: &[String], config: HubConfig) -> HubConfig {
        let target = |(name, scale): (&String, &Scale)| TargetColumn {
            name: name.clone(),
            mean: scale.mean,
            std: scale.deviation,
        };
        let loss = match self.loss {
            RegressionLoss::Mse => LossSpec::Mse,
            RegressionLoss::Mae => LossSpec::Mae,
            RegressionLoss::Huber { delta } => LossSpec::Huber { delta },
        };
        let targets = names.iter().zip(&self.scales).map(target).collect();
        HubConfig {
            classes: names.len(),
            labels: Vec::new(),
            task: TaskSpec::Regression { targets, loss },
            temperature: None,
            ..config
        }
    }

    fn average(views: [Tensor<2>; 2]) -> Tensor<2> {
        let [one, other] = views;
        (one + other) / 2.0
    }

    fn results(&self, names: &[String], scores: &Self::Scores, _: Option<&Values>) -> Results {
        Results::Regression(RegressionResults::of(names, scores))
    }
}
