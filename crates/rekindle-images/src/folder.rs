//! Folders of labelled pictures, one folder a label, as torchvision's `ImageFolder` reads them.
//!
//! | layout | training | validation | test |
//! |---|---|---|---|
//! | `train/LABEL/*`, `val/LABEL/*` (or `valid`, `validation`) | `train` | `val` | none |
//! | the same and `test/LABEL/*` | `train` | `val` | `test` |
//! | `train/LABEL/*`, `test/LABEL/*` | what the split leaves | a [`Split`]'s share of each label | `test` |
//! | `train/LABEL/*` alone, or `LABEL/*` | what the split leaves | a [`Split`]'s share of each label | none |
//! | [strips](crate::strips) of pictures, `train_*.png` and perhaps `test_*.png` | what the split leaves | a [`Split`]'s share of each label | `test_*` |
//! | a [list](rekindle_data::manifest), `*.csv` or `*.parquet` | its `train` | its `val`, else a [`Split`]'s share | its `test` |
//! | [MNIST's, CIFAR's](crate::packed) files | what the split leaves | a [`Split`]'s share of each label | theirs |
//!
//! What is called a test chooses nothing: not the best epoch, not when to stop. [`Parts`] names the folders instead.
//!
//! Labels are numbered by the byte order of their folders' names, pictures by that of their paths. Hidden files are
//! ignored; files without a picture's extension are ignored and counted.

use std::path::{Path, PathBuf};

use rekindle_data::manifest::{self, Manifest};
use rekindle_data::{Split, divide};

use crate::packed::{self, Packed};
use crate::{Error, Sample};

mod listing;
mod measurable;

pub use listing::{EXTENSIONS, Listing, MAX_DEPTH, label_of};
pub use measurable::Measurable;

/// Names of the folders that hold the parts of a data set; of several, the first found.
const TRAIN: &str = "train";
const VALIDATION: &[&str] = &["val", "valid", "validation"];
const TEST: &str = "test";

/// The folders of a data set's parts, each with one folder a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// To train on, and to split off from what has no folder of its own.
    pub train: PathBuf,
    /// To validate on; without, a [`Split`]'s share of the training pictures.
    pub val: Option<PathBuf>,
    /// To measure on once, at the end.
    pub test: Option<PathBuf>,
}

/// The labels and pictures of a folder.
#[derive(Debug, Clone)]
pub struct ImageFolder {
    /// The folder.
    pub path: PathBuf,
    /// The labels; a sample's label is a place in this list.
    pub classes: Vec<String>,
    /// The pictures to train on, ordered by label and path.
    pub train: Vec<Sample>,
    /// The pictures to validate on, ordered by label and path.
    pub val: Vec<Sample>,
    /// The pictures to measure on once, at the end, ordered by label and path; perhaps none.
    pub test: Vec<Sample>,
    /// How many files were ignored because their extension is not a picture's.
    pub ignored: usize,
}

impl Parts {
    /// The parts of a folder by their names.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] for a folder that is missing or cannot be read; [`Error::Folder`] where there is something to
    /// measure on but nothing to train on.
    pub fn find(folder: &Path) -> Result<Self, Error> {
        let (train, val, test) = (part(folder, TRAIN)?, validation(folder)?, part(folder, TEST)?);
        let train = match (train, val.as_ref().or(test.as_ref())) {
            (Some(train), _) => train,
            (None, None) => folder.to_owned(),
            (None, Some(other)) => {
                let other = label_of(other);
                return Err(problem(
                    folder,
                    format!(
                        "has `{other}` but no `{TRAIN}`; add it, or open a folder with one folder a label"
                    ),
                ));
            }
        };
        Ok(Self { train, val, test })
    }
}

impl ImageFolder {
    /// Opens a folder to train from; `split` is used where it has no validation folder.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] for a folder that is missing or cannot be read; [`Error::Folder`] where there are fewer than two
    /// labels, a label without pictures, or nothing left to validate on; [`Error::Classes`] where the labels of the
    /// parts differ.
    pub fn open(folder: &Path, split: &Split) -> Result<Self, Error> {
        if manifest::is_manifest(folder) {
            return Self::listed(folder, split);
        }
        match packed::open(folder)? {
            Some(Packed { classes, train, test }) => {
                let (train, val) = divide(folder, &train, classes.len(), split)?;
                let path = folder.to_owned();
                Ok(Self { path, classes, train, val, test, ignored: 0 })
            }
            None => Ok(Self { path: folder.to_owned(), ..Self::of(&Parts::find(folder)?, split)? }),
        }
    }

