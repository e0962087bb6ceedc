//! A look at a TAR archive before anything else reads it.

use std::io;

use super::positioned::PositionedFile;

/// Headers are one block, and contents start at a block.
const BLOCK: u64 = 512;
const SIZE_FIELD: std::ops::Range<usize> = 124..136;
const TYPE_FIELD: usize = 156;

/// Whether a TAR archive has nothing but plain files and folders in it.
///
/// Its reader follows sparse files, whose few bytes may stand for any number of zeros, and other
/// extensions that change sizes. PyTorch never wrote either, so they are refused unread.
pub(super) fn is_plain(file: &PositionedFile, length: u64) -> io::Result<bool> {
    let mut offset = 0;
    let mut header = [0; BLOCK as usize];
    while offset + BLOCK <= length {
        file.read_exact_at(&mut header, offset)?;
        offset += BLOCK;
        // Zeros pad the end of an archive.
        if header.iter().all(|byte| *byte == 0) {
            continue;
        }
        let Some(size) = octal(&header[SIZE_FIELD]) else { return Ok(false) };
        if !matches!(header[TYPE_FIELD], b'0' | 0 | b'5') {
            return Ok(false);
        }
        offset = offset.saturating_add(size.saturating_add(BLOCK - 1) / BLOCK * BLOCK);
    }
    Ok(true)
}

/// A number as TAR writes it, without the extensions of it.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
