//! The lines of a list as they stand in it, with columns that the loader does not know.

use std::path::{Path, PathBuf};

use rekindle_data::manifest::{PATH, Table};

use crate::{
    DataLayout, Error,
    contents::{relative, start},
};

/// The lines of a list that [`rekindle_data::manifest`] reads.
pub(crate) struct List {
    pub(crate) table: Table,
    /// The column of paths.
    pub(crate) path: usize,
    folder: PathBuf,
}

impl List {
    pub(crate) fn open(list: &Path) -> Result<Self, Error> {
        let table = Table::read(list)?;
        // No table is without paths.
        let path = table.column(PATH).unwrap_or_default();
        let folder = start(list, DataLayout::List).to_owned();
        Ok(Self { table, path, folder })
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        self.table.rows.iter().map(|(_, line)| line)
    }

    /// The name of a line's picture.
    pub(crate) fn file(&self, line: &[String]) -> PathBuf {
        relative(&self.folder.join(&line[self.path]), &self.folder)
    }
}
