//! Words of a command line and paths of items, as a report may show them.

use std::path::{Component, Path};

use rekindle::SetOf;

use super::{
    super::{answers::Answers, kind::Kind, output::one_line},
    Arguments,
};

impl Arguments {
    /// Says so where the report may show paths that lead out of the data's folder: whoever gets it learns where they lie.
    pub(super) fn warn_of_paths<M: Kind, L: Answers>(&self, set: &SetOf<M, L>) {
        let folders = self.data.folders();
        let samples = [&set.train, &set.val, &set.test].into_iter().flatten();
        let mut outside = samples
            .filter_map(|sample| sample.path())
            .filter(|path| leads_out(path, &folders))
            .peekable();
        let Some(first) = outside.peek().copied().filter(|_| !self.private_report) else { return };
        complain!(
            "{} {} lie outside of the data's folder, such as {}; report.html and run.json may name their files: --private-report leaves paths and the command out",
            outside.count(),
            M::MANY,
            one_line(first.display())
        );
    }
}

/// Whether an item's path leads out of the folders that data is in: by itself, or by a `..`.
fn leads_out(path: &Path, data: &[&Path]) -> bool {
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
