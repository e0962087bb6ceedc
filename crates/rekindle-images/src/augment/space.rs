//! The operations of each policy and their magnitudes: the tables of torchvision's `_augmentation_space`.

use crate::transform::Operation;
use rekindle_data::Random;

/// An operation, its magnitudes from the weakest to the strongest, and whether half of the draws are the other way round.
pub(super) type Row = (Operation, Magnitudes, Sign);

/// The magnitudes of an operation, in so many even steps.
#[derive(Debug, Clone, Copy)]
pub(super) enum Magnitudes {
    /// It has none.
    Without,
    /// From one number to another.
    Linear(f64, f64),
    /// From 0 to a share of the width.
    Width(f64),
    /// From 0 to a share of the height.
    Height(f64),
    /// From so many bits to so many fewer.
    Bits(u32, u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Either,
}

use Magnitudes::{Bits, Height, Linear, Width, Without};
use Operation::{
    AutoContrast, Brightness, Color, Contrast, Equalize, Identity, Posterize, Rotate, Sharpness,
    ShearX, ShearY, Solarize, TranslateX, TranslateY,
};
use Sign::{Either, Plus};

/// RandAugment (Cubuk et al., 2020): 14 operations in the ranges of AutoAugment (2019, table 6), whose shifts were up to 150 of
/// 331 pixels.
pub(super) const RAND_AUGMENT: &[Row] = &[
    (Identity, Without, Plus),
    (ShearX, Linear(0.0, 0.3), Either),
    (ShearY, Linear(0.0, 0.3), Either),
    (TranslateX, Width(150.0 / 331.0), Either),
    (TranslateY, Height(150.0 / 331.0), Either),
    (Rotate, Linear(0.0, 30.0), Either),
    (Brightness, Linear(0.0, 0.9), Either),
    (Color, Linear(0.0, 0.9), Either),
    (Contrast, Linear(0.0, 0.9), Either),
    (Sharpness, Linear(0.0, 0.9), Either),
    (Posterize, Bits(8, 4), Plus),
    (Solarize, Linear(255.0, 0.0), Plus),
    (AutoContrast, Without, Plus),
    (Equalize, Without, Plus),
];

/// TrivialAugment (Müller and Hutter, 2021, table 1, "Wide").
pub(super) const TRIVIAL_AUGMENT_WIDE: &[Row] = &[
    (Identity, Without, Plus),
    (ShearX, Linear(0.0, 0.99), Either),
    (ShearY, Linear(0.0, 0.99), Either),
    (TranslateX, Linear(0.0, 32.0), Either),
    (TranslateY, Linear(0.0, 32.0), Either),
    (Rotate, Linear(0.0, 135.0), Either),
    (Brightness, Linear(0.0, 0.99), Either),
    (Color, Linear(0.0, 0.99), Either),
    (Contrast, Linear(0.0, 0.99), Either),
    (Sharpness, Linear(0.0, 0.99), Either),
    (Posterize, Bits(8, 6), Plus),
    (Solarize, Linear(255.0, 0.0), Plus),
    (AutoContrast, Without, Plus),
    (Equalize, Without, Plus),
];

/// AugMix (Hendrycks et al., 2020, section 3), with torchvision's `all_ops`.
pub(super) const AUG_MIX: &[Row] = &[
    (ShearX, Linear(0.0, 0.3), Either),
    (ShearY, Linear(0.0, 0.3), Either),
    (TranslateX, Width(1.0 / 3.0), Either),
    (TranslateY, Height(1.0 / 3.0), Either),
    (Rotate, Linear(0.0, 30.0), Either),
    (Posterize, Bits(4, 4), Plus),
    (Solarize, Linear(255.0, 0.0), Plus),
    (AutoContrast, Without, Plus),
    (Equalize, Without, Plus),
    (Brightness, Linear(0.0, 0.9), Either),
    (Color, Linear(0.0, 0.9), Either),
    (Contrast, Linear(0.0, 0.9), Either),
    (Sharpness, Linear(0.0, 0.9), Either),
];

impl Magnitudes {
    /// The magnitude of a step below `bins`, for a picture of that size, in 32 bits as torch computes it.
    pub(super) fn at(self, step: usize, bins: usize, [height, width]: [usize; 2]) -> f64 {
        let linear = |low: f64, high: f64| {
            let (low, high) = (low as f32, high as f32);
            let width = (high - low) / (bins - 1) as f32;
            // From the nearer end, rounded once, as torch.linspace: 16 pixels may be 15.999999, of which 15 are left.
            let value = if step < bins / 2 {
                width.mul_add(step as f32, low)
            } else {
                (-width).mul_add((bins - 1 - step) as f32, high)
            };
            f64::from(value)
        };
        match self {
            Without => 0.0,
            Linear(low, high) => linear(low, high),
            Width(share) => linear(0.0, share * width as f64),
            Height(share) => linear(0.0, share * height as f64),
            Bits(most, fewer) => {
                let a_bit = ((bins - 1) as f64 / f64::from(fewer)) as f32;
                f64::from(most as f32 - (step as f32 / a_bit).round_ties_even())
            }
        }
    }
}

impl Sign {
    pub(super) fn draw(self, random: &mut Random) -> f64 {
        if self == Either && random.below(2) == 1 { -1.0 } else { 1.0 }
    }
}
