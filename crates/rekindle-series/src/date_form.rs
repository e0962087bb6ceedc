//! Dates as files write them: which form a column has, decided by all of its cells.
//!
//! | form | such as |
//! |---|---|
//! | [`YearFirst`](DateForm::YearFirst) | `2024-01-31`, `2024/1/31 13:05`, `2024-01-31T13:05:00.25Z`, `2024-01-31 13:05:00+02:00` |
//! | [`Month`](DateForm::Month) | `2024-01`, `3-07` |
//! | [`Quarter`](DateForm::Quarter) | `2024Q1`, `2024-Q1` |
//! | [`DayFirst`](DateForm::DayFirst), [`MonthFirst`](DateForm::MonthFirst) | `31.01.2024`, `01/31/2024 13:05` |
//! | [`Year`](DateForm::Year), [`Compact`](DateForm::Compact), [`CompactMonth`](DateForm::CompactMonth) | `2024`, `20240131`, `202401` |
//! | [`Unix`](DateForm::Unix) | since 1970: 10 digits are seconds, 13 milliseconds, 16 microseconds, 19 nanoseconds |
//! | [`Number`](DateForm::Number) | `1`, `2`, `3`: no dates |

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::timestamp::{SECOND, is_date};

/// How a column writes its dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// Year, month, day, perhaps a time.
    YearFirst,
    /// Year and month.
    Month,
    /// Year and quarter.
    Quarter,
    /// Day, month, year, perhaps a time.
    DayFirst,
    /// Month, day, year, perhaps a time.
    MonthFirst,
    /// A year of four digits.
    Year,
    /// Year, month and day in eight digits.
    Compact,
    /// Year and month in six digits.
    CompactMonth,
    /// A number since 1970.
    Unix,
    /// A number of no date.
    Number,
}

/// A point in time as it is written: with minutes ahead of UTC, where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) time: Timestamp,
    pub(crate) zone: Option<i64>,
}

impl DateForm {
    /// All forms: of several that fit every cell, the first is taken.
    pub const ALL: [Self; 10] = [
        Self::YearFirst,
        Self::Month,
        Self::Quarter,
        Self::DayFirst,
        Self::MonthFirst,
        Self::Year,
        Self::Compact,
        Self::CompactMonth,
        Self::Unix,
        Self::Number,
    ];

    /// As a message calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::YearFirst => "year-month-day",
            Self::Month => "year-month",
            Self::Quarter => "year and quarter",
            Self::DayFirst => "day/month/year",
            Self::MonthFirst => "month/day/year",
            Self::Year => "a year",
            Self::Compact => "yyyymmdd",
            Self::CompactMonth => "yyyymm",
            Self::Unix => "a number since 1970",
            Self::Number => "a number",
        }
    }

    /// The point in time that a cell says in this form, if it is in it.
    pub fn timestamp(self, text: &str) -> Option<Timestamp> {
        self.read(text).map(|written| written.time)
    }

    /// The same, with where it is said to be.
    pub(crate) fn read(self, text: &str) -> Option<Written> {
        let text = text.trim();
        let plain = |time| Some(Written { time, zone: None });
        match self {
            Self::YearFirst => with_time(text, |date| {
                let [year, month, day] = numbers(date, &['-', '/'])?;
                (digits(date) == 4).then_some([year, month, day])
            }),
            Self::DayFirst => with_time(text, |date| {
                let [day, month, year] = year_last(date)?;
                Some([year, month, day])
            }),
            Self::MonthFirst => with_time(text, |date| {
                let [month, day, year] = year_last(date)?;
                Some([year, month, day])
            }),
            Self::Month => {
                let [year, month] = numbers(text, &['-', '/'])?;
                plain(date(year, month, 1)?)
            }
            Self::Quarter => {
                let (year, quarter) = text.split_once(['Q', 'q'])?;
                let year = number(year.trim_end_matches(['-', ' ']), 4)?;
                let quarter = number(quarter, 1).filter(|it| (1..=4).contains(it))?;
                plain(date(year, quarter * 3 - 2, 1)?)
            }
            Self::Year => plain(date(number_of(text, 4)?, 1, 1)?),
            Self::Compact => {
                let number = number_of(text, 8)?;
                plain(date(number / 10_000, number / 100 % 100, number % 100)?)
            }
            Self::CompactMonth => {
                let number = number_of(text, 6)?;
                plain(date(number / 100, number % 100, 1)?)
            }
            Self::Unix => {
                let number = number_of(text, text.len())?;
                plain(Timestamp(match text.len() {
                    10 => number * SECOND,
                    13 => number * 1000,
                    16 => number,
                    19 if number % 1000 == 0 => number / 1000,
                    _ => return None,
                }))
            }
            Self::Number => plain(Timestamp(text.parse().ok()?)),
        }
    }
}

