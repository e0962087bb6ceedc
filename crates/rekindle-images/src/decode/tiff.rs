//! TIFF, old and BigTIFF: the first page's samples, to the colors that Pillow gives them.
//!
//! | compression | here |
//! |---|---|
//! | none, Deflate, PackBits | by the `tiff` crate |
//! | LZW, JPEG, CCITT fax, Zstandard | [expanded](expand) first, each by its own decoder |
//! | others | refused by name |
//!
//! Strips, tiles, planes, predictors and byte orders are the crate's work. It knows few color spaces, so that it is told
//! of samples without any ([directory]), and their meaning is applied [here](colors).

use std::io::Cursor;

use ::tiff::decoder::{Decoder, DecodingResult, Limits, ifd::Value};
use ::tiff::tags::Tag;
use ::tiff::{TiffError, TiffUnsupportedError};
use image::RgbImage;
use image::metadata::Orientation;

use self::directory::Part;
use self::page::Page;
use super::failure::{Failure, MAX_ALLOCATION};
use super::gate::Subject;
use super::orientation::of_xmp;

mod colors;
mod directory;
mod expand;
mod fax;
mod lab;
mod page;

/// The packet of XMP (Adobe's XMP specification, part 3).
const XMP: Tag = Tag::Unknown(700);

/// The first page, as it is stored, and how to turn it upright.
pub(super) fn decode(bytes: &[u8], file: &Subject<'_>) -> Result<(RgbImage, Orientation), Failure> {
    let mut decoder = Decoder::new(Cursor::new(bytes))?;
    let mut page = Page::read(&mut decoder)?;
    file.admit(page.size)?;
    file.admit(page.chunk)?;
    file.wait(page.sample_bytes());
    let colors = colors::Colors::of(&page)?;
    // What it says of itself beside its pixels is as good as not there where it is damaged.
    let orientation = orientation(&mut decoder).unwrap_or(Orientation::NoTransforms);
    let expanded = expand::chunks(&mut page, bytes, file)?;
    let samples = samples(&page, bytes, &expanded)?;
    let [width, height] = page.size.map(|side| side as u32);
    let image = RgbImage::from_raw(width, height, colors.rgb(&page, samples))
        .ok_or_else(|| Failure::Decoder("fewer pixels than its header announces".to_owned()))?;
    Ok((image, orientation))
}

/// Width and height of the first page.
pub(super) fn announced_size(bytes: &[u8]) -> Option<[usize; 2]> {
    let (width, height) = Decoder::new(Cursor::new(bytes)).ok()?.dimensions().ok()?;
    Some([width as usize, height as usize])
}

fn orientation(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<Orientation> {
    let tag = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let xmp = |decoder: &mut Decoder<Cursor<&[u8]>>| {
        of_xmp(&decoder.find_tag(XMP).ok()?.map(Value::into_u8_vec)?.ok()?)
    };
    Orientation::from_exif(tag.or_else(|| xmp(decoder))?)
}

/// A byte a sample, pixel by pixel: of 16 bits the high ones, others clipped to 0..255, and less than 8 as they are.
fn samples(page: &Page, bytes: &[u8], expanded: &[u8]) -> Result<Vec<u8>, Failure> {
    if !page.planar {
        return plane(
            page,
            Part { channels: page.channels, places: &page.places },
            bytes,
            expanded,
        );
    }
    // One by one, as the crate takes the tiles of all but the first for tiles of the first.
    let chunks = page.places.len() / page.channels;
    let planes = page.places.chunks_exact(chunks.max(1)).take(page.channels);
    let planes: Vec<Vec<u8>> = planes
        .map(|places| plane(page, Part { channels: 1, places }, bytes, expanded))
        .collect::<Result<_, _>>()?;
    let length = planes.iter().map(Vec::len).min().unwrap_or_default();
    Ok((0..length).flat_map(|at| planes.iter().map(move |plane| plane[at])).collect())
}

/// The samples of a part of a page.
fn plane(page: &Page, part: Part<'_>, bytes: &[u8], expanded: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MAX_ALLOCATION;
    limits.intermediate_buffer_size = MAX_ALLOCATION;
    let file = directory::joined(page, part, bytes, expanded);
    let mut decoder = Decoder::new(file)?.with_limits(limits);
    let mut result = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut result)?;
    Ok(narrow(result, page.bits, page.size[0]))
}

/// A byte a sample.
fn narrow(samples: DecodingResult, bits: u16, width: usize) -> Vec<u8> {
    fn each<T>(samples: Vec<T>, narrow: impl Fn(T) -> u8) -> Vec<u8> {
        samples.into_iter().map(narrow).collect()
    }
    match samples {
        DecodingResult::U8(samples) if bits < 8 => unpacked(&samples, bits, width),
        DecodingResult::U8(samples) => samples,
        // Pillow takes eight bits as they are, whatever their sign.
        DecodingResult::I8(samples) => each(samples, |value| value as u8),
        DecodingResult::U16(samples) => each(samples, |value| (value >> 8) as u8),
        DecodingResult::I16(samples) => each(samples, |value| value.clamp(0, 255) as u8),
        DecodingResult::U32(samples) => each(samples, |value| value.min(255) as u8),
        DecodingResult::I32(samples) => each(samples, |value| value.clamp(0, 255) as u8),
        DecodingResult::U64(samples) => each(samples, |value| value.min(255) as u8),
        DecodingResult::I64(samples) => each(samples, |value| value.clamp(0, 255) as u8),
        // Rust's conversion clips, and cuts what is behind the point, as Pillow's does.
        DecodingResult::F16(samples) => each(samples, |value| value.to_f32() as u8),
        DecodingResult::F32(samples) => each(samples, |value| value as u8),
        DecodingResult::F64(samples) => each(samples, |value| value as u8),
    }
}

/// Samples of less than eight bits, whose rows begin with a byte each.
fn unpacked(rows: &[u8], bits: u16, width: usize) -> Vec<u8> {
    let bits = usize::from(bits);
    let of_row = |row: &[u8]| -> Vec<u8> {
        let sample = |at: usize| row[at * bits / 8] >> (8 - bits - at * bits % 8);
        (0..width).map(|at| sample(at) & (0xff >> (8 - bits))).collect()
    };
    rows.chunks_exact((width * bits).div_ceil(8)).flat_map(of_row).collect()
}

impl From<TiffError> for Failure {
    fn from(error: TiffError) -> Self {
        use TiffUnsupportedError::{
            FloatingPointPredictor, HorizontalPredictor, InconsistentBitsPerSample,
            UnknownInterpretation, UnsupportedSampleFormat,
        };
        let TiffError::UnsupportedError(kind) = error else {
            return Self::Decoder(error.to_string());
        };
        Self::Unsupported(match kind {
            UnknownInterpretation => "colors of an unknown kind".to_owned(),
            InconsistentBitsPerSample(_) => "channels of different depths".to_owned(),
            UnsupportedSampleFormat(_) => "channels of different kinds".to_owned(),
            FloatingPointPredictor(_) | HorizontalPredictor(_) => {
                "a predictor for other samples".to_owned()
            }
            other => other.to_string(),
        })
    }
}
