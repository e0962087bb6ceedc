//! TIFF: a list of directories, each a page, that the head leads to.

use super::{Header, part, turns};

/// What follows the head and each directory: where the next one is, or 0.
pub(super) fn read(bytes: &[u8]) -> Header {
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = part(bytes, at, length)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if little { bytes.rev().fold(0, add) } else { bytes.fold(0, add) })
    };
    match number(2, 2) {
        Some(42) => {}
        // BigTIFF has another head; its pages and its end are not looked at.
        version => return Header { cut: version.is_none(), ..Header::default() },
    }
    let next = |at: usize| {
        let entries = number(at, 2)?;
        number(at.checked_add(2 + 12 * entries)?, 4)
    };
    let first = number(4, 4).and_then(next);
    // The first page alone is taken, so a second is all that counts.
    let frames = first.is_some_and(|second| second != 0 && next(second).is_some());
    Header { rotated: turns(bytes), cut: first.is_none(), frames, ..Header::default() }
}
