//! From rows of a series to its values at equal steps.

use super::column::{Cell, short};
use super::problems::Problems;
use super::{Duplicates, Fill};
use crate::finding::FindingKind;
use crate::panel::MAX_POINTS;
use crate::{Frequency, Timestamp};

/// A row of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) time: Timestamp,
    pub(super) value: Cell,
    pub(super) row: u64,
}

impl Problems {
    /// Puts the rows of a series in order, and says which were not, and which are doubled.
    pub(super) fn sort(&mut self, rows: &mut Vec<Row>, numbered: bool) {
        for pair in rows.windows(2) {
            if pair[1].time < pair[0].time {
                let (row, before) = (pair[1].row, pair[0].row);
                let example = || format!("row {row} (after row {before})");
                self.add(FindingKind::Unsorted, 1, row, example);
            }
        }
        rows.sort_by_key(|row| row.time);
        let mut doubled = false;
        for pair in rows.windows(2) {
            if pair[1].time == pair[0].time {
                doubled = true;
                let frequency = if numbered { Frequency::Steps(1) } else { Frequency::Fixed(1) };
                let (first, row) = (pair[0].row, pair[1].row);
                let time = pair[1].time;
                let time = || frequency.show(time).trim_end_matches(" 00:00:00").to_owned();
                let example = || format!("row {row} ({}, as row {first})", time());
                self.add(FindingKind::Duplicates, 1, row, example);
            }
        }
        if doubled {
            let groups = rows.chunk_by(|one, other| one.time == other.time);
            *rows = groups.map(|group| joined(group, self.duplicates)).collect();
        }
    }

    /// Says that a series is of another frequency than most.
    pub(super) fn mixed(&mut self, id: &str, row: u64, found: Frequency, most: Frequency) {
        let example = || format!("{} is {found}, not {most}, from row {row}", short(id));
        self.add(FindingKind::MixedFrequencies, 1, row, example);
    }

    /// The values of a series at equal steps, NaN where none is, as long as nothing was found that refuses them.
    pub(super) fn values(
        &mut self,
        id: &str,
        rows: &[Row],
        frequency: Frequency,
    ) -> Option<Vec<f64>> {
        let start = rows.first()?.time;
        let mut values = Vec::with_capacity(rows.len());
        let (mut before, mut next) = (rows.first()?.row, 0_usize);
        for row in rows {
            let number = row.row;
            let Some(steps) = frequency.steps(start, row.time) else {
                let example = || format!("row {number} ({})", Frequency::Fixed(1).show(row.time));
                self.add(FindingKind::BetweenSteps, 1, number, example);
                continue;
            };
            let place = usize::try_from(steps).ok()?;
            let missing = place.saturating_sub(next);
            if missing > 0 {
                let first = frequency.show(frequency.after(start, next as i64));
                let example =
                    || format!("{missing} of {} after row {before}, from {first}", short(id));
                self.add(FindingKind::Gaps, missing, before, example);
                // What would take more memory than any panel may is not filled, and what is refused takes none.
                if place > MAX_POINTS {
                    let why = format!("more than the limit of {MAX_POINTS} points");
                    self.unusable(id, before, &why);
                    return None;
                }
                if self.fill != Fill::Refuse {
                    values.resize(place, f64::NAN);
                }
            }
            values.push(self.value(id, row));
            (before, next) = (number, place + 1);
        }
        Some(values)
    }

    /// Fills values up to those of a series, without those that are missing before its first; how many those are.
    pub(super) fn filled(&mut self, id: &str, row: u64, values: &mut Vec<f64>) -> Option<usize> {
        self.judge(id, row, values);
        fill_in(values, self.fill);
        let first = values.iter().position(|value| !value.is_nan());
        if first.is_none() {
            self.unusable(id, row, "no value");
        }
        values.drain(..first?);
        first
    }

    /// Says why no values can be made of a series.
    pub(super) fn unusable(&mut self, id: &str, row: u64, why: &str) {
        let example = || format!("{} at row {row} ({why})", short(id));
        self.add(FindingKind::Unusable, 1, row, example);
    }

    /// A value, or NaN where there is none.
    pub(super) fn value(&mut self, id: &str, row: &Row) -> f64 {
        let number = row.row;
        let kind = match row.value {
            Cell::Value(value) => return value,
            Cell::Missing => FindingKind::Missing,
            Cell::NoNumber => FindingKind::NotNumbers,
        };
        self.add(kind, 1, number, || format!("row {number} of {}", short(id)));
        f64::NAN
    }

