//! Hashes: a file's SHA-256, and git's SHA-1 of it, by which the Hub names small files.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{Error, names::is_hexadecimal};

/// How much is read and hashed at once: what a core's second cache holds.
pub(crate) const CHUNK: usize = 256 * 1024;

/// The longest file that git's hash is computed of, in bytes: the Hub takes none above 10 MB outside of large file
/// storage, and two hashes take almost twice the time of one.
const GIT: u64 = 16 << 20;

/// What a file was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Git's hash, unless the file is large.
    pub(crate) git: Option<String>,
}

/// Hashes what it is given, piece by piece.
#[derive(Clone)]
pub(crate) struct Hasher {
    bytes: u64,
    sha256: Sha256,
    git: Option<Sha1>,
}

impl Hasher {
    /// For a file of known length: git's hash begins with it.
    pub(crate) fn new(bytes: u64) -> Self {
        let git = (bytes <= GIT).then(|| Sha1::new_with_prefix(format!("blob {bytes}\0")));
        Self { bytes: 0, sha256: Sha256::new(), git }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sha256.update(bytes);
        if let Some(git) = &mut self.git {
            git.update(bytes);
        }
    }

    /// Reads to the end, or until `limit` bytes were read.
    pub(crate) fn read(&mut self, from: impl Read, limit: u64) -> io::Result<()> {
        let mut from = from.take(limit);
        let mut chunk = vec![0; CHUNK];
        loop {
            match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => self.update(chunk.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn finish(self) -> Sums {
        Sums {
            bytes: self.bytes,
            sha256: hexadecimal(&self.sha256.finalize()),
            git: self.git.map(|git| hexadecimal(&git.finalize())),
        }
    }
}

/// Hashes a file.
pub(crate) fn sums(path: &Path) -> Result<Sums, Error> {
    let hash = || {
        // A pipe would be waited for, and a device may never end.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        let file = File::open(path)?;
        let mut hasher = Hasher::new(file.metadata()?.len());
        hasher.read(file, u64::MAX)?;
        Ok(hasher.finish())
    };
    hash().map_err(Error::io("read", path))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the name of a blob says of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Their SHA-256: files in large file storage.
    Sha256,
    /// Git's hash of them: all others.
    Git,
    /// Nothing: servers that are no Hub name files as they like.
    Otherwise,
}

impl Named {
    pub(crate) fn of(etag: &str) -> Self {
        match etag.len() {
            64 if is_hexadecimal(etag) => Self::Sha256,
            40 if is_hexadecimal(etag) => Self::Git,
            _ => Self::Otherwise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From FIPS 180-2, and from `git hash-object`.
    #[test]
    fn hashes_are_those_that_were_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let check = |text: &str, sha256: &str, git: &str| {
            std::fs::write(&path, text).unwrap();
            let found = sums(&path).unwrap();
            assert_eq!((found.bytes, found.sha256.as_str()), (text.len() as u64, sha256));
            assert_eq!(found.git.as_deref(), Some(git));
        };
        check(
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f",
        );
        check(
            "",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        );
    }

    #[test]
    fn a_name_says_by_its_length_what_it_hashes() {
        assert_eq!(Named::of(&"a".repeat(64)), Named::Sha256);
        assert_eq!(Named::of(&"0".repeat(40)), Named::Git);
        assert_eq!(Named::of(&"g".repeat(40)), Named::Otherwise);
        assert_eq!(Named::of("abc-3"), Named::Otherwise);
    }
}
