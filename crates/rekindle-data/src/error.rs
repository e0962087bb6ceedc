//! What can be wrong with samples, a list of them or batches.

use std::path::{Path, PathBuf};

use crate::label::SHOWN;

/// What this crate's functions report, naming the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read; check that it exists and that its permissions allow it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A folder or a list that does not hold a data set.
    #[error("{}: {problem}", path.display())]
    Folder {
        /// The folder or list at fault.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// Batches that cannot be formed.
    #[error("batches: {problem}")]
    Batches {
        /// What is wrong, and what to do.
        problem: String,
    },
    /// What prepares an item panicked, which is a bug in this crate or below it.
    #[error(
        "{name}: the worker that prepared it panicked: {message}; remove it, and report it as a bug"
    )]
    Panicked {
        /// The item, or where it stands in its data set.
        name: String,
        /// What the panic said.
        message: String,
    },
}

pub(crate) fn problem(path: &Path, problem: String) -> Error {
    Error::Folder { path: path.to_owned(), problem }
}

/// The first of some problems, and how many more there are.
pub(crate) fn shortened(problems: &[String], between: &str) -> String {
    let first = problems[..problems.len().min(SHOWN)].join(between);
    match problems.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first}{between}and {more} more"),
    }
}

/// Problems of a file that may have any number of them: the first are kept, the others counted.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    first: Vec<String>,
    count: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(problem);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The first, and how many more there are.
    pub(crate) fn told(&self, between: &str) -> String {
        let first = self.first.join(between);
        match self.count - self.first.len() {
            0 => first,
            more => format!("{first}{between}and {more} more"),
        }
    }
}

/// Where bytes stop being text, in lines and in letters, both counted from one.
pub fn not_utf8(error: &std::string::FromUtf8Error) -> String {
    let bytes = error.as_bytes();
    let valid = error.utf8_error().valid_up_to();
    let line = bytes[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = bytes[..valid].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    // A byte that begins a letter.
    let letters = bytes[start..valid].iter().filter(|byte| (**byte as i8) >= -0x40).count();
    let byte = bytes.get(valid).copied().unwrap_or_default();
    format!("at line {line}, column {} is the byte {byte:#04x}, which is not UTF-8", letters + 1)
}

/// Letters that a message quotes of a value, which may be as long as a line.
const QUOTED: usize = 100;

/// The start of a value, for a message.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// What a panic said, where it said it in text.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
