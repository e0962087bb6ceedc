//! Texts to learn from: the columns of a list.

use std::path::Path;

use rekindle_data::{
    DataConfig, DataSet, Error as DataError, Gathered, Measurable, Part, Row, Target, TargetKind,
    manifest::{self, Items, Offer, Table, Wanted},
};

use crate::{Error, Text};

/// What the column of texts may be called where none is named, in any case.
pub const TEXT: &[&str] = &["text", "sentence", "review", "tweet", "content", "message", "body"];

/// Which columns of a list hold what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextConfig {
    /// Where the list is, and how it is divided.
    pub data: DataConfig,
    /// The columns of texts, one, or two for a pair; the usual one where none is named.
    pub text: Vec<String>,
    /// The column of the label or labels, where it is not called as usual.
    pub label: Option<String>,
}

impl TextConfig {
    /// A list whose columns are called as usual.
    pub fn new(list: impl Into<std::path::PathBuf>) -> Self {
        Self { data: DataConfig::new(list), ..Self::default() }
    }
}

impl AsRef<DataConfig> for TextConfig {
    fn as_ref(&self) -> &DataConfig {
        &self.data
    }
}

impl AsMut<DataConfig> for TextConfig {
    fn as_mut(&mut self) -> &mut DataConfig {
        &mut self.data
    }
}

/// Opens texts to train from; the target's type says what is learned of each.
///
/// # Errors
///
/// Those of a list and of [`DataSet::of`].
pub fn open_texts<L: Target>(config: &TextConfig) -> Result<DataSet<L, Text>, Error> {
    Ok(DataSet::of(&config.data.path, gather(config, L::KIND)?, &config.data.split)?)
}

/// Opens a part of texts to measure on; without a name, those to test on where there are some, else to validate on, else all.
///
/// # Errors
///
/// Those of [`open_texts`], and where there is no such part.
pub fn measure_texts<L: Target>(
    config: &TextConfig,
    wanted: Option<Part>,
) -> Result<Measurable<L, Text>, Error> {
    Ok(Measurable::of(&config.data.path, gather(config, L::KIND)?, wanted)?)
}

/// All texts of a list with their labels or numbers, before those are numbered and divided.
///
/// # Errors
///
/// Those of [`open_texts`] for what cannot be read.
pub fn read_texts(config: &TextConfig, kind: TargetKind) -> Result<Gathered<Text>, Error> {
    gather(config, kind)
}

/// What there is to learn of the texts of a list.
///
/// # Errors
///
/// Where it cannot be read.
pub fn offer(config: &TextConfig) -> Result<Offer, Error> {
    let table = Table::open(&config.data.path)?;
    let label = config.label.as_deref().map(|label| table.column(&[label]).is_some());
    let found = Offer::of_table(&table);
    Ok(Offer { label: label.unwrap_or(found.label), ..found })
}

fn gather(config: &TextConfig, kind: TargetKind) -> Result<Gathered<Text>, Error> {
    let TextConfig { data, text, label } = config;
    let wanted = Wanted { kind, targets: &data.targets, label: label.as_deref() };
    let read = |list: &Path| manifest::read_items(list, wanted, &Columns(text));
    let mut found = read(&data.path)?;
    if let Some(val) = &data.val {
        found
            .rows
            .iter_mut()
            .filter(|row| row.part == Part::All)
            .for_each(|row| row.part = Part::Train);
        found.replace(Part::Val, read(val)?);
    }
    Ok(found)
}

/// Texts in columns of these names.
struct Columns<'a>(&'a [String]);

impl Items for Columns<'_> {
    type Item = Text;

    fn columns(&self, table: &Table) -> Result<Vec<usize>, String> {
        let place = |name: &[&str]| table.column(name).ok_or_else(|| table.lacks(name));
        match self.0 {
            [] => Ok(vec![place(TEXT)?]),
            [_, _, _, ..] => {
                Err(format!("{} columns of texts are named, not one or a pair", self.0.len()))
            }
            names => names.iter().map(|name| place(&[name])).collect(),
        }
    }

    fn item(&self, list: &Path, line: u64, cells: &[&str]) -> Result<Text, String> {
        let name = list.file_name().unwrap_or_default().display();
        let text = cells.first().copied().unwrap_or_default();
        Ok(Text {
            text: text.into(),
            pair: cells.get(1).map(|&pair| pair.into()),
            name: format!("{name}:{line}").into(),
        })
    }

    /// A text may stand twice.
    fn check(&self, _: &Path, _: &[(u64, Row<Text>)]) -> Result<(), DataError> {
        Ok(())
    }
}
