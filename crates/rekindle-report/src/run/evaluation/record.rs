//! How an evaluation is kept: one label's results lie beside the rest, as they did before there were others.

use rekindle_metrics::Estimate;
use serde::{Deserialize, Serialize};

use super::{
    Baseline, Calibration, ClassScores, EvaluationRecord, MultiLabelResults, RegressionResults,
    Results, SingleLabelResults,
};

/// An evaluation as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    set: String,
    pictures: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accuracy: Option<Estimate>,
    #[serde(default)]
    baselines: Vec<Baseline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_loss: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auroc: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<ClassScores>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    confusion: Vec<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multi_label: Option<MultiLabelResults>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regression: Option<RegressionResults>,
}

/// What an evaluation must have.
const ONE: &str = "an evaluation has one of `accuracy`, `multi_label` and `regression`";

impl TryFrom<Record> for EvaluationRecord {
    type Error = &'static str;

    fn try_from(record: Record) -> Result<Self, Self::Error> {
        let Record { set, pictures, baselines, log_loss, auroc, calibration, .. } = record;
        let Record { accuracy, classes, confusion, multi_label, regression, .. } = record;
        let results = match (accuracy, multi_label, regression) {
            (Some(accuracy), None, None) => Results::SingleLabel(SingleLabelResults {
                accuracy,
                log_loss,
                auroc,
                calibration,
                classes,
                confusion,
            }),
            (None, Some(found), None) => Results::MultiLabel(found),
            (None, None, Some(found)) => Results::Regression(found),
            _ => return Err(ONE),
        };
        Ok(Self { set, pictures, baselines, results })
    }
}

impl From<EvaluationRecord> for Record {
    fn from(EvaluationRecord { set, pictures, baselines, results }: EvaluationRecord) -> Self {
        let empty = Self {
            set,
            pictures,
            accuracy: None,
            baselines,
            log_loss: None,
            auroc: None,
            calibration: None,
            classes: Vec::new(),
            confusion: Vec::new(),
            multi_label: None,
            regression: None,
        };
        match results {
            Results::SingleLabel(found) => Self {
                accuracy: Some(found.accuracy),
                log_loss: found.log_loss,
                auroc: found.auroc,
                calibration: found.calibration,
                classes: found.classes,
                confusion: found.confusion,
                ..empty
            },
            Results::MultiLabel(found) => Self { multi_label: Some(found), ..empty },
            Results::Regression(found) => Self { regression: Some(found), ..empty },
        }
    }
}
