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
//! | animation, pages | the first, in its place; around it [the color that Pillow gives](gif) |
//! | palettes, L\*a\*b\*, float and the like (TIFF) | [by a table of their own](tiff) |
//! | color profile, gamma | ignored |
//! | a kind that no decoder here reads | [refused](Error::Unsupported) by its name |
//!
//! | what a file may ask for | limit |
//! |---|---|
//! | bytes of the file | 2 GiB |
//! | width times height | [`MAX_PIXELS`] |
//! | bytes of pixels before pictures wait for one another | [`LARGE_BYTES`] |
//! | bytes that a decoder allocates | 8 a pixel of [`MAX_PIXELS`] |
//! | bytes of texts and profiles of colors, inflated | 1 and 16 MiB |
//! | scans of a JPEG | 500 |

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use rekindle_base::read_regular;

use self::failure::{Failure, MAX_ALLOCATION, MAX_BESIDE, MAX_FILE};
use self::gate::{Gate, Subject};
use self::orientation::orientation;
use crate::{Error, Picture};

mod failure;
pub(crate) mod gate;
mod gif;
mod jpeg;
mod kinds;
mod markers;
mod orientation;
mod planes;
mod source;
mod tiff;
mod top;

pub use failure::MAX_PIXELS;
pub use gate::LARGE_BYTES;
pub use kinds::other_kind;

/// Belongs to JPEG alone, but is found before the EXIF block of WebP files too.
const EXIF_PREFIX: &[u8] = b"Exif\0\0";

/// Decodes a file to RGB.
///
/// # Errors
///
/// [`Error::Read`] where the file cannot be read, else those of [`decode_bytes`].
pub fn decode(path: &Path) -> Result<Picture, Error> {
    decode_rows(path, &mut |height, _| height).map(|(picture, _)| picture)
}

