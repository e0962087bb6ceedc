//! Lists with a row a point: series below each other, or beside each other in columns.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rekindle_data::manifest::Table;

use super::beside::{Beside, Placed, placed};
use super::column::{self, Cell, Dates};
use super::problems::Problems;
use super::regular::{Row, fits};
use super::{Examined, ReadConfig};
use crate::date_form::has_short_year;
use crate::error::problem;
use crate::finding::{Finding, chosen};
use crate::panel::PanelBuilder;
use crate::{DateForm, Error, Frequency, Panel, Series, Timestamp};

const ID: &[&str] = &["unique_id", "id", "item_id", "series_id", "series", "series_name"];
const TIME: &[&str] = &[
    "ds",
    "date",
    "datetime",
    "timestamp",
    "time",
    "month",
    "period",
    "quarter",
    "week",
    "day",
    "year",
];
const VALUE: &[&str] = &["y", "value", "values", "target"];

/// The places of columns.
struct Places {
    id: Option<usize>,
    time: Option<usize>,
    values: Vec<usize>,
}

/// The rows of each series, by its name.
pub(super) type Groups = Vec<(Arc<str>, Vec<Row>)>;

/// Reads a table.
pub(super) fn read(path: &Path, table: &Table, config: &ReadConfig) -> Result<Examined, Error> {
    let columns = columns(path, table, config)?;
    if table.rows.is_empty() {
        return Err(problem(path, "has no rows below its names; give at least one point"));
    }
    let read: Vec<usize> =
        columns.values.iter().copied().chain(columns.id).chain(columns.time).collect();
    let mut beside = Beside::find(path, table, &config.covariates, &read)?;
    let mut problems = Problems::new(config);
    problems.tell([said(table, &columns, &beside)]);
    let dates = match columns.time {
        Some(place) => Some(dates(path, table, place, config)?),
        None => None,
    };
    let form = dates.as_ref().map(|dates| dates.form);
    let times = dates.map(|Dates { times, findings, .. }| {
        problems.tell(findings);
        times
    });
    let numbered = form.is_none_or(|form| form == DateForm::Number);
    let mut found = rows(table, &columns, times.as_deref());
    let panel = match times {
        Some(_) => {
            sort(&mut found, &columns, numbered, &mut problems);
            dated(found, numbered, &mut beside, &mut problems)?
        }
        None => ordered(found, &mut beside, &mut problems)?,
    };
    beside.tell(&mut problems);
    // What stands beside values may refuse them too.
    let panel = panel.filter(|_| !problems.is_refused());
    Ok(Examined { panel, test: None, horizon: None, dates: form, findings: problems.findings() })
}

/// The rows of a list of what is known ahead, in order: those of each series by its name, or all of them without one.
pub(super) fn rows_ahead(
    path: &Path,
    table: &Table,
    config: &ReadConfig,
    panel: &Panel,
    problems: &mut Problems,
) -> Result<Groups, Error> {
    let (id, time) = named(path, table, config)?;
    let dated = panel.series(0).start.is_some();
    if dated && time.is_none() {
        return Err(problem(path, table.lacks(TIME)));
    }
    let dates = match time.filter(|_| dated && !table.rows.is_empty()) {
        Some(place) => Some(dates(path, table, place, config)?),
        None => None,
    };
    let times = dates.map(|Dates { times, findings, .. }| {
        problems.tell(findings);
        times
    });
    // Any one column does, since only rows and their times are asked for.
    let columns = Places { id, time, values: vec![0] };
    let mut found = rows(table, &columns, times.as_deref());
    if id.is_none() {
        found.iter_mut().for_each(|(id, _)| *id = "".into());
    }
    let numbered = panel.series(0).start.is_none();
    sort(&mut found, &columns, numbered, problems);
    Ok(found)
}

/// A column of dates.
fn dates(path: &Path, table: &Table, place: usize, config: &ReadConfig) -> Result<Dates, Error> {
    let cells = table.rows.iter().map(|(row, cells)| (*row, &*cells[place]));
    column::dates(cells, config.dates).ok_or_else(|| {
        let (name, first) = (table.names[place].trim(), &*table.rows[0].1[place]);
        let shown = column::short(first);
        let forms = DateForm::ALL.map(DateForm::name).join(", ");
        let text = match has_short_year(first) {
            true => {
                format!("column `{name}` writes years in two digits, such as `{shown}`; write four")
            }
            false => {
                format!("column `{name}` holds no dates, such as `{shown}`; known are {forms}")
            }
        };
        problem(path, text)
    })
}

