//! Random rotations, affine maps and perspectives.

use super::{check_probability, check_range, happens};
use crate::transform::{Affine, Warp, affine, perspective, rotate};
use rekindle_data::Random;

use crate::Picture;

/// All angles.
const CIRCLE: [f64; 2] = [-360.0, 360.0];

/// A rotation around the middle (torchvision's `RandomRotation`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomRotation {
    /// The least and the largest angle, counterclockwise in degrees.
    pub degrees: [f64; 2],
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

impl RandomRotation {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_range("rotation's degrees", self.degrees, CIRCLE, problems);
    }

    pub(super) fn apply(&self, picture: &Picture, random: &mut Random) -> Picture {
        rotate(picture, random.between(self.degrees[0], self.degrees[1]), &self.warp)
    }
}

/// A rotation, shift, scale and shear (torchvision's `RandomAffine`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomAffine {
    /// The least and the largest angle, clockwise in degrees.
    pub degrees: [f64; 2],
    /// The largest shift along x and along y, as shares of the width and the height, in `[0, 1]`.
    pub translate: [f64; 2],
    /// The least and the largest scale, above 0.
    pub scale: [f64; 2],
    /// The least and the largest shear along x, in degrees, between -90 and 90.
    pub shear_x: [f64; 2],
    /// The least and the largest shear along y, in degrees, between -90 and 90.
    pub shear_y: [f64; 2],
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

impl RandomAffine {
    /// Nothing moves: what a recipe starts from.
    pub const IDENTITY: Self = Self {
        degrees: [0.0; 2],
        translate: [0.0; 2],
        scale: [1.0; 2],
        shear_x: [0.0; 2],
        shear_y: [0.0; 2],
        warp: Warp::BILINEAR,
    };

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_range("affine's degrees", self.degrees, CIRCLE, problems);
        check_range("affine's scale", self.scale, [f64::MIN_POSITIVE, f64::MAX], problems);
        // At a right angle a picture is a line.
        check_range("affine's shear_x", self.shear_x, [-89.0, 89.0], problems);
        check_range("affine's shear_y", self.shear_y, [-89.0, 89.0], problems);
        if !self.translate.iter().all(|share| (0.0..=1.0).contains(share)) {
            problems.push(format!("affine's translate is {:?}, not in [0, 1]", self.translate));
        }
    }

    pub(super) fn apply(&self, picture: &Picture, random: &mut Random) -> Picture {
        let sides = [picture.width(), picture.height()];
        let mut between = |[low, high]: [f64; 2]| random.between(low, high);
        let degrees = between(self.degrees);
        let translate = [0, 1].map(|axis| {
            let most = self.translate[axis] * sides[axis] as f64;
            between([-most, most]).round_ties_even()
        });
        let scale = between(self.scale);
        let shear = [between(self.shear_x), between(self.shear_y)];
        affine(picture, &Affine { degrees, translate, scale, shear, center: None }, &self.warp)
    }
}

/// A tilt: each corner moves inwards by chance (torchvision's `RandomPerspective`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct RandomPerspective {
    /// The probability that a picture is tilted, in `[0, 1]`.
    pub probability: f64,
    /// How far a corner may move, as a share of the way to the middle, in `[0, 1]`: torchvision's `distortion_scale`.
    pub distortion: f64,
    /// How the picture is read, and what is seen beside it.
    pub warp: Warp,
}

impl RandomPerspective {
    /// torchvision's default: half of the time, by up to half of the way.
    pub const STANDARD: Self = Self { probability: 0.5, distortion: 0.5, warp: Warp::BILINEAR };

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        check_probability("perspective's probability", self.probability, problems);
        if !(0.0..=1.0).contains(&self.distortion) {
            problems
                .push(format!("perspective's distortion is {}, not in [0, 1]", self.distortion));
        }
    }

    pub(super) fn apply(&self, picture: Picture, random: &mut Random) -> Picture {
        if !happens(self.probability, random) {
            return picture;
        }
        let [right, bottom] = [picture.width() - 1, picture.height() - 1].map(|last| last as f64);
        let from = [[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]];
        let sides = [picture.width(), picture.height()];
        let to = from.map(|corner| {
            [0, 1].map(|axis| {
                let most = (self.distortion * (sides[axis] / 2) as f64) as usize;
                let inwards = random.below(most + 1) as f64;
                if corner[axis] > 0.0 { corner[axis] - inwards } else { inwards }
            })
        });
        perspective(&picture, &from, &to, &self.warp)
    }
}
