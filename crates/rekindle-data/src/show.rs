//! Pictures to look at: an input as a picture again, heat over it, and both as JPEG files.

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

use crate::{Error, Picture, Preprocess};

/// JPEG's quality: artifacts are not seen at the size of a thumbnail.
const QUALITY: u8 = 85;
/// The share of the heat's color where it is hottest, and where it is coldest.
const OPACITY: [f32; 2] = [0.25, 0.65];
/// Colors from cold to hot, of even steps in lightness, so that they read in gray too (after Moreland's black body).
const COLORS: [[f32; 3]; 5] = [
    [20.0, 20.0, 90.0],
    [120.0, 30.0, 130.0],
    [215.0, 60.0, 80.0],
    [250.0, 150.0, 40.0],
    [255.0, 245.0, 150.0],
];

impl Preprocess {
    /// The picture that an input `[channels, height, width]` was made of, as the network sees it.
    ///
    /// # Panics
    ///
    /// If the input is not as long as [`Preprocess::shape`] multiplies to.
    pub fn restore(&self, input: &[f32]) -> Picture {
        let [channels, height, width] = self.shape();
        assert_eq!(input.len(), channels * height * width, "an input of another shape");
        let mut pixels = vec![0; input.len()];
        for (channel, plane) in input.chunks_exact(height * width).enumerate() {
            let [mean, std] = self.scale(channel);
            for (place, value) in plane.iter().enumerate() {
                let value = (value * std + mean) * 255.0;
                pixels[place * channels + channel] = value.round().clamp(0.0, 255.0) as u8;
            }
        }
        Picture::of(width, height, channels, pixels)
    }
}

impl Picture {
    /// The picture with `heat` over it, `[rows, columns]` in `[0, 1]`, smoothed to its size.
    ///
    /// # Panics
    ///
    /// If there is no heat, or not `rows * columns` of it.
    pub fn heated(&self, heat: &[f32], [rows, columns]: [usize; 2]) -> Self {
        assert!(!heat.is_empty() && heat.len() == rows * columns, "heat of another shape");
        let base = self.to_rgb();
        let (width, height) = (base.width(), base.height());
        let mut pixels = base.into_pixels();
        for (place, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let at = |position: usize, size: usize, cells: usize| {
                ((position as f32 + 0.5) * cells as f32 / size as f32 - 0.5)
                    .clamp(0.0, cells as f32 - 1.0)
            };
            let heat = bilinear(
                heat,
                columns,
                at(place / width, height, rows),
                at(place % width, width, columns),
            );
            let share = OPACITY[0] + (OPACITY[1] - OPACITY[0]) * heat;
            for (value, color) in pixel.iter_mut().zip(color(heat)) {
                *value = (f32::from(*value) * (1.0 - share) + color * share).round() as u8;
            }
        }
        Self::of(width, height, 3, pixels)
    }

    /// The picture as the bytes of a JPEG file.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] for a side of more than 65,535 pixels, which JPEG cannot hold.
    pub fn to_jpeg(&self) -> Result<Vec<u8>, Error> {
        let kind =
            if self.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .write_image(self.pixels(), self.width() as u32, self.height() as u32, kind)
            .map_err(|error| Error::Encode {
                width: self.width(),
                height: self.height(),
                cause: error.to_string(),
            })?;
        Ok(bytes)
    }
}

fn bilinear(cells: &[f32], columns: usize, row: f32, column: f32) -> f32 {
    let (top, left) = (row as usize, column as usize);
    let (down, right) = (row - top as f32, column - left as f32);
    let cell = |row: usize, column: usize| {
        cells[row.min(cells.len() / columns - 1) * columns + column.min(columns - 1)]
    };
    let mix = |row| cell(row, left) * (1.0 - right) + cell(row, left + 1) * right;
    mix(top) * (1.0 - down) + mix(top + 1) * down
}

fn color(heat: f32) -> [f32; 3] {
    let place = heat.clamp(0.0, 1.0) * (COLORS.len() - 1) as f32;
    let index = (place as usize).min(COLORS.len() - 2);
    let share = place - index as f32;
    std::array::from_fn(|channel| {
        COLORS[index][channel] * (1.0 - share) + COLORS[index + 1][channel] * share
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Picture, decode_bytes};
    use rekindle_cards::{CropMode, Interpolation, Preprocessing};

    #[test]
    fn an_input_is_a_picture_again() {
        let preprocess = Preprocess::new(&Preprocessing {
            input_size: [3, 6, 4],
            interpolation: Interpolation::Bilinear,
            crop_pct: 1.0,
            crop_mode: CropMode::Squash,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        })
        .unwrap();
        let pixels: Vec<u8> = (0..72).map(|i| (i * 3) as u8).collect();
        let picture = Picture::from_rgb(4, 6, pixels).unwrap();
        assert_eq!(preprocess.restore(&preprocess.apply(&picture).unwrap()), picture);
    }

    #[test]
    fn heat_is_brightest_where_it_is_hottest_and_a_jpeg_is_a_picture() {
        let gray = Picture::from_gray(40, 20, vec![128; 800]).unwrap();
        let heated = gray.heated(&[0.0, 1.0], [1, 2]);
        assert_eq!((heated.width(), heated.height(), heated.channels()), (40, 20, 3));
        let red = |column: usize| heated.pixels()[3 * column];
        assert!(red(0) < red(20) && red(20) < red(39), "{} {} {}", red(0), red(20), red(39));
        let again = decode_bytes(&heated.to_jpeg().unwrap(), "heated").unwrap();
        assert_eq!((again.width(), again.height()), (40, 20));
        let worst = heated.pixels().iter().zip(again.pixels()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst < Some(40), "{worst:?}");
    }
}
