//! Files and folders that are written where they lie: no link is followed, and nothing but a regular file is opened.
//!
//! A file that others can put a link in place of would let them choose what is written over. Whatever can be written
//! whole is an [`AtomicFile`](crate::AtomicFile); these are for what grows: logs, locks, downloads that are gone on with.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// Opens a regular file by its own name, as `options` say.
///
/// A symbolic link as the last part of the path is refused, wherever it leads; so are devices, pipes and sockets, without
/// waiting for their other end. Links among the folders of the path are followed. `options` are not to truncate, which
/// would happen before the file is known to be a regular one, and their own system flags are replaced.
///
/// # Errors
///
/// What the system says, or of the kind `AlreadyExists` if there is something that is no regular file.
pub fn open_plain(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open(path, options)?.ok_or_else(|| {
        let problem = "there is a link, a device, a pipe or a socket, which is not written through";
        io::Error::new(io::ErrorKind::AlreadyExists, problem)
    })
}

/// The same, with nothing for what is no regular file.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<Option<File>> {
    // Looked at first, for opening a device may do something already; then once more, for it may be another by now.
    let other = |found: fs::FileType| !(found.is_file() || found.is_dir());
    if fs::symlink_metadata(path).is_ok_and(|found| other(found.file_type())) {
        return Ok(None);
    }
    no_follow(options);
    match options.open(path) {
        Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a folder in one that exists, unless it is there; a link is refused, even to a folder.
///
/// # Errors
///
/// What the system says, or of the kind `AlreadyExists` if there is something that is no folder.
pub fn own_folder(path: &Path) -> io::Result<()> {
    let error = match fs::create_dir(path) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => {
            let problem = "there is a link or a file, and no folder of its own";
            Err(io::Error::new(io::ErrorKind::AlreadyExists, problem))
        }
        Err(_) => Err(error),
    }
}

/// Whether a file has other names too (hard links), through which somebody else may see what is written.
#[cfg(unix)]
pub(crate) fn has_other_names(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 1)
}

#[cfg(not(unix))]
pub(crate) fn has_other_names(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn no_follow(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
}

/// `FILE_FLAG_OPEN_REPARSE_POINT`: a link itself is opened, which is then no regular file.
#[cfg(windows)]
fn no_follow(options: &mut OpenOptions) {
    use std::os::windows::fs::OpenOptionsExt;
    options.custom_flags(0x0020_0000);
}

/// Elsewhere the look before has to do.
#[cfg(not(any(unix, windows)))]
fn no_follow(_: &mut OpenOptions) {}

#[cfg(all(test, unix))]
mod tests {
    use std::{io::Write, os::unix::fs::symlink, process::Command};

    use super::*;

    fn appending() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options
    }

    #[test]
    fn a_file_is_opened_by_its_own_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("theirs"), "theirs").unwrap();
        fs::create_dir(at("folder")).unwrap();
        for (link, to) in [
            ("link", "theirs"),
            ("dangling", "nowhere"),
            ("to-folder", "folder"),
            ("itself", "itself"),
            ("device", "/dev/null"),
        ] {
            symlink(to, at(link)).unwrap();
        }
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for name in ["link", "dangling", "to-folder", "itself", "device", "pipe", "socket"] {
            let error = open_plain(&at(name), &mut appending()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{name}: {error}");
            let mut reading = OpenOptions::new();
            assert!(open_plain(&at(name), reading.read(true)).is_err(), "{name}");
        }
        assert!(open_plain(&at("folder"), &mut appending()).is_err());
        assert!(!at("nowhere").exists(), "a dangling link makes no file");
        assert_eq!(fs::read(at("theirs")).unwrap(), b"theirs");
        for text in ["one", "two"] {
            // Through a link among the folders.
            let path = at("to-folder").join("ours");
            open_plain(&path, &mut appending()).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read(at("folder/ours")).unwrap(), b"onetwo");
    }

    #[test]
    fn a_folder_is_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("theirs")).unwrap();
        for (link, to) in [("link", "theirs"), ("dangling", "nowhere"), ("to-file", "file")] {
            symlink(to, at(link)).unwrap();
        }
        for (name, fine) in [
            ("new", true),
            ("theirs", true),
            ("link", false),
            ("dangling", false),
            ("to-file", false),
            ("file", false),
            ("no/folder", false),
        ] {
            assert_eq!(own_folder(&at(name)).is_ok(), fine, "{name}");
        }
        assert!(at("new").is_dir() && !at("nowhere").exists());
    }
}
