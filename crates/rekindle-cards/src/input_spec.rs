//! What a checkpoint expects of its input, as data: in cards, in pins and in saved models.
//!
//! | kind | holds |
//! |---|---|
//! | `image` | how pixels become a tensor |
//! | `text` | the tokenizer's file, the most tokens, the columns that are read |
//! | `series` | columns, window, horizon, season, scaling, covariates |
//! | `table` | columns in order, each with how its values become numbers |
//! | `named` | one of these by name, for a model of several inputs |
//!
//! This crate reads and writes what is known of each; others prepare it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Error, Preprocessing};

mod series;
mod table;
mod text;

pub use series::{Scaling, SeriesInput};
pub use table::{Column, ColumnKind, TableInput};
pub use text::{MAX_CONTEXT, TextInput};

/// What a checkpoint expects of an item before its network is given it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InputSpec {
    /// A picture.
    Image(Preprocessing),
    /// A text, or a pair of texts.
    Text(TextInput),
    /// A window of a series.
    Series(SeriesInput),
    /// A row of a table.
    Table(TableInput),
    /// Several inputs, each under its name.
    Named(BTreeMap<String, InputSpec>),
}

/// Inputs within inputs, so that a hostile file cannot nest them without end.
const DEEPEST: usize = 2;

impl InputSpec {
    /// The preprocessing of images; `name` is the checkpoint's, for the error.
    ///
    /// # Errors
    ///
    /// [`Error::OtherInput`] with what the checkpoint takes instead.
    pub fn image(&self, name: &str) -> Result<&Preprocessing, Error> {
        match self {
            Self::Image(preprocessing) => Ok(preprocessing),
            other => Err(Error::OtherInput {
                name: name.to_owned(),
                found: other.described(),
                asked: "images",
            }),
        }
    }

    /// Which kind of input it is, as JSON names it: `image`, `text`, `series`, `table` or `named`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Text(_) => "text",
            Self::Series(_) => "series",
            Self::Table(_) => "table",
            Self::Named(_) => "named",
        }
    }

    /// What people call one item of it, and several: `text`, `texts`.
    #[must_use]
    pub fn nouns(&self) -> [&'static str; 2] {
        match self {
            Self::Image(_) => ["picture", "pictures"],
            Self::Text(_) => ["text", "texts"],
            Self::Series(_) => ["series", "series"],
            Self::Table(_) => ["row", "rows"],
            Self::Named(_) => ["example", "examples"],
        }
    }

    /// What it takes, in words: `texts of up to 256 tokens`.
    #[must_use]
    pub fn described(&self) -> String {
        match self {
            Self::Image(Preprocessing { input_size: [_, height, width], .. }) => {
                format!("images of {height} x {width} pixels")
            }
            Self::Text(text) => format!("texts of up to {} tokens", text.max_tokens),
            Self::Series(series) => {
                format!("series, {} steps to forecast {}", series.input_length, series.horizon)
            }
            Self::Table(table) => format!("rows of {} columns", table.columns.len()),
            Self::Named(inputs) => {
                let inputs =
                    inputs.iter().map(|(name, input)| format!("{name}: {}", input.described()));
                format!("several inputs ({})", inputs.collect::<Vec<_>>().join("; "))
            }
        }
    }

    /// One line a field that is out of range or contradicts another.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.problems_at(0)
    }

    fn problems_at(&self, depth: usize) -> Vec<String> {
        match self {
            Self::Image(preprocessing) => preprocessing.problems(),
            Self::Text(text) => text.problems(),
            Self::Series(series) => series.problems(),
            Self::Table(table) => table.problems(),
            Self::Named(inputs) if inputs.is_empty() => vec!["named holds no input".to_owned()],
            Self::Named(_) if depth == DEEPEST => vec!["named is nested too deep".to_owned()],
            Self::Named(inputs) => {
                let of = |(name, input): (&String, &Self)| {
                    let found = input.problems_at(depth + 1).into_iter();
                    let empty = name.is_empty().then(|| "an input has an empty name".to_owned());
                    found
                        .map(|problem| format!("{name}: {problem}"))
                        .chain(empty)
                        .collect::<Vec<_>>()
                };
                inputs.iter().flat_map(of).collect()
            }
        }
    }
}

/// Where names are empty or occur twice, one line each.
fn repeated<'a>(what: &str, names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for name in names {
        if name.is_empty() {
            problems.push(format!("{what} holds an empty name"));
        } else if !seen.insert(name) {
            problems.push(format!("{what} holds `{name}` twice"));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
