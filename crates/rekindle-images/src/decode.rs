//! Files to pixels: what Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")` gives.
//!
//! | property of the file | what becomes of it |
//! |---|---|
//! | format | told by content, never by the extension |
//! | orientation, in EXIF or XMP | applied (JPEG, PNG, WebP, TIFF) |
//! | gray, palette, 1-bit | repeated, looked up, or scaled to RGB |
//! | alpha | dropped without compositing, as Pillow's `convert` does |
//! | CMYK, YCCK (JPEG) | converted without a color profile, inverted as Adobe writes it |
//! | 16 bits a channel | the high byte; Pillow clips 16-bit gray at 255 instead, which leaves white |
//! | animation | the first frame, which must be all of the picture |
//! | color profile, gamma | ignored |

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::markers::{Markers, Way};
use self::orientation::orientation;
use self::source::Memory;
use self::top::Top;
use crate::{Error, Picture};

mod gif;
mod kinds;
mod markers;
mod orientation;
mod planes;
mod source;
mod top;

pub use kinds::other_kind;

/// The most pixels of a picture that is decoded; above it Pillow too raises `DecompressionBombError`.
pub const MAX_PIXELS: usize = 178_956_970;

/// Most bytes that a decoder may allocate for one picture: [`MAX_PIXELS`] of 16-bit RGBA and a few rows.
const MAX_ALLOCATION: u64 = 8 * MAX_PIXELS as u64 + (1 << 20);

/// Most bytes of a file that is read: no picture of [`MAX_PIXELS`] needs more.
const MAX_FILE: u64 = 2 << 30;

/// Belongs to JPEG alone, but is found before the EXIF block of WebP files too.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// Decodes a file to RGB.
///
/// # Errors
///
/// [`Error::Read`] where the file cannot be read, else those of [`decode_bytes`].
pub fn decode(path: &Path) -> Result<Picture, Error> {
    decode_rows(path, &mut |height, _| height)
}

/// Decodes at least the `rows` from the top that are asked for, given height and width; others may be black.
///
/// A file may be asked about twice.
pub(crate) fn decode_rows(
    path: &Path,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<Picture, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let metadata = path.metadata().map_err(read)?;
    // Reading a pipe would wait for ever, a device may have no end.
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(Error::NotAPicture {
            name: path.display().to_string(),
            found: "no regular file",
        });
    }
    if metadata.len() > MAX_FILE {
        return Err(Error::NotAPicture {
            name: path.display().to_string(),
            found: "a file of more than 2 GiB",
        });
    }
    let bytes = std::fs::read(path).map_err(read)?;
    rows_of_bytes(&bytes, &path.display().to_string(), rows)
}

/// Decodes the bytes of a file to RGB; `name` stands for the file in errors.
///
/// # Errors
///
/// [`Error::NotAPicture`], [`Error::Decode`] or [`Error::TooLarge`]; [`Error::Panicked`] where a decoder has a bug.
pub fn decode_bytes(bytes: &[u8], name: &str) -> Result<Picture, Error> {
    rows_of_bytes(bytes, name, &mut |height, _| height)
}

fn rows_of_bytes(
    bytes: &[u8],
    name: &str,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<Picture, Error> {
    if bytes.is_empty() {
        return Err(Error::NotAPicture { name: name.to_owned(), found: "an empty file" });
    }
    let format = image::guess_format(bytes).ok().and_then(|format| Some((format, known(format)?)));
    let Some((format, format_name)) = format else {
        return Err(Error::NotAPicture {
            name: name.to_owned(),
            found: other_kind(bytes).unwrap_or("its first bytes are of no known format"),
        });
    };
    let decode = || match format {
        ImageFormat::Jpeg => match top::shorten(bytes, rows).and_then(jpeg_top) {
            Some(image) => Ok(image),
            None => jpeg(bytes, name),
        },
        _ => other(bytes, format, name),
    };
    // Decoders are handed bytes that anyone may have written, and some of them assert: a bad file must not end a run.
    let image = catch_unwind(AssertUnwindSafe(decode))
        .map_err(|panic| Error::Panicked {
            name: name.to_owned(),
            message: panic_message(&*panic),
        })?
        .map_err(|failure| match failure {
            Failure::Ours(error) => error,
            Failure::Decoder(cause) => {
                Error::Decode { name: name.to_owned(), format: format_name, cause }
            }
        })?;
    Picture::from_rgb(image.width() as usize, image.height() as usize, image.into_raw())
}

/// What a panic said, where it said it in text.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Whether the first bytes of a file are those of a format that is read here; a few of any may be too few to tell.
pub(crate) fn is_picture(start: &[u8]) -> bool {
    let Some(format) = image::guess_format(start).ok().filter(|format| known(*format).is_some())
    else {
        return false;
    };
    match format {
        // Two letters begin many texts: behind them stand a length and four zeros, or a blank.
        ImageFormat::Bmp => start.get(6..10) == Some(&[0; 4]),
        ImageFormat::Pnm => start.get(2).is_some_and(u8::is_ascii_whitespace),
        _ => true,
    }
}

/// The name of a format that is read here.
fn known(format: ImageFormat) -> Option<&'static str> {
    const FORMATS: &[(ImageFormat, &str)] = &[
        (ImageFormat::Bmp, "BMP"),
        (ImageFormat::Gif, "GIF"),
        (ImageFormat::Jpeg, "JPEG"),
        (ImageFormat::Png, "PNG"),
        (ImageFormat::Pnm, "PNM"),
        (ImageFormat::Tiff, "TIFF"),
        (ImageFormat::WebP, "WebP"),
    ];
    FORMATS.iter().find(|(known, _)| *known == format).map(|(_, name)| *name)
}

