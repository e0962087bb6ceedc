//! Changes of each value by a table: the tones of a picture.

use super::color::by_table;
use crate::Picture;

/// Inverts the values from a threshold on (torchvision's `solarize`, PIL backend).
pub fn solarize(picture: &Picture, threshold: f64) -> Picture {
    by_table(picture, |value| if f64::from(value) < threshold { value } else { 255 - value })
}

/// Keeps the highest bits of each value; with none it is black (torchvision's `posterize`: PIL backend, and tensor backend at 0).
///
/// # Panics
///
/// If there are more than 8 bits.
pub fn posterize(picture: &Picture, bits: u32) -> Picture {
    assert!(bits <= 8, "{bits} bits to keep of 8");
    by_table(picture, |value| value & !(255_u32 >> bits) as u8)
}

/// Stretches each channel to the whole of 0 to 255 (torchvision's `autocontrast`, PIL backend).
///
/// A channel of one value stays as it is.
pub fn autocontrast(picture: &Picture) -> Picture {
    by_histogram(picture, |histogram| {
        let (low, high) = ends(histogram)?;
        let scale = 255.0 / (high - low) as f64;
        let offset = -(low as f64) * scale;
        Some(std::array::from_fn(|value| (value as f64 * scale + offset) as u8))
    })
}

/// Spreads the values of each channel evenly (torchvision's `equalize`, PIL backend).
///
/// A channel of one value, or of less than 255 pixels besides those of its highest value, stays as it is.
pub fn equalize(picture: &Picture) -> Picture {
    by_histogram(picture, |histogram| {
        let (_, high) = ends(histogram)?;
        let step = (histogram.iter().sum::<usize>() - histogram[high]) / 255;
        if step == 0 {
            return None;
        }
        let mut below = step / 2;
        Some(std::array::from_fn(|value| {
            let level = below / step;
            below += histogram[value];
            level.min(255) as u8
        }))
    })
}

/// Turns light to dark (torchvision's `invert`, PIL backend).
pub fn invert(picture: &Picture) -> Picture {
    by_table(picture, |value| 255 - value)
}

/// The least and the largest value of a channel, where they differ.
fn ends(histogram: &[usize; 256]) -> Option<(usize, usize)> {
    let low = histogram.iter().position(|&count| count > 0)?;
    let high = histogram.iter().rposition(|&count| count > 0)?;
    (low < high).then_some((low, high))
}

/// A picture of which each channel is changed by the table that `of` makes of its histogram, if any.
fn by_histogram(picture: &Picture, of: impl Fn(&[usize; 256]) -> Option<[u8; 256]>) -> Picture {
    let channels = picture.channels();
    let mut pixels = picture.pixels().to_vec();
    for channel in 0..channels {
        let mut histogram = [0; 256];
        let values = picture.pixels().iter().skip(channel).step_by(channels);
        values.for_each(|&value| histogram[usize::from(value)] += 1);
        if let Some(table) = of(&histogram) {
            let values = pixels.iter_mut().skip(channel).step_by(channels);
            values.for_each(|value| *value = table[usize::from(*value)]);
        }
    }
    Picture::of(picture.width(), picture.height(), channels, pixels)
}
