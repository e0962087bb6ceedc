//! A row of a table: its columns in order, and how each becomes numbers.

use serde::{Deserialize, Serialize};

use super::repeated;

/// What a checkpoint expects of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableInput {
    /// The columns, in the order in which the network is given them.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the table's head.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds, with what the training part says of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ColumnKind {
    /// Numbers.
    Number {
        /// Subtracted from each.
        mean: f64,
        /// Divides what is left.
        std: f64,
        /// Stands for a missing one.
        missing: f64,
    },
    /// One of some words; any other is unknown.
    Category {
        /// The words, in the order of their ids.
        values: Vec<String>,
    },
    /// Yes or no.
    YesNo,
    /// Days, as numbers of the calendar.
    Date,
}

impl TableInput {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = repeated("columns", self.columns.iter().map(|column| &column.name));
        if self.columns.is_empty() {
            problems.push("columns is empty".to_owned());
        }
        for Column { name, kind } in &self.columns {
            match kind {
                ColumnKind::Number { mean, std, missing } => {
                    for (key, value) in [("mean", mean), ("missing", missing)] {
                        if !value.is_finite() {
                            problems.push(format!("{name}: {key} is {value}, not a finite number"));
                        }
                    }
                    if !(std.is_finite() && *std > 0.0) {
                        problems.push(format!("{name}: std is {std}, not a positive number"));
                    }
                }
                ColumnKind::Category { values } => {
                    let found = repeated("values", values);
                    problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
                }
                ColumnKind::YesNo | ColumnKind::Date => {}
            }
        }
        problems
    }
}
