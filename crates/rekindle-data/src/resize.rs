//! Pillow's resize: antialiased, 8 bits between the passes, columns before rows.

use std::borrow::Cow;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rekindle_cards::Interpolation;

use crate::{Error, Picture};

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) top: usize,
    pub(crate) left: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// The `window` of a picture resized to `size` (height, width): `[window.height, window.width, channels]`.
///
/// Only what the window needs is computed; the pixels are those of the whole.
pub(crate) fn resize(
    picture: &Picture,
    size: [usize; 2],
    window: Rectangle,
    interpolation: Interpolation,
) -> Result<Vec<u8>, Error> {
    let filter = match interpolation {
        Interpolation::Nearest => return Ok(nearest(picture, size, window)),
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
        Interpolation::Lanczos => FilterType::Lanczos3,
    };
    let channels = picture.channels();
    let rows = Axis::new(picture.height(), size[0], window.top, window.height);
    let columns = Axis::new(picture.width(), size[1], window.left, window.width);
    // One call a pass, because a call for both does rows first and rounds differently from Pillow.
    let needed = rows.needed();
    let offset = needed.start * picture.width() * channels;
    let length = needed.len() * picture.width() * channels;
    let source = &picture.pixels()[offset..offset + length];
    let pass = |pixels: &[u8], from: [usize; 2], to: [usize; 2], crop: [f64; 4]| {
        convolve(pixels, channels, from, to, crop, filter).map_err(|cause| Error::Resize {
            width: picture.width(),
            height: picture.height(),
            cause,
        })
    };
    let narrow = if columns.is_identity() {
        columns.cut(source, picture.width(), channels)
    } else {
        let crop = [columns.start(), 0.0, columns.extent(), needed.len() as f64];
        Cow::Owned(pass(
            source,
            [needed.len(), picture.width()],
            [needed.len(), window.width],
            crop,
        )?)
    };
    if rows.is_identity() {
        return Ok(narrow.into_owned());
    }
    let crop = [0.0, rows.start() - needed.start as f64, window.width as f64, rows.extent()];
    pass(&narrow, [needed.len(), window.width], [window.height, window.width], crop)
}

/// One axis of a resize: `from` pixels to `to`, of which `length` from `first` on are wanted.
struct Axis {
    from: usize,
    to: usize,
    first: usize,
    length: usize,
}

impl Axis {
    fn new(from: usize, to: usize, first: usize, length: usize) -> Self {
        Self { from, to, first, length }
    }

    fn is_identity(&self) -> bool {
        self.from == self.to
    }

    fn scale(&self) -> f64 {
        self.from as f64 / self.to as f64
    }

    /// Where the window begins, in source pixels.
    fn start(&self) -> f64 {
        self.first as f64 * self.scale()
    }

    /// How long the window is, in source pixels.
    fn extent(&self) -> f64 {
        // Rounding may put the end a hair past the last pixel, which the resizer refuses.
        (self.length as f64 * self.scale()).min(self.from as f64 - self.start())
    }

    /// The source pixels within reach of the window's filters.
    fn needed(&self) -> std::ops::Range<usize> {
        if self.is_identity() {
            return self.first..self.first + self.length;
        }
        // Lanczos reaches furthest, with 3 lobes.
        let reach = 3.0 * self.scale().max(1.0) + 1.0;
        let end = (self.start() + self.extent() + reach).ceil() as usize;
        (self.start() - reach).floor().max(0.0) as usize..end.min(self.from)
    }

    /// The window of columns where no column is resized.
    fn cut<'a>(&self, pixels: &'a [u8], width: usize, channels: usize) -> Cow<'a, [u8]> {
        if self.length == width {
            return Cow::Borrowed(pixels);
        }
        let columns = self.first * channels..(self.first + self.length) * channels;
        Cow::Owned(
            pixels
                .chunks_exact(width * channels)
                .flat_map(|row| &row[columns.clone()])
                .copied()
                .collect(),
        )
    }
}

/// One pass: `crop` is left, top, width and height in source pixels; sizes are height and width.
fn convolve(
    pixels: &[u8],
    channels: usize,
    from: [usize; 2],
    to: [usize; 2],
    crop: [f64; 4],
    filter: FilterType,
) -> Result<Vec<u8>, String> {
    let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let side = |size: usize| u32::try_from(size).map_err(|error| error.to_string());
    let source = ImageRef::new(side(from[1])?, side(from[0])?, pixels, kind)
        .map_err(|error| error.to_string())?;
    let mut target = Image::new(side(to[1])?, side(to[0])?, kind);
    let [left, top, width, height] = crop;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(left, top, width, height)
        .use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| error.to_string())?;
    Ok(target.into_vec())
}

/// Pillow's nearest pixel, with its running sum, which decides where a center falls between two pixels.
fn nearest(picture: &Picture, size: [usize; 2], window: Rectangle) -> Vec<u8> {
    let indices = |from: usize, to: usize, first: usize, length: usize| -> Vec<usize> {
        let scale = from as f64 / to as f64;
        let mut center = scale * 0.5;
        let mut indices = Vec::with_capacity(length);
        for position in 0..first + length {
            if position >= first {
                indices.push((center as usize).min(from - 1));
            }
            center += scale;
        }
        indices
    };
    let columns = indices(picture.width(), size[1], window.left, window.width);
    let rows = indices(picture.height(), size[0], window.top, window.height);
    let channels = picture.channels();
    let mut out = Vec::with_capacity(rows.len() * columns.len() * channels);
    for row in rows {
        for &column in &columns {
            let offset = (row * picture.width() + column) * channels;
            out.extend_from_slice(&picture.pixels()[offset..offset + channels]);
        }
    }
    out
}
