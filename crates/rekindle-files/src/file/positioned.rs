//! Reading a file at an offset, through a shared reference.

use std::fs::File;
use std::io;

/// An open file that several threads may read from at once.
///
/// Not a memory map: another process that truncates a mapped file kills this one with a signal
/// that nobody can catch, and the whole file would count as resident memory.
#[derive(Debug)]
pub(super) struct PositionedFile {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
}

impl PositionedFile {
    pub(super) fn new(file: File) -> Self {
        #[cfg(not(unix))]
        let file = std::sync::Mutex::new(file);
        Self { file }
    }

    /// Fills `buffer` with the bytes from `offset` on, or fails.
    #[cfg(unix)]
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    /// Fills `buffer` with the bytes from `offset` on, or fails.
    #[cfg(not(unix))]
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        // Every read seeks first, so a cursor that a panicking thread left behind does no harm.
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}
