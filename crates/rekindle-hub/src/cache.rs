//! What the cache holds: listed, checked, cleared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Error, Hub, Trust,
    job::{Expected, Witness},
    layout::{Folder, INCOMPLETE, MODELS, check_repository},
    ledger::Ledger,
    locate::{misnamed, problem},
    lock::Lock,
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

/// What [`Hub::prune`] is to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune<'a> {
    /// Downloads that were not finished, and blobs that no snapshot refers to.
    Leftovers,
    /// A repository. What was trusted of it stays recorded: see [`Hub::remove_trust`].
    Repository(&'a str),
}

/// Whether something is done or only said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneRun {
    /// Nothing is removed.
    Dry,
    /// It is removed.
    Real,
}

/// What [`Hub::prune`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their bytes.
    pub bytes: u64,
    /// What was left because a process is at work on it.
    pub locked: Vec<PathBuf>,
}

impl Hub {
    /// Every repository of models in the cache, in the order of names.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where a folder cannot be read, [`Error::Layout`] where the record of first uses cannot.
    pub fn list(&self) -> Result<Vec<CachedRepository>, Error> {
        let ledger = Ledger::read(&self.ledger())?;
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
        let ledger = Ledger::read(&self.ledger())?;
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

    /// Removes what is not needed, and nothing that a process is at work on.
    ///
    /// Blobs that Python shares between repositories are Python's to remove; links to them are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where something cannot be read or removed; [`Error::Absent`] for a repository that is not
    /// in the cache.
    pub fn prune(&self, what: Prune<'_>, run: PruneRun) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        match what {
            Prune::Leftovers => {
                for name in self.repositories()? {
                    leftovers(&self.layout.repository(&name)?, run, &mut pruned)?;
                }
            }
            Prune::Repository(name) => {
                let folder = self.layout.repository(name)?;
                if !folder.path.is_dir() {
                    return Err(Error::Absent {
                        repository: name.to_owned(),
                        missing: vec!["the repository".to_owned()],
                        folder: folder.path,
                        remedy: "there is nothing to remove".to_owned(),
                    });
                }
                whole(&folder, run, &mut pruned)?;
            }
        }
        Ok(pruned)
    }

    /// The names of the repositories that have a folder.
    fn repositories(&self) -> Result<Vec<String>, Error> {
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
                    Witness::Record => Trust::Recorded,
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
        let records = ledger.records.iter().filter(|record| record.repository == repository);
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

/// Removes partial files and blobs that no snapshot refers to.
fn leftovers(folder: &Folder, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    let mut used = BTreeSet::new();
    for path in files(&folder.snapshots())? {
        // What the link names, and where that ends: either keeps a blob.
        let named = fs::read_link(&path)
            .ok()
            .and_then(|link| link.file_name().map(|name| folder.blobs().join(name)));
        used.extend(named);
        used.extend(fs::canonicalize(&path).ok());
    }
    for blob in entries(&folder.blobs())? {
        let real = fs::canonicalize(&blob).unwrap_or_else(|_| blob.clone());
        if !is_partial(&blob) && (used.contains(&blob) || used.contains(&real)) {
            continue;
        }
        let name = relative(&blob, &folder.blobs());
        // Python adds eight letters of its own: `<etag>.1a2b3c4d.incomplete`.
        let etag = name.split('.').next().unwrap_or_default();
        match Lock::now(&folder.lock(etag))? {
            // Asked again with the lock: it may have been finished meanwhile.
            Some(_lock) if blob.symlink_metadata().is_ok() => remove(&blob, run, pruned)?,
            Some(_) => {}
            None => pruned.locked.push(blob),
        }
    }
    Ok(())
}

/// Removes a repository, unless one of its files is being downloaded.
fn whole(folder: &Folder, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    let mut held = Vec::new();
    for path in entries(&folder.locks)? {
        match Lock::now(&path)? {
            Some(lock) => held.push(lock),
            None => pruned.locked.push(path),
        }
    }
    if !pruned.locked.is_empty() {
        return Ok(());
    }
    for path in files(&folder.path)? {
        remove(&path, run, pruned)?;
    }
    if run == PruneRun::Real {
        fs::remove_dir_all(&folder.path).map_err(Error::io("remove", &folder.path))?;
    }
    Ok(())
}

fn remove(path: &Path, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(path).map_err(Error::io("read", path))?;
    if run == PruneRun::Real {
        fs::remove_file(path).map_err(Error::io("remove", path))?;
    }
    // A link takes no room.
    pruned.bytes += if metadata.is_file() { metadata.len() } else { 0 };
    pruned.files.push(path.to_owned());
    Ok(())
}

fn is_partial(path: &Path) -> bool {
    path.to_string_lossy().ends_with(INCOMPLETE)
}

/// A path within a folder, with slashes.
fn relative(path: &Path, folder: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// What a folder holds, in the order of names; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read the folder", folder)(error)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(Error::io("read the folder", folder))?;
    paths.sort();
    Ok(paths)
}

/// Every file below a folder, links included and not followed.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        match fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}
