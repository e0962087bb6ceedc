//! Clears the cache: of what is not needed, or of a repository, and of nothing that is not its own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Error, Hub,
    entries::{entries, files, is_partial, relative},
    fence,
    layout::Folder,
    lock::Lock,
};

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
    /// What was left because it is none of the cache's: a link in place of a folder, or a name that nobody gives here.
    pub foreign: Vec<PathBuf>,
}

impl Hub {
    /// Removes what is not needed, and nothing that a process is at work on.
    ///
    /// Blobs that Python shares between repositories are Python's to remove; links to them are removed. Folders that are
    /// links are not followed, and what has a name that neither this client nor Python's gives is left.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where something cannot be read or removed; [`Error::Absent`] for a repository that is not
    /// in the cache, [`Error::Outside`] for one that a link leads elsewhere.
    pub fn prune(&self, what: Prune<'_>, run: PruneRun) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        match what {
            Prune::Leftovers => {
                for name in self.repositories()? {
                    let folder = self.layout.repository(&name)?;
                    match leftovers(&folder, run, &mut pruned) {
                        Err(Error::Outside { path, .. }) => pruned.foreign.push(path),
                        done => done?,
                    }
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
        pruned.foreign.sort();
        pruned.foreign.dedup();
        Ok(pruned)
    }
}

/// Removes partial files and blobs that no snapshot refers to.
fn leftovers(folder: &Folder, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    // Without the snapshots nobody knows which blobs are needed.
    for place in [folder.blobs(), folder.snapshots(), folder.locks.clone()] {
        fence::check(&folder.cache, &place.join("any"))?;
    }
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
        let (aside, folders) = (fence::is_aside(&name), is_folder(&blob));
        if folders || !(aside || fence::is_blob(&name)) {
            pruned.foreign.push(blob);
            continue;
        }
        // Whose it is that was written aside no name tells.
        if aside {
            match all_locks(folder, pruned)? {
                Some(_locks) => remove(folder, &blob, run, pruned)?,
                None => pruned.locked.push(blob),
            }
            continue;
        }
        // Python adds eight letters of its own: `<etag>.1a2b3c4d.incomplete`.
        let etag = name.split('.').next().unwrap_or_default();
        match Lock::now(&folder.cache, &folder.lock(etag)) {
            // Asked again with the lock: it may have been finished meanwhile.
            Ok(Some(_lock)) if blob.symlink_metadata().is_ok() => {
                remove(folder, &blob, run, pruned)?
            }
            Ok(Some(_)) => {}
            Ok(None) => pruned.locked.push(blob),
            Err(Error::Outside { path, .. }) => pruned.foreign.push(path),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Every lock that there is, or none where somebody has one; what is no lock is told.
fn all_locks(folder: &Folder, pruned: &mut Pruned) -> Result<Option<Vec<Lock>>, Error> {
    let mut held = Vec::new();
    for path in entries(&folder.locks)? {
        match Lock::now(&folder.cache, &path) {
            Ok(Some(lock)) => held.push(lock),
            Ok(None) => return Ok(None),
            Err(Error::Outside { path, .. }) => pruned.foreign.push(path),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(held))
}

/// Removes a repository, unless one of its files is being downloaded.
fn whole(folder: &Folder, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    for place in [&folder.path, &folder.locks] {
        fence::check(&folder.cache, &place.join("any"))?;
    }
    let mut held = Vec::new();
    for path in entries(&folder.locks)? {
        match Lock::now(&folder.cache, &path) {
            Ok(Some(lock)) => held.push(lock),
            Ok(None) => pruned.locked.push(path),
            Err(Error::Outside { path, .. }) => pruned.foreign.push(path),
            Err(error) => return Err(error),
        }
    }
    if !pruned.locked.is_empty() {
        return Ok(());
    }
    for path in files(&folder.path)? {
        match fence::is_of_a_cache(&relative(&path, &folder.path)) {
            true => remove(folder, &path, run, pruned)?,
            false => pruned.foreign.push(path),
        }
    }
    if run == PruneRun::Real {
        remove_empty(&folder.path)?;
    }
    Ok(())
}

fn remove(folder: &Folder, path: &Path, run: PruneRun, pruned: &mut Pruned) -> Result<(), Error> {
    fence::check(&folder.cache, path)?;
    let metadata = fs::symlink_metadata(path).map_err(Error::io("read", path))?;
    if run == PruneRun::Real {
        fs::remove_file(path).map_err(Error::io("remove", path))?;
    }
    // A link takes no room.
    pruned.bytes += if metadata.is_file() { metadata.len() } else { 0 };
    pruned.files.push(path.to_owned());
    Ok(())
}

/// Removes a folder and those in it, as far as there is nothing else in them.
fn remove_empty(folder: &Path) -> Result<(), Error> {
    for path in entries(folder)?.into_iter().filter(|path| is_folder(path)) {
        remove_empty(&path)?;
    }
    match entries(folder)?.is_empty() {
        true => fs::remove_dir(folder).map_err(Error::io("remove", folder)),
        false => Ok(()),
    }
}

/// Whether there is a folder itself, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}
