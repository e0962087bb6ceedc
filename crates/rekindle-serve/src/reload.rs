//! A model's file that was replaced as a whole: the new one is used, unless it cannot be.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use rekindle_base::{FileState, digest_file};
use serde_json::json;

use crate::{
    Served,
    host::{Host, Hosted, milliseconds},
};

/// How a model is opened from its file.
pub(crate) type Open = Box<dyn Fn() -> Result<Arc<dyn Served>, String> + Send>;

type Files = Vec<(PathBuf, FileState)>;

/// What is looked at again and again.
pub(crate) struct Watched {
    path: PathBuf,
    open: Open,
    /// As it was when it was opened.
    files: Files,
}

impl Watched {
    /// Opens a model, whose file is as it was before that at most.
    pub(crate) fn open(path: PathBuf, open: Open) -> Result<(Self, Arc<dyn Served>), String> {
        // What cannot be looked at is left for `open` to complain about.
        let files = files(&path).unwrap_or_default();
        let model = open()?;
        Ok((Self { path, open, files }, model))
    }
}

/// Looks at the files of a model every so often, until the other end of `stop` is dropped.
pub(crate) fn watch(
    host: &Host,
    hosted: &Hosted,
    mut watched: Watched,
    every: Duration,
    stop: &mpsc::Receiver<()>,
) {
    let mut digests = digests(&watched.files);
    let mut before: Option<Files> = None;
    while stop.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
        // While it is being replaced there may be none.
        let Ok(now) = files(&watched.path) else { continue };
        if now == watched.files {
            continue;
        }
        // What still changes is not whole yet.
        if before.replace(now.clone()).as_ref() != Some(&now) {
            continue;
        }
        watched.files = now;
        let found = self::digests(&watched.files);
        if found.is_some() && found == digests {
            continue;
        }
        digests = found;
        reload(host, hosted, &watched.open);
    }
}

fn reload(host: &Host, hosted: &Hosted, open: &Open) {
    let start = Instant::now();
    let opened = open();
    host.metrics.reloaded(&hosted.name, opened.is_ok());
    let line = match opened {
        Ok(model) => {
            hosted.replace(model);
            let took = milliseconds(start.elapsed());
            json!({ "event": "reloaded", "model": hosted.name, "ms": took })
        }
        Err(error) => json!({ "event": "not reloaded", "model": hosted.name, "error": error }),
    };
    (host.log)(&line.to_string());
}

/// The files that a path stands for: itself, or those of a folder, in order.
fn files(path: &Path) -> io::Result<Files> {
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.is_file() {
                found.push((path.clone(), FileState::of(&path)?));
            }
        }
        found.sort_by(|one, other| one.0.cmp(&other.0));
    } else {
        found.push((path.to_owned(), FileState::of(path)?));
    }
    Ok(found)
}

/// What is in them; nothing where one cannot be read.
fn digests(files: &Files) -> Option<Vec<(PathBuf, rekindle_base::Key)>> {
    files.iter().map(|(path, _)| Some((path.clone(), digest_file(path).ok()?))).collect()
}
