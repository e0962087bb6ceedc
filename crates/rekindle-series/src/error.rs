//! What can be wrong with series, a file of them, or what is asked of them.

use std::path::{Path, PathBuf};

use crate::finding::Finding;

/// What this crate's functions report, naming the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list reports it.
    #[error(transparent)]
    Data(#[from] rekindle_data::Error),
    /// A file that holds no series as they are asked for.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A file of which nothing is guessed: all that is wrong with its rows.
    #[error("{}: {}", path.display(), told(findings))]
    Findings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        findings: Vec<Finding>,
    },
    /// Series that cannot be.
    #[error("series {id}: {problem}")]
    Series {
        /// The series' name.
        id: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// What is asked for cannot be had.
    #[error("{what}: {problem}")]
    Config {
        /// What is asked for: `windows`, `forecast`, `backtest`.
        what: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

pub(crate) fn problem(path: &Path, problem: impl Into<String>) -> Error {
    Error::File { path: path.to_owned(), problem: problem.into() }
}

pub(crate) fn config(what: &'static str, problem: impl Into<String>) -> Error {
    Error::Config { what, problem: problem.into() }
}

pub(crate) fn series(id: &str, problem: impl Into<String>) -> Error {
    Error::Series { id: id.to_owned(), problem: problem.into() }
}

fn told(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("; ")
}