/// Years that are believed to be some.
const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;

fn date(year: i64, month: i64, day: i64) -> Option<Timestamp> {
    let is = YEARS.contains(&year) && is_date(year, month, day);
    is.then(|| Timestamp::of_date(year, month, day))
}

/// Digits that a text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// What stands between the parts of a date whose year is last.
const BETWEEN: &[char] = &['/', '.', '-'];

/// The parts of a date whose year is last, in four digits.
fn year_last(date: &str) -> Option<[i64; 3]> {
    let year = date.bytes().rev().take_while(u8::is_ascii_digit).count();
    if digits(date) < 3 && year == 4 { numbers(date, BETWEEN) } else { None }
}

/// Whether a text is a date whose year may be meant to be of this century, or of the last: no part of it has four digits.
pub(crate) fn has_short_year(text: &str) -> bool {
    let date = text.trim().split(['T', ' ']).next().unwrap_or_default();
    let is_date = |found: &[i64; 3]| found.iter().all(|it| *it < 100) && found[1] > 0;
    numbers(date, BETWEEN).as_ref().is_some_and(is_date)
}

/// A number of at most so many digits, and nothing else.
fn number(text: &str, most: usize) -> Option<i64> {
    let is = !text.is_empty() && text.len() <= most && text.bytes().all(|it| it.is_ascii_digit());
    if is { text.parse().ok() } else { None }
}

/// A number of exactly so many digits that does not begin with 0.
fn number_of(text: &str, length: usize) -> Option<i64> {
    if text.len() != length || text.starts_with('0') { None } else { number(text, length) }
}

/// Numbers between one and the same of some separators; a year may have four digits.
fn numbers<const COUNT: usize>(text: &str, separators: &[char]) -> Option<[i64; COUNT]> {
    let separator = text.chars().find(|letter| !letter.is_ascii_digit())?;
    if !separators.contains(&separator) {
        return None;
    }
    let mut parts = text.split(separator);
    let mut found = [0; COUNT];
    for to in &mut found {
        *to = number(parts.next()?, 4)?;
    }
    parts.next().is_none().then_some(found)
}

/// A date that a time of day, and where that is, may follow.
fn with_time(text: &str, read: impl Fn(&str) -> Option<[i64; 3]>) -> Option<Written> {
    let (day, rest) = match text.find(['T', ' ']) {
        Some(end) => (&text[..end], Some(text[end + 1..].trim())),
        None => (text, None),
    };
    let [year, month, day] = read(day)?;
    let midnight = date(year, month, day)?;
    let Some(rest) = rest else { return Some(Written { time: midnight, zone: None }) };
    let (clock, zone) = zone(rest)?;
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = number(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let (second, fraction) = match parts.next().map(|it| it.split_once('.').unwrap_or((it, "0"))) {
        Some((second, fraction)) => (number(second, 2).filter(|it| *it < 60)?, fraction),
        None => (0, "0"),
    };
    // Nothing finer than a microsecond is kept, so there is to be none.
    let finer = fraction.get(6..).unwrap_or_default();
    if parts.next().is_some()
        || !fraction.is_ascii()
        || finer.len() > 3
        || finer.bytes().any(|digit| digit != b'0')
    {
        return None;
    }
    let kept = &fraction[..fraction.len().min(6)];
    let micros = number(kept, 6)? * 10_i64.pow(6 - kept.len() as u32);
    let of_day = ((hour * 60 + minute) * 60 + second) * SECOND + micros;
    Some(Written { time: Timestamp(midnight.0 + of_day), zone })
}

/// A time of day, and the minutes ahead of UTC that follow it.
fn zone(text: &str) -> Option<(&str, Option<i64>)> {
    if text.bytes().all(|letter| letter.is_ascii_digit() || matches!(letter, b':' | b'.')) {
        return Some((text, None));
    }
    for utc in ["Z", "z", "UTC", "GMT"] {
        if let Some(clock) = text.strip_suffix(utc) {
            return Some((clock.trim_end(), Some(0)));
        }
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, None)) };
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    let (clock, ahead) = (text[..at].trim_end(), &text[at + 1..]);
    let (hours, minutes) = match (ahead.split_once(':'), ahead.len()) {
        (Some(parts), _) => parts,
        (None, 4) if ahead.is_ascii() => ahead.split_at(2),
        _ => (ahead, "0"),
    };
    let hours = number(hours, 2).filter(|hours| *hours <= 14)?;
    Some((clock, Some(sign * (hours * 60 + number(minutes, 2).filter(|it| *it < 60)?))))
}

