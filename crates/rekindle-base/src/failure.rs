//! What the file system refused, and what errors say of their causes.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

/// A file or folder that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be {done}; check the folder's permissions and the disk's space", path.display())]
pub struct PathError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was tried: `opened`, `read`, `written` and the like.
    pub done: &'static str,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl PathError {
    /// For `map_err`: what was tried with which file.
    pub fn of(path: &Path, done: &'static str) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path: path.clone(), done, source }
    }
}

/// An error with its causes in one text, each said once.
///
/// Errors of ours leave their causes out of their own text; an error of others may hold the text of its cause already.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the run ended: {0}")]
    struct Wordy(#[source] PathError);

    #[test]
    fn each_cause_is_said_once() {
        let cause = || io::Error::other("the disk is on fire");
        let path = || PathError::of(Path::new("a.bin"), "written")(cause());
        let said = "a.bin: cannot be written; check the folder's permissions and the disk's space";
        assert_eq!(path().to_string(), said);
        let rows: [(Box<dyn Error>, String); 4] = [
            (Box::new(cause()), "the disk is on fire".to_owned()),
            (Box::new(path()), format!("{said}: the disk is on fire")),
            (Box::new(crate::Error::from(path())), format!("{said}: the disk is on fire")),
            (Box::new(Wordy(path())), format!("the run ended: {said}: the disk is on fire")),
        ];
        for (error, expected) in rows {
            assert_eq!(causes(&*error), expected);
        }
    }
}
