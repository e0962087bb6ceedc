//! The pages of a Parquet file, looked through before any is read: what they say that they unpack to, and whether they do.
//!
//! The reader believes a page's header, which may say other than the file's end does, and unpacks gzip to wherever it ends. A
//! header is a structure of Thrift's compact protocol: <https://github.com/apache/parquet-format/blob/master/README.md>.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::super::limits::check_values;
use super::{broken, check_bytes};

/// Fields of a page's header: its number, or those of the structure that it stands in and its own.
const UNPACKED: [i16; 2] = [0, 2];
const PACKED: [i16; 2] = [0, 3];
const VALUES: [[i16; 2]; 3] = [[5, 1], [7, 1], [8, 1]];
/// Of the second version, whose levels are never packed.
const DEFINITIONS: [i16; 2] = [8, 5];
const REPETITIONS: [i16; 2] = [8, 6];

/// No field of a header has this number.
const DEEPER: i16 = -1;
/// Structures within each other that are looked into.
const DEEPEST: usize = 8;

/// Refuses a file whose pages unpack to more than a list may have, or to other than they say.
pub(super) fn check(file: &[u8], metadata: &ParquetMetaData) -> Result<(), String> {
    let (mut bytes, mut values) = (0, 0);
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        chunk(file, column, &mut bytes, &mut values)?;
    }
    Ok(())
}

/// The pages of a column in a group of rows.
fn chunk(
    file: &[u8],
    column: &ColumnChunkMetaData,
    bytes: &mut u64,
    values: &mut usize,
) -> Result<(), String> {
    let damaged = || broken(&"its pages are not where it says");
    // Either may be negative, which the library's own way to ask asserts that it is not.
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let range = usize::try_from(start).ok().zip(usize::try_from(column.compressed_size()).ok());
    let range = range.and_then(|(start, length)| Some(start..start.checked_add(length)?));
    let mut rest = range.and_then(|range| file.get(range)).ok_or_else(damaged)?;
    while !rest.is_empty() {
        let fields = Thrift(&mut rest).fields(0, DEEPEST).ok_or_else(damaged)?;
        let size = |id: [i16; 2]| {
            let mut said = fields.iter().filter(|(it, _)| *it == id).map(|(_, value)| *value);
            // Said twice, it may be read either way.
            match (said.next(), said.next()) {
                (said, None) => usize::try_from(said.unwrap_or_default()).map_err(|_| damaged()),
                _ => Err(damaged()),
            }
        };
        let (unpacked, packed) = (size(UNPACKED)?, size(PACKED)?);
        for id in VALUES {
            *values = values.saturating_add(size(id)?);
            check_values(1, *values)?;
        }
        *bytes = bytes.saturating_add(unpacked as u64);
        check_bytes(*bytes)?;
        let (page, after) = rest.split_at_checked(packed).ok_or_else(damaged)?;
        rest = after;
        if let Compression::GZIP(_) = column.compression() {
            let levels = size(DEFINITIONS)?.saturating_add(size(REPETITIONS)?);
            let page = page.get(levels..).ok_or_else(damaged)?;
            gzip(page, unpacked.checked_sub(levels).ok_or_else(damaged)?)?;
        }
    }
    Ok(())
}

/// Refuses what unpacks to more bytes than it says; what cannot be unpacked is told by whoever reads it.
fn gzip(page: &[u8], says: usize) -> Result<(), String> {
    let mut unpacked = MultiGzDecoder::new(page).take(says as u64 + 1);
    match io::copy(&mut unpacked, &mut io::sink()) {
        Ok(bytes) if bytes > says as u64 => {
            Err(broken(&format!("a page unpacks to more than the {says} bytes that it announces")))
        }
        _ => Ok(()),
    }
}

/// What is left of bytes in Thrift's compact protocol.
struct Thrift<'a, 'b>(&'a mut &'b [u8]);

impl Thrift<'_, '_> {
    /// The numbers of a structure, and of those in it; `outer` is the field that it stands in, 0 of the whole, and
    /// [`DEEPER`] of what stands in a field of a field.
    fn fields(&mut self, outer: i16, depth: usize) -> Option<Vec<([i16; 2], i64)>> {
        let depth = depth.checked_sub(1)?;
        let mut found = Vec::new();
        let mut id = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(found);
            }
            id = match i16::from(head >> 4) {
                0 => i16::try_from(self.number()?).ok()?,
                step => id.checked_add(step)?,
            };
            match head & 15 {
                4..=6 => found.push(([outer, id], self.number()?)),
                12 if outer == 0 => found.extend(self.fields(id, depth)?),
                12 => found.extend(self.fields(DEEPER, depth)?),
                kind => self.skip(kind, depth)?,
            }
        }
    }

    /// Goes on behind a value; those of truth stand in the head of their field.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.number().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.unsigned()?;
                self.bytes(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => self.unsigned()?,
                    few => u64::from(few),
                };
                (0..count).try_for_each(|_| self.element(head & 15, depth))
            }
            11 => {
                let count = self.unsigned()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, depth)?;
                    self.element(kinds & 15, depth)
                })
            }
            12 => self.fields(DEEPER, depth).map(drop),
            _ => None,
        }
    }

    /// A value of a list or a map, where one of truth takes a byte.
    fn element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => self.bytes(1),
            kind => self.skip(kind, depth.checked_sub(1)?),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0.split_off(..count).map(drop)
    }

    /// Seven bits a byte, the lowest first.
    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The same, with the sign in the lowest bit.
    fn number(&mut self) -> Option<i64> {
        let number = self.unsigned()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_to_its_end_or_not_at_all() {
        // Page 0 of 10 bytes, 20 packed; a first version's header of 300 values; a list, a map, text and truth that are skipped.
        let inner = [0x15, 0xd8, 0x04, 0x15, 0, 0];
        let rest = [0x19, 0x25, 2, 4, 0x1b, 1, 0x58, 6, 1, b'x', 0x18, 2, b'a', b'b', 0x11, 0];
        let header = [&[0x15, 0, 0x15, 20, 0x15, 40, 0x2c][..], &inner, &rest].concat();
        let bytes = [&header[..], b"data"].concat();
        let mut left = &bytes[..];
        let fields = Thrift(&mut left).fields(0, DEEPEST).unwrap();
        assert_eq!(left, b"data");
        for (id, value) in [(UNPACKED, 10), (PACKED, 20), (VALUES[0], 300)] {
            assert!(fields.contains(&(id, value)), "{id:?}: {fields:?}");
        }
        for end in 0..header.len() {
            assert!(Thrift(&mut &header[..end]).fields(0, DEEPEST).is_none(), "{end}");
        }
        // Structures within each other, and a list that says it is long.
        assert!(Thrift(&mut &[0x1c; 1000][..]).fields(0, DEEPEST).is_none());
        let endless = [0x19, 0xf3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(Thrift(&mut &endless[..]).fields(0, DEEPEST).is_none());
    }
}
