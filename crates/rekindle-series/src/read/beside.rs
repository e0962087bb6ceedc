//! What stands beside values in a list: columns that are known up to now, ahead, or of a series as a whole.
//!
//! One rule for what is missing: within a series the value before it counts, which a finding says; where there is none before,
//! the file is refused; what is missing behind the last value of a series is not known, and neither is what follows it.

use std::path::Path;

use rekindle_data::manifest::Table;

use super::column::{self, Cell, short};
use super::problems::Problems;
use super::regular::Row;
use crate::error::problem;
use crate::finding::{FindingKind, chosen};
use crate::{Columns, Covariates, Error, Frequency, Timestamp};

/// A row by its number, and the step of its series that it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) step: usize,
    pub(super) row: u64,
}

/// The columns beside values, and where they are.
pub(super) struct Beside<'a> {
    table: &'a Table,
    /// Those of the past, then those that are known ahead.
    tracks: Vec<usize>,
    past: usize,
    fixed: Vec<usize>,
    /// Rows that are known ahead, of all series.
    ahead: usize,
}

impl<'a> Beside<'a> {
    /// The columns of these names, none of which may be one of others that are read.
    pub(super) fn find(
        path: &Path,
        table: &'a Table,
        columns: &Columns,
        read: &[usize],
    ) -> Result<Self, Error> {
        let mut taken = read.to_vec();
        let mut find = |names: &[String]| -> Result<Vec<usize>, Error> {
            let place = |name: &String| {
                let found = table.named(name);
                let found = found.ok_or_else(|| problem(path, table.lacks(&[name])))?;
                if taken.contains(&found) {
                    let text =
                        format!("column `{name}` is read as something else too; name it once");
                    return Err(problem(path, text));
                }
                taken.push(found);
                Ok(found)
            };
            names.iter().map(place).collect()
        };
        let mut tracks = find(&columns.past)?;
        let past = tracks.len();
        tracks.extend(find(&columns.known)?);
        Ok(Self { table, tracks, past, fixed: find(&columns.fixed)?, ahead: 0 })
    }

