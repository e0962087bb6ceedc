//! The first rows of a JPEG alone, for crops that end above its last row.
//!
//! A scan is coded from the top, so that what lies below need not be read. The decoder has no way to stop; it is told of a
//! picture that is less high.

use image::ImageFormat;
use image::metadata::Orientation;

use super::failure::MAX_PIXELS;
use super::markers::{Markers, Way};
use super::orientation::orientation;

/// A JPEG that ends early.
pub(super) struct Top {
    /// The file, but for the height in its header.
    pub(super) bytes: Vec<u8>,
    /// The height that it has now; the rows in question are as they were.
    pub(super) height: usize,
    /// Width and height of the whole.
    pub(super) size: [usize; 2],
}

/// Shortens a file to the `rows` that are asked for, given its height and width.
///
/// Nothing for files that are not plainly coded (progressive, in several scans, turned by EXIF, cut short), nor where
/// little would be saved.
pub(super) fn shorten(bytes: &[u8], rows: &mut dyn FnMut(usize, usize) -> usize) -> Option<Top> {
    // Another scan, or a picture that is turned, takes all of it.
    let markers = Markers::read(bytes);
    if markers.scans.len() != 1 || !markers.ends || markers.way() != Ok(Way::Whole) {
        return None;
    }
    if orientation(bytes, ImageFormat::Jpeg) != Some(Orientation::NoTransforms) {
        return None;
    }
    let frame = frame(bytes)?;
    let Frame { width, height, .. } = frame;
    if width.checked_mul(height)? > MAX_PIXELS {
        return None;
    }
    let short = (rows(height, width).max(1).div_ceil(frame.block) + frame.blended) * frame.block;
    if short + height / 16 >= height {
        return None;
    }
    let mut bytes = bytes.to_vec();
    let stored = u16::try_from(short).ok()?.to_be_bytes();
    bytes.get_mut(frame.place..frame.place + 2)?.copy_from_slice(&stored);
    Some(Top { bytes, height: short, size: [width, height] })
}

/// What the header says of a picture.
struct Frame {
    /// Where the height is stored.
    place: usize,
    width: usize,
    height: usize,
    /// Rows that are coded together.
    block: usize,
    /// Rows of blocks that lend their colors to the one above: one where colors have fewer rows than brightness.
    blended: usize,
}

/// The header of a file that is coded in one scan, the right way up, and has an end.
fn frame(bytes: &[u8]) -> Option<Frame> {
    let number =
        |at: usize| Some(usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?)));
    let mut found: Option<(Frame, u8)> = None;
    let mut at = 2;
    loop {
        let [0xff, marker] = *bytes.get(at..)?.first_chunk()? else { return None };
        let body = bytes.get(at + 4..at + 2 + number(at + 2)?)?;
        match marker {
            0xc0 | 0xc1 if found.is_none() => {
                let (&[8, _, _, _, _, count], samplings) = body.split_first_chunk()? else {
                    return None;
                };
                let vertical = || samplings.chunks_exact(3).map(|component| component[1] & 15);
                let (least, most) = (vertical().min()?, vertical().max()?);
                let frame = Frame {
                    place: at + 5,
                    height: number(at + 5)?,
                    width: number(at + 7)?,
                    block: 8 * usize::from(most),
                    blended: usize::from(least < most),
                };
                found = Some((frame, count));
            }
            // Tables, a restart interval, applications' blocks and comments.
            0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => {}
            0xda => {
                let (frame, count) = found?;
                let whole = *body.first()? == count && frame.block > 0;
                let end = bytes[at..].windows(2).rposition(|pair| pair == [0xff, 0xd9]);
                return (whole && end.is_some()).then_some(frame);
            }
            _ => return None,
        }
        at += 2 + number(at + 2)?;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use image::codecs::jpeg::JpegEncoder;
    use image::{Rgb, RgbImage};

    use crate::decode::{decode, decode_rows};

    /// Whether the rows that are asked for are those of the whole, and whether the others were left out.
    fn check(path: &Path, eighths: usize) -> bool {
        let Ok(whole) = decode(path) else {
            assert!(decode_rows(path, &mut |height, _| height * eighths / 8).is_err(), "{path:?}");
            return false;
        };
        let rows = whole.height() * eighths / 8;
        let (top, _gate) = decode_rows(path, &mut |height, _| height * eighths / 8).unwrap();
        assert_eq!([top.width(), top.height()], [whole.width(), whole.height()], "{path:?}");
        let line = 3 * whole.width();
        assert!(top.pixels()[..rows * line] == whole.pixels()[..rows * line], "{path:?} {rows}");
        top != whole
    }

    #[test]
    fn the_rows_asked_for_are_those_of_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let color = |x: u32, y: u32| Rgb([(x * 7) as u8, (y * 3) as u8, (x * y % 251) as u8]);
        let mut file = std::fs::File::create(&path).unwrap();
        JpegEncoder::new(&mut file).encode_image(&RgbImage::from_fn(90, 210, color)).unwrap();
        assert_eq!(
            [0, 1, 4, 7, 8].map(|eighths| check(&path, eighths)),
            [true, true, true, true, false]
        );
        // An end that is missing is told, whatever is asked for.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(bytes.len() * 3 / 4);
        std::fs::write(&path, bytes).unwrap();
        assert!(!check(&path, 1));
    }

    #[test]
    fn photographs_and_odd_files_are_no_exception() {
        let Some(data) = rekindle_skip::real_data() else { return };
        let mut folders = vec![data.join("images")];
        let (mut files, mut shortened) = (0, 0);
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|own| own == "jpg") {
                    files += 1;
                    shortened += usize::from(check(&path, files % 7));
                }
            }
        }
        assert!(shortened > 0, "none of {files} files");
    }
}
