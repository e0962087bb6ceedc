//! What the columns of a table were worth to a model, and for which of their values it errs.

use serde::{Deserialize, Serialize};

use super::{Better, MetricUnit, text};

/// What was measured of each column, on the validation rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsRecord {
    /// The metric.
    pub metric: String,
    /// How its values are shown.
    pub unit: MetricUnit,
    /// Rows that were measured on: those that validate, or some of many.
    pub rows: usize,
    /// Its value on them as they are.
    #[serde(with = "text::number")]
    pub whole: f64,
    /// The columns, in the order of the table.
    pub columns: Vec<ColumnRecord>,
}

/// A column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnRecord {
    /// Its name.
    pub name: String,
    /// The metric where its cells are shuffled among the rows (Breiman 2001, Machine Learning 45): the further off, the more it tells.
    #[serde(with = "text::number")]
    pub shuffled: f64,
    /// The metric on rows by what is in it; none where it cannot be told apart.
    #[serde(default)]
    pub groups: Vec<GroupRecord>,
}

/// Rows that have alike in a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRecord {
    /// What it is: a word, or from which number to which.
    pub name: String,
    /// How many rows.
    pub rows: usize,
    /// The metric on them.
    #[serde(with = "text::number")]
    pub value: f64,
}

impl ColumnsRecord {
    /// How much worse the metric is where a column's cells are shuffled; below zero where it is better.
    pub fn importance(&self, column: &ColumnRecord, better: Better) -> f64 {
        match better {
            Better::Lower => column.shuffled - self.whole,
            Better::Higher => self.whole - column.shuffled,
        }
    }
}