    fn listed(path: &Path, split: &Split) -> Result<Self, Error> {
        let Manifest { classes, train, val, test, .. } = manifest::open_divided(path, split)?;
        let [train, val, test] = [train, val, test].map(in_files);
        Ok(Self { path: path.to_owned(), classes, train, val, test, ignored: 0 })
    }

    /// Opens folders to train from and to measure on; `split` is used where there is none to validate on.
    ///
    /// # Errors
    ///
    /// Those of [`ImageFolder::open`].
    pub fn of(parts: &Parts, split: &Split) -> Result<Self, Error> {
        let found = Labelled::open(&parts.train)?;
        let mut ignored = found.ignored;
        let mut other = |part: &Option<PathBuf>| -> Result<Option<Vec<Sample>>, Error> {
            let Some(part) = part else { return Ok(None) };
            let part = Labelled::open(part)?;
            if part.classes != found.classes {
                return Err(Error::Classes {
                    path: part.path,
                    origin: "the training folder",
                    expected: found.classes.clone(),
                    found: part.classes,
                });
            }
            ignored += part.ignored;
            Ok(Some(part.samples))
        };
        let (val, test) = (other(&parts.val)?, other(&parts.test)?.unwrap_or_default());
        let (train, val) = match val {
            Some(val) => (found.samples, val),
            None => divide(&parts.train, &found.samples, found.classes.len(), split)?,
        };
        Ok(Self { path: parts.train.clone(), classes: found.classes, train, val, test, ignored })
    }
}

/// The labels and pictures below one folder.
struct Labelled {
    path: PathBuf,
    classes: Vec<String>,
    samples: Vec<Sample>,
    ignored: usize,
}

impl Labelled {
    fn open(folder: &Path) -> Result<Self, Error> {
        let Listing { folders, files, others } = Listing::of(folder)?;
        let mut ignored = others.len();
        let mut classes = Vec::new();
        let mut samples = Vec::new();
        let mut empty = Vec::new();
        for class in folders {
            let mut found = Vec::new();
            ignored += pictures(&class, MAX_DEPTH, &mut found)?;
            if found.is_empty() {
                empty.push(label_of(&class));
            }
            samples.extend(found.into_iter().map(|path| Sample::file(path, classes.len())));
            classes.push(label_of(&class));
        }
        if samples.is_empty() {
            let loose = files.len();
            return Err(problem(
                folder,
                format!(
                    "holds no labelled pictures ({loose} beside them); make a folder a label and put pictures in it"
                ),
            ));
        }
        if !empty.is_empty() {
            let empty = empty.join(", ");
            return Err(problem(
                folder,
                format!("no pictures in [{empty}]; add some or remove the folders"),
            ));
        }
        if classes.len() < 2 {
            let only = classes.join(", ");
            return Err(problem(
                folder,
                format!("one label alone, {only}; there is nothing to tell apart, add another"),
            ));
        }
        // A picture beside the folders has no label.
        ignored += files.len();
        Ok(Self { path: folder.to_owned(), classes, samples, ignored })
    }
}

/// The files of a list, as pictures.
fn in_files(files: Vec<rekindle_data::Sample>) -> Vec<Sample> {
    files.into_iter().map(rekindle_data::Sample::with_item).collect()
}

/// Adds the pictures below a folder to `found`, and counts the files that are none.
fn pictures(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<usize, Error> {
    if depth == 0 {
        let problem_text =
            format!("more than {MAX_DEPTH} folders deep; look for a link that leads back");
        return Err(problem(folder, problem_text));
    }
    let Listing { folders, files, others } = Listing::of(folder)?;
    let mut ignored = others.len();
    found.extend(files);
    for inner in folders {
        ignored += pictures(&inner, depth - 1, found)?;
    }
    Ok(ignored)
}

/// A folder named as a part of the data, if it holds folders: else the name is a label's.
fn part(folder: &Path, named: &str) -> Result<Option<PathBuf>, Error> {
    let path = folder.join(named);
    Ok((path.is_dir() && !Listing::of(&path)?.folders.is_empty()).then_some(path))
}

fn validation(folder: &Path) -> Result<Option<PathBuf>, Error> {
    for named in VALIDATION {
        if let Some(found) = part(folder, named)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn problem(folder: &Path, problem: String) -> Error {
    Error::Folder { path: folder.to_owned(), problem }
}

#[cfg(test)]
mod tests;
