//! What can keep weights from being had.

use std::{io, path::PathBuf};

/// What this crate's functions report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The card's weights are not on the Hub.
    #[error(
        "{card} has no repository on the Hub: its weights exist only as a file; give that file's path instead"
    )]
    NoRepository {
        /// The card's name.
        card: String,
    },
    /// A name that no repository, revision or file can have.
    #[error("`{name}` is no {kind}: {problem}")]
    Name {
        /// What the name was to be of.
        kind: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Files are not in the cache.
    #[error("{repository}: not in the cache: {} (looked in {}); {remedy}", missing.join(", "), folder.display())]
    Absent {
        /// The repository on the Hub.
        repository: String,
        /// The files that are missing.
        missing: Vec<String>,
        /// Where they would be.
        folder: PathBuf,
        /// What to do.
        remedy: String,
    },
    /// A file in the cache is not what it is to be.
    #[error("{}: damaged: {problem}; {remedy}", path.display())]
    Damaged {
        /// The file in the cache.
        path: PathBuf,
        /// What was found, and what is right.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The Hub offers other bytes than those that a pin or an earlier use says.
    #[error("{repository}: {file}: {problem}; {remedy}")]
    Mismatch {
        /// The repository on the Hub.
        repository: String,
        /// The file within the repository.
        file: String,
        /// Who says what.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A server refused.
    #[error("{url}: the server answered {status}{}; {remedy}", said(message))]
    Status {
        /// What was asked for, without its query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The server's own words, if it had any.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// A server answered, but not as a Hub does.
    #[error("{url}: {problem}")]
    Answer {
        /// What was asked for, without its query.
        url: String,
        /// What is wrong with the answer, and what may be behind it.
        problem: String,
    },
    /// No server could be reached, or none kept sending.
    #[error("{url}: {problem}, {}; check the network and proxies, then try again{}", tries(*attempts), resumes(*bytes))]
    Network {
        /// What was asked for, without its query.
        url: String,
        /// What went wrong the last time.
        problem: String,
        /// How often it was tried without getting any further.
        attempts: u32,
        /// Bytes of the file that are kept, for the next try to go on from.
        bytes: u64,
    },
    /// Something needs the network, which is not to be used.
    #[error("{wanted} takes a network, and HF_HUB_OFFLINE is set: unset it")]
    Offline {
        /// What was wanted.
        wanted: String,
    },
    /// Something is to be pushed, and nobody says who pushes it.
    #[error(
        "{repository}: pushing takes a token that may write: make one at {endpoint}/settings/tokens, then set \
         HF_TOKEN or run `hf auth login`"
    )]
    NoToken {
        /// The repository on the Hub.
        repository: String,
        /// The Hub.
        endpoint: String,
    },
    /// A repository was to be private and is not.
    #[error(
        "{repository}: exists, and everybody may see it; make it private on the Hub, or leave --private out"
    )]
    Public {
        /// The repository on the Hub.
        repository: String,
    },
    /// The disk is too full.
    #[error(
        "{}: {needed} bytes are needed and {available} are free: make room, or set HF_HUB_CACHE to a folder on another disk",
        folder.display()
    )]
    Space {
        /// The cache.
        folder: PathBuf,
        /// What is still to be written, in bytes.
        needed: u64,
        /// What the disk has left, in bytes.
        available: u64,
    },
    /// The repository has no weights that this project reads.
    #[error(
        "{repository}: has neither model.safetensors nor pytorch_model.bin, but {files}; ask its authors for safetensors"
    )]
    NoWeights {
        /// The repository on the Hub.
        repository: String,
        /// What it has instead.
        files: String,
    },
    /// A file of the cache or of the settings is not laid out as its kind is.
    #[error("{}: {problem}; mend or remove it", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something of the cache lies elsewhere than it says.
    #[error(
        "{}: {problem}, and nothing is changed by way of it: take it away, or set HF_HUB_CACHE to a cache of your own",
        path.display()
    )]
    Outside {
        /// The file or folder.
        path: PathBuf,
        /// What it is instead of a file or folder of its own.
        problem: String,
    },
    /// Another process holds a lock and gets no further.
    #[error(
        "{}: another process has held this lock for {waited:.0} s without getting any further: end that process, or \
         remove the file where there is none",
        path.display()
    )]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for, in seconds.
        waited: f64,
    },
    /// A file is longer than any of its kind is.
    #[error(
        "{what}: has {bytes} bytes, and {limit} is the limit of such a file; it is not downloaded"
    )]
    TooLong {
        /// The file, and where it is.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The most that it may have, in bytes.
        limit: u64,
    },
    /// A file was first used from another endpoint than the one that is asked now.
    #[error("{repository}: {file} {problem}: {remedy}")]
    Elsewhere {
        /// The repository on the Hub.
        repository: String,
        /// The file within the repository.
        file: String,
        /// From which endpoint it was first used, on which day, and which is asked now.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The file system refused.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was to be done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A card or pin cannot be read.
    #[error(transparent)]
    Cards(#[from] rekindle_cards::Error),
}

impl Error {
    /// For `map_err`: what was being done to which file.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

fn tries(attempts: u32) -> String {
    match attempts {
        1 => "once".to_owned(),
        attempts => format!("{attempts} times in a row"),
    }
}

fn resumes(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!(" (it goes on after the {bytes} bytes it has)") }
}
