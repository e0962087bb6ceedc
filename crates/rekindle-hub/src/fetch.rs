//! Downloads what the cache lacks.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    Client, DownloadEvent, Error, Hub, Located, NetworkAccess, Transport,
    digest::Named,
    download::{Count, Target, download},
    entries::entries,
    job::{CONFIG, INDEX, Job, KINDS_OF_WEIGHTS, Selection, Witness},
    layout::Folder,
    locate::{Fetched, config_licenses, locate, named, problem, shards},
    lock::Lock,
    names::{INCOMPLETE, MAIN},
    remote::{Description, RepositoryInfo},
    short::{LONGEST_CONFIG, LONGEST_INDEX},
    watch::Watch,
};

/// Locates what a job is about; downloads what is missing or damaged, and locates it again.
pub(crate) fn fetch(hub: &Hub, job: &Job, watch: Watch<'_>) -> Result<Located, Error> {
    let open =
        |error: &Error| job.licensing.as_ref().is_some_and(|licensing| licensing.is_open(error));
    match locate(hub, job, None) {
        done if hub.settings.network == NetworkAccess::Offline => return done,
        Err(
            Error::Absent { .. }
            | Error::Damaged { .. }
            | Error::Elsewhere { .. }
            | Error::Layout { .. },
        ) => {}
        Err(error) if open(&error) => {}
        done => return done,
    }
    let (client, folder) = (hub.client()?, hub.layout.repository(&job.repository)?);
    if client.withholds_token() {
        watch(DownloadEvent::TokenWithheld { endpoint: client.endpoint() });
    }
    let Contents { commit, mut names, licenses } = contents(client, job, watch)?;
    let fetch = Fetch { hub, job, folder: &folder, commit: &commit, watch };
    let mut downloaded = 0;
    if let Some(licensing) = &job.licensing {
        licensing.check_restrictions(&licenses)?;
        // The config states a license as well: it comes before the weights.
        if names.iter().any(|name| name == CONFIG) {
            names.retain(|name| name != CONFIG);
            downloaded += fetch.files(&[CONFIG.to_owned()])?;
        }
        let config = config_licenses(&folder.snapshot(&commit))?;
        licensing.check(&[&licenses[..], &config].concat())?;
    }
    downloaded += fetch.files(&names)?;
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
    Ok(Located { downloaded, ..locate(hub, job, Some(&Fetched { licenses }))? })
}

/// What a job comes to at this moment.
struct Contents {
    /// The commit to use.
    commit: String,
    /// The files to have of it.
    names: Vec<String>,
    /// The licenses that the Hub states, where they are asked for.
    licenses: Vec<String>,
}

/// The commit to use, and the files to have of it.
fn contents(client: &Client, job: &Job, watch: Watch<'_>) -> Result<Contents, Error> {
    if let (Some(commit), Selection::Named(names), None) =
        (&job.commit, &job.selection, &job.licensing)
    {
        let (commit, names) = (commit.clone(), names.clone());
        return Ok(Contents { commit, names, licenses: Vec::new() });
    }
    let revision = job.commit.as_deref().unwrap_or(&job.revision);
    let info = client.repository(&job.repository, revision, watch)?;
    let licenses = match &job.licensing {
        Some(licensing) => licensing.of_page(&info)?,
        None => Vec::new(),
    };
    let RepositoryInfo { commit, files, .. } = info;
    if let Some(asked) = job.commit.as_ref().filter(|asked| **asked != commit) {
        let problem = format!("commit {commit} was answered instead of {asked}; check HF_ENDPOINT");
        return Err(Error::Answer { url: client.endpoint().to_owned(), problem });
    }
    let more = match &job.selection {
        Selection::Named(names) => {
            return Ok(Contents { commit, names: names.clone(), licenses });
        }
        Selection::Checkpoint(more) => more,
    };
    let has = |name: &str| files.iter().any(|file| file.name == name);
    let weights = KINDS_OF_WEIGHTS.into_iter().find(|name| has(name));
    let Some(weights) = weights else {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).take(10).collect();
        let files = if names.is_empty() { "no file at all".to_owned() } else { names.join(", ") };
        return Err(Error::NoWeights { repository: job.repository.clone(), files });
    };
    Ok(Contents { commit, names: named([CONFIG, weights], more), licenses })
}

