//! CCITT fax compression (Recommendations T.4 and T.6): rows of runs, white ones first, to one bit a pixel, black as 1.

use std::convert::Infallible;
use std::iter::repeat_n;

use ::fax::decoder::{DecodeStatus, Group4Decoder, pels};
use ::fax::maps::{black, white};
use ::fax::{BitReader, ByteReader, Color};

use super::super::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Each row by itself, from a byte's first bit on.
    Huffman,
    /// Each row by itself, before or behind an end of line.
    Group3,
    /// Each row as the one above it, but for what changes.
    Group4,
}

/// Rows, each from a byte's first bit on, are added to what was expanded.
pub(super) fn expand(
    kind: Kind,
    data: &[u8],
    [width, rows]: [usize; 2],
    expanded: &mut Vec<u8>,
) -> Result<(), Failure> {
    let damaged = || Failure::Decoder("its fax data is damaged or cut short".to_owned());
    let Ok(width) = u16::try_from(width) else {
        let kind = "CCITT fax compression of more than 65535 pixels a row";
        return Err(Failure::unsupported(kind));
    };
    // The decoder looks ahead by more bits than the last code may have.
    let bytes = data.iter().copied().chain(repeat_n(0, 4)).map(Ok::<u8, Infallible>);
    if kind == Kind::Group4 {
        let mut decoder = Group4Decoder::new(bytes, width).map_err(|_| damaged())?;
        for _ in 0..rows {
            match decoder.advance() {
                Ok(DecodeStatus::Incomplete) => push(decoder.transition(), width, expanded),
                _ => return Err(damaged()),
            }
        }
        return Ok(());
    }
    let mut reader = ByteReader::new(bytes).map_err(|_| damaged())?;
    let mut transitions = Vec::new();
    for _ in 0..rows {
        row(kind, &mut reader, width, &mut transitions).ok_or_else(damaged)?;
        push(&transitions, width, expanded);
    }
    Ok(())
}

/// Where the colors of a row change, white being the first.
fn row(
    kind: Kind,
    reader: &mut impl BitReader,
    width: u16,
    transitions: &mut Vec<u16>,
) -> Option<()> {
    // Eleven zeros or more and a one; no code of a run begins with nine.
    if kind == Kind::Group3 && reader.peek(9) == Some(0) {
        while reader.peek(1)? == 0 {
            reader.consume(1).ok()?;
        }
        reader.consume(1).ok()?;
    }
    transitions.clear();
    let mut at = 0_u16;
    while at < width {
        let is_white = transitions.len().is_multiple_of(2);
        // Runs of 64 and more come first, and add to the one below 64 that ends them.
        loop {
            let run = if is_white { white::decode(reader)? } else { black::decode(reader)? };
            at = at.checked_add(run).filter(|at| *at <= width)?;
            if run < 64 {
                break;
            }
        }
        transitions.push(at);
    }
    if kind == Kind::Huffman {
        reader.consume(reader.bits_to_byte_boundary()).ok()?;
    }
    Some(())
}

fn push(transitions: &[u16], width: u16, expanded: &mut Vec<u8>) {
    let mut pixels = pels(transitions, width);
    for _ in 0..width.div_ceil(8) {
        let bits = pixels.by_ref().take(8).enumerate();
        let byte = bits.map(|(bit, color)| u8::from(color == Color::Black) << (7 - bit)).sum();
        expanded.push(byte);
    }
}
