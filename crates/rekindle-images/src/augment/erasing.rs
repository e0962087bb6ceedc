//! Random erasing of the normalised input.

use super::{check_probability, check_range, happens};
use crate::transform::erase;
use rekindle_data::Random;

use crate::Rectangle;

/// Tries before an input stays whole, as in torchvision's `RandomErasing`.
const TRIES: usize = 10;

/// A rectangle of the input that is overwritten (Zhong et al., "Random erasing data augmentation", 2020; torchvision's
/// `RandomErasing`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomErasing {
    /// The probability that an input loses a rectangle, in `[0, 1]`.
    pub probability: f64,
    /// The least and the largest area, as fractions of the input's, in `(0, 1]`.
    pub area: [f64; 2],
    /// The least and the largest ratio of height to width, above 0.
    pub ratio: [f64; 2],
    /// What is written there.
    pub erasure: Erasure,
}

/// What is written over a rectangle of the normalised input.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub enum Erasure {
    /// One value all over; 0 is the mean color.
    Constant(f32),
    /// Noise of mean 0 and variance 1: torchvision's `random`, timm's `pixel`.
    Noise,
}

impl RandomErasing {
    /// torchvision's default.
    pub const STANDARD: Self = Self {
        probability: 0.5,
        area: [0.02, 0.33],
        ratio: [0.3, 3.3],
        erasure: Erasure::Constant(0.0),
    };

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_probability("erasing's probability", self.probability, problems);
        check_range("erasing's area", self.area, [f64::MIN_POSITIVE, 1.0], problems);
        check_range("erasing's ratio", self.ratio, [f64::MIN_POSITIVE, f64::MAX], problems);
        if matches!(self.erasure, Erasure::Constant(value) if !value.is_finite()) {
            problems.push(format!("erasing's erasure is {:?}, not finite", self.erasure));
        }
    }

    pub(super) fn apply(&self, input: &mut [f32], shape: [usize; 3], random: &mut Random) {
        if !happens(self.probability, random) {
            return;
        }
        if let Some(part) = self.draw(shape, random) {
            erase(input, shape, part, || match self.erasure {
                Erasure::Constant(value) => value,
                Erasure::Noise => random.normal() as f32,
            });
        }
    }

    /// A rectangle that leaves something of both axes, if one is found.
    pub(super) fn draw(&self, shape: [usize; 3], random: &mut Random) -> Option<Rectangle> {
        let [_, height, width] = shape;
        let side = |square: f64| square.sqrt().round_ties_even() as usize;
        (0..TRIES).find_map(|_| {
            let area = (height * width) as f64 * random.between(self.area[0], self.area[1]);
            let ratio = random.between(self.ratio[0].ln(), self.ratio[1].ln()).exp();
            let [rows, columns] = [side(area * ratio), side(area / ratio)];
            (rows < height && columns < width).then(|| Rectangle {
                top: random.below(height - rows + 1),
                left: random.below(width - columns + 1),
                height: rows,
                width: columns,
            })
        })
    }
}
