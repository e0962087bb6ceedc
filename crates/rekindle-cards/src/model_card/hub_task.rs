//! What the Hub calls what a model does, by what it takes and what it answers.

use crate::{HubConfig, InputSpec, TaskSpec};

/// What of a model's metadata depends on its input and its answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HubTask {
    /// The library that loads it: timm where that can, ours otherwise.
    pub(super) library: &'static str,
    /// The task's name.
    pub(super) task: &'static str,
    /// Whether the Hub has a pipeline of that name.
    pub(super) pipeline: bool,
    /// All that the model can be found by, the task and the library included.
    pub(super) tags: Vec<&'static str>,
}

impl HubTask {
    pub(super) fn of(config: &HubConfig) -> Self {
        let (library, [labels, numbers, vectors]) = names(&config.input);
        let (task, of_answers) = match &config.task {
            TaskSpec::SingleLabel if config.classes == 0 => (vectors, Some("feature-extraction")),
            TaskSpec::SingleLabel => (labels, None),
            TaskSpec::MultiLabel { .. } => (labels, Some("multi-label")),
            TaskSpec::Regression { .. } => (numbers, Some("regression")),
        };
        let mut tags = vec![library, task];
        tags.extend(of_answers.filter(|tag| *tag != task));
        if library != OWN {
            tags.push(OWN);
        }
        Self { library, task, pipeline: PIPELINES.contains(&task), tags }
    }
}

/// The library that loads whatever no other does.
const OWN: &str = "rekindle";
/// Tasks that the Hub has a pipeline for. For numbers of pictures and of texts it has none.
const PIPELINES: [&str; 6] = [
    "image-classification",
    "image-feature-extraction",
    "text-classification",
    "sentence-similarity",
    "tabular-classification",
    "tabular-regression",
];

/// The library, and the tasks of labels, of numbers and of vectors.
fn names(input: &InputSpec) -> (&'static str, [&'static str; 3]) {
    match input {
        InputSpec::Image(_) => {
            ("timm", ["image-classification", "image-regression", "image-feature-extraction"])
        }
        InputSpec::Text(_) => {
            (OWN, ["text-classification", "text-regression", "sentence-similarity"])
        }
        InputSpec::Series(_) => {
            (OWN, ["time-series-classification", "time-series-forecasting", "feature-extraction"])
        }
        InputSpec::Table(_) => {
            (OWN, ["tabular-classification", "tabular-regression", "feature-extraction"])
        }
        InputSpec::Named(_) => (OWN, ["classification", "regression", "feature-extraction"]),
    }
}
