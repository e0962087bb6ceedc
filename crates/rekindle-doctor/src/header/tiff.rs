//! TIFF and BigTIFF: a list of directories, each a page, that the head leads to.

use image::metadata::Orientation;

use super::{Header, part};

/// Tags of a directory (TIFF 6.0, sections 4 and 18).
const BITS: usize = 258;
const COLOR_SPACE: usize = 262;
const ORIENTATION: usize = 274;
const CHANNELS: usize = 277;
const EXTRA_CHANNELS: usize = 338;

/// Color spaces.
const RGB: usize = 2;
const CMYK: usize = 5;

/// Bytes of the parts of a directory, which BigTIFF has longer.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    count: usize,
    entry: usize,
    /// Of a place in the file, and of a value within its entry.
    place: usize,
}

pub(super) fn read(bytes: &[u8]) -> Header {
    let file = File { bytes, little: bytes.starts_with(b"II") };
    let (lengths, first) = match file.number(2, 2) {
        Some(42) => (Lengths { count: 2, entry: 12, place: 4 }, 4),
        Some(43) => (Lengths { count: 8, entry: 20, place: 8 }, 8),
        version => return Header { cut: version.is_none(), ..Header::default() },
    };
    let next = |at: usize| {
        let entries = file.number(at, lengths.count)?.checked_mul(lengths.entry)?;
        file.number(at.checked_add(lengths.count)?.checked_add(entries)?, lengths.place)
    };
    let first = file.number(first, lengths.place);
    let behind = first.and_then(next);
    let value = |tag: usize| file.value(first?, lengths, tag);
    let space = value(COLOR_SPACE);
    let alpha = match value(EXTRA_CHANNELS) {
        Some(kind) => matches!(kind, 1 | 2),
        None => space == Some(RGB) && value(CHANNELS) == Some(4),
    };
    let turned = value(ORIENTATION).and_then(|value| u8::try_from(value).ok());
    let turned = turned.and_then(Orientation::from_exif);
    Header {
        alpha,
        cmyk: space == Some(CMYK),
        sixteen: value(BITS) == Some(16),
        // The first page alone is taken, so a second is all that counts.
        frames: behind.is_some_and(|second| second != 0 && next(second).is_some()),
        rotated: turned.is_some_and(|turned| turned != Orientation::NoTransforms),
        cut: behind.is_none(),
    }
}

struct File<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl File<'_> {
    fn number(&self, at: usize, length: usize) -> Option<usize> {
        let bytes = part(self.bytes, at, length)?.iter();
        let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if self.little { bytes.rev().fold(0, add) } else { bytes.fold(0, add) })
    }

    /// The first value of a tag in the directory that begins here.
    fn value(&self, directory: usize, lengths: Lengths, tag: usize) -> Option<usize> {
        let entries = self.number(directory, lengths.count)?;
        let first = directory.checked_add(lengths.count)?;
        let mut places = (0..entries).map_while(|entry| {
            let at = first.checked_add(entry.checked_mul(lengths.entry)?)?;
            part(self.bytes, at, lengths.entry).map(|_| at)
        });
        let at = places.find(|at| self.number(*at, 2) == Some(tag))?;
        let length = match self.number(at + 2, 2)? {
            3 => 2,
            4 => 4,
            _ => return None,
        };
        let count = self.number(at + 4, lengths.place)?;
        let inline = at + 4 + lengths.place;
        match count.checked_mul(length)? <= lengths.place {
            true => self.number(inline, length),
            false => self.number(self.number(inline, lengths.place)?, length),
        }
    }
}