/// The longest that a file is to be of which all is read into memory, in bytes; none where it is read in parts.
fn limit(name: &str) -> Option<u64> {
    [(CONFIG, LONGEST_CONFIG), (INDEX, LONGEST_INDEX)]
        .into_iter()
        .find_map(|(short, limit)| (short == name).then_some(limit))
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
        let mut plan: BTreeMap<&String, Description> =
            missing.iter().copied().zip(descriptions).collect();
        plan.retain(|name, description| !self.is_described(name, description));
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

    /// Whether the snapshot has a file already, of the bytes that this endpoint once sent.
    fn is_good(&self, name: &str) -> bool {
        let path = self.folder.snapshot(self.commit).join(name);
        let expected = self.job.expected(self.commit, name);
        path.is_file()
            && self.hub.hashed.sums(&path).is_ok_and(|sums| {
                let bad = problem(&path, &sums, expected).is_some();
                if bad {
                    (self.watch)(DownloadEvent::Damaged { file: name });
                }
                // Of what nobody knows, the Hub says what it is to be.
                !bad && expected.is_some()
            })
    }

    /// Whether the snapshot has a file of the bytes that the Hub says it has, by their hash.
    fn is_described(&self, name: &str, description: &Description) -> bool {
        let path = self.folder.snapshot(self.commit).join(name);
        Named::of(&description.etag) != Named::Otherwise
            && path.is_file()
            && self.hub.hashed.sums(&path).is_ok_and(|sums| description.problem(&sums).is_none())
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
        if let Some(limit) = limit(name).filter(|limit| found.bytes > *limit) {
            let what = format!("{repository}: {name}");
            return Err(Error::TooLong { what, bytes: found.bytes, limit });
        }
        let Some(expected) = self.job.expected(self.commit, name) else { return Ok(found) };
        let hashed = found.etag.len() == 64;
        if found.bytes == expected.bytes && (!hashed || found.etag == expected.sha256) {
            return Ok(found);
        }
        let ledger = self.hub.ledger();
        let who = expected.by.described();
        let remedy = match expected.by {
            Witness::Pin => {
                "do not use it before its authors have explained that; check HF_ENDPOINT".to_owned()
            }
            Witness::Record(_) => {
                format!("to trust it anew, remove its lines from {}", ledger.display())
            }
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
        let (folder, patience) = (self.folder, self.hub.patience());
        let grown = || self.unfinished(etag);
        let _lock = Lock::wait(&folder.cache, &folder.lock(etag), patience, grown, waiting)?;
        let pointer = folder.snapshot(self.commit).join(name);
        let blob = folder.blob(etag);
        folder.make_parent(&blob)?;
        let mut there = blob.is_file();
        if there && target.problem(&self.hub.hashed.sums(&blob)?).is_some() {
            (self.watch)(DownloadEvent::Damaged { file: name });
            fs::remove_file(&blob).map_err(Error::io("remove the damaged file", &blob))?;
            there = false;
        }
        if there {
            count.add(*bytes);
        } else {
            let sums = match self.hub.settings.transport {
                Transport::Http => download(client, folder, &target, count)?,
                #[cfg(feature = "xet")]
                Transport::Xet => {
                    client.check_token()?;
                    let settings = &self.hub.settings;
                    crate::xet::download(settings, (folder, self.commit), &target, count)?
                }
            };
            self.hub.hashed.remember(&blob, &sums);
        }
        folder.link(etag, &pointer, self.hub.settings.links)?;
        Ok(if there { 0 } else { *bytes })
    }

    /// How many bytes of a file are here that somebody is downloading, Python's client included.
    fn unfinished(&self, etag: &str) -> u64 {
        let is_its = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(etag) && name.ends_with(INCOMPLETE)
        };
        let paths = entries(&self.folder.blobs()).unwrap_or_default();
        let lengths = paths
            .iter()
            .filter(|path| is_its(path))
            .filter_map(|path| Some(fs::symlink_metadata(path).ok()?.len()));
        lengths.fold(0, u64::saturating_add)
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
        self.folder.make_parent(&blobs.join("any"))?;
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
