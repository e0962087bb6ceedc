//! JPEG: decoded as libjpeg-turbo does, or refused in words.

use image::RgbImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::failure::Failure;
use super::gate::Subject;
use super::markers::{Markers, Way};
use super::planes;
use super::source::Memory;
use super::top::{self, Top};

/// Scans that a file may have: each goes over the whole picture, and may take no more than a few bytes.
const MAX_SCANS: usize = 500;

/// Decodes a file, or at least the `rows` from its top that are asked for, given height and width; as it is coded, whichever
/// way up.
pub(super) fn decode(
    bytes: &[u8],
    file: &Subject<'_>,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<RgbImage, Failure> {
    match top::shorten(bytes, rows).and_then(|top| decode_top(top, file)) {
        Some(image) => Ok(image),
        None => decode_whole(bytes, file),
    }
}

fn decode_whole(bytes: &[u8], file: &Subject<'_>) -> Result<RgbImage, Failure> {
    let markers = Markers::read(bytes);
    if markers.way().map_err(Failure::unsupported)? == Way::Components {
        let frame = markers.frame.as_ref();
        file.admit(frame.map_or([0; 2], |frame| [frame.width, frame.height]))?;
        return planes::decode(&markers).map_err(Failure::Decoder);
    }
    let pixels = pixels(bytes, &markers, file, Colors::Rgb)?;
    let [width, height] = pixels.size.map(|side| side as u32);
    RgbImage::from_raw(width, height, pixels.samples)
        .ok_or_else(|| Failure::Decoder("fewer pixels than its header announces".to_owned()))
}

/// The first rows of a picture, above black; nothing where they have a fault, for the whole to be decoded.
fn decode_top(
    Top { bytes, height, size: [width, whole] }: Top,
    file: &Subject<'_>,
) -> Option<RgbImage> {
    file.admit([width, whole]).ok()?;
    let mut pixels = vec![0; width * whole * 3];
    let mut decoder = decoder(&bytes, Conformance::Strict, ColorSpace::RGB);
    decoder.decode_headers().ok()?;
    (decoder.dimensions() == Some((width, height))).then_some(())?;
    decoder.decode_into(&mut pixels[..width * height * 3]).ok()?;
    RgbImage::from_raw(width as u32, whole as u32, pixels)
}

/// The colors that are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Colors {
    Rgb,
    /// Those that are coded, whatever they mean.
    Coded,
}

/// Samples of all components, pixel by pixel.
pub(super) struct Pixels {
    pub(super) size: [usize; 2],
    /// What the components are, as far as the file tells.
    pub(super) coded: Option<ColorSpace>,
    pub(super) samples: Vec<u8>,
}

/// The pixels of a file whose way is [`Way::Whole`].
pub(super) fn pixels(
    bytes: &[u8],
    markers: &Markers<'_>,
    file: &Subject<'_>,
    colors: Colors,
) -> Result<Pixels, Failure> {
    if markers.scans.len() > MAX_SCANS {
        return Err(Failure::Decoder(format!("it has more than {MAX_SCANS} scans")));
    }
    match pixels_by(bytes, file, colors, Conformance::Strict) {
        // Real photographs have stray bytes and bad codes, which Pillow decodes around. A file that was cut short is
        // refused: half a picture with its label is worse than none.
        Err(Failure::Decoder(_))
            if markers.ends || (markers.scans.is_empty() && has_end(bytes)) =>
        {
            pixels_by(bytes, file, colors, Conformance::Lenient)
        }
        Err(Failure::Decoder(cause)) => {
            Err(Failure::Decoder(format!("cut short, it has no end marker ({cause})")))
        }
        decoded_or_refused => decoded_or_refused,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Conformance {
    Strict,
    Lenient,
}

fn decoder(bytes: &[u8], conformance: Conformance, colors: ColorSpace) -> JpegDecoder<Memory<'_>> {
    JpegDecoder::new_with_options(Memory::new(bytes), options(conformance, colors))
}

fn options(conformance: Conformance, colors: ColorSpace) -> DecoderOptions {
    DecoderOptions::default()
        .set_strict_mode(conformance == Conformance::Strict)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(colors)
}

fn pixels_by(
    bytes: &[u8],
    file: &Subject<'_>,
    colors: Colors,
    conformance: Conformance,
) -> Result<Pixels, Failure> {
    let failure = |error: zune_jpeg::errors::DecodeErrors| {
        Failure::Decoder(error.to_string().trim_matches(['"', '\n']).to_owned())
    };
    let mut decoder = decoder(bytes, conformance, ColorSpace::RGB);
    decoder.decode_headers().map_err(failure)?;
    let size = decoder.dimensions().map_or([0; 2], |(width, height)| [width, height]);
    file.admit(size)?;
    let coded = decoder.input_colorspace();
    if let Some(coded) = coded.filter(|_| colors == Colors::Coded) {
        decoder.set_options(options(conformance, coded));
    }
    Ok(Pixels { size, coded, samples: decoder.decode().map_err(failure)? })
}

/// Whether a JPEG's end marker follows the start of its last scan, so that it was not cut short.
fn has_end(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xda]).is_some_and(|scan| last([0xff, 0xd9]).is_some_and(|end| end > scan))
}
