//! Repositories: commits, each of some files.

use std::{collections::BTreeMap, fmt, sync::Arc};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A repository on the server.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// The newest commit.
    pub(crate) main: String,
    pub(crate) revisions: BTreeMap<String, Revision>,
    pub(crate) license: Option<String>,
    /// Who may read it; everybody where there is none.
    pub(crate) token: Option<String>,
}

/// The files of one commit.
#[derive(Debug, Clone, Default)]
pub struct Revision {
    pub(crate) files: BTreeMap<String, Blob>,
}

/// A file's bytes and names.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) bytes: Arc<[u8]>,
    /// Git's hash of the bytes.
    pub(crate) git: String,
    /// The SHA-256, where the file lies in storage.
    pub(crate) large: Option<String>,
}

impl fmt::Debug for Blob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Blob({} bytes, {})", self.bytes.len(), self.git)
    }
}

impl Revision {
    /// A commit of these files; weights lie in storage.
    #[must_use]
    pub fn new(files: Vec<(String, Arc<[u8]>)>) -> Self {
        let blob = |(name, bytes): (String, Arc<[u8]>)| {
            let large =
                [".safetensors", ".bin", ".pth", ".h5"].iter().any(|end| name.ends_with(end));
            let large = large.then(|| sha256(&bytes));
            (name, Blob { git: git_sha1(&bytes), large, bytes })
        };
        Self { files: files.into_iter().map(blob).collect() }
    }

    /// A hash of names and bytes.
    fn commit(&self) -> String {
        let mut hash = Sha1::new();
        for (name, blob) in &self.files {
            hash.update(format!("{name} {}\n", blob.git));
        }
        hexadecimal(&hash.finalize())
    }
}

impl Repository {
    pub(crate) fn add(&mut self, revision: Revision) -> String {
        self.main = revision.commit();
        self.revisions.insert(self.main.clone(), revision);
        self.main.clone()
    }

    /// The commit that a revision is, and its files.
    pub(crate) fn find(&self, revision: &str) -> Option<(&str, &Revision)> {
        let commit = if revision == "main" { &self.main } else { revision };
        let (commit, revision) = self.revisions.get_key_value(commit)?;
        Some((commit, revision))
    }
}

/// What `git hash-object` says of a file.
#[must_use]
pub fn git_sha1(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hexadecimal(&hash.finalize())
}

/// A file's SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
