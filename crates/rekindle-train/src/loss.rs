//! Losses: cross-entropy with what recipes add to it, of one label and of several, those of regression, and that of embeddings.

use burn::{
    prelude::*,
    tensor::{DType, activation::log_softmax},
};
use serde::{Deserialize, Serialize};

use crate::ranges::Ranges;

mod contrastive;
mod multi_label;

pub use contrastive::contrastive;
pub use multi_label::BinaryCrossEntropy;

/// What the outputs of a batch should say: of each example the place of its class, the places of its labels, or its
/// numbers.
#[derive(Debug, Clone)]
pub struct BatchTarget<L = usize> {
    /// What is right for each example.
    pub labels: Vec<L>,
    /// How much each example counts, zero or more, 1 on the average over all data; all the same without.
    pub weights: Option<Vec<f32>>,
    /// What was mixed into the examples, where they were.
    pub mix: Option<Mix>,
    /// A teacher's outputs `[batch, outputs]` for the same inputs.
    pub teacher: Option<Tensor<2>>,
}

/// What was mixed into the examples of a batch: others of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// For each example, the place in the batch of the other.
    pub places: Vec<usize>,
    /// How much of each example is the other's, in `[0, 1]`.
    pub share: f64,
}

impl<L> BatchTarget<L> {
    /// The right answers, every example counting the same, nothing mixed, nobody to learn from.
    pub fn new(labels: Vec<L>) -> Self {
        Self { labels, weights: None, mix: None, teacher: None }
    }
}

/// What a mixed example has of another: what this one has, at the other's place.
fn at<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|&place| values[place]).collect()
}

/// Cross-entropy of logits, PyTorch's `F.cross_entropy`, with options that are off by default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct CrossEntropy {
    /// Share of the target that is spread over all classes, in `[0, 1]`; 0.1 is usual. Szegedy et al. 2015,
    /// <https://arxiv.org/abs/1512.00567>.
    pub smoothing: f64,
    /// A weight for each class, greater than zero. The mean is over weights, as in PyTorch.
    pub class_weights: Option<Vec<f32>>,
    /// Exponent, 0 or more, of the chance missed, by which easy examples count less; 0 is off, 2 is usual.
    /// Lin et al. 2017, <https://arxiv.org/abs/1708.02002>.
    pub focal: f64,
    /// Learning from a teacher, where batches bring its logits.
    pub distill: Option<Distill>,
}

/// Learning from a teacher's logits. Hinton et al. 2015, <https://arxiv.org/abs/1503.02531>.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct Distill {
    /// What both logits are divided by, greater than zero; 2 to 5 is usual.
    pub temperature: f64,
    /// Share of the teacher in the loss, in `[0, 1]`; labels have the rest.
    pub share: f64,
}

impl CrossEntropy {
    /// The mean loss, in nats, `[1]`, of logits `[batch, classes]`.
    ///
    /// Each example's loss is multiplied by its weight; the mean is over examples, or over their class weights. Of a mixed
    /// batch it is the mean of the losses to both kinds of labels, by their shares. A teacher adds `temperature² · KL(teacher ‖ student)` of the softened predictions; a
    /// batch without one is judged by its labels alone.
    ///
    /// # Panics
    ///
    /// If a label is no class, or the number of labels, classes or weights is another.
    pub fn mean(&self, logits: Tensor<2>, target: &BatchTarget) -> Tensor<1> {
        let BatchTarget { labels, weights, mix, teacher } = target;
        let [examples, count] = logits.dims();
        assert_eq!(labels.len(), examples, "as many labels as examples");
        assert!(labels.iter().all(|&label| label < count), "a label that is none of {count}");
        if let Some(weights) = weights {
            assert_eq!(weights.len(), examples, "as many weights as examples");
        }
        let weights = weights.as_deref();
        let taught = self.distill.as_ref().zip(teacher.as_ref());
        let log = log_softmax(logits.clone(), 1);
        let hard = match mix.as_ref().filter(|mix| mix.share > 0.0) {
            None => self.of_labels(log, labels, weights),
            Some(Mix { places, share }) => {
                assert_eq!(places.len(), examples, "as many others as examples");
                let others = weights.map(|weights| at(weights, places));
                self.of_labels(log.clone(), labels, weights) * (1.0 - share)
                    + self.of_labels(log, &at(labels, places), others.as_deref()) * *share
            }
        };
        match taught {
            None => hard,
            Some((distill, teacher)) => {
                hard * (1.0 - distill.share)
                    + distill.mean(logits, teacher, weights) * distill.share
            }
        }
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        let mut ranges = Ranges::default()
            .within("smoothing", self.smoothing, 0.0..=1.0)
            .within("focal", self.focal, 0.0..f64::INFINITY)
            .wrong_if(self.smoothing > 0.0 && self.focal > 0.0, || {
                "smoothing and focal are both on, but a smoothed target is never missed by nothing"
                    .into()
            });
        for (class, &weight) in self.class_weights.iter().flatten().enumerate() {
            ranges = ranges.positive(&format!("class_weights[{class}]"), weight.into());
        }
        if let Some(Distill { temperature, share }) = self.distill {
            ranges = ranges.positive("distill.temperature", temperature).within(
                "distill.share",
                share,
                0.0..=1.0,
            );
        }
        ranges.done()
    }

