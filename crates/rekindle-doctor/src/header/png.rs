//! PNG: a list of chunks that ends with `IEND`.

use super::{Header, big_u32, part, turns};

/// Length, name and checksum of a chunk.
const AROUND: usize = 12;

pub(super) fn read(bytes: &[u8]) -> Header {
    let mut header = Header { cut: true, ..Header::default() };
    let mut at = 8;
    while let (Some(length), Some(name)) = (big_u32(bytes, at), part(bytes, at + 4, 4)) {
        let content = part(bytes, at + 8, length).unwrap_or_default();
        match name {
            b"IHDR" => {
                header.sixteen = content.get(8) == Some(&16);
                header.alpha = matches!(content.get(9), Some(4 | 6));
            }
            b"tRNS" => header.alpha = true,
            b"acTL" => header.frames = big_u32(content, 0).is_some_and(|frames| frames > 1),
            b"eXIf" => header.rotated = turns(content),
            b"IEND" => {
                header.cut = part(bytes, at, AROUND).is_none();
                break;
            }
            _ => {}
        }
        let Some(next) = at.checked_add(AROUND).and_then(|at| at.checked_add(length)) else {
            break;
        };
        at = next;
    }
    header
}
