//! What the targets for files of weights have in common.

use std::cell::RefCell;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use rekindle_files::{CheckpointFile, Error};
use tempfile::NamedTempFile;

/// Opens these bytes as a file, and reads every float in it, as loading a network would.
pub fn read_everything(bytes: &[u8]) -> Result<(), Error> {
    with_file(bytes, |path| {
        let file = CheckpointFile::open(path)?;
        for (name, info) in file.tensors().filter(|(_, info)| info.dtype.is_float()) {
            assert_eq!(file.read_f32(name)?.len(), info.num_elements());
        }
        Ok(())
    })
}

/// Does something with a file of these bytes.
pub fn with_file<T>(bytes: &[u8], task: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FILE: RefCell<NamedTempFile> = RefCell::new(file());
    }
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("cannot empty the file");
        file.seek(SeekFrom::Start(0)).expect("cannot go to its start");
        file.write_all(bytes).expect("cannot write the file");
        task(file.path())
    })
}

/// In memory where the system has a place for that: a disk would be what is measured.
fn file() -> NamedTempFile {
    NamedTempFile::new_in("/dev/shm").or_else(|_| NamedTempFile::new()).expect("cannot make a file")
}
