//! Files of series.
//!
//! | file | holds |
//! |---|---|
//! | a list with a column of dates and one or more of numbers (`.csv`, `.tsv`, `.jsonl`, `.parquet`) | series below each other where a column names them (`unique_id, ds, y`), else one series a column of numbers |
//! | `V1,V2,V3,...` or `id,2024-01,2024-02,...` | a series a row, as the M4 competition's files |
//! | `# sn,period,type,horizon,n_insample,start,values...` | the M3 competition: a series a row, its last `horizon` values to test on |
//! | `.tsf` | the Monash archive's |
//!
//! | column | also called |
//! |---|---|
//! | `unique_id` | `id`, `item_id`, `series_id`, `series`, `series_name` |
//! | `ds` | `date`, `datetime`, `timestamp`, `time`, `month`, `period`, `quarter`, `week`, `day`, `year` |
//! | `y` | `value`, `values`, `target`; else every column of numbers |
//!
//! Between values stand commas, tabs, semicolons or `|`, whichever the first line has.
//!
//! Columns that stand beside values are read where they are named: known up to now, known ahead, or of a series as a whole. What
//! is missing in one within a series is the value before, which is told, and an error where there is none; rows without a value
//! behind the last of a series say what is known ahead of it, up to the first that is missing ([`read_known_ahead`] reads a
//! file of such rows).
//!
//! Nothing is mended silently: gaps, duplicates, missing values and mixed dates are one error that names their rows, unless
//! the [`ReadConfig`] says what to do with them, and then a [`Finding`]. Rows out of order are put in order, which a finding says.

use std::path::Path;

use rekindle_data::manifest::{Table, is_delimited, read_text};

use crate::date_form::DateForm;
use crate::error::problem;
use crate::finding::Finding;
use crate::{Columns, Error, Panel};

mod ahead;
mod beside;
mod column;
mod long;
mod problems;
mod regular;
mod rows;
mod tsf;
mod wide;

pub use ahead::read_known_ahead;

/// What becomes of steps that no row is of, and of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fill {
    /// They are an error.
    #[default]
    Refuse,
    /// The value before; the first values of a series are left out where they are missing.
    Previous,
    /// Straight between the values before and behind; the ends as with `Previous`.
    Linear,
    /// Zero, as of sales that did not happen.
    Zero,
}

/// What becomes of rows of the same series and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// They are an error.
    #[default]
    Refuse,
    /// The first of them counts.
    First,
    /// The last of them counts.
    Last,
    /// Their mean.
    Mean,
    /// Their sum, as of sales.
    Sum,
}

/// How a file is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadConfig {
    /// The column that names the series, if not one of the usual names.
    pub id: Option<String>,
    /// The column of dates, if not one of the usual names.
    pub time: Option<String>,
    /// The columns of values, if not one of the usual names or all that hold numbers.
    pub values: Vec<String>,
    /// The columns that stand beside values, of lists with a row a point.
    pub covariates: Columns,
    /// How dates are written, if several forms fit.
    pub dates: Option<DateForm>,
    /// What becomes of gaps and missing values.
    pub fill: Fill,
    /// What becomes of rows of the same series and time.
    pub duplicates: Duplicates,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The series.
    pub panel: Panel,
    /// What follows each of them, where the file says which values are to test on.
    pub test: Option<Panel>,
    /// How far to forecast, where the file says it.
    pub horizon: Option<usize>,
    /// How its dates are written, where it has a column of them.
    pub dates: Option<DateForm>,
    /// What was found and chosen.
    pub findings: Vec<Finding>,
}

/// Reads series from a file of any kind that is known.
///
/// # Errors
///
/// [`Error::Findings`] with all that is wrong with its rows, [`Error::File`] or [`Error::Data`] where it is no file of series or
/// cannot be opened.
pub fn read_series(path: &Path, config: &ReadConfig) -> Result<Reading, Error> {
    let reading = examine_series(path, config)?;
    let (refused, findings): (Vec<_>, Vec<_>) =
        reading.findings.into_iter().partition(|finding| finding.refused);
    match reading.panel {
        Some(panel) if refused.is_empty() => {
            let Examined { test, horizon, dates, .. } =
                Examined { panel: None, findings: Vec::new(), ..reading };
            Ok(Reading { panel, test, horizon, dates, findings })
        }
        _ => Err(Error::Findings { path: path.to_owned(), findings: refused }),
    }
}

/// A file as [`examine_series`] sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Examined {
    /// The series, where nothing that was found refuses them.
    pub panel: Option<Panel>,
    /// As in a [`Reading`].
    pub test: Option<Panel>,
    /// As in a [`Reading`].
    pub horizon: Option<usize>,
    /// As in a [`Reading`].
    pub dates: Option<DateForm>,
    /// All that was found, what refuses it included.
    pub findings: Vec<Finding>,
}

/// The same, with what is wrong with its rows as findings rather than an error.
///
/// # Errors
///
/// Those of [`read_series`] but for the findings.
pub fn examine_series(path: &Path, config: &ReadConfig) -> Result<Examined, Error> {
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("tsf")) {
        if let Some(name) = config.covariates.names().next() {
            let text = format!("has no column `{name}`: such files have none beside values");
            return Err(problem(path, text));
        }
        return tsf::read(path, &read_text(path)?, config);
    }
    if !is_delimited(path) {
        return long::read(path, &Table::open(path)?, config);
    }
    let text = read_text(path)?;
    match wide::layout(path, &text, config)? {
        Some(layout) => wide::read(path, &text, layout, config),
        None => {
            let table = Table::of_text(&text).map_err(|text| problem(path, text))?;
            long::read(path, &table, config)
        }
    }
}
