//! What is found in a file of series: told with the rows that it is of, and never mended unless that is asked for.

use std::fmt;

/// How many rows or places a message names.
pub(crate) const SHOWN: usize = 5;

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Steps between two rows that no row is of.
    Gaps,
    /// Rows of the same series and time.
    Duplicates,
    /// Rows that are earlier than those before them.
    Unsorted,
    /// Series whose rows are at other distances than those of most.
    MixedFrequencies,
    /// Rows that lie between two steps.
    BetweenSteps,
    /// Series of which no values can be made.
    Unusable,
    /// Values that are empty or say that they are missing.
    Missing,
    /// The same of columns that stand beside the values of series.
    MissingCovariates,
    /// Values that are no finite numbers.
    NotNumbers,
    /// Dates that are not in the form that most have.
    MixedDates,
    /// Dates that may be day first or month first.
    AmbiguousDates,
    /// Times that are ahead of UTC by different minutes.
    MixedZones,
    /// Series of one point.
    OnePoint,
    /// Series whose values are all equal.
    Constant,
    /// What was chosen for the reader: columns, an order, a frequency.
    Chosen,
}

/// Something that was found, and its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// Whether the file cannot be used because of it, as it is read.
    pub refused: bool,
    /// How many rows, steps or series.
    pub count: usize,
    /// The first of the rows, counted from 1, the one that names the columns included.
    pub rows: Vec<u64>,
    /// What it is, as a sentence without its end, with what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The first rows of something, and how many there are.
#[derive(Debug, Default, Clone)]
pub(crate) struct Found {
    count: usize,
    rows: Vec<u64>,
    examples: Vec<String>,
}

impl Found {
    /// Counts one more, at a row, described only if it is one of the first.
    pub(crate) fn add(&mut self, row: u64, example: impl FnOnce() -> String) {
        self.add_many(1, row, example);
    }

    /// Counts several more of which one is described.
    pub(crate) fn add_many(&mut self, count: usize, row: u64, example: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(count);
        if self.examples.len() < SHOWN {
            self.rows.push(row);
            self.examples.push(example());
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What was found, if anything: the text gets its number, then its examples.
    pub(crate) fn finding(
        self,
        kind: FindingKind,
        refused: bool,
        text: impl FnOnce(usize, &str) -> String,
    ) -> Option<Finding> {
        let text = (self.count > 0).then(|| text(self.count, &self.examples.join(", ")))?;
        Some(Finding { kind, refused, count: self.count, rows: self.rows, text })
    }
}

/// A finding that is no more than a line.
pub(crate) fn chosen(text: impl Into<String>) -> Finding {
    Finding {
        kind: FindingKind::Chosen,
        refused: false,
        count: 1,
        rows: Vec::new(),
        text: text.into(),
    }
}
