//! Files of the Monash archive, `.tsf`: a head of `@` lines, then a series a line.
//!
//! Godahewa and others, "Monash Time Series Forecasting Archive", 2021.

use std::path::Path;
use std::sync::Arc;

use super::column::short;
use super::problems::Problems;
use super::rows::{Ends, SeriesRows};
use super::{Examined, ReadConfig};
use crate::error::problem;
use crate::finding::chosen;
use crate::timestamp::SECOND;
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
    let (mut frequency, mut horizon) = (None, None);
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
                let (_, found) = *found.ok_or_else(|| {
                    let known = FREQUENCIES.map(|(name, _)| name).join(", ");
                    wrong(format!("frequency `{}` is not known; known are {known}", short(name)))
                })?;
                frequency = Some(found);
            }
            ["horizon", steps] => {
                let steps = steps.parse::<usize>();
                horizon = Some(steps.map_err(|_| wrong("its horizon is no number".to_owned()))?);
            }
            ["relation", ..] | ["missing", _] | ["equallength", _] => {}
            _ => return Err(wrong(format!("`{}` is not known", short(line)))),
        }
    }
    let has_starts = attributes.contains(&Attribute::Start);
    let mut problems = Problems::new(config);
    problems.tell([chosen(match frequency {
        Some(frequency) => format!("frequency: {frequency} (by its head)"),
        None if has_starts => "frequency: numbered, and starts are not read, since its head names none; add one, such as `@frequency daily`".to_owned(),
        None => "frequency: numbered (by its head)".to_owned(),
    })]);
    let mut found = SeriesRows::new(path, Ends::Missing, problems);
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
        // Without a frequency, nothing is known of when what follows a start was.
        let start = start.filter(|_| frequency.is_some());
        let frequency = frequency.unwrap_or(Frequency::Steps(1));
        found.add(row, Series { id, start, frequency }, cells.split(','))?;
    }
    found.finish(has_starts.then_some(DateForm::YearFirst), horizon)
}

/// A start as the archive writes it: `1979-01-01 00-00-00`.
fn date(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ').unwrap_or((text, "00-00-00"));
    let written = DateForm::YearFirst.read(&format!("{date} {}", clock.replace('-', ":")))?;
    Some(written.time)
}
