//! What a folder holds, as the loader sees it.

use std::path::{Path, PathBuf};

use crate::Error;

/// Extensions of files taken as pictures, whatever their case; the content decides how they are decoded.
pub const EXTENSIONS: &[&str] = &[
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff",
    "webp",
];

/// Most folders within folders below a label; links that lead back would go on for ever.
pub const MAX_DEPTH: usize = 16;

/// What a folder holds, hidden entries left out, each kind in byte order of names.
#[derive(Debug, Default)]
pub struct Listing {
    /// Folders, and links to some.
    pub folders: Vec<PathBuf>,
    /// Files whose names are a picture's.
    pub files: Vec<PathBuf>,
    /// Everything else.
    pub others: Vec<PathBuf>,
}

impl Listing {
    /// What lies directly in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where it is missing or cannot be read.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: folder.to_owned(), source };
        let mut found = Self::default();
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if label_of(&path).starts_with('.') {
                continue;
            }
            let extension =
                path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
            let to = if path.is_dir() {
                &mut found.folders
            } else if extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str())) {
                &mut found.files
            } else {
                &mut found.others
            };
            to.push(path);
        }
        for paths in [&mut found.folders, &mut found.files, &mut found.others] {
            paths.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        }
        Ok(found)
    }
}

/// The label that a folder stands for: its name.
pub fn label_of(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
