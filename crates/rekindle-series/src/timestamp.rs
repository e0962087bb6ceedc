//! Points in time, by the proleptic Gregorian calendar.

use rekindle_base::{date_of_day, day_of_date};

/// A second, in microseconds.
pub(crate) const SECOND: i64 = 1_000_000;
/// A day, in microseconds.
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// A point in time: microseconds since 1970 where the series has dates, a number where it counts its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Midnight of a date; months and days count from 1, and the last ones of a month or a year may be passed.
    pub fn of_date(year: i64, month: i64, day: i64) -> Self {
        Self(day_of_date([year, month, day]).saturating_mul(DAY))
    }

    /// Its year, month and day.
    pub fn date(self) -> [i64; 3] {
        date_of_day(self.0.div_euclid(DAY))
    }

    /// Microseconds since midnight.
    pub fn time_of_day(self) -> i64 {
        self.0.rem_euclid(DAY)
    }

    /// The day of the week, Monday being 0.
    pub fn weekday(self) -> i64 {
        (self.0.div_euclid(DAY) + 3).rem_euclid(7)
    }

    /// Months since the year 0.
    pub(crate) fn months(self) -> i64 {
        let [year, month, _] = self.date();
        year * 12 + month - 1
    }

    /// Whether it is the last day of its month.
    pub(crate) fn is_month_end(self) -> bool {
        Self(self.0.saturating_add(DAY)).date()[2] == 1
    }

    /// A day of the month so many months later, or its last where it has no such day, at the same time.
    pub(crate) fn after_months(self, months: i64, day: i64) -> Self {
        let [year, month, _] = self.date();
        let month = month.saturating_add(months).clamp(-FAR, FAR);
        let date = Self::of_date(year, month, day.min(month_length(year, month)));
        Self(date.0.saturating_add(self.time_of_day()))
    }
}

/// Months that are within what microseconds can count.
const FAR: i64 = 3_000_000;

fn month_length(year: i64, month: i64) -> i64 {
    day_of_date([year, month + 1, 1]) - day_of_date([year, month, 1])
}

/// Whether there is such a day.
pub(crate) fn is_date(year: i64, month: i64, day: i64) -> bool {
    (1..=12).contains(&month) && day >= 1 && (day <= 28 || day <= month_length(year, month))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `datetime.date(y, m, d).weekday()` of Python.
    #[test]
    fn days_are_pythons() {
        for (date, weekday) in [([1970, 1, 1], 3), ([1969, 12, 31], 2), ([2021, 5, 18], 1)] {
            let [year, month, day] = date;
            let found = Timestamp::of_date(year, month, day);
            assert_eq!(Timestamp(found.0 + DAY - 1).date(), date);
            assert_eq!(found.weekday(), weekday, "{date:?}");
        }
        for (date, right) in [
            ([2023, 2, 29], false),
            ([2024, 2, 29], true),
            ([2024, 13, 1], false),
            ([1, 4, 31], false),
        ] {
            assert_eq!(is_date(date[0], date[1], date[2]), right, "{date:?}");
        }
    }

    #[test]
    fn months_are_as_long_as_they_are() {
        for (start, months, day, end) in [
            ([2024, 1, 31], 1, 31, [2024, 2, 29]),
            ([2024, 2, 29], 12, 29, [2025, 2, 28]),
            ([2024, 2, 29], 1, 31, [2024, 3, 31]),
            ([2023, 11, 30], 3, 30, [2024, 2, 29]),
            ([2020, 3, 15], -3, 15, [2019, 12, 15]),
        ] {
            let at = Timestamp(Timestamp::of_date(start[0], start[1], start[2]).0 + 5);
            let found = at.after_months(months, day);
            assert_eq!((found.date(), found.time_of_day()), (end, 5), "{start:?}");
        }
    }
}
