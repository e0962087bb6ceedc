//! What fine-tuning asks of a task, besides what training does: a head that is solved for, and what must be beaten.

use std::borrow::Cow;

use rekindle_metrics::{Direction, Predictions, Temperature, Values, majority};
use rekindle_train::{Classify, ClassifyMultiLabel, Monitor, Regress, Scale, Task};
use rekindle_transfer::{Examples, Probe, ProbeConfig, Ridge};
use serde::Serialize;

/// A task that a pretrained network can be fine-tuned for.
///
/// Of its methods only [`monitor`](Self::monitor) must be written: without the others nothing is solved for, standardized,
/// calibrated or balanced.
pub trait TransferTask: Task<Label: Serialize> + Serialize {
    /// What models are compared by where nothing else is asked for.
    fn monitor(&self) -> Monitor;

    /// The same task, fitted to what is right for the training examples, such as the scale of numbers.
    fn fitted(self, _train: &[Self::Label]) -> Self {
        self
    }

    /// The same task, with what can be chosen by the best model's answers to the validation examples: thresholds, a
    /// temperature; and those answers, as it measures them.
    fn calibrated(self, scores: Self::Scores) -> (Self, Self::Scores) {
        (self, scores)
    }

    /// The linear head on features `[examples, dim]` that suits the examples best; none where it cannot be solved for within
    /// the effort.
    fn solve(&self, _features: &[f32], _labels: &[Self::Label], _effort: Effort) -> Option<Solved> {
        None
    }

    /// The linear model of features `[examples, dim]` that is what others are compared with: the logistic regression that
    /// suits the examples best, or the least squares of numbers.
    fn linear(&self, features: &[f32], labels: &[Self::Label]) -> Option<Solved> {
        self.solve(features, labels, Effort::Seconds)
    }

    /// What always answering the same would reach on `labels`, and what that answer is: the best one for the training
    /// examples.
    fn constant(
        &self,
        _train: &[Self::Label],
        _labels: &[Self::Label],
    ) -> Option<(Constant, Values)> {
        None
    }

    /// The examples that were predicted worst, the worst first, by their places.
    fn most_wrong(&self, _scores: &Self::Scores) -> Vec<usize> {
        Vec::new()
    }

    /// The group of examples that an order in which all are equally frequent takes an example as one of.
    fn stratum(_label: &Self::Label) -> usize {
        0
    }

    /// Whether the embeddings of two examples are to be alike: those of a label, of several labels where they share one. None
    /// where examples have nothing in common or not, as numbers.
    fn are_alike(_one: &Self::Label, _other: &Self::Label) -> Option<bool> {
        None
    }

    /// Whether a teacher's outputs may be learned from.
    fn is_teachable(&self) -> bool {
        false
    }
}

/// The answer that is the best one if it must always be the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// A class.
    Class(usize),
    /// Labels.
    Labels(Vec<usize>),
    /// Numbers.
    Numbers(Vec<f32>),
}

/// How long solving for a head may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As long as it takes.
    Any,
    /// Seconds, or not at all.
    Seconds,
}

/// A linear head that was solved for, not trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    /// Weights `[dim, outputs]`, row by row.
    pub weight: Vec<f32>,
    /// Biases `[outputs]`.
    pub bias: Vec<f32>,
    /// How strongly it fits the training examples, as chosen on parts of them.
    pub strength: f64,
}

impl Solved {
    /// Outputs `[examples, outputs]` of features `[examples, dim]`.
    pub fn outputs(&self, features: &[f32]) -> Vec<f32> {
        let Self { weight, bias, strength } = self.clone();
        Probe { weight, bias, strength }.logits(features)
    }
}

/// The most products of examples, features and labels that a strength is chosen on by all parts of the examples, and by one
/// part, and the most that a usual strength is tried on: each takes seconds.
const QUICK: usize = 5_000_000;
const JUDGED: usize = 100_000_000;
const BEARABLE: usize = 500_000_000;

/// So little of a penalty that a ridge regression is one of least squares, and places of one-hot words may add up to 1.
const LEAST_SQUARES: f64 = 1e6;

/// What most data sets choose.
const USUAL_STRENGTH: f64 = 0.1;

