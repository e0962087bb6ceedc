//! Rows to learn from: the columns of a list, and of texts their neighbors.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use rekindle_cards::{ColumnKind, InputSpec};
use rekindle_data::{
    DataConfig, Error as DataError, Gathered, Item, Part, Row, TargetKind,
    manifest::{self, Items, Offer, Table, Wanted},
};
use rekindle_text::Text;

use super::{
    code::number,
    inputs::{InputCode, InputPart, Inputs},
};
use crate::Error;

/// What is between texts that belong together: a document, an abstract.
const GROUP: &[&str] = &["group"];

/// A row: a value for each input, in the order of the inputs' names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// What each input is given.
    pub values: Vec<Value>,
    /// What it is called in messages, such as a list and a line; empty where it is by itself.
    pub name: Arc<str>,
}

/// What an input is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A text, then what is read along: those before it from the nearest on, then those behind it.
    Texts(Vec<Text>),
    /// A cell of numbers or words.
    Cell(Arc<str>),
}

impl Item for Example {
    fn path(&self) -> Option<&Path> {
        None
    }
}

impl Example {
    /// What it is called: its name, else its cells.
    #[must_use]
    pub fn called(&self) -> String {
        if !self.name.is_empty() {
            return self.name.to_string();
        }
        self.shown()
    }

    /// Its cells beside each other; what is read along with a text is left out.
    #[must_use]
    pub fn shown(&self) -> String {
        let value = |value: &Value| match value {
            Value::Texts(texts) => texts.first().map(|text| match &text.pair {
                Some(pair) => format!("{} | {pair}", text.text),
                None => text.text.to_string(),
            }),
            Value::Cell(cell) => Some(cell.to_string()),
        };
        let mut values: Vec<String> = self.values.iter().filter_map(value).collect();
        // A text that two parts read is shown once.
        values.dedup();
        values.join(" | ")
    }
}

/// The columns of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputColumns {
    /// What the input is called.
    pub name: String,
    /// Its columns: one, or a pair of texts.
    pub columns: Vec<String>,
    /// What is in them.
    pub cells: Cells,
}

/// What is in columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// Texts, with so many before and behind each that are read along.
    Texts {
        /// How many on each side.
        context: usize,
    },
    /// Numbers; empty ones may be refused by whoever reads them.
    Numbers,
    /// Words.
    Words,
}

/// Which columns of a list hold what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeveralConfig {
    /// Where the list is, and how it is divided.
    pub data: DataConfig,
    /// The inputs in the order of their names; where there are none, a model's own.
    pub inputs: Vec<InputColumns>,
    /// The column of the label or labels, where it is not called as usual.
    pub label: Option<String>,
}

impl AsRef<DataConfig> for SeveralConfig {
    fn as_ref(&self) -> &DataConfig {
        &self.data
    }
}

impl AsMut<DataConfig> for SeveralConfig {
    fn as_mut(&mut self) -> &mut DataConfig {
        &mut self.data
    }
}

impl Inputs {
    /// The columns that are read of a list, in the order of the inputs' names.
    pub fn columns(&self) -> Vec<InputColumns> {
        let of = |InputPart { name, columns, code, .. }: &InputPart| {
            let cells = match code {
                InputCode::Text { context, .. } => Cells::Texts { context: *context },
                InputCode::Category => Cells::Words,
                InputCode::OneHot(_) | InputCode::Ordinal(_) | InputCode::Standardized => {
                    Cells::Numbers
                }
            };
            InputColumns { name: name.clone(), columns: columns.clone(), cells }
        };
        let mut columns: Vec<InputColumns> = self.parts.iter().map(of).collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        columns
    }

    /// A list whose label is in a column of the usual name.
    pub fn data(&self, list: impl Into<std::path::PathBuf>) -> SeveralConfig {
        SeveralConfig { data: DataConfig::new(list), inputs: self.columns(), label: None }
    }
}

/// The columns that a config says.
pub(super) fn columns_of(input: &InputSpec) -> Vec<InputColumns> {
    let InputSpec::Named(inputs) = input else { return Vec::new() };
    let of = |(name, input): (&String, &InputSpec)| {
        let (columns, cells) = match input {
            InputSpec::Text(text) => (text.columns.clone(), Cells::Texts { context: text.context }),
            InputSpec::Table(table) => {
                let words = |kind: &ColumnKind| matches!(kind, ColumnKind::Category { .. });
                let words = table.columns.iter().any(|column| words(&column.kind));
                let columns = table.columns.iter().map(|column| column.name.clone()).collect();
                (columns, if words { Cells::Words } else { Cells::Numbers })
            }
            _ => return None,
        };
        Some(InputColumns { name: name.clone(), columns, cells })
    };
    inputs.iter().filter_map(of).collect()
}

