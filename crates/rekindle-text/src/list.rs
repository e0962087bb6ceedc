//! Lists of texts: which columns hold what.

use std::path::Path;

use rekindle_data::{
    DataConfig, Error as DataError, Gathered, Row, TargetKind,
    manifest::{self, Items, Offer, PATH, Table, Wanted},
};

use crate::{Error, Text};

/// What the column of texts may be called where none is named, in any case.
pub const TEXT: &[&str] = &["text", "sentence", "review", "tweet", "content", "message", "body"];

/// Which columns of a list hold what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TextConfig {
    /// Where the texts are, and how they are divided.
    pub data: DataConfig,
    /// The columns of texts, one, or two for a pair; the usual one where none is named.
    pub text: Vec<String>,
    /// The column of the label or labels, where it is not called as usual.
    pub label: Option<String>,
}

impl TextConfig {
    /// A list or a folder, columns called as usual.
    pub fn new(path: impl Into<std::path::PathBuf>) -> Self {
        Self { data: DataConfig::new(path), ..Self::default() }
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

/// The texts of a list.
pub(crate) fn read(
    list: &Path,
    config: &TextConfig,
    kind: TargetKind,
) -> Result<Gathered<Text>, Error> {
    let TextConfig { data, text, label } = config;
    let wanted = Wanted { kind, targets: &data.targets, label: label.as_deref() };
    Ok(manifest::read_items(list, wanted, &Columns(text))?)
}

/// What there is to learn of the texts of a list, apart from the texts themselves.
pub(crate) fn offer(list: &Path, config: &TextConfig) -> Result<Offer, Error> {
    let table = Table::open(list)?;
    let wrong = |problem| DataError::Folder { path: list.to_owned(), problem };
    let texts = Columns(&config.text).columns(&table).map_err(wrong)?;
    let texts: Vec<&str> = texts.into_iter().map(|place| table.names[place].as_str()).collect();
    Ok(Offer::of_table(&table, &texts, config.label.as_deref()).map_err(wrong)?)
}

/// Whether a list has no column of what is learned.
pub(crate) fn lacks(list: &Path, config: &TextConfig, kind: TargetKind) -> Result<bool, Error> {
    let wanted = Wanted { kind, targets: &config.data.targets, label: config.label.as_deref() };
    Ok(wanted.is_lacking(&Table::open(list)?))
}

/// Whether a list has a column that is called as texts are, and none of files.
pub(crate) fn is_of_texts(list: &Path) -> bool {
    Table::open(list)
        .is_ok_and(|table| table.column(TEXT).is_some() && table.column(PATH).is_none())
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

    fn item(&self, list: &Path, (_, line): (usize, u64), cells: &[&str]) -> Result<Text, String> {
        let name = list.file_name().unwrap_or_default().display();
        let text = cells.first().copied().unwrap_or_default();
        Ok(Text {
            text: text.into(),
            pair: cells.get(1).map(|&pair| pair.into()),
            name: format!("{name}:{line}").into(),
            place: None,
        })
    }

    /// A text may stand twice.
    fn check(&self, _: &Path, _: &[(u64, Row<Text>)]) -> Result<(), DataError> {
        Ok(())
    }
}
