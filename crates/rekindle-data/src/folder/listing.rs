//! What a folder holds, as the loader sees it.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::FileKind;
use crate::Error;

/// What operating systems and tools leave behind, in any case.
const JUNK: &[&str] = &[
    "$recycle.bin",
    ".appledouble",
    ".cache",
    ".directory",
    ".ds_store",
    ".dvc",
    ".fseventsd",
    ".git",
    ".gitattributes",
    ".gitignore",
    ".gitkeep",
    ".hg",
    ".huggingface",
    ".idea",
    ".ipynb_checkpoints",
    ".localized",
    ".nomedia",
    ".picasa.ini",
    ".spotlight-v100",
    ".svn",
    ".temporaryitems",
    ".thumbnails",
    ".trash",
    ".trashes",
    ".venv",
    ".vscode",
    "#recycle",
    "@eadir",
    "@recycle",
    "__macosx",
    "__pycache__",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "system volume information",
    "thumbs.db",
    "thumbs.db:encryptable",
];

/// Most folders within folders below a label; links that lead back would go on for ever.
pub const MAX_DEPTH: usize = 16;

/// What a folder holds, each kind in byte order of names.
#[derive(Debug)]
pub struct Listing<K> {
    /// Folders, and links to some.
    pub folders: Vec<PathBuf>,
    /// Files of the kind, by their names or their first bytes.
    pub files: Vec<PathBuf>,
    /// All other files.
    pub others: Vec<PathBuf>,
    /// Files and folders whose names begin with a dot, which are not looked at.
    pub hidden: Vec<PathBuf>,
    /// What operating systems and tools leave behind, which is not looked at.
    pub junk: Vec<PathBuf>,
    kind: PhantomData<K>,
}

impl<K: FileKind> Listing<K> {
    /// What lies directly in a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] where it is missing or cannot be read.
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: folder.to_owned(), source };
        let mut found = Self {
            folders: Vec::new(),
            files: Vec::new(),
            others: Vec::new(),
            hidden: Vec::new(),
            junk: Vec::new(),
            kind: PhantomData,
        };
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let entry = entry.map_err(read)?;
            let path = entry.path();
            let name = label_of(&path).to_lowercase();
            let is_folder = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                _ => path.is_dir(),
            };
            let to = if JUNK.contains(&name.as_str()) || name.starts_with("._") {
                &mut found.junk
            } else if name.starts_with('.') {
                &mut found.hidden
            } else if is_folder {
                &mut found.folders
            } else if K::is(&path) {
                &mut found.files
            } else {
                &mut found.others
            };
            to.push(path);
        }
        let Self { folders, files, others, hidden, junk, kind: _ } = &mut found;
        for paths in [folders, files, others, hidden, junk] {
            paths.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        }
        Ok(found)
    }

    /// As [`Listing::of`], of a folder whose folders are labels: one that is hidden is a label too where it holds some.
    ///
    /// # Errors
    ///
    /// Those of [`Listing::of`].
    pub fn of_labels(folder: &Path) -> Result<Self, Error> {
        let mut found = Self::of(folder)?;
        for path in std::mem::take(&mut found.hidden) {
            let is_label = path.is_dir() && !Self::of(&path)?.files.is_empty();
            if is_label { &mut found.folders } else { &mut found.hidden }.push(path);
        }
        found.folders.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        Ok(found)
    }
}

/// The label that a folder stands for: its name.
pub fn label_of(folder: &Path) -> String {
    folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned()
}
