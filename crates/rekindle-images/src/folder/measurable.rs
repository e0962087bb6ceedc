//! A part of a data set, to measure a model on.

use std::path::{Path, PathBuf};

use rekindle_data::Part;
use rekindle_data::manifest::{self, Manifest};

use super::{Labelled, TEST, TRAIN, in_files, part, problem, validation};
use crate::packed::{self, Packed};
use crate::{Error, Sample};

/// The labels and pictures of a part of a folder, to measure a model on.
#[derive(Debug, Clone)]
pub struct Measurable {
    /// The folder.
    pub path: PathBuf,
    /// Which part of the data set it is.
    pub part: Part,
    /// The labels; a sample's label is a place in this list.
    pub classes: Vec<String>,
    /// The pictures, ordered by label and path.
    pub samples: Vec<Sample>,
}

impl Measurable {
    /// Opens a part of a folder; without a name, its test pictures where it has those, else its validation pictures,
    /// else all.
    ///
    /// # Errors
    ///
    /// Those of [`ImageFolder::open`](super::ImageFolder::open), and [`Error::Folder`] where the folder has no such part.
    pub fn open(folder: &Path, wanted: Option<Part>) -> Result<Self, Error> {
        let absent = |part: Part| {
            let name = part.name();
            problem(
                folder,
                format!("has no `{name}`; add it, or leave out which part to measure on"),
            )
        };
        let path = folder.to_owned();
        let in_parts = match manifest::is_manifest(folder) {
            true => {
                let Manifest { classes, train, val, test, .. } = manifest::open(folder)?;
                Some((classes, [train, val, test].map(in_files)))
            }
            false => packed::open(folder)?
                .map(|Packed { classes, train, test }| (classes, [train, Vec::new(), test])),
        };
        if let Some((classes, [train, val, test])) = in_parts {
            let (part, samples) = match wanted {
                Some(Part::All) => (Part::All, [train, val, test].concat()),
                Some(Part::Test) => (Part::Test, test),
                Some(Part::Val) => (Part::Val, val),
                Some(Part::Train) => (Part::Train, train),
                None if !test.is_empty() => (Part::Test, test),
                None if !val.is_empty() => (Part::Val, val),
                None => (Part::Train, train),
            };
            return match samples.is_empty() {
                true => Err(absent(part)),
                false => Ok(Self { path, part, classes, samples }),
            };
        }
        let (test, val) = (part(folder, TEST)?, validation(folder)?);
        let (part, path) = match wanted {
            Some(Part::Train) => (Part::Train, part(folder, TRAIN)?),
            Some(Part::Val) => (Part::Val, val),
            Some(Part::Test) => (Part::Test, test),
            Some(Part::All) => (Part::All, Some(path)),
            None => match (test, val, part(folder, TRAIN)?) {
                (Some(test), _, _) => (Part::Test, Some(test)),
                (None, Some(val), _) => (Part::Val, Some(val)),
                (None, None, Some(train)) => (Part::Train, Some(train)),
                (None, None, None) => (Part::All, Some(path)),
            },
        };
        let path = path.ok_or_else(|| absent(part))?;
        let Labelled { classes, samples, .. } = Labelled::open(&path)?;
        Ok(Self { path, part, classes, samples })
    }

    /// Numbers the labels as a checkpoint does, so that its outputs mean what they meant.
    ///
    /// # Errors
    ///
    /// [`Error::Classes`] shows both lists where they do not hold the same labels.
    pub fn with_classes(self, classes: &[String]) -> Result<Self, Error> {
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
        self.with_some_of(classes)
    }

    /// Numbers the labels as a checkpoint does that knows others too.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] names the labels that the checkpoint does not know.
    pub fn with_some_of(mut self, classes: &[String]) -> Result<Self, Error> {
        let (known, unknown): (Vec<_>, Vec<_>) = (self.classes.iter())
            .map(|class| classes.iter().position(|other| other == class).ok_or(class.as_str()))
            .partition(Result::is_ok);
        let unknown: Vec<&str> = unknown.into_iter().filter_map(Result::err).collect();
        if !unknown.is_empty() {
            let problem_text = format!(
                "the checkpoint does not know [{}]; its labels are such as [{}]",
                unknown.join(", "),
                classes[..classes.len().min(5)].join(", ")
            );
            return Err(problem(&self.path, problem_text));
        }
        let places: Vec<usize> = known.into_iter().filter_map(Result::ok).collect();
        for sample in &mut self.samples {
            sample.label = places[sample.label];
        }
        self.classes = classes.to_vec();
        Ok(self)
    }
}
