//! Policies that draw operations: RandAugment, TrivialAugment, AugMix.

use super::space::{AUG_MIX, RAND_AUGMENT, Row, TRIVIAL_AUGMENT_WIDE};
use crate::transform::Warp;
use rekindle_data::Random;

use crate::Picture;

/// How operations are drawn.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub enum Policy {
    /// A few operations of one magnitude.
    RandAugment(RandAugment),
    /// One operation of any magnitude.
    TrivialAugmentWide(TrivialAugmentWide),
    /// A blend of several chains of operations.
    AugMix(AugMix),
}

/// A few operations of one magnitude (Cubuk et al., "RandAugment", 2020; torchvision's `RandAugment`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandAugment {
    /// Operations in a row: the paper's N, torchvision's `num_ops`.
    pub operations: usize,
    /// The strength, below `bins`: the paper's M.
    pub magnitude: usize,
    /// Steps from the weakest to the strongest, at least 2: torchvision's `num_magnitude_bins`.
    pub bins: usize,
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

/// One operation of any magnitude (Müller and Hutter, "TrivialAugment", 2021; torchvision's `TrivialAugmentWide`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TrivialAugmentWide {
    /// Steps from the weakest to the strongest, at least 2: torchvision's `num_magnitude_bins`.
    pub bins: usize,
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

/// The picture blended with several chains of operations on it (Hendrycks et al., "AugMix", 2020; torchvision's `AugMix`).
///
/// torchvision takes the operations of its tensor backend, this those of its PIL backend, like the other policies. The paper's
/// loss of three views at once is no part of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AugMix {
    /// The strength, 1 to 10: each operation is drawn from so many of the weakest of ten magnitudes.
    pub severity: usize,
    /// Chains: torchvision's `mixture_width`.
    pub chains: usize,
    /// The least and the largest number of operations of a chain: torchvision's `chain_depth`.
    pub depth: [usize; 2],
    /// How even the weights of the chains are, above 0: the parameter of a Dirichlet distribution.
    pub alpha: f64,
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

impl RandAugment {
    /// torchvision's default.
    pub const STANDARD: Self = Self { operations: 2, magnitude: 9, bins: 31, warp: Warp::NEAREST };
}

impl TrivialAugmentWide {
    /// torchvision's default.
    pub const STANDARD: Self = Self { bins: 31, warp: Warp::NEAREST };
}

impl AugMix {
    /// torchvision's default.
    pub const STANDARD: Self =
        Self { severity: 3, chains: 3, depth: [1, 3], alpha: 1.0, warp: Warp::BILINEAR };
    /// Steps from the weakest to the strongest magnitude.
    const BINS: usize = 10;
}

impl Policy {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        match self {
            Self::RandAugment(RandAugment { magnitude, bins, .. }) => {
                if *bins < 2 || magnitude >= bins {
                    problems.push(format!(
                        "RandAugment's magnitude is {magnitude} of {bins} bins, not below at least 2"
                    ));
                }
            }
            Self::TrivialAugmentWide(TrivialAugmentWide { bins, .. }) => {
                if *bins < 2 {
                    problems.push(format!("TrivialAugmentWide's bins are {bins}, not at least 2"));
                }
            }
            Self::AugMix(AugMix { severity, chains, depth: [least, most], alpha, .. }) => {
                if !(1..=AugMix::BINS).contains(severity) {
                    problems.push(format!("AugMix's severity is {severity}, not 1 to 10"));
                }
                if *chains == 0 {
                    problems.push("AugMix's chains are 0, not at least 1".to_owned());
                }
                if *least == 0 || least > most {
                    problems
                        .push(format!("AugMix's depth is {least} to {most}, not a range from 1"));
                }
                if !(*alpha > 0.0 && alpha.is_finite()) {
                    problems.push(format!("AugMix's alpha is {alpha}, not above 0"));
                }
            }
        }
    }

    pub(super) fn apply(&self, picture: Picture, random: &mut Random) -> Picture {
        match self {
            Self::RandAugment(RandAugment { operations, magnitude, bins, warp }) => {
                (0..*operations).fold(picture, |picture, _| {
                    drawn(&picture, RAND_AUGMENT, *bins, |_| *magnitude, warp, random)
                })
            }
            Self::TrivialAugmentWide(TrivialAugmentWide { bins, warp }) => {
                let any = |random: &mut Random| random.below(*bins);
                drawn(&picture, TRIVIAL_AUGMENT_WIDE, *bins, any, warp, random)
            }
            Self::AugMix(mix) => mix.apply(&picture, random),
        }
    }
}

/// The picture changed by one of `rows`, at a step that `step` draws.
fn drawn(
    picture: &Picture,
    rows: &[Row],
    bins: usize,
    step: impl Fn(&mut Random) -> usize,
    warp: &Warp,
    random: &mut Random,
) -> Picture {
    let (operation, magnitudes, sign) = rows[random.below(rows.len())];
    let size = [picture.height(), picture.width()];
    let magnitude = magnitudes.at(step(random), bins, size);
    operation.apply(picture, sign.draw(random) * magnitude, warp)
}

impl AugMix {
    fn apply(&self, picture: &Picture, random: &mut Random) -> Picture {
        let both = weights(self.alpha, 2, random);
        let shares = weights(self.alpha, self.chains, random);
        let chains = shares.into_iter().map(|share| (share * both[1], self.chain(picture, random)));
        let chains: Vec<(f32, Picture)> = chains.collect();
        blend(picture, both[0], &chains)
    }

    fn chain(&self, picture: &Picture, random: &mut Random) -> Picture {
        let [least, most] = self.depth;
        let depth = least + random.below(most - least + 1);
        let weak = |random: &mut Random| random.below(self.severity);
        (0..depth).fold(picture.clone(), |picture, _| {
            drawn(&picture, AUG_MIX, Self::BINS, weak, &self.warp, random)
        })
    }
}

/// A weighted sum in 32 bits of a picture and others of its size, the fraction dropped as torchvision does.
pub(super) fn blend(picture: &Picture, weight: f32, others: &[(f32, Picture)]) -> Picture {
    let mut sums: Vec<f32> =
        picture.pixels().iter().map(|&value| weight * f32::from(value)).collect();
    for (weight, other) in others {
        let values = sums.iter_mut().zip(other.pixels());
        values.for_each(|(sum, &value)| *sum += weight * f32::from(value));
    }
    let pixels = sums.into_iter().map(|sum| sum as u8).collect();
    Picture::of(picture.width(), picture.height(), picture.channels(), pixels)
}

/// Weights of sum 1: a draw of a symmetric Dirichlet distribution.
fn weights(alpha: f64, count: usize, random: &mut Random) -> Vec<f32> {
    // Never all 0, however small alpha.
    let draws: Vec<f64> = (0..count).map(|_| random.gamma(alpha).max(f64::MIN_POSITIVE)).collect();
    let sum: f64 = draws.iter().sum();
    draws.into_iter().map(|draw| (draw / sum) as f32).collect()
}
