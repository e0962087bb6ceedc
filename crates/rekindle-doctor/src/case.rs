//! What findings are made from.

use std::path::PathBuf;

use rekindle_data::Part;

use crate::{Finding, Kind, LabelCount, Options, Severity, contents::Contents, measure::Measured};

/// All that is known when findings are made.
pub(crate) struct Case<'a> {
    pub(crate) contents: &'a Contents,
    /// One an item.
    pub(crate) measured: &'a [Measured],
    pub(crate) options: &'a Options,
    /// One a label.
    pub(crate) counts: &'a [LabelCount],
}

/// What a finding is, and how bad.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
}

impl Case<'_> {
    /// A finding about items; their labels are named with it.
    pub(crate) fn finding(
        &self,
        About { kind, severity }: About,
        items: &[usize],
        what: String,
        remedy: impl Into<String>,
    ) -> Finding {
        let items = || items.iter().map(|item| &self.contents.items[*item]);
        let mut labels: Vec<usize> = items().map(|item| item.label).collect();
        labels.sort_unstable();
        labels.dedup();
        Finding {
            kind,
            severity,
            files: items().map(|item| item.file.clone()).collect(),
            labels: labels.into_iter().map(|label| self.contents.labels[label].clone()).collect(),
            what,
            remedy: remedy.into(),
            left_out: Vec::new(),
            score: None,
        }
    }

    /// The files of items.
    pub(crate) fn files(&self, items: &[usize]) -> Vec<PathBuf> {
        items.iter().map(|item| self.contents.items[*item].file.clone()).collect()
    }

    /// Whether there are parts to validate or test on.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.contents.parts.iter().any(|(other, _)| *other == part)
    }
}
