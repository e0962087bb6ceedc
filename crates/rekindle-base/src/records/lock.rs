//! The lock of a file of records: one process at a time writes.

use std::fs::{File, TryLockError};

/// A file that gives its lock back.
///
/// Closing does that too, but not while a process that was just started still has a copy of the file open.
#[derive(Debug)]
pub(super) struct Locked(pub(super) File);

impl Locked {
    /// Tries to hold it; whether another process does.
    pub(super) fn is_busy(&self) -> bool {
        match self.0.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => true,
            // Some file systems have no locks: two runs in one folder are then the user's to avoid.
            Err(TryLockError::Error(_)) => false,
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}
