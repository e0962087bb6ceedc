//! A folder for files that are read: in memory where the system has a place for that, a disk would be what is measured.

use tempfile::TempDir;

pub fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("cannot make a folder")
}
