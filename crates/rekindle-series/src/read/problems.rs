//! All that is found in a file, kind by kind, and which of it refuses the file.

use super::{Duplicates, Fill, ReadConfig};
use crate::finding::{Finding, FindingKind, Found};

/// What is counted row by row, in the order in which it is told.
const KINDS: [FindingKind; 11] = [
    FindingKind::NotNumbers,
    FindingKind::Duplicates,
    FindingKind::MixedFrequencies,
    FindingKind::BetweenSteps,
    FindingKind::Unusable,
    FindingKind::Gaps,
    FindingKind::Missing,
    FindingKind::MissingCovariates,
    FindingKind::Unsorted,
    FindingKind::OnePoint,
    FindingKind::Constant,
];

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Problems {
    pub(super) fill: Fill,
    pub(super) duplicates: Duplicates,
    /// What is told as it is, before all else.
    told: Vec<Finding>,
    counted: [Found; KINDS.len()],
}

impl Problems {
    /// Nothing yet.
    pub(super) fn new(config: &ReadConfig) -> Self {
        let &ReadConfig { fill, duplicates, .. } = config;
        Self { fill, duplicates, told: Vec::new(), counted: Default::default() }
    }

    /// Tells something.
    pub(super) fn tell(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.told.extend(findings);
    }

    /// Counts several rows, steps or series of a kind, of which one is described if it is one of the first.
    pub(super) fn add(
        &mut self,
        kind: FindingKind,
        count: usize,
        row: u64,
        example: impl FnOnce() -> String,
    ) {
        if let Some(place) = KINDS.iter().position(|other| *other == kind) {
            self.counted[place].add_many(count, row, example);
        }
    }

    /// Whether no series can be made.
    pub(super) fn is_refused(&self) -> bool {
        let counted = KINDS.iter().zip(&self.counted);
        self.told.iter().any(|finding| finding.refused)
            || counted.into_iter().any(|(kind, found)| !found.is_empty() && self.refuses(*kind))
    }

    /// Whether a kind refuses a file.
    fn refuses(&self, kind: FindingKind) -> bool {
        match kind {
            FindingKind::Gaps | FindingKind::Missing => self.fill == Fill::Refuse,
            FindingKind::Duplicates => self.duplicates == Duplicates::Refuse,
            FindingKind::MissingCovariates
            | FindingKind::Unsorted
            | FindingKind::OnePoint
            | FindingKind::Constant => false,
            _ => true,
        }
    }

    /// All that was found.
    pub(super) fn findings(self) -> Vec<Finding> {
        let remedies = self.remedies();
        let refused = KINDS.map(|kind| self.refuses(kind));
        let counted = KINDS.into_iter().zip(refused).zip(self.counted);
        let findings = counted.filter_map(|((kind, refused), found)| {
            let told = |count, examples: &str| {
                let (what, remedy) = (what(kind), remedies(kind));
                format!("{count} {what}: {examples}; {remedy}")
            };
            found.finding(kind, refused, told)
        });
        self.told.into_iter().chain(findings).collect()
    }

    /// What to do with each kind, or what is done.
    fn remedies(&self) -> impl Fn(FindingKind) -> &'static str + use<> {
        let fill = match self.fill {
            Fill::Refuse => "fill them if that is right, or leave the series out",
            Fill::Previous => "filled with the value before",
            Fill::Linear => "filled straight between their neighbours",
            Fill::Zero => "filled with zero",
        };
        let doubled = match self.duplicates {
            Duplicates::Refuse => "say which counts, or remove them",
            Duplicates::First => "the first counts",
            Duplicates::Last => "the last counts",
            Duplicates::Mean => "their mean counts",
            Duplicates::Sum => "their sum counts",
        };
        move |kind| match kind {
            FindingKind::NotNumbers => "correct them, or empty them",
            FindingKind::Duplicates => doubled,
            FindingKind::MixedFrequencies => "give each frequency a file",
            FindingKind::BetweenSteps => "correct them, or sum them up to steps",
            FindingKind::Gaps | FindingKind::Missing => fill,
            FindingKind::MissingCovariates => "filled with the value before",
            FindingKind::Unsorted => "they are put in order",
            FindingKind::OnePoint => "only the last value can be repeated",
            FindingKind::Constant => "their scaled errors are not defined",
            _ => "leave them out, or correct them",
        }
    }
}

/// What a kind is of, behind its number.
fn what(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NotNumbers => "values are no finite numbers",
        FindingKind::Duplicates => "rows are of a series and a time that another is of",
        FindingKind::MixedFrequencies => "series are of another frequency than most",
        FindingKind::BetweenSteps => "rows lie between two steps",
        FindingKind::Gaps => "steps have no row",
        FindingKind::Missing => "values are missing",
        FindingKind::MissingCovariates => "values beside those of series are missing",
        FindingKind::Unsorted => "rows are earlier than the one before them",
        FindingKind::OnePoint => "series have one point",
        FindingKind::Constant => "series never change",
        _ => "series are unusable",
    }
}
