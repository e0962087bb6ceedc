//! What a classifier answered, and what was right.

/// Logits of examples, a row each, and their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    classes: usize,
    logits: Vec<f32>,
    labels: Vec<usize>,
}

impl Predictions {
    /// None yet, of so many classes.
    pub fn new(classes: usize) -> Self {
        Self { classes, logits: Vec::new(), labels: Vec::new() }
    }

    /// Adds examples: their logits row by row, and their labels.
    ///
    /// # Panics
    ///
    /// If there is not a row a label, or a label is beyond the classes.
    pub fn add(&mut self, logits: &[f32], labels: &[usize]) {
        assert_eq!(logits.len(), labels.len() * self.classes, "logits are not a row a label");
        let classes = self.classes;
        assert!(labels.iter().all(|&label| label < classes), "a label beyond {classes} classes");
        self.logits.extend_from_slice(logits);
        self.labels.extend_from_slice(labels);
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The label of each example.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The logits of each example.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(self.classes.max(1))
    }

    /// The probabilities of each example, a row each: the softmax of its logits.
    pub fn probabilities(&self) -> Vec<Vec<f64>> {
        let softmax = |row: &[f32]| {
            let normalizer = log_sum_exp(row);
            row.iter().map(|&logit| (f64::from(logit) - normalizer).exp()).collect()
        };
        self.rows().map(softmax).collect()
    }

    /// The most likely class of each example; the first of equals, as PyTorch's `argmax`.
    pub fn predicted(&self) -> Vec<usize> {
        let best = |row: &[f32]| {
            (1..row.len()).fold(0, |best, next| if row[next] > row[best] { next } else { best })
        };
        self.rows().map(best).collect()
    }

    /// The cross-entropy of each example, in nats.
    pub fn losses(&self) -> Vec<f64> {
        let loss = |(row, &label): (&[f32], &usize)| log_sum_exp(row) - f64::from(row[label]);
        self.rows().zip(&self.labels).map(loss).collect()
    }

    /// Whether the label of each example is among its `k` most likely.
    ///
    /// A label is as likely as its rank: of equals the first counts, as in PyTorch's `topk`, and what is NaN is
    /// above it.
    pub fn hits(&self, k: usize) -> Vec<bool> {
        let hit = |(row, &label): (&[f32], &usize)| {
            let value = row[label];
            let above = |(index, other): &(usize, &f32)| {
                **other > value || (**other == value && *index < label) || other.is_nan()
            };
            row.iter().enumerate().filter(above).count() < k
        };
        self.rows().zip(&self.labels).map(hit).collect()
    }

    /// Share of the examples whose label is among their `k` most likely.
    pub fn top(&self, k: usize) -> f64 {
        mean(self.hits(k).into_iter().map(|hit| f64::from(u8::from(hit))))
    }

    /// The same with every logit divided by a temperature.
    #[must_use]
    pub fn at_temperature(&self, temperature: f64) -> Self {
        let logits = self.logits.iter().map(|&logit| (f64::from(logit) / temperature) as f32);
        Self { classes: self.classes, logits: logits.collect(), labels: self.labels.clone() }
    }

    /// The mean cross-entropy with every logit divided by a temperature, in nats; nothing is rounded in between.
    pub(crate) fn loss_at(&self, temperature: f64) -> f64 {
        let loss = |(row, &label): (&[f32], &usize)| {
            let scaled = |logit: f32| f64::from(logit) / temperature;
            let largest = row.iter().copied().map(scaled).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|&logit| (scaled(logit) - largest).exp()).sum();
            largest + sum.ln() - scaled(row[label])
        };
        mean(self.rows().zip(&self.labels).map(loss))
    }

    /// The probability of a class for each example, with the normalizers of [`Predictions::normalizers`].
    pub(crate) fn column(&self, class: usize, normalizers: &[f64]) -> Vec<f64> {
        let share = |(row, normalizer): (&[f32], &f64)| (f64::from(row[class]) - normalizer).exp();
        self.rows().zip(normalizers).map(share).collect()
    }

    /// The logarithm of what each example's exponentials sum to.
    pub(crate) fn normalizers(&self) -> Vec<f64> {
        self.rows().map(log_sum_exp).collect()
    }

    /// Places of the wrongly predicted examples, the highest loss first.
    pub fn most_wrong(&self) -> Vec<usize> {
        let (hits, losses) = (self.hits(1), self.losses());
        let mut places: Vec<usize> = (0..self.len()).filter(|&place| !hits[place]).collect();
        places.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]));
        places
    }

    /// Places of all examples, the one whose probabilities are spread most first.
    pub fn most_uncertain(&self) -> Vec<usize> {
        let entropy =
            |row: &Vec<f64>| -row.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
        let entropies: Vec<f64> = self.probabilities().iter().map(entropy).collect();
        let mut places: Vec<usize> = (0..self.len()).collect();
        places.sort_by(|&a, &b| entropies[b].total_cmp(&entropies[a]));
        places
    }
}

/// The most frequent of the labels trained on, and the accuracy of always answering it.
pub fn majority(trained: &[usize], labels: &[usize]) -> (usize, f64) {
    let classes = trained.iter().copied().max().map_or(0, |most| most + 1);
    let mut counts = vec![0_usize; classes];
    trained.iter().for_each(|&label| counts[label] += 1);
    let most = (0..classes).rev().max_by_key(|&class| counts[class]).unwrap_or(0);
    (most, mean(labels.iter().map(|&label| f64::from(u8::from(label == most)))))
}

/// The mean; zero of nothing.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    sum / count.max(1) as f64
}

fn log_sum_exp(row: &[f32]) -> f64 {
    let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    largest + row.iter().map(|&value| (f64::from(value) - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_decide_and_batches_do_not() {
        let logits = [0.1, 0.9, 0.0, 0.0, 0.0, 0.0, /**/ 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        let of = |labels: &[usize]| {
            let mut predictions = Predictions::new(6);
            predictions.add(&logits[..6], &labels[..1]);
            predictions.add(&logits[6..], &labels[1..]);
            let mut whole = Predictions::new(6);
            whole.add(&logits, labels);
            assert_eq!(predictions, whole);
            [whole.top(1), whole.top(5)]
        };
        assert_eq!(of(&[1, 5]), [0.5, 0.5]);
        assert_eq!(of(&[0, 4]), [0.0, 1.0]);
        let mut nothing = Predictions::new(2);
        nothing.add(&[f32::NAN, 1.0], &[1]);
        assert_eq!((nothing.top(1), nothing.top(2)), (0.0, 1.0));
        assert_eq!(Predictions::new(3).values().get("loss"), Some(0.0));
    }

    #[test]
    fn the_worst_and_the_least_sure_come_first() {
        let mut predictions = Predictions::new(2);
        predictions.add(&[3.0, 0.0, 0.0, 0.1, 1.0, 0.0, 0.0, 9.0], &[1, 0, 0, 1]);
        assert_eq!(predictions.most_wrong(), [0, 1]);
        assert_eq!(predictions.most_uncertain(), [1, 2, 0, 3]);
        assert_eq!(majority(&[0, 1, 1, 2, 2], &[1, 0, 1, 1]), (1, 0.75));
    }
}
