//! Downloads what the cache lacks.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    Client, DownloadEvent, Error, Hub, Located, NetworkAccess,
    download::{Count, Target, download},
    job::{CONFIG, INDEX, Job, KINDS_OF_WEIGHTS, Selection, Witness},
    layout::{Folder, MAIN, create_parent},
    locate::{locate, named, problem, shards},
    lock::Lock,
    remote::{Description, RepositoryInfo},
    watch::Watch,
};

/// Locates what a job is about; downloads what is missing or damaged, and locates it again.
pub(crate) fn fetch(hub: &Hub, job: &Job, watch: Watch<'_>) -> Result<Located, Error> {
    match locate(hub, job) {
        Err(Error::Absent { .. } | Error::Damaged { .. } | Error::Layout { .. })
            if hub.settings.network == NetworkAccess::Online => {}
        done => return done,
    }
    let folder = hub.layout.repository(&job.repository)?;
    let (commit, mut names) = contents(hub.client()?, job, watch)?;
    let fetch = Fetch { hub, job, folder: &folder, commit: &commit, watch };
    let mut downloaded = fetch.files(&names)?;
    let index = folder.snapshot(&commit).join(INDEX);
    if names.iter().any(|name| name == INDEX) {
        let more = shards(&index)?;
        names = more.into_iter().filter(|shard| !names.contains(shard)).collect();
        downloaded += fetch.files(&names)?;
    }
    // Last, so that nobody follows it to a snapshot that is not complete.
    if job.commit.is_none() {
        folder.set_commit(&job.revision, &commit)?;
    } else if folder.commit_of(MAIN).is_none() {
        // Python looks there where it is given no revision.
        folder.set_commit(MAIN, &commit)?;
    }
    Ok(Located { downloaded, ..locate(hub, job)? })
}

/// The commit to use, and the files to have of it.
fn contents(client: &Client, job: &Job, watch: Watch<'_>) -> Result<(String, Vec<String>), Error> {
    if let (Some(commit), Selection::Named(names)) = (&job.commit, &job.selection) {
        return Ok((commit.clone(), names.clone()));
    }
    let revision = job.commit.as_deref().unwrap_or(&job.revision);
    let RepositoryInfo { commit, files, .. } =
        client.repository(&job.repository, revision, watch)?;
    let more = match &job.selection {
        Selection::Named(names) => return Ok((commit, names.clone())),
        Selection::Checkpoint(more) => more,
    };
    let has = |name: &str| files.iter().any(|file| file.name == name);
    let weights = KINDS_OF_WEIGHTS.into_iter().find(|name| has(name));
    let Some(weights) = weights else {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).take(10).collect();
        let files = if names.is_empty() { "no file at all".to_owned() } else { names.join(", ") };
        return Err(Error::NoWeights { repository: job.repository.clone(), files });
    };
    Ok((commit, named([CONFIG, weights], more)))
}

/// One commit's files on their way into the cache.
struct Fetch<'a> {
    hub: &'a Hub,
    job: &'a Job,
    folder: &'a Folder,
    commit: &'a str,
    watch: Watch<'a>,
}