/// The rows of each series, those of one column of values after those of another; without dates, the order of the file counts.
fn rows(table: &Table, columns: &Places, times: Option<&[Option<Timestamp>]>) -> Groups {
    let (ids, groups) = grouped(table, columns.id);
    let mut found = Vec::with_capacity(ids.len() * columns.values.len());
    for &value in &columns.values {
        for (id, group) in ids.iter().zip(&groups) {
            let name = table.names[value].trim();
            let id: Arc<str> = match (columns.values.len(), columns.id) {
                (1, Some(_)) => Arc::clone(id),
                (_, None) => name.into(),
                _ => format!("{id}/{name}").into(),
            };
            let row = |&at: &usize| {
                let (row, cells) = &table.rows[at];
                let time = times.map_or(Some(Timestamp(at as i64)), |times| times[at])?;
                Some(Row { time, value: column::value(&cells[value]), row: *row })
            };
            found.push((id, group.iter().filter_map(row).collect()));
        }
    }
    found
}

/// Puts the rows of each series in order. What is wrong with the dates is told of the first column of values alone.
fn sort(found: &mut Groups, columns: &Places, numbered: bool, problems: &mut Problems) {
    let of_column = found.len() / columns.values.len().max(1);
    let (first, others) = found.split_at_mut(of_column);
    first.iter_mut().for_each(|(_, rows)| problems.sort(rows, numbered));
    let mut again = problems.clone();
    others.iter_mut().for_each(|(_, rows)| again.sort(rows, numbered));
}

/// The panel of rows with times; none where what was found refuses it.
fn dated(
    found: Groups,
    numbered: bool,
    beside: &mut Beside<'_>,
    problems: &mut Problems,
) -> Result<Option<Panel>, Error> {
    let own: Vec<Option<Frequency>> =
        found.iter().map(|(_, rows)| frequency(rows, numbered)).collect();
    let most = most(&own, numbered, problems);
    let mut builder = PanelBuilder::with_columns(beside.columns());
    for ((id, mut rows), own) in found.into_iter().zip(own) {
        let Some(first) = rows.first() else { continue };
        let frequency = most.on_day_of(own, first.time);
        // Few rows may be at several frequencies: a week has no weekend before its sixth day. Two or three may have gaps.
        if let Some(own) = own.filter(|own| *own != frequency)
            && rows.len() > 3
            && !fits(&rows, frequency)
        {
            problems.mixed(&id, first.row, own, frequency);
            continue;
        }
        let (time, row) = (first.time, first.row);
        let ahead = beside.ahead(&mut rows);
        let Some(mut values) = problems.values(&id, &rows, frequency) else { continue };
        let points = values.len();
        let Some(dropped) = problems.filled(&id, row, &mut values) else { continue };
        if !problems.is_refused() {
            rows.extend(ahead);
            let placed = placed(&rows, time, frequency);
            let covariates = beside.of_series(&id, &placed, (points, dropped), problems);
            let series = Series { id, start: Some(time), frequency };
            if !problems.is_refused() {
                builder.push_beside(series.from(dropped), values, covariates)?;
            }
        }
    }
    if problems.is_refused() { Ok(None) } else { builder.build().map(Some) }
}

/// The frequency of a series, of which the rows are in order.
fn frequency(rows: &[Row], numbered: bool) -> Option<Frequency> {
    let times: Vec<Timestamp> = rows.iter().map(|row| row.time).collect();
    match numbered {
        true => Frequency::of_numbers(&times),
        false => Frequency::of_dates(&times),
    }
}

