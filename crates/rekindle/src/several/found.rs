//! Inputs that nobody names: each column of a list by what it holds.

use std::collections::BTreeSet;

use rekindle_data::{
    DataConfig, Error as DataError,
    manifest::{PATH, Table},
};
use rekindle_tables::{ColumnKind, FoundColumn};

use super::{
    InputCode, InputPart, Inputs, PartSource,
    inputs::JOIN,
    lists_read::{List, ListsRead},
    rows::SeveralConfig,
};
use crate::Error;

/// The network of free text that is found in a column: the mean of its words' vectors, from nothing.
const TEXT: &str = "mean";
/// Units of the hidden layers that usually join columns.
const HIDDEN: [usize; 2] = [128, 128];

/// The inputs that a list offers.
#[derive(Debug, Clone)]
pub struct FoundInputs {
    /// Its columns as inputs, joined by two hidden layers; of columns that tell nothing there are none.
    pub inputs: Inputs,
    /// What was found of each column that may be one.
    pub columns: Vec<FoundColumn>,
    /// Columns that say something else of rows, or were to be left out: a line each.
    pub others: Vec<String>,
    /// Whether there is a column of what is learned: one that is named, else one that is called as labels are.
    pub is_learnable: bool,
    /// Rows to train on, with those that validate where nothing says which.
    pub rows: usize,
    /// What was read of the lists, for whoever reads their rows.
    pub read: ListsRead,
}

/// What is not to be found: what is learned, and what is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct NotInputs<'a> {
    /// The column of the label, where one is named.
    pub label: Option<&'a str>,
    /// Columns to leave out.
    pub ignored: &'a [String],
}

impl Inputs {
    /// Looks at the columns of a list, or at those of the first of a folder's, and makes inputs of them, each by what its
    /// training rows hold. None is a label or a number to learn.
    ///
    /// # Errors
    ///
    /// If there is no list, or it has no column of a name that is to be left out.
    pub fn find(data: &DataConfig, besides: NotInputs<'_>) -> Result<FoundInputs, Error> {
        let read = ListsRead::default();
        let lists = read.take(&data.path)?;
        let Some((_, list)) = lists.first() else { return Err(Error::NoInputs) };
        let wrong = |problem| DataError::Folder { path: list.path.clone(), problem };
        let found = found(&lists, &list.found.table, data, besides).map_err(wrong)?;
        read.keep(&data.path, lists);
        Ok(FoundInputs { read, ..found })
    }
}

impl FoundInputs {
    /// Whether it is a table: it has columns that are inputs, and not texts alone.
    pub fn is_table(&self) -> bool {
        self.columns.iter().any(|column| column.is_input() && column.kind != ColumnKind::Text)
    }

    /// The rows of the list that they were found in, whose columns are not read again.
    pub fn rows_of(&self, data: DataConfig) -> SeveralConfig {
        let (inputs, read) = (self.inputs.columns(), self.read.clone());
        SeveralConfig { data, inputs, label: None, read }
    }

    /// Whether it has texts or pictures, which have networks of their own.
    pub fn has_items(&self) -> bool {
        let own =
            |column: &FoundColumn| matches!(column.kind, ColumnKind::Text | ColumnKind::Pictures);
        self.columns.iter().any(own)
    }

    /// A line on each column that is no input.
    pub fn left_out(&self) -> impl Iterator<Item = String> {
        let columns = self.columns.iter().filter(|column| !column.is_input());
        columns.map(FoundColumn::described).chain(self.others.iter().cloned())
    }
}

