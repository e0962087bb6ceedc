//! GIF: blocks that a semicolon ends.

use super::{Header, part};

pub(super) fn read(bytes: &[u8]) -> Header {
    let mut header = Header::default();
    let mut frames = 0;
    header.cut = blocks(bytes, &mut header, &mut frames).is_none();
    header.frames = frames > 1;
    header
}

/// Reads to the semicolon; none where the bytes end before it, or are of no known kind.
fn blocks(bytes: &[u8], header: &mut Header, frames: &mut usize) -> Option<()> {
    let mut at = 13 + table(*bytes.get(10)?);
    loop {
        match *bytes.get(at)? {
            b';' => return Some(()),
            b'!' => {
                // What a frame is drawn with has the flag of transparency first.
                if let [0xf9, _, flags] = part(bytes, at + 1, 3)? {
                    header.alpha |= flags & 1 == 1;
                }
                at = sub_blocks(bytes, at + 2)?;
            }
            b',' => {
                let colors = table(*bytes.get(at + 9)?);
                at = sub_blocks(bytes, at + 11 + colors)?;
                *frames += 1;
            }
            _ => return None,
        }
    }
}

/// How many bytes a table of colors has, by the flags before it.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Where the sub-blocks from here on end.
fn sub_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}
