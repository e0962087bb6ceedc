//! One file, from the Hub into the cache: resumed, hashed while it is written, put in place when it is right.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rekindle_base::sync_folder;
use ureq::http::{HeaderMap, Method, header};

use crate::{
    Client, DownloadEvent, Error,
    client::{Answered, Follow, plain},
    digest::{CHUNK, Hasher, Named, Sums},
    fence,
    layout::Folder,
    remote::Description,
    retry::{Again, Failure},
    url::shown,
    watch::Watch,
};

/// How much a try is to bring, in bytes, for those that failed before it to be forgotten.
const PROGRESS: u64 = 50_000;

/// A file that is to be had, and what is known of its bytes.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) repository: &'a str,
    pub(crate) file: &'a str,
    pub(crate) url: String,
    pub(crate) description: &'a Description,
    /// What a pin or an earlier use says.
    pub(crate) sha256: Option<&'a str>,
}

/// How far all files of a fetch are.
pub(crate) struct Count<'a> {
    pub(crate) done: AtomicU64,
    pub(crate) total: u64,
    pub(crate) watch: Watch<'a>,
}

impl Count<'_> {
    pub(crate) fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.watch)(DownloadEvent::Bytes { done, total: self.total });
    }

    fn subtract(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Target<'_> {
    /// What is wrong with bytes that were hashed.
    pub(crate) fn problem(&self, sums: &Sums) -> Option<String> {
        let other = self.sha256.filter(|sha256| *sha256 != sums.sha256);
        let other = other.map(|sha256| format!("SHA-256 {} instead of {sha256}", sums.sha256));
        match self.description.problem(sums) {
            Some(problem) if sums.bytes != self.description.bytes => Some(problem),
            problem => other.or(problem),
        }
    }
}

impl Description {
    /// What is wrong with bytes that were hashed, by what the Hub calls them.
    pub(crate) fn problem(&self, sums: &Sums) -> Option<String> {
        let Self { etag, bytes, .. } = self;
        if sums.bytes != *bytes {
            return Some(format!("{} bytes instead of {bytes}", sums.bytes));
        }
        let (hash, found) = match Named::of(etag) {
            Named::Sha256 => ("SHA-256", sums.sha256.as_str()),
            Named::Git => ("git's hash", sums.git.as_deref()?),
            Named::Otherwise => return None,
        };
        (found != etag).then(|| format!("{hash} {found} instead of {etag}"))
    }
}

/// Downloads a file whose lock is held, and puts it in place as a blob.
pub(crate) fn download(
    client: &Client,
    folder: &Folder,
    target: &Target<'_>,
    count: &Count<'_>,
) -> Result<Sums, Error> {
    let etag = &target.description.etag;
    let path = folder.incomplete(etag);
    let mut problem = String::new();
    // Twice: a partial file may have been damaged where it lay, and a connection can flip a bit.
    for _ in 0..2 {
        let mut partial = Partial::open(folder, &path, target, count)?;
        partial.complete(client)?;
        let Partial { file, hasher, .. } = partial;
        let sums = hasher.finish();
        match target.problem(&sums) {
            None => {
                file.sync_all().map_err(|error| full(&path, 0, error))?;
                drop(file);
                let blob = folder.blob(etag);
                fs::rename(&path, &blob).map_err(Error::io("put the file in place at", &blob))?;
                sync_folder(&folder.blobs());
                return Ok(sums);
            }
            Some(found) => {
                count.subtract(sums.bytes);
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                problem = found;
            }
        }
    }
    Err(Error::Mismatch {
        repository: target.repository.to_owned(),
        file: target.file.to_owned(),
        problem: format!("what the server sends is not the file: {problem}"),
        remedy: "nothing was kept; try again later, or another HF_ENDPOINT".to_owned(),
    })
}

/// The first bytes of a file.
struct Partial<'a> {
    path: &'a Path,
    target: &'a Target<'a>,
    count: &'a Count<'a>,
    /// Its position is its length: after the bytes that were hashed.
    file: File,
    hasher: Hasher,
    length: u64,
    /// What the sender calls the bytes, so that it sends the rest of the same ones.
    sender: Option<String>,
}

impl<'a> Partial<'a> {
    /// Opens and hashes what an earlier download has left.
    fn open(
        folder: &Folder,
        path: &'a Path,
        target: &'a Target<'a>,
        count: &'a Count<'a>,
    ) -> Result<Self, Error> {
        let total = target.description.bytes;
        // Not appended to: where two processes write in spite of the lock, they write the same bytes.
        let mut file = fence::open(&folder.cache, path)?;
        let mut hasher = Hasher::new(total);
        let mut hash = || {
            if file.metadata()?.len() > total {
                file.set_len(0)?;
            }
            hasher.read(&mut file, total)?;
            file.stream_position()
        };
        let length = hash().map_err(Error::io("read", path))?;
        count.add(length);
        let Description { etag, here, .. } = target.description;
        let sender = here.then(|| format!("\"{etag}\""));
        Ok(Self { path, target, count, file, hasher, length, sender })
    }

