//! Random changes of color, and blur.

use super::{check_probability, check_range, happens};
use crate::transform::{
    adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, gaussian_blur,
};
use rekindle_data::Random;

use crate::Picture;

/// Other brightness, contrast, saturation and hue, in random order (torchvision's `ColorJitter`).
///
/// A range of nothing but what changes nothing leaves its step out.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ColorJitter {
    /// The least and the largest factor of the light, from 0 on; `[1, 1]` for none.
    pub brightness: [f64; 2],
    /// The least and the largest factor of the contrast, from 0 on; `[1, 1]` for none.
    pub contrast: [f64; 2],
    /// The least and the largest factor of the saturation, from 0 on; `[1, 1]` for none.
    pub saturation: [f64; 2],
    /// The least and the largest turn of the hue, in `[-0.5, 0.5]` of the circle; `[0, 0]` for none.
    pub hue: [f64; 2],
}

impl ColorJitter {
    /// Factors within so much of 1, and hues within so much of 0: torchvision's four arguments.
    pub const fn by(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Self {
        const fn around(share: f64) -> [f64; 2] {
            [if share < 1.0 { 1.0 - share } else { 0.0 }, 1.0 + share]
        }
        Self {
            brightness: around(brightness),
            contrast: around(contrast),
            saturation: around(saturation),
            hue: [-hue, hue],
        }
    }

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_range("brightness", self.brightness, [0.0, f64::MAX], problems);
        check_range("contrast", self.contrast, [0.0, f64::MAX], problems);
        check_range("saturation", self.saturation, [0.0, f64::MAX], problems);
        check_range("hue", self.hue, [-0.5, 0.5], problems);
    }

    pub(super) fn apply(&self, picture: Picture, random: &mut Random) -> Picture {
        type Step = fn(&Picture, f64) -> Picture;
        let mut steps: [(Step, [f64; 2], f64); 4] = [
            (adjust_brightness, self.brightness, 1.0),
            (adjust_contrast, self.contrast, 1.0),
            (adjust_saturation, self.saturation, 1.0),
            (adjust_hue, self.hue, 0.0),
        ];
        random.shuffle(&mut steps);
        let steps = steps.into_iter().filter(|(_, range, nothing)| *range != [*nothing; 2]);
        steps.fold(picture, |picture, (step, [low, high], _)| {
            step(&picture, random.between(low, high))
        })
    }
}

/// A blur of random width (torchvision's `GaussianBlur` under `RandomApply`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomBlur {
    /// The probability that a picture is blurred, in `[0, 1]`.
    pub probability: f64,
    /// The pixels along each axis that are blended, odd.
    pub kernel: usize,
    /// The least and the largest width of the bell curve in pixels, above 0.
    pub sigma: [f64; 2],
}

impl RandomBlur {
    /// SimCLR's (Chen et al., 2020, appendix A): half of the time, by 0.1 to 2 pixels, a tenth of an input of 224 wide.
    pub const STANDARD: Self = Self { probability: 0.5, kernel: 23, sigma: [0.1, 2.0] };

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_probability("blur's probability", self.probability, problems);
        check_range("blur's sigma", self.sigma, [f64::MIN_POSITIVE, f64::MAX], problems);
        if self.kernel.is_multiple_of(2) {
            problems.push(format!("blur's kernel is {}, not odd", self.kernel));
        }
    }

    pub(super) fn apply(&self, picture: Picture, random: &mut Random) -> Picture {
        if !happens(self.probability, random) {
            return picture;
        }
        gaussian_blur(&picture, self.kernel, random.between(self.sigma[0], self.sigma[1]))
    }
}
