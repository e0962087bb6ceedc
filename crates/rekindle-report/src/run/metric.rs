//! What metrics are called, and how their values are shown.

use super::MetricUnit;
use crate::markup::capital;

/// A metric as people know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Known {
    name: &'static str,
    /// In a heading.
    pub(crate) title: &'static str,
    /// In a sentence.
    pub(crate) words: &'static str,
    /// How its values are shown.
    pub(crate) unit: MetricUnit,
}

use MetricUnit::{Number, Share};

/// All that are shown by another name than their own, or in percent.
const TABLE: [Known; 14] = [
    named("accuracy", "Accuracy", "accuracy", Share),
    named("top5", "Top-5 accuracy", "top-5 accuracy", Share),
    named("precision", "Precision", "precision", Share),
    named("recall", "Recall", "recall", Share),
    named("f1", "F1", "F1", Share),
    named("f1_macro", "F1 (macro)", "F1 (macro)", Share),
    named("map", "mAP", "mean average precision", Share),
    named("exact", "Exact match", "exact match", Share),
    named("calibration_error", "Calibration error", "calibration error", Share),
    named("auroc", "AUROC", "AUROC", Number),
    named("mae", "MAE", "mean absolute error", Number),
    named("rmse", "RMSE", "root mean squared error", Number),
    named("r2", "R²", "R²", Number),
    named("mape", "MAPE", "mean absolute percentage error", Share),
];

const fn named(
    name: &'static str,
    title: &'static str,
    words: &'static str,
    unit: MetricUnit,
) -> Known {
    Known { name, title, words, unit }
}

impl Known {
    /// A metric of the table.
    pub(crate) fn find(name: &str) -> Option<Self> {
        TABLE.into_iter().find(|known| known.name == name)
    }

    /// A metric of the table; one that is not there has no words.
    pub(crate) fn of(name: &'static str) -> Self {
        Self::find(name).unwrap_or(Self { name, title: name, words: name, unit: Number })
    }
}

/// What a metric is called in a heading.
pub(crate) fn title(name: &str) -> String {
    Known::find(name).map_or_else(|| capital(name), |known| known.title.to_owned())
}

/// What a metric is called in a sentence.
pub(crate) fn in_sentence(name: &str) -> String {
    Known::find(name).map_or_else(|| name.to_owned(), |known| known.words.to_owned())
}

impl MetricUnit {
    /// How the values of a metric are shown.
    pub fn of(metric: &str) -> Self {
        Known::find(metric).map_or(Self::Number, |known| known.unit)
    }
}
