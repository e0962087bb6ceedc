//! What is to be learned: from a model and inputs to outputs, from outputs to a loss and to metrics.
//!
//! | task | label of an example | outputs |
//! |---|---|---|
//! | [`Classify`] | the place of its class | a logit a class |
//! | [`ClassifyMultiLabel`] | the places of its labels, any number | a logit a label |
//! | [`Regress`] | its numbers | the numbers, standardized |

use std::fmt::Debug;

use burn::prelude::*;
use rekindle_metrics::{MultiLabelPredictions, Predictions, Values};
use serde::{Deserialize, Serialize};

use crate::{BatchTarget, BinaryCrossEntropy, CrossEntropy, Failure, RegressionLoss};

/// What a trainer minimizes and measures. It knows neither the model nor what the inputs are.
pub trait Objective<M, I> {
    /// What is right for a batch of inputs.
    type Target;
    /// Everything that was predicted, to be measured as a whole: so batches of uneven sizes count fairly.
    type Scores;

    /// The model's outputs `[batch, outputs]`.
    fn outputs(&self, model: &M, input: I) -> Tensor<2>;

    /// The mean loss of a batch of outputs.
    fn loss(&self, outputs: Tensor<2>, target: &Self::Target) -> Tensor<1>;

    /// Outputs of a batch that is trained on, to be scored, and what a step makes less: their mean loss, unless something
    /// else is learned.
    fn step(&self, model: &M, input: I, target: &Self::Target) -> (Tensor<2>, Tensor<1>) {
        let outputs = self.outputs(model, input);
        (outputs.clone(), self.loss(outputs, target))
    }

    /// The model as it is measured after an epoch, where parts of it are not learned by steps: those are solved for now. With
    /// it what it answers to all of the training examples, which counts in the place of what was scored step by step.
    ///
    /// # Errors
    ///
    /// If an example cannot be had, or there is no solution.
    fn settle(&self, model: M) -> Result<Settled<M, Self::Scores>, Failure> {
        Ok((model, None))
    }

    /// Nothing predicted yet.
    fn scores(&self) -> Self::Scores;

    /// Adds the outputs of a batch, row by row.
    fn score(&self, scores: &mut Self::Scores, outputs: &[f32], target: &Self::Target);

    /// What was predicted, measured; [`LOSS`] is among it.
    fn values(&self, scores: &Self::Scores) -> Values;
}

/// A model, and where parts of it were solved for what it answers to all of the training examples.
pub type Settled<M, S> = (M, Option<S>);

/// The metric that every [`Objective`] has: its loss over whole data, without what only training adds to it.
pub const LOSS: &str = "loss";

/// What outputs mean: which label is right for an example, what missing it costs, how it is measured.
pub trait Task: Clone + Debug + Send + Sync + 'static {
    /// What is right for an example.
    type Label: Clone + Debug + PartialEq + Send + Sync + 'static;
    /// Everything that was predicted.
    type Scores: Clone + Debug;

    /// Outputs for each example.
    fn outputs(&self) -> usize;

    /// The mean loss `[1]` of outputs `[batch, outputs]`.
    fn loss(&self, outputs: Tensor<2>, target: &BatchTarget<Self::Label>) -> Tensor<1>;

    /// Nothing predicted yet.
    fn scores(&self) -> Self::Scores;

    /// Adds the outputs of some examples, row by row.
    fn score(&self, scores: &mut Self::Scores, outputs: &[f32], labels: &[Self::Label]);

    /// What was predicted, measured; [`LOSS`] is among it.
    fn values(&self, scores: &Self::Scores) -> Values;

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    fn check(&self) -> Result<(), String>;
}

/// A task, and how outputs come from a model and inputs: what a [`Fit`](crate::Fit) takes.
#[derive(Debug, Clone)]
pub struct Learn<T, F> {
    /// What outputs mean.
    pub task: T,
    /// From a model and inputs to outputs `[batch, outputs]`.
    pub forward: F,
}

impl<M, I, T: Task, F: Fn(&M, I) -> Tensor<2>> Objective<M, I> for Learn<T, F> {
    type Target = BatchTarget<T::Label>;
    type Scores = T::Scores;

    fn outputs(&self, model: &M, input: I) -> Tensor<2> {
        (self.forward)(model, input)
    }