impl Fetch<'_> {
    /// Has all of these files in the snapshot; says how many bytes were downloaded.
    fn files(&self, names: &[String]) -> Result<u64, Error> {
        let missing: Vec<&String> = names.iter().filter(|name| !self.is_good(name)).collect();
        let descriptions = self.parallel(&missing, |name| self.describe(name))?;
        let plan: BTreeMap<&String, Description> =
            missing.iter().copied().zip(descriptions).collect();
        let total = plan.values().map(|description| description.bytes).sum();
        self.check_space(plan.values())?;

        let count = Count { done: AtomicU64::new(0), total, watch: self.watch };
        let downloaded = AtomicU64::new(0);
        self.parallel(&missing, |name| match plan.get(name) {
            Some(description) => {
                downloaded.fetch_add(self.file(name, description, &count)?, Ordering::Relaxed);
                Ok(())
            }
            None => Ok(()),
        })?;
        Ok(downloaded.into_inner())
    }

    /// Whether the snapshot has a file already, of the right bytes.
    fn is_good(&self, name: &str) -> bool {
        let path = self.folder.snapshot(self.commit).join(name);
        path.is_file()
            && self.hub.hashed.sums(&path).is_ok_and(|sums| {
                let bad = problem(&path, &sums, self.job.expected(self.commit, name)).is_some();
                if bad {
                    (self.watch)(DownloadEvent::Damaged { file: name });
                }
                !bad
            })
    }

    /// What the Hub says of a file, unless that contradicts a pin or an earlier use.
    fn describe(&self, name: &str) -> Result<Description, Error> {
        let Job { repository, .. } = self.job;
        let found = self.hub.client()?.describe(repository, self.commit, name, self.watch)?;
        let mismatch = |problem: String, remedy: String| Error::Mismatch {
            repository: repository.clone(),
            file: name.to_owned(),
            problem,
            remedy,
        };
        if found.commit != self.commit {
            let problem =
                format!("commit {} was answered instead of {}", found.commit, self.commit);
            return Err(mismatch(problem, "check HF_ENDPOINT".to_owned()));
        }
        let Some(expected) = self.job.expected(self.commit, name) else { return Ok(found) };
        let hashed = found.etag.len() == 64;
        if found.bytes == expected.bytes && (!hashed || found.etag == expected.sha256) {
            return Ok(found);
        }
        let ledger = self.hub.ledger();
        let (who, remedy) = match expected.by {
            Witness::Pin => (
                "the card's pin",
                "do not use it before its authors have explained that; check HF_ENDPOINT"
                    .to_owned(),
            ),
            Witness::Record => (
                "its first use on this machine",
                format!("to trust it anew, remove its lines from {}", ledger.display()),
            ),
        };
        let (etag, bytes) = (&found.etag, found.bytes);
        let problem = format!(
            "the Hub has {bytes} bytes of {etag}, but {} of SHA-256 {} by {who}",
            expected.bytes, expected.sha256
        );
        Err(mismatch(problem, remedy))
    }

    /// Has one file in the snapshot, which nobody else downloads meanwhile.
    fn file(&self, name: &str, description: &Description, count: &Count<'_>) -> Result<u64, Error> {
        let client = self.hub.client()?;
        let target = Target {
            repository: &self.job.repository,
            file: name,
            url: client.file_url(&self.job.repository, self.commit, name)?,
            description,
            sha256: self.job.expected(self.commit, name).map(|expected| expected.sha256),
        };
        let Description { etag, bytes, .. } = description;
        let waiting = || (self.watch)(DownloadEvent::Locked { file: name });
        let _lock = Lock::wait(&self.folder.lock(etag), waiting)?;
        let blob = self.folder.blob(etag);
        let mut there = blob.is_file();
        if there && target.problem(&self.hub.hashed.sums(&blob)?).is_some() {
            (self.watch)(DownloadEvent::Damaged { file: name });
            fs::remove_file(&blob).map_err(Error::io("remove the damaged file", &blob))?;
            there = false;
        }
        if there {
            count.add(*bytes);
        } else {
            let sums = download(client, self.folder, &target, count)?;
            self.hub.hashed.remember(&blob, &sums);
        }
        let pointer = self.folder.snapshot(self.commit).join(name);
        self.folder.link(etag, &pointer, self.hub.settings.links)?;
        Ok(if there { 0 } else { *bytes })
    }

    /// Whether the disk has room for what is not here yet.
    fn check_space<'d>(
        &self,
        descriptions: impl Iterator<Item = &'d Description>,
    ) -> Result<(), Error> {
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let needed = descriptions
            .filter(|description| !self.folder.blob(&description.etag).exists())
            .map(|description| {
                let here = length(&self.folder.incomplete(&description.etag));
                description.bytes.saturating_sub(here)
            })
            .sum();
        let blobs = self.folder.blobs();
        create_parent(&blobs.join(INDEX))?;
        // Where the system does not say, a disk that fills up is noticed when it is full.
        let available = fs4::available_space(&blobs).unwrap_or(u64::MAX);
        match needed > available {
            true => Err(Error::Space { folder: blobs, needed, available }),
            false => Ok(()),
        }
    }

    /// Does something for each name, a few at a time, until one fails; results are in the order of names.
    fn parallel<T: Send>(
        &self,
        names: &[&String],
        each: impl Fn(&String) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done = Mutex::new(BTreeMap::new());
        thread::scope(|scope| {
            for _ in 0..self.hub.settings.connections.clamp(1, names.len().max(1)) {
                scope.spawn(|| {
                    while !failed.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(name) = names.get(index) else { break };
                        let result = each(name);
                        failed.fetch_or(result.is_err(), Ordering::Relaxed);
                        done.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result);
                    }
                });
            }
        });
        done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }
}