/// A logistic regression, as thorough as the effort allows.
fn logistic(examples: &Examples<'_>, effort: Effort) -> Option<Probe> {
    let products = examples.features.len().saturating_mul(examples.classes);
    match (effort, products) {
        (Effort::Any, _) | (_, ..=QUICK) => Some(Probe::chosen(examples, &ProbeConfig::default())),
        (_, ..=JUDGED) => {
            let config = ProbeConfig { judges: 1, ..ProbeConfig::default() };
            Some(Probe::chosen(examples, &config))
        }
        (_, ..=BEARABLE) => {
            let config = ProbeConfig { strength: USUAL_STRENGTH, ..ProbeConfig::default() };
            Some(Probe::fit(examples, &config))
        }
        _ => None,
    }
}

impl TransferTask for Classify {
    fn monitor(&self) -> Monitor {
        Monitor::new("accuracy", Direction::Higher)
    }

    fn solve(&self, features: &[f32], labels: &[usize], effort: Effort) -> Option<Solved> {
        let examples = Examples { features, labels, classes: self.classes };
        let Probe { weight, bias, strength } = logistic(&examples, effort)?;
        Some(Solved { weight, bias, strength })
    }

    fn constant(&self, train: &[usize], labels: &[usize]) -> Option<(Constant, Values)> {
        let (class, accuracy) = majority(train, labels);
        let mut values = Values::default();
        values.set("accuracy", accuracy);
        Some((Constant::Class(class), values))
    }

    /// Chooses the temperature.
    fn calibrated(self, scores: Predictions) -> (Self, Predictions) {
        let temperature = Temperature::fit(&scores).value;
        let cooled = scores.at_temperature(temperature);
        (Self { temperature, ..self }, cooled)
    }

    fn most_wrong(&self, scores: &Self::Scores) -> Vec<usize> {
        scores.most_wrong()
    }

    fn stratum(label: &usize) -> usize {
        *label
    }

    fn are_alike(one: &usize, other: &usize) -> Option<bool> {
        Some(one == other)
    }

    fn is_teachable(&self) -> bool {
        true
    }
}

impl TransferTask for ClassifyMultiLabel {
    fn monitor(&self) -> Monitor {
        Monitor::new("map", Direction::Higher)
    }

    /// A logistic regression a label, of its presence against its absence.
    fn solve(&self, features: &[f32], labels: &[Vec<usize>], effort: Effort) -> Option<Solved> {
        let dim = features.len() / labels.len().max(1);
        let mut weight = vec![0.0; dim * self.classes];
        let mut bias = vec![0.0; self.classes];
        let mut strengths = Vec::new();
        for class in 0..self.classes {
            let present: Vec<usize> =
                labels.iter().map(|labels| usize::from(labels.contains(&class))).collect();
            let probe = logistic(&Examples { features, labels: &present, classes: 2 }, effort)?;
            // Two logits of which only the difference counts.
            bias[class] = probe.bias[1] - probe.bias[0];
            for (row, pair) in probe.weight.chunks_exact(2).enumerate() {
                weight[row * self.classes + class] = pair[1] - pair[0];
            }
            strengths.push(probe.strength);
        }
        strengths.sort_by(f64::total_cmp);
        let strength = strengths.get(strengths.len() / 2).copied().unwrap_or(USUAL_STRENGTH);
        Some(Solved { weight, bias, strength })
    }

    fn constant(&self, train: &[Vec<usize>], labels: &[Vec<usize>]) -> Option<(Constant, Values)> {
        // Each label's logit is that of its share, so that the order of labels is the same for all examples.
        let share = |class: usize| {
            let holders = train.iter().filter(|labels| labels.contains(&class)).count();
            (holders as f64 + 0.5) / (train.len() as f64 + 1.0)
        };
        let shares: Vec<f64> = (0..self.classes).map(share).collect();
        let logits: Vec<f32> =
            shares.iter().map(|share| (share / (1.0 - share)).ln() as f32).collect();
        let mut scores = self.scores();
        labels
            .iter()
            .for_each(|label| self.score(&mut scores, &logits, std::slice::from_ref(label)));
        let frequent = (0..self.classes).filter(|&class| shares[class] > 0.5).collect();
        Some((Constant::Labels(frequent), self.values(&scores)))
    }

    /// Chooses a threshold a label.
    fn calibrated(self, scores: Self::Scores) -> (Self, Self::Scores) {
        (Self { thresholds: Some(scores.thresholds()), ..self }, scores)
    }

