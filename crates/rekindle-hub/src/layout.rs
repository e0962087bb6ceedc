//! Where in the cache things are: the layout of Python's huggingface_hub, so that both find each other's files.
//!
//! ```text
//! <cache>/models--timm--resnet18.a1_in1k/
//!     refs/main                                      the commit that `main` was
//!     blobs/<etag>                                   bytes; the ETag is their SHA-256 or git's hash of them
//!     blobs/<etag>.incomplete                        the first bytes of such a file
//!     snapshots/<commit>/model.safetensors           a link to ../../blobs/<etag>
//! <cache>/.locks/models--timm--resnet18.a1_in1k/<etag>.lock
//! <cache>/.locks/rekindle-lock.toml                  ours: what was trusted on first use
//! <cache>/.locks/rekindle-hashed.json                ours: what was hashed, and when it was last changed
//! ```
//!
//! Ours lie in `.locks` because Python's listing takes any other name in the cache for a broken repository.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rekindle_base::write_file;

use crate::{Error, Links};

/// What separates the parts of a repository's name in its folder's.
const SEPARATOR: &str = "--";

/// The start of a model's folder; datasets and spaces are none of our business.
pub(crate) const MODELS: &str = "models--";

/// The end of a file that is being downloaded.
pub(crate) const INCOMPLETE: &str = ".incomplete";

/// The branch that is meant where none is named.
pub(crate) const MAIN: &str = "main";

/// The cache's own paths.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) cache: PathBuf,
}

/// The paths of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// The folder itself.
    pub(crate) path: PathBuf,
    /// The folder of its locks.
    pub(crate) locks: PathBuf,
}

impl Layout {
    /// The paths of a repository whose name was checked.
    pub(crate) fn repository(&self, repository: &str) -> Result<Folder, Error> {
        check_repository(repository)?;
        let name = format!("{MODELS}{}", repository.replace('/', SEPARATOR));
        Ok(Folder { path: self.cache.join(&name), locks: self.cache.join(".locks").join(name) })
    }

    /// What was trusted on first use.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.cache.join(".locks").join("rekindle-lock.toml")
    }

    /// What was hashed.
    pub(crate) fn hashed(&self) -> PathBuf {
        self.cache.join(".locks").join("rekindle-hashed.json")
    }
}

impl Folder {
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.blobs().join(etag)
    }

    pub(crate) fn incomplete(&self, etag: &str) -> PathBuf {
        self.blobs().join(format!("{etag}{INCOMPLETE}"))
    }

    pub(crate) fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.snapshots().join(commit)
    }

    /// The commit that a revision is, as far as the cache knows.
    pub(crate) fn commit_of(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.path.join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Remembers the commit that a revision is.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if revision == commit || self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        write_whole(&self.path.join("refs").join(revision), commit.as_bytes())
    }

    /// Has a snapshot refer to a blob, by a link or as a copy.
    pub(crate) fn link(&self, etag: &str, pointer: &Path, links: Links) -> Result<(), Error> {
        let blob = self.blob(etag);
        create_parent(pointer)?;
        if fs::canonicalize(pointer)
            .ok()
            .is_some_and(|now| fs::canonicalize(&blob).ok() == Some(now))
        {
            return Ok(());
        }
        let depth =
            pointer.strip_prefix(&self.path).map_or(0, |inside| inside.components().count());
        let mut target = PathBuf::new();
        target.extend(std::iter::repeat_n("..", depth.saturating_sub(1)));
        target.extend(["blobs", etag]);
        // Made aside and renamed, so that nobody finds the snapshot without the file.
        let aside = aside(pointer);
        let _ = fs::remove_file(&aside);
        if links == Links::Copied || symlink(&target, &aside).is_err() {
            fs::copy(&blob, &aside).map_err(Error::io("copy the file into", pointer))?;
        }
        fs::rename(&aside, pointer).map_err(Error::io("put the file in place at", pointer))
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A name beside a path that no other process uses.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{:?}.tmp", std::process::id(), std::thread::current().id()));
    path.with_file_name(name)
}

/// Creates the folder that a file is to lie in.
pub(crate) fn create_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))
}

/// Writes a file aside and renames it, so that it is whole or as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    create_parent(path)?;
    write_file(path, bytes).map_err(Error::io("write", path))
}

/// Whether a revision is a whole commit hash, which never means other bytes.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && is_hexadecimal(revision)
}