    fn loss(&self, outputs: Tensor<2>, target: &Self::Target) -> Tensor<1> {
        self.task.loss(outputs, target)
    }

    fn scores(&self) -> T::Scores {
        self.task.scores()
    }

    fn score(&self, scores: &mut T::Scores, outputs: &[f32], target: &Self::Target) {
        self.task.score(scores, outputs, &target.labels);
    }

    fn values(&self, scores: &T::Scores) -> Values {
        self.task.values(scores)
    }
}

/// Which of several classes an example is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classify {
    /// Number of classes.
    pub classes: usize,
    /// The loss to train by.
    #[serde(default)]
    pub loss: CrossEntropy,
    /// What logits are divided by before they are measured, greater than zero: 1 until the model is calibrated. Guo et al.
    /// 2017, <https://arxiv.org/abs/1706.04599>.
    pub temperature: f64,
}

impl Classify {
    /// By plain cross-entropy.
    pub fn new(classes: usize) -> Self {
        Self { classes, loss: CrossEntropy::default(), temperature: 1.0 }
    }
}

impl Task for Classify {
    type Label = usize;
    type Scores = Predictions;

    fn outputs(&self) -> usize {
        self.classes
    }

    fn loss(&self, logits: Tensor<2>, target: &BatchTarget) -> Tensor<1> {
        self.loss.mean(logits, target)
    }

    fn scores(&self) -> Predictions {
        Predictions::new(self.classes)
    }

    fn score(&self, scores: &mut Predictions, logits: &[f32], labels: &[usize]) {
        if self.temperature == 1.0 {
            return scores.add(logits, labels);
        }
        let cooled: Vec<f32> =
            logits.iter().map(|&logit| (f64::from(logit) / self.temperature) as f32).collect();
        scores.add(&cooled, labels);
    }

    fn values(&self, scores: &Predictions) -> Values {
        scores.values()
    }

    fn check(&self) -> Result<(), String> {
        self.loss.check()?;
        match &self.loss.class_weights {
            Some(weights) if weights.len() != self.classes => Err(format!(
                "{} class weights for {} labels; give one each",
                weights.len(),
                self.classes
            )),
            _ => Ok(()),
        }
    }
}

/// Which labels an example has, any number of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifyMultiLabel {
    /// Number of labels there are.
    pub classes: usize,
    /// The loss to train by.
    #[serde(default)]
    pub loss: BinaryCrossEntropy,
    /// The probability above which each label is given; a half each until they are chosen.
    pub thresholds: Option<Vec<f64>>,
}

impl ClassifyMultiLabel {
    /// By plain binary cross-entropy.
    pub fn new(classes: usize) -> Self {
        Self { classes, loss: BinaryCrossEntropy::default(), thresholds: None }
    }
}

impl Task for ClassifyMultiLabel {
    type Label = Vec<usize>;
    type Scores = MultiLabelPredictions;

    fn outputs(&self) -> usize {
        self.classes
    }

    fn loss(&self, logits: Tensor<2>, target: &BatchTarget<Vec<usize>>) -> Tensor<1> {
        self.loss.mean(logits, target)
    }

    fn scores(&self) -> MultiLabelPredictions {
        MultiLabelPredictions::new(self.classes)
    }

    fn score(&self, scores: &mut MultiLabelPredictions, logits: &[f32], labels: &[Vec<usize>]) {
        scores.add(logits, labels);
    }

    fn values(&self, scores: &MultiLabelPredictions) -> Values {
        match &self.thresholds {
            Some(thresholds) => scores.values_at(thresholds),
            None => scores.values(),
        }
    }

    fn check(&self) -> Result<(), String> {
        self.loss.check()
    }
}

/// Numbers to be predicted. The model learns them standardized; they are measured in their own units.
///
/// [`LOSS`] is that of training wherever it is measured, of standardized numbers: on one chart with the loss of training it
/// means the same, whatever the units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Regress {
    /// What each number is standardized by.
    pub scales: Vec<Scale>,
    /// The loss to train by, between standardized numbers.
    #[serde(default)]
    pub loss: RegressionLoss,
}

/// Where the values of a number lie: a model's output times `deviation`, plus `mean`, is the number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Mean over the training examples.
    pub mean: f64,
    /// Standard deviation over the training examples; 1 where they are all the same.
    pub deviation: f64,
}

