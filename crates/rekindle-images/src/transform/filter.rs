//! Changes of each pixel by its neighbors: blur and sharpness.

use super::color::blend;
use crate::Picture;

/// Sharpens beyond 1, smooths below it; 1 changes nothing (torchvision's `adjust_sharpness`, PIL backend).
///
/// The picture is moved away from a smoothed one, or towards it. The pixels at the edge are not smoothed.
pub fn adjust_sharpness(picture: &Picture, factor: f64) -> Picture {
    let smooth = smoothed(picture);
    let values = picture.pixels().iter().zip(smooth);
    let pixels = values.map(|(&value, smooth)| blend(smooth, value, factor as f32)).collect();
    Picture::of(picture.width(), picture.height(), picture.channels(), pixels)
}

/// Pillow's `ImageFilter.SMOOTH`: a mean of 3 x 3 pixels of which the middle one counts five times.
fn smoothed(picture: &Picture) -> Vec<u8> {
    let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
    let source = picture.pixels();
    let mut out = source.to_vec();
    let stride = width * channels;
    for row in 1..height.saturating_sub(1) {
        for place in row * stride + channels..(row + 1) * stride - channels {
            let three = |middle: usize| {
                [middle - channels, middle, middle + channels]
                    .map(|place| u32::from(source[place]))
                    .iter()
                    .sum::<u32>()
            };
            let sum = three(place - stride) + three(place) + three(place + stride);
            // No sum lies half way between two levels, as 13 is odd: whole numbers round like Pillow's floating point.
            out[place] = ((2 * (sum + 4 * u32::from(source[place])) + 13) / 26) as u8;
        }
    }
    out
}

/// Blurs with a bell curve of `sigma` pixels, cut off at `kernel` pixels (torchvision's `gaussian_blur`, tensor backend).
///
/// Beyond its edge the picture goes on mirrored, the outermost pixels not repeated.
///
/// # Panics
///
/// If `kernel` is even, or `sigma` is not above 0.
pub fn gaussian_blur(picture: &Picture, kernel: usize, sigma: f64) -> Picture {
    assert!(kernel % 2 == 1, "a kernel of {kernel} pixels has no middle");
    assert!(sigma > 0.0, "a bell curve of width {sigma}");
    let (width, height, channels) = (picture.width(), picture.height(), picture.channels());
    let weights = bell(kernel, sigma as f32);
    let half = kernel / 2;
    let stride = width * channels;
    let columns: Vec<usize> = (0..width + 2 * half).map(|x| mirrored(x, half, width)).collect();
    let rows: Vec<usize> = (0..height + 2 * half).map(|y| mirrored(y, half, height)).collect();
    let mut across = vec![0.0_f32; stride * height];
    for (line, row) in across.chunks_exact_mut(stride).zip(picture.pixels().chunks_exact(stride)) {
        for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
            for (weight, column) in weights.iter().zip(&columns[x..]) {
                for (value, source) in pixel.iter_mut().zip(&row[column * channels..]) {
                    *value += weight * f32::from(*source);
                }
            }
        }
    }
    let mut pixels = Vec::with_capacity(across.len());
    let mut sums = vec![0.0_f32; stride];
    for y in 0..height {
        sums.fill(0.0);
        for (weight, row) in weights.iter().zip(&rows[y..]) {
            for (sum, value) in sums.iter_mut().zip(&across[row * stride..]) {
                *sum += weight * value;
            }
        }
        pixels.extend(sums.iter().map(|sum| sum.round_ties_even() as u8));
    }
    Picture::of(width, height, channels, pixels)
}

/// A bell curve at whole pixels around its middle, of sum 1.
fn bell(kernel: usize, sigma: f32) -> Vec<f32> {
    let middle = (kernel - 1) as f32 * 0.5;
    let curve: Vec<f32> =
        (0..kernel).map(|x| (-0.5 * ((x as f32 - middle) / sigma).powi(2)).exp()).collect();
    let sum: f32 = curve.iter().sum();
    curve.iter().map(|value| value / sum).collect()
}

/// The pixel seen `position - before` pixels from the first, mirrored at both ends as often as it takes.
fn mirrored(position: usize, before: usize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    // As many periods are added as keep the difference above 0.
    let position = (position + before.div_ceil(period) * period - before) % period;
    position.min(period - position)
}