/// The frequency of most series, which is told; those of months on different days are one.
fn most(own: &[Option<Frequency>], numbered: bool, problems: &mut Problems) -> Frequency {
    let mut counts: Vec<(Frequency, usize)> = Vec::new();
    for frequency in own.iter().flatten().map(|it| it.plain()) {
        match counts.iter_mut().find(|(other, _)| *other == frequency) {
            Some((_, count)) => *count += 1,
            None => counts.push((frequency, 1)),
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count).map(|(frequency, _)| *frequency);
    let Some(plain) = most else {
        let frequency = if numbered { Frequency::Steps(1) } else { Frequency::DAILY };
        let text = format!("frequency: {frequency}, since no series has two points");
        problems.tell([chosen(text)]);
        return frequency;
    };
    let mut of_it = own.iter().flatten().filter(|it| it.plain() == plain);
    let frequency = of_it.next().map_or(plain, |it| match of_it.all(|other| other == it) {
        true => *it,
        false => plain,
    });
    problems.tell([chosen(format!("frequency: {frequency}"))]);
    frequency
}

/// The panel of rows in the order of their file.
fn ordered(
    found: Groups,
    beside: &mut Beside<'_>,
    problems: &mut Problems,
) -> Result<Option<Panel>, Error> {
    let mut builder = PanelBuilder::with_columns(beside.columns());
    for (id, mut rows) in found {
        let ahead = beside.ahead(&mut rows);
        let mut values: Vec<f64> = rows.iter().map(|row| problems.value(&id, row)).collect();
        let (points, first) = (values.len(), rows.first().map_or(0, |row| row.row));
        let Some(dropped) = problems.filled(&id, first, &mut values) else { continue };
        if problems.is_refused() {
            continue;
        }
        let steps = rows.iter().chain(&ahead).enumerate();
        let placed: Vec<Placed> = steps.map(|(step, it)| Placed { step, row: it.row }).collect();
        let covariates = beside.of_series(&id, &placed, (points, dropped), problems);
        if !problems.is_refused() {
            let series = Series { id, start: None, frequency: Frequency::Steps(1) };
            builder.push_beside(series, values, covariates)?;
        }
    }
    if problems.is_refused() { Ok(None) } else { builder.build().map(Some) }
}

/// The rows of each series, in the order in which its first stands.
fn grouped(table: &Table, id: Option<usize>) -> (Vec<Arc<str>>, Vec<Vec<usize>>) {
    let Some(column) = id else {
        return (vec!["".into()], vec![(0..table.rows.len()).collect()]);
    };
    let mut places: HashMap<&str, usize> = HashMap::new();
    let (mut ids, mut groups): (Vec<Arc<str>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    // Rows of one series mostly stand together.
    let mut last = ("", usize::MAX);
    for (at, (_, cells)) in table.rows.iter().enumerate() {
        let id = cells[column].trim();
        if last.1 == usize::MAX || id != last.0 {
            last = (id, *places.entry(id).or_insert(ids.len()));
        }
        if last.1 == ids.len() {
            ids.push(id.into());
            groups.push(Vec::new());
        }
        groups[last.1].push(at);
    }
    (ids, groups)
}

/// The columns of names and of dates.
fn named(
    path: &Path,
    table: &Table,
    config: &ReadConfig,
) -> Result<(Option<usize>, Option<usize>), Error> {
    let find = |asked: &Option<String>, known: &[&str]| match asked {
        Some(name) => wanted(path, table, name).map(Some),
        None => Ok(known.iter().find_map(|name| table.column(&[name]))),
    };
    let id = find(&config.id, ID)?;
    let time = find(&config.time, TIME)?.filter(|place| Some(*place) != id);
    Ok((id, time))
}

fn wanted(path: &Path, table: &Table, name: &str) -> Result<usize, Error> {
    table.column(&[name]).ok_or_else(|| problem(path, table.lacks(&[name])))
}

/// Which columns are read.
fn columns(path: &Path, table: &Table, config: &ReadConfig) -> Result<Places, Error> {
    let (id, time) = named(path, table, config)?;
    let beside: Vec<usize> =
        config.covariates.names().filter_map(|name| table.named(name)).collect();
    let values = if !config.values.is_empty() {
        config.values.iter().map(|name| wanted(path, table, name)).collect::<Result<_, _>>()?
    } else if let Some(place) = VALUE.iter().find_map(|name| table.column(&[name])) {
        vec![place]
    } else {
        let others = (0..table.names.len())
            .filter(|place| !beside.contains(place) && ![id, time].contains(&Some(*place)));
        others.filter(|place| holds_numbers(table, *place)).collect()
    };
    if values.is_empty() {
        let names = table.names.join(", ");
        let text = format!("has no column `y` and none of numbers; it names [{names}]");
        return Err(problem(path, text));
    }
    Ok(Places { id, time, values })
}

/// Whether the first of a column's values that is there is a number.
fn holds_numbers(table: &Table, place: usize) -> bool {
    let mut cells = table.rows.iter().map(|(_, cells)| column::value(&cells[place]));
    cells.find(|cell| *cell != Cell::Missing).is_some_and(|cell| cell != Cell::NoNumber)
}

/// A line on the columns that are read, and those that are not.
fn said(table: &Table, columns: &Places, beside: &Beside<'_>) -> Finding {
    let name = |place: &usize| table.names[*place].trim();
    let listed = |places: &[usize]| {
        let shown = places.iter().take(8).map(name).collect::<Vec<_>>().join(", ");
        if places.len() > 8 { format!("{shown} and {} more", places.len() - 8) } else { shown }
    };
    let mut parts = vec![format!("values in {}", listed(&columns.values))];
    match &columns.time {
        Some(place) => parts.push(format!("dates in {}", name(place))),
        None => parts.push("no dates: rows are in the order of time".to_owned()),
    }
    parts.extend(columns.id.iter().map(|place| format!("names of series in {}", name(place))));
    let covariates: Vec<usize> = beside.places().collect();
    if !covariates.is_empty() {
        parts.push(format!("beside them {}", listed(&covariates)));
    }
    let values = columns.values.iter().copied();
    let read: Vec<usize> = values.chain(columns.id).chain(columns.time).chain(covariates).collect();
    let unread: Vec<usize> = (0..table.names.len()).filter(|place| !read.contains(place)).collect();
    if !unread.is_empty() {
        parts.push(format!("not read: {}", listed(&unread)));
    }
    chosen(format!("columns: {}", parts.join("; ")))
}
