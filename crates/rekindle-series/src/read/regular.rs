//! From rows of a series to its values at equal steps.

use crate::finding::{Finding, FindingKind, Found};
use crate::panel::MAX_POINTS;
use crate::read::column::{Cell, short};
use crate::{Duplicates, Fill, Frequency, ReadConfig, Timestamp};

/// A row of a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) time: Timestamp,
    pub(super) value: Cell,
    pub(super) row: u64,
}

/// What is wrong with the rows of all series, kind by kind.
#[derive(Debug, Default)]
pub(super) struct Problems {
    gaps: Found,
    duplicates: Found,
    unsorted: Found,
    mixed: Found,
    between: Found,
    unusable: Found,
    missing: Found,
    no_numbers: Found,
    one_point: Found,
    constant: Found,
}

impl Problems {
    /// All that was found.
    pub(super) fn findings(self, config: &ReadConfig) -> Vec<Finding> {
        let kept = config.fill == Fill::Refuse;
        let fill = match config.fill {
            Fill::Refuse => "fill them if that is right, or leave the series out",
            Fill::Previous => "filled with the value before",
            Fill::Linear => "filled straight between their neighbours",
            Fill::Zero => "filled with zero",
        };
        let doubled = match config.duplicates {
            Duplicates::Refuse => "say which counts, or remove them",
            Duplicates::First => "the first counts",
            Duplicates::Last => "the last counts",
            Duplicates::Mean => "their mean counts",
            Duplicates::Sum => "their sum counts",
        };
        let twice = config.duplicates == Duplicates::Refuse;
        [
            self.no_numbers.finding(FindingKind::NotNumbers, true, |count, examples| {
                format!("{count} values are no finite numbers: {examples}; correct them, or empty them")
            }),
            self.duplicates.finding(FindingKind::Duplicates, twice, |count, examples| {
                format!("{count} rows are of a series and a time that another is of: {examples}; {doubled}")
            }),
            self.mixed.finding(FindingKind::MixedFrequencies, true, |count, examples| {
                format!("{count} series are of another frequency than most: {examples}; give each frequency a file")
            }),
            self.between.finding(FindingKind::BetweenSteps, true, |count, examples| {
                format!("{count} rows lie between two steps: {examples}; correct them, or sum them up to steps")
            }),
            self.unusable.finding(FindingKind::Unusable, true, |count, examples| {
                format!("{count} series are unusable: {examples}; leave them out, or correct them")
            }),
            self.gaps.finding(FindingKind::Gaps, kept, |count, examples| {
                format!("{count} steps have no row: {examples}; {fill}")
            }),
            self.missing.finding(FindingKind::Missing, kept, |count, examples| {
                format!("{count} values are missing: {examples}; {fill}")
            }),
            self.unsorted.finding(FindingKind::Unsorted, false, |count, examples| {
                format!("{count} rows are earlier than the one before them: {examples}; they are put in order")
            }),
            self.one_point.finding(FindingKind::OnePoint, false, |count, examples| {
                format!("{count} series have one point: {examples}; only the last value can be repeated")
            }),
            self.constant.finding(FindingKind::Constant, false, |count, examples| {
                format!("{count} series never change: {examples}; their scaled errors are not defined")
            }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether values can be made of rows in which these are all that was found.
    pub(super) fn is_refused(&self, config: &ReadConfig) -> bool {
        let kept = config.fill == Fill::Refuse;
        let twice = config.duplicates == crate::Duplicates::Refuse;
        !self.no_numbers.is_empty()
            || !self.mixed.is_empty()
            || !self.between.is_empty()
            || !self.unusable.is_empty()
            || (kept && !(self.gaps.is_empty() && self.missing.is_empty()))
            || (twice && !self.duplicates.is_empty())
    }

    /// Puts the rows of a series in order, and says which were not, and which are doubled.
    pub(super) fn sort(&mut self, rows: &mut Vec<Row>, numbered: bool, duplicates: Duplicates) {
        for pair in rows.windows(2) {
            if pair[1].time < pair[0].time {
                let (row, before) = (pair[1].row, pair[0].row);
                self.unsorted.add(row, || format!("row {row} (after row {before})"));
            }
        }
        rows.sort_by_key(|row| row.time);
        for pair in rows.windows(2) {
            if pair[1].time == pair[0].time {
                let frequency = if numbered { Frequency::Steps(1) } else { Frequency::Fixed(1) };
                let (first, row) = (pair[0].row, pair[1].row);
                let time = pair[1].time;
                let time = || frequency.show(time).trim_end_matches(" 00:00:00").to_owned();
                self.duplicates.add(row, || format!("row {row} ({}, as row {first})", time()));
            }
        }
        if rows.windows(2).any(|pair| pair[0].time == pair[1].time) {
            let groups = rows.chunk_by(|one, other| one.time == other.time);
            *rows = groups.map(|group| joined(group, duplicates)).collect();
        }
    }

    /// The frequency of a series, of which the rows are in order.
    pub(super) fn frequency(rows: &[Row], numbered: bool) -> Option<Frequency> {
        let times: Vec<Timestamp> = rows.iter().map(|row| row.time).collect();
        match numbered {
            true => Frequency::of_numbers(&times),
            false => Frequency::of_dates(&times),
        }
    }

    /// Says that a series is of another frequency than most.
    pub(super) fn mixed(&mut self, id: &str, row: u64, found: Frequency, most: Frequency) {
        self.mixed.add(row, || format!("{} is {found}, not {most}, from row {row}", short(id)));
    }

    /// The values of a series at equal steps, and where they begin.
    pub(super) fn values(
        &mut self,
        id: &str,
        rows: &[Row],
        frequency: Frequency,
        fill: Fill,
    ) -> Option<(Timestamp, Vec<f64>)> {
        let start = rows.first()?.time;
        let mut values = Vec::with_capacity(rows.len());
        let mut before = rows.first()?.row;
        for row in rows {
            let Some(steps) = frequency.steps(start, row.time) else {
                let number = row.row;
                self.between.add(number, || {
                    format!("row {number} ({})", Frequency::Fixed(1).show(row.time))
                });
                continue;
            };
            let place = usize::try_from(steps).ok()?;
            let missing = place.saturating_sub(values.len());
            if missing > 0 {
                let first = frequency.show(frequency.after(start, values.len() as i64));
                self.gaps.add_many(missing, before, || {
                    format!("{missing} of {} after row {before}, from {first}", short(id))
                });
                // What would take more memory than any panel may is not filled.
                if values.len().saturating_add(missing) > MAX_POINTS {
                    self.unusable(
                        id,
                        before,
                        &format!("more than the limit of {MAX_POINTS} points"),
                    );
                    return None;
                }
                values.resize(place, f64::NAN);
            }
            values.push(self.value(id, row));
            before = row.row;
        }
        self.judge(id, rows, &values);
        fill_in(&mut values, fill);
        let Some(first) = values.iter().position(|value| !value.is_nan()) else {
            self.unusable(id, before, "no value");
            return None;
        };
        values.drain(..first);
        Some((frequency.after(start, first as i64), values))
    }

    /// Says why no values can be made of a series.
    pub(super) fn unusable(&mut self, id: &str, row: u64, why: &str) {
        self.unusable.add(row, || format!("{} at row {row} ({why})", short(id)));
    }

    /// Whether the rows of a series are at a frequency, without gaps.
    pub(super) fn fits(rows: &[Row], frequency: Frequency) -> bool {
        let Some(start) = rows.first().map(|row| row.time) else { return true };
        let at = |(step, row): (usize, &Row)| {
            frequency.steps(start, row.time) == i64::try_from(step).ok()
        };
        rows.iter().enumerate().all(at)
    }

    /// A value, or NaN where there is none.
    pub(super) fn value(&mut self, id: &str, row: &Row) -> f64 {
        let number = row.row;
        match row.value {
            Cell::Value(value) => return value,
            Cell::Missing => self.missing.add(number, || format!("row {number} of {}", short(id))),
            Cell::NoNumber => {
                self.no_numbers.add(number, || format!("row {number} of {}", short(id)));
            }
        }
        f64::NAN
    }

    /// Says what is odd about a series as a whole.
    pub(super) fn judge(&mut self, id: &str, rows: &[Row], values: &[f64]) {
        let row = rows.first().map_or(0, |row| row.row);
        self.judge_at(id, row, values);
    }

    /// The same, of values that stand in one row.
    pub(super) fn judge_at(&mut self, id: &str, row: u64, values: &[f64]) {
        let mut known = values.iter().filter(|value| !value.is_nan());
        let example = || format!("{} at row {row}", short(id));
        match (known.next(), known.next()) {
            (Some(_), None) => self.one_point.add(row, example),
            (Some(first), Some(second)) if first == second && known.all(|it| it == first) => {
                self.constant.add(row, example);
            }
            _ => {}
        }
    }

    /// Says that values of a series that stands in one row are missing.
    pub(super) fn missing_in(&mut self, id: &str, row: u64, count: usize, first: usize) {
        self.missing.add_many(count, row, || {
            format!("{count} of {} in row {row}, the first its value {first}", short(id))
        });
    }
}

/// Rows of the same time as one.
fn joined(rows: &[Row], duplicates: Duplicates) -> Row {
    let (first, last) = (rows[0], rows[rows.len() - 1]);
    let values = rows.iter().filter_map(|row| match row.value {
        Cell::Value(value) => Some(value),
        _ => None,
    });
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), it| (sum + it, count + 1));
    let of = |value| match count {
        0 => first,
        _ => Row { value: Cell::Value(value), ..first },
    };
    match duplicates {
        Duplicates::Refuse | Duplicates::First => first,
        Duplicates::Last => last,
        Duplicates::Mean => of(sum / count.max(1) as f64),
        Duplicates::Sum => of(sum),
    }
}

/// Replaces NaN but for those before the first value.
pub(super) fn fill_in(values: &mut [f64], fill: Fill) {
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
}