impl Scale {
    /// Numbers as they are.
    pub const PLAIN: Self = Self { mean: 0.0, deviation: 1.0 };

    /// The scale of these values.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count().max(1) as f64;
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        Self { mean, deviation }
    }

    /// The number that an output stands for.
    pub fn restore(&self, output: f32) -> f32 {
        (f64::from(output) * self.deviation + self.mean) as f32
    }

    /// The output that stands for a number.
    pub fn standardize(&self, number: f32) -> f32 {
        ((f64::from(number) - self.mean) / self.deviation) as f32
    }
}

impl Regress {
    /// By the mean squared error of numbers as they are.
    pub fn new(numbers: usize) -> Self {
        Self { scales: vec![Scale::PLAIN; numbers], loss: RegressionLoss::default() }
    }

    /// Numbers of examples, row by row, as outputs stand for them.
    pub fn restored(&self, outputs: &[f32]) -> Vec<f32> {
        outputs.iter().zip(self.scales.iter().cycle()).map(|(&x, scale)| scale.restore(x)).collect()
    }
}

impl Task for Regress {
    type Label = Vec<f32>;
    type Scores = rekindle_metrics::NumberPredictions;

    fn outputs(&self) -> usize {
        self.scales.len()
    }

    fn loss(&self, outputs: Tensor<2>, target: &BatchTarget<Vec<f32>>) -> Tensor<1> {
        let row = |numbers: &Vec<f32>| {
            numbers.iter().zip(&self.scales).map(|(&x, scale)| scale.standardize(x)).collect()
        };
        let target =
            BatchTarget { labels: target.labels.iter().map(row).collect(), ..target.clone() };
        self.loss.of_examples(outputs, &target)
    }

    fn scores(&self) -> Self::Scores {
        rekindle_metrics::NumberPredictions::new(self.scales.len())
    }

    fn score(&self, scores: &mut Self::Scores, outputs: &[f32], labels: &[Vec<f32>]) {
        scores.add(&self.restored(outputs), &labels.concat());
    }

    fn values(&self, scores: &Self::Scores) -> Values {
        let losses = self.scales.iter().enumerate().flat_map(|(number, scale)| {
            let off = |(right, predicted): (f64, f64)| (predicted - right) / scale.deviation;
            scores.of_target(number).into_iter().map(move |pair| self.loss.of_error(off(pair)))
        });
        let count = (scores.len() * self.scales.len()).max(1) as f64;
        let mut values = Values::default();
        values.set(LOSS, losses.sum::<f64>() / count);
        scores.values().iter().for_each(|(name, value)| values.set(name, value));
        values
    }

    fn check(&self) -> Result<(), String> {
        self.loss.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_loss_that_they_are_trained_by() {
        let labels = vec![vec![1000.0, 0.5], vec![1600.0, -0.5], vec![400.0, 1.5]];
        let outputs = [0.25, -3.0, 1.5, 0.1, 0.0, 0.0];
        let scales =
            vec![Scale { mean: 1000.0, deviation: 600.0 }, Scale { mean: 0.5, deviation: 0.25 }];
        let losses = [
            RegressionLoss::Mse,
            RegressionLoss::Mae,
            RegressionLoss::Huber { delta: 1.0 },
            RegressionLoss::Huber { delta: 0.3 },
        ];
        for loss in losses {
            let task = Regress { scales: scales.clone(), loss };
            let x = Tensor::<1>::from_data(outputs.as_slice(), &Device::flex()).reshape([3, 2]);
            let trained: f32 = task.loss(x, &BatchTarget::new(labels.clone())).into_scalar();
            let mut scores = task.scores();
            task.score(&mut scores, &outputs, &labels);
            let values = task.values(&scores);
            let measured = values.get(LOSS).unwrap();
            assert!((measured - f64::from(trained)).abs() < 1e-5, "{loss:?} {measured} {trained}");
            // In their own units: 150, 300, 600 of one, and 0.75, 1.025, 1 of the other.
            let mae = values.get("mae").unwrap();
            assert!((mae - 1052.775 / 6.0).abs() < 1e-4, "{mae}");
            assert_eq!(values.iter().next().map(|(name, _)| name), Some(LOSS));
        }
    }
}
