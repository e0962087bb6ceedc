//! Short files that others may have put where they lie: regular ones are read, up to a limit.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The longest `config.json` that is downloaded or read, in bytes: that of a thousand labels takes 100,000.
pub(crate) const LONGEST_CONFIG: u64 = 16 << 20;

/// The longest index of shards, in bytes: 100,000 tensors take 15 million.
pub(crate) const LONGEST_INDEX: u64 = 64 << 20;

/// All of a regular file; a pipe or a device, whose end may never come, is not opened.
///
/// # Errors
///
/// If it cannot be read, and with the limit in its text where the file is longer.
pub(crate) fn read_short(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let problem = format!("it is longer than {limit} bytes, the limit of such a file");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}
