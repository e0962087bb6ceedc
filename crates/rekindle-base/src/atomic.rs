//! Files that appear whole or not at all: written aside, synced, renamed.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

#[cfg(test)]
mod tests;

/// A file on its way to a path, where a reader finds the old one or the new one and never half of one.
///
/// It is written beside its path, and removed again unless [`commit`](Self::commit) puts it in place. A symbolic
/// link at the path is replaced, not followed. The permissions are those of any new file (the umask's).
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl AtomicFile {
    /// Begins a file that is to lie at `path`.
    ///
    /// # Errors
    ///
    /// If its folder does not exist or cannot be written to, or if at `path` is a device, a pipe or a socket: a file
    /// would take its place for everybody.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Ok(metadata) = fs::symlink_metadata(path)
            && !(metadata.is_file() || metadata.is_dir() || metadata.is_symlink())
        {
            let problem = "there is a device, a pipe or a socket, which no file may replace";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".rekindle-").suffix(".tmp");
        // A temporary file's own permissions are for its owner alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self { file: builder.tempfile_in(folder(path))?, path: path.to_owned() })
    }

    /// Where it lies until it is put in place.
    pub fn aside(&self) -> &Path {
        self.file.path()
    }

    /// Puts it in place, so that it lasts through a power failure.
    ///
    /// # Errors
    ///
    /// If it cannot be synced or renamed; what was at the path is then as it was.
    pub fn commit(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(folder(&self.path));
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

/// Writes a whole file at once, as an [`AtomicFile`].
///
/// # Errors
///
/// If it cannot be written; what was at `path` is then as it was.
pub fn write_file(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes.as_ref())?;
    file.commit()
}

/// Makes a rename in a folder last through a power failure, where the system can.
///
/// A failure is no error: the file is complete and in place, and some file systems cannot do it.
pub fn sync_folder(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
