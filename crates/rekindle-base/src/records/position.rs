//! Reading and writing by position, whoever else uses the file at the same time.

use std::{fs::File, io};

#[cfg(unix)]
pub(super) fn read(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(unix)]
pub(super) fn write(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, place)
}

#[cfg(windows)]
pub(super) fn read(file: &File, mut bytes: &mut [u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, place)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => (bytes, place) = (&mut bytes[count..], place + count as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
pub(super) fn write(file: &File, mut bytes: &[u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, place)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => (bytes, place) = (&bytes[count..], place + count as u64),
        }
    }
    Ok(())
}
