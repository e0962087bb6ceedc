//! Reading a stretch of a file front to back, with small reads served from a buffer.

use std::io;

use super::positioned::PositionedFile;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// The bytes of a file from a position to an end, as they are read.
pub(super) struct Section<'a> {
    file: &'a PositionedFile,
    /// Where the buffer ends in the file.
    position: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that have been handed out.
    used: usize,
}

impl<'a> Section<'a> {
    pub(super) fn new(file: &'a PositionedFile, start: u64, end: u64) -> Self {
        Self { file, position: start.min(end), end, buffer: Vec::new(), used: 0 }
    }

    /// Where in the file the next byte is.
    pub(super) fn position(&self) -> u64 {
        self.position - (self.buffer.len() - self.used) as u64
    }

    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.end - self.position()
    }

    /// Goes on after that many bytes, read or not.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let position = self.position().checked_add(bytes).filter(|position| *position <= self.end);
        let position = position.ok_or(io::ErrorKind::UnexpectedEof)?;
        // What is buffered is not read again: a file may skip little, very often.
        if position <= self.position {
            self.used += bytes as usize;
            return Ok(());
        }
        self.position = position;
        self.buffer.clear();
        self.used = 0;
        Ok(())
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> io::Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes` with what is next.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if self.used == self.buffer.len() {
                self.refill()?;
            }
            let count = bytes.len().min(self.buffer.len() - self.used);
            let (now, later) = bytes.split_at_mut(count);
            now.copy_from_slice(&self.buffer[self.used..][..count]);
            self.used += count;
            bytes = later;
        }
        Ok(())
    }

    fn refill(&mut self) -> io::Result<()> {
        let left = self.end - self.position;
        if left == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.resize(left.min(BUFFER_BYTES as u64) as usize, 0);
        self.used = 0;
        self.file.read_exact_at(&mut self.buffer, self.position)?;
        self.position += self.buffer.len() as u64;
        Ok(())
    }
}
