//! What can go wrong with the record of a run: which file, why, and what to do about it.

use std::path::PathBuf;

/// Everything that reading or writing a record can fail with.
///
/// Every message names the file, the cause and a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at this path.
    #[error("{path}: no such file; check the path, or let a run finish first", path = .path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },

    /// The operating system refused to open or read the file.
    #[error("{path}: cannot read the file; check its permissions and the disk", path = .path.display())]
    Read {
        /// The file that was read.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },

    /// A file too large to be the record of a run.
    #[error("{path}: more than {limit} bytes, the limit for a run's record; check that it is a run.json", path = .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },

    /// The file was cut short or edited, or is something else.
    #[error("{path}: not the record of a run; restore the file, or run the training again", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        #[source]
        source: serde_json::Error,
    },

    /// The record was written in a format that this version does not know.
    #[error("{path}: written in format {found}, but this version reads format {known}; use the version of rekindle that wrote it", path = .path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The format it says it has.
        found: u64,
        /// The one format that is read.
        known: u64,
    },

    /// The operating system refused to write the file; what lay there before still does.
    #[error("{path}: cannot write the file; check that its folder exists, its permissions and the disk's space", path = .path.display())]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}
