//! Lists with a row a point: series below each other, or beside each other in columns.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rekindle_data::manifest::Table;

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
struct Columns {
    id: Option<usize>,
    time: Option<usize>,
    values: Vec<usize>,
}

/// The rows of each series, by its name.
type Groups = Vec<(Arc<str>, Vec<Row>)>;

/// Reads a table.
pub(super) fn read(path: &Path, table: &Table, config: &ReadConfig) -> Result<Examined, Error> {
    let columns = columns(path, table, config)?;
    if table.rows.is_empty() {
        return Err(problem(path, "has no rows below its names; give at least one point"));
    }
    let mut problems = Problems::new(config);
    problems.tell([said(table, &columns)]);
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
            dated(found, numbered, &mut problems)?
        }
        None => ordered(found, &mut problems)?,
    };
    Ok(Examined { panel, test: None, horizon: None, dates: form, findings: problems.findings() })
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
fn rows(table: &Table, columns: &Columns, times: Option<&[Option<Timestamp>]>) -> Groups {
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
fn sort(found: &mut Groups, columns: &Columns, numbered: bool, problems: &mut Problems) {
    let of_column = found.len() / columns.values.len().max(1);
    let (first, others) = found.split_at_mut(of_column);
    first.iter_mut().for_each(|(_, rows)| problems.sort(rows, numbered));
    let mut again = problems.clone();
    others.iter_mut().for_each(|(_, rows)| again.sort(rows, numbered));
}

/// The panel of rows with times; none where what was found refuses it.
fn dated(found: Groups, numbered: bool, problems: &mut Problems) -> Result<Option<Panel>, Error> {
    let own: Vec<Option<Frequency>> =
        found.iter().map(|(_, rows)| frequency(rows, numbered)).collect();
    let most = most(&own, numbered, problems);
    let mut builder = PanelBuilder::default();
    for ((id, rows), own) in found.into_iter().zip(own) {
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
        let Some(mut values) = problems.values(&id, &rows, frequency) else { continue };
        let Some(dropped) = problems.filled(&id, first.row, &mut values) else { continue };
        if !problems.is_refused() {
            let series = Series { id, start: Some(first.time), frequency };
            builder.push(series.from(dropped), values)?;
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
fn ordered(found: Groups, problems: &mut Problems) -> Result<Option<Panel>, Error> {
    let mut builder = PanelBuilder::default();
    for (id, rows) in found {
        let mut values: Vec<f64> = rows.iter().map(|row| problems.value(&id, row)).collect();
        let first = rows.first().map_or(0, |row| row.row);
        if problems.filled(&id, first, &mut values).is_some() && !problems.is_refused() {
            builder.push(Series { id, start: None, frequency: Frequency::Steps(1) }, values)?;
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

/// Which columns are read.
fn columns(path: &Path, table: &Table, config: &ReadConfig) -> Result<Columns, Error> {
    let wanted =
        |name: &String| table.column(&[name]).ok_or_else(|| problem(path, table.lacks(&[name])));
    let find = |asked: &Option<String>, known: &[&str]| match asked {
        Some(name) => wanted(name).map(Some),
        None => Ok(known.iter().find_map(|name| table.column(&[name]))),
    };
    let id = find(&config.id, ID)?;
    let taken = |place: usize| Some(place) == id;
    let time = find(&config.time, TIME)?.filter(|place| !taken(*place));
    let values = if !config.values.is_empty() {
        config.values.iter().map(wanted).collect::<Result<_, _>>()?
    } else if let Some(place) = VALUE.iter().find_map(|name| table.column(&[name])) {
        vec![place]
    } else {
        let others = (0..table.names.len()).filter(|place| !taken(*place) && Some(*place) != time);
        others.filter(|place| holds_numbers(table, *place)).collect()
    };
    if values.is_empty() {
        let names = table.names.join(", ");
        let text = format!("has no column `y` and none of numbers; it names [{names}]");
        return Err(problem(path, text));
    }
    Ok(Columns { id, time, values })
}

/// Whether the first of a column's values that is there is a number.
fn holds_numbers(table: &Table, place: usize) -> bool {
    let mut cells = table.rows.iter().map(|(_, cells)| column::value(&cells[place]));
    cells.find(|cell| *cell != Cell::Missing).is_some_and(|cell| cell != Cell::NoNumber)
}

/// A line on the columns that are read, and those that are not.
fn said(table: &Table, columns: &Columns) -> Finding {
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
    let read: Vec<usize> =
        columns.values.iter().copied().chain(columns.id).chain(columns.time).collect();
    let unread: Vec<usize> = (0..table.names.len()).filter(|place| !read.contains(place)).collect();
    if !unread.is_empty() {
        parts.push(format!("not read: {}", listed(&unread)));
    }
    chosen(format!("columns: {}", parts.join("; ")))
}
