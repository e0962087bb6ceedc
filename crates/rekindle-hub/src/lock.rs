//! One process at a time: the locks of Python's filelock, so that it and we wait for each other.
//!
//! They save work; what is right does not depend on them. Where a file system has none, everybody holds them.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use crate::{Error, layout::create_parent};

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock; `waiting` is called first where another has it.
    pub(crate) fn wait(path: &Path, waiting: impl FnOnce()) -> Result<Self, Error> {
        let mut waiting = Some(waiting);
        loop {
            if let Some(lock) = Self::now(path)? {
                return Ok(lock);
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            let file = open(path)?;
            file.lock().map_err(Error::io("wait for the lock", path))?;
            if is_still(&file, path) {
                return Ok(Self { _file: file });
            }
        }
    }

    /// The lock, if nobody has it.
    pub(crate) fn now(path: &Path) -> Result<Option<Self>, Error> {
        create_parent(path)?;
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) if is_still(&file, path) => return Ok(Some(Self { _file: file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Some(Self { _file: file }));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io("lock", path)(source));
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(Error::io("open the lock", path))
}

/// Whether the file that was locked has not been removed meanwhile, as some holders do when they are done.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn one_holds_it_and_the_other_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.lock");
        let held = Lock::now(&path).unwrap().unwrap();
        assert!(Lock::now(&path).unwrap().is_none());
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::wait(&path, || sender.send(()).unwrap()).unwrap());
            receiver.recv_timeout(Duration::from_secs(10)).unwrap();
            drop(held);
            waiter.join().unwrap();
        });
        // A holder that removes its file does not hold a newer one.
        let held = Lock::now(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(Lock::now(&path).unwrap().is_some());
        drop(held);
    }
}
