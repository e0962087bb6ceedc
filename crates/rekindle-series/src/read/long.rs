//! Lists with a row a point: series below each other, or beside each other in columns.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rekindle_data::manifest::Table;

use super::column::{self, Cell, Dates};
use super::regular::{Problems, Row};
use super::{Examined, ReadConfig};
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

/// Reads a table.
pub(super) fn read(path: &Path, table: &Table, config: &ReadConfig) -> Result<Examined, Error> {
    let columns = columns(path, table, config)?;
    let name = |place: usize| table.names[place].trim();
    let mut findings = vec![said(table, &columns)];
    if table.rows.is_empty() {
        return Err(problem(path, "has no rows below its names; give at least one point"));
    }
    let cells = |place: usize| table.rows.iter().map(move |(row, cells)| (*row, &*cells[place]));
    let dates = match columns.time {
        None => None,
        Some(place) => Some(column::dates(cells(place), config.dates).ok_or_else(|| {
            let first = column::short(&table.rows[0].1[place]);
            let forms = DateForm::ALL.map(DateForm::name).join(", ");
            problem(
                path,
                format!(
                    "column `{}` holds no dates, such as `{first}`; known are {forms}",
                    name(place)
                ),
            )
        })?),
    };
    let form = dates.as_ref().map(|dates| dates.form);
    let times = dates.map(|Dates { times, findings: wrong, .. }| {
        findings.extend(wrong);
        times
    });
    let (ids, groups) = grouped(table, columns.id);
    let numbered = form.is_none_or(|form| form == DateForm::Number);
    let mut problems = Problems::default();
    let mut found = Vec::new();
    for (place, value) in columns.values.iter().enumerate() {
        for (id, group) in ids.iter().zip(&groups) {
            let id: Arc<str> = match (columns.values.len(), columns.id) {
                (1, Some(_)) => Arc::clone(id),
                (_, None) => name(*value).into(),
                _ => format!("{id}/{}", name(*value)).into(),
            };
            let row = |&at: &usize| {
                let (row, cells) = &table.rows[at];
                // Where there are no dates, the order of the file counts.
                let time = times.as_ref().map_or(Some(Timestamp(at as i64)), |times| times[at])?;
                Some(Row { time, value: column::value(&cells[*value]), row: *row })
            };
            let mut rows: Vec<Row> = group.iter().filter_map(row).collect();
            // What is wrong with the dates is told once.
            let mut again = Problems::default();
            let of = if place == 0 { &mut problems } else { &mut again };
            if times.is_some() {
                of.sort(&mut rows, numbered, config.duplicates);
            }
            found.push((id, rows));
        }
    }
    let panel = match times {
        Some(_) => dated(found, numbered, config, &mut problems, &mut findings)?,
        None => ordered(found, config, &mut problems)?,
    };
    findings.extend(problems.findings(config));
    Ok(Examined { panel, test: None, horizon: None, dates: form, findings })
}

/// The panel of rows with times; none where what was found refuses it.
fn dated(
    found: Vec<(Arc<str>, Vec<Row>)>,
    numbered: bool,
    config: &ReadConfig,
    problems: &mut Problems,
    findings: &mut Vec<Finding>,
) -> Result<Option<Panel>, Error> {
    let of_each: Vec<Option<Frequency>> =
        found.iter().map(|(_, rows)| Problems::frequency(rows, numbered)).collect();
    let mut counts: Vec<(Frequency, usize)> = Vec::new();
    for frequency in of_each.iter().flatten() {
        match counts.iter_mut().find(|(other, _)| other == frequency) {
            Some((_, count)) => *count += 1,
            None => counts.push((*frequency, 1)),
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count).map(|(frequency, _)| *frequency);
    let none = if numbered { Frequency::Steps(1) } else { Frequency::DAILY };
    let frequency = most.unwrap_or(none);
    findings.push(chosen(match most {
        Some(frequency) => format!("frequency: {frequency}"),
        None => format!("frequency: {frequency}, since no series has two points"),
    }));
    let mut builder = PanelBuilder::default();
    for ((id, rows), of_it) in found.iter().zip(of_each) {
        let first = rows.first().map_or(0, |row| row.row);
        match of_it.filter(|of_it| *of_it != frequency) {
            // Few rows may be at several frequencies: a week has no weekend before its sixth day. Two or three may have gaps.
            Some(other) if rows.len() > 3 && !Problems::fits(rows, frequency) => {
                problems.mixed(id, first, other, frequency);
            }
            _ => {
                let values = problems.values(id, rows, frequency, config.fill);
                let Some((start, values)) = values else { continue };
                if problems.is_refused(config) || findings.iter().any(|it| it.refused) {
                    continue;
                }
                let series = Series { id: Arc::clone(id), start: Some(start), frequency };
                builder.push(series, values)?;
            }
        }
    }
    let refused = problems.is_refused(config) || findings.iter().any(|it| it.refused);
    if refused { Ok(None) } else { builder.build().map(Some) }
}

/// The panel of rows in the order of their file.
fn ordered(
    found: Vec<(Arc<str>, Vec<Row>)>,
    config: &ReadConfig,
    problems: &mut Problems,
) -> Result<Option<Panel>, Error> {
    let mut builder = PanelBuilder::default();
    for (id, rows) in found {
        let mut values: Vec<f64> = rows.iter().map(|row| problems.value(&id, row)).collect();
        problems.judge(&id, &rows, &values);
        super::regular::fill_in(&mut values, config.fill);
        let known: Vec<f64> = values.into_iter().skip_while(|value| value.is_nan()).collect();
        if known.is_empty() {
            problems.unusable(&id, rows.first().map_or(0, |row| row.row), "no value");
        }
        if !problems.is_refused(config) {
            builder.push(Series { id, start: None, frequency: Frequency::Steps(1) }, known)?;
        }
    }
    if problems.is_refused(config) { Ok(None) } else { builder.build().map(Some) }
}

/// The rows of each series, in the order in which its first stands.
fn grouped(table: &Table, id: Option<usize>) -> (Vec<Arc<str>>, Vec<Vec<usize>>) {
    let Some(column) = id else {
        return (vec!["".into()], vec![(0..table.rows.len()).collect()]);
    };
    let mut places: HashMap<&str, usize> = HashMap::new();
    let (mut ids, mut groups): (Vec<Arc<str>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    for (at, (_, cells)) in table.rows.iter().enumerate() {
        let id = cells[column].trim();
        let place = *places.entry(id).or_insert(ids.len());
        if place == ids.len() {
            ids.push(id.into());
            groups.push(Vec::new());
        }
        groups[place].push(at);
    }
    (ids, groups)
}

/// Which columns are read.
fn columns(path: &Path, table: &Table, config: &ReadConfig) -> Result<Columns, Error> {
    let wanted = |name: &String| {
        table.column(&[name]).ok_or_else(|| {
            problem(path, format!("has no column `{name}`; it names [{}]", table.names.join(", ")))
        })
    };
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