    fn most_wrong(&self, scores: &Self::Scores) -> Vec<usize> {
        let even = || vec![0.5; self.classes];
        scores.most_wrong(&self.thresholds.clone().unwrap_or_else(even))
    }

    fn stratum(labels: &Vec<usize>) -> usize {
        labels.first().map_or(0, |label| label + 1)
    }

    /// Two without labels have that in common.
    fn are_alike(one: &Vec<usize>, other: &Vec<usize>) -> Option<bool> {
        Some(one == other || one.iter().any(|label| other.contains(label)))
    }
}

impl TransferTask for Regress {
    fn monitor(&self) -> Monitor {
        Monitor::new("mae", Direction::Lower)
    }

    fn fitted(self, train: &[Vec<f32>]) -> Self {
        let scale =
            |number: usize| Scale::of(train.iter().map(|numbers| f64::from(numbers[number])));
        Self { scales: (0..self.scales.len()).map(scale).collect(), ..self }
    }

    /// A ridge regression of the standardized numbers.
    fn solve(&self, features: &[f32], labels: &[Vec<f32>], effort: Effort) -> Option<Solved> {
        let standardized = standardized(&self.scales, labels);
        let dim = features.len() / labels.len().max(1);
        if effort == Effort::Seconds && Ridge::products(labels.len(), dim) > 50 * BEARABLE {
            return None;
        }
        let Ridge { weight, bias, strength } =
            Ridge::chosen(features, &standardized, self.scales.len());
        Some(Solved { weight, bias, strength })
    }

    /// Least squares where there are more examples than features by far, else a ridge regression.
    fn linear(&self, features: &[f32], labels: &[Vec<f32>]) -> Option<Solved> {
        let dim = features.len() / labels.len().max(1);
        if labels.len() < 2 * dim || Ridge::products(labels.len(), dim) > 50 * BEARABLE {
            return self.solve(features, labels, Effort::Seconds);
        }
        let standardized = standardized(&self.scales, labels);
        let Ridge { weight, bias, strength } =
            Ridge::fit(features, &standardized, self.scales.len(), LEAST_SQUARES);
        Some(Solved { weight, bias, strength })
    }

    fn constant(&self, train: &[Vec<f32>], labels: &[Vec<f32>]) -> Option<(Constant, Values)> {
        let fitted = self.clone().fitted(train);
        // An output of zero stands for the mean.
        let middle = vec![0.0; fitted.scales.len()];
        let mut scores = fitted.scores();
        labels
            .iter()
            .for_each(|label| fitted.score(&mut scores, &middle, std::slice::from_ref(label)));
        Some((Constant::Numbers(fitted.restored(&middle)), fitted.values(&scores)))
    }

    fn most_wrong(&self, scores: &Self::Scores) -> Vec<usize> {
        scores.most_wrong()
    }
}

/// Numbers of examples as outputs stand for them, row by row.
fn standardized(scales: &[Scale], labels: &[Vec<f32>]) -> Vec<f32> {
    let numbers = labels.iter().flat_map(|numbers| numbers.iter().zip(scales));
    numbers.map(|(&number, scale)| scale.standardize(number)).collect()
}

/// A label as a few bytes, for digests.
pub(crate) fn label_text(label: &impl Serialize) -> Cow<'static, str> {
    Cow::Owned(rekindle_data::canonical(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places of three words, one of them redundant: the least squares are the means of the words' rows.
    #[test]
    fn a_linear_model_of_words_answers_their_means() {
        let rows = [(0, 1.0), (0, 3.0), (1, 10.0), (1, 20.0), (2, -5.0), (2, -6.0)];
        let features: Vec<f32> = rows
            .iter()
            .flat_map(|(word, _)| (0..3).map(|at| f32::from(u8::from(at == *word))))
            .collect();
        let labels: Vec<Vec<f32>> = rows.iter().map(|(_, number)| vec![*number]).collect();
        let task = Regress::new(1).fitted(&labels);
        let solved = task.linear(&features, &labels).unwrap();
        let found = task.restored(&solved.outputs(&features));
        for (found, right) in found.iter().zip([2.0, 2.0, 15.0, 15.0, -5.5, -5.5]) {
            assert!((found - right).abs() < 1e-3, "{found} {right}");
        }
        // With fewer rows than twice the features, a penalty is chosen.
        let few = task.linear(&features[..9], &labels[..3]).unwrap();
        assert!(few.strength < LEAST_SQUARES);
    }
}
