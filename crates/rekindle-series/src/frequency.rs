//! How far apart the values of a series are, and how many of them make a season.
//!
//! | found of | is |
//! |---|---|
//! | numbers | [`Steps`](Frequency::Steps) |
//! | the same day of months, or their last days | [`Months`](Frequency::Months) |
//! | days, never a Saturday or a Sunday | [`BusinessDays`](Frequency::BusinessDays) |
//! | anything else | [`Fixed`](Frequency::Fixed), the most frequent distance |

use std::collections::BTreeMap;
use std::fmt;

use crate::Timestamp;
use crate::timestamp::{DAY, SECOND};

/// How far apart the values of a series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frequency {
    /// Numbers so far apart; there are no dates.
    Steps(i64),
    /// Microseconds.
    Fixed(i64),
    /// Monday to Friday.
    BusinessDays,
    /// Months.
    Months {
        /// How many.
        count: i64,
        /// On which of their days.
        day: MonthDay,
    },
}

/// A day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonthDay {
    /// The one of the series' start, which every month has.
    Same,
    /// This one, or the last of months that have no such day: the 29th, the 30th or the 31st.
    On(i64),
    /// The last.
    Last,
}

/// Days that all are of Monday to Friday by chance are fewer than these.
const LEAST_BUSINESS_DAYS: usize = 8;

/// Frequencies by name, with the number of values of their season: as in the M4 competition, but for days and weeks.
const NAMED: [(Frequency, &str, &[usize]); 11] = [
    (Frequency::Fixed(SECOND), "every second", &[60]),
    (Frequency::Fixed(60 * SECOND), "every minute", &[1440, 60]),
    (Frequency::Fixed(900 * SECOND), "every 15 minutes", &[96]),
    (Frequency::Fixed(1800 * SECOND), "every 30 minutes", &[48]),
    (Frequency::HOURLY, "hourly", &[24]),
    (Frequency::DAILY, "daily", &[7]),
    (Frequency::BusinessDays, "on business days", &[5]),
    (Frequency::WEEKLY, "weekly", &[52]),
    (Frequency::MONTHLY, "monthly", &[12]),
    (Frequency::QUARTERLY, "quarterly", &[4]),
    (Frequency::YEARLY, "yearly", &[1]),
];

impl Frequency {
    /// An hour.
    pub const HOURLY: Self = Self::Fixed(3600 * SECOND);
    /// A day.
    pub const DAILY: Self = Self::Fixed(DAY);
    /// Seven days.
    pub const WEEKLY: Self = Self::Fixed(7 * DAY);
    /// A month.
    pub const MONTHLY: Self = Self::Months { count: 1, day: MonthDay::Same };
    /// Three months.
    pub const QUARTERLY: Self = Self::Months { count: 3, day: MonthDay::Same };
    /// Twelve months.
    pub const YEARLY: Self = Self::Months { count: 12, day: MonthDay::Same };

