//! The lists that rows are read of: files of columns, or documents, whose columns their place gives them.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use rekindle_data::{
    DataConfig, Error as DataError, Gathered, Part, Row, TargetKind,
    manifest::{self, GROUP, Items, Offer, Table, Wanted},
};

use super::{
    lists_read::{List, OpenedList, opened},
    rows::{Cells, Example, InputColumns, SeveralConfig},
};
use crate::Error;

/// All rows of lists, with their labels or numbers.
pub(super) fn gather(config: &SeveralConfig, kind: TargetKind) -> Result<Gathered<Example>, Error> {
    config.data.check_apart("rows")?;
    let SeveralConfig { data: DataConfig { path, val, test, targets, .. }, inputs, label, read } =
        config;
    let wanted = Wanted { kind, targets, label: label.as_deref() };
    let of = |lists: Vec<List>| {
        let lacks = |list: &OpenedList| Ok(wanted.is_lacking(&list.found.table));
        Gathered::of_parts(&lists, lacks, |list| list.rows(wanted, inputs))
    };
    let mut found = of(read.take(path)?)?;
    for (part, other) in [(Part::Val, val), (Part::Test, test)] {
        if let Some(other) = other {
            found = found.with_part(part, of(opened(other)?)?);
        }
    }
    Ok(found)
}

/// What there is to learn of the first list.
pub(super) fn offer(config: &SeveralConfig) -> Result<Offer, Error> {
    let SeveralConfig { data, inputs, label, read } = config;
    let lists = read.take(&data.path)?;
    let columns: Vec<&String> = inputs.iter().flat_map(|input| &input.columns).collect();
    let found = match lists.first() {
        Some((_, list)) => Offer::of_table(&list.found.table, &columns, label.as_deref())
            .map_err(|problem| DataError::Folder { path: list.path.clone(), problem })?,
        None => Offer::NOTHING,
    };
    read.keep(&data.path, lists);
    Ok(found)
}

impl OpenedList {
    fn rows(
        &self,
        wanted: Wanted<'_>,
        inputs: &[InputColumns],
    ) -> Result<Gathered<Example>, Error> {
        let around = self.around(inputs)?;
        let columns = Columns { inputs, around, names: &self.found.names };
        let found = manifest::read_table(&self.path, &self.found.table, wanted, &columns)?;
        Ok(match self.found.is_documents {
            // Nobody wrote the columns that are not read.
            true => Gathered { notes: self.found.notes.clone(), ..found },
            false => found,
        })
    }

    /// The texts before and behind each row in its group, nearest first; where there are fewer, empty ones.
    fn around(&self, inputs: &[InputColumns]) -> Result<Around, Error> {
        let asks = |input: &InputColumns| matches!(input.cells, Cells::Texts { context: 1.. });
        if !inputs.iter().any(asks) {
            return Ok(Around::new());
        }
        let wrong = |problem: String| Error::Inputs { path: self.path.clone(), problem };
        let table = &self.found.table;
        let group = table.column(GROUP).ok_or_else(|| {
            wrong(format!("{}; it says which texts are neighbors", table.lacks(GROUP)))
        })?;
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, (_, cells)) in table.rows.iter().enumerate() {
            groups.entry(cells[group].trim()).or_default().push(row);
        }
        // What has no group is alone.
        groups.remove("");
        let mut found = Around::new();
        for (place, input) in inputs.iter().enumerate() {
            let Cells::Texts { context: context @ 1.. } = input.cells else { continue };
            let column = input.columns.first().map_or("", String::as_str);
            let column = table.column(&[column]).ok_or_else(|| wrong(table.lacks(&[column])))?;
            let texts: Vec<Arc<str>> =
                table.rows.iter().map(|(_, cells)| cells[column].as_str().into()).collect();
            for rows in groups.values() {
                for (at, &row) in rows.iter().enumerate() {
                    let near = |other: Option<usize>| {
                        let other = other.and_then(|other| rows.get(other));
                        other.map_or_else(|| "".into(), |&other| Arc::clone(&texts[other]))
                    };
                    let before = (1..=context).map(|far| near(at.checked_sub(far)));
                    let behind = (1..=context).map(|far| near(Some(at + far)));
                    found.insert((place, row), before.chain(behind).collect());
                }
            }
        }
        Ok(found)
    }
}

/// The neighbors of a row's texts, by the place of the input.
type Around = HashMap<(usize, usize), Vec<Arc<str>>>;

/// Rows in columns of these names.
struct Columns<'a> {
    inputs: &'a [InputColumns],
    around: Around,
    /// What rows are called, where they are not lines.
    names: &'a [String],
}

impl Items for Columns<'_> {
    type Item = Example;

    fn columns(&self, table: &Table) -> Result<Vec<usize>, String> {
        let names = self.inputs.iter().flat_map(|input| &input.columns);
        let lacking: Vec<&str> = names
            .clone()
            .map(String::as_str)
            .filter(|name| table.column(&[name]).is_none())
            .collect();
        match lacking.as_slice() {
            [] => Ok(names.filter_map(|name| table.column(&[name])).collect()),
            [one] => Err(table.lacks(&[one])),
            several => Err(format!(
                "has no columns `{}`; it names [{}]",
                several.join("`, `"),
                table.names.join(", ")
            )),
        }
    }

    fn item(
        &self,
        list: &Path,
        (row, line): (usize, u64),
        cells: &[&str],
    ) -> Result<Example, String> {
        let name: Arc<str> = match self.names.get(row) {
            Some(name) => name.as_str().into(),
            None => format!("{}:{line}", list.file_name().unwrap_or_default().display()).into(),
        };
        let mut left = cells;
        let mut values = Vec::with_capacity(self.inputs.len());
        for (place, input) in self.inputs.iter().enumerate() {
            let (own, rest) = left.split_at(input.columns.len().min(left.len()));
            left = rest;
            let around = match (self.around.get(&(place, row)), input.cells) {
                (Some(around), _) => around.clone(),
                (None, Cells::Texts { context }) => vec![Arc::from(""); 2 * context],
                _ => Vec::new(),
            };
            values.push(input.value(Some(list), own, around, &name)?);
        }
        Ok(Example { values, name })
    }

    /// A row may stand twice.
    fn check(&self, _: &Path, _: &[(u64, Row<Example>)]) -> Result<(), DataError> {
        Ok(())
    }
}
