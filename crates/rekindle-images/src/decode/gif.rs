//! A GIF's first frame in its place (GIF89a, sections 18 to 23), as Pillow shows it.
//!
//! | first frame | here |
//! |---|---|
//! | covers what the header announces | decoded |
//! | less | the rest has the color of the transparent index, else of index 0, in the frame's palette |
//! | reaches beyond | the picture grows to hold it |
//!
//! The background's color in the header plays no part, as in browsers.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::imageops::replace;
use image::{DynamicImage, ImageDecoder, Limits, Rgb, RgbImage};

use super::failure::{Failure, MAX_ALLOCATION};
use super::gate::Subject;

/// What stands before the pixels of the first frame.
#[derive(Debug, Clone, Copy, PartialEq)]
struct First {
    /// Where its descriptor begins.
    at: usize,
    screen: [u16; 2],
    place: [u16; 2],
    size: [u16; 2],
    /// The color of what it does not cover.
    around: [u8; 3],
}

/// The first frame, in its place.
pub(super) fn decode(bytes: &[u8], file: &Subject<'_>) -> Result<RgbImage, Failure> {
    let Some(first) = First::read(bytes).filter(|first| !first.is_whole()) else {
        return frame(bytes, file);
    };
    let whole = first.whole();
    file.admit(whole)?;
    let frame = frame(&first.alone(bytes), file)?;
    let [width, height] = whole.map(|side| side as u32);
    let mut image = RgbImage::from_pixel(width, height, Rgb(first.around));
    let [left, top] = first.place.map(i64::from);
    replace(&mut image, &frame, left, top);
    Ok(image)
}

/// Width and height of the picture with its first frame.
pub(super) fn announced_size(bytes: &[u8]) -> Option<[usize; 2]> {
    First::read(bytes).map(|first| first.whole())
}

/// A first frame that covers what the header announces.
fn frame(bytes: &[u8], file: &Subject<'_>) -> Result<RgbImage, Failure> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
    let (width, height) = decoder.dimensions();
    file.admit([width as usize, height as usize])?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION as u64);
    decoder.set_limits(limits)?;
    Ok(DynamicImage::from_decoder(decoder)?.into_rgb8())
}

