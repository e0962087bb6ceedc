//! Data sets of samples that were made in code.

use std::path::PathBuf;

use crate::{DataSet, Item, Sample, Target};

impl<L: Target, I: Item> DataSet<L, I> {
    /// Samples that were made in code, to train, to validate and to measure on: of labels or columns of numbers that are called
    /// `names`. They are taken as they are.
    pub fn from_samples(
        names: impl IntoIterator<Item = impl Into<String>>,
        [train, val, test]: [Vec<Sample<L, I>>; 3],
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        Self { path: PathBuf::new(), names, train, val, test, notes: Vec::new() }
    }
}
