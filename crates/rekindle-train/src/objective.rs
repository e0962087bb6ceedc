//! What is to be learned: from a model and inputs to outputs, from outputs to a loss and to metrics.

use burn::prelude::*;
use rekindle_metrics::{MultiLabelPredictions, Predictions, Values};

use crate::{BinaryCrossEntropy, Classes, CrossEntropy, Regression, Tags};

/// A task, as the trainer sees it. It knows neither the model nor what the inputs are.
pub trait Objective<M, I> {
    /// What is right for a batch of inputs.
    type Target;
    /// Everything that was predicted, to be measured as a whole: so batches of uneven sizes count fairly.
    type Scores;

    /// The model's outputs `[batch, outputs]`.
    fn outputs(&self, model: &M, input: I) -> Tensor<2>;

    /// The mean loss of a batch of outputs.
    fn loss(&self, outputs: Tensor<2>, target: &Self::Target) -> Tensor<1>;

    /// Nothing predicted yet.
    fn scores(&self) -> Self::Scores;

    /// Adds the outputs of a batch, row by row.
    fn score(&self, scores: &mut Self::Scores, outputs: &[f32], target: &Self::Target);

    /// What was predicted, measured; [`LOSS`] is among it.
    fn values(&self, scores: &Self::Scores) -> Values;
}

/// The metric that every [`Objective`] has: its loss over whole data, without what only training adds to it.
pub const LOSS: &str = "loss";

/// Which of several classes an input is of. `F` maps a model and inputs to logits `[batch, classes]`.
#[derive(Debug, Clone)]
pub struct Classify<F> {
    /// From a model and inputs to logits.
    pub forward: F,
    /// Number of classes.
    pub classes: usize,
    /// The loss to train by.
    pub loss: CrossEntropy,
}

impl<M, I, F: Fn(&M, I) -> Tensor<2>> Objective<M, I> for Classify<F> {
    type Target = Classes;
    type Scores = Predictions;

    fn outputs(&self, model: &M, input: I) -> Tensor<2> {
        (self.forward)(model, input)
    }

    fn loss(&self, logits: Tensor<2>, target: &Classes) -> Tensor<1> {
        self.loss.mean(logits, target)
    }

    fn scores(&self) -> Predictions {
        Predictions::new(self.classes)
    }

    fn score(&self, scores: &mut Predictions, logits: &[f32], target: &Classes) {
        scores.add(logits, &target.labels);
    }

    fn values(&self, scores: &Predictions) -> Values {
        scores.values()
    }
}

/// Which labels an input has, any number of them. `F` maps a model and inputs to logits `[batch, classes]`.
#[derive(Debug, Clone)]
pub struct Tag<F> {
    /// From a model and inputs to logits.
    pub forward: F,
    /// Number of classes.
    pub classes: usize,
    /// The loss to train by.
    pub loss: BinaryCrossEntropy,
}

impl<M, I, F: Fn(&M, I) -> Tensor<2>> Objective<M, I> for Tag<F> {
    type Target = Tags;
    type Scores = MultiLabelPredictions;

    fn outputs(&self, model: &M, input: I) -> Tensor<2> {
        (self.forward)(model, input)
    }

    fn loss(&self, logits: Tensor<2>, target: &Tags) -> Tensor<1> {
        self.loss.mean(logits, target)
    }

    fn scores(&self) -> MultiLabelPredictions {
        MultiLabelPredictions::new(self.classes)
    }

    fn score(&self, scores: &mut MultiLabelPredictions, logits: &[f32], target: &Tags) {
        scores.add(logits, &target.labels);
    }

    fn values(&self, scores: &MultiLabelPredictions) -> Values {
        scores.values()
    }
}

/// Numbers to be predicted. `F` maps a model and inputs to predictions `[batch, outputs]`.
#[derive(Debug, Clone)]
pub struct Regress<F> {
    /// From a model and inputs to predictions.
    pub forward: F,
    /// Predictions for each input.
    pub outputs: usize,
    /// The loss to train by.
    pub loss: Regression,
}

impl<M, I, F: Fn(&M, I) -> Tensor<2>> Objective<M, I> for Regress<F> {
    type Target = Tensor<2>;
    type Scores = rekindle_metrics::NumberPredictions;

    fn outputs(&self, model: &M, input: I) -> Tensor<2> {
        (self.forward)(model, input)
    }

    fn loss(&self, outputs: Tensor<2>, target: &Tensor<2>) -> Tensor<1> {
        self.loss.mean(outputs, target.clone())
    }

    fn scores(&self) -> Self::Scores {
        rekindle_metrics::NumberPredictions::new(self.outputs)
    }

    fn score(&self, scores: &mut Self::Scores, outputs: &[f32], target: &Tensor<2>) {
        let target: Vec<f32> = target.to_data().iter::<f32>().collect();
        scores.add(outputs, &target);
    }

    fn values(&self, scores: &Self::Scores) -> Values {
        scores.values()
    }
}
