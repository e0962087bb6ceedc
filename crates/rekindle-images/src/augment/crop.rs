//! Crops of random area and aspect ratio.

use rekindle_data::Random;

use crate::Rectangle;

/// Tries before a crop falls back to the center, as in torchvision's `RandomResizedCrop`.
const TRIES: usize = 10;

/// A crop of random area and aspect ratio, stretched to the input (torchvision's `RandomResizedCrop`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomCrop {
    /// The least and the largest area, as fractions of the picture's, in `(0, 1]`.
    pub area: [f64; 2],
    /// The least and the largest ratio of width to height.
    pub ratio: [f64; 2],
}

impl RandomCrop {
    /// torchvision's and timm's default, Inception's: areas of 0.08 to 1, ratios of 3/4 to 4/3.
    pub const STANDARD: Self = Self { area: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };
}

impl RandomCrop {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        let Self { area: [least, largest], ratio: [narrow, wide] } = self;
        if !(0.0 < *least && least <= largest && *largest <= 1.0) {
            problems.push(format!("area is {least} to {largest}, not a range in (0, 1]"));
        }
        if !(0.0 < *narrow && narrow <= wide && wide.is_finite()) {
            problems.push(format!("ratio is {narrow} to {wide}, not a range above 0"));
        }
    }

    pub(super) fn draw(&self, height: usize, width: usize, random: &mut Random) -> Rectangle {
        let pixels = (height * width) as f64;
        let side = |square: f64| square.sqrt().round_ties_even() as usize;
        for _ in 0..TRIES {
            let area = pixels * random.between(self.area[0], self.area[1]);
            let ratio = random.between(self.ratio[0].ln(), self.ratio[1].ln()).exp();
            let (crop_width, crop_height) = (side(area * ratio), side(area / ratio));
            if (1..=width).contains(&crop_width) && (1..=height).contains(&crop_height) {
                let top = random.below(height - crop_height + 1);
                let left = random.below(width - crop_width + 1);
                return Rectangle { top, left, height: crop_height, width: crop_width };
            }
        }
        self.fallback(height, width)
    }

    /// The largest crop of the center whose ratio is in the range.
    fn fallback(&self, height: usize, width: usize) -> Rectangle {
        let ratio = width as f64 / height as f64;
        let [narrow, wide] = self.ratio;
        let (crop_height, crop_width) = if ratio < narrow {
            ((width as f64 / narrow).round_ties_even() as usize, width)
        } else if ratio > wide {
            (height, (height as f64 * wide).round_ties_even() as usize)
        } else {
            (height, width)
        };
        let (crop_height, crop_width) = (crop_height.clamp(1, height), crop_width.clamp(1, width));
        let (top, left) = ((height - crop_height) / 2, (width - crop_width) / 2);
        Rectangle { top, left, height: crop_height, width: crop_width }
    }
}
