//! Words of a command line and paths of items, as a report may show them.

use std::path::{Component, Path};

/// Whether an item's path leads out of the folders that data is in: by itself, or by a `..`.
pub(super) fn leads_out(path: &Path, data: &[&Path]) -> bool {
    let within = |data: &&Path| {
        let folder = if data.is_dir() { data } else { data.parent().unwrap_or(Path::new("")) };
        let inner = path.strip_prefix(folder);
        inner.is_ok_and(|inner| inner.components().all(|part| matches!(part, Component::Normal(_))))
    };
    !data.iter().any(within)
}

/// A word as a shell reads it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,@%+-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