    /// The frequency of numbers that increase: their most frequent distance.
    pub(crate) fn of_numbers(times: &[Timestamp]) -> Option<Self> {
        mode(times.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0))).map(Self::Steps)
    }

    /// The frequency of dates that increase: none of fewer than two.
    pub fn of_dates(times: &[Timestamp]) -> Option<Self> {
        let first = times.first()?;
        let at_one_time = times.iter().all(|time| time.time_of_day() == first.time_of_day());
        if at_one_time && let Some(day) = month_day(times) {
            let months = times.windows(2).map(|pair| pair[1].months() - pair[0].months());
            if let Some(count) = mode(months).filter(|count| *count > 0) {
                return Some(Self::Months { count, day });
            }
        }
        let found = mode(times.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0)))?;
        let is_business = at_one_time
            && found == DAY
            && times.len() >= LEAST_BUSINESS_DAYS
            && times.iter().all(|time| time.weekday() < 5);
        Some(if is_business { Self::BusinessDays } else { Self::Fixed(found) })
    }

    /// So many steps after a point in time.
    pub fn after(self, start: Timestamp, steps: i64) -> Timestamp {
        let by = |step: i64| Timestamp(start.0.saturating_add(step.saturating_mul(steps)));
        match self {
            Self::Steps(step) | Self::Fixed(step) => by(step),
            Self::Months { count, day } => {
                let day = match day {
                    MonthDay::Same => start.date()[2],
                    MonthDay::On(day) => day,
                    MonthDay::Last => 31,
                };
                start.after_months(count.saturating_mul(steps), day)
            }
            Self::BusinessDays => {
                // A start on a weekend, which no series has, is as the Friday before it.
                let weekday = start.weekday().min(4);
                let monday = start.0.saturating_sub(start.weekday().saturating_mul(DAY));
                let days = weekday.saturating_add(steps);
                let passed =
                    days.div_euclid(5).saturating_mul(7).saturating_add(days.rem_euclid(5));
                Timestamp(monday.saturating_add(passed.saturating_mul(DAY)))
            }
        }
    }

    /// How many steps after a start a later point in time is, if it is a whole number of them.
    pub fn steps(self, start: Timestamp, time: Timestamp) -> Option<i64> {
        let steps = match self {
            Self::Steps(step) | Self::Fixed(step) => (time.0.checked_sub(start.0)?) / step.max(1),
            Self::Months { count, .. } => (time.months() - start.months()) / count.max(1),
            Self::BusinessDays => {
                let days = time.0.div_euclid(DAY) - start.0.div_euclid(DAY);
                let weeks = (days + start.weekday() - time.weekday()) / 7;
                weeks * 5 + time.weekday() - start.weekday()
            }
        };
        (self.after(start, steps) == time).then_some(steps)
    }

    /// How many values the seasons that such series may have are long, the most usual one first; 1 is none.
    pub fn seasons(self) -> &'static [usize] {
        let is = |(other, ..): &&(Self, &str, &[usize])| *other == self.plain();
        NAMED.iter().find(is).map_or(&[1], |(.., seasons)| seasons)
    }

    /// Whether series of this frequency have its season whatever their values say: of days and weeks, many have none.
    pub fn is_seasonal(self) -> bool {
        let often = [Self::DAILY, Self::WEEKLY, Self::BusinessDays, Self::YEARLY];
        self.seasons() != [1] && !often.contains(&self.plain())
    }

    /// A point in time as text: a number, a date, or a date and a time.
    pub fn show(self, time: Timestamp) -> String {
        if let Self::Steps(_) = self {
            return time.0.to_string();
        }
        let [year, month, day] = time.date();
        let date = format!("{year:04}-{month:02}-{day:02}");
        let of_day = time.time_of_day();
        let is_date = match self {
            Self::Fixed(step) => step % DAY == 0,
            _ => true,
        };
        if is_date && of_day == 0 {
            return date;
        }
        let (seconds, rest) = (of_day / SECOND, of_day % SECOND);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let fraction = if rest == 0 { String::new() } else { format!(".{rest:06}") };
        format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}")
    }

    /// The same without the day of a month.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Months { count, .. } => Self::Months { count, day: MonthDay::Same },
            other => other,
        }
    }

    /// The same with the day of its start, which a start in a shorter month would not tell.
    pub(crate) fn anchored(self, start: Timestamp) -> Self {
        match (self, start.date()[2]) {
            (Self::Months { count, day: MonthDay::Same }, day) if day > 28 => {
                Self::Months { count, day: MonthDay::On(day) }
            }
            _ => self,
        }
    }

    /// The same on the day of the month that a series of its own frequency is on, which begins at `start`.
    pub(crate) fn on_day_of(self, own: Option<Self>, start: Timestamp) -> Self {
        match (self, own) {
            (Self::Months { count, .. }, Some(Self::Months { day, .. })) => {
                Self::Months { count, day }
            }
            (Self::Months { .. }, _) => self.plain().anchored(start),
            _ => self,
        }
    }
}

/// As a line that says what was found: `hourly`, `every 3 days`, `monthly, on the last day`.
impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        match NAMED.iter().find(|(other, ..)| *other == plain) {
            Some((_, name, _)) => f.write_str(name)?,
            None => match plain {
                Self::Steps(1) => f.write_str("numbered")?,
                Self::Steps(step) => write!(f, "numbered in steps of {step}")?,
                Self::Months { count, .. } => write!(f, "every {count} months")?,
                Self::Fixed(step) if step % DAY == 0 => write!(f, "every {} days", step / DAY)?,
                Self::Fixed(step) => write!(f, "every {} seconds", step as f64 / SECOND as f64)?,
                Self::BusinessDays => f.write_str("on business days")?,
            },
        }
        match self {
            Self::Months { day: MonthDay::Last, .. } => f.write_str(", on the last day"),
            Self::Months { day: MonthDay::On(day), .. } => {
                write!(f, ", on day {day} or the last")
            }
            _ => Ok(()),
        }
    }
}

/// On which day of months all of these are, if on one: the last, before the same.
fn month_day(times: &[Timestamp]) -> Option<MonthDay> {
    if times.windows(2).any(|pair| pair[0].months() == pair[1].months()) {
        return None;
    }
    if times.iter().all(|time| time.is_month_end()) {
        return Some(MonthDay::Last);
    }
    // The last of February stands for the 30th.
    let day = times.iter().map(|time| time.date()[2]).max()?;
    let same = |time: &Timestamp| time.date()[2] == day || (day > 28 && time.is_month_end());
    let kind = if day > 28 { MonthDay::On(day) } else { MonthDay::Same };
    times.iter().all(same).then_some(kind)
}

