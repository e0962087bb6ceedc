//! Files of the Monash archive, `.tsf`: a head of `@` lines, then a series a line.
//!
//! Godahewa and others, "Monash Time Series Forecasting Archive", 2021.

use std::path::Path;
use std::sync::Arc;

use super::column::{self, Cell};
use super::regular::{Problems, fill_in};
use super::{Examined, Fill, ReadConfig};
use crate::error::problem;
use crate::finding::chosen;
use crate::panel::PanelBuilder;
use crate::timestamp::{DAY, SECOND};
use crate::{DateForm, Error, Frequency, Series, Timestamp};

/// Frequencies by the archive's names.
const FREQUENCIES: [(&str, Frequency); 11] = [
    ("yearly", Frequency::YEARLY),
    ("quarterly", Frequency::QUARTERLY),
    ("monthly", Frequency::MONTHLY),
    ("weekly", Frequency::WEEKLY),
    ("daily", Frequency::DAILY),
    ("hourly", Frequency::HOURLY),
    ("half_hourly", Frequency::Fixed(1800 * SECOND)),
    ("10_minutes", Frequency::Fixed(600 * SECOND)),
    ("minutely", Frequency::Fixed(60 * SECOND)),
    ("10_seconds", Frequency::Fixed(10 * SECOND)),
    ("4_seconds", Frequency::Fixed(4 * SECOND)),
];

/// What stands before the values of each series.
#[derive(Clone, Copy, PartialEq)]
enum Attribute {
    Name,
    Start,
    Other,
}

/// Reads a file.
pub(super) fn read(path: &Path, text: &str, config: &ReadConfig) -> Result<Examined, Error> {
    let mut attributes = Vec::new();
    let (mut frequency, mut horizon) = (Frequency::Steps(1), None);
    let mut said = "numbered".to_owned();
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    for (row, line) in lines.by_ref() {
        let wrong = |what: String| problem(path, format!("row {row}: {what}"));
        let Some(head) = line.strip_prefix('@') else {
            return Err(wrong("stands before `@data`; fetch the file again".to_owned()));
        };
        let words: Vec<&str> = head.split_whitespace().collect();
        match words[..] {
            ["data"] => break,
            ["attribute", name, kind] => attributes.push(match (name, kind) {
                (_, "date") => Attribute::Start,
                ("series_name", _) => Attribute::Name,
                _ => Attribute::Other,
            }),
            ["frequency", name] => {
                let found = FREQUENCIES.iter().find(|(other, _)| *other == name);
                (_, frequency) = *found.ok_or_else(|| {
                    let known = FREQUENCIES.map(|(name, _)| name).join(", ");
                    wrong(format!(
                        "frequency `{}` is not known; known are {known}",
                        column::short(name)
                    ))
                })?;
                said = frequency.to_string();
            }
            ["horizon", steps] => {
                let steps = steps.parse::<usize>();
                horizon = Some(steps.map_err(|_| wrong("its horizon is no number".to_owned()))?);
            }
            ["relation", ..] | ["missing", _] | ["equallength", _] => {}
            _ => return Err(wrong(format!("`{}` is not known", column::short(line)))),
        }
    }
    let mut findings = vec![chosen(format!("frequency: {said} (by its head)"))];
    let mut problems = Problems::default();
    let mut builder = PanelBuilder::default();
    for (row, line) in lines {
        let wrong = |what: &str| problem(path, format!("row {row}: {what}; fetch the file again"));
        let mut parts = line.splitn(attributes.len() + 1, ':');
        let (mut id, mut start): (Arc<str>, _) = (format!("T{row}").into(), None);
        for attribute in &attributes {
            let part = parts.next().unwrap_or_default().trim();
            match attribute {
                Attribute::Name => id = part.into(),
                Attribute::Start => {
                    start = Some(date(part).ok_or_else(|| wrong("its start is no date"))?);
                }
                Attribute::Other => {}
            }
        }
        let cells =
            parts.next().ok_or_else(|| wrong("has fewer attributes than the head names"))?;
        let mut values = Vec::new();
        for cell in cells.split(',') {
            values.push(match column::value(cell) {
                Cell::Value(value) => value,
                Cell::Missing => f64::NAN,
                Cell::NoNumber => return Err(wrong("one of its values is no number")),
            });
        }
        let missing = values.iter().filter(|value| value.is_nan()).count();
        if let Some(place) = values.iter().position(|value| value.is_nan()) {
            problems.missing_in(&id, row, missing, place + 1);
        }
        problems.judge_at(&id, row, &values);
        fill_in(&mut values, config.fill);
        if missing > 0 && config.fill == Fill::Refuse {
            continue;
        }
        let first = values.iter().position(|value| !value.is_nan()).unwrap_or(values.len());
        let start = start.map(|start| frequency.after(start, first as i64));
        builder.push(Series { id, start, frequency }, values.into_iter().skip(first))?;
    }
    let refused = problems.is_refused(config);
    findings.extend(problems.findings(config));
    let panel = if refused { None } else { Some(builder.build()?) };
    let dates = attributes.contains(&Attribute::Start).then_some(DateForm::YearFirst);
    Ok(Examined { panel, test: None, horizon, dates, findings })
}

/// A start as the archive writes it: `1979-01-01 00-00-00`.
fn date(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ').unwrap_or((text, "00-00-00"));
    let found = DateForm::YearFirst.read(&format!("{date} {}", clock.replace('-', ":")))?.time;
    debug_assert!(found.time_of_day() < DAY);
    Some(found)
}
