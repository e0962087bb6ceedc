//! Why an event did not get into its file.

use std::{
    io,
    path::{Path, PathBuf},
};

/// What writing events can fail with; what the file held before stays readable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventFileError {
    /// The operating system refused to create or write the file.
    #[error("{path}: cannot write events; {remedy}", path = .path.display())]
    Write {
        /// The file, or the folder where it was to be.
        path: PathBuf,
        /// What to do about it.
        remedy: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A picture that TensorBoard could not show. It was not written.
    #[error("{path}: picture `{tag}` of step {step} is no PNG: {cause}; encode it as PNG", path = .path.display())]
    NotPng {
        /// The file that it was meant for.
        path: PathBuf,
        /// Its name.
        tag: String,
        /// Its step.
        step: i64,
        /// What is wrong with its header.
        cause: &'static str,
    },
    /// A histogram of values that no bucket holds. It was not written.
    #[error("{path}: {count} of {total} values of histogram `{tag}` in step {step} are not finite; lower the learning rate, or leave them out", path = .path.display())]
    NotFinite {
        /// The file that it was meant for.
        path: PathBuf,
        /// Its name.
        tag: String,
        /// Its step.
        step: i64,
        /// How many values are infinite or NaN.
        count: usize,
        /// How many values there are.
        total: usize,
    },
}

impl EventFileError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        let remedy = match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a folder that you may write to"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space on the disk",
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                "choose a path that is a folder, or can become one"
            }
            _ => "check the folder and the disk",
        };
        Self::Write { path: path.to_owned(), remedy, source }
    }
}
