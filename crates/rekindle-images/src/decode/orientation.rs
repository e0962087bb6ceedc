//! Which way up a picture is, by the rules of Pillow's `exif_transpose`.
//!
//! | file | EXIF | where that has no orientation |
//! |---|---|---|
//! | JPEG | all APP1 segments of EXIF, one after the other | XMP in APP1 |
//! | PNG | `eXIf`, before or after the pixels, else ImageMagick's `Raw profile type exif` | XMP in `iTXt` |
//! | WebP | `EXIF` | `XMP ` |
//!
//! The value counts whatever the whole number is written as. Anyone may have written these bytes: nothing here trusts a
//! length in them.

use std::io::Read;

use image::ImageFormat;
use image::metadata::Orientation;

/// Most bytes that the compressed texts of a file are inflated to: no EXIF block is longer than a JPEG segment.
const MAX_TEXT: u64 = 1 << 20;

/// The tag of the orientation, TIFF 6.0, page 36.
const ORIENTATION: u16 = 0x0112;

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PNG_XMP: &[u8] = b"XML:com.adobe.xmp";
const RAW_PROFILE: &[u8] = b"Raw profile type exif";

/// The blocks of a file that may say which way up it is.
#[derive(Default)]
struct Blocks {
    exif: Option<Vec<u8>>,
    raw_profile: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

/// How a picture in one of the formats above is turned; nothing for other formats.
pub(crate) fn orientation(bytes: &[u8], format: ImageFormat) -> Option<Orientation> {
    let blocks = match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::WebP => webp(bytes),
        _ => return None,
    };
    let exif = blocks.exif.or_else(|| unhex(&blocks.raw_profile?));
    let value = exif.and_then(|exif| of_exif(&exif)).or_else(|| of_xmp(&blocks.xmp?));
    Some(value.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms))
}

/// Segments up to the first scan.
fn jpeg(bytes: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    let mut at = 2;
    while let Some(&[0xff, marker]) = part(bytes, at, 2) {
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xd9 | 0xda => break,
            _ => {
                let Some(&[high, low]) = part(bytes, at + 2, 2) else { break };
                let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                let body = part(bytes, at + 4, length - 2).unwrap_or_default();
                if let Some(exif) = body.strip_prefix(super::EXIF_PREFIX).filter(|_| marker == 0xe1)
                {
                    blocks.exif.get_or_insert_default().extend(exif);
                }
                if let Some(xmp) = body.strip_prefix(XMP).filter(|_| marker == 0xe1) {
                    blocks.xmp = Some(xmp.to_vec());
                }
                at += 2 + length;
            }
        }
    }
    blocks
}

/// Chunks, those behind the pixels too.
fn png(bytes: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    let (mut at, mut left) = (8, MAX_TEXT);
    while let Some(head) = part(bytes, at, 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(body) = part(bytes, at + 8, length) else { break };
        match &head[4..] {
            b"eXIf" => blocks.exif = Some(body.to_vec()),
            kind @ (b"tEXt" | b"zTXt" | b"iTXt") => {
                if let Some((name, text)) = text(kind, body, &mut left) {
                    match name {
                        PNG_XMP => blocks.xmp = Some(text),
                        RAW_PROFILE => blocks.raw_profile = Some(text),
                        _ => {}
                    }
                }
            }
            b"IEND" => break,
            _ => {}
        }
        at = at.saturating_add(length).saturating_add(12);
    }
    blocks
}

/// The name and the text of a PNG's chunk of text.
fn text<'a>(kind: &[u8], body: &'a [u8], left: &mut u64) -> Option<(&'a [u8], Vec<u8>)> {
    let (name, rest) = split(body)?;
    if !matches!(name, PNG_XMP | RAW_PROFILE) {
        return None;
    }
    let text = match kind {
        b"tEXt" => rest.to_vec(),
        b"zTXt" => inflate(rest.get(1..)?, left),
        _ => {
            let (&[compressed, _], rest) = rest.split_first_chunk()?;
            let (_language, rest) = split(rest)?;
            let (_translated, rest) = split(rest)?;
            if compressed == 0 { rest.to_vec() } else { inflate(rest, left) }
        }
    };
    Some((name, text))
}

/// What comes before and after the first zero.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// As much as can be inflated, of what is left of [`MAX_TEXT`].
fn inflate(bytes: &[u8], left: &mut u64) -> Vec<u8> {
    let mut text = Vec::new();
    // What is damaged ends the text, as it ends what can be known.
    drop(flate2::read::ZlibDecoder::new(bytes).take(*left).read_to_end(&mut text));
    *left -= text.len() as u64;
    text
}

/// The bytes of a profile that ImageMagick wrote: a line that is empty, a name, a length, then hexadecimal digits.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split(|&byte| byte == b'\n').skip(3);
    let digits: Vec<u8> =
        lines.flatten().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn webp(bytes: &[u8]) -> Blocks {
    let mut blocks = Blocks::default();
    let mut at = 12;
    while let Some(head) = part(bytes, at, 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(body) = part(bytes, at + 8, length) else { break };
        match &head[..4] {
            b"EXIF" => blocks.exif = Some(body.to_vec()),
            b"XMP " => blocks.xmp = Some(body.to_vec()),
            _ => {}
        }
        at = at.saturating_add(8 + length + length % 2);
    }
    blocks
}

/// The orientation of the first directory of a TIFF file, which is what an EXIF block is.
fn of_exif(exif: &[u8]) -> Option<u8> {
    let exif = exif.strip_prefix(super::EXIF_PREFIX).unwrap_or(exif);
    let big = match exif.first_chunk()? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let start = long(4)? as usize;
    let entries = usize::from(short(start)?);
    let entry = (0..entries)
        .map(|entry| start + 2 + 12 * entry)
        .find(|&at| short(at) == Some(ORIENTATION))?;
    if long(entry + 4)? != 1 {
        return None;
    }
    let value = match short(entry + 2)? {
        // SHORT and SSHORT, LONG and SLONG.
        3 | 8 => u32::from(short(entry + 8)?),
        4 | 9 => long(entry + 8)?,
        _ => return None,
    };
    u8::try_from(value).ok()
}

/// The orientation that an XMP packet has as an attribute or as an element.
pub(super) fn of_xmp(xmp: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let places = xmp.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    let mut values = places.filter_map(|(at, _)| {
        let rest = &xmp[at + NAME.len()..];
        let value = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?;
        value.first()?.is_ascii_digit().then(|| value[0] - b'0')
    });
    values.next()
}

/// The bytes from a place on, so many of them.
fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A compressed text of a PNG, of so many zeros.
    fn chunk(name: &[u8], zeros: usize) -> Vec<u8> {
        let mut text = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        text.write_all(&vec![0; zeros]).unwrap();
        let body = [name, &[0, 0], &text.finish().unwrap()].concat();
        [&(body.len() as u32).to_be_bytes()[..], b"zTXt", &body, &[0; 4]].concat()
    }

    #[test]
    fn all_texts_of_a_file_share_what_may_be_inflated() {
        let half = MAX_TEXT as usize / 2;
        for (lengths, expected) in [
            ([half, half], [half, half]),
            ([half, 20 * half], [half, half]),
            ([20 * half, half], [2 * half, 0]),
        ] {
            let chunks = [chunk(RAW_PROFILE, lengths[0]), chunk(PNG_XMP, lengths[1])].concat();
            let Blocks { raw_profile, xmp, .. } = png(&[vec![0; 8], chunks].concat());
            assert_eq!([raw_profile, xmp].map(|text| text.unwrap().len()), expected);
        }
    }
}
