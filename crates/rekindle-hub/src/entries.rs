//! What folders of the cache hold, as they are read: nothing is changed here.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, names::INCOMPLETE};

/// Whether a file is a download that was not finished.
pub(crate) fn is_partial(path: &Path) -> bool {
    path.to_string_lossy().ends_with(INCOMPLETE)
}

/// A path within a folder, with slashes.
pub(crate) fn relative(path: &Path, folder: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// What a folder holds, in the order of names; nothing where there is no folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read the folder", folder)(error)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(Error::io("read the folder", folder))?;
    paths.sort();
    Ok(paths)
}

/// Every file below a folder, links included and not followed.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        match fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}
