//! Baseline JPEGs with a scan a component: each is decoded as a gray picture of its own, then they are put together.
//!
//! Upsampling and colors are those of libjpeg-turbo (`jdsample.c`, `jdcolor.c`), which Pillow uses.

use image::RgbImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::markers::{Component, Frame, Markers, Scan};
use super::source::Memory;

/// Samples of one component.
#[derive(Clone)]
struct Plane {
    width: usize,
    height: usize,
    samples: Vec<u8>,
}

/// Decodes all components and puts them together, the way up that they are coded.
pub(super) fn decode(markers: &Markers<'_>) -> Result<RgbImage, String> {
    let damaged = || "its scans do not fit its header".to_owned();
    let frame = markers.frame.as_ref().ok_or_else(damaged)?;
    let [across, down] = frame.most();
    let mut planes = Vec::new();
    for component in &frame.components {
        let of = |scan: &&Scan<'_>| {
            scan.components.first().is_some_and(|first| first[0] == component.id)
        };
        let scan = markers.scans.iter().find(of).ok_or_else(damaged)?;
        if component.horizontal == 0 || component.vertical == 0 {
            return Err(damaged());
        }
        let width = (frame.width * component.horizontal).div_ceil(across);
        let height = (frame.height * component.vertical).div_ceil(down);
        let plane = plane(markers, scan, component, [width, height])?;
        let [x, y] =
            [across.checked_rem(component.horizontal), down.checked_rem(component.vertical)];
        if [x, y] != [Some(0), Some(0)] {
            return Err("it samples components in ratios that are not read".to_owned());
        }
        planes.push(plane.stretched([across / component.horizontal, down / component.vertical]));
    }
    together(frame, &planes, markers.is_rgb).ok_or_else(damaged)
}

/// One component, as a picture of its own.
fn plane(
    markers: &Markers<'_>,
    scan: &Scan<'_>,
    component: &Component,
    [width, height]: [usize; 2],
) -> Result<Plane, String> {
    let [high, low] = (height as u16).to_be_bytes();
    let [left, right] = (width as u16).to_be_bytes();
    let tables = scan.components.first().map_or(0, |first| first[1]);
    let mut file = vec![0xff, 0xd8];
    markers.quantization.iter().for_each(|segment| file.extend(*segment));
    file.extend([0xff, 0xc0, 0, 11, 8, high, low, left, right, 1, 1, 0x11, component.table]);
    markers.huffman.iter().take(scan.huffman).for_each(|segment| file.extend(*segment));
    file.extend(scan.restart.unwrap_or_default());
    file.extend([0xff, 0xda, 0, 8, 1, 1, tables, 0, 63, 0]);
    file.extend(scan.data);
    file.extend([0xff, 0xd9]);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let samples = JpegDecoder::new_with_options(Memory::new(&file), options)
        .decode()
        .map_err(|error| error.to_string().trim_matches(['"', '\n']).to_owned())?;
    if samples.len() != width * height {
        return Err("fewer pixels than its header announces".to_owned());
    }
    Ok(Plane { width, height, samples })
}

impl Plane {
    /// So many times as wide and as high.
    fn stretched(self, times: [usize; 2]) -> Self {
        match times {
            [1, 1] => self,
            // Narrower ones are repeated.
            [2, 1] if self.width > 2 => self.across(),
            [2, 2] if self.width > 2 => self.both(),
            [1, 2] => self.down(),
            [x, y] => {
                let (width, height) = (self.width * x, self.height * y);
                let at =
                    |place: usize| self.samples[place / width / y * self.width + place % width / x];
                let samples = (0..width * height).map(at).collect();
                Self { width, height, samples }
            }
        }
    }

    /// Three quarters of the nearer sample and a quarter of the other.
    fn across(&self) -> Self {
        let mut samples = Vec::with_capacity(2 * self.samples.len());
        for row in self.samples.chunks_exact(self.width) {
            for (x, &value) in row.iter().enumerate() {
                let value = u16::from(value);
                let before = x.checked_sub(1).map_or(value, |x| u16::from(row[x]));
                let after = row.get(x + 1).map_or(value, |next| u16::from(*next));
                samples.push(((3 * value + before + 1) >> 2) as u8);
                samples.push(((3 * value + after + 2) >> 2) as u8);
            }
        }
        Self { width: 2 * self.width, samples, ..*self }
    }

    fn down(&self) -> Self {
        let mut samples = Vec::with_capacity(2 * self.samples.len());
        for y in 0..self.height {
            for (other, bias) in [(y.saturating_sub(1), 1), ((y + 1).min(self.height - 1), 2)] {
                let pairs = self.row(y).iter().zip(self.row(other));
                samples.extend(pairs.map(|(near, far)| {
                    ((3 * u16::from(*near) + u16::from(*far) + bias) >> 2) as u8
                }));
            }
        }
        Self { height: 2 * self.height, samples, ..*self }
    }

    /// Both at once, rounded once.
    fn both(&self) -> Self {
        let mut samples = Vec::with_capacity(4 * self.samples.len());
        for y in 0..self.height {
            for other in [y.saturating_sub(1), (y + 1).min(self.height - 1)] {
                let pairs = self.row(y).iter().zip(self.row(other));
                let sums: Vec<u16> =
                    pairs.map(|(near, far)| 3 * u16::from(*near) + u16::from(*far)).collect();
                for (x, &sum) in sums.iter().enumerate() {
                    let before = x.checked_sub(1).map_or(sum, |x| sums[x]);
                    let after = sums.get(x + 1).copied().unwrap_or(sum);
                    samples.push(((3 * sum + before + 8) >> 4) as u8);
                    samples.push(((3 * sum + after + 7) >> 4) as u8);
                }
            }
        }
        Self { width: 2 * self.width, height: 2 * self.height, samples }
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.samples[y * self.width..(y + 1) * self.width]
    }
}

/// The picture of three components that are at least as large.
fn together(frame: &Frame, planes: &[Plane], is_rgb: Option<bool>) -> Option<RgbImage> {
    let [one, two, three] = planes else { return None };
    let by_name = || frame.components.iter().map(|component| component.id).eq(*b"RGB");
    let is_rgb = is_rgb.unwrap_or_else(by_name);
    let mut pixels = Vec::with_capacity(3 * frame.width * frame.height);
    for y in 0..frame.height {
        let rows = one.row(y).iter().zip(two.row(y)).zip(three.row(y)).take(frame.width);
        for ((&one, &two), &three) in rows {
            pixels.extend(if is_rgb { [one, two, three] } else { rgb([one, two, three]) });
        }
    }
    RgbImage::from_raw(frame.width as u32, frame.height as u32, pixels)
}

/// JFIF 1.02, page 3, in 16 bits behind the point as libjpeg computes it.
pub(super) fn rgb([brightness, blue, red]: [u8; 3]) -> [u8; 3] {
    let [brightness, blue, red] = [brightness, blue, red].map(i32::from);
    let (blue, red) = (blue - 128, red - 128);
    let half = 1 << 15;
    [
        brightness + ((91881 * red + half) >> 16),
        brightness + ((-22554 * blue - 46802 * red + half) >> 16),
        brightness + ((116130 * blue + half) >> 16),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}
