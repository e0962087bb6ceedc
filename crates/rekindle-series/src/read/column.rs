//! Columns of a list: values, and dates whose form all of their cells decide.

use crate::Timestamp;
use crate::date_form::{DateForm, Written, zone_name};
use crate::finding::{Finding, FindingKind, Found, chosen};

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
    let (form, ambiguous) = match wanted {
        Some(form) => (form, false),
        None => form_of(cells.clone().map(|(_, cell)| cell))?,
    };
    let mut findings = Vec::new();
    if ambiguous {
        findings.extend(self::ambiguous(cells.clone()));
    }
    let mut times = Vec::with_capacity(cells.size_hint().0);
    let (mut unread, mut zones) = (Found::default(), Zones::default());
    for (row, cell) in cells.clone() {
        let read = form.read(cell);
        match read {
            Some(Written { zone, .. }) => zones.add(row, zone),
            None => unread.add(row, || {
                let other = DateForm::ALL.into_iter().find(|form| form.read(cell).is_some());
                let what = other.map_or("no date", DateForm::name);
                format!("row {row} (`{}`, {what})", short(cell))
            }),
        }
        times.push(read.map(|written| written.time));
    }
    if times.iter().all(Option::is_none) {
        return None;
    }
    findings.extend(unread.finding(FindingKind::MixedDates, true, |count, examples| {
        format!(
            "{count} dates are not written as {}, as most of the {} are: {examples}; write all alike",
            form.name(),
            times.len()
        )
    }));
    findings.extend(zones.finding());
    findings.extend(short_years(form, cells));
    Some(Dates { form, times, findings })
}

/// The form that reads most cells, the first of several, and whether another order of day and month would do as well.
fn form_of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Option<(DateForm, bool)> {
    // Most columns are of one form, which few cells tell.
    let mut forms = DateForm::ALL.to_vec();
    for cell in cells.clone() {
        forms.retain(|form| form.read(cell).is_some());
        if forms.len() < 2 {
            break;
        }
    }
    let fits = |form: DateForm| cells.clone().all(|cell| form.read(cell).is_some());
    match forms[..] {
        [form] if fits(form) => return Some((form, false)),
        [form, other, ..] => return Some((form, is_ambiguous(form, other))),
        _ => {}
    }
    let count = |form: DateForm| cells.clone().filter(|cell| form.read(cell).is_some()).count();
    let counts = DateForm::ALL.map(|form| (form, count(form)));
    let most = counts.iter().map(|(_, count)| *count).max().filter(|most| *most > 0)?;
    let mut most = counts.into_iter().filter(|(_, count)| *count == most).map(|(form, _)| form);
    let form = most.next()?;
    Some((form, most.any(|other| is_ambiguous(form, other))))
}

fn is_ambiguous(form: DateForm, other: DateForm) -> bool {
    (form, other) == (DateForm::DayFirst, DateForm::MonthFirst)
}

/// That years are taken as they are written, where 2024 may be meant.
fn short_years<'a>(
    form: DateForm,
    mut cells: impl Iterator<Item = (u64, &'a str)>,
) -> Option<Finding> {
    let year = |cell: &str| cell.trim().split(['-', '/']).next().map_or(0, str::len);
    let (row, cell) = cells.find(|(_, cell)| form == DateForm::Month && year(cell) < 4)?;
    let text = format!(
        "years: as they are written, such as `{}` in row {row}; write four digits if others are meant",
        short(cell)
    );
    Some(chosen(text))
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