    /// All of the columns.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.tracks.iter().chain(&self.fixed).copied()
    }

    /// The columns as the table names them.
    pub(super) fn columns(&self) -> Columns {
        let names = |places: &[usize]| -> Vec<String> {
            places.iter().map(|place| self.name(*place).to_owned()).collect()
        };
        let (past, known) = self.tracks.split_at(self.past);
        Columns {
            past: names(past),
            known: names(known),
            fixed: names(&self.fixed),
            calendar: Vec::new(),
        }
    }

    /// Those with a number a step.
    pub(super) fn tracks(&self) -> &[usize] {
        &self.tracks
    }

    /// What rows say of a column from a step on, as far as nothing is missing.
    pub(super) fn ahead_of(
        &self,
        id: &str,
        rows: &[Placed],
        column: usize,
        from: usize,
        problems: &mut Problems,
    ) -> Vec<f64> {
        let mut track = self.track(id, rows, column, (from, Vec::new()), problems);
        track.truncate(known(&track));
        track
    }

    /// Takes the rows without a value behind the last of a series away, where a column may be known of them.
    pub(super) fn ahead(&mut self, rows: &mut Vec<Row>) -> Vec<Row> {
        let last = rows.iter().rposition(|row| row.value != Cell::Missing);
        let Some(last) = last.filter(|_| self.past < self.tracks.len()) else { return Vec::new() };
        self.ahead += rows.len() - last - 1;
        rows.split_off(last + 1)
    }

    /// What stands beside a series of so many points, of which the first ones are dropped then.
    pub(super) fn of_series(
        &self,
        id: &str,
        rows: &[Placed],
        (points, dropped): (usize, usize),
        problems: &mut Problems,
    ) -> Covariates {
        let tracks = self.tracks.iter().enumerate().map(|(place, column)| {
            let mut track = self.track(id, rows, *column, (0, vec![f64::NAN; points]), problems);
            let (seen, ahead) = track.split_at_mut(points);
            self.fill(id, rows, *column, (seen, dropped), problems);
            let known = if place < self.past { 0 } else { known(ahead) };
            track.truncate(points + known);
            track.drain(..dropped);
            track
        });
        let tracks = tracks.collect();
        let fixed = self.fixed.iter().map(|column| self.fixed(id, rows, *column, problems));
        Covariates { tracks, fixed: fixed.collect() }
    }

    /// Tells how many rows are known ahead.
    pub(super) fn tell(&self, problems: &mut Problems) {
        if self.ahead > 0 {
            let text =
                format!("{} rows behind the last values say what is known ahead", self.ahead);
            problems.tell([chosen(text)]);
        }
    }

    fn name(&self, column: usize) -> &str {
        self.table.names[column].trim()
    }

    fn cell(&self, row: u64, column: usize) -> &'a str {
        let at = self.table.rows.partition_point(|(number, _)| *number < row);
        &self.table.rows[at].1[column]
    }

    /// The numbers of a column from a step on, NaN where none is: those of some steps, and those that follow without a gap.
    fn track(
        &self,
        id: &str,
        rows: &[Placed],
        column: usize,
        (first, mut track): (usize, Vec<f64>),
        problems: &mut Problems,
    ) -> Vec<f64> {
        for Placed { step, row } in rows {
            let Some(step) = step.checked_sub(first) else { continue };
            let value = match column::value(self.cell(*row, column)) {
                Cell::Value(value) => value,
                Cell::Missing => f64::NAN,
                Cell::NoNumber => {
                    let name = self.name(column);
                    let example = || format!("row {row} of {} (`{name}`)", short(id));
                    problems.add(FindingKind::NotNumbers, 1, *row, example);
                    f64::NAN
                }
            };
            if step < track.len() {
                track[step] = value;
            } else if step == track.len() {
                track.push(value);
            }
        }
        track
    }

    /// Fills what is missing with the value before.
    fn fill(
        &self,
        id: &str,
        rows: &[Placed],
        column: usize,
        (track, dropped): (&mut [f64], usize),
        problems: &mut Problems,
    ) {
        let row = |step: usize| {
            let at = rows.partition_point(|row| row.step < step).min(rows.len() - 1);
            rows[at].row
        };
        let name = self.name(column);
        let (mut before, mut count, mut first) = (f64::NAN, 0, 0);
        for (step, value) in track.iter_mut().enumerate() {
            if !value.is_nan() {
                before = *value;
            } else if step >= dropped && before.is_nan() {
                let why = format!("no `{name}`, and none before");
                problems.unusable(id, row(step), &why);
                return;
            } else if step >= dropped {
                *value = before;
                first = if count == 0 { step } else { first };
                count += 1;
            }
        }
        if count > 0 {
            let row = row(first);
            let example = || format!("{count} of {} (`{name}`), the first at row {row}", short(id));
            problems.add(FindingKind::MissingCovariates, count, row, example);
        }
    }

    /// What a column says of a series in all of its rows.
    fn fixed(&self, id: &str, rows: &[Placed], column: usize, problems: &mut Problems) -> String {
        let name = self.name(column);
        let mut said: Option<(&str, u64)> = None;
        for Placed { row, .. } in rows {
            let text = self.cell(*row, column).trim();
            if column::value(text) == Cell::Missing {
                continue;
            }
            let (first, at) = *said.get_or_insert((text, *row));
            if first != text {
                let why =
                    format!("`{name}` is `{}`, but `{}` in row {at}", short(text), short(first));
                problems.unusable(id, *row, &why);
                break;
            }
        }
        if said.is_none() {
            let row = rows.first().map_or(0, |row| row.row);
            problems.unusable(id, row, &format!("no `{name}`"));
        }
        said.map(|(text, _)| text.to_owned()).unwrap_or_default()
    }
}

/// How many of some values are known before the first that is not.
fn known(values: &[f64]) -> usize {
    values.iter().position(|value| value.is_nan()).unwrap_or(values.len())
}

/// The rows of a series at the steps of a frequency behind its start; those between two steps are told.
pub(super) fn placed(rows: &[Row], start: Timestamp, frequency: Frequency) -> Vec<Placed> {
    let place = |row: &Row| {
        let step = usize::try_from(frequency.steps(start, row.time)?).ok()?;
        Some(Placed { step, row: row.row })
    };
    rows.iter().filter_map(place).collect()
}