/// The most frequent of some distances above 0, the smallest of several.
fn mode(distances: impl Iterator<Item = i64>) -> Option<i64> {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    distances.filter(|distance| *distance > 0).for_each(|it| *counts.entry(it).or_default() += 1);
    counts.into_iter().max_by_key(|(distance, count)| (*count, -distance)).map(|(it, _)| it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(text: &[(i64, i64, i64)]) -> Vec<Timestamp> {
        text.iter().map(|&(year, month, day)| Timestamp::of_date(year, month, day)).collect()
    }

    #[test]
    fn frequencies_are_found_and_count_their_steps() {
        let hours: Vec<Timestamp> = (0..30).map(|hour| Timestamp(hour * 3600 * SECOND)).collect();
        let monday = Timestamp::of_date(2024, 1, 1);
        let business: Vec<Timestamp> =
            (0..20).map(|step| Frequency::BusinessDays.after(monday, step)).collect();
        for (times, expected, shown, next) in [
            (hours, Frequency::HOURLY, "hourly", "1970-01-02 06:00:00"),
            (business, Frequency::BusinessDays, "on business days", "2024-01-29"),
            (
                dates(&[(2024, 1, 1), (2024, 2, 1), (2024, 3, 1)]),
                Frequency::MONTHLY,
                "monthly",
                "2024-04-01",
            ),
            (
                dates(&[(2023, 12, 31), (2024, 1, 31), (2024, 2, 29), (2024, 3, 31)]),
                Frequency::Months { count: 1, day: MonthDay::Last },
                "monthly, on the last day",
                "2024-04-30",
            ),
            (
                dates(&[(2024, 3, 31), (2024, 6, 30), (2024, 9, 30)]),
                Frequency::Months { count: 3, day: MonthDay::Last },
                "quarterly, on the last day",
                "2024-12-31",
            ),
            (
                dates(&[(2023, 2, 28), (2023, 3, 30), (2023, 4, 30)]),
                Frequency::Months { count: 1, day: MonthDay::On(30) },
                "monthly, on day 30 or the last",
                "2023-05-30",
            ),
            (
                dates(&[(2023, 12, 29), (2024, 1, 29), (2024, 2, 29)]),
                Frequency::Months { count: 1, day: MonthDay::On(29) },
                "monthly, on day 29 or the last",
                "2024-03-29",
            ),
            (
                dates(&[(1990, 1, 1), (1991, 1, 1), (1992, 1, 1)]),
                Frequency::YEARLY,
                "yearly",
                "1993-01-01",
            ),
            (
                dates(&[(2024, 2, 26), (2024, 3, 4), (2024, 3, 11)]),
                Frequency::WEEKLY,
                "weekly",
                "2024-03-18",
            ),
            (
                dates(&[(2024, 2, 27), (2024, 2, 28), (2024, 2, 29), (2024, 3, 1)]),
                Frequency::DAILY,
                "daily",
                "2024-03-02",
            ),
        ] {
            let found = Frequency::of_dates(&times).unwrap();
            assert_eq!((found, &*found.to_string()), (expected, shown));
            for (steps, time) in times.iter().enumerate() {
                assert_eq!(found.steps(times[0], *time), Some(steps as i64), "{shown}, {steps}");
            }
            assert_eq!(found.show(found.after(times[0], times.len() as i64)), next);
            let between = Timestamp(times[1].0 - 7);
            assert_eq!(found.steps(times[0], between), None, "{shown}");
        }
    }

    #[test]
    fn gaps_do_not_hide_a_frequency() {
        let times = dates(&[(2024, 1, 1), (2024, 1, 2), (2024, 1, 3), (2024, 1, 9)]);
        assert_eq!(Frequency::of_dates(&times), Some(Frequency::DAILY));
        let numbers = [1, 2, 3, 7, 8].map(Timestamp);
        assert_eq!(Frequency::of_numbers(&numbers), Some(Frequency::Steps(1)));
        assert_eq!(Frequency::of_dates(&times[..1]), None);
        assert_eq!(Frequency::Steps(1).show(Timestamp(9)), "9");
        for (frequency, seasons, always) in [
            (Frequency::HOURLY, &[24][..], true),
            (Frequency::DAILY, &[7], false),
            (Frequency::Months { count: 1, day: MonthDay::Last }, &[12], true),
            (Frequency::YEARLY, &[1], false),
            (Frequency::Steps(1), &[1], false),
        ] {
            assert_eq!((frequency.seasons(), frequency.is_seasonal()), (seasons, always));
        }
    }
}
