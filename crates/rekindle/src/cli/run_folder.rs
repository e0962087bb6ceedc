//! The folder that `--out` names: one run at a time, no older run's results, and no folder of pictures.

use std::{
    fs::{self, File, TryLockError},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
use rekindle_base::open_plain;

/// What a run leaves that is not to be mixed with another's.
const RESULTS: [&str; 6] = [
    "best.safetensors",
    "rescued.safetensors",
    "last.state",
    "run.json",
    "report.html",
    "chosen.json",
];
/// What a run writes from its first epoch on; until then they are empty.
const LOGS: [&str; 2] = ["log.jsonl", "log.csv"];
/// Models kept on the way.
const NUMBERED: (&str, &str) = ("epoch-", ".safetensors");
/// Locked while a command writes into the folder; the system frees it whatever ends the process.
const LOCK: &str = ".lock";

/// What a command does with the results of an older run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Older {
    /// It begins a run, and refuses to where there are any.
    Refused,
    /// It begins a run, and removes them when that is about to begin.
    Removed,
    /// It goes on with them.
    GoneOnWith,
}

/// A folder that nobody else writes into while this is held.
#[derive(Debug)]
pub(super) struct Held {
    file: Option<File>,
    path: PathBuf,
}

/// Refuses a folder that is one of the inputs or in one, or holds what an older run left. Writes nothing.
pub(super) fn check(out: &Path, inputs: &[&Path], older: Older) -> anyhow::Result<()> {
    let place = resolved(out).with_context(|| format!("{}: cannot be found", out.display()))?;
    for input in inputs.iter().filter(|input| input.is_dir()) {
        let folder = fs::canonicalize(input).with_context(|| input.display().to_string())?;
        if place.starts_with(&folder) {
            bail!(
                "{}: is in {}, whose folders are taken for labels; choose a folder elsewhere",
                out.display(),
                input.display()
            );
        }
    }
    if place.exists() && !place.is_dir() {
        bail!("{}: is no folder; name one, which need not exist", out.display());
    }
    let found = results(&place);
    if older == Older::Refused && !found.is_empty() {
        bail!(
            "{}: holds the results of another run ({}); choose another folder, go on with that run (--resume), or replace it (--overwrite)",
            out.display(),
            found.join(", ")
        );
    }
    Ok(())
}

/// Makes the folder, and holds it for this process.
pub(super) fn hold(out: &Path, older: Older) -> anyhow::Result<Held> {
    fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let path = out.join(LOCK);
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = open_plain(&path, &mut options)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    let file = match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another run writes into this folder; wait until it ends, or choose another folder",
            out.display()
        ),
        // Some file systems have no locks: two runs in one folder are then the user's to avoid.
        Err(TryLockError::Error(_)) => None,
    };
    let held = Held { file, path: out.to_owned() };
    // Another run may have ended between the first look and now.
    check(out, &[], older)?;
    Ok(held)
}

impl Held {
    /// Removes what an older run left, so that nothing of it is taken for the new one's.
    pub(super) fn clear(&self) -> anyhow::Result<()> {
        for name in results(&self.path) {
            let path = self.path.join(name);
            fs::remove_file(&path)
                .with_context(|| format!("{}: cannot be removed", path.display()))?;
        }
        let events = self.path.join("tensorboard");
        match events.is_dir() {
            true => fs::remove_dir_all(&events)
                .with_context(|| format!("{}: cannot be removed", events.display())),
            false => Ok(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing does not do while a process that is being started has the file as well.
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

/// The files of an older run.
fn results(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_result = |name: &str| {
        let number = name.strip_prefix(NUMBERED.0).and_then(|rest| rest.strip_suffix(NUMBERED.1));
        let numbered = number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        let written = || fs::metadata(folder.join(name)).is_ok_and(|file| file.len() > 0);
        numbered || RESULTS.contains(&name) || LOGS.contains(&name) && written()
    };
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_result(name)).collect();
    names.sort();
    names
}

/// Where a path leads, links followed as far as it exists.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let mut place = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => _ = place.pop(),
            part => place.push(part),
        }
        // Before a `..` behind a link is taken.
        if let Ok(found) = fs::canonicalize(&place) {
            place = found;
        }
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_refused_where_it_is_an_input_or_used() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["pets/train/cats", "used", "begun", "models", "other", "pets-2"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for (name, text) in [
            ("used/best.safetensors", "x"),
            ("begun/log.jsonl", ""),
            ("begun/features.bin", "x"),
            ("models/epoch-0003.safetensors", "x"),
            ("other/epoch-last.safetensors", "x"),
            ("file", "x"),
        ] {
            fs::write(at(name), text).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("pets/train"), at("link")).unwrap();
        let pets = at("pets");
        let refused = |out: &str, older| check(&at(out), &[&pets], older).err();
        for (out, problem) in [
            ("new", None),
            ("new/deep", None),
            ("pets-2", None),
            ("pets/../new", None),
            ("begun", None),
            ("other", None),
            ("pets", Some("taken for labels")),
            ("pets/run", Some("taken for labels")),
            ("pets/train/cats/a/b", Some("taken for labels")),
            ("new/../pets/run", Some("taken for labels")),
            #[cfg(unix)]
            ("link/run", Some("taken for labels")),
            ("used", Some("best.safetensors")),
            ("models", Some("epoch-0003.safetensors")),
            ("file", Some("is no folder")),
        ] {
            let found = refused(out, Older::Refused).map(|error| error.to_string());
            match problem {
                None => assert!(found.is_none(), "{out}: {found:?}"),
                Some(part) => assert!(found.is_some_and(|it| it.contains(part)), "{out}: {part}"),
            }
        }
        for older in [Older::Removed, Older::GoneOnWith] {
            assert!(refused("used", older).is_none(), "{older:?}");
        }
    }

    #[test]
    fn one_holds_a_folder_and_what_it_clears_is_the_older_runs() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let held = hold(&out, Older::Refused).unwrap();
        let error = hold(&out, Older::Removed).unwrap_err().to_string();
        assert!(error.contains("another run writes"), "{error}");
        for name in ["best.safetensors", "log.csv", "features.bin", "notes.txt"] {
            fs::write(out.join(name), "x").unwrap();
        }
        drop(held);
        assert!(hold(&out, Older::Refused).is_err());
        hold(&out, Older::Removed).unwrap().clear().unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".lock", "features.bin", "notes.txt"]);
        hold(&out, Older::Refused).unwrap();
    }
}