/// Minutes ahead of UTC as text.
pub(crate) fn zone_name(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frequency;

    #[test]
    fn dates_are_read_in_their_forms() {
        use DateForm::*;
        for (form, text, shown, zone) in [
            (YearFirst, "2024-01-31", "2024-01-31 00:00:00", None),
            (YearFirst, "2024/1/3 13:05", "2024-01-03 13:05:00", None),
            (YearFirst, "2024-01-31T13:05:06.25Z", "2024-01-31 13:05:06.250000", Some(0)),
            (
                YearFirst,
                "2024-01-31 13:05:06.123456000 +02:30",
                "2024-01-31 13:05:06.123456",
                Some(150),
            ),
            (YearFirst, "2024-01-31 13:05:06-0800", "2024-01-31 13:05:06", Some(-480)),
            (Month, "1949-12", "1949-12-01 00:00:00", None),
            (Month, "3-07", "0003-07-01 00:00:00", None),
            (Quarter, "2024Q2", "2024-04-01 00:00:00", None),
            (Quarter, "2024-Q4", "2024-10-01 00:00:00", None),
            (DayFirst, "31.01.2024", "2024-01-31 00:00:00", None),
            (MonthFirst, "1/31/2024 6:00", "2024-01-31 06:00:00", None),
            (Year, "1987", "1987-01-01 00:00:00", None),
            (Compact, "20240229", "2024-02-29 00:00:00", None),
            (CompactMonth, "202402", "2024-02-01 00:00:00", None),
            (Unix, "1700000000", "2023-11-14 22:13:20", None),
            (Unix, "1700000000000000000", "2023-11-14 22:13:20", None),
        ] {
            let found = form.read(text).unwrap();
            let at = Frequency::Fixed(1).show(found.time);
            assert_eq!((&*at, found.zone), (shown, zone), "{text}");
            let first = DateForm::ALL.into_iter().find(|form| form.read(text).is_some());
            assert_eq!(first, Some(form), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "x",
            "2024-13-01",
            "2023-02-29",
            "2024-01-31 25:00",
            "2024-01-31 13:05:06.1234567",
            "2024-01-31T",
            "2024--1",
            "31/31/2024",
            "2024Q5",
            "2024-01-31 13:05+99:00",
            "1.5",
            "-",
            "٢٠٢٤-٠١-٠١",
            "2024-01-01 ü",
            "99999999999999999999",
        ] {
            let fits: Vec<_> =
                DateForm::ALL.into_iter().filter(|form| form.read(text).is_some()).collect();
            assert!(fits.is_empty(), "{text}: {fits:?}");
        }
        // Both may be meant.
        assert!(DateForm::ALL.into_iter().all(|form| form.read("31.01.24").is_none()));
        for (text, short) in
            [("31.01.24", true), ("1/2/99 13:05", true), ("24-01-31", true), ("3-07", false)]
        {
            assert_eq!(has_short_year(text), short, "{text}");
        }
        let text = "02/03/2024";
        assert!(
            DateForm::DayFirst.read(text).is_some() && DateForm::MonthFirst.read(text).is_some()
        );
        assert_eq!(zone_name(-90), "-01:30");
    }
}
