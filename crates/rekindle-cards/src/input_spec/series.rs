//! A window of a series, and what is known besides it.

use serde::{Deserialize, Serialize};

use super::repeated;

/// Most steps of a window, so that a hostile file cannot ask for all memory.
const MAX_STEPS: usize = 1 << 20;

/// What a checkpoint expects of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesInput {
    /// Columns that are forecast: `y`.
    pub columns: Vec<String>,
    /// Steps that are looked back on.
    pub input_length: usize,
    /// Steps that are forecast.
    pub horizon: usize,
    /// Steps of a season, where there is one: 24 of hourly values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<usize>,
    /// Time between two steps, as the data name it: `hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency: Option<String>,
    /// What values are scaled by.
    #[serde(default)]
    pub scaling: Scaling,
    /// Covariates that are known for the horizon too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
    /// Covariates that are known up to now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<String>,
    /// Covariates of a series that never change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
}

/// What the values of a series are scaled by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Nothing.
    #[default]
    None,
    /// Each window by itself.
    Window,
    /// Each series by its training part.
    Series,
}

impl SeriesInput {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = repeated(
            "columns",
            self.columns.iter().chain(&self.known).chain(&self.past).chain(&self.fixed),
        );
        if self.columns.is_empty() {
            problems.push("columns is empty".to_owned());
        }
        for (key, steps) in [
            ("input_length", Some(self.input_length)),
            ("horizon", Some(self.horizon)),
            ("season", self.season),
        ] {
            if let Some(steps) = steps.filter(|steps| !(1..=MAX_STEPS).contains(steps)) {
                problems.push(format!("{key} is {steps}, outside 1..={MAX_STEPS}"));
            }
        }
        problems
    }
}
