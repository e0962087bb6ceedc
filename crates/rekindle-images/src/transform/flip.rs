//! Mirrors.

use crate::Picture;

/// Mirrors a picture left to right (torchvision's `hflip`).
pub fn hflip(picture: &Picture) -> Picture {
    let (width, channels) = (picture.width(), picture.channels());
    let mut pixels = Vec::with_capacity(picture.pixels().len());
    for row in picture.pixels().chunks_exact(width * channels) {
        row.rchunks_exact(channels).for_each(|pixel| pixels.extend_from_slice(pixel));
    }
    Picture::of(width, picture.height(), channels, pixels)
}

/// Mirrors a picture top to bottom (torchvision's `vflip`).
pub fn vflip(picture: &Picture) -> Picture {
    let (width, channels) = (picture.width(), picture.channels());
    let mut pixels = Vec::with_capacity(picture.pixels().len());
    picture.pixels().rchunks_exact(width * channels).for_each(|row| pixels.extend_from_slice(row));
    Picture::of(width, picture.height(), channels, pixels)
}
