//! What a model answered to a set of examples: to one label, to several, or with numbers.

use rekindle_metrics::{Estimate, MultiLabel, NumberErrors, PerClass, Temperature};
use serde::{Deserialize, Serialize};

use super::{Better, MetricUnit, metric::Known, text};

mod record;
mod results;

/// What the best model does on a set of examples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "record::Record", into = "record::Record")]
pub struct EvaluationRecord {
    /// The name of the set, such as `validation`.
    pub set: String,
    /// How many examples it has.
    pub pictures: usize,
    /// What is reached without training the network; the first is named in the page's first sentence.
    pub baselines: Vec<Baseline>,
    /// What was measured.
    pub results: Results,
}

/// What was measured, by what kind of answers there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Results {
    /// One label an example.
    SingleLabel(SingleLabelResults),
    /// Any number of labels an example.
    MultiLabel(MultiLabelResults),
    /// Numbers.
    Regression(RegressionResults),
}

impl Default for Results {
    fn default() -> Self {
        Self::SingleLabel(SingleLabelResults::default())
    }
}

/// How one label an example is predicted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SingleLabelResults {
    /// The share that is right.
    pub accuracy: Estimate,
    /// The mean of the negative log probability of the right class, in nats.
    pub log_loss: Option<f64>,
    /// The area under the receiver operating characteristic, averaged over classes.
    pub auroc: Option<f64>,
    /// How far the probabilities can be trusted.
    pub calibration: Option<Calibration>,
    /// One for each class, in the order of the model's outputs.
    pub classes: Vec<ClassScores>,
    /// A row for each true class, in it the examples guessed to be of each class.
    pub confusion: Vec<Vec<usize>>,
}

/// How any number of labels an example is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiLabelResults {
    /// The labels, in the order of the model's outputs.
    pub labels: Vec<String>,
    /// What was measured; a row a label.
    pub scores: MultiLabel,
    /// The F1 of all answers together where every threshold is even; thresholds were chosen on these examples.
    #[serde(default)]
    pub f1_before: Option<f64>,
}

/// How numbers are predicted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegressionResults {
    /// Means over the targets.
    pub average: NumberErrors,
    /// Each target, in the order of the model's outputs.
    pub targets: Vec<TargetResults>,
}

/// How one number is predicted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetResults {
    /// The target.
    pub name: String,
    /// Its errors.
    pub errors: NumberErrors,
    /// What is true and what was predicted, of some examples if there are many.
    #[serde(default)]
    pub points: Vec<[f64; 2]>,
}

/// The metric that models of a kind are compared by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MainMetric {
    /// What it is called among the metrics: `accuracy`, `map`, `mae`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How it came out.
    pub estimate: Estimate,
    /// How its values are shown.
    pub unit: MetricUnit,
    /// Which of its values are better.
    pub better: Better,
}

impl EvaluationRecord {
    /// The metric that models of this kind are compared by, and that the baselines are told in.
    pub fn main(&self) -> MainMetric {
        let (name, estimate, better) = match &self.results {
            Results::SingleLabel(found) => ("accuracy", found.accuracy, Better::Higher),
            Results::MultiLabel(found) => ("map", found.scores.map, Better::Higher),
            Results::Regression(found) => ("mae", found.average.mae, Better::Lower),
        };
        let Known { title, unit, .. } = Known::of(name);
        MainMetric { name, title, estimate, unit, better }
    }

    /// The loss that decides among equals, where there is one.
    pub(crate) fn loss(&self) -> Option<f64> {
        match &self.results {
            Results::SingleLabel(found) => found.log_loss,
            Results::MultiLabel(found) => Some(found.scores.loss),
            Results::Regression(found) => Some(found.average.rmse.value),
        }
    }
}

/// What is reached without training the network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Who guesses, such as `the most frequent label` or `a linear probe`.
    pub name: String,
    /// The main metric.
    #[serde(with = "text::number", alias = "accuracy")]
    pub value: f64,
}

/// How well one class is told from the others. A share of nothing is NaN.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The class.
    pub name: String,
    /// Its examples, and how they are told.
    #[serde(flatten)]
    pub scores: PerClass,
}

/// How far the probabilities can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The expected calibration error: the mean distance of confidence and accuracy.
    #[serde(with = "text::number")]
    pub error: f64,
    /// Examples by the probability of their first guess, from low to high.
    pub bins: Vec<rekindle_metrics::Bin>,
    /// The temperature that was chosen on these examples, and what it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Temperature>,
}

/// Examples that have something in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    /// What they are, such as `Most wrong`.
    pub title: String,
    /// How they were chosen.
    #[serde(default)]
    pub text: String,
    /// The most telling ones first.
    pub pictures: Vec<ExampleRecord>,
}

/// An example and what the model takes it for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleRecord {
    /// Its file, or where in a file it lies.
    pub file: String,
    /// What it is of; empty where numbers say it.
    #[serde(default)]
    pub label: String,
    /// What it may be of, the likeliest first; of several labels those that tell the most.
    #[serde(default)]
    pub guesses: Vec<GuessRecord>,
    /// What was predicted, where that is numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numbers: Vec<PredictedNumber>,
    /// The text, in pieces that give it when joined, spaces included; one of weight zero where nothing is explained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordRecord>,
    /// The picture as PNG, JPEG, GIF or WebP, best no larger than it is shown: 200 pixels; empty where it is none.
    #[serde(default, with = "text::bytes")]
    pub image: Vec<u8>,
    /// The picture with what the model looked at laid over it; empty if there is none.
    #[serde(default, with = "text::bytes")]
    pub overlay: Vec<u8>,
}

/// A piece of a text, and what it had to do with the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordRecord {
    /// The piece as it stands in the text, such as a word or the space after it.
    pub text: String,
    /// How much it spoke for the answer, or against it where negative, in `[-1, 1]`.
    #[serde(default, with = "text::number")]
    pub weight: f64,
}

impl WordRecord {
    /// From which character of the text to which each piece goes.
    pub fn spans(words: &[Self]) -> impl Iterator<Item = (std::ops::Range<usize>, &Self)> {
        words.iter().scan(0, |end, word| {
            let start = *end;
            *end += word.text.chars().count();
            Some((start..*end, word))
        })
    }
}

/// What an example may be of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuessRecord {
    /// The class.
    pub class: String,
    /// How likely the model takes it to be.
    #[serde(with = "text::number")]
    pub probability: f64,
    /// What came of it, where an example may have several labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What came of one of several labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The example has it, and it was given.
    TruePositive,
    /// It was given, and the example has it not.
    FalsePositive,
    /// The example has it, and it was not given.
    FalseNegative,
    /// Neither.
    TrueNegative,
}

impl Verdict {
    /// Of a label that an example has or not, and that was given or not.
    pub fn of(has: bool, given: bool) -> Self {
        match (has, given) {
            (true, true) => Self::TruePositive,
            (false, true) => Self::FalsePositive,
            (true, false) => Self::FalseNegative,
            (false, false) => Self::TrueNegative,
        }
    }
}

/// A number that was predicted of an example.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictedNumber {
    /// The target.
    pub name: String,
    /// What is true.
    #[serde(with = "text::number")]
    pub right: f64,
    /// What was predicted.
    #[serde(with = "text::number")]
    pub predicted: f64,
}