pub(crate) fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The Hub's rule for names of repositories: they become names of folders.
pub(crate) fn check_repository(repository: &str) -> Result<(), Error> {
    let bad = |problem| Error::Name { kind: "repository", name: repository.to_owned(), problem };
    let parts: Vec<&str> = repository.split('/').collect();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |part: &str| part.starts_with(['-', '.']) || part.ends_with(['-', '.']);
    if parts.len() > 2 || parts.iter().any(|part| part.is_empty()) {
        return Err(bad("it is not `owner/name`"));
    }
    if repository.len() > 200 || !parts.iter().all(|part| part.bytes().all(allowed)) {
        return Err(bad("letters, digits, `-`, `_` and `.` are allowed, 200 in all"));
    }
    if repository.contains(SEPARATOR) || repository.contains("..") || parts.into_iter().any(edge) {
        return Err(bad("`--`, `..`, and a `-` or `.` at an end are not allowed"));
    }
    Ok(())
}

/// A path that stays within the repository; `kind` is what it names.
pub(crate) fn check_path(kind: &'static str, path: &str) -> Result<(), Error> {
    let outside = |part: &str| matches!(part, "" | "." | "..");
    let odd = |letter: char| matches!(letter, '\\' | ':') || letter.is_control();
    if path.split('/').any(outside) || path.contains(odd) {
        let problem = "it is not a path within a repository";
        return Err(Error::Name { kind, name: path.to_owned(), problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_cache() {
        for good in ["timm/resnet18.a1_in1k", "gpt2", "a/b-c_d.e"] {
            check_repository(good).unwrap();
        }
        for bad in [
            "", "a/", "/a", "a/b/c", "../a", "a/..", "a--b/c", "a/b c", "a/é", "a\\b", ".a/b",
            "a/b-",
        ] {
            let error = check_repository(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
        assert!(check_repository(&"a".repeat(201)).is_err());
        for good in ["model.safetensors", "onnx/model.onnx", "refs/pr/1"] {
            check_path("file", good).unwrap();
        }
        for bad in ["", "/etc/passwd", "a//b", "../a", "a/../b", "./a", "a\\b", "c:a", "a\0", "a\n"]
        {
            assert!(check_path("file", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_snapshot_refers_to_a_blob_by_a_relative_link() {
        for (links, linked) in [(Links::Symbolic, cfg!(unix)), (Links::Copied, false)] {
            let cache = tempfile::tempdir().unwrap();
            let layout = Layout { cache: cache.path().to_owned() };
            let folder = layout.repository("timm/a").unwrap();
            assert_eq!(folder.path, cache.path().join("models--timm--a"));
            write_whole(&folder.blob("e1"), b"one").unwrap();
            write_whole(&folder.blob("e2"), b"two").unwrap();
            for (file, up) in [("a.bin", "../.."), ("onnx/a.bin", "../../..")] {
                let pointer = folder.snapshot(&"0".repeat(40)).join(file);
                // Again, and over another.
                for (etag, text) in [("e1", "one"), ("e1", "one"), ("e2", "two")] {
                    folder.link(etag, &pointer, links).unwrap();
                    assert_eq!(fs::read_to_string(&pointer).unwrap(), text);
                    let target = fs::read_link(&pointer).ok();
                    let expected = linked.then(|| Path::new(up).join("blobs").join(etag));
                    assert_eq!(target, expected);
                }
            }
        }
    }

    #[test]
    fn what_is_written_may_be_read_by_whom_any_new_file_may() {
        let folder = tempfile::tempdir().unwrap();
        let [ours, any] = ["ours", "any"].map(|name| folder.path().join(name));
        write_whole(&ours, b"text").unwrap();
        fs::write(&any, b"text").unwrap();
        let [ours, any] = [ours, any].map(|path| path.metadata().unwrap().permissions());
        assert_eq!(ours, any);
    }

    #[test]
    fn a_revision_is_remembered_whole_or_not_at_all() {
        let cache = tempfile::tempdir().unwrap();
        let folder = Layout { cache: cache.path().to_owned() }.repository("a/b").unwrap();
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(folder.commit_of(commit).as_deref(), Some(commit));
        assert_eq!(folder.commit_of("main"), None);
        for revision in ["main", "refs/pr/1"] {
            folder.set_commit(revision, commit).unwrap();
            assert_eq!(folder.commit_of(revision).as_deref(), Some(commit));
        }
        for torn in ["", "0123", "../../etc"] {
            fs::write(folder.path.join("refs/main"), torn).unwrap();
            assert_eq!(folder.commit_of("main"), None, "{torn}");
        }
    }
}
