//! What a model got right and wrong on a set of pictures.

use serde::{Deserialize, Serialize};

use super::text;

/// What the best model does on a set of pictures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The name of the set, such as `validation`.
    pub set: String,
    /// How many pictures it has.
    pub pictures: usize,
    /// The share that is right.
    pub accuracy: Estimate,
    /// What is reached without training the network; the first is named in the page's first sentence.
    #[serde(default)]
    pub baselines: Vec<Baseline>,
    /// The mean of the negative log probability of the right class, in nats.
    #[serde(default)]
    pub log_loss: Option<f64>,
    /// The area under the receiver operating characteristic, averaged over classes.
    #[serde(default)]
    pub auroc: Option<f64>,
    /// How far the probabilities can be trusted.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// One for each class, in the order of the model's outputs.
    #[serde(default)]
    pub classes: Vec<ClassScores>,
    /// A row for each true class, in it the pictures guessed to be of each class.
    #[serde(default)]
    pub confusion: Vec<Vec<usize>>,
}

/// A share and how sure it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The share itself.
    #[serde(with = "text::number")]
    pub value: f64,
    /// The lower end of its confidence interval.
    #[serde(with = "text::number")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "text::number")]
    pub high: f64,
    /// The interval's level of confidence, such as 0.95.
    pub level: f64,
}

/// What is reached without training the network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Who guesses, such as `the most frequent label` or `a linear probe`.
    pub name: String,
    /// The share that is right.
    #[serde(with = "text::number")]
    pub accuracy: f64,
}

/// How well one class is told from the others. A share of nothing is no number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassScores {
    /// The class.
    pub name: String,
    /// Pictures that are of it.
    pub support: usize,
    /// The share of those guessed to be of it that are.
    #[serde(with = "text::number")]
    pub precision: f64,
    /// The share of those that are of it that are guessed to be.
    #[serde(with = "text::number")]
    pub recall: f64,
    /// The harmonic mean of both.
    #[serde(with = "text::number")]
    pub f1: f64,
}

/// How far the probabilities can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The expected calibration error: the mean distance of confidence and accuracy.
    #[serde(with = "text::number")]
    pub error: f64,
    /// Pictures by the probability of their first guess, from low to high.
    pub bins: Vec<Bin>,
}

/// Pictures whose first guesses are about as sure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bin {
    /// How many there are.
    pub count: usize,
    /// The mean probability of their first guesses.
    #[serde(with = "text::number")]
    pub confidence: f64,
    /// The share of first guesses that are right.
    #[serde(with = "text::number")]
    pub accuracy: f64,
}

/// Pictures that have something in common.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    /// What they are, such as `Most wrong`.
    pub title: String,
    /// How they were chosen.
    #[serde(default)]
    pub text: String,
    /// The most telling ones first.
    pub pictures: Vec<Picture>,
}

/// A picture and what the model takes it for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    /// Its file.
    pub file: String,
    /// What it is of.
    pub label: String,
    /// What it may be of, the likeliest first.
    pub guesses: Vec<Guess>,
    /// The picture as PNG, JPEG, GIF or WebP, best no larger than it is shown: 200 pixels.
    #[serde(with = "text::bytes")]
    pub image: Vec<u8>,
    /// The picture with what the model looked at laid over it; empty if there is none.
    #[serde(default, with = "text::bytes")]
    pub overlay: Vec<u8>,
}

/// What a picture may be of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    /// The class.
    pub class: String,
    /// How likely the model takes it to be.
    #[serde(with = "text::number")]
    pub probability: f64,
}
