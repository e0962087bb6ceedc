//! Files with a row a series: the M4 and M3 competitions', and tables whose columns are dates.
//!
//! Rows may be of any length: a series ends where its values do.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rekindle_data::manifest::Records;

use super::column::{self, Dates};
use super::problems::Problems;
use super::regular::are_steps;
use super::rows::{Ends, SeriesRows, numbers};
use super::{Examined, ReadConfig};
use crate::date_form::has_short_year;
use crate::error::problem;
use crate::finding::{Finding, chosen};
use crate::panel::PanelBuilder;
use crate::{DateForm, Error, Frequency, Series, Timestamp};

/// How the rows of a file are laid out.
pub(super) enum Layout {
    /// A name, then values; when they were, where the columns are dates.
    Values(Option<Dates>),
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
pub(super) fn layout(
    path: &Path,
    text: &str,
    config: &ReadConfig,
) -> Result<Option<Layout>, Error> {
    // Only lists with a row a point have columns beside values.
    if !config.covariates.is_empty() {
        return Ok(None);
    }
    let mut names = Vec::new();
    let line = Records::new(text).next_into(&mut names).map_err(|text| problem(path, text))?;
    if let [sn, period, ..] = &names[..]
        && (&**sn, &**period) == ("# sn", "period")
    {
        return Ok(Some(Layout::M3));
    }
    let Some((_, others)) = names.split_first().filter(|(_, others)| others.len() > 1) else {
        return Ok(None);
    };
    let counts = |(place, name): (usize, &Cow<'_, str>)| {
        name.strip_prefix('V').and_then(|number| number.parse().ok()) == Some(place + 2)
    };
    if others.iter().enumerate().all(counts) {
        return Ok(Some(Layout::Values(None)));
    }
    // Columns that are named are of a list with a row a point.
    if config.time.is_some() || !config.values.is_empty() {
        return Ok(None);
    }
    if others.iter().all(|name| has_short_year(name)) {
        let text = format!(
            "its columns have years in two digits, such as `{}`; write four",
            column::short(&others[0])
        );
        return Err(problem(path, text));
    }
    let fits = |form: &DateForm| others.iter().all(|name| form.read(name).is_some());
    let is_dates = DateForm::ALL.iter().any(|form| *form != DateForm::Number && fits(form));
    let cells = others.iter().map(|name| (line.unwrap_or(1), &**name));
    let dates = is_dates.then(|| column::dates(cells, config.dates)).flatten();
    Ok(dates.map(|dates| Layout::Values(Some(dates))))
}

/// Reads the rows of a file.
pub(super) fn read(
    path: &Path,
    text: &str,
    layout: Layout,
    config: &ReadConfig,
) -> Result<Examined, Error> {
    let mut rows = Rows { path, records: Records::new(text), cells: Vec::new() };
    rows.next()?;
    match layout {
        Layout::M3 => m3(rows),
        Layout::Values(dates) => values(rows, dates, config),
    }
}

/// The rows of a file, one after the other.
struct Rows<'a> {
    path: &'a Path,
    records: Records<'a>,
    cells: Vec<Cow<'a, str>>,
}

impl Rows<'_> {
    /// Goes on to the next row, and tells its number.
    fn next(&mut self) -> Result<Option<u64>, Error> {
        self.records.next_into(&mut self.cells).map_err(|text| problem(self.path, text))
    }
}

fn values(
    mut rows: Rows<'_>,
    dates: Option<Dates>,
    config: &ReadConfig,
) -> Result<Examined, Error> {
    let path = rows.path;
    let mut problems = Problems::new(config);
    problems.tell([chosen("layout: a series a row")]);
    let form = dates.as_ref().map(|dates| dates.form);
    let (frequency, start) = match dates {
        Some(Dates { times, findings, .. }) => {
            problems.tell(findings);
            // What is refused has no frequency.
            if problems.is_refused() {
                let findings = problems.findings();
                return Ok(Examined {
                    panel: None,
                    test: None,
                    horizon: None,
                    dates: form,
                    findings,
                });
            }
            let times: Vec<Timestamp> = times.into_iter().flatten().collect();
            let frequency = of_columns(path, &times)?;
            problems.tell([chosen(format!("frequency: {frequency}"))]);
            (frequency, times.first().copied())
        }
        None => {
            let (frequency, said) = of_name(path);
            problems.tell([said]);
            (frequency, None)
        }
    };
    let mut found = SeriesRows::new(path, Ends::Open, problems);
    while let Some(row) = rows.next()? {
        let id: Arc<str> = rows.cells[0].as_ref().into();
        let values = rows.cells[1..].iter().map(|cell| &**cell);
        found.add(row, Series { id, start, frequency }, values)?;
    }
    found.finish(form, None)
}

/// How far apart the columns are.
fn of_columns(path: &Path, times: &[Timestamp]) -> Result<Frequency, Error> {
    let Some(frequency) = Frequency::of_dates(times) else {
        return Err(problem(path, "its columns are no dates in order; sort them"));
    };
    if !are_steps(times.iter().copied(), frequency) {
        let text =
            format!("its columns are {frequency}, but not all of them; add those that are missing");
        return Err(problem(path, text));
    }
    Ok(frequency)
}

/// How far apart values are by the name of their file, and how that is known.
fn of_name(path: &Path) -> (Frequency, Finding) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_name = M4_NAMES.iter().find(|(begin, _)| name.starts_with(begin));
    let (frequency, why) = match of_name {
        Some((begin, frequency)) => (*frequency, format!("by its name, {begin}")),
        None => (Frequency::Steps(1), "no dates".to_owned()),
    };
    (frequency, chosen(format!("frequency: {frequency} ({why})")))
}

/// The M3 competition's series, whose last values are to test on.
fn m3(mut rows: Rows<'_>) -> Result<Examined, Error> {
    let path = rows.path;
    let (mut learned, mut test) = (PanelBuilder::default(), PanelBuilder::default());
    let (mut horizons, mut values) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let wrong = |what: &str| problem(path, format!("row {row}: {what}; fetch the file again"));
        let [id, period, _, horizon, count, _, rest @ ..] = &rows.cells[..] else {
            return Err(wrong("has fewer cells than the first"));
        };
        let found = M3_PERIODS.iter().find(|(name, _)| name == period);
        let (_, frequency) = *found.ok_or_else(|| wrong("its period is not known"))?;
        let horizon: usize = horizon.parse().map_err(|_| wrong("its horizon is no number"))?;
        let count: usize = count.parse().map_err(|_| wrong("its length is no number"))?;
        numbers(path, row, rest.iter().map(|cell| &**cell), &mut values)?;
        if count.checked_add(horizon) != Some(values.len()) {
            return Err(wrong("has another number of values than it says"));
        }
        // Starts are not what they say for a third of the series: only the order is known.
        let series = Series { id: id.as_ref().into(), start: None, frequency };
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
