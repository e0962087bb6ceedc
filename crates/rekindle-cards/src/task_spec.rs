//! What a model's outputs are, as data: one label, several labels, or numbers.

use serde::{Deserialize, Serialize};

/// What a saved model answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum TaskSpec {
    /// One label: a softmax over the outputs.
    #[default]
    SingleLabel,
    /// Any number of labels: a sigmoid an output.
    MultiLabel {
        /// The probability above which each label is given, in the order of the outputs.
        thresholds: Vec<f64>,
    },
    /// Numbers: an output a target.
    Regression {
        /// What was predicted, in the order of the outputs.
        targets: Vec<TargetColumn>,
        /// What was trained by.
        loss: LossSpec,
    },
}

/// A column of numbers that is predicted, and how an output becomes one of them: `output * std + mean`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetColumn {
    /// The column's name.
    pub name: String,
    /// The training part's mean.
    pub mean: f64,
    /// The training part's standard deviation.
    pub std: f64,
}

/// A loss of predicted numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LossSpec {
    /// The mean squared error.
    #[default]
    Mse,
    /// The mean absolute error.
    Mae,
    /// Squared where an error is small, absolute beyond. Huber 1964.
    Huber {
        /// Where the one turns into the other, in standard deviations of the target.
        delta: f64,
    },
}

/// A probability that says neither yes nor no.
const EVEN: f64 = 0.5;

impl TaskSpec {
    /// Several labels, each given where it is likelier than not.
    #[must_use]
    pub fn multi_label(classes: usize) -> Self {
        Self::MultiLabel { thresholds: vec![EVEN; classes] }
    }

    /// What is wrong with it for a network of so many outputs, one line each.
    pub(crate) fn problems(&self, outputs: usize) -> Vec<String> {
        let mut problems = Vec::new();
        match self {
            Self::SingleLabel => {}
            Self::MultiLabel { thresholds } => {
                if thresholds.len() != outputs {
                    let length = thresholds.len();
                    problems
                        .push(format!("thresholds has {length} values, num_classes is {outputs}"));
                }
                if let Some(value) = thresholds.iter().find(|value| !(0.0..=1.0).contains(*value)) {
                    problems.push(format!("thresholds holds {value}, not a probability"));
                }
            }
            Self::Regression { targets, loss } => {
                if targets.len() != outputs {
                    let length = targets.len();
                    problems
                        .push(format!("targets has {length} columns, num_classes is {outputs}"));
                }
                for TargetColumn { name, mean, std } in targets {
                    if name.is_empty() {
                        problems.push("targets holds an empty name".to_owned());
                    }
                    if !mean.is_finite() {
                        problems.push(format!("{name}: mean is {mean}, not a finite number"));
                    }
                    if !(std.is_finite() && *std > 0.0) {
                        problems.push(format!("{name}: std is {std}, not a positive number"));
                    }
                }
                if let LossSpec::Huber { delta } = loss
                    && !(delta.is_finite() && *delta > 0.0)
                {
                    problems.push(format!("huber's delta is {delta}, not a positive number"));
                }
            }
        }
        problems
    }
}

impl TargetColumn {
    /// An output as a number of the column.
    #[must_use]
    pub fn restored(&self, output: f64) -> f64 {
        output * self.std + self.mean
    }

    /// A number of the column as the network is to put it out.
    #[must_use]
    pub fn standardized(&self, value: f64) -> f64 {
        (value - self.mean) / self.std
    }
}
