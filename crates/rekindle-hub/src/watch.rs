//! What a fetch tells its caller while it runs.

use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadEvent<'a> {
    /// Bytes have arrived.
    Bytes {
        /// Bytes that are here, of all files of this fetch.
        done: u64,
        /// Bytes of all files of this fetch.
        total: u64,
    },
    /// A request failed and is sent again after a wait.
    Retry {
        /// Which request: its address, without the query.
        url: &'a str,
        /// What failed.
        problem: &'a str,
        /// How long the wait is.
        wait: Duration,
    },
    /// Another process is downloading the file; this one waits for it.
    Locked {
        /// The file within the repository.
        file: &'a str,
    },
    /// The token stays here: the endpoint would have it in clear, and is not this machine.
    TokenWithheld {
        /// The endpoint.
        endpoint: &'a str,
    },
    /// A file in the cache is damaged and is downloaded again.
    Damaged {
        /// The file within the repository.
        file: &'a str,
    },
}

/// Who is told; called from several threads.
pub type Watch<'a> = &'a (dyn Fn(DownloadEvent<'_>) + Sync);

/// For [`Watch`]: nobody is told.
pub fn unwatched(_: DownloadEvent<'_>) {}
