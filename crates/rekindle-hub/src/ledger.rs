//! Trust on first use: which bytes a repository without a pin had when they were first used.
//!
//! ```toml
//! [[file]]
//! repository = "timm/resnet18.a1_in1k"
//! revision = "main"
//! commit = "491b427b45c94c7fb0e78b5474cc919aff584bbf"
//! file = "model.safetensors"
//! bytes = 46807446
//! sha256 = "..."
//! ```
//!
//! From then on the revision means that commit and the file those bytes, whatever the Hub has later.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Error,
    layout::{is_commit, is_hexadecimal, write_whole},
    lock::Lock,
};

/// One file of one revision, as it was first used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The repository on the Hub.
    pub repository: String,
    /// What was asked for: a branch, a tag or a commit.
    pub revision: String,
    /// The commit that this was.
    pub commit: String,
    /// The file within the repository.
    pub file: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256, in lower case.
    pub sha256: String,
}

/// Every record, at one moment.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    #[serde(default, rename = "file")]
    pub(crate) records: Vec<Record>,
}

impl Record {
    fn is_of(&self, repository: &str, revision: &str) -> bool {
        self.repository == repository && self.revision == revision
    }

    fn is_same_file(&self, other: &Self) -> bool {
        self.is_of(&other.repository, &other.revision) && self.file == other.file
    }
}

impl Ledger {
    /// Reads the ledger; there is none before the first use.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let bad = |problem| Error::Layout { path: path.to_owned(), problem };
        let ledger: Self =
            toml::from_str(&text).map_err(|error| bad(error.message().to_owned()))?;
        let malformed = |record: &&Record| {
            !is_commit(&record.commit)
                || record.sha256.len() != 64
                || !is_hexadecimal(&record.sha256)
        };
        match ledger.records.iter().find(malformed) {
            Some(Record { repository, file, .. }) => {
                Err(bad(format!("{repository}: {file}: commit or sha256 is no hash")))
            }
            None => Ok(ledger),
        }
    }

    /// What is known of a revision's files.
    pub(crate) fn of(&self, repository: &str, revision: &str) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.is_of(repository, revision))
    }

    /// Adds records; one that contradicts what another process has written meanwhile is returned, and none added.
    pub(crate) fn add(path: &Path, new: &[Record]) -> Result<Option<Record>, Error> {
        let _lock = Lock::wait(&beside(path), || {})?;
        let mut ledger = Self::read(path)?;
        let before = ledger.records.len();
        for record in new {
            match ledger.records.iter().find(|known| known.is_same_file(record)) {
                Some(known) if known == record => {}
                Some(known) => return Ok(Some(known.clone())),
                None => ledger.records.push(record.clone()),
            }
        }
        if ledger.records.len() > before {
            ledger.write(path)?;
        }
        Ok(None)
    }

    /// Forgets a repository; says how many files that were.
    pub(crate) fn remove(path: &Path, repository: &str) -> Result<usize, Error> {
        let _lock = Lock::wait(&beside(path), || {})?;
        let mut ledger = Self::read(path)?;
        let before = ledger.records.len();
        ledger.records.retain(|record| record.repository != repository);
        let forgotten = before - ledger.records.len();
        if forgotten > 0 {
            ledger.write(path)?;
        }
        Ok(forgotten)
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        let text = toml::to_string(self)
            .map_err(|error| Error::Layout { path: path.to_owned(), problem: error.to_string() })?;
        let title = "# What rekindle trusted on first use. Remove a repository's lines to trust it anew.\n\n";
        write_whole(path, format!("{title}{text}").as_bytes())
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("toml.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(file: &str, digit: &str) -> Record {
        Record {
            repository: "timm/a".to_owned(),
            revision: "main".to_owned(),
            commit: "0".repeat(40),
            file: file.to_owned(),
            bytes: 3,
            sha256: digit.repeat(64),
        }
    }

    #[test]
    fn the_first_use_is_the_one_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        let (first, other) = (record("a", "a"), record("b", "b"));
        assert_eq!(Ledger::add(&path, std::slice::from_ref(&first)).unwrap(), None);
        assert_eq!(Ledger::add(&path, &[first.clone(), other.clone()]).unwrap(), None);
        // All or none.
        let contradicting = [record("c", "c"), record("a", "f")];
        assert_eq!(Ledger::add(&path, &contradicting).unwrap(), Some(first.clone()));
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!(ledger.of("timm/a", "main").collect::<Vec<_>>(), [&first, &other]);
        assert_eq!(ledger.of("timm/a", "v1").count() + ledger.of("timm/b", "main").count(), 0);
        assert_eq!(
            (Ledger::remove(&path, "timm/a").unwrap(), Ledger::remove(&path, "timm/a").unwrap()),
            (2, 0)
        );
        assert_eq!(Ledger::add(&path, &contradicting).unwrap(), None);
    }

    #[test]
    fn a_damaged_ledger_is_an_error_and_never_less_trust() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        Ledger::add(&path, &[record("a", "a"), record("b", "b")]).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("sha256 = \"a", "sha256 = \"A"), ("bytes", "byte"), ("= 3", "= -3"), ("[[", "[")]
        {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            fs::write(&path, &bad).unwrap();
            for error in [Ledger::read(&path).err(), Ledger::add(&path, &[record("c", "c")]).err()]
            {
                let message = error.unwrap().to_string();
                assert!(message.contains("ledger.toml"), "{message}");
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), bad, "left as it was");
        }
    }
}
