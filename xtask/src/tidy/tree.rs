//! The text files that git tracks, or, outside a checkout, all of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// Folders that a walk leaves out.
const IGNORED: [&str; 3] = [".git", "runs", "target"];

/// A text file of the tree.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// From the root, with `/` between the parts.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every text file; links, binary files and files that are gone are left out.
pub(super) fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    let paths = match tracked(root) {
        Some(paths) => paths,
        None => walk(root)?,
    };
    let mut files = Vec::new();
    for path in paths {
        let full = root.join(&path);
        if !fs::symlink_metadata(&full).is_ok_and(|found| found.is_file()) {
            continue;
        }
        let bytes =
            fs::read(&full).with_context(|| format!("could not read {}", full.display()))?;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        files.extend(text.map(|text| File { path, text }));
    }
    Ok(files)
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().ok()?;
    let listed = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn walk(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("could not list {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("could not list {}", folder.display()))?;
            let kind = entry
                .file_type()
                .with_context(|| format!("could not ask for {:?}", entry.path()))?;
            if kind.is_dir() && !IGNORED.iter().any(|name| entry.file_name() == *name) {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                let parts =
                    path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy().into_owned());
                paths.push(parts.collect::<Vec<_>>().join("/"));
            }
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_a_walk_find_the_same_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let walked = walk(&root).unwrap();
        assert!(
            walked.contains(&"main.rs".to_owned()) && walked.contains(&"tidy/tree.rs".to_owned())
        );
        for path in tracked(&root).unwrap_or_default() {
            assert!(walked.contains(&path) || !root.join(&path).exists(), "{path}");
        }
    }
}
