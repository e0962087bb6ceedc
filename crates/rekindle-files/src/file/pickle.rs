//! A count of a pickle's opcodes, before anything builds objects from them.
//!
//! The layout of arguments is that of Python's `pickletools.py`.

use std::io::{self, BufRead, Read};

/// The opcode that ends a pickle.
const STOP: u8 = b'.';

/// What follows an opcode.
enum Argument {
    /// That many bytes.
    Fixed(u64),
    /// A length of that many bytes, then the bytes themselves.
    Counted(usize),
    /// That many lines of text.
    Lines(usize),
}

/// What follows each opcode; those that are unknown end the parse that comes after this one.
fn argument(opcode: u8) -> Argument {
    match opcode {
        b'K' | b'h' | b'q' | 0x80 | 0x82 => Argument::Fixed(1),
        b'M' | 0x83 => Argument::Fixed(2),
        b'J' | b'j' | b'r' | 0x84 => Argument::Fixed(4),
        b'G' | 0x95 => Argument::Fixed(8),
        b'U' | b'C' | 0x8a | 0x8c => Argument::Counted(1),
        b'T' | b'B' | b'X' | 0x8b => Argument::Counted(4),
        0x8d | 0x8e | 0x96 => Argument::Counted(8),
        b'I' | b'L' | b'F' | b'S' | b'V' | b'P' | b'g' | b'p' => Argument::Lines(1),
        b'c' | b'i' => Argument::Lines(2),
        _ => Argument::Fixed(0),
    }
}

/// Whether the next `pickles` have at most `limit` opcodes together.
///
/// Pickles that end early are bounded: to refuse those is the parser's part.
pub(super) fn is_bounded(
    reader: &mut impl BufRead,
    pickles: usize,
    limit: usize,
) -> io::Result<bool> {
    match count(reader, pickles, limit) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
        result => result,
    }
}

fn count(reader: &mut impl BufRead, pickles: usize, limit: usize) -> io::Result<bool> {
    let mut stops = 0;
    for _ in 0..limit {
        let mut opcode = [0];
        reader.read_exact(&mut opcode)?;
        stops += usize::from(opcode[0] == STOP);
        if stops == pickles {
            return Ok(true);
        }
        match argument(opcode[0]) {
            Argument::Fixed(bytes) => skip(reader, bytes)?,
            Argument::Counted(bytes) => {
                let mut length = [0; 8];
                reader.read_exact(&mut length[..bytes])?;
                skip(reader, u64::from_le_bytes(length))?;
            }
            Argument::Lines(lines) => {
                for _ in 0..lines {
                    reader.skip_until(b'\n')?;
                }
            }
        }
    }
    Ok(false)
}

fn skip(reader: &mut impl BufRead, bytes: u64) -> io::Result<()> {
    if bytes > 0 {
        io::copy(&mut reader.by_ref().take(bytes), &mut io::sink())?;
    }
    Ok(())
}
