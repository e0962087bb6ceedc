//! What the cache holds: listed and checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Error, Hub, Trust,
    entries::{entries, files, is_partial, relative},
    job::{Expected, Witness},
    ledger::Ledger,
    locate::{misnamed, problem},
    names::{MODELS, check_repository},
};

/// A repository in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedRepository {
    /// Its name on the Hub.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes on the disk, each blob counted once.
    pub bytes: u64,
    /// Bytes of downloads that were not finished, included in [`CachedRepository::bytes`].
    pub incomplete: u64,
    /// Its commits.
    pub revisions: Vec<CachedRevision>,
}

/// A commit in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedRevision {
    /// The commit.
    pub commit: String,
    /// Branches and tags that were this commit.
    pub names: Vec<String>,
    /// Its files.
    pub files: Vec<CachedFile>,
}

/// A file of a commit in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedFile {
    /// The file within the repository.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes; `None` where the snapshot leads nowhere.
    pub bytes: Option<u64>,
    /// [`Trust::Pinned`] or [`Trust::Recorded`]; `None` where nothing is known of its bytes but its name.
    pub trust: Option<Trust>,
}

/// What [`Hub::verify`] found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files that were hashed.
    pub files: usize,
    /// Their bytes, each blob counted once.
    pub bytes: u64,
    /// What is damaged, one error a file; `rekindle fetch` mends it.
    pub problems: Vec<Error>,
}

impl Hub {
    /// Every repository of models in the cache, in the order of names.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where a folder cannot be read, [`Error::Layout`] where the record of first uses cannot.
    pub fn list(&self) -> Result<Vec<CachedRepository>, Error> {
        let ledger = Ledger::read(self.trusted.ledger().as_deref())?;
        let repositories = self.repositories()?;
        repositories.iter().map(|name| self.repository_in_cache(name, &ledger)).collect()
    }

    /// Hashes every file of the cache again, whether or not it has changed, and lists what is damaged.
    ///
    /// # Errors
    ///
    /// As [`Hub::list`]; a damaged file is none, but a problem of the result.
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let ledger = Ledger::read(self.trusted.ledger().as_deref())?;
        for name in self.repositories()? {
            let folder = self.layout.repository(&name)?;
            let mut linked = BTreeSet::new();
            for revision in self.repository_in_cache(&name, &ledger)?.revisions {
                for file in revision.files {
                    let expected = self.expected(&ledger, &name, &revision.commit, &file.name);
                    self.check(&file.path, expected, &mut linked, &mut verified);
                }
            }
            for blob in entries(&folder.blobs())? {
                let real = fs::canonicalize(&blob).unwrap_or_else(|_| blob.clone());
                if !is_partial(&blob) && !linked.contains(&real) {
                    self.check(&blob, None, &mut linked, &mut verified);
                }
            }
        }
        Ok(verified)
    }

    /// The names of the repositories that have a folder.
    pub(crate) fn repositories(&self) -> Result<Vec<String>, Error> {
        let name = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?.strip_prefix(MODELS)?.replace("--", "/");
            (path.is_dir() && check_repository(&name).is_ok()).then_some(name)
        };
        Ok(entries(&self.layout.cache)?.iter().filter_map(name).collect())
    }

    fn repository_in_cache(&self, name: &str, ledger: &Ledger) -> Result<CachedRepository, Error> {
        let folder = self.layout.repository(name)?;
        let mut branches: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let refs = folder.path.join("refs");
        for path in files(&refs)? {
            let branch = relative(&path, &refs);
            if let Some(commit) = folder.commit_of(&branch) {
                branches.entry(commit).or_default().push(branch);
            }
        }
        // By where the bytes are: several snapshots refer to one blob, and copies are files of their own.
        let mut sizes = BTreeMap::new();
        let mut revisions = Vec::new();
        for snapshot in entries(&folder.snapshots())? {
            let commit = relative(&snapshot, &folder.snapshots());
            let mut found = Vec::new();
            for path in files(&snapshot)? {
                let file = relative(&path, &snapshot);
                let real = fs::canonicalize(&path).ok();
                let bytes = real.as_ref().and_then(|real| Some(fs::metadata(real).ok()?.len()));
                sizes.extend(real.zip(bytes));
                let expected = self.expected(ledger, name, &commit, &file);
                let trust = expected.map(|expected| match expected.by {
                    Witness::Pin => Trust::Pinned,
                    Witness::Record(_) => Trust::Recorded,
                });
                found.push(CachedFile { name: file, path, bytes, trust });
            }
            let names = branches.remove(&commit).unwrap_or_default();
            revisions.push(CachedRevision { commit, names, files: found });
        }
        let mut incomplete = 0;
        for blob in entries(&folder.blobs())? {
            let bytes = fs::metadata(&blob).map_or(0, |metadata| metadata.len());
            incomplete += if is_partial(&blob) { bytes } else { 0 };
            sizes.insert(fs::canonicalize(&blob).unwrap_or(blob), bytes);
        }
        let bytes = sizes.into_values().sum();
        Ok(CachedRepository {
            name: name.to_owned(),
            folder: folder.path,
            bytes,
            incomplete,
            revisions,
        })
    }

    /// What a file must be, whichever revision it was recorded for.
    fn expected<'a>(
        &'a self,
        ledger: &'a Ledger,
        repository: &str,
        commit: &str,
        file: &str,
    ) -> Option<Expected<'a>> {
        let pins = self.settings.pins.iter().filter(|pin| pin.repository == repository);
        let origin = self.settings.origin();
        let records = ledger.of(repository).filter(move |record| record.is_from(&origin));
        Expected::of(pins, records, commit, file)
    }

    /// Hashes a file and notes what is wrong with it.
    fn check(
        &self,
        path: &Path,
        expected: Option<Expected<'_>>,
        seen: &mut BTreeSet<PathBuf>,
        verified: &mut Verified,
    ) {
        let damaged = |problem: String| Error::Damaged {
            path: path.to_owned(),
            problem,
            remedy: "fetch it again".to_owned(),
        };
        let Ok(real) = fs::canonicalize(path) else {
            verified.problems.push(damaged("it leads to a file that is not there".to_owned()));
            return;
        };
        // A blob was hashed for the first snapshot that refers to it.
        let first = seen.insert(real);
        let sums = if first { self.hashed.hash_again(path) } else { self.hashed.sums(path) };
        let sums = match sums {
            Ok(sums) => sums,
            Err(error) => {
                verified.problems.push(error);
                return;
            }
        };
        verified.files += 1;
        verified.bytes += if first { sums.bytes } else { 0 };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = problem(path, &sums, expected).or_else(|| match fs::read_link(path) {
            // A blob itself. A link's name was looked at, and a copy in a snapshot has none to tell.
            Err(_) if expected.is_none() => misnamed(&name, &sums),
            _ => None,
        });
        verified.problems.extend(found.map(damaged));
    }
}
