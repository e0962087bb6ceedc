//! Puts files that were obtained elsewhere into the cache, for machines without a network.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use rekindle_base::AtomicFile;
use rekindle_cards::Card;

use crate::{
    Error, Hub, Located,
    digest::{Sums, sums},
    hub::{FETCH, IMPORT},
    job::{CONFIG, INDEX, Job, KINDS_OF_WEIGHTS, PICKLE, PICKLED, Selection, WEIGHTS},
    locate::{locate, problem, shards},
    lock::Lock,
    names::MAIN,
};

/// How many digits of the weights' SHA-256 stand for a commit that nobody knows.
const COMMIT: usize = 40;

impl Hub {
    /// Copies a card's files into the cache: a folder of `config.json` and weights, or the weights beside one.
    ///
    /// Under a pin or an earlier use they must be those bytes. Without either they are trusted from now on. A
    /// commit that nobody knows is named after the weights' SHA-256: the Hub has none of that name, so what it
    /// has is not mixed with them.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] where files are missing in the folder, [`Error::Damaged`] where they are not the bytes
    /// that they must be, [`Error::Io`] where they cannot be read or the cache not be written.
    pub fn import(&self, card: &Card, from: &Path) -> Result<Located, Error> {
        // They are here already; under which license is asked when they are used.
        let job = Job::of_card_under(self, card, None)?;
        let files = self.given(&job, card, from)?;
        let folder = self.layout.repository(&job.repository)?;
        let mut hashed = BTreeMap::new();
        for (name, path) in &files {
            hashed.insert(name.as_str(), sums(path)?);
        }
        let commit = match job.commit.clone().or_else(|| folder.commit_of(&job.revision)) {
            Some(commit) => commit,
            None => unknown_commit(&hashed),
        };
        // All are looked at before one is copied.
        for (name, path) in &files {
            let Some(sums) = hashed.get(name.as_str()) else { continue };
            let expected = job.expected(&commit, name);
            if let Some(problem) = problem(path, sums, expected).filter(|_| expected.is_some()) {
                let remedy = format!("take the right file, or run `{FETCH} {}`", card.name());
                return Err(Error::Damaged { path: path.clone(), problem, remedy });
            }
        }
        for (name, path) in &files {
            let Some(sums) = hashed.get(name.as_str()) else { continue };
            let etag = etag(name, sums);
            let patience = self.patience();
            let _lock = Lock::wait(&folder.cache, &folder.lock(etag), patience, || 0, || ())?;
            let blob = folder.blob(etag);
            folder.make_parent(&blob)?;
            let there = blob.is_file() && self.hashed.sums(&blob)?.sha256 == sums.sha256;
            if !there {
                self.copy(path, &blob, sums)?;
            }
            let pointer = folder.snapshot(&commit).join(name);
            folder.link(etag, &pointer, self.settings.links)?;
        }
        let branch = if job.commit.is_none() { job.revision.as_str() } else { MAIN };
        if folder.commit_of(branch).is_none() {
            folder.set_commit(branch, &commit)?;
        }
        locate(self, &job, None)
    }

    /// The files to import, by their names in the repository.
    fn given(&self, job: &Job, card: &Card, from: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
        let (folder, file) = match from.is_dir() {
            true => (from, None),
            false => (from.parent().unwrap_or(from), Some(from)),
        };
        let weights = match &job.selection {
            Selection::Named(names) => names.clone(),
            Selection::Checkpoint(more) => {
                let mut names = match file {
                    None => {
                        let has = |name: &&str| folder.join(name).exists();
                        let kind = KINDS_OF_WEIGHTS.into_iter().find(has).unwrap_or(WEIGHTS);
                        let mut names = vec![kind.to_owned()];
                        if kind == INDEX {
                            names.extend(shards(&folder.join(INDEX))?);
                        }
                        names
                    }
                    Some(file) => {
                        let kind = file.extension().and_then(|kind| kind.to_str());
                        let pickled = kind.is_some_and(|kind| PICKLED.contains(&kind));
                        vec![if pickled { PICKLE } else { WEIGHTS }.to_owned()]
                    }
                };
                names.extend(more.iter().cloned());
                names
            }
        };
        let mut names = vec![CONFIG.to_owned()];
        names.extend(weights.into_iter().filter(|name| name != CONFIG));
        // A single file may have any name, if there is only one that it can be.
        let single = file.filter(|_| names.len() == 2);
        let place = |name: &String| match single {
            Some(file) if name != CONFIG => file.to_owned(),
            _ => folder.join(name),
        };
        let files: Vec<(String, PathBuf)> =
            names.iter().map(|name| (name.clone(), place(name))).collect();
        let missing: Vec<String> = files
            .iter()
            .filter(|(_, path)| !path.is_file())
            .map(|(_, path)| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        match missing.is_empty() {
            true => Ok(files),
            false => Err(Error::Absent {
                repository: job.repository.clone(),
                missing,
                folder: folder.to_owned(),
                remedy: format!(
                    "`{IMPORT} {} FOLDER` takes them all from one folder, as they are in the repository",
                    card.name()
                ),
            }),
        }
    }

    /// Copies a file aside, hashes the copy, and puts it in place.
    fn copy(&self, from: &Path, blob: &Path, expected: &Sums) -> Result<(), Error> {
        let folder = blob.parent().unwrap_or(blob);
        let mut aside = AtomicFile::create(blob).map_err(Error::io("write into", folder))?;
        // Not `fs::copy`, which brings the permissions along.
        fs::File::open(from)
            .and_then(|mut from| io::copy(&mut from, &mut aside))
            .map_err(Error::io("copy into the cache", from))?;
        let copied = sums(aside.aside())?;
        if copied != *expected {
            let problem = "it changed while it was copied".to_owned();
            let remedy = "import it again".to_owned();
            return Err(Error::Damaged { path: from.to_owned(), problem, remedy });
        }
        aside.commit().map_err(Error::io("put the file in place at", blob))?;
        self.hashed.remember(blob, expected);
        Ok(())
    }
}

/// What the Hub would call a file's bytes: weights lie in large file storage.
fn etag<'a>(name: &str, sums: &'a Sums) -> &'a str {
    match &sums.git {
        Some(git) if !name.ends_with(".safetensors") && name != PICKLE => git,
        _ => &sums.sha256,
    }
}

/// A name for a commit that nobody knows: the same bytes give the same one.
fn unknown_commit(hashed: &BTreeMap<&str, Sums>) -> String {
    let weights = KINDS_OF_WEIGHTS.into_iter().find_map(|name| hashed.get(name));
    let sha256 = weights.map_or("", |sums| sums.sha256.as_str());
    sha256.get(..COMMIT).unwrap_or_default().to_owned()
}
