//! The parts of a data set by the names of folders and lists.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use super::{FileKind, Listing, label_of};
use crate::error::problem;
use crate::label::listed;
use crate::manifest::is_manifest;
use crate::{Error, Part, part_named, part_within};

/// The folders of a data set's parts, each with one folder a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<K> {
    /// To train on, and to split off from what has no folder of its own.
    pub train: PathBuf,
    /// To validate on; without, a [`Split`](crate::Split)'s share of what is trained on.
    pub val: Option<PathBuf>,
    /// To measure on once, at the end.
    pub test: Option<PathBuf>,
    /// Folders called as a part that hold no folders of labels, and so are not read, or are labels themselves.
    pub unlabelled: Vec<PathBuf>,
    /// Folders beside those of the parts, which are not read.
    pub beside: Vec<PathBuf>,
    kind: PhantomData<K>,
}

impl<K: FileKind> Parts<K> {
    /// The parts of a folder by their names, in any usual spelling; without any, all of it is to train on.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] for a folder that is missing or cannot be read; [`Error::Folder`] where there is something to
    /// measure on but nothing to train on, two folders for one part, or parts without labels.
    pub fn find(folder: &Path) -> Result<Self, Error> {
        let folders = Listing::<K>::of(folder)?.folders;
        let mut found = Self::named(folder, &folders, part_named)?;
        if found.train == folder && found.unlabelled.is_empty() && folders.len() > 1 {
            // Names such as `seg_train` count where all there is goes by such a name.
            let within = |path: &PathBuf| part_within(&label_of(path));
            let parts: Vec<Part> = folders.iter().filter_map(within).collect();
            let measured = |part: &Part| *part != Part::Train;
            let all = parts.len() == folders.len();
            if all && parts.contains(&Part::Train) && parts.iter().any(measured) {
                found = Self::named(folder, &folders, part_within)?;
            }
        }
        if found.train != folder {
            return Ok(found);
        }
        let names = |paths: &[PathBuf]| {
            let names: Vec<String> = paths.iter().map(|path| label_of(path)).collect();
            listed(names.iter().map(String::as_str))
        };
        if let Some(other) = found.val.as_ref().or(found.test.as_ref()) {
            let (other, parts) = (label_of(other), &found.unlabelled);
            let without = match parts.is_empty() {
                true => String::new(),
                false => format!(" ({} holds no folders of labels)", names(parts)),
            };
            return Err(problem(
                folder,
                format!(
                    "has `{other}` but no `train`{without}; add it, or open a folder with one folder a label"
                ),
            ));
        }
        if found.unlabelled.len() > 1 && found.unlabelled.len() == folders.len() {
            let text = format!(
                "holds {}, which are called as parts of a data set, but no folders of labels in them; make a folder a label in each",
                names(&found.unlabelled)
            );
            return Err(problem(folder, text));
        }
        Ok(found)
    }

    /// The parts by one way to read names.
    fn named(
        folder: &Path,
        folders: &[PathBuf],
        part_of: fn(&str) -> Option<Part>,
    ) -> Result<Self, Error> {
        let mut found: [Vec<&PathBuf>; 3] = Default::default();
        let (mut unlabelled, mut beside) = (Vec::new(), Vec::new());
        for path in folders {
            let Some(part) = part_of(&label_of(path)) else {
                beside.push(path.clone());
                continue;
            };
            if Listing::<K>::of_labels(path)?.folders.is_empty() {
                unlabelled.push(path.clone());
                continue;
            }
            found[part as usize].push(path);
        }
        for (part, paths) in [Part::Train, Part::Val, Part::Test].into_iter().zip(&found) {
            if paths.len() > 1 {
                let names: Vec<String> = paths.iter().map(|path| label_of(path)).collect();
                let names = listed(names.iter().map(String::as_str));
                let part = part.name();
                let text = format!("has several folders for `{part}`, {names}; keep one of them");
                return Err(problem(folder, text));
            }
        }
        let [train, val, test] = found.map(|paths| paths.first().map(|path| (*path).clone()));
        let train = train.unwrap_or_else(|| {
            beside.clear();
            folder.to_owned()
        });
        Ok(Self { train, val, test, unlabelled, beside, kind: PhantomData })
    }

    /// The parts that there are, by their names.
    pub fn each(&self) -> Vec<(Part, &Path)> {
        let parts = [
            (Part::Train, Some(&self.train)),
            (Part::Val, self.val.as_ref()),
            (Part::Test, self.test.as_ref()),
        ];
        parts.into_iter().filter_map(|(part, path)| Some((part, path?.as_path()))).collect()
    }
}

/// The lists of a folder that are called as the parts of a data set, if one is there to train on.
///
/// # Errors
///
/// [`Error::Folder`] where there are two for a part.
pub fn lists(folder: &Path) -> Result<Vec<(Part, PathBuf)>, Error> {
    // What ends in .txt is a list of names as often as one that is read here.
    let is_text = |path: &Path| {
        path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
    };
    files_of_parts(folder, |path| !is_text(path) && is_manifest(path))
}

/// The files of a folder, of those that `is` takes, that are called as the parts of a data set, if one is there to train on.
///
/// # Errors
///
/// [`Error::Read`] for a folder that cannot be read, [`Error::Folder`] where there are two for a part.
pub fn files_of_parts(
    folder: &Path,
    is: impl Fn(&Path) -> bool,
) -> Result<Vec<(Part, PathBuf)>, Error> {
    let mut found: Vec<(Part, PathBuf)> = Vec::new();
    for path in Listing::<NoFiles>::of(folder)?.others {
        let part = path.file_stem().and_then(|stem| part_named(&stem.to_string_lossy()));
        let Some(part) = part.filter(|_| is(&path)) else { continue };
        if let Some((_, other)) = found.iter().find(|(other, _)| *other == part) {
            let text = format!(
                "has several lists for `{}`, [{}, {}]; keep one of them",
                part.name(),
                label_of(other),
                label_of(&path)
            );
            return Err(problem(folder, text));
        }
        found.push((part, path));
    }
    found.sort_by_key(|(part, _)| *part);
    Ok(if found.first().is_some_and(|(part, _)| *part == Part::Train) { found } else { Vec::new() })
}

/// All files are others.
#[derive(Debug)]
struct NoFiles;

impl FileKind for NoFiles {
    const ONE: &'static str = "file";
    const MANY: &'static str = "files";

    fn is(_: &Path) -> bool {
        false
    }
}