/// Decodes at least the `rows` from the top that are asked for, given height and width; others may be black.
///
/// A file may be asked about twice. The gate is to be held as long as the picture.
pub(crate) fn decode_rows(
    path: &Path,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<(Picture, Gate), Error> {
    rows_of_bytes(&read_file(path)?, &path.display().to_string(), rows)
}

/// Reads a file to decode: a regular one, that is no longer than a picture of [`MAX_PIXELS`] needs to be.
///
/// # Errors
///
/// [`Error::Read`] where it cannot be read, [`Error::NotAPicture`] where it is none of these.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let metadata = path.metadata().map_err(read)?;
    let other = |found| Error::NotAPicture { name: path.display().to_string(), found };
    // Reading a pipe would wait for ever, a device may have no end.
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(other("no regular file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(other("a file of more than 2 GiB"));
    }
    read_regular(path, MAX_FILE).map_err(read)
}

/// Decodes the bytes of a file to RGB; `name` stands for the file in errors.
///
/// # Errors
///
/// [`Error::NotAPicture`], [`Error::Decode`], [`Error::Unsupported`] or [`Error::TooLarge`]; [`Error::Panicked`] where a
/// decoder has a bug.
pub fn decode_bytes(bytes: &[u8], name: &str) -> Result<Picture, Error> {
    decode_then(bytes, name, |picture| picture)
}

/// Decodes the bytes of a file and does something with the picture, while no other large one is in memory.
///
/// What is done must decode no other picture: a large one would wait for this one.
///
/// # Errors
///
/// Those of [`decode_bytes`].
pub fn decode_then<T>(
    bytes: &[u8],
    name: &str,
    then: impl FnOnce(Picture) -> T,
) -> Result<T, Error> {
    let (picture, _gate) = rows_of_bytes(bytes, name, &mut |height, _| height)?;
    Ok(then(picture))
}

/// The same of the bytes of a file; `name` stands for the file in errors.
pub(crate) fn rows_of_bytes(
    bytes: &[u8],
    name: &str,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<(Picture, Gate), Error> {
    if bytes.is_empty() {
        return Err(Error::NotAPicture { name: name.to_owned(), found: "an empty file" });
    }
    let Some((format, format_name)) = known(bytes) else {
        return Err(Error::NotAPicture {
            name: name.to_owned(),
            found: other_kind(bytes).unwrap_or("its first bytes are of no known format"),
        });
    };
    let file = Subject::new(name);
    // Decoders are handed bytes that anyone may have written, and some of them assert: a bad file must not end a run.
    let image = catch_unwind(AssertUnwindSafe(|| image(bytes, format, &file, rows)))
        .map_err(|panic| Error::Panicked {
            name: name.to_owned(),
            message: panic_message(&*panic),
        })?
        .map_err(|failure| failure.into_error(name, format_name))?;
    let [width, height] = [image.width(), image.height()].map(|side| side as usize);
    Ok((Picture::from_rgb(width, height, image.into_raw())?, file.into_gate()))
}

/// The pixels of a file, upright.
fn image(
    bytes: &[u8],
    format: ImageFormat,
    file: &Subject<'_>,
    rows: &mut dyn FnMut(usize, usize) -> usize,
) -> Result<RgbImage, Failure> {
    match format {
        ImageFormat::Jpeg => Ok(upright(jpeg::decode(bytes, file, rows)?, bytes)),
        ImageFormat::Tiff => {
            let (image, orientation) = tiff::decode(bytes, file)?;
            Ok(oriented(image.into(), orientation).into_rgb8())
        }
        ImageFormat::Gif => gif::decode(bytes, file),
        _ => other(bytes, format, file),
    }
}

/// Width and height that the bytes of a file announce, before it is turned upright; nothing where they do not tell.
pub fn announced_size(bytes: &[u8]) -> Option<[usize; 2]> {
    let (format, _) = known(bytes)?;
    let size = || match format {
        ImageFormat::Tiff => tiff::announced_size(bytes),
        ImageFormat::Gif => gif::announced_size(bytes),
        ImageFormat::Png => png_size(bytes),
        _ => {
            let decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder();
            let (width, height) = decoder.ok()?.dimensions();
            Some([width as usize, height as usize])
        }
    };
    catch_unwind(AssertUnwindSafe(size)).ok()?
}

/// What a panic said, where it said it in text.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Whether the first bytes of a file are those of a format that is read here; a few of any may be too few to tell.
pub(crate) fn is_picture(start: &[u8]) -> bool {
    match known(start) {
        None => false,
        // Two letters begin many texts: behind them stand a length and four zeros, or a blank.
        Some((ImageFormat::Bmp, _)) => start.get(6..10) == Some(&[0; 4]),
        Some((ImageFormat::Pnm, _)) => start.get(2).is_some_and(u8::is_ascii_whitespace),
        Some(_) => true,
    }
}

/// The name of the format that the first bytes of a file announce, if it is one that is read here.
pub fn format_name(start: &[u8]) -> Option<&'static str> {
    known(start).map(|(_, name)| name)
}

/// The format that the first bytes of a file announce, if it is one that is read here, and its name.
fn known(start: &[u8]) -> Option<(ImageFormat, &'static str)> {
    const FORMATS: &[(ImageFormat, &str)] = &[
        (ImageFormat::Bmp, "BMP"),
        (ImageFormat::Gif, "GIF"),
        (ImageFormat::Jpeg, "JPEG"),
        (ImageFormat::Png, "PNG"),
        (ImageFormat::Pnm, "PNM"),
        (ImageFormat::Tiff, "TIFF"),
        (ImageFormat::WebP, "WebP"),
    ];
    let is_big_tiff = start.starts_with(b"II+\0") || start.starts_with(b"MM\0+");
    let format = match is_big_tiff {
        true => ImageFormat::Tiff,
        false => image::guess_format(start).ok()?,
    };
    FORMATS.iter().find(|(known, _)| *known == format).copied()
}

/// A JPEG's picture, turned as the file says.
fn upright(image: RgbImage, bytes: &[u8]) -> RgbImage {
    let turned = orientation(bytes, ImageFormat::Jpeg).unwrap_or(Orientation::NoTransforms);
    oriented(DynamicImage::ImageRgb8(image), turned).into_rgb8()
}

fn other(bytes: &[u8], format: ImageFormat, file: &Subject<'_>) -> Result<RgbImage, Failure> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(match format {
        // Of a PNG this is for a row of pixels and what stands beside them: a profile of colors may be inflated to any length.
        ImageFormat::Png => {
            let [width, height] = png_size(bytes).unwrap_or_default();
            file.wait(width.saturating_mul(height).saturating_mul(3));
            (16 * width.min(MAX_PIXELS) + bytes.len() + MAX_BESIDE) as u64
        }
        _ => MAX_ALLOCATION as u64,
    });
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    file.admit([width as usize, height as usize])?;
    // Those of 16 bits are narrowed, so that both are there.
    let pixels = 3 * u64::from(width) * u64::from(height);
    file.wait((decoder.total_bytes().max(pixels)) as usize);
    // A damaged EXIF block says nothing of the pixels, and Pillow ignores it as well.
    let orientation = orientation(bytes, format).or_else(|| decoder.orientation().ok());
    let orientation = orientation.unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder)?;
    Ok(to_rgb(oriented(image, orientation)))
}

/// Width and height in a PNG's header, which is the first thing in it.
fn png_size(bytes: &[u8]) -> Option<[usize; 2]> {
    let (width, height) = bytes.get(16..24)?.split_first_chunk()?;
    let sides = [*width, *height.first_chunk()?];
    Some(sides.map(|side| u32::from_be_bytes(side) as usize))
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
