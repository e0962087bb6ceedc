//! Files with a row a series: the M4 and M3 competitions', and tables whose columns are dates.
//!
//! Rows may be of any length: a series ends where its values do.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use rekindle_base::open_regular;
use rekindle_data::manifest::MAX_LINE_BYTES;

use super::column::{self, Cell};
use super::regular::{Problems, fill_in};
use super::{Examined, Fill, ReadConfig};
use crate::error::problem;
use crate::finding::{Finding, chosen};
use crate::panel::PanelBuilder;
use crate::{DateForm, Error, Frequency, Series, Timestamp};

/// How the rows of a file are laid out.
pub(super) enum Layout {
    /// A name, then values; when they were, where the columns are dates.
    Values(Option<(DateForm, Vec<Timestamp>)>),
    /// Name, period, type, horizon, number of values to learn from, start, values.
    M3,
}

/// The periods of the M3 competition.
const M3_PERIODS: [(&str, Frequency); 4] = [
    ("YEARLY", Frequency::YEARLY),
    ("QUARTERLY", Frequency::QUARTERLY),
    ("MONTHLY", Frequency::MONTHLY),
    ("OTHER", Frequency::Steps(1)),
];

/// What the names of the M4 competition's files begin with.
const M4_NAMES: [(&str, Frequency); 6] = [
    ("Yearly", Frequency::YEARLY),
    ("Quarterly", Frequency::QUARTERLY),
    ("Monthly", Frequency::MONTHLY),
    ("Weekly", Frequency::WEEKLY),
    ("Daily", Frequency::DAILY),
    ("Hourly", Frequency::HOURLY),
];

/// The layout that the first line of a file says, if it is one of a series a row.
pub(super) fn layout(path: &Path) -> Result<Option<Layout>, Error> {
    let unread = |source| Error::Read { path: path.to_owned(), source };
    let file: File = open_regular(path).map_err(unread)?;
    let mut line = Vec::new();
    let limit = MAX_LINE_BYTES as u64;
    BufReader::new(file).take(limit).read_until(b'\n', &mut line).map_err(unread)?;
    let Ok(line) = str::from_utf8(&line) else { return Ok(None) };
    let line = line.trim_start_matches('\u{feff}').trim_end();
    if line.starts_with("# sn,period,") {
        return Ok(Some(Layout::M3));
    }
    let names: Vec<&str> = cells(line).collect();
    let Some((_, others)) = names.split_first().filter(|(_, others)| others.len() > 1) else {
        return Ok(None);
    };
    let counts = |(place, name): (usize, &&str)| {
        name.strip_prefix('V').and_then(|number| number.parse().ok()) == Some(place + 2)
    };
    if others.iter().enumerate().all(counts) {
        return Ok(Some(Layout::Values(None)));
    }
    let dates =
        DateForm::ALL.into_iter().filter(|form| *form != DateForm::Number).find_map(|form| {
            let read = others.iter().map(|name| form.read(name).map(|written| written.time));
            Some((form, read.collect::<Option<Vec<_>>>()?))
        });
    Ok(dates.map(|dates| Layout::Values(Some(dates))))
}

/// The values of a line, without the quotes around them.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split(',').map(|cell| {
        let cell = cell.trim();
        cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell)
    })
}

/// Reads the rows of a file.
pub(super) fn read(
    path: &Path,
    text: &str,
    layout: Layout,
    config: &ReadConfig,
) -> Result<Examined, Error> {
    let mut lines = (1..).zip(text.lines());
    lines.next();
    let rows = lines.filter(|(_, line)| !line.trim().is_empty());
    match layout {
        Layout::M3 => m3(path, rows),
        Layout::Values(dates) => values(path, rows, dates, config),
    }
}

