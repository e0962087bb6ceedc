//! Series of which each stands in a row of its own.

use std::path::Path;

use super::Examined;
use super::column::{self, Cell, short};
use super::problems::Problems;
use crate::error::problem;
use crate::finding::FindingKind;
use crate::panel::PanelBuilder;
use crate::{DateForm, Error, Series};

/// What a value that is missing before the first of a row, or behind its last, says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// That the series has not begun, or has ended.
    Open,
    /// That it is missing.
    Missing,
}

/// Series that are read row by row.
pub(super) struct SeriesRows<'a> {
    path: &'a Path,
    ends: Ends,
    pub(super) problems: Problems,
    builder: PanelBuilder,
    values: Vec<f64>,
}

impl<'a> SeriesRows<'a> {
    /// None yet.
    pub(super) fn new(path: &'a Path, ends: Ends, problems: Problems) -> Self {
        Self { path, ends, problems, builder: PanelBuilder::default(), values: Vec::new() }
    }

    /// Adds a series with the cells of its values.
    pub(super) fn add<'b>(
        &mut self,
        row: u64,
        series: Series,
        cells: impl Iterator<Item = &'b str>,
    ) -> Result<(), Error> {
        let values = &mut self.values;
        numbers(self.path, row, cells, values)?;
        let mut first = 0;
        if self.ends == Ends::Open {
            first = values.iter().position(|value| !value.is_nan()).unwrap_or(values.len());
            let last = values.iter().rposition(|value| !value.is_nan());
            values.truncate(last.map_or(0, |last| last + 1));
            values.drain(..first.min(values.len()));
        }
        let count = values.iter().filter(|value| value.is_nan()).count();
        if count == values.len() {
            return Err(problem(self.path, format!("row {row}: has no value; leave it out")));
        }
        let id = &series.id;
        if let Some(place) = values.iter().position(|value| value.is_nan()) {
            let place = first + place + 1;
            let example =
                || format!("{count} of {} in row {row}, the first its value {place}", short(id));
            self.problems.add(FindingKind::Missing, count, row, example);
        }
        let dropped = self.problems.filled(id, row, values);
        if let Some(dropped) = dropped.filter(|_| !self.problems.is_refused()) {
            self.builder.push(series.from(first + dropped), values.drain(..))?;
        }
        Ok(())
    }

    /// What was read.
    pub(super) fn finish(
        self,
        dates: Option<DateForm>,
        horizon: Option<usize>,
    ) -> Result<Examined, Error> {
        let panel = if self.problems.is_refused() { None } else { Some(self.builder.build()?) };
        Ok(Examined { panel, test: None, horizon, dates, findings: self.problems.findings() })
    }
}

/// Reads cells as numbers, NaN where they are missing, in place of what was there.
pub(super) fn numbers<'a>(
    path: &Path,
    row: u64,
    cells: impl Iterator<Item = &'a str>,
    values: &mut Vec<f64>,
) -> Result<(), Error> {
    values.clear();
    for (place, cell) in (1..).zip(cells) {
        values.push(match column::value(cell) {
            Cell::Value(value) => value,
            Cell::Missing => f64::NAN,
            Cell::NoNumber => {
                let text = format!(
                    "row {row}: value {place} is `{}`, no number; correct it, or leave it empty",
                    short(cell)
                );
                return Err(problem(path, text));
            }
        });
    }
    Ok(())
}
