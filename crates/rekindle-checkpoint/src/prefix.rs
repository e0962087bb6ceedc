//! What a wrapper has put before every name: `model.`, `module._orig_mod.`, `backbone.` and the like.

use std::collections::{BTreeMap, BTreeSet};

use rekindle_files::CheckpointFile;

use crate::Naming;

/// How a file's names begin, compared with the network's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// All with this, which may be empty: the rest are the network's names, or none is.
    All(String),
    /// A line that says why there is no use in comparing names one by one.
    None(String),
}

/// Parts of a name that may be a prefix together; more are no wrapper's.
const MAX_PARTS: usize = 16;
/// Names that a line shows.
const SHOWN: usize = 3;

/// Finds what stands before every name, `expected` being the network's.
pub(crate) fn find(expected: &BTreeSet<&str>, file: &CheckpointFile, naming: &Naming) -> Prefix {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut plain = 0;
    for (name, _) in file.tensors() {
        plain += usize::from(expected.contains(name));
        for (dot, _) in name.match_indices('.').take(MAX_PARTS) {
            if expected.contains(&name[dot + 1..]) {
                *counts.entry(&name[..=dot]).or_default() += 1;
            }
        }
    }
    // Of two that are equal, the shorter is the first.
    let best = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    let Some((prefix, count)) = best.filter(|(_, count)| *count > plain) else {
        return unprefixed(plain, expected, file);
    };
    let outside: Vec<&str> = file
        .tensors()
        .map(|(name, _)| name)
        .filter(|name| !name.starts_with(prefix) && naming.unused(name).is_none())
        .collect();
    if outside.is_empty() {
        return Prefix::All(prefix.to_owned());
    }
    if count * 2 <= expected.len() {
        return unprefixed(plain, expected, file);
    }
    Prefix::None(format!(
        "`{prefix}` stands before {count} of the network's {} names, but not before {}: save the \
         file again without it",
        expected.len(),
        some(&outside)
    ))
}

/// As the names are, unless not one is the network's.
fn unprefixed(plain: usize, expected: &BTreeSet<&str>, file: &CheckpointFile) -> Prefix {
    let found: Vec<&str> = file.tensors().map(|(name, _)| name).collect();
    if plain > 0 || expected.is_empty() || found.is_empty() {
        return Prefix::All(String::new());
    }
    let expected: Vec<&str> = expected.iter().copied().collect();
    Prefix::None(format!(
        "no name of the file is one of the network's: the file has {}, the network {}",
        some(&found),
        some(&expected)
    ))
}

/// The first names, and how many more there are.
fn some(names: &[&str]) -> String {
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
