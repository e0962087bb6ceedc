//! Pillow's resize: antialiased, 8 bits between the passes.

use std::ops::Range;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rekindle_cards::Interpolation;

use crate::{Error, Picture};

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// Rows above it.
    pub top: usize,
    /// Columns left of it.
    pub left: usize,
    /// Its rows.
    pub height: usize,
    /// Its columns.
    pub width: usize,
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
    let rows =
        Axis { from: picture.height(), to: size[0], first: window.top, length: window.height };
    let columns =
        Axis { from: picture.width(), to: size[1], first: window.left, length: window.width };
    let failed = |cause| Error::Resize { width: picture.width(), height: picture.height(), cause };
    // One call a pass: a call for both chooses their order by itself, and rounds differently from Pillow.
    let pass = |source: Pixels<'_>, rows: Span, columns: Span| {
        convolve(source, rows, columns, filter)
            .map(|pixels| (pixels, rows.to, columns.to))
            .map_err(failed)
    };
    let channels = picture.channels();
    let source = Pixels {
        bytes: picture.pixels(),
        height: picture.height(),
        width: picture.width(),
        channels,
    };
    let (bytes, height, width) = if rows_first(&rows, &columns) {
        pass(source, rows.span(0), columns.within_reach())?
    } else {
        pass(source, rows.within_reach(), columns.span(0))?
    };
    let source = Pixels { bytes: &bytes, height, width, channels };
    let (pixels, ..) = if rows_first(&rows, &columns) {
        pass(source, Span::whole(height), columns.span(columns.reach().start))?
    } else {
        pass(source, rows.span(rows.reach().start), Span::whole(width))?
    };
    Ok(pixels)
}

/// Whether Pillow resizes the rows before the columns: since version 13, where they lose more than twice as many pixels
/// (<https://github.com/python-pillow/Pillow/pull/9549>; the threshold is measured). Earlier versions never do.
fn rows_first(rows: &Axis, columns: &Axis) -> bool {
    rows.to < rows.from && rows.from - rows.to > 2 * columns.from.saturating_sub(columns.to)
}

/// Pixels in memory, `[height, width, channels]`.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    bytes: &'a [u8],
    height: usize,
    width: usize,
    channels: usize,
}

/// What one pass makes of an axis: `extent` source pixels from `start` on become `to`.
#[derive(Clone, Copy)]
struct Span {
    start: f64,
    extent: f64,
    to: usize,
}

impl Span {
    fn whole(length: usize) -> Self {
        Self { start: 0.0, extent: length as f64, to: length }
    }
}

/// One axis of a resize: `from` pixels to `to`, of which `length` from `first` on are wanted.
struct Axis {
    from: usize,
    to: usize,
    first: usize,
    length: usize,
}

impl Axis {
    fn scale(&self) -> f64 {
        self.from as f64 / self.to as f64
    }

    /// Resizes to the window; `cut` source pixels were cut off before this pass.
    fn span(&self, cut: usize) -> Span {
        let start = self.first as f64 * self.scale();
        // Rounding may put the end a hair past the last pixel, which the resizer refuses.
        let extent = (self.length as f64 * self.scale()).min(self.from as f64 - start);
        Span { start: start - cut as f64, extent, to: self.length }
    }

    /// Keeps the source pixels within reach, as they are.
    fn within_reach(&self) -> Span {
        let reach = self.reach();
        Span { start: reach.start as f64, extent: reach.len() as f64, to: reach.len() }
    }

    /// The source pixels within reach of the window's filters.
    fn reach(&self) -> Range<usize> {
        let Span { start, extent, .. } = self.span(0);
        // Lanczos reaches furthest, with 3 lobes.
        let lobes = 3.0 * self.scale().max(1.0) + 1.0;
        (start - lobes).max(0.0) as usize..((start + extent + lobes).ceil() as usize).min(self.from)
    }
}

/// One pass.
fn convolve(
    source: Pixels<'_>,
    rows: Span,
    columns: Span,
    filter: FilterType,
) -> Result<Vec<u8>, String> {
    let kind = if source.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let side = |size: usize| u32::try_from(size).map_err(|error| error.to_string());
    let image = ImageRef::new(side(source.width)?, side(source.height)?, source.bytes, kind);
    let image = image.map_err(|error| error.to_string())?;
    let mut target = Image::new(side(columns.to)?, side(rows.to)?, kind);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(columns.start, rows.start, columns.extent, rows.extent)
        .use_alpha(false);
    Resizer::new().resize(&image, &mut target, &options).map_err(|error| error.to_string())?;
    Ok(target.into_vec())
}

/// Pillow's nearest pixel, with its running sum, which decides where a center falls between two pixels.
fn nearest(picture: &Picture, size: [usize; 2], window: Rectangle) -> Vec<u8> {
    let indices = |from: usize, to: usize, first: usize, length: usize| -> Vec<usize> {
        let scale = from as f64 / to as f64;
        // Pillow has no memory for sides this long, and to count up to them takes for ever.
        let skipped = first.saturating_sub(1 << 20);
        let mut center = scale * (skipped as f64 + 0.5);
        let mut indices = Vec::with_capacity(length);
        for position in skipped..first + length {
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
