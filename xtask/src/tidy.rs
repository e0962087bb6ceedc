//! `cargo xtask tidy`: reads the tree and reports at once everything that no compiler checks.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use tree::File;

mod book;
mod cards;
mod circles;
mod errors;
mod manifests;
mod mask;
mod sources;
mod texts;
mod tree;

/// Something to mend, where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// Counted from one.
    line: usize,
    message: String,
}

impl Problem {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Prints one line a problem; fails if there is any.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let root = crate::root()?;
    let files = tree::read(&root)?;
    let problems = problems(&root, &files);
    for problem in &problems {
        println!("{problem}");
    }
    println!("tidy: {} to mend in {} files", count(problems.len()), files.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// READMEs that are not what `cargo xtask readmes` writes.
fn readmes(root: &Path) -> Vec<Problem> {
    let wanted = match crate::readmes::wanted(root) {
        Ok(wanted) => wanted,
        Err(error) => return vec![Problem::new("crates", 1, format!("{error:#}"))],
    };
    let other = wanted.into_iter().filter(|readme| {
        std::fs::read_to_string(root.join(&readme.path)).ok().as_ref() != Some(&readme.text)
    });
    let message = "is not what lib.rs says: `cargo xtask readmes` writes it";
    other.map(|readme| Problem::new(&readme.path.to_string_lossy(), 1, message)).collect()
}

fn problems(root: &Path, files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(sources::problems(files));
    problems.extend(circles::problems(files));
    problems.extend(errors::problems(files));
    problems.extend(texts::problems(files));
    problems.extend(manifests::problems(files));
    problems.extend(cards::problems(root, files));
    problems.extend(readmes(root));
    problems.extend(book::problems(files));
    problems.sort();
    problems
}

fn count(problems: usize) -> String {
    match problems {
        0 => "nothing".to_owned(),
        1 => "1 problem".to_owned(),
        number => format!("{number} problems"),
    }
}