/// A row that is given by hand, as cells under the names of columns.
pub(super) fn example(
    inputs: &[InputColumns],
    cells: &BTreeMap<&str, &str>,
) -> Result<Example, String> {
    let value = |input: &InputColumns| {
        let cells: Result<Vec<&str>, String> = input
            .columns
            .iter()
            .map(|column| {
                let cell = cells.get(column.as_str()).copied();
                cell.ok_or_else(|| format!("has no cell `{column}`"))
            })
            .collect();
        let context = match input.cells {
            Cells::Texts { context } => vec![Arc::from(""); 2 * context],
            _ => Vec::new(),
        };
        input.value(&cells?, context, &Arc::from(""))
    };
    let values: Result<Vec<Value>, String> = inputs.iter().map(value).collect();
    Ok(Example { values: values?, name: "".into() })
}

impl InputColumns {
    fn value(
        &self,
        cells: &[&str],
        around: Vec<Arc<str>>,
        name: &Arc<str>,
    ) -> Result<Value, String> {
        let cell = cells.first().copied().unwrap_or_default();
        Ok(match self.cells {
            Cells::Texts { .. } => {
                let text = |text: Arc<str>, pair: Option<&str>| Text {
                    text,
                    pair: pair.map(Arc::from),
                    name: Arc::clone(name),
                    place: None,
                };
                let own = text(cell.into(), cells.get(1).copied());
                let around = around.into_iter().map(|other| text(other, None));
                Value::Texts(std::iter::once(own).chain(around).collect())
            }
            Cells::Numbers => {
                let cell = cell.trim();
                if !cell.is_empty() {
                    let column = self.columns.first().map_or("", String::as_str);
                    number(cell).map_err(|problem| format!("column `{column}`: {problem}"))?;
                }
                Value::Cell(cell.into())
            }
            Cells::Words => Value::Cell(cell.trim().into()),
        })
    }
}

/// All rows of a list, with their labels or numbers.
pub(super) fn gather(config: &SeveralConfig, kind: TargetKind) -> Result<Gathered<Example>, Error> {
    let SeveralConfig { data, inputs, label } = config;
    let wanted = Wanted { kind, targets: &data.targets, label: label.as_deref() };
    let read = |list: &Path| -> Result<_, Error> {
        let around = around(list, inputs)?;
        Ok(manifest::read_items(list, wanted, &Columns { inputs, around })?)
    };
    let mut found = read(&data.path)?;
    for (part, other) in [(Part::Val, &data.val), (Part::Test, &data.test)] {
        if let Some(other) = other {
            found = found.with_part(part, read(other)?);
        }
    }
    Ok(found)
}

/// What there is to learn of a list.
pub(super) fn offer(config: &SeveralConfig) -> Result<Offer, Error> {
    let table = Table::open(&config.data.path)?;
    let label = config.label.as_deref().map(|label| table.column(&[label]).is_some());
    let columns: Vec<&String> = config.inputs.iter().flat_map(|input| &input.columns).collect();
    let found = Offer::of_table(&table, &columns);
    Ok(Offer { label: label.unwrap_or(found.label), ..found })
}

/// The neighbors of a line's texts, by the place of the input.
type Around = HashMap<(usize, u64), Vec<Arc<str>>>;

/// The texts before and behind each line in its group, nearest first; where there are fewer, empty ones.
fn around(list: &Path, inputs: &[InputColumns]) -> Result<Around, Error> {
    let asks = |input: &&InputColumns| matches!(input.cells, Cells::Texts { context: 1.. });
    if !inputs.iter().any(|input| asks(&input)) {
        return Ok(Around::new());
    }
    let wrong = |problem: String| Error::Inputs { path: list.to_owned(), problem };
    let table = Table::open(list)?;
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
                found.insert((place, table.rows[row].0), before.chain(behind).collect());
            }
        }
    }
    Ok(found)
}

/// Rows in columns of these names.
struct Columns<'a> {
    inputs: &'a [InputColumns],
    around: Around,
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

    fn item(&self, list: &Path, line: u64, cells: &[&str]) -> Result<Example, String> {
        let name = list.file_name().unwrap_or_default().display();
        let name: Arc<str> = format!("{name}:{line}").into();
        let mut left = cells;
        let mut values = Vec::with_capacity(self.inputs.len());
        for (place, input) in self.inputs.iter().enumerate() {
            let (own, rest) = left.split_at(input.columns.len().min(left.len()));
            left = rest;
            let around = match (self.around.get(&(place, line)), input.cells) {
                (Some(around), _) => around.clone(),
                (None, Cells::Texts { context }) => vec![Arc::from(""); 2 * context],
                _ => Vec::new(),
            };
            values.push(input.value(own, around, &name)?);
        }
        Ok(Example { values, name })
    }

    /// A row may stand twice.
    fn check(&self, _: &Path, _: &[(u64, Row<Example>)]) -> Result<(), DataError> {
        Ok(())
    }
}
