//! `results.jsonl`: the runs of a ladder that are done, a line each.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read},
    path::Path,
};

use anyhow::Context;
use rekindle_base::{open_plain, write_file};

use super::Row;

/// What is done already; a line that was cut by a kill is done again.
pub(super) fn read(log: &Path) -> anyhow::Result<Vec<Row>> {
    let text = lines(log)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// The whole log, none of it where there is none yet.
fn lines(log: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = |mut file: File| file.read_to_string(&mut text);
    match open_plain(log, OpenOptions::new().read(true)).and_then(read) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be read", log.display()))
        }
        _ => Ok(text),
    }
}

/// Adds a line. The log is small beside the runs, and is written anew: nobody finds half of it.
pub(super) fn append(log: &Path, row: &Row) -> anyhow::Result<()> {
    let mut text = lines(log)?;
    // A line that was cut must not swallow this one.
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &serde_json::to_string(row)?;
    text.push('\n');
    write_file(log, text).with_context(|| format!("{}: cannot be written", log.display()))
}
