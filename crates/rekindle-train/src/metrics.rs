//! Loss and accuracy over many batches.

use burn::{nn::loss::CrossEntropyLossConfig, prelude::*};

/// Means over the examples that were added.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Number of examples.
    pub examples: usize,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of examples whose most likely label is right, in `[0, 1]`.
    pub accuracy: f64,
    /// Share whose label is among the five most likely, in `[0, 1]`.
    pub top5: f64,
}

impl Metrics {
    /// Adds a batch: its mean loss, and how many are right.
    pub(crate) fn add(&mut self, examples: usize, loss: f64, [top1, top5]: [usize; 2]) {
        let total = (self.examples + examples) as f64;
        let mean = |old: f64, sum: f64| (old * self.examples as f64 + sum) / total;
        (self.loss, self.accuracy, self.top5) = (
            mean(self.loss, loss * examples as f64),
            mean(self.accuracy, top1 as f64),
            mean(self.top5, top5 as f64),
        );
        self.examples += examples;
    }
}

/// Mean cross-entropy of logits `[batch, classes]`.
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let device = logits.device();
    let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let targets = Tensor::<1, Int>::from_data(labels.as_slice(), &device);
    CrossEntropyLossConfig::new().init(&device).forward(logits, targets)
}

/// How many labels are the most likely, and how many among the five most likely.
///
/// A label is as likely as its rank: ties count in its favor no more than they do in PyTorch's
/// `topk`, which takes the first of equals.
pub(crate) fn hits(logits: &[f32], labels: &[usize]) -> [usize; 2] {
    let classes = logits.len() / labels.len().max(1);
    let mut hits = [0, 0];
    for (row, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        let value = row[label];
        let better = |(index, other): &(usize, &f32)| {
            **other > value || (**other == value && *index < label) || other.is_nan()
        };
        let rank = row.iter().enumerate().filter(better).count();
        hits[0] += usize::from(rank < 1);
        hits[1] += usize::from(rank < 5);
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_count_ranks() {
        let logits = [0.1, 0.9, 0.0, 0.0, 0.0, 0.0, /**/ 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(hits(&logits, &[1, 5]), [1, 1]);
        assert_eq!(hits(&logits, &[0, 4]), [0, 2]);
        assert_eq!(hits(&[f32::NAN, 1.0], &[1]), [0, 1]);
    }

    #[test]
    fn means_weigh_examples_not_batches() {
        let mut metrics = Metrics::default();
        metrics.add(3, 1.0, [3, 3]);
        metrics.add(1, 5.0, [0, 1]);
        assert_eq!(metrics, Metrics { examples: 4, loss: 2.0, accuracy: 0.75, top5: 1.0 });
    }
}
