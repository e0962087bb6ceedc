//! Binary cross-entropy: every label of an example by itself.

use burn::{
    prelude::*,
    tensor::{DType, activation::log_sigmoid},
};
use serde::{Deserialize, Serialize};

use super::{BatchTarget, column};
use crate::ranges::Ranges;

impl BatchTarget<Vec<usize>> {
    /// What is right, `[batch, classes]`: 1 for each label, of mixed examples their shares.
    fn shares(&self, classes: usize, on: (&Device, DType)) -> Tensor<2> {
        let mut values = vec![0.0; self.labels.len() * classes];
        let mut add = |row: usize, labels: &[usize], share: f64| {
            for &label in labels {
                assert!(label < classes, "a label that is none of {classes}");
                values[row * classes + label] += share as f32;
            }
        };
        let share = self.mix.as_ref().map_or(0.0, |mix| mix.share);
        for (row, labels) in self.labels.iter().enumerate() {
            add(row, labels, 1.0 - share);
        }
        for (row, &place) in self.mix.iter().flat_map(|mix| &mix.places).enumerate() {
            add(row, &self.labels[place], share);
        }
        let targets = Tensor::<1>::from_data(values.as_slice(), on);
        targets.reshape([self.labels.len(), classes])
    }
}

/// The cross-entropy of each label against its absence, PyTorch's `F.binary_cross_entropy_with_logits`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, default)]
pub struct BinaryCrossEntropy {
    /// How far targets are drawn from 0 and 1 towards one half, in `[0, 1]`.
    pub smoothing: f64,
    /// How much more than its absence each label counts, greater than zero; PyTorch's `pos_weight`.
    pub positive_weights: Option<Vec<f32>>,
}

impl BinaryCrossEntropy {
    /// The mean loss over examples and classes, in nats, `[1]`, of logits `[batch, classes]`; each example's is multiplied by
    /// its weight.
    ///
    /// # Panics
    ///
    /// If a label is no class, or the number of examples, classes or weights is another.
    pub fn mean(&self, logits: Tensor<2>, target: &BatchTarget<Vec<usize>>) -> Tensor<1> {
        let [examples, classes] = logits.dims();
        assert_eq!(target.labels.len(), examples, "as many lists of labels as examples");
        let (device, dtype) = (logits.device(), logits.dtype());
        let on = (&device, dtype);
        let mut targets = target.shares(classes, on);
        if self.smoothing > 0.0 {
            targets = targets * (1.0 - self.smoothing) + self.smoothing / 2.0;
        }
        let [missed, wrong] = [logits.clone(), logits.neg()].map(|x| log_sigmoid(x).neg());
        let mut missed = missed * targets.clone();
        if let Some(weights) = &self.positive_weights {
            assert_eq!(weights.len(), classes, "as many weights as classes");
            missed = missed * column(weights, &device, dtype).reshape([1, classes]);
        }
        let loss = missed + wrong * (targets.neg() + 1.0);
        match &target.weights {
            None => loss.mean(),
            Some(weights) => {
                assert_eq!(weights.len(), examples, "as many weights as examples");
                (loss * column(weights, &device, dtype)).mean()
            }
        }
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        let mut ranges = Ranges::default().within("smoothing", self.smoothing, 0.0..=1.0);
        for (class, &weight) in self.positive_weights.iter().flatten().enumerate() {
            ranges = ranges.positive(&format!("positive_weights[{class}]"), weight.into());
        }
        ranges.done()
    }
}
