//! Random crops and flips for training, decided by (seed, epoch, index) alone.

use crate::preprocess::Mirror;
use crate::resize::Rectangle;
use crate::{Error, Picture, Preprocess, Random};

/// Tries before a crop falls back to the center, as in torchvision's `RandomResizedCrop`.
const TRIES: usize = 10;

/// What is drawn anew for each picture in each epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Augment {
    /// The crop; without one, that of the evaluation.
    pub crop: Option<RandomCrop>,
    /// The probability that a picture is mirrored left to right, in `[0, 1]`.
    pub flip: f64,
}

/// A crop of random area and aspect ratio, stretched to the input (torchvision's `RandomResizedCrop`).
#[derive(Debug, Clone, PartialEq)]
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

impl Augment {
    /// Nothing is drawn: the evaluation's input.
    pub const NONE: Self = Self { crop: None, flip: 0.0 };
    /// The evaluation's crop, mirrored half of the time.
    pub const FLIP: Self = Self { crop: None, flip: 0.5 };
    /// A random crop, mirrored half of the time: ImageNet's training.
    pub const STANDARD: Self = Self { crop: Some(RandomCrop::STANDARD), flip: 0.5 };

    /// Whether every draw gives the evaluation's input.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Checks that every field is in its range.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] lists each one that is not.
    pub fn validate(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.flip) {
            problems.push(format!("flip is {}, not a probability in [0, 1]", self.flip));
        }
        if let Some(RandomCrop { area: [least, largest], ratio: [narrow, wide] }) = &self.crop {
            if !(0.0 < *least && least <= largest && *largest <= 1.0) {
                problems.push(format!("area is {least} to {largest}, not a range in (0, 1]"));
            }
            if !(0.0 < *narrow && narrow <= wide && wide.is_finite()) {
                problems.push(format!("ratio is {narrow} to {wide}, not a range above 0"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Augment { problems }) }
    }

    /// An input `[channels, height, width]` as `random` draws it.
    ///
    /// # Errors
    ///
    /// Those of [`Augment::validate`] and [`Preprocess::apply`].
    pub fn apply(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        random: &mut Random,
    ) -> Result<Vec<f32>, Error> {
        let mut out = vec![0.0; preprocess.shape().iter().product()];
        self.apply_into(picture, preprocess, random, &mut out)?;
        Ok(out)
    }

    /// How many rows from the top of a picture [`Augment::apply`] looks at, with chance in the same state.
    pub(crate) fn rows(&self, height: usize, width: usize, random: &mut Random) -> usize {
        match self.crop.as_ref().map(|crop| crop.draw(height, width, random)) {
            Some(part) => part.top + part.height,
            None => height,
        }
    }

    /// [`Augment::apply`], written to `out`.
    pub(crate) fn apply_into(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        random: &mut Random,
        out: &mut [f32],
    ) -> Result<(), Error> {
        self.validate()?;
        let crop =
            self.crop.as_ref().map(|crop| crop.draw(picture.height(), picture.width(), random));
        let mirror = if random.unit() < self.flip { Mirror::Yes } else { Mirror::No };
        match crop {
            Some(part) => preprocess.stretch(picture, part, mirror, out),
            None => preprocess.evaluate(picture, mirror, out),
        }
    }
}

impl RandomCrop {
    fn draw(&self, height: usize, width: usize, random: &mut Random) -> Rectangle {
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

#[cfg(test)]
mod tests;
