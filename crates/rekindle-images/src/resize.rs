//! Pillow's resize: antialiased, 8 bits between the passes.

use std::ops::Range;

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{U8, U8x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
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

impl Rectangle {
    /// All of a picture.
    pub(crate) fn whole(picture: &Picture) -> Self {
        Self { top: 0, left: 0, height: picture.height(), width: picture.width() }
    }
}

/// The `window` of a `part` resized to `size` (height, width): `[window.height, window.width, channels]`.
///
/// Nothing outside of the part is seen. Only what the window needs is computed; the pixels are those of the whole.
pub(crate) fn resize(
    (picture, part): (&Picture, Rectangle),
    size: [usize; 2],
    window: Rectangle,
    interpolation: Interpolation,
) -> Result<Vec<u8>, Error> {
    let filter = match interpolation {
        Interpolation::Nearest => return Ok(nearest(picture, part, size, window)),
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Bicubic => FilterType::CatmullRom,
        Interpolation::Lanczos => FilterType::Lanczos3,
    };
    let rows = Axis { from: part.height, to: size[0], first: window.top, length: window.height };
    let columns = Axis { from: part.width, to: size[1], first: window.left, length: window.width };
    // By the type of a pixel: a resizer that finds it out at run time is compiled for all thirteen.
    let passes = match picture.channels() {
        1 => passes::<U8>,
        _ => passes::<U8x3>,
    };
    let failed = |cause| Error::Resize { width: part.width, height: part.height, cause };
    passes((picture, part), &rows, &columns, filter).map_err(failed)
}

/// One call a pass: a call for both chooses their order by itself, and rounds differently from Pillow.
fn passes<P: PixelTrait>(
    (picture, part): (&Picture, Rectangle),
    rows: &Axis,
    columns: &Axis,
    filter: FilterType,
) -> Result<Vec<u8>, String> {
    if rows_first(rows, columns) {
        let reach = columns.reach();
        let cut = cut(picture, part, 0..part.height, reach.clone());
        let size = [part.height, reach.len()];
        let half = convolve::<P>(cut, size, rows.span(0), Span::whole(reach.len()), filter)?;
        let size = [rows.length, reach.len()];
        convolve::<P>(half, size, Span::whole(rows.length), columns.span(reach.start), filter)
    } else {
        let reach = rows.reach();
        let cut = cut(picture, part, reach.clone(), 0..part.width);
        let size = [reach.len(), part.width];
        let half = convolve::<P>(cut, size, Span::whole(reach.len()), columns.span(0), filter)?;
        let size = [reach.len(), columns.length];
        convolve::<P>(half, size, rows.span(reach.start), Span::whole(columns.length), filter)
    }
}

/// The pixels of these rows and columns of a part.
fn cut(picture: &Picture, part: Rectangle, rows: Range<usize>, columns: Range<usize>) -> Vec<u8> {
    let channels = picture.channels();
    let (left, length) = (part.left + columns.start, columns.len() * channels);
    let mut pixels = Vec::with_capacity(rows.len() * length);
    for row in rows {
        let offset = ((part.top + row) * picture.width() + left) * channels;
        pixels.extend_from_slice(&picture.pixels()[offset..offset + length]);
    }
    pixels
}

fn side(size: usize) -> Result<u32, String> {
    u32::try_from(size).map_err(|error| error.to_string())
}

/// Whether Pillow resizes the rows before the columns: since version 13, where they lose more than twice as many pixels
/// (<https://github.com/python-pillow/Pillow/pull/9549>; the threshold is measured). Earlier versions never do.
fn rows_first(rows: &Axis, columns: &Axis) -> bool {
    rows.to < rows.from && rows.from - rows.to > 2 * columns.from.saturating_sub(columns.to)
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

    /// The source pixels within reach of the window's filters.
    fn reach(&self) -> Range<usize> {
        let Span { start, extent, .. } = self.span(0);
        // Lanczos reaches furthest, with 3 lobes.
        let lobes = 3.0 * self.scale().max(1.0) + 1.0;
        (start - lobes).max(0.0) as usize..((start + extent + lobes).ceil() as usize).min(self.from)
    }
}

/// One pass over pixels of this size (height, width).
///
/// From and to the same type that the resizer has for itself between passes: of any other, hundreds of functions would be
/// compiled once more.
fn convolve<P: PixelTrait>(
    mut source: Vec<u8>,
    [height, width]: [usize; 2],
    rows: Span,
    columns: Span,
    filter: FilterType,
) -> Result<Vec<u8>, String> {
    let mut target = vec![0; rows.to * columns.to * P::size()];
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .crop(columns.start, rows.start, columns.extent, rows.extent)
        .use_alpha(false);
    let from = TypedImage::<P>::from_buffer(side(width)?, side(height)?, &mut source)
        .map_err(|error| error.to_string())?;
    let mut to = TypedImage::<P>::from_buffer(side(columns.to)?, side(rows.to)?, &mut target)
        .map_err(|error| error.to_string())?;
    Resizer::new().resize_typed(&from, &mut to, &options).map_err(|error| error.to_string())?;
    Ok(target)
}

/// Pillow's nearest pixel, with its running sum, which decides where a center falls between two pixels.
fn nearest(picture: &Picture, part: Rectangle, size: [usize; 2], window: Rectangle) -> Vec<u8> {
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
    let columns = indices(part.width, size[1], window.left, window.width);
    let rows = indices(part.height, size[0], window.top, window.height);
    let channels = picture.channels();
    let mut out = Vec::with_capacity(rows.len() * columns.len() * channels);
    for row in rows {
        for &column in &columns {
            let place = (part.top + row) * picture.width() + part.left + column;
            let offset = place * channels;
            out.extend_from_slice(&picture.pixels()[offset..offset + channels]);
        }
    }
    out
}
