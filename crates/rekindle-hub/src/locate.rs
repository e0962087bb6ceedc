//! Finds files in the cache and says why they are the right ones. Opens no socket.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rekindle_base::read_regular;
use serde::Deserialize;

use crate::{
    Error, Hub, Located, LocatedFile, Trust,
    digest::{Named, Sums},
    job::{CONFIG, Expected, INDEX, Job, KINDS_OF_WEIGHTS, Selection, WEIGHTS, Witness},
    ledger::{Ledger, Record, today},
    licensing::of_config,
    names::check_path,
    short::{LONGEST_CONFIG, LONGEST_INDEX},
};

/// Which file of a sharded checkpoint each tensor is in.
#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

/// What the Hub said when the files of a job were fetched from it just now, and held against its word.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The licenses that it states.
    pub(crate) licenses: Vec<String>,
}

/// Where the files of a job lie.
pub(crate) struct Present {
    commit: String,
    snapshot: PathBuf,
    names: Vec<String>,
}

/// Looks whether the files of a job are in the cache; none is opened, and nothing is recorded.
pub(crate) fn present(hub: &Hub, job: &Job) -> Result<Present, Error> {
    let folder = hub.layout.repository(&job.repository)?;
    let absent = |missing: Vec<String>, folder: PathBuf| Error::Absent {
        repository: job.repository.clone(),
        missing,
        folder,
        remedy: job.remedy.clone(),
    };
    let commit = job.commit.clone().or_else(|| folder.commit_of(&job.revision));
    let Some(commit) = commit else {
        let names = match &job.selection {
            Selection::Named(names) => names.clone(),
            Selection::Checkpoint(more) => named([CONFIG, WEIGHTS], more),
        };
        return Err(absent(names, folder.path));
    };
    let snapshot = folder.snapshot(&commit);
    let names = names(job, &snapshot)?;
    let missing = |name: &&String| !snapshot.join(name).is_file();
    let missing: Vec<String> = names.iter().filter(missing).cloned().collect();
    if !missing.is_empty() {
        return Err(absent(missing, snapshot));
    }
    Ok(Present { commit, snapshot, names })
}

/// Finds the files of a job and says why they are believed; what is used for the first time is recorded.
pub(crate) fn locate(hub: &Hub, job: &Job, fetched: Option<&Fetched>) -> Result<Located, Error> {
    let Present { commit, snapshot, names } = present(hub, job)?;
    let mut files = Vec::new();
    for name in names {
        let path = snapshot.join(&name);
        let sums = hub.hashed.sums(&path)?;
        let expected = job.expected(&commit, &name);
        if let Some(problem) = problem(&path, &sums, expected) {
            return Err(Error::Damaged { path, problem, remedy: job.remedy.clone() });
        }
        // What was asked of this endpoint just now needs no other's word.
        if let Some(other) = job.elsewhere(&commit, &name).filter(|_| fetched.is_none()) {
            return Err(Error::Elsewhere {
                repository: job.repository.clone(),
                file: name,
                problem: format!(
                    "was first used from {} on {}, and {} is asked now",
                    other.endpoint, other.day, job.endpoint
                ),
                remedy: format!("set HF_ENDPOINT to the former, or {}", job.remedy),
            });
        }
        let trust = match expected.map(|expected| expected.by) {
            Some(Witness::Pin) => Trust::Pinned,
            Some(Witness::Record(_)) => Trust::Recorded,
            None => Trust::FirstUse,
        };
        files.push(LocatedFile { name, path, bytes: sums.bytes, sha256: sums.sha256, trust });
    }
    if let Some(licensing) = &job.licensing {
        let page = fetched.map_or(&[][..], |fetched| &fetched.licenses);
        licensing.check(&[page, &config_licenses(&snapshot)?].concat())?;
    }
    record(hub, job, &commit, &mut files, fetched)?;

    let weights = |file: &&LocatedFile| {
        file.name.ends_with(".safetensors") || KINDS_OF_WEIGHTS.contains(&file.name.as_str())
    };
    let weakest = files.iter().filter(weights).map(|file| file.trust).max();
    let trust = weakest.or_else(|| files.iter().map(|file| file.trust).max());
    Ok(Located {
        folder: snapshot,
        repository: job.repository.clone(),
        commit,
        files,
        trust: trust.unwrap_or(Trust::Recorded),
        downloaded: 0,
    })
}

/// The licenses that a snapshot's config states; none where it has no config.
pub(crate) fn config_licenses(snapshot: &Path) -> Result<Vec<String>, Error> {
    let path = snapshot.join(CONFIG);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = read_regular(&path, LONGEST_CONFIG).map_err(Error::io("read", &path))?;
    Ok(of_config(&text))
}