fn values<'a>(
    path: &Path,
    rows: impl Iterator<Item = (u64, &'a str)>,
    dates: Option<(DateForm, Vec<Timestamp>)>,
    config: &ReadConfig,
) -> Result<Examined, Error> {
    let (frequency, start, said) = frequency(path, dates.as_ref())?;
    let mut findings = vec![chosen("layout: a series a row"), said];
    let mut problems = Problems::default();
    let mut builder = PanelBuilder::default();
    let mut found = Vec::new();
    for (row, line) in rows {
        let mut row_cells = cells(line);
        let id: Arc<str> = row_cells.next().unwrap_or_default().into();
        found.clear();
        let mut wrong = None;
        for (place, cell) in row_cells.enumerate() {
            found.push(match column::value(cell) {
                Cell::Value(value) => value,
                Cell::Missing => f64::NAN,
                Cell::NoNumber => {
                    wrong.get_or_insert((place + 1, cell));
                    f64::NAN
                }
            });
        }
        if let Some((place, cell)) = wrong {
            let text = format!("row {row}: value {place} is `{}`, no number", column::short(cell));
            return Err(problem(path, text + "; correct it, or leave it empty"));
        }
        let known = found.iter().rposition(|value| !value.is_nan()).map_or(0, |last| last + 1);
        found.truncate(known);
        // Empty columns before a series begins are no gap of it.
        let first = found.iter().position(|value| !value.is_nan()).unwrap_or(known);
        let values = &mut found[first..];
        if values.is_empty() {
            return Err(problem(path, format!("row {row}: has no value; leave it out")));
        }
        let missing = values.iter().filter(|value| value.is_nan()).count();
        if let Some(place) = values.iter().position(|value| value.is_nan()) {
            problems.missing_in(&id, row, missing, first + place + 1);
        }
        problems.judge_at(&id, row, values);
        fill_in(values, config.fill);
        if missing == 0 || config.fill != Fill::Refuse {
            let start = start.map(|start| frequency.after(start, first as i64));
            builder.push(Series { id, start, frequency }, values.iter().copied())?;
        }
    }
    let refused = problems.is_refused(config);
    findings.extend(problems.findings(config));
    let panel = if refused { None } else { Some(builder.build()?) };
    let form = dates.map(|(form, _)| form);
    Ok(Examined { panel, test: None, horizon: None, dates: form, findings })
}

/// How far apart the columns are, when the first is, and how that is known.
fn frequency(
    path: &Path,
    dates: Option<&(DateForm, Vec<Timestamp>)>,
) -> Result<(Frequency, Option<Timestamp>, Finding), Error> {
    if let Some((_, times)) = dates {
        let found = Frequency::of_dates(times);
        let (Some(frequency), Some(&start)) = (found, times.first()) else {
            return Err(problem(path, "its columns are no dates in order; sort them"));
        };
        let regular = |(step, time): (usize, &Timestamp)| {
            frequency.steps(start, *time) == i64::try_from(step).ok()
        };
        if !times.iter().enumerate().all(regular) {
            let text = format!(
                "its columns are {frequency}, but not all of them; add those that are missing"
            );
            return Err(problem(path, text));
        }
        return Ok((frequency, Some(start), chosen(format!("frequency: {frequency}"))));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_name = M4_NAMES.iter().find(|(begin, _)| name.starts_with(begin));
    let (frequency, why) = match of_name {
        Some((begin, frequency)) => (*frequency, format!("by its name, {begin}")),
        None => (Frequency::Steps(1), "no dates".to_owned()),
    };
    Ok((frequency, None, chosen(format!("frequency: {frequency} ({why})"))))
}

/// The M3 competition's series, whose last values are to test on.
fn m3<'a>(path: &Path, rows: impl Iterator<Item = (u64, &'a str)>) -> Result<Examined, Error> {
    let (mut learned, mut test) = (PanelBuilder::default(), PanelBuilder::default());
    let mut horizons = Vec::new();
    for (row, line) in rows {
        let wrong = |what: &str| problem(path, format!("row {row}: {what}; fetch the file again"));
        let mut row_cells = cells(line);
        let mut next =
            |what: &str| row_cells.next().ok_or_else(|| wrong(&format!("has no {what}")));
        let id: Arc<str> = next("name")?.into();
        let period = next("period")?;
        let found = M3_PERIODS.iter().find(|(name, _)| *name == period);
        let (_, frequency) = found.ok_or_else(|| wrong("its period is not known"))?;
        next("type")?;
        let horizon: usize =
            next("horizon")?.parse().map_err(|_| wrong("its horizon is no number"))?;
        let count: usize = next("length")?.parse().map_err(|_| wrong("its length is no number"))?;
        next("start")?;
        let values: Option<Vec<f64>> = row_cells
            .map(|cell| match column::value(cell) {
                Cell::Value(value) => Some(value),
                _ => None,
            })
            .collect();
        let values = values.ok_or_else(|| wrong("one of its values is no number"))?;
        if count.checked_add(horizon) != Some(values.len()) {
            return Err(wrong("has another number of values than it says"));
        }
        // Starts are not what they say for a third of the series: only the order is known.
        let series = Series { id, start: None, frequency: *frequency };
        learned.push(series.clone(), values[..count].iter().copied())?;
        test.push(series, values[count..].iter().copied())?;
        if !horizons.contains(&horizon) {
            horizons.push(horizon);
        }
    }
    let findings = vec![chosen(format!(
        "layout: the M3 competition's; frequencies and horizons differ ({horizons:?}): choose one frequency"
    ))];
    let horizon = if let [horizon] = horizons[..] { Some(horizon) } else { None };
    let (panel, test) = (Some(learned.build()?), Some(test.build()?));
    Ok(Examined { panel, test, horizon, dates: None, findings })
}