    /// Gets what is missing, in as many tries as it takes while each gets further.
    fn complete(&mut self, client: &Client) -> Result<(), Error> {
        let mut tries = client.tries();
        let mut best = self.length;
        while self.length < self.target.description.bytes {
            let Err(failure) = self.once(client) else { continue };
            // A few bytes a try would be tried for ever.
            if self.length >= best.saturating_add(PROGRESS) {
                tries.progressed();
                best = self.length;
            }
            tries.wait(failure, self.count.watch).map_err(|error| match error {
                Error::Network { url, problem, attempts, .. } => {
                    Error::Network { url, problem, attempts, bytes: self.length }
                }
                error => error,
            })?;
        }
        Ok(())
    }

    /// One request for the rest.
    fn once(&mut self, client: &Client) -> Result<(), Failure> {
        let range = format!("bytes={}-", self.length);
        let mut headers = Vec::new();
        if self.length > 0 {
            headers.push((header::RANGE, range.as_str()));
            headers.extend(self.sender.as_deref().map(|etag| (header::IF_RANGE, etag)));
        }
        let answered = client.get(&Method::GET, &self.target.url, &headers, Follow::All);
        let answered = match answered {
            Err(Failure { error, .. })
                if self.length > 0 && matches!(*error, Error::Status { status: 416, .. }) =>
            {
                // Nothing lies behind what is here, so it is not the beginning of this file.
                self.restart()?;
                return Ok(());
            }
            answered => answered?,
        };
        let Answered { url, response } = answered;
        if self.begins(&url, response.status().as_u16(), response.headers())? {
            self.restart()?;
        }
        let strong = |etag: &&str| etag.starts_with('"');
        let etag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
        self.sender = etag.filter(strong).map(str::to_owned);
        self.take(client, &url, client.paced(response.into_body()))
    }

    /// Whether an answer begins at the file's start though there are bytes already; refuses what is no file.
    fn begins(&self, url: &str, status: u16, headers: &HeaderMap) -> Result<bool, Failure> {
        plain(url, headers)?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let bad =
            |problem: String, again| Err(Error::Answer { url: shown(url), problem }.again(again));
        let html = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
        if html && !self.target.file.ends_with(".html") {
            let problem = "a page came instead of the file: does a proxy or a login page answer in the \
                           Hub's place?";
            return bad(problem.to_owned(), Again::Never);
        }
        let total = self.target.description.bytes;
        let start = match status {
            200 => 0,
            206 => match content_range(text(header::CONTENT_RANGE).unwrap_or_default()) {
                Some((start, whole))
                    if start == self.length && whole.is_none_or(|whole| whole == total) =>
                {
                    start
                }
                _ => return bad("another part came than was asked for".to_owned(), Again::Later),
            },
            status => {
                return bad(format!("an answer {status} came instead of the file"), Again::Never);
            }
        };
        match text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()) {
            Some(length) if length != total - start => bad(
                format!("{length} bytes are announced instead of {}", total - start),
                Again::Later,
            ),
            _ => Ok(start < self.length),
        }
    }

    /// Writes and hashes what comes.
    fn take(&mut self, client: &Client, url: &str, mut body: impl Read) -> Result<(), Failure> {
        let total = self.target.description.bytes;
        let mut chunk = vec![0; CHUNK];
        while self.length < total {
            let read = match body.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(client.lost(url, ureq::Error::from(error))),
            };
            let bytes = chunk.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                let problem = "the connection was cut".to_owned();
                let error = Error::Network { url: shown(url), problem, attempts: 1, bytes: 0 };
                return Err(error.again(Again::Later));
            }
            let bytes = bytes.get(..usize::try_from(total - self.length).unwrap_or(read).min(read));
            let bytes = bytes.unwrap_or_default();
            self.file
                .write_all(bytes)
                .map_err(|error| full(self.path, total - self.length, error))?;
            self.hasher.update(bytes);
            self.length += bytes.len() as u64;
            self.count.add(bytes.len() as u64);
        }
        Ok(())
    }

    /// Throws away what is here.
    fn restart(&mut self) -> Result<(), Error> {
        self.count.subtract(self.length);
        self.hasher = Hasher::new(self.target.description.bytes);
        self.length = 0;
        self.sender = None;
        let mut empty = || {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))
        };
        empty().map(|_| ()).map_err(Error::io("write", self.path))
    }
}

/// Where a part begins, and how long the whole is: `bytes 5-9/10`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let whole = match whole {
        "*" => None,
        whole => Some(whole.parse().ok()?),
    };
    Some((start.parse().ok()?, whole))
}

/// A failed write: of a disk that is full, or otherwise.
fn full(path: &Path, needed: u64, error: io::Error) -> Error {
    let folder = path.parent().unwrap_or(path);
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            let available = fs4::available_space(folder).unwrap_or_default();
            Error::Space { folder: folder.to_owned(), needed, available }
        }
        _ => Error::io("write", path)(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_or_refused() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "5-9/10", "bytes */10", "bytes 5-9", "bytes x-9/10", "bytes 5-9/x"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }
}