/// The files that a job is about, as far as the snapshot tells.
fn names(job: &Job, snapshot: &Path) -> Result<Vec<String>, Error> {
    let mut names = match &job.selection {
        Selection::Named(names) => names.clone(),
        Selection::Checkpoint(more) => {
            let here = KINDS_OF_WEIGHTS.into_iter().find(|name| snapshot.join(name).is_file());
            named([CONFIG, here.unwrap_or(WEIGHTS)], more)
        }
    };
    let index = snapshot.join(INDEX);
    if names.iter().any(|name| name == INDEX) && index.is_file() {
        let shards = shards(&index)?;
        names.extend(shards.into_iter().filter(|shard| !names.contains(shard)).collect::<Vec<_>>());
    }
    Ok(names)
}

/// The files that every checkpoint has, and those that one has besides.
pub(crate) fn named(every: [&str; 2], more: &[String]) -> Vec<String> {
    every.into_iter().map(str::to_owned).chain(more.iter().cloned()).collect()
}

/// The files that an index names.
pub(crate) fn shards(index: &Path) -> Result<BTreeSet<String>, Error> {
    let text = read_regular(index, LONGEST_INDEX).map_err(Error::io("read", index))?;
    let bad = |problem: String| Error::Layout { path: index.to_owned(), problem };
    let Index { weight_map } = serde_json::from_slice(&text)
        .map_err(|error| bad(format!("no index of shards: {error}")))?;
    let shards: BTreeSet<String> = weight_map.into_values().collect();
    shards.iter().try_for_each(|shard| check_path("file", shard))?;
    match shards.is_empty() {
        true => Err(bad("an index of no shards".to_owned())),
        false => Ok(shards),
    }
}

/// What is wrong with a file of a snapshot, given what it must be.
pub(crate) fn problem(path: &Path, sums: &Sums, expected: Option<Expected<'_>>) -> Option<String> {
    if let Some(Expected { bytes, sha256, by }) = expected {
        let who = by.described();
        let wrong = sums.bytes != bytes || sums.sha256 != sha256;
        return wrong.then(|| {
            let (found, length) = (&sums.sha256, sums.bytes);
            format!("{length} bytes of SHA-256 {found}, but {bytes} of {sha256} by {who}")
        });
    }
    // The snapshot's own link, and not where it ends: Python's store of shared blobs has other names.
    let link = fs::read_link(path).ok()?;
    misnamed(link.file_name()?.to_str()?, sums)
}

/// What contradicts a blob's name.
pub(crate) fn misnamed(name: &str, sums: &Sums) -> Option<String> {
    let found = match Named::of(name) {
        Named::Sha256 => Some(sums.sha256.as_str()),
        Named::Git => sums.git.as_deref(),
        Named::Otherwise => None,
    };
    let found = found.filter(|found| *found != name)?;
    Some(format!("its bytes have the hash {found}, but {name} by its name in the cache"))
}

/// Records first uses, or says that they cannot be.
fn record(
    hub: &Hub,
    job: &Job,
    commit: &str,
    files: &mut [LocatedFile],
    fetched: Option<&Fetched>,
) -> Result<(), Error> {
    // What was used by the commit's hash ties no branch to that commit yet.
    let first = |file: &&LocatedFile| match file.trust {
        Trust::FirstUse => true,
        Trust::Recorded => !job.is_recorded(commit, &file.name),
        Trust::Pinned | Trust::Unrecorded => false,
    };
    let day = today();
    let record = |file: &LocatedFile| Record {
        repository: job.repository.clone(),
        revision: job.revision.clone(),
        commit: commit.to_owned(),
        file: file.name.clone(),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
        // Where else the cache has them from nobody knows.
        endpoint: fetched.map_or_else(String::new, |_| job.endpoint.clone()),
        day: day.clone(),
        licenses: fetched.map_or_else(Vec::new, |fetched| fetched.licenses.clone()),
    };
    let records: Vec<Record> = files.iter().filter(first).map(record).collect();
    if records.is_empty() {
        return Ok(());
    }
    let unrecorded = |files: &mut [LocatedFile]| {
        let unrecorded = files.iter_mut().filter(|file| file.trust == Trust::FirstUse);
        unrecorded.for_each(|file| file.trust = Trust::Unrecorded);
    };
    let Some(ledger) = hub.trusted.ledger() else {
        unrecorded(files);
        return Ok(());
    };
    match Ledger::add(&ledger, &records, hub.patience()) {
        Ok(None) => Ok(()),
        Ok(Some(Record { file, commit, sha256, .. })) => Err(Error::Mismatch {
            repository: job.repository.clone(),
            problem: format!(
                "another process has just recorded other bytes: SHA-256 {sha256} of commit {commit}"
            ),
            file,
            remedy: "try again: those are used then".to_owned(),
        }),
        Err(Error::Io { .. } | Error::Locked { .. } | Error::Outside { .. }) => {
            unrecorded(files);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
