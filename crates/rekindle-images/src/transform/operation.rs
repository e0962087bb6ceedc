//! The operations that AutoAugment and its successors draw from, by torchvision's names.

use super::{
    Affine, Warp, adjust_brightness, adjust_contrast, adjust_saturation, adjust_sharpness, affine,
    autocontrast, equalize, invert, posterize, rotate, solarize,
};
use crate::Picture;

/// A change whose strength is one number (Cubuk et al., "AutoAugment", 2019, table 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Changes nothing.
    Identity,
    /// Shears along x around the top left corner; 1 is 45 degrees.
    ShearX,
    /// Shears along y around the top left corner; 1 is 45 degrees.
    ShearY,
    /// Shifts to the right by whole pixels.
    TranslateX,
    /// Shifts down by whole pixels.
    TranslateY,
    /// Rotates counterclockwise, in degrees.
    Rotate,
    /// Brightness times 1 and the magnitude.
    Brightness,
    /// Saturation times 1 and the magnitude.
    Color,
    /// Contrast times 1 and the magnitude.
    Contrast,
    /// Sharpness of 1 and the magnitude.
    Sharpness,
    /// Keeps so many bits.
    Posterize,
    /// Inverts values from so much on.
    Solarize,
    /// Stretches each channel; has no magnitude.
    AutoContrast,
    /// Spreads each channel evenly; has no magnitude.
    Equalize,
    /// Turns light to dark; has no magnitude.
    Invert,
}

impl Operation {
    /// The picture changed by a magnitude (torchvision's `autoaugment._apply_op`, PIL backend).
    ///
    /// # Panics
    ///
    /// If more than 8 bits are to be kept.
    pub fn apply(self, picture: &Picture, magnitude: f64, warp: &Warp) -> Picture {
        let sheared = |shear: [f64; 2]| {
            let shear = shear.map(|slope| slope.atan().to_degrees());
            affine(picture, &Affine { shear, center: Some([0.0; 2]), ..Affine::IDENTITY }, warp)
        };
        let shifted = |translate: [f64; 2]| {
            let translate = translate.map(f64::trunc);
            affine(picture, &Affine { translate, ..Affine::IDENTITY }, warp)
        };
        match self {
            Self::Identity => picture.clone(),
            Self::ShearX => sheared([magnitude, 0.0]),
            Self::ShearY => sheared([0.0, magnitude]),
            Self::TranslateX => shifted([magnitude, 0.0]),
            Self::TranslateY => shifted([0.0, magnitude]),
            Self::Rotate => rotate(picture, magnitude, warp),
            Self::Brightness => adjust_brightness(picture, 1.0 + magnitude),
            Self::Color => adjust_saturation(picture, 1.0 + magnitude),
            Self::Contrast => adjust_contrast(picture, 1.0 + magnitude),
            Self::Sharpness => adjust_sharpness(picture, 1.0 + magnitude),
            Self::Posterize => posterize(picture, magnitude as u32),
            Self::Solarize => solarize(picture, magnitude),
            Self::AutoContrast => autocontrast(picture),
            Self::Equalize => equalize(picture),
            Self::Invert => invert(picture),
        }
    }
}
