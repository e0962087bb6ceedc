//! Disaster tweets as a well-known course divides them.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use rekindle::data::manifest::Table;

/// A tweet, its label, and whether it is one of those that the course validates on.
pub(crate) struct Tweet {
    pub(crate) text: String,
    pub(crate) label: String,
    pub(crate) is_validated_on: bool,
}

/// Those of `train.csv`, by the numbers in `course_validation_ids.txt`.
pub(crate) fn tweets(folder: &Path) -> Result<Vec<Tweet>> {
    let ids = fs::read_to_string(folder.join("course_validation_ids.txt"))?;
    let ids: BTreeSet<&str> = ids.lines().map(str::trim).collect();
    let table = Table::open(&folder.join("train.csv"))?;
    let column = |name: &str| table.column(&[name]).with_context(|| format!("no column {name}"));
    let [id, text, target] = [column("id")?, column("text")?, column("target")?];
    let tweet = |(_, cells): &(u64, Vec<String>)| Tweet {
        text: cells[text].clone(),
        label: cells[target].clone(),
        is_validated_on: ids.contains(cells[id].trim()),
    };
    Ok(table.rows.iter().map(tweet).collect())
}
