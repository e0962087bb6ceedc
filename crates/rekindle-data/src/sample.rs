//! What is learned from: an item, and what there is to be learned of it.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// What a sample is made of: a picture, a text, a row of a table, a window of a series.
pub trait Item: Clone + Debug + Send + Sync + 'static {
    /// The file that it is, where it is one.
    fn path(&self) -> Option<&Path>;
}

/// A file, of whatever kind.
impl Item for PathBuf {
    fn path(&self) -> Option<&Path> {
        Some(self)
    }
}

/// An item and its label: the number of one, or whatever else there is to be learned of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<L = usize, I = PathBuf> {
    /// What it is made of.
    pub item: I,
    /// Its place in the list of labels; of several labels, all their places.
    pub label: L,
    /// How much it counts in training, zero or more; 1 unless something else is said.
    pub weight: f32,
}

impl<L, I> Sample<L, I> {
    /// An item with its label, which counts as much as any other.
    pub fn new(item: I, label: L) -> Self {
        Self { item, label, weight: 1.0 }
    }

    /// The same with an item of another type: a file as a picture, say.
    pub fn with_item<J: From<I>>(self) -> Sample<L, J> {
        Sample { item: self.item.into(), label: self.label, weight: self.weight }
    }
}

impl<L, I: From<PathBuf>> Sample<L, I> {
    /// An item in a file.
    pub fn file(path: impl Into<PathBuf>, label: L) -> Self {
        Self::new(path.into().into(), label)
    }
}

impl<L, I: Item> Sample<L, I> {
    /// The file of the item, where it is one.
    pub fn path(&self) -> Option<&Path> {
        self.item.path()
    }
}
