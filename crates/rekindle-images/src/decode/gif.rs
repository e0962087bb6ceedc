//! Whether a GIF's first frame is all of the picture (GIF89a, sections 18 to 23).

/// Whether the first frame covers what the header announces, no less and no more.
///
/// The decoder leaves black around a smaller one, where Pillow puts the background's color, or another index of the
/// palette; a larger one it cuts off, where Pillow grows the picture.
pub(super) fn first_frame_is_whole(bytes: &[u8]) -> bool {
    frame(bytes).is_none_or(|[screen, place, size]| place == [0, 0] && size == screen)
}

/// Width and height of the whole; left and top, width and height of the first frame.
fn frame(bytes: &[u8]) -> Option<[[u16; 2]; 3]> {
    let pair = |at: usize| {
        let [a, b, c, d] = *bytes.get(at..)?.first_chunk()?;
        Some([u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])])
    };
    let flags = *bytes.get(10)?;
    let palette = if flags & 0x80 == 0 { 0 } else { 3 * (2 << (flags & 7)) };
    let mut at = 13 + palette;
    // Extensions: a label, then blocks that begin with their length, up to one of none.
    while *bytes.get(at)? == 0x21 {
        at += 2;
        while let length @ 1.. = usize::from(*bytes.get(at)?) {
            at += 1 + length;
        }
        at += 1;
    }
    (*bytes.get(at)? == 0x2c).then_some(())?;
    Some([pair(6)?, pair(at + 1)?, pair(at + 5)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_less_or_more_is_told() {
        let gif = |frame: [u8; 4], extension: &[u8]| {
            let [left, top, width, height] = frame;
            let mut bytes = b"GIF89a\x05\0\x04\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
            bytes.extend(extension);
            bytes.extend([0x2c, left, 0, top, 0, width, 0, height, 0, 0]);
            bytes
        };
        let control = b"\x21\xf9\x04\0\0\0\0\0";
        for (frame, whole) in [
            ([0, 0, 5, 4], true),
            ([1, 0, 4, 4], false),
            ([0, 0, 5, 3], false),
            ([0, 0, 9, 9], false),
        ] {
            for extension in [&b""[..], control] {
                let bytes = gif(frame, extension);
                assert_eq!(first_frame_is_whole(&bytes), whole, "{frame:?}");
                // What is cut off is the decoder's to refuse.
                (0..bytes.len() - 10).for_each(|end| assert!(first_frame_is_whole(&bytes[..end])));
            }
        }
    }
}
