//! What the calendar says of a point in time, from -0.5 to 0.5: the features of GluonTS and neuralforecast.
//!
//! | values | features |
//! |---|---|
//! | every few seconds | second of the minute, and those below |
//! | every few minutes | minute of the hour, and those below |
//! | every few hours | hour of the day, and those below |
//! | on days, or on business days | day of the week, of the month and of the year |
//! | every few weeks | day of the month, week of the year |
//! | every few months | month of the year |
//! | once a year, or without dates | none |

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::timestamp::{DAY, SECOND};
use crate::{Frequency, Timestamp};

/// What the calendar says of a point in time, known as far ahead as anyone likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarFeature {
    /// 0 to 59.
    SecondOfMinute,
    /// 0 to 59.
    MinuteOfHour,
    /// 0 to 23.
    HourOfDay,
    /// Monday to Sunday.
    DayOfWeek,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 366.
    DayOfYear,
    /// 1 to 53, by ISO 8601.
    WeekOfYear,
    /// 1 to 12.
    MonthOfYear,
}

/// Those of values that are seconds apart; a rougher frequency has those from a later one on.
const FINE: [CalendarFeature; 6] = [
    CalendarFeature::SecondOfMinute,
    CalendarFeature::MinuteOfHour,
    CalendarFeature::HourOfDay,
    CalendarFeature::DayOfWeek,
    CalendarFeature::DayOfMonth,
    CalendarFeature::DayOfYear,
];

impl CalendarFeature {
    /// Those that differ from value to value of a frequency, or from week to week.
    pub fn of(frequency: Frequency) -> &'static [Self] {
        match frequency {
            Frequency::Steps(_) => &[],
            Frequency::Months { count, .. } if count % 12 == 0 => &[],
            Frequency::Months { .. } => &[Self::MonthOfYear],
            Frequency::BusinessDays => &FINE[3..],
            Frequency::Fixed(step) if step >= 7 * DAY => &[Self::DayOfMonth, Self::WeekOfYear],
            Frequency::Fixed(step) if step % DAY == 0 => &FINE[3..],
            Frequency::Fixed(step) if step % (3600 * SECOND) == 0 => &FINE[2..],
            Frequency::Fixed(step) if step % (60 * SECOND) == 0 => &FINE[1..],
            Frequency::Fixed(_) => &FINE,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondOfMinute => "second of minute",
            Self::MinuteOfHour => "minute of hour",
            Self::HourOfDay => "hour of day",
            Self::DayOfWeek => "day of week",
            Self::DayOfMonth => "day of month",
            Self::DayOfYear => "day of year",
            Self::WeekOfYear => "week of year",
            Self::MonthOfYear => "month of year",
        }
    }

    /// Its value, from -0.5 for the first to 0.5 for the last that there is.
    pub fn value(self, time: Timestamp) -> f64 {
        let seconds = time.time_of_day() / SECOND;
        let [_, month, day] = time.date();
        let (found, last) = match self {
            Self::SecondOfMinute => (seconds % 60, 59),
            Self::MinuteOfHour => (seconds / 60 % 60, 59),
            Self::HourOfDay => (seconds / 3600, 23),
            Self::DayOfWeek => (time.weekday(), 6),
            Self::DayOfMonth => (day - 1, 30),
            Self::DayOfYear => (day_of_year(time), 365),
            Self::WeekOfYear => (week_of_year(time), 52),
            Self::MonthOfYear => (month - 1, 11),
        };
        found as f64 / last as f64 - 0.5
    }
}

impl fmt::Display for CalendarFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Days since the first of January.
fn day_of_year(time: Timestamp) -> i64 {
    let [year, ..] = time.date();
    (time.0 - Timestamp::of_date(year, 1, 1).0).div_euclid(DAY)
}

/// Weeks since the first of the year, which is the one with its first Thursday.
fn week_of_year(time: Timestamp) -> i64 {
    let thursday = Timestamp(time.0 + (3 - time.weekday()) * DAY);
    day_of_year(thursday) / 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MonthDay;

    /// `date.isocalendar().week` and `date.timetuple().tm_yday` of Python.
    #[test]
    fn days_and_weeks_are_pythons() {
        for (date, week, day) in [
            ([2021, 1, 3], 53, 3),
            ([2021, 1, 4], 1, 4),
            ([2020, 12, 31], 53, 366),
            ([2018, 12, 31], 1, 365),
            ([2016, 2, 29], 9, 60),
            ([1969, 12, 29], 1, 363),
        ] {
            let [year, month, number] = date;
            let time = Timestamp(Timestamp::of_date(year, month, number).0 + DAY - 1);
            assert_eq!((week_of_year(time) + 1, day_of_year(time) + 1), (week, day), "{date:?}");
        }
    }

    /// `gluonts.time_feature.time_features_from_frequency_str` of each, at the same moments.
    #[test]
    fn features_are_those_of_gluonts() {
        let time = |hour: i64| Timestamp(Timestamp::of_date(2024, 12, 31).0 + hour * 3600 * SECOND);
        let monthly = Frequency::Months { count: 1, day: MonthDay::Last };
        for (frequency, hour, expected) in [
            (Frequency::YEARLY, 0, &[][..]),
            (Frequency::Steps(1), 0, &[]),
            (monthly, 0, &[0.5]),
            (Frequency::QUARTERLY, 0, &[0.5]),
            // 31 of 31; the first week of 2025.
            (Frequency::WEEKLY, 0, &[0.5, -0.5]),
            // A Tuesday.
            (Frequency::DAILY, 0, &[1.0 / 6.0 - 0.5, 0.5, 0.5]),
            (Frequency::BusinessDays, 0, &[1.0 / 6.0 - 0.5, 0.5, 0.5]),
            (Frequency::HOURLY, 6, &[6.0 / 23.0 - 0.5, 1.0 / 6.0 - 0.5, 0.5, 0.5]),
            (Frequency::Fixed(900 * SECOND), 23, &[-0.5, 0.5, 1.0 / 6.0 - 0.5, 0.5, 0.5]),
            (Frequency::Fixed(10 * SECOND), 0, &[-0.5, -0.5, -0.5, 1.0 / 6.0 - 0.5, 0.5, 0.5]),
        ] {
            let features = CalendarFeature::of(frequency);
            let found: Vec<f64> = features.iter().map(|it| it.value(time(hour))).collect();
            assert_eq!(found, expected, "{frequency}");
        }
    }
}
