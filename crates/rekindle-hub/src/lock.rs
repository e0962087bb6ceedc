//! One process at a time: the locks of Python's filelock, so that it and we wait for each other.
//!
//! They save work; what is right does not depend on them. Where a file system has none, everybody holds them. Nobody is
//! waited for who gets no further: see [`Patience`].

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
    thread,
    time::Duration,
};

use crate::{Error, fence};

/// How long a lock is waited for that another holds while its download does not grow, in silences of a server.
const SILENCES: u32 = 12;

/// The wait between two looks at a lock that another holds.
const LOOK: Duration = Duration::from_millis(50);

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// How often one looks at a lock that another holds, and finds nothing changed, before giving up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    looks: u32,
}

impl Patience {
    /// For holders who are as patient with servers as we are: [`SILENCES`] times the longest silence of one.
    pub(crate) fn of(silence: Duration) -> Self {
        let looks = silence.saturating_mul(SILENCES).as_millis() / LOOK.as_millis();
        Self { looks: u32::try_from(looks).unwrap_or(u32::MAX).max(1) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing does not do while a process that is being started has the file as well.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Waits for the lock as long as its holder gets further, which `grown` tells by any number that changes;
    /// `waiting` is called first where another has it.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where the holder does not get further; [`Error::Outside`] where the lock is no file of the
    /// folder `within`.
    pub(crate) fn wait(
        within: &Path,
        path: &Path,
        patience: Patience,
        grown: impl Fn() -> u64,
        waiting: impl FnOnce(),
    ) -> Result<Self, Error> {
        let mut waiting = Some(waiting);
        let (mut before, mut looks) = (None, 0);
        loop {
            if let Some(lock) = Self::now(within, path)? {
                return Ok(lock);
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            let now = Some(grown());
            looks = if now == before { looks + 1 } else { 0 };
            before = now;
            if looks >= patience.looks {
                let waited = LOOK.saturating_mul(looks).as_secs_f64();
                return Err(Error::Locked { path: path.to_owned(), waited });
            }
            thread::sleep(LOOK);
        }
    }

    /// The lock, if nobody has it.
    pub(crate) fn now(within: &Path, path: &Path) -> Result<Option<Self>, Error> {
        loop {
            let file = fence::open(within, path)?;
            match file.try_lock() {
                Ok(()) if is_still(&file, path) => return Ok(Some(Self { file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Some(Self { file }));
                }
                Err(TryLockError::Error(source)) => {
                    return Err(Error::io("lock", path)(source));
                }
            }
        }
    }
}

/// Whether the file that was locked has not been removed meanwhile, as some holders do when they are done.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn one_holds_it_and_the_other_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (within, path) = (folder.path(), folder.path().join("deep/a.lock"));
        let held = Lock::now(within, &path).unwrap().unwrap();
        assert!(Lock::now(within, &path).unwrap().is_none());
        let (sender, receiver) = mpsc::channel();
        let patience = Patience::of(Duration::from_secs(10));
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                Lock::wait(within, &path, patience, || 0, || sender.send(()).unwrap()).unwrap()
            });
            receiver.recv_timeout(Duration::from_secs(10)).unwrap();
            drop(held);
            waiter.join().unwrap();
        });
        // A holder that removes its file does not hold a newer one.
        let held = Lock::now(within, &path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(Lock::now(within, &path).unwrap().is_some());
        drop(held);
    }

    /// Counted in looks, each of which finds the lock held.
    #[test]
    fn a_holder_is_waited_for_while_it_gets_further_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let (within, path) = (folder.path(), folder.path().join("a.lock"));
        let _held = Lock::now(within, &path).unwrap().unwrap();
        let patience = Patience { looks: 3 };
        for grows in [0u32, 2, 5] {
            let looks = Cell::new(0u32);
            let grown = || {
                looks.set(looks.get() + 1);
                u64::from(looks.get().min(grows))
            };
            let error = Lock::wait(within, &path, patience, grown, || ()).unwrap_err();
            assert!(matches!(error, Error::Locked { .. }), "{error}");
            assert!(error.to_string().contains("a.lock"), "{error}");
            // The first look, one for each growth, and three that found nothing changed.
            assert_eq!(looks.get(), 1 + grows.saturating_sub(1) + 3, "{grows}");
        }
        for (silence, looks) in [(10, 2400), (0, 1), (u64::MAX, u32::MAX)] {
            assert_eq!(Patience::of(Duration::from_secs(silence)).looks, looks);
        }
    }
}
