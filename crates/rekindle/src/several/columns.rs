//! What columns are worth to a model, and for which of their values it errs: permutation importance, and the metric by group.

use std::collections::BTreeMap;

use rekindle_base::Random;
use rekindle_data::Sample;
use rekindle_report::{ColumnRecord, ColumnsRecord, GroupRecord, MetricUnit};
use rekindle_tables::{NumberCode, is_missing, number};
use rekindle_train::Test;

use super::{
    Example, Several, Value,
    part::{Part, Reads},
};
use crate::{Error, ModelOf, ModelTask, TestViews, measure};

/// Most rows that columns are measured on, and most columns: each takes all rows twice.
const ROWS: usize = 2000;
const COLUMNS: usize = 64;
/// Rows at once.
const BATCH: usize = 256;
/// Groups that numbers are cut into, and words that are told apart.
const CUTS: usize = 4;
const WORDS: usize = 8;
/// Rows of a group at least: fewer say little.
const LEAST: usize = 5;
/// What the order is drawn from.
const SEED: u64 = 0;

/// Rows with what is right for each.
type Rows<T> = Vec<Sample<<T as rekindle_train::Task>::Label, Example>>;

/// Measures each column of a model that begins from nothing; of others none, for each measurement runs all of its networks.
pub(super) fn measured<T: ModelTask>(
    model: &ModelOf<Several>,
    task: &T,
    val: &[Sample<T::Label, Example>],
) -> Result<Option<ColumnsRecord>, Error> {
    let parts = &model.modality().parts;
    let is_table = |part: &Part| {
        part.reads.begins().is_none() && !matches!(part.reads, Reads::Pictures { .. })
    };
    if val.is_empty() || parts.len() > COLUMNS || !parts.iter().all(is_table) {
        return Ok(None);
    }
    let step = val.len().div_ceil(ROWS);
    let rows: Rows<T> = val.iter().step_by(step).cloned().collect();
    let metric = task.monitor().metric;
    let of = |rows: Rows<T>| -> Result<f64, Error> {
        let scores = measure(model, task, Test(rows), BATCH, TestViews::One)?;
        Ok(task.values(&scores).get(&metric).unwrap_or(f64::NAN))
    };
    let whole = of(rows.clone())?;
    let mut columns = Vec::new();
    let mut ordered: Vec<&Part> = parts.iter().collect();
    ordered.sort_by_key(|part| part.place);
    for (number, part) in ordered.into_iter().enumerate() {
        let shuffled = of(shuffled::<T>(&rows, part.place, number as u64))?;
        let mut groups = Vec::new();
        for (name, places) in part.reads.numbers().map_or_else(Vec::new, |code| {
            let cells: Vec<&str> =
                rows.iter().map(|row| row.item.cell(part.place).unwrap_or_default()).collect();
            grouped(code, &cells)
        }) {
            let of_group: Rows<T> = places.iter().map(|place| rows[*place].clone()).collect();
            groups.push(GroupRecord { name, rows: places.len(), value: of(of_group)? });
        }
        columns.push(ColumnRecord { name: part.columns.join(" and "), shuffled, groups });
    }
    let unit = MetricUnit::of(&metric);
    Ok(Some(ColumnsRecord { metric, unit, rows: rows.len(), whole, columns }))
}

/// The rows, with the values at a place in another order.
fn shuffled<T: ModelTask>(rows: &Rows<T>, place: usize, number: u64) -> Rows<T> {
    let mut values: Vec<Option<Value>> =
        rows.iter().map(|row| row.item.values.get(place).cloned()).collect();
    Random::new(SEED, number, 0).shuffle(&mut values);
    let put = |(row, value): (&Sample<T::Label, Example>, Option<Value>)| {
        let mut row = row.clone();
        if let (Some(to), Some(value)) = (row.item.values.get_mut(place), value) {
            *to = value;
        }
        row
    };
    rows.iter().zip(values).map(put).collect()
}

/// Places of rows that have alike in a column, by a name.
fn grouped(code: &NumberCode, cells: &[&str]) -> Vec<(String, Vec<usize>)> {
    let mut groups = match code {
        NumberCode::Category(_) | NumberCode::YesNo { .. } => words(cells),
        NumberCode::Date(_) => Vec::new(),
        NumberCode::OneHot { .. }
        | NumberCode::Ordinal { .. }
        | NumberCode::Standardized { .. }
        | NumberCode::Binned(_) => numbers(cells),
    };
    groups.retain(|(_, places)| places.len() >= LEAST);
    groups
}

/// The most frequent words, then all others.
fn words(cells: &[&str]) -> Vec<(String, Vec<usize>)> {
    let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, cell) in cells.iter().enumerate() {
        places.entry(cell).or_default().push(place);
    }
    let mut groups: Vec<(&str, Vec<usize>)> = places.into_iter().collect();
    groups.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    let rest = groups.split_off(groups.len().min(WORDS));
    let named = |(cell, places): (&str, Vec<usize>)| match cell {
        "" => ("missing".to_owned(), places),
        cell => (cell.to_owned(), places),
    };
    let mut found: Vec<(String, Vec<usize>)> = groups.into_iter().map(named).collect();
    let rest: Vec<usize> = rest.into_iter().flat_map(|(_, places)| places).collect();
    if !rest.is_empty() {
        found.push(("others".to_owned(), rest));
    }
    found
}

/// As many of the smallest as of the next and of the largest, equal ones together; then those that are missing.
fn numbers(cells: &[&str]) -> Vec<(String, Vec<usize>)> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (place, cell) in cells.iter().enumerate() {
        match number(cell) {
            Ok(value) if !is_missing(cell) => found.push((value, place)),
            _ => missing.push(place),
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut start = 0;
    for cut in 1..=CUTS {
        let mut end = found.len() * cut / CUTS;
        while end > start && end < found.len() && found[end].0 == found[end - 1].0 {
            end += 1;
        }
        let (Some(low), Some(high)) = (found.get(start), found.get(end.wrapping_sub(1))) else {
            continue;
        };
        if end > start {
            let name = match low.0 == high.0 {
                true => low.0.to_string(),
                false => format!("{} to {}", low.0, high.0),
            };
            groups.push((name, found[start..end].iter().map(|(_, place)| *place).collect()));
            start = end;
        }
    }
    if !missing.is_empty() {
        groups.push(("missing".to_owned(), missing));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_quarters_and_words() {
        let named = |groups: Vec<(String, Vec<usize>)>| -> Vec<(String, usize)> {
            groups.into_iter().map(|(name, places)| (name, places.len())).collect()
        };
        let cells: Vec<String> = (0..40).map(|row| (row / 2).to_string()).collect();
        let mut cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        cells.extend(["", "NA"]);
        let quarters = ["0 to 4", "5 to 9", "10 to 14", "15 to 19"];
        let mut expected: Vec<(String, usize)> =
            quarters.iter().map(|name| ((*name).to_owned(), 10)).collect();
        expected.push(("missing".to_owned(), 2));
        assert_eq!(named(numbers(&cells)), expected);
        // Most of them equal: those are one group, and the others another.
        let cells: Vec<&str> = [["0"; 9].as_slice(), &["1", "2", "3"]].concat();
        let expected = [("0".to_owned(), 9), ("1 to 3".to_owned(), 3)];
        assert_eq!(named(numbers(&cells)), expected);
        let words = named(words(&["a", "b", "a", "", "a", "b"]));
        assert_eq!(words, [("a".into(), 3), ("b".into(), 2), ("missing".into(), 1)]);
    }
}