fn found(
    lists: &[List],
    table: &Table,
    data: &DataConfig,
    NotInputs { label, ignored }: NotInputs<'_>,
) -> Result<FoundInputs, String> {
    let named = |names: &[String]| -> Result<BTreeSet<usize>, String> {
        let column = |name: &String| table.named(name).ok_or_else(|| table.lacks(&[name]));
        names.iter().map(column).collect()
    };
    let ignored = named(ignored)?;
    if let Some((place, role)) =
        ignored.iter().find_map(|place| Some((*place, table.role(*place)?)))
    {
        return Err(format!(
            "`{}` is no input, but says the {role} of each row; give the column another name to ignore it",
            table.names[place]
        ));
    }
    // What is learned and is not there is told by whoever learns it.
    let mut learned: BTreeSet<usize> =
        data.targets.iter().filter_map(|name| table.named(name)).collect();
    learned.extend(label.and_then(|name| table.named(name)));
    if let Some(place) = learned.intersection(&ignored).next() {
        return Err(format!("`{}` is learned, and cannot be ignored", table.names[*place]));
    }
    let (mut columns, mut others) = (Vec::new(), Vec::new());
    let mut is_learnable = !learned.is_empty();
    for (place, name) in table.names.iter().enumerate() {
        let is_label = label.is_none() && data.targets.is_empty() && table.is_called_label(place);
        is_learnable |= is_label;
        if learned.contains(&place) || is_label || ignored.contains(&place) {
            continue;
        }
        if let Some(role) = table.role(place) {
            // A part is known to be none.
            let says = match role {
                "weight" => Some("how much each row counts in training"),
                "group" => Some("which rows are not torn apart"),
                _ => None,
            };
            others.extend(says.map(|says| {
                format!("{name}: says {says}; give it another name to make it an input")
            }));
            continue;
        }
        if name.trim().is_empty() {
            others.push(format!("column {} has no name; left out", place + 1));
            continue;
        }
        if table.column(&[name]) != Some(place) {
            others.push(format!("{name}: another column has the same name; left out"));
            continue;
        }
        let cells: Vec<&str> = table.training_rows().map(|cells| cells[place].as_str()).collect();
        let mut found = FoundColumn::of(name, &cells);
        others.extend(found.stray());
        // Whatever the files are, they are no words.
        if table.column(PATH) == Some(place) {
            found.kind = ColumnKind::Pictures;
        }
        columns.push(found);
    }
    let rows = match lists {
        [_] => table.training_rows().count(),
        lists => lists.iter().map(|(_, list)| list.found.table.rows.len()).max().unwrap_or(0),
    };
    let read = ListsRead::default();
    Ok(FoundInputs { inputs: inputs(&columns), columns, others, is_learnable, rows, read })
}

fn inputs(columns: &[FoundColumn]) -> Inputs {
    let mut inputs = Inputs::default().layers(&HIDDEN);
    for column in columns {
        let code = match column.kind {
            ColumnKind::Number => InputCode::Binned,
            ColumnKind::YesNo => InputCode::YesNo,
            ColumnKind::Category => InputCode::Category,
            ColumnKind::Date(_) => InputCode::Date,
            ColumnKind::Text => {
                InputCode::Text { source: PartSource::Untrained(TEXT.to_owned()), context: 0 }
            }
            _ => continue,
        };
        let (name, columns) = (part_name(&column.name, &inputs), vec![column.name.clone()]);
        inputs.parts.push(InputPart { name, columns, code, hidden: None });
    }
    inputs
}

/// What a column's part is called: its name, of letters, digits, `_` and `-`, and of none that is there already.
fn part_name(column: &str, inputs: &Inputs) -> String {
    let known = |c: char| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let plain: String = column.trim().chars().map(known).collect();
    let plain = if plain.is_empty() { "column".to_owned() } else { plain };
    let taken = |name: &str| name == JOIN || inputs.parts.iter().any(|part| part.name == name);
    let numbered = (2..).map(|number| format!("{plain}_{number}"));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_called_by_columns() {
        let column = |name: &str| {
            let cells: Vec<String> = (0..60).map(|row| (row % 7).to_string()).collect();
            FoundColumn::of(name, &cells.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let names = ["Bill length (mm)", "Bill length [mm]", "join", "", "alter_ä"];
        let found = inputs(&names.map(column));
        found.check().unwrap();
        let called: Vec<&str> = found.parts.iter().map(|part| part.name.as_str()).collect();
        let expected = ["Bill_length__mm_", "Bill_length__mm__2", "join_2", "column", "alter_ä"];
        assert_eq!(called, expected);
        assert_eq!(found.parts[1].columns, ["Bill length [mm]"]);
    }
}
