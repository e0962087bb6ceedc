//! A file with another directory, which speaks of samples without a color space and of strips that are expanded.
//!
//! It is a BigTIFF in the byte order of the file: a head and a directory, then the file as it is, then what was expanded.

use std::io::{self, Read, Seek, SeekFrom};

use super::page::Page;

/// Types of values: 16, 32 and 64 bits.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const LONG8: u16 = 16;

/// What is decoded of a page: all of its channels, or one where each has strips of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) channels: usize,
    /// Strips or tiles, counted from the file's first byte; they go on in what was expanded.
    pub(super) places: &'a [[u64; 2]],
}

/// The file to decode.
pub(super) fn joined<'a>(
    page: &Page,
    Part { channels, places }: Part<'_>,
    bytes: &'a [u8],
    expanded: &'a [u8],
) -> Joined<'a> {
    let [offsets_tag, counts_tag] = if page.tiled { [324, 325] } else { [273, 279] };
    let [width, height] = page.size.map(|side| side as u64);
    let [chunk_width, chunk_height] = page.chunk.map(|side| side as u64);
    let sized = match page.tiled {
        true => vec![(322, LONG, chunk_width), (323, LONG, chunk_height)],
        false => vec![(278, LONG, chunk_height)],
    };
    let mut entries = vec![
        (256, LONG, width),
        (257, LONG, height),
        (258, SHORT, u64::from(page.bits)),
        (259, SHORT, u64::from(page.compression)),
        // Black is zero, whatever it is.
        (262, SHORT, 1),
        (277, SHORT, channels as u64),
        (317, SHORT, u64::from(page.predictor)),
        (339, SHORT, u64::from(page.format)),
    ];
    entries.extend(sized);
    let chunks = places.len() as u64;
    // Head, count, entries with the two lists, the place of the next page, then the lists unless they fit their entries.
    let lists = 16 + 8 + 20 * (entries.len() as u64 + 2) + 8;
    let listed = if chunks == 1 { 0 } else { 8 * chunks };
    let base = lists + 2 * listed;
    let mut writer = Writer { bytes: Vec::new(), big_endian: page.big_endian };
    let list = |entry: u64, value: u64| if chunks == 1 { value } else { lists + entry * listed };
    let first = places.first().copied().unwrap_or_default();
    entries.push((offsets_tag, LONG8, list(0, base + first[0])));
    entries.push((counts_tag, LONG8, list(1, first[1])));
    entries.sort_unstable();
    writer.bytes.extend(if page.big_endian { b"MM" } else { b"II" });
    [43, 8, 0].iter().for_each(|value| writer.write(SHORT, *value));
    [16, entries.len() as u64].iter().for_each(|value| writer.write(LONG8, *value));
    for (tag, kind, value) in entries {
        writer.write(SHORT, tag);
        writer.write(SHORT, u64::from(kind));
        writer.write(LONG8, if [offsets_tag, counts_tag].contains(&tag) { chunks } else { 1 });
        let end = writer.bytes.len() + 8;
        writer.write(kind, value);
        writer.bytes.resize(end, 0);
    }
    writer.write(LONG8, 0);
    if chunks != 1 {
        places.iter().for_each(|place| writer.write(LONG8, base + place[0]));
        places.iter().for_each(|place| writer.write(LONG8, place[1]));
    }
    Joined { head: writer.bytes, file: bytes, expanded, position: 0 }
}

struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn write(&mut self, kind: u16, value: u64) {
        let length = match kind {
            SHORT => 2,
            LONG => 4,
            _ => 8,
        };
        match self.big_endian {
            true => self.bytes.extend(&value.to_be_bytes()[8 - length..]),
            false => self.bytes.extend(&value.to_le_bytes()[..length]),
        }
    }
}

/// Three blocks of bytes, one after the other.
pub(super) struct Joined<'a> {
    head: Vec<u8>,
    file: &'a [u8],
    expanded: &'a [u8],
    position: usize,
}

impl Joined<'_> {
    fn length(&self) -> usize {
        self.head.len() + self.file.len() + self.expanded.len()
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut start = self.position;
        for block in [&self.head, self.file, self.expanded] {
            if let Some(rest) = block.get(start..).filter(|rest| !rest.is_empty()) {
                let length = rest.len().min(buffer.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                self.position += length;
                return Ok(length);
            }
            start = start.saturating_sub(block.len());
        }
        Ok(0)
    }
}

impl Seek for Joined<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(place) => (0, i64::try_from(place).unwrap_or(i64::MAX)),
            SeekFrom::End(offset) => (self.length(), offset),
            SeekFrom::Current(offset) => (self.position, offset),
        };
        let place = isize::try_from(offset).ok().and_then(|offset| base.checked_add_signed(offset));
        self.position = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position as u64)
    }
}
