//! What findings are made from.

use std::path::PathBuf;

use rekindle_data::{Part, Target};

use crate::{Finding, Kind, LabelCount, Options, Severity, contents::Contents, measure::Measured};

/// All that is known when findings are made.
pub(crate) struct Case<'a, L> {
    pub(crate) contents: &'a Contents<L>,
    /// One a picture.
    pub(crate) measured: &'a [Measured],
    /// What tells an item from all others, where it can be read.
    pub(crate) digests: &'a [Option<[u8; 32]>],
    pub(crate) options: &'a Options,
    /// One a label; none where numbers are learned.
    pub(crate) counts: &'a [LabelCount],
}

/// What a finding is, and how bad.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
}

impl<L: Target> Case<'_, L> {
    /// A finding about items; their labels are named with it.
    pub(crate) fn finding(
        &self,
        About { kind, severity }: About,
        items: &[usize],
        what: String,
        remedy: impl Into<String>,
    ) -> Finding {
        let items = || items.iter().map(|item| &self.contents.items[*item]);
        let mut labels: Vec<usize> =
            items().flat_map(|item| item.target.labels()).copied().collect();
        labels.sort_unstable();
        labels.dedup();
        Finding {
            files: items().map(|item| item.file.clone()).collect(),
            labels: labels.into_iter().map(|label| self.contents.names[label].clone()).collect(),
            ..Finding::new(kind, severity, what, remedy)
        }
    }

    /// A finding about names of what is learned, and no single item.
    pub(crate) fn about(
        &self,
        About { kind, severity }: About,
        names: &[usize],
        what: String,
        remedy: impl Into<String>,
    ) -> Finding {
        let labels = names.iter().map(|name| self.contents.names[*name].clone()).collect();
        Finding { labels, ..Finding::new(kind, severity, what, remedy) }
    }

    /// The files of items.
    pub(crate) fn files(&self, items: &[usize]) -> Vec<PathBuf> {
        items.iter().map(|item| self.contents.items[*item].file.clone()).collect()
    }

    /// The places of a part's items; what is not divided is trained on.
    pub(crate) fn of_part(&self, part: Part) -> impl Iterator<Item = usize> {
        let items = self.contents.items.iter().enumerate();
        items.filter(move |(_, item)| item.part == part).map(|(place, _)| place)
    }

    /// Whether there are parts to validate or test on.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.contents.parts.iter().any(|(other, _)| *other == part)
    }
}