/// Why a decoder gave nothing.
enum Failure {
    Ours(Error),
    Decoder(String),
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::Decoder(error.to_string())
    }
}

fn check_size(name: &str, width: usize, height: usize) -> Result<(), Failure> {
    if width.checked_mul(height).is_some_and(|pixels| pixels <= MAX_PIXELS) {
        return Ok(());
    }
    Err(Failure::Ours(Error::TooLarge { name: name.to_owned(), width, height, limit: MAX_PIXELS }))
}

fn jpeg(bytes: &[u8], name: &str) -> Result<RgbImage, Failure> {
    let markers = Markers::read(bytes);
    match markers.way().map_err(|cause| Failure::Decoder(cause.to_owned()))? {
        Way::Whole => {}
        Way::Components => {
            let frame = markers.frame.as_ref();
            let [width, height] = frame.map_or([0; 2], |frame| [frame.width, frame.height]);
            check_size(name, width, height)?;
            let image = planes::decode(&markers).map_err(Failure::Decoder)?;
            return Ok(upright(image, bytes));
        }
    }
    match jpeg_with(bytes, name, Conformance::Strict) {
        // Real photographs have stray bytes and bad codes, which Pillow decodes around. A file that was cut short is
        // refused: half a picture with its label is worse than none.
        Err(Failure::Decoder(_))
            if markers.ends || (markers.scans.is_empty() && has_end(bytes)) =>
        {
            jpeg_with(bytes, name, Conformance::Lenient)
        }
        Err(Failure::Decoder(cause)) => {
            Err(Failure::Decoder(format!("cut short, it has no end marker ({cause})")))
        }
        decoded_or_refused => decoded_or_refused,
    }
}

/// The first rows of a picture, above black; nothing where they have a fault, for the whole to be decoded.
fn jpeg_top(Top { bytes, height, size: [width, whole] }: Top) -> Option<RgbImage> {
    let mut pixels = vec![0; width * whole * 3];
    let mut decoder = decoder(&bytes, Conformance::Strict);
    decoder.decode_headers().ok()?;
    (decoder.dimensions() == Some((width, height))).then_some(())?;
    decoder.decode_into(&mut pixels[..width * height * 3]).ok()?;
    RgbImage::from_raw(width as u32, whole as u32, pixels)
}

#[derive(Clone, Copy, PartialEq)]
enum Conformance {
    Strict,
    Lenient,
}

fn decoder(bytes: &[u8], conformance: Conformance) -> JpegDecoder<Memory<'_>> {
    let options = DecoderOptions::default()
        .set_strict_mode(conformance == Conformance::Strict)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(Memory::new(bytes), options)
}

fn jpeg_with(bytes: &[u8], name: &str, conformance: Conformance) -> Result<RgbImage, Failure> {
    let failure = |error: zune_jpeg::errors::DecodeErrors| {
        Failure::Decoder(error.to_string().trim_matches(['"', '\n']).to_owned())
    };
    let mut decoder = decoder(bytes, conformance);
    decoder.decode_headers().map_err(failure)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    check_size(name, width, height)?;
    let pixels = decoder.decode().map_err(failure)?;
    let image = RgbImage::from_raw(width as u32, height as u32, pixels)
        .ok_or_else(|| Failure::Decoder("fewer pixels than its header announces".to_owned()))?;
    Ok(upright(image, bytes))
}

/// A JPEG's picture, turned as the file says.
fn upright(image: RgbImage, bytes: &[u8]) -> RgbImage {
    let turned = orientation(bytes, ImageFormat::Jpeg).unwrap_or(Orientation::NoTransforms);
    oriented(DynamicImage::ImageRgb8(image), turned).into_rgb8()
}

/// Whether a JPEG's end marker follows the start of its last scan, so that it was not cut short.
fn has_end(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xda]).is_some_and(|scan| last([0xff, 0xd9]).is_some_and(|end| end > scan))
}

fn other(bytes: &[u8], format: ImageFormat, name: &str) -> Result<RgbImage, Failure> {
    if format == ImageFormat::Gif && !gif::first_frame_is_whole(bytes) {
        let cause = "its first frame is a part of the picture, or more than it, which is not read";
        return Err(Failure::Decoder(cause.to_owned()));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    check_size(name, width as usize, height as usize)?;
    // A damaged EXIF block says nothing of the pixels, and Pillow ignores it as well.
    let orientation = orientation(bytes, format).or_else(|| decoder.orientation().ok());
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder)?;
    Ok(to_rgb(oriented(image, orientation)))
}

fn oriented(mut image: DynamicImage, orientation: Orientation) -> DynamicImage {
    image.apply_orientation(orientation);
    image
}

/// Eight bits a channel by the high byte, as Pillow unpacks 16-bit RGB; alpha is dropped.
fn to_rgb(image: DynamicImage) -> RgbImage {
    let (width, height) = (image.width(), image.height());
    let high = |value: &u16| (value >> 8) as u8;
    let pixels: Vec<u8> = match &image {
        DynamicImage::ImageLuma16(image) => {
            image.as_raw().iter().flat_map(|value| [high(value); 3]).collect()
        }
        DynamicImage::ImageLumaA16(image) => image
            .as_raw()
            .as_chunks::<2>()
            .0
            .iter()
            .flat_map(|[value, _]| [high(value); 3])
            .collect(),
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().map(high).collect(),
        DynamicImage::ImageRgba16(image) => image
            .as_raw()
            .as_chunks::<4>()
            .0
            .iter()
            .flat_map(|[red, green, blue, _]| [high(red), high(green), high(blue)])
            .collect(),
        _ => return image.into_rgb8(),
    };
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}
