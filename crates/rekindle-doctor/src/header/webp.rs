//! WebP: chunks in a RIFF file, whose length is at its head.

use super::{Header, little_u32, part, turns};

pub(super) fn read(bytes: &[u8]) -> Header {
    let length = little_u32(bytes, 4).unwrap_or(usize::MAX);
    let mut header = Header { cut: length.saturating_add(8) > bytes.len(), ..Header::default() };
    let (mut at, mut frames) = (12, 0);
    while let (Some(name), Some(length)) = (part(bytes, at, 4), little_u32(bytes, at + 4)) {
        let content = part(bytes, at + 8, length).unwrap_or_default();
        match name {
            b"VP8X" => header.alpha |= content.first().is_some_and(|flags| flags & 0x10 != 0),
            // After a signature and two sizes of 14 bits.
            b"VP8L" => header.alpha |= content.get(4).is_some_and(|bits| bits & 0x10 != 0),
            b"ANMF" => frames += 1,
            b"EXIF" => header.rotated |= turns(content),
            _ => {}
        }
        let Some(next) = (length + length % 2).checked_add(at + 8) else { break };
        at = next;
    }
    header.frames = frames > 1;
    header
}
