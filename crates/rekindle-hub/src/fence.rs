//! What keeps changes within the cache: what is written, renamed or removed lies where its path says.
//!
//! Others may be able to write into a cache, and a link in place of a folder would have us change what lies elsewhere.
//! So below the cache no folder may be a link where something changes, no file is opened to be written through one, and
//! what is removed has a name that is given here or by Python's client. The cache itself may be a link, and so may its
//! blobs: Python shares them between repositories. Reading follows links.

use std::{
    fs::{self, File, Metadata},
    io::{self, ErrorKind},
    path::{Component, Path},
};

use crate::{
    Error,
    names::{INCOMPLETE, check_path, is_commit, is_etag, is_hexadecimal},
};

/// How the name of a file begins and ends that is written aside and then renamed.
const ASIDE: [&str; 2] = [".rekindle-", ".tmp"];

/// Letters that Python's client puts between an ETag and what an unfinished file ends in.
const PYTHONS: usize = 8;

/// How often a file is opened anew that others remove and make meanwhile.
const TRIES: usize = 16;

/// What is done about folders that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Left,
}

/// Makes the folder that a file of the cache is to lie in.
///
/// # Errors
///
/// [`Error::Outside`] where a link on the way leads elsewhere, [`Error::Io`] where a folder cannot be made.
pub(crate) fn make_parent(cache: &Path, path: &Path) -> Result<(), Error> {
    walk(cache, path, Missing::Made)
}

/// Refuses a path that lies elsewhere than it says, as far as its folders exist.
///
/// # Errors
///
/// [`Error::Outside`] where a link on the way leads elsewhere.
pub(crate) fn check(cache: &Path, path: &Path) -> Result<(), Error> {
    walk(cache, path, Missing::Left)
}

/// Opens a file of the cache to read and write it where it lies, and makes it where there is none.
///
/// # Errors
///
/// [`Error::Outside`] where it is no regular file of its own: a link would have us write elsewhere, a pipe wait.
pub(crate) fn open(cache: &Path, path: &Path) -> Result<File, Error> {
    make_parent(cache, path)?;
    let mut options = File::options();
    options.read(true).write(true);
    for _ in 0..TRIES {
        // A new file is never made through a link.
        match options.clone().create_new(true).open(path) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("write", path)(error)),
        }
        match open_own(path, &options) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => return Err(outside(path)),
            // Removed since.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("write", path)(error)),
        }
    }
    Err(Error::io("write", path)(ErrorKind::ResourceBusy.into()))
}

/// Opens a file that exists, unless it is a link, is none, or has other names.
fn open_own(path: &Path, options: &fs::OpenOptions) -> io::Result<Option<File>> {
    let seen = fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Ok(None);
    }
    let file = options.open(path)?;
    // Something else may lie there by now; nothing was written yet.
    Ok(is_same(&seen, &file.metadata()?).then_some(file))
}

fn walk(cache: &Path, path: &Path, missing: Missing) -> Result<(), Error> {
    let inside = path.strip_prefix(cache).ok().and_then(Path::parent);
    let inside = inside.ok_or_else(|| outside(path))?;
    if missing == Missing::Made {
        fs::create_dir_all(cache).map_err(Error::io("create the folder", cache))?;
    }
    let mut at = cache.to_owned();
    for part in inside.components() {
        let Component::Normal(part) = part else { return Err(outside(path)) };
        at.push(part);
        let found = match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == ErrorKind::NotFound => match missing {
                Missing::Left => return Ok(()),
                Missing::Made => made(&at),
            },
            found => found,
        };
        let found = found.map_err(Error::io("create the folder", &at))?;
        if found.is_symlink() {
            return Err(outside(&at));
        }
        if !found.is_dir() {
            let error = ErrorKind::NotADirectory.into();
            return Err(Error::io("create the folder", &at)(error));
        }
    }
    Ok(())
}

/// Makes a folder, unless somebody else has just made something; says what is there.
fn made(at: &Path) -> io::Result<Metadata> {
    match fs::create_dir(at) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::symlink_metadata(at),
    }
}

fn outside(path: &Path) -> Error {
    let problem = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => match fs::canonicalize(path) {
            Ok(real) => format!("is a link to {}", real.display()),
            Err(_) => "is a link that leads nowhere".to_owned(),
        },
        Ok(found) if found.is_file() => "has other names as well".to_owned(),
        Ok(found) if found.is_dir() => "is a folder".to_owned(),
        Ok(_) => "is a device, a pipe or a socket".to_owned(),
        Err(_) => "lies outside of the cache".to_owned(),
    };
    Error::Outside { path: path.to_owned(), problem }
}