    /// From logarithms of probabilities `[batch, classes]`.
    fn of_labels(&self, log: Tensor<2>, labels: &[usize], weights: Option<&[f32]>) -> Tensor<1> {
        let ([examples, classes], device, dtype) = (log.dims(), log.device(), log.dtype());
        let places = indices(labels, &device).reshape([examples, 1]);
        let picked = log.clone().gather(1, places);
        let mut loss = picked.clone().neg();
        if self.focal > 0.0 {
            // A chance missed by nothing has no slope for exponents below one.
            let missed = (picked.exp().neg() + 1.0).clamp_min(1e-7);
            loss = loss * missed.powf_scalar(self.focal);
        }
        if weights.is_none() && self.class_weights.is_none() {
            let loss = loss.mean();
            if self.smoothing == 0.0 {
                return loss;
            }
            return loss * (1.0 - self.smoothing) - log.mean() * self.smoothing;
        }
        let ones = vec![1.0; classes.max(examples)];
        let of_classes = self.class_weights.as_deref().unwrap_or(&ones[..classes]);
        assert_eq!(of_classes.len(), classes, "as many weights as classes");
        let of_examples = weights.unwrap_or(&ones[..examples]);
        let of_labels: Vec<f32> = labels.iter().map(|&label| of_classes[label]).collect();
        let total: f64 = of_labels.iter().copied().map(f64::from).sum();
        let of_examples = column(of_examples, &device, dtype);
        let loss = (loss * column(&of_labels, &device, dtype) * of_examples.clone()).sum() / total;
        if self.smoothing == 0.0 {
            return loss;
        }
        let of_classes = column(of_classes, &device, dtype).reshape([1, classes]);
        let spread = (log * of_classes * of_examples).sum() / (total * classes as f64);
        loss * (1.0 - self.smoothing) - spread * self.smoothing
    }
}

impl Distill {
    fn mean(&self, student: Tensor<2>, teacher: &Tensor<2>, weights: Option<&[f32]>) -> Tensor<1> {
        assert_eq!(student.dims(), teacher.dims(), "a teacher of other classes or examples");
        let examples = student.dims()[0] as f64;
        let (device, dtype) = (student.device(), student.dtype());
        let soft = |logits: Tensor<2>| log_softmax(logits / self.temperature, 1);
        let teacher = soft(teacher.clone().detach());
        let divergence = teacher.clone().exp() * (teacher - soft(student));
        let divergence = match weights {
            None => divergence,
            Some(weights) => divergence * column(weights, &device, dtype),
        };
        divergence.sum() / examples * self.temperature.powi(2)
    }
}

/// Numbers below each other, `[numbers, 1]`.
fn column(values: &[f32], device: &Device, dtype: DType) -> Tensor<2> {
    Tensor::<1>::from_data(values, (device, dtype)).reshape([values.len(), 1])
}

/// Labels as the operations on tensors take them.
fn indices(labels: &[usize], device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    Tensor::from_data(labels.as_slice(), device)
}

/// Losses between numbers, each a mean over all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RegressionLoss {
    /// The square of the error.
    #[default]
    Mse,
    /// The error without its sign, which single outliers pull at less.
    Mae,
    /// Half the square of errors up to `delta`, and linear beyond. Huber 1964.
    Huber {
        /// In the units of the targets, greater than zero; 1 in PyTorch.
        delta: f64,
    },
}

impl RegressionLoss {
    /// The mean loss `[1]` of predictions, of the shape of `targets`.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn mean<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
        self.each(predictions, targets).mean()
    }

    /// The loss of one prediction, which is off by so much.
    pub fn of_error(&self, error: f64) -> f64 {
        match *self {
            Self::Mse => error * error,
            Self::Mae => error.abs(),
            Self::Huber { delta } => {
                let inside = error.abs().min(delta);
                inside * (error.abs() - inside * 0.5)
            }
        }
    }

    /// The loss of each prediction by itself, of the shape of both.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn each<const D: usize>(&self, predictions: Tensor<D>, targets: Tensor<D>) -> Tensor<D> {
        assert_eq!(predictions.dims(), targets.dims(), "as many predictions as targets");
        let error = predictions - targets;
        match *self {
            Self::Mse => error.clone() * error,
            Self::Mae => error.abs(),
            Self::Huber { delta } => {
                let error = error.abs();
                let inside = error.clone().clamp_max(delta);
                inside.clone() * (error - inside * 0.5)
            }
        }
    }

    /// The mean loss `[1]` of predictions `[batch, numbers]`; each example's is multiplied by its weight, and a mixed example
    /// is judged by the mix of its targets.
    ///
    /// # Panics
    ///
    /// If there are not as many numbers as predictions.
    pub fn of_examples(&self, predictions: Tensor<2>, target: &BatchTarget<Vec<f32>>) -> Tensor<1> {
        let BatchTarget { labels, weights, mix, .. } = target;
        let [examples, width] = predictions.dims();
        assert_eq!(labels.len(), examples, "as many targets as examples");
        let on = (&predictions.device(), predictions.dtype());
        let numbers = labels.concat();
        let mut targets = Tensor::<1>::from_data(numbers.as_slice(), on).reshape([examples, width]);
        if let Some(Mix { places, share }) = mix {
            let others: Vec<f32> = places.iter().flat_map(|&place| labels[place].clone()).collect();
            let others = Tensor::<1>::from_data(others.as_slice(), on).reshape([examples, width]);
            targets = targets * (1.0 - *share) + others * *share;
        }
        let loss = self.each(predictions, targets);
        match weights {
            None => loss.mean(),
            Some(weights) => (loss * column(weights, on.0, on.1)).mean(),
        }
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        match *self {
            Self::Mse | Self::Mae => Ok(()),
            Self::Huber { delta } => Ranges::default().positive("delta", delta).done(),
        }
    }
}

#[cfg(test)]
mod tests;
