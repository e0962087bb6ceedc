//! SHA-256 of files' content, computed once a change and not once a use.
//!
//! A file counts as unchanged while its path, size, inode and times of change are. The second of those times is the
//! system's own, which no program sets: a file that was put back with its old date is hashed again.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    io::{self, Read},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};

use crate::{Error, Header, Key, RecordFile, Sizes, key, open_regular};

#[cfg(test)]
mod tests;

/// How much is read and hashed at once: what a core's second cache holds.
const CHUNK: usize = 256 * 1024;

/// The SHA-256 of a file's content, read to its end.
///
/// # Errors
///
/// If it cannot be read.
pub fn digest_file(path: &Path) -> io::Result<Key> {
    let mut file = open_regular(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What changes with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Its size.
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: u128,
    /// By the system's own account, in nanoseconds since 1970; zero where it keeps none.
    pub changed: i128,
    /// Zero where the system has none.
    pub inode: u64,
}

impl FileState {
    /// The state of the file that a path leads to.
    ///
    /// # Errors
    ///
    /// If there is none, or its folder may not be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (inode, changed) = identity(&metadata);
        Ok(Self { bytes: metadata.len(), modified: since.as_nanos(), changed, inode })
    }

    /// A key of the file at `path` in this state, and of no other.
    pub fn key(&self, path: &Path) -> Key {
        key(&[
            path.as_os_str().as_encoded_bytes(),
            &self.bytes.to_le_bytes(),
            &self.modified.to_le_bytes(),
            &self.changed.to_le_bytes(),
            &self.inode.to_le_bytes(),
        ])
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, i128) {
    use std::os::unix::fs::MetadataExt;
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    (metadata.ino(), changed)
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, i128) {
    (0, 0)
}

/// Digests of files, remembered from run to run.
#[derive(Debug, Default)]
pub struct Digests {
    /// What was found in this run: the file may belong to another process.
    found: Mutex<HashMap<Key, Key>>,
    records: Option<RecordFile>,
}

impl Digests {
    /// Remembers for as long as it lives, and no longer.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Remembers in a folder, which is made where it is missing, in the file `digests.bin`.
    ///
    /// While another process has it open, what that knew when this one began is known here, and nothing is added.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written to, or holds such a file that is none of ours. What is lost without it is time
    /// alone: [`in_memory`](Self::in_memory) does as well.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("digests.bin");
        let header = Header {
            name: b"rekindle digests ",
            version: b"1\n",
            key: [0; 32],
            sizes: Sizes::Equal(size_of::<Key>()),
        };
        let records = Some(RecordFile::open(&path, &header)?);
        Ok(Self { records, ..Self::default() })
    }

    /// How many digests earlier runs left.
    pub fn remembered(&self) -> usize {
        self.records.as_ref().map_or(0, RecordFile::len)
    }

    /// Drops all that is remembered, as where some of it turned out to be wrong.
    ///
    /// # Errors
    ///
    /// If the file cannot be cut; nothing of it is believed even then.
    pub fn forget(&self) -> Result<(), Error> {
        self.lock().clear();
        self.records.as_ref().map_or(Ok(()), RecordFile::forget)
    }

    /// The SHA-256 of a file's content, remembered or computed.
    ///
    /// A content that changes while it is read is not remembered.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn digest(&self, path: &Path) -> io::Result<Key> {
        let real = fs::canonicalize(path)?;
        let before = FileState::of(&real)?;
        let item = before.key(&real);
        if let Some(digest) = self.recall(&item) {
            return Ok(digest);
        }
        let digest = digest_file(&real)?;
        if FileState::of(&real)? == before {
            self.lock().insert(item, digest);
            if let Some(records) = self.records.as_ref().filter(|records| records.is_writable()) {
                // What cannot be kept costs the next run time, and this one nothing.
                let _ = records.put(&item, &digest);
            }
        }
        Ok(digest)
    }

    fn recall(&self, item: &Key) -> Option<Key> {
        if let Some(digest) = self.lock().get(item) {
            return Some(*digest);
        }
        self.records.as_ref()?.get(item).ok()??.try_into().ok()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Key>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
