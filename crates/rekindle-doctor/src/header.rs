//! What the bytes of a file say beside their pixels: format, alpha, frames, orientation, and whether they are all there.
//!
//! Anyone may have written these bytes: nothing here trusts a length in them.

use std::io::Cursor;
use std::panic::catch_unwind;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageFormat, ImageReader};
use rekindle_images::format_name;

mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

/// A format that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Bmp,
    Gif,
    Jpeg,
    Png,
    Pnm,
    Tiff,
    WebP,
}

/// What a header says; what it does not say is `false`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) alpha: bool,
    pub(crate) cmyk: bool,
    pub(crate) sixteen: bool,
    /// More than one frame or page.
    pub(crate) frames: bool,
    pub(crate) rotated: bool,
    /// The file ends before its format says that it does.
    pub(crate) cut: bool,
}

impl Format {
    const ALL: [Self; 7] =
        [Self::Bmp, Self::Gif, Self::Jpeg, Self::Png, Self::Pnm, Self::Tiff, Self::WebP];

    /// The format that the first bytes announce.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let name = format_name(bytes)?;
        Self::ALL.into_iter().find(|format| format.names()[0] == name)
    }

    /// The format that an extension in lower case announces.
    pub(crate) fn named(extension: &str) -> Option<Self> {
        Some(match extension {
            "bmp" => Self::Bmp,
            "gif" => Self::Gif,
            "jfif" | "jpe" | "jpeg" | "jpg" => Self::Jpeg,
            "pbm" | "pgm" | "pnm" | "ppm" => Self::Pnm,
            "png" => Self::Png,
            "tif" | "tiff" => Self::Tiff,
            "webp" => Self::WebP,
            _ => return None,
        })
    }

    /// As people write it, and the extension to give such a file.
    pub(crate) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Bmp => ["BMP", "bmp"],
            Self::Gif => ["GIF", "gif"],
            Self::Jpeg => ["JPEG", "jpg"],
            Self::Png => ["PNG", "png"],
            Self::Pnm => ["PNM", "pnm"],
            Self::Tiff => ["TIFF", "tif"],
            Self::WebP => ["WebP", "webp"],
        }
    }
}

impl Header {
    /// What the bytes of a file of this format say.
    pub(crate) fn read(bytes: &[u8], format: Format) -> Self {
        match format {
            Format::Gif => gif::read(bytes),
            Format::Jpeg => jpeg::read(bytes),
            Format::Png => png::read(bytes),
            Format::WebP => webp::read(bytes),
            Format::Tiff => tiff::read(bytes),
            Format::Bmp => Self::default().with_colors(bytes, ImageFormat::Bmp),
            Format::Pnm => Self::default().with_colors(bytes, ImageFormat::Pnm),
        }
    }

    /// What the decoder says of the colors; nothing where it fails, or panics.
    fn with_colors(self, bytes: &[u8], format: ImageFormat) -> Self {
        let colors = catch_unwind(|| {
            let reader = ImageReader::with_format(Cursor::new(bytes), format);
            let decoder = reader.into_decoder().ok()?;
            Some(decoder.color_type())
        });
        let Ok(Some(color)) = colors else { return self };
        let sixteen = color.bytes_per_pixel() / color.channel_count() == 2;
        Self { alpha: color.has_alpha(), sixteen, ..self }
    }
}

/// Whether an EXIF block, which is a small TIFF file, turns or mirrors the picture.
fn turns(exif: &[u8]) -> bool {
    let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(exif).is_some_and(|found| found != Orientation::NoTransforms)
}

/// The bytes from a place on, at most `length` of them.
fn part(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

fn big_u32(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_be_bytes(part(bytes, at, 4)?.try_into().ok()?) as usize)
}

fn little_u32(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(part(bytes, at, 4)?.try_into().ok()?) as usize)
}

#[cfg(test)]
mod tests;
