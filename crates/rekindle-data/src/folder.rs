//! Folders of labelled pictures, one folder a label, as torchvision's `ImageFolder` reads them.
//!
//! | layout | training | validation |
//! |---|---|---|
//! | `train/LABEL/*`, `val/LABEL/*` (or `valid`, `validation`, `test`) | `train` | the other |
//! | `train/LABEL/*` alone, or `LABEL/*` | what the split leaves | a [`Split`]'s share of each label |
//!
//! Labels are numbered by the byte order of their folders' names, pictures by that of their paths. Hidden files are
//! ignored; files without a picture's extension are ignored and counted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Error, Picture, Random};

/// Extensions of files taken as pictures, whatever their case; the content decides how they are decoded.
pub const EXTENSIONS: &[&str] = &["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Names of the folder that holds the training pictures, and of those that hold the ones to validate on, first found.
const TRAIN: &str = "train";
const VALIDATION: &[&str] = &["val", "valid", "validation", "test"];

/// Most folders within folders below a label; links that lead back would go on for ever.
const MAX_DEPTH: usize = 16;

/// Where a picture is.
#[derive(Debug, Clone)]
pub enum Source {
    /// In a file, decoded whenever it is needed.
    File(PathBuf),
    /// In memory.
    Memory(Arc<Picture>),
}

/// A picture and the number of its label.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Where the picture is.
    pub source: Source,
    /// Its place in the list of labels.
    pub label: usize,
}

impl Sample {
    /// A picture in a file.
    pub fn file(path: impl Into<PathBuf>, label: usize) -> Self {
        Self { source: Source::File(path.into()), label }
    }

    /// A picture in memory.
    pub fn memory(picture: Picture, label: usize) -> Self {
        Self { source: Source::Memory(Arc::new(picture)), label }
    }

    /// The file of the picture, where it is in one.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Memory(_) => None,
        }
    }
}

/// How pictures without a validation folder are split: the same number of each label's, drawn by a seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The share of each label's pictures to validate on, in `(0, 1)`; at least one picture where a label has two.
    pub fraction: f64,
    /// Draws which ones.
    pub seed: u64,
}

impl Default for Split {
    fn default() -> Self {
        Self { fraction: 0.2, seed: 0 }
    }
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
    /// How many files were ignored because their extension is not a picture's.
    pub ignored: usize,
}

impl ImageFolder {
    /// Opens a folder to train from; `split` is used where it has no validation folder.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] for a folder that is missing or cannot be read; [`Error::Folder`] where there are fewer than two
    /// labels, a label without pictures, or nothing left to validate on; [`Error::Classes`] where the labels of the
    /// two parts differ.
    pub fn open(folder: &Path, split: &Split) -> Result<Self, Error> {
        let train_folder = part(folder, TRAIN)?;
        let validation_folder = validation(folder)?;
        match (train_folder, validation_folder) {
            (Some(train), Some(val)) => {
                let (train, val) = (Labelled::open(&train)?, Labelled::open(&val)?);
                let ignored = train.ignored + val.ignored;
                if train.classes != val.classes {
                    let (expected, found) = (train.classes, val.classes);
                    return Err(Error::Classes {
                        path: val.path,
                        origin: "the training folder",
                        expected,
                        found,
                    });
                }
                let path = folder.to_owned();
                Ok(Self {
                    path,
                    classes: train.classes,
                    train: train.samples,
                    val: val.samples,
                    ignored,
                })
            }
            (None, Some(val)) => Err(problem(
                folder,
                format!(
                    "has `{}` but no `{TRAIN}`; add it, or open a folder with one folder a label",
                    name(&val)
                ),
            )),
            (train, None) => {
                let found = Labelled::open(&train.unwrap_or_else(|| folder.to_owned()))?;
                let (train, val) = found.divide(split)?;
                Ok(Self {
                    path: folder.to_owned(),
                    classes: found.classes,
                    train,
                    val,
                    ignored: found.ignored,
                })
            }
        }
    }

    /// Opens a folder to evaluate on: its validation folder where it has one, else all of its pictures, in `val`.
    ///
    /// # Errors
    ///
    /// Those of [`ImageFolder::open`].
    pub fn evaluation(folder: &Path) -> Result<Self, Error> {
        let chosen = match validation(folder)? {
            Some(val) => val,
            None => part(folder, TRAIN)?.unwrap_or_else(|| folder.to_owned()),
        };
        let Labelled { classes, samples, ignored, .. } = Labelled::open(&chosen)?;
        Ok(Self { path: chosen, classes, train: Vec::new(), val: samples, ignored })
    }

