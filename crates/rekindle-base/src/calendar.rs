//! Days of the proleptic Gregorian calendar, counted from 1970-01-01.
//!
//! Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that a leap day ends one, and 400 of
//! them are an era of 146,097 days.

const DAYS_OF_ERA: i64 = 146_097;
/// From the first of March of the year 0 to 1970.
const DAYS_BEFORE_1970: i64 = 719_468;

/// The day of a date; months and days count from 1, and the last ones of a year or a month may be passed.
///
/// # Panics
///
/// In debug builds, where the day is further from 1970 than an `i64` counts.
pub fn day_of_date([year, month, day]: [i64; 3]) -> i64 {
    let months = month - 1;
    let (year, month) = (year + months.div_euclid(12), months.rem_euclid(12));
    // March is 0.
    let year = if month < 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * DAYS_OF_ERA + days - DAYS_BEFORE_1970
}

/// The year, month and day of a day.
pub fn date_of_day(day: i64) -> [i64; 3] {
    let days = day.saturating_add(DAYS_BEFORE_1970);
    let (era, of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    [year + era * 400 + i64::from(month <= 2), month, day]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(datetime.date(y, m, d) - datetime.date(1970, 1, 1)).days` of Python.
    #[test]
    fn days_are_pythons() {
        for (date, day) in [
            ([1970, 1, 1], 0),
            ([1969, 12, 31], -1),
            ([2000, 2, 29], 11_016),
            ([1900, 3, 1], -25_508),
            ([2021, 5, 18], 18_765),
            ([1, 1, 1], -719_162),
            ([9999, 12, 31], 2_932_896),
        ] {
            assert_eq!((day_of_date(date), date_of_day(day)), (day, date));
        }
        assert_eq!(day_of_date([2023, 14, 29]), day_of_date([2024, 2, 29]));
        assert_eq!(day_of_date([2023, 0, 32]), day_of_date([2023, 1, 1]));
    }
}
