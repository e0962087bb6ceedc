//! Dates as numbers of the calendar, each by mean and deviation of the training cells.

use rekindle_series::{DateForm, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cell::{is_missing, short};
use crate::number::{FAR, moments};

/// A day, in microseconds.
const DAY: f64 = 86_400e6;

/// What a date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// Days since 1970, with what is past of the last one.
    Elapsed,
    /// The year.
    Year,
    /// From 1 to 12.
    Month,
    /// From 1 to 31.
    Day,
    /// From 0, Monday, to 6.
    Weekday,
    /// Hours since midnight.
    Hour,
}

const PARTS: [DatePart; 6] = [
    DatePart::Elapsed,
    DatePart::Year,
    DatePart::Month,
    DatePart::Day,
    DatePart::Weekday,
    DatePart::Hour,
];

/// Dates, with what was learned of the training cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateCode {
    /// How they are written.
    pub form: DateForm,
    /// Those of their parts that are not always the same.
    pub parts: Vec<ScaledPart>,
    /// Whether cells were missing in training, so that there is a flag for those; the parts of a missing one are the means.
    pub flagged: bool,
}

/// A part of a date, by mean and deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaledPart {
    /// Which.
    pub part: DatePart,
    /// Subtracted.
    pub mean: f64,
    /// Divides what is left.
    pub std: f64,
}

impl DateCode {
    /// By the cells.
    ///
    /// # Errors
    ///
    /// If no form of dates is that of all of them.
    pub(crate) fn learn<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let cells: Vec<&str> = cells.collect();
        let dates: Vec<&str> = cells.iter().copied().filter(|cell| !is_missing(cell)).collect();
        let form = form_of(&dates).ok_or_else(|| match dates.first() {
            Some(first) => format!(
                "no form of dates is that of all its cells, such as `{}`; write them year-month-day",
                short(first)
            ),
            None => "has no date to train on; leave the column out".to_owned(),
        })?;
        let times: Vec<Timestamp> = dates.iter().filter_map(|cell| form.timestamp(cell)).collect();
        let scaled = |part: DatePart| {
            let values: Vec<f64> = times.iter().map(|time| part.of(*time)).collect();
            let (mean, std) = moments(&values);
            let varies = values.iter().any(|value| *value != values[0]);
            varies.then_some(ScaledPart { part, mean, std })
        };
        let parts: Vec<ScaledPart> = PARTS.into_iter().filter_map(scaled).collect();
        let found = Self { form, parts, flagged: dates.len() < cells.len() };
        match found.width() {
            0 => Err("has one date alone to train on; leave the column out".to_owned()),
            _ => Ok(found),
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong =
            |part: &&ScaledPart| !(part.mean.is_finite() && part.std.is_finite() && part.std > 0.0);
        match self.parts.iter().find(wrong) {
            Some(ScaledPart { mean, std, .. }) => {
                Err(format!("mean {mean} and deviation {std} are none"))
            }
            None if self.width() == 0 => Err("has no part of a date".to_owned()),
            None if self.parts.len() > PARTS.len() => Err("has parts of a date twice".to_owned()),
            None => Ok(()),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.parts.len() + usize::from(self.flagged)
    }

    pub(crate) fn encode(&self, cell: &str, row: &mut Vec<f32>) -> Result<(), String> {
        let missing = is_missing(cell);
        let time = match missing {
            true => None,
            false => Some(self.form.timestamp(cell).ok_or_else(|| {
                format!("`{}` is no date of the form {}", short(cell), self.form.name())
            })?),
        };
        let scaled = |ScaledPart { part, mean, std }: &ScaledPart| {
            let value = time.map_or(0.0, |time| (part.of(time) - mean) / std);
            // As far as numbers go.
            value.clamp(-FAR, FAR) as f32
        };
        row.extend(self.parts.iter().map(scaled));
        row.extend(self.flagged.then(|| f32::from(missing)));
        Ok(())
    }
}

impl DatePart {
    fn of(self, time: Timestamp) -> f64 {
        let [year, month, day] = time.date();
        match self {
            Self::Elapsed => time.0 as f64 / DAY,
            Self::Year => year as f64,
            Self::Month => month as f64,
            Self::Day => day as f64,
            Self::Weekday => time.weekday() as f64,
            Self::Hour => time.time_of_day() as f64 / DAY * 24.0,
        }
    }
}

/// The form of all dates: one with days, or months; numbers of another meaning are none.
pub(crate) fn form_of(cells: &[&str]) -> Option<DateForm> {
    let is = |form: &DateForm| match form {
        DateForm::YearFirst | DateForm::DayFirst | DateForm::MonthFirst => true,
        // As short as `3-07` it may be anything.
        DateForm::Month | DateForm::Quarter => cells.iter().all(|cell| cell.trim().len() >= 6),
        DateForm::Compact => {
            cells.iter().all(|cell| matches!(&cell.trim().as_bytes()[..2], b"19" | b"20"))
        }
        _ => false,
    };
    let fits = |form: &DateForm| cells.iter().all(|cell| form.timestamp(cell).is_some());
    if cells.is_empty() {
        return None;
    }
    DateForm::ALL.into_iter().find(|form| fits(form) && is(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_parts_that_vary() {
        let code =
            DateCode::learn(["2024-01-31", "2024-03-01", "", "2024-02-01"].into_iter()).unwrap();
        let parts: Vec<DatePart> = code.parts.iter().map(|part| part.part).collect();
        use DatePart::*;
        // One year alone, and no times.
        assert_eq!(parts, [Elapsed, Month, Day, Weekday]);
        let mut row = Vec::new();
        code.encode("2024-02-01", &mut row).unwrap();
        assert_eq!((row.len(), row[1], row[4]), (code.width(), 0.0, 0.0));
        row.clear();
        code.encode("NA", &mut row).unwrap();
        assert_eq!(row, [0.0, 0.0, 0.0, 0.0, 1.0]);
        let problem = code.encode("01.02.2024", &mut row).unwrap_err();
        assert!(
            problem.contains("`01.02.2024` is no date of the form year-month-day"),
            "{problem}"
        );
    }

    #[test]
    fn what_is_no_date_is_an_error_and_numbers_are_no_dates() {
        assert!(DateCode::learn(["2024-01-31", "31.01.2024"].into_iter()).is_err());
        assert!(DateCode::learn(["", "NA"].into_iter()).unwrap_err().contains("no date"));
        for (cells, form) in [
            (["20240131", "20231224"], Some(DateForm::Compact)),
            (["2024-01", "2023-12"], Some(DateForm::Month)),
            (["31/01/2024", "02/03/2024"], Some(DateForm::DayFirst)),
            (["1987", "1999"], None),
            (["1-2", "3-4"], None),
            (["1700000000", "1700000001"], None),
            (["81231231", "81231230"], None),
        ] {
            assert_eq!(form_of(&cells), form, "{cells:?}");
        }
    }
}