    /// Says what is odd about a series as a whole.
    fn judge(&mut self, id: &str, row: u64, values: &[f64]) {
        let mut known = values.iter().filter(|value| !value.is_nan());
        let kind = match (known.next(), known.next()) {
            (Some(_), None) => FindingKind::OnePoint,
            (Some(first), Some(second)) if first == second && known.all(|it| it == first) => {
                FindingKind::Constant
            }
            _ => return,
        };
        self.add(kind, 1, row, || format!("{} at row {row}", short(id)));
    }
}

/// Whether the rows of a series are at a frequency, without gaps.
pub(super) fn fits(rows: &[Row], frequency: Frequency) -> bool {
    let times = rows.iter().map(|row| row.time);
    are_steps(times, frequency)
}

/// Whether times follow each other at a frequency, without gaps.
pub(super) fn are_steps(
    times: impl Iterator<Item = Timestamp> + Clone,
    frequency: Frequency,
) -> bool {
    let Some(start) = times.clone().next() else { return true };
    (0..).zip(times).all(|(step, time)| frequency.steps(start, time) == Some(step))
}

/// Rows of the same time as one. What is no number stays so, whatever it would be added to.
fn joined(rows: &[Row], duplicates: Duplicates) -> Row {
    let (first, last) = (rows[0], rows[rows.len() - 1]);
    let values = rows.iter().filter_map(|row| match row.value {
        Cell::Value(value) => Some(value),
        _ => None,
    });
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), it| (sum + it, count + 1));
    let of = |value| match rows.iter().find(|row| row.value == Cell::NoNumber) {
        Some(wrong) => *wrong,
        None if count == 0 => first,
        None => Row { value: Cell::Value(value), ..first },
    };
    match duplicates {
        Duplicates::Refuse | Duplicates::First => first,
        Duplicates::Last => last,
        Duplicates::Mean => of(sum / count.max(1) as f64),
        Duplicates::Sum => of(sum),
    }
}

/// Replaces NaN but for those before the first value.
fn fill_in(values: &mut [f64], fill: Fill) {
    let mut last: Option<usize> = None;
    for place in 0..values.len() {
        if !values[place].is_nan() {
            if let (Fill::Linear, Some(last)) = (fill, last) {
                let (from, to) = (values[last], values[place]);
                let steps = (place - last) as f64;
                for (step, between) in (1..).zip(&mut values[last + 1..place]) {
                    *between = from + (to - from) * (f64::from(step) / steps);
                }
            }
            last = Some(place);
        } else if fill == Fill::Zero {
            values[place] = 0.0;
        } else if let Some(last) = last
            && fill != Fill::Refuse
        {
            values[place] = values[last];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadConfig;

    #[test]
    fn gaps_are_filled_as_asked() {
        let gaps = [f64::NAN, 1.0, f64::NAN, f64::NAN, 4.0, f64::NAN];
        for (fill, expected) in [
            (Fill::Previous, [1.0, 1.0, 1.0, 4.0, 4.0]),
            (Fill::Linear, [1.0, 2.0, 3.0, 4.0, 4.0]),
            (Fill::Zero, [1.0, 0.0, 0.0, 4.0, 0.0]),
        ] {
            let mut values = gaps;
            fill_in(&mut values, fill);
            assert_eq!(values[1..], expected, "{fill:?}");
        }
        let mut kept = gaps;
        fill_in(&mut kept, Fill::Refuse);
        assert_eq!(kept.iter().filter(|value| value.is_nan()).count(), 4);
    }

    /// Seven years of minutes, of which four rows are there.
    #[test]
    fn what_is_refused_takes_no_memory() {
        let row = |(row, time): (u64, i64)| Row {
            time: Timestamp(time * 60_000_000),
            value: Cell::Value(1.0),
            row,
        };
        let rows: Vec<Row> = (2..).zip([0, 1, 2, 4_000_000]).map(row).collect();
        let frequency = Frequency::Fixed(60_000_000);
        for (fill, points) in [(Fill::Refuse, 4), (Fill::Zero, 4_000_001)] {
            let mut problems = Problems::new(&ReadConfig { fill, ..ReadConfig::default() });
            let values = problems.values("y", &rows, frequency).unwrap();
            assert_eq!(values.len(), points);
            assert!(values.capacity() < 2 * points, "{}", values.capacity());
            assert_eq!(problems.is_refused(), fill == Fill::Refuse);
            let findings = problems.findings();
            assert_eq!((findings[0].kind, findings[0].count), (FindingKind::Gaps, 3_999_997));
        }
    }
}
