//! The lines of a list as they stand in it, with columns that the loader does not know.

use std::path::{Path, PathBuf};

use csv::StringRecord;
use rekindle_data::{Error as DataError, manifest::PATH};

use crate::{
    Error, Layout,
    contents::{relative, start},
};

/// What pictures are called that belong together, as the loader has it.
const GROUP: &str = "group";

/// The lines of a list that [`rekindle_data::manifest`] reads.
pub(crate) struct List {
    /// The names of its columns.
    pub(crate) names: StringRecord,
    pub(crate) lines: Vec<StringRecord>,
    /// The column of paths.
    pub(crate) path: usize,
    group: Option<usize>,
    folder: PathBuf,
}

impl List {
    pub(crate) fn open(list: &Path) -> Result<Self, Error> {
        let wrong = |problem: String| DataError::Folder { path: list.to_owned(), problem };
        let read = |error: csv::Error| wrong(format!("cannot be read: {error}"));
        let reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_path(list);
        let mut reader = reader.map_err(read)?;
        let names = reader.headers().map_err(read)?.clone();
        let column = |wanted: &[&str]| {
            names
                .iter()
                .position(|name| wanted.iter().any(|other| name.eq_ignore_ascii_case(other)))
        };
        let path = column(PATH).ok_or_else(|| wrong("has no column of paths".to_owned()))?;
        let group = column(&[GROUP]);
        let lines = reader.records().collect::<Result<_, _>>().map_err(read)?;
        let folder = start(list, Layout::List).to_owned();
        Ok(Self { names, lines, path, group, folder })
    }

    /// The name of a line's picture.
    pub(crate) fn file(&self, line: &StringRecord) -> PathBuf {
        relative(&self.folder.join(line.get(self.path).unwrap_or_default()), &self.folder)
    }

    /// The group of a line's picture; empty where it has none.
    pub(crate) fn group<'a>(&self, line: &'a StringRecord) -> &'a str {
        self.group.and_then(|column| line.get(column)).unwrap_or_default()
    }
}
