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
//! ```
//!
//! Ours lies in `.locks` because Python's listing takes any other name in the cache for a broken repository. Where others
//! may write into the cache it lies elsewhere: see [`crate::trusted`].

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rekindle_base::{AtomicFile, read_regular, write_file};

use crate::{
    Error, Links, fence,
    names::{INCOMPLETE, MODELS, SEPARATOR, check_repository, is_commit},
};

/// The longest text that may name a commit, in bytes: one has 40 digits, and a line may end behind it.
const LONGEST_REF: u64 = 64;

/// The cache's own paths.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) cache: PathBuf,
}

/// The paths of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    /// The cache that it is in.
    pub(crate) cache: PathBuf,
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
        let (path, locks) = (self.cache.join(&name), self.locks().join(name));
        Ok(Folder { cache: self.cache.clone(), path, locks })
    }

    /// The folder of locks, and of what is ours.
    pub(crate) fn locks(&self) -> PathBuf {
        self.cache.join(".locks")
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
        let text = read_regular(&self.path.join("refs").join(revision), LONGEST_REF).ok()?;
        let text = String::from_utf8(text).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Makes the folder that a file of this repository is to lie in; refused where a link leads elsewhere.
    pub(crate) fn make_parent(&self, path: &Path) -> Result<(), Error> {
        fence::make_parent(&self.cache, path)
    }

    /// Remembers the commit that a revision is.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        if revision == commit || self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.path.join("refs").join(revision);
        self.make_parent(&path)?;
        write_file(&path, commit).map_err(Error::io("write", &path))
    }

    /// Has a snapshot refer to a blob, by a link or as a copy.
    pub(crate) fn link(&self, etag: &str, pointer: &Path, links: Links) -> Result<(), Error> {
        let blob = self.blob(etag);
        self.make_parent(pointer)?;
        if fs::canonicalize(pointer)
            .ok()
            .is_some_and(|now| fs::canonicalize(&blob).ok() == Some(now))
        {
            return Ok(());
        }
        // Made aside and renamed, so that nobody finds the snapshot without the file.
        if links == Links::Symbolic {
            let depth =
                pointer.strip_prefix(&self.path).map_or(0, |inside| inside.components().count());
            let mut target = PathBuf::new();
            target.extend(std::iter::repeat_n("..", depth.saturating_sub(1)));
            target.extend(["blobs", etag]);
            let aside = aside(pointer);
            let _ = fs::remove_file(&aside);
            if symlink(&target, &aside).is_ok() {
                let place = "put the file in place at";
                return fs::rename(&aside, pointer).map_err(Error::io(place, pointer));
            }
        }
        let copy = || {
            let mut file = AtomicFile::create(pointer)?;
            io::copy(&mut fs::File::open(&blob)?, &mut file)?;
            file.commit()
        };
        copy().map_err(Error::io("copy the file into", pointer))
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

/// Creates the folder that a file outside of the cache is to lie in.
pub(crate) fn create_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))
}

/// Writes a file aside and renames it, so that it is whole or as it was.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    create_parent(path)?;
    write_file(path, bytes).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

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