/// Whether both are of one file, which has no other name.
#[cfg(unix)]
fn is_same(seen: &Metadata, opened: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (seen.dev(), seen.ino()) == (opened.dev(), opened.ino()) && opened.nlink() <= 1
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, opened: &Metadata) -> bool {
    opened.is_file()
}

/// Whether a path within a repository's folder is one that is given here or by Python's client.
pub(crate) fn is_of_a_cache(inside: &str) -> bool {
    match inside.split_once('/') {
        Some(("blobs", name)) => is_blob(name) || is_aside(name),
        Some(("refs", name)) => check_path("revision", name).is_ok(),
        Some(("snapshots" | ".no_exist", rest)) => rest
            .split_once('/')
            .is_some_and(|(commit, file)| is_commit(commit) && check_path("file", file).is_ok()),
        _ => false,
    }
}

/// Whether a name is that of a blob or an unfinished one: `<etag>`, `<etag>.incomplete`, `<etag>.1a2b3c4d.incomplete`.
pub(crate) fn is_blob(name: &str) -> bool {
    let etag = name.strip_suffix(INCOMPLETE).unwrap_or(name);
    match etag.split_once('.') {
        None => is_etag(etag),
        Some((etag, pythons)) => {
            name.len() > INCOMPLETE.len() + etag.len() + pythons.len()
                && pythons.len() == PYTHONS
                && is_hexadecimal(pythons)
                && is_etag(etag)
        }
    }
}

/// Whether a name is that of a file which was written aside, and not put in place yet.
pub(crate) fn is_aside(name: &str) -> bool {
    let [start, end] = ASIDE;
    name.strip_prefix(start).is_some_and(|rest| rest.ends_with(end) && !rest.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_cache_are_its() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let snapshot = |file: &str| format!("snapshots/{commit}/{file}");
        for (path, its) in [
            ("blobs/0a1b", true),
            ("blobs/0a1b-3_c", true),
            ("blobs/0a1b.incomplete", true),
            ("blobs/0a1b.1a2b3c4d.incomplete", true),
            ("blobs/.rekindle-Ab12.tmp", true),
            ("blobs/thesis.pdf", false),
            ("blobs/0a1b.1a2b3c4d", false),
            ("blobs/0a1b.letters8.incomplete", false),
            ("blobs/.incomplete", false),
            ("blobs/a/b", false),
            ("blobs", false),
            ("refs/main", true),
            ("refs/refs/pr/1", true),
            (&snapshot("config.json"), true),
            (&snapshot("onnx/model.onnx"), true),
            (&snapshot(""), false),
            ("snapshots/notes.txt", false),
            ("snapshots/v1/config.json", false),
            (&format!(".no_exist/{commit}/a.json"), true),
            ("thesis/chapter1.tex", false),
            ("thesis.pdf", false),
        ] {
            assert_eq!(is_of_a_cache(path), its, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_opened_or_made_by_way_of_a_link() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for made in ["cache/real", "theirs"] {
            fs::create_dir_all(at(made)).unwrap();
        }
        fs::write(at("theirs/file"), "theirs").unwrap();
        symlink(at("theirs"), at("cache/linked")).unwrap();
        symlink(at("theirs/file"), at("cache/real/linked")).unwrap();
        symlink(at("theirs/new"), at("cache/real/dangling")).unwrap();
        fs::hard_link(at("theirs/file"), at("cache/real/named twice")).unwrap();
        fs::create_dir(at("cache/real/folder")).unwrap();
        assert!(
            std::process::Command::new("mkfifo")
                .arg(at("cache/real/pipe"))
                .status()
                .unwrap()
                .success()
        );
        // The cache itself may be a link.
        symlink(at("cache"), at("elsewhere")).unwrap();
        for root in ["cache", "elsewhere"] {
            let root = at(root);
            for (path, fine) in [
                ("real/new", true),
                ("real/new", true),
                ("deep/er/new", true),
                ("linked/file", false),
                ("linked/new/file", false),
                ("real/linked", false),
                ("real/dangling", false),
                ("real/named twice", false),
                ("real/folder", false),
                ("real/pipe", false),
                ("../theirs/file", false),
            ] {
                let opened = open(&root, &root.join(path));
                assert_eq!(opened.is_ok(), fine, "{path}: {opened:?}");
                assert!(fine || matches!(opened, Err(Error::Outside { .. })), "{path}: {opened:?}");
            }
            check(&root, &root.join("none/at/all")).unwrap();
            assert!(check(&root, &root.join("linked/file")).is_err());
        }
        assert_eq!(fs::read_to_string(at("theirs/file")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(at("theirs")).unwrap().count(), 1);
    }
}
