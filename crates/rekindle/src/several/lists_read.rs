//! Lists as they were read, kept from one reading to the next.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rekindle_data::Part;
use rekindle_text::{TextTable, lists_of_texts};

use crate::Error;

/// Lists that were read to see what there is to learn, kept for whoever reads their rows.
#[derive(Debug, Clone, Default)]
pub struct ListsRead(Arc<Mutex<Option<Kept>>>);

/// Where lists are, and those.
type Kept = (PathBuf, Vec<List>);

/// A list of a part, or all of it.
pub(super) type List = (Part, OpenedList);

#[derive(Debug)]
pub(super) struct OpenedList {
    pub(super) path: PathBuf,
    pub(super) found: TextTable,
}

impl AsRef<Path> for OpenedList {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl ListsRead {
    /// The lists at a path, which were read already or are now.
    pub(super) fn take(&self, path: &Path) -> Result<Vec<List>, Error> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match kept {
            Some((of, lists)) if of == path => Ok(lists),
            _ => opened(path),
        }
    }

    pub(super) fn keep(&self, path: &Path, lists: Vec<List>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((path.to_owned(), lists));
    }
}

/// The lists at a path.
pub(super) fn opened(path: &Path) -> Result<Vec<List>, Error> {
    let list = |(part, path): (Part, PathBuf)| {
        let found = TextTable::open(&path)?;
        Ok((part, OpenedList { path, found }))
    };
    lists_of_texts(path)?.into_iter().map(list).collect()
}
