//! Pictures that are named on a command line: files, folders of them, or a list on standard input.

use std::{
    io::{self, BufRead},
    path::{Path, PathBuf},
};

use anyhow::Context;
use rekindle::data::Listing;

/// What stands for standard input.
const INPUT: &str = "-";

/// All files that are meant, in the order in which they were named: a folder's by their names, with those of the folders in it;
/// `-` is a list on standard input, a file a line.
pub(super) fn files(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if path.as_os_str() == INPUT {
            for line in io::stdin().lock().lines() {
                let line = line.context("standard input cannot be read")?;
                if !line.trim().is_empty() {
                    files.push(PathBuf::from(line.trim_end_matches(['\r', '\n'])));
                }
            }
        } else if path.is_dir() {
            let before = files.len();
            below(path, &mut files, DEEPEST)?;
            if files.len() == before {
                complain!(
                    "{}: there are no pictures in it",
                    super::output::one_line(path.display())
                );
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Folders within folders that are followed.
const DEEPEST: usize = 32;

fn below(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) -> anyhow::Result<()> {
    let Listing { folders, files, .. } = Listing::of(folder)?;
    found.extend(files);
    if let Some(depth) = depth.checked_sub(1) {
        for inner in folders {
            below(&inner, found, depth)?;
        }
    }
    Ok(())
}
