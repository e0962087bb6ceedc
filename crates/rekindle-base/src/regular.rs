//! Reading what somebody else may have put there: regular files alone, and no more of them than a limit.
//!
//! A pipe is waited on until somebody writes to it, a device may never end, and a file may be longer than all memory.

use std::{
    fs::{self, File, FileType},
    io::{self, Read},
    path::Path,
};

#[cfg(test)]
mod tests;

/// Opens a file to read, if the path leads to a regular one; links are followed.
///
/// # Errors
///
/// If it cannot be opened, or is a folder, a pipe, a device or a socket: those are not opened at all.
pub fn open_regular(path: &Path) -> io::Result<File> {
    check_kind(fs::metadata(path)?.file_type())?;
    let file = File::open(path)?;
    // Something else may lie there by now.
    check_kind(file.metadata()?.file_type())?;
    Ok(file)
}

/// All of a regular file of at most `limit` bytes.
///
/// # Errors
///
/// Those of [`open_regular`]; one that names the limit where the file is longer: it is then not read.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    if file.metadata()?.len() > limit {
        return Err(too_long(limit));
    }
    // It may grow while it is read.
    read_at_most(file, limit)
}

/// All of a regular file of at most `limit` bytes, as text in UTF-8.
///
/// # Errors
///
/// Those of [`read_regular`], and if it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read_regular(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// All that a reader gives, which is to be at most `limit` bytes.
///
/// # Errors
///
/// If it cannot be read; one that names the limit where there is more.
pub fn read_at_most(from: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_long(limit)) } else { Ok(bytes) }
}

fn too_long(limit: u64) -> io::Error {
    let problem = format!("it has more than {limit} bytes, the limit of such a file");
    io::Error::new(io::ErrorKind::FileTooLarge, problem)
}

fn check_kind(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, no regular file"))
    } else {
        let problem = "it is a pipe, a device or a socket, no regular file";
        Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
    }
}
