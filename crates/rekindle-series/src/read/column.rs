//! Columns of a list: values, and dates whose form all of their cells decide.

use crate::Timestamp;
use crate::date_form::{DateForm, zone_name};
use crate::finding::{Finding, FindingKind, Found};

/// What stands where a value is missing.
const MISSING: [&str; 8] = ["", "nan", "na", "n/a", "null", "none", "?", "-"];

/// What a cell of a column of values says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Value(f64),
    Missing,
    NoNumber,
}

/// A value, if it is one.
pub(super) fn value(text: &str) -> Cell {
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Cell::Value(value),
        Ok(value) if value.is_nan() => Cell::Missing,
        Err(_) if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) => Cell::Missing,
        _ => Cell::NoNumber,
    }
}

/// A column of dates: those that could be read, in which form, and what is wrong with the others.
pub(super) struct Dates {
    pub(super) form: DateForm,
    pub(super) times: Vec<Option<Timestamp>>,
    pub(super) findings: Vec<Finding>,
}

/// Reads cells and their rows as dates; nothing where none is one.
pub(super) fn dates<'a>(
    cells: impl Iterator<Item = (u64, &'a str)> + Clone,
    wanted: Option<DateForm>,
) -> Option<Dates> {
    let forms: Vec<DateForm> = match wanted {
        Some(form) => vec![form],
        None => DateForm::ALL.to_vec(),
    };
    let mut counts = vec![0_usize; forms.len()];
    let mut total = 0;
    for (_, cell) in cells.clone() {
        total += 1;
        for (count, form) in counts.iter_mut().zip(&forms) {
            *count += usize::from(form.read(cell).is_some());
        }
    }
    // The first of those that read most cells.
    let most = *counts.iter().max()?;
    let place = counts.iter().position(|count| *count == most).filter(|_| most > 0)?;
    let form = forms[place];
    let mut findings = Vec::new();
    let other = match form {
        DateForm::DayFirst => forms.iter().position(|form| *form == DateForm::MonthFirst),
        _ => None,
    };
    if other.is_some_and(|other| counts[other] == most) {
        findings.extend(ambiguous(cells.clone()));
    }
    let mut times = Vec::with_capacity(total);
    let (mut unread, mut zones) = (Found::default(), Zones::default());
    for (row, cell) in cells {
        let read = form.read(cell);
        match read {
            Some(written) => zones.add(row, written.zone),
            None => unread.add(row, || {
                let other = DateForm::ALL.into_iter().find(|form| form.read(cell).is_some());
                let what = other.map_or("no date", DateForm::name);
                format!("row {row} (`{}`, {what})", short(cell))
            }),
        }
        times.push(read.map(|written| written.time));
    }
    findings.extend(unread.finding(FindingKind::MixedDates, true, |count, examples| {
        format!(
            "{count} dates are not written as {}, as most of the {total} are: {examples}; write all alike",
            form.name()
        )
    }));
    findings.extend(zones.finding());
    Some(Dates { form, times, findings })
}

fn ambiguous<'a>(cells: impl Iterator<Item = (u64, &'a str)>) -> Option<Finding> {
    let mut found = Found::default();
    let both = |cell: &str| DateForm::DayFirst.read(cell) != DateForm::MonthFirst.read(cell);
    cells.filter(|(_, cell)| both(cell)).for_each(|(row, cell)| {
        found.add(row, || format!("row {row} (`{}`)", short(cell)));
    });
    found.finding(FindingKind::AmbiguousDates, true, |count, examples| {
        format!(
            "{count} dates may begin with the day or with the month: {examples}; say which, or write 2024-01-31"
        )
    })
}

/// How far ahead of UTC rows are.
#[derive(Default)]
struct Zones {
    first: Option<(u64, Option<i64>)>,
    others: Found,
}

impl Zones {
    fn add(&mut self, row: u64, zone: Option<i64>) {
        match self.first {
            None => self.first = Some((row, zone)),
            Some((_, first)) if first == zone => {}
            Some(_) => self.others.add(row, || format!("row {row} ({})", shown(zone))),
        }
    }

    fn finding(self) -> Option<Finding> {
        let (row, zone) = self.first?;
        let first = shown(zone);
        self.others.finding(FindingKind::MixedZones, true, |count, examples| {
            format!(
                "{count} times are of another time zone than row {row} ({first}): {examples}; convert all to UTC"
            )
        })
    }
}

fn shown(zone: Option<i64>) -> String {
    zone.map_or_else(|| "no zone".to_owned(), |zone| format!("UTC{}", zone_name(zone)))
}

/// The start of a cell, which may be as long as a line.
pub(super) fn short(cell: &str) -> String {
    match cell.char_indices().nth(40) {
        None => cell.to_owned(),
        Some((end, _)) => format!("{}...", &cell[..end]),
    }
}
