//! A part of a data set, to measure a model on.

use std::path::{Path, PathBuf};

use super::{Gathered, counts, sample};
use crate::error::problem;
use crate::label::{folded, listed, spelled};
use crate::{Error, Item, Part, Sample, Target, TargetKind};

/// The items of a part of a data set, to measure a model on.
#[derive(Debug, Clone)]
pub struct Measurable<L: Target = usize, I = PathBuf> {
    /// Where it is.
    pub path: PathBuf,
    /// Which part of the data set it is.
    pub part: Part,
    /// What is measured: labels, in the order of their numbers, or columns of numbers.
    pub names: Vec<String>,
    /// The items, ordered by label and path.
    pub samples: Vec<Sample<L, I>>,
    /// What was ignored, taken for something, or is odd, a line each.
    pub notes: Vec<String>,
}

impl<L: Target, I: Item> Measurable<L, I> {
    /// A part of what was gathered at `path`; without a name, what is there to test on, else to validate on, else all.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] where there is no such part, or a label that cannot be.
    pub fn of(path: &Path, gathered: Gathered<I>, wanted: Option<Part>) -> Result<Self, Error> {
        let has = |part: Part| gathered.rows.iter().any(|row| row.part == part);
        let first = [Part::Test, Part::Val, Part::Train].into_iter().find(|part| has(*part));
        let part = wanted.or(first).unwrap_or(Part::All);
        if part != Part::All && !has(part) {
            let name = part.name();
            return Err(problem(
                path,
                format!("has no `{name}`; add it, or leave out which part to measure on"),
            ));
        }
        let names = gathered.names(path, L::KIND)?;
        let rows = gathered.rows.into_iter();
        let rows = rows.filter(|row| part == Part::All || row.part == part);
        let samples = rows.map(|row| sample(&names, row)).collect();
        Ok(Self { path: path.to_owned(), part, names, samples, notes: gathered.notes })
    }

    /// Numbers the labels, or orders the numbers, as a checkpoint does, so that its outputs mean what they meant.
    ///
    /// A checkpoint may know labels that nothing here has: a note says so.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] names what the checkpoint does not know.
    pub fn with_names(mut self, names: &[String]) -> Result<Self, Error> {
        let place = |name: &String| names.iter().position(|other| other == name);
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        // A label that none of these items has need not be known.
        let here = counts(&self.samples, self.names.len());
        let numbers = L::KIND == TargetKind::Numbers;
        let unknown: Vec<&str> = (self.names.iter().zip(&places).zip(&here))
            .filter(|((_, place), here)| place.is_none() && (numbers || **here > 0))
            .map(|((name, _), _)| name.as_str())
            .collect();
        if !unknown.is_empty() || (numbers && places.len() != names.len()) {
            return Err(problem(&self.path, self.unknown(&unknown, names)));
        }
        let places: Vec<usize> =
            places.into_iter().map(|place| place.unwrap_or(usize::MAX)).collect();
        for sample in &mut self.samples {
            sample.label = sample.label.renumbered(&places);
        }
        self.names = names.to_vec();
        if !numbers {
            let counts = counts(&self.samples, names.len());
            let lacking = names.iter().zip(counts).filter(|(_, count)| *count == 0);
            let lacking: Vec<&str> = lacking.map(|(name, _)| name.as_str()).collect();
            if !lacking.is_empty() {
                self.notes.push(format!(
                    "nothing here is of {}, which the checkpoint knows too: measured is what is there",
                    listed(lacking)
                ));
            }
        }
        Ok(self)
    }

    fn unknown(&self, unknown: &[&str], names: &[String]) -> String {
        if unknown.is_empty() {
            return format!(
                "the checkpoint gives {}, of which {} are asked for; name the columns of all",
                listed(names.iter().map(String::as_str)),
                listed(self.names.iter().map(String::as_str))
            );
        }
        let mut text = format!(
            "the checkpoint does not know {}; its names are {}",
            listed(unknown.iter().copied()),
            listed(names.iter().map(String::as_str))
        );
        for label in unknown {
            if let Some(like) = names.iter().find(|other| folded(other) == folded(label)) {
                let (one, other) = (spelled(label), spelled(like));
                text += &format!(" ({one} looks like {other}, but is written otherwise)");
            }
        }
        text
    }
}