    /// Numbers the labels as a checkpoint does, so that its outputs mean what they meant.
    ///
    /// # Errors
    ///
    /// [`Error::Classes`] shows both lists where they do not hold the same labels.
    pub fn with_classes(mut self, classes: &[String]) -> Result<Self, Error> {
        let sorted = |classes: &[String]| {
            let mut classes = classes.to_vec();
            classes.sort_unstable();
            classes
        };
        if sorted(&self.classes) != sorted(classes) {
            let (expected, found) = (classes.to_vec(), self.classes);
            return Err(Error::Classes {
                path: self.path,
                origin: "the checkpoint",
                expected,
                found,
            });
        }
        let places: Vec<usize> = self
            .classes
            .iter()
            .filter_map(|class| classes.iter().position(|other| other == class))
            .collect();
        for sample in self.train.iter_mut().chain(&mut self.val) {
            sample.label = places[sample.label];
        }
        self.classes = classes.to_vec();
        Ok(self)
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
        let Entries { folders, files, mut ignored } = entries(folder)?;
        let mut classes = Vec::new();
        let mut samples = Vec::new();
        let mut empty = Vec::new();
        for class in folders {
            let mut found = Vec::new();
            ignored += pictures(&class, MAX_DEPTH, &mut found)?;
            if found.is_empty() {
                empty.push(name(&class));
            }
            samples.extend(found.into_iter().map(|path| Sample::file(path, classes.len())));
            classes.push(name(&class));
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

    /// The samples to train on and those to validate on, each in their order.
    fn divide(&self, split: &Split) -> Result<(Vec<Sample>, Vec<Sample>), Error> {
        if !(split.fraction > 0.0 && split.fraction < 1.0) {
            let fraction = split.fraction;
            return Err(problem(
                &self.path,
                format!("cannot set aside {fraction} of it; give a fraction in (0, 1)"),
            ));
        }
        let (mut train, mut val) = (Vec::new(), Vec::new());
        for label in 0..self.classes.len() {
            let samples: Vec<&Sample> =
                self.samples.iter().filter(|sample| sample.label == label).collect();
            let mut order: Vec<usize> = (0..samples.len()).collect();
            Random::new(split.seed, 0, label as u64).shuffle(&mut order);
            let wanted = (samples.len() as f64 * split.fraction).round() as usize;
            let share = if samples.len() < 2 { 0 } else { wanted.clamp(1, samples.len() - 1) };
            let set_aside = &order[..share];
            for (place, &sample) in samples.iter().enumerate() {
                let part = if set_aside.contains(&place) { &mut val } else { &mut train };
                part.push(sample.clone());
            }
        }
        if val.is_empty() {
            return Err(problem(
                &self.path,
                "one picture a label; nothing is left to validate on, add more".to_owned(),
            ));
        }
        Ok((train, val))
    }
}

/// What a folder holds, hidden entries left out, in byte order of names.
struct Entries {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    ignored: usize,
}

fn entries(folder: &Path) -> Result<Entries, Error> {
    let read = |source| Error::Read { path: folder.to_owned(), source };
    let mut found = Entries { folders: Vec::new(), files: Vec::new(), ignored: 0 };
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if name(&path).starts_with('.') {
            continue;
        }
        let extension =
            path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        if path.is_dir() {
            found.folders.push(path);
        } else if extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str())) {
            found.files.push(path);
        } else {
            found.ignored += 1;
        }
    }
    found.folders.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    found.files.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    Ok(found)
}

/// Adds the pictures below a folder to `found`, and counts the files that are none.
fn pictures(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<usize, Error> {
    if depth == 0 {
        let problem_text =
            format!("more than {MAX_DEPTH} folders deep; look for a link that leads back");
        return Err(problem(folder, problem_text));
    }
    let Entries { folders, files, mut ignored } = entries(folder)?;
    found.extend(files);
    for inner in folders {
        ignored += pictures(&inner, depth - 1, found)?;
    }
    Ok(ignored)
}

/// A folder named as a part of the data, if it holds folders: else the name is a label's.
fn part(folder: &Path, named: &str) -> Result<Option<PathBuf>, Error> {
    let path = folder.join(named);
    Ok((path.is_dir() && !entries(&path)?.folders.is_empty()).then_some(path))
}

fn validation(folder: &Path) -> Result<Option<PathBuf>, Error> {
    for named in VALIDATION {
        if let Some(found) = part(folder, named)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn problem(folder: &Path, problem: String) -> Error {
    Error::Folder { path: folder.to_owned(), problem }
}

#[cfg(test)]
mod tests;
