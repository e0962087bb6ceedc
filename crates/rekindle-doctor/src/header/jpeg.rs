//! JPEG: segments up to the first scan, then data that no length tells the end of.

use super::{Header, part, turns};

pub(super) fn read(bytes: &[u8]) -> Header {
    let mut header = Header { cut: !has_end(bytes), ..Header::default() };
    let mut at = 2;
    while let Some(&[0xff, marker]) = part(bytes, at, 2) {
        match marker {
            // Filling, and markers without content.
            0xff => {
                at += 1;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            // The data begins.
            0xd9 | 0xda => break,
            _ => {}
        }
        let Some(&[high, low]) = part(bytes, at + 2, 2) else { break };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let content = part(bytes, at + 4, length.saturating_sub(2)).unwrap_or_default();
        match marker {
            // Starts of a frame; C4, C8 and CC are other things.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                header.cmyk = content.get(5) == Some(&4);
                header.sixteen = content.first() == Some(&16);
            }
            0xe1 if content.starts_with(b"Exif\0\0") => header.rotated |= turns(content),
            _ => {}
        }
        at += 2 + length.max(2);
    }
    header
}

/// Whether an end marker follows the start of the last scan; a thumbnail within has its own of both.
fn has_end(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]).is_some_and(|end| last([0xff, 0xda]).is_none_or(|scan| end > scan))
}