impl First {
    fn read(bytes: &[u8]) -> Option<Self> {
        let pair = |at: usize| {
            let [a, b, c, d] = *bytes.get(at..)?.first_chunk()?;
            Some([u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])])
        };
        let colors = |flags: u8| if flags & 0x80 == 0 { 0 } else { 2 << (flags & 7) };
        let mut palette = (13, colors(*bytes.get(10)?));
        let mut at = 13 + 3 * palette.1;
        let mut transparent = 0;
        // Extensions: a label, then blocks that begin with their length, up to one of none.
        while *bytes.get(at)? == 0x21 {
            if let [0xf9, _, flags, _, _, index] = *bytes.get(at + 1..)?.first_chunk()?
                && flags & 1 == 1
            {
                transparent = usize::from(index);
            }
            at += 2;
            while let length @ 1.. = usize::from(*bytes.get(at)?) {
                at += 1 + length;
            }
            at += 1;
        }
        (*bytes.get(at)? == 0x2c).then_some(())?;
        let [place, size] = [pair(at + 1)?, pair(at + 5)?];
        let own = colors(*bytes.get(at + 9)?);
        if own > 0 {
            palette = (at + 10, own);
        }
        let color = || bytes.get(palette.0 + 3 * transparent..)?.first_chunk().copied();
        let around = if transparent < palette.1 { color()? } else { [0; 3] };
        Some(Self { at, screen: pair(6)?, place, size, around })
    }

    fn is_whole(&self) -> bool {
        self.place == [0, 0] && self.size == self.screen
    }

    /// Width and height that hold the screen and the frame.
    fn whole(&self) -> [usize; 2] {
        [0, 1].map(|side| {
            let end = usize::from(self.place[side]) + usize::from(self.size[side]);
            end.max(usize::from(self.screen[side]))
        })
    }

    /// The file of a picture that the frame is all of: the decoder leaves black around a smaller one, and cuts a larger.
    fn alone(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let [width, height] = self.size.map(u16::to_le_bytes);
        bytes[6..10].copy_from_slice(&[width, height].concat());
        bytes[self.at + 1..self.at + 5].fill(0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of black, white and red, whose first frame of red pixels has a place and a size.
    fn gif(screen: [u8; 2], frame: [u8; 4], extension: &[u8], palette: &[u8]) -> Vec<u8> {
        let [left, top, width, height] = frame;
        let mut bytes = b"GIF89a".to_vec();
        bytes.extend([screen[0], 0, screen[1], 0, 0x81, 1, 0]);
        bytes.extend([[0, 0, 9], [255, 255, 255], [255, 0, 0], [1, 2, 3]].concat());
        bytes.extend(extension);
        let flags = if palette.is_empty() { 0 } else { 0x81 };
        bytes.extend([0x2c, left, 0, top, 0, width, 0, height, 0, flags]);
        bytes.extend(palette);
        // Codes of three bits: clear (4) before each pixel of index 2, so that they stay three, then the end (5).
        let codes: Vec<u8> = (0..width * height).flat_map(|_| [4, 2]).chain([5]).collect();
        let bits: Vec<u8> =
            codes.iter().flat_map(|code| [0, 1, 2].map(|bit| code >> bit & 1)).collect();
        let data: Vec<u8> = bits
            .chunks(8)
            .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit))
            .collect();
        bytes.extend([2, data.len() as u8]);
        bytes.extend(data);
        bytes.extend([0, 0x3b]);
        bytes
    }

    const TRANSPARENT_1: &[u8] = b"\x21\xf9\x04\x01\0\0\x01\0";
    const OPAQUE_1: &[u8] = b"\x21\xf9\x04\0\0\0\x01\0";
    const BEYOND: &[u8] = b"\x21\xf9\x04\x01\0\0\xc8\0";
    const OWN: &[u8] = &[7, 7, 7, 8, 8, 8, 0, 255, 0, 9, 9, 9];

    #[test]
    fn what_the_first_frame_leaves_has_the_color_that_pillow_gives_it() {
        let red = [255, 0, 0];
        for (screen, frame, extension, palette, size, around, color) in [
            ([5, 4], [0, 0, 5, 4], &b""[..], &b""[..], [5, 4], None, red),
            ([5, 4], [1, 2, 3, 2], b"", b"", [5, 4], Some([0, 0, 9]), red),
            ([5, 4], [1, 2, 3, 2], OPAQUE_1, b"", [5, 4], Some([0, 0, 9]), red),
            ([5, 4], [1, 2, 3, 2], TRANSPARENT_1, b"", [5, 4], Some([255; 3]), red),
            ([5, 4], [0, 0, 5, 3], BEYOND, b"", [5, 4], Some([0; 3]), red),
            ([5, 4], [1, 1, 4, 3], b"", OWN, [5, 4], Some([7; 3]), [0, 255, 0]),
            ([5, 4], [1, 1, 4, 3], TRANSPARENT_1, OWN, [5, 4], Some([8; 3]), [0, 255, 0]),
            ([5, 4], [3, 1, 6, 2], b"", b"", [9, 4], Some([0, 0, 9]), red),
            ([0, 0], [1, 0, 2, 3], b"", b"", [3, 3], Some([0, 0, 9]), red),
        ] {
            let bytes = gif(screen, frame, extension, palette);
            let image = decode(&bytes, &Subject::new("a.gif")).unwrap();
            let found = [image.width() as usize, image.height() as usize];
            assert_eq!((found, announced_size(&bytes)), (size, Some(size)), "{frame:?}");
            let [left, top, width, height] = frame.map(u32::from);
            for (x, y, pixel) in image.enumerate_pixels() {
                let inside = (left..left + width).contains(&x) && (top..top + height).contains(&y);
                let expected = if inside { Some(color) } else { around };
                assert_eq!(Some(pixel.0), expected, "{frame:?} at {x}, {y}");
            }
        }
    }

    #[test]
    fn no_damage_panics_and_none_takes_more_than_the_picture() {
        let whole = gif([5, 4], [1, 1, 4, 3], TRANSPARENT_1, OWN);
        for end in 0..whole.len() - 1 {
            let cut = decode(&whole[..end], &Subject::new("cut.gif"));
            // The end of the codes and the trailer say nothing of the pixels.
            assert!(cut.is_err() || end + 4 > whole.len(), "{end} of {}", whole.len());
        }
        for place in 0..whole.len() {
            for value in [0, 0xff, whole[place] ^ 0x10] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                let size = announced_size(&bytes);
                match decode(&bytes, &Subject::new("damaged.gif")) {
                    Ok(image) => {
                        let found = [image.width() as usize, image.height() as usize];
                        assert_eq!(size, Some(found), "byte {place} as {value}");
                    }
                    Err(Failure::Ours(error)) => {
                        assert!(error.to_string().contains("more than the limit"), "{error}");
                    }
                    Err(_) => {}
                }
            }
        }
    }

    #[test]
    fn a_frame_far_away_is_refused_before_it_is_decoded() {
        let mut bytes = gif([5, 4], [1, 1, 4, 3], b"", b"");
        let place = bytes.iter().position(|byte| *byte == 0x2c).unwrap();
        bytes[place + 1..place + 5].fill(0xff);
        let failure = decode(&bytes, &Subject::new("far.gif")).unwrap_err();
        assert!(matches!(failure, Failure::Ours(crate::Error::TooLarge { .. })), "{failure:?}");
    }
}
