//! Rows to learn from: the columns of a list, and of texts their neighbors.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use rekindle_data::{DataConfig, Item, manifest::file_of_cell};
use rekindle_tables::{is_missing, number};
use rekindle_text::Text;

use super::{
    inputs::{InputCode, InputPart, Inputs},
    lists_read::ListsRead,
};
use crate::Error;

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
    /// The file of a picture.
    Picture(Arc<Path>),
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

    /// The files of its pictures.
    pub fn pictures(&self) -> impl Iterator<Item = &Path> {
        self.values.iter().filter_map(|value| match value {
            Value::Picture(path) => Some(&**path),
            _ => None,
        })
    }

    /// Its cells beside each other; what is read along with a text is left out.
    #[must_use]
    pub fn shown(&self) -> String {
        let value = |value: &Value| match value {
            Value::Texts(texts) => texts.first().map(Text::shown),
            Value::Picture(path) => path.file_name().map(|name| name.display().to_string()),
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
    /// Files of pictures.
    Pictures,
    /// Numbers; empty ones may be refused by whoever reads them.
    Numbers,
    /// Words.
    Words,
}

/// Which columns of a list hold what.
#[derive(Debug, Clone, Default)]
pub struct SeveralConfig {
    /// Where the list is (or documents, or a folder of `train.csv`, `test.txt` and the like), and how it is divided.
    pub data: DataConfig,
    /// The inputs in the order of their names; where there are none, a model's own.
    pub inputs: Vec<InputColumns>,
    /// The column of the label or labels, where it is not called as usual.
    pub label: Option<String>,
    /// What was read of it already.
    pub read: ListsRead,
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
                InputCode::Picture(_) => Cells::Pictures,
                InputCode::Category | InputCode::YesNo | InputCode::Date => Cells::Words,
                InputCode::OneHot(_)
                | InputCode::Ordinal(_)
                | InputCode::Standardized
                | InputCode::Binned => Cells::Numbers,
            };
            InputColumns { name: name.clone(), columns: columns.clone(), cells }
        };
        let mut columns: Vec<InputColumns> = self.parts.iter().map(of).collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        columns
    }

    /// A row that is given by hand, before there is a model: cells under the names of columns. It has no neighbors.
    ///
    /// # Errors
    ///
    /// If a column is lacking.
    pub fn example(&self, cells: &[(&str, &str)]) -> Result<Example, Error> {
        let cells = cells.iter().copied().collect();
        example(&self.columns(), &cells).map_err(|problem| Error::Settings(vec![problem]))
    }

    /// A list whose label is in a column of the usual name.
    pub fn data(&self, list: impl Into<std::path::PathBuf>) -> SeveralConfig {
        let data = DataConfig::new(list);
        SeveralConfig { data, inputs: self.columns(), ..SeveralConfig::default() }
    }
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
        input.value(None, &cells?, context, &Arc::from(""))
    };
    let values: Result<Vec<Value>, String> = inputs.iter().map(value).collect();
    Ok(Example { values: values?, name: "".into() })
}

impl InputColumns {
    /// A value of cells, of a list or by hand.
    pub(super) fn value(
        &self,
        list: Option<&Path>,
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
            Cells::Pictures => {
                let column = self.columns.first().map_or("", String::as_str);
                let path = match list {
                    _ if cell.is_empty() => return Err(format!("column `{column}`: no path")),
                    Some(list) => file_of_cell(list, cell),
                    None => cell.into(),
                };
                if !path.is_file() {
                    let path = path.display();
                    return Err(format!("column `{column}`: {path}: no such file"));
                }
                Value::Picture(path.into())
            }
            Cells::Numbers => {
                let cell = cell.trim();
                if !is_missing(cell) {
                    let column = self.columns.first().map_or("", String::as_str);
                    number(cell).map_err(|problem| format!("column `{column}`: {problem}"))?;
                }
                Value::Cell(cell.into())
            }
            Cells::Words => Value::Cell(cell.trim().into()),
        })
    }
}
