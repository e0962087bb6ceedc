//! A decoded picture: 8-bit pixels in memory, gray or RGB.

use std::fmt;

use crate::Error;

/// Pixels of 8 bits in memory, rows from the top, channels interleaved: gray (1) or RGB (3).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture from `height * width` RGB triples, row by row from the top left.
    ///
    /// # Errors
    ///
    /// [`Error::Pixels`] where the length is another, or a side is 0.
    pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, Error> {
        Self::from_parts(width, height, 3, pixels)
    }

    /// A picture from `height * width` gray values, row by row from the top left.
    ///
    /// # Errors
    ///
    /// [`Error::Pixels`] where the length is another, or a side is 0.
    pub fn from_gray(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, Error> {
        Self::from_parts(width, height, 1, pixels)
    }

    fn from_parts(
        width: usize,
        height: usize,
        channels: usize,
        pixels: Vec<u8>,
    ) -> Result<Self, Error> {
        let length = width.checked_mul(height).and_then(|area| area.checked_mul(channels));
        if length != Some(pixels.len()) || pixels.is_empty() {
            return Err(Error::Pixels { width, height, channels, length: pixels.len() });
        }
        Ok(Self { width, height, channels, pixels })
    }

    /// A picture from parts that fit.
    pub(crate) fn of(width: usize, height: usize, channels: usize, pixels: Vec<u8>) -> Self {
        debug_assert_eq!(width * height * channels, pixels.len());
        Self { width, height, channels, pixels }
    }

    /// The width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Bytes a pixel: 1 for gray, 3 for RGB.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The pixels, `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels, `[height, width, channels]`, to be changed.
    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// The pixels, `[height, width, channels]`, given up by the picture.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// One channel, weighted as Pillow's mode `L` (ITU-R 601-2, rounded in 16-bit fixed point).
    pub fn to_gray(&self) -> Self {
        if self.channels == 1 {
            return self.clone();
        }
        let gray = |rgb: &[u8; 3]| {
            let [red, green, blue] = rgb.map(u32::from);
            ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16) as u8
        };
        Self {
            channels: 1,
            pixels: self.pixels.as_chunks::<3>().0.iter().map(gray).collect(),
            ..*self
        }
    }

    /// Three channels, a gray value repeated.
    pub fn to_rgb(&self) -> Self {
        if self.channels == 3 {
            return self.clone();
        }
        Self {
            channels: 3,
            pixels: self.pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
            ..*self
        }
    }
}

/// Names the size and leaves the pixels out: a dump of them helps nobody.
impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture({} x {} x {})", self.width, self.height, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_is_weighted_as_pillow_does() {
        // Image.new("RGB", (1, 1), rgb).convert("L") of Pillow 13.
        for (rgb, gray) in [
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([1, 2, 3], 2),
            ([200; 3], 200),
        ] {
            let picture = Picture::from_rgb(1, 1, rgb.to_vec()).unwrap();
            assert_eq!(picture.to_gray().pixels(), [gray], "{rgb:?}");
            assert_eq!(picture.to_gray().to_rgb().pixels(), [gray; 3]);
        }
    }

    #[test]
    fn pixels_that_do_not_fit_are_refused() {
        for (width, height, length) in [(2, 2, 11), (0, 2, 0), (usize::MAX, 3, 12), (2, 2, 13)] {
            assert!(
                Picture::from_rgb(width, height, vec![0; length]).is_err(),
                "{width} x {height}: {length}"
            );
        }
    }
}
