//! Pictures to look at: an input as a picture again, heat over it, and both as JPEG files.

use image::{
    ExtendedColorType, ImageEncoder,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};

use crate::{Error, Picture, Preprocess};

/// JPEG's quality: artifacts are not seen at the size of a thumbnail.
const QUALITY: u8 = 85;
/// Pixels between the pictures of a sheet.
const GAP: usize = 2;
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
    /// Pictures side by side on black, in rows of `columns`, each in a cell as large as the largest.
    ///
    /// # Panics
    ///
    /// If there are no pictures, or no columns.
    pub fn sheet(pictures: &[Self], columns: usize) -> Self {
        let side = |of: fn(&Self) -> usize| pictures.iter().map(of).max().unwrap_or(0) + GAP;
        let (cell_width, cell_height) = (side(Self::width), side(Self::height));
        let columns = columns.min(pictures.len());
        assert!(columns > 0, "a sheet of nothing");
        let rows = pictures.len().div_ceil(columns);
        let (width, height) = (columns * cell_width - GAP, rows * cell_height - GAP);
        let mut pixels = vec![0; width * height * 3];
        for (place, picture) in pictures.iter().enumerate() {
            let picture = picture.to_rgb();
            let left = (place % columns) * cell_width;
            let top = (place / columns) * cell_height;
            for (y, row) in picture.pixels().chunks_exact(picture.width() * 3).enumerate() {
                let start = ((top + y) * width + left) * 3;
                pixels[start..start + row.len()].copy_from_slice(row);
            }
        }
        Self::of(width, height, 3, pixels)
    }

    /// The picture as a PNG.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] where its sides are beyond the format's.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        let mut png = Vec::new();
        self.encode(PngEncoder::new(&mut png))?;
        Ok(png)
    }

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
        let mut bytes = Vec::new();
        self.encode(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
        Ok(bytes)
    }

    fn encode(&self, encoder: impl ImageEncoder) -> Result<(), Error> {
        let kind =
            if self.channels() == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        encoder.write_image(self.pixels(), self.width() as u32, self.height() as u32, kind).map_err(
            |error| Error::Encode {
                width: self.width(),
                height: self.height(),
                cause: error.to_string(),
            },
        )
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
    fn a_sheet_has_its_pictures_in_rows() {
        let gray = |shade, side| Picture::from_gray(side, side, vec![shade; side * side]).unwrap();
        let sheet = Picture::sheet(&[gray(10, 4), gray(20, 2), gray(30, 4)], 2);
        assert_eq!((sheet.width(), sheet.height()), (4 + GAP + 4, 4 + GAP + 4));
        let at = |x: usize, y: usize| sheet.pixels()[(y * sheet.width() + x) * 3];
        assert_eq!([at(3, 3), at(4 + GAP, 0), at(0, 4 + GAP)], [10, 20, 30]);
        assert_eq!([at(4, 0), at(4 + GAP + 3, 3), at(9, 9)], [0, 0, 0]);
        let again = decode_bytes(&sheet.to_png().unwrap(), "sheet").unwrap();
        assert_eq!(again, sheet);
        assert_eq!(Picture::sheet(&[gray(1, 3)], 8).width(), 3);
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
