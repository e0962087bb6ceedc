//! What is drawn anew for each picture in each epoch, decided by (seed, epoch, index) alone.
//!
//! The steps of [`Augment`], in the order in which they are drawn and applied:
//!
//! | field | torchvision, timm | on |
//! |---|---|---|
//! | `crop` | `RandomResizedCrop` | the picture |
//! | `flip`, `vertical_flip` | `RandomHorizontalFlip`, `RandomVerticalFlip` | the crop, 8 bits, resized to the input |
//! | `rotation`, `affine`, `perspective` | `RandomRotation`, `RandomAffine`, `RandomPerspective` | the same |
//! | `policy` | `RandAugment`, `TrivialAugmentWide`, `AugMix` | the same |
//! | `jitter`, `grayscale`, `blur` | `ColorJitter`, `RandomGrayscale`, `GaussianBlur` | the same |
//! | `erasing` | `RandomErasing` | the normalised input |

mod color;
mod crop;
mod erasing;
mod geometry;
mod policy;
mod published;
mod space;

pub use color::{ColorJitter, RandomBlur};
pub use crop::RandomCrop;
pub use erasing::{Erasure, RandomErasing};
pub use geometry::{RandomAffine, RandomPerspective, RandomRotation};
pub use policy::{AugMix, Policy, RandAugment, TrivialAugmentWide};

use crate::preprocess::Mirror;
use crate::transform::{Warp, hflip, to_grayscale, vflip};
use rekindle_data::{Random, TargetKind, Views};

use crate::{Error, Picture, Preprocess};

/// What is drawn anew for each picture in each epoch, in the order of its fields.
///
/// A recipe of one's own is a preset with other fields:
///
/// ```
/// use rekindle_images::{Augment, Policy, TrivialAugmentWide};
///
/// let recipe = Augment {
///     policy: Some(Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD)),
///     vertical_flip: 0.5,
///     ..Augment::STANDARD
/// };
/// assert!(recipe.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Augment {
    /// The crop; without one, that of the evaluation.
    pub crop: Option<RandomCrop>,
    /// The probability that a picture is mirrored left to right, in `[0, 1]`.
    pub flip: f64,
    /// The probability that a picture is mirrored top to bottom, in `[0, 1]`.
    pub vertical_flip: f64,
    /// A rotation around the middle.
    pub rotation: Option<RandomRotation>,
    /// A rotation, shift, scale and shear.
    pub affine: Option<RandomAffine>,
    /// A tilt.
    pub perspective: Option<RandomPerspective>,
    /// Operations of AutoAugment's family.
    pub policy: Option<Policy>,
    /// Other brightness, contrast, saturation and hue.
    pub jitter: Option<ColorJitter>,
    /// The probability that a picture loses its color, in `[0, 1]`.
    pub grayscale: f64,
    /// A blur.
    pub blur: Option<RandomBlur>,
    /// A rectangle of the input that is overwritten.
    pub erasing: Option<RandomErasing>,
}

impl Augment {
    /// What is drawn unless something is asked for: nothing where numbers are learned, since a mirrored or cut picture may
    /// have others.
    pub const fn usual(kind: TargetKind) -> Self {
        match kind {
            TargetKind::Label | TargetKind::Labels => Self::FLIP,
            TargetKind::Numbers => Self::NONE,
        }
    }

    /// Nothing is drawn: the evaluation's input.
    pub const NONE: Self = Self {
        crop: None,
        flip: 0.0,
        vertical_flip: 0.0,
        rotation: None,
        affine: None,
        perspective: None,
        policy: None,
        jitter: None,
        grayscale: 0.0,
        blur: None,
        erasing: None,
    };
    /// The evaluation's crop, mirrored half of the time.
    pub const FLIP: Self = Self { flip: 0.5, ..Self::NONE };
    /// A crop of at least half of the picture, mirrored half of the time, with light, contrast and saturation changed by up
    /// to a tenth: for a few pictures, or fine-tuning of a head.
    pub const LIGHT: Self = Self {
        crop: Some(RandomCrop { area: [0.5, 1.0], ..RandomCrop::STANDARD }),
        jitter: Some(ColorJitter::by(0.1, 0.1, 0.1, 0.0)),
        ..Self::FLIP
    };
    /// A random crop, mirrored half of the time: ImageNet's training.
    pub const STANDARD: Self = Self { crop: Some(RandomCrop::STANDARD), ..Self::FLIP };
    /// [`Augment::STANDARD`], two operations of RandAugment at magnitude 9 of 30, and a rectangle of noise in a quarter of the
    /// inputs: for long runs on many pictures. Magnitude and probability are those of DeiT (Touvron et al., 2021, table 9).
    pub const STRONG: Self = Self {
        policy: Some(Policy::RandAugment(RandAugment {
            warp: Warp::BILINEAR,
            ..RandAugment::STANDARD
        })),
        erasing: Some(RandomErasing {
            probability: 0.25,
            erasure: Erasure::Noise,
            ..RandomErasing::STANDARD
        }),
        ..Self::STANDARD
    };

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
        let list = &mut problems;
        check_probability("flip", self.flip, list);
        check_probability("vertical_flip", self.vertical_flip, list);
        check_probability("grayscale", self.grayscale, list);
        self.crop.iter().for_each(|step| step.check(list));
        self.rotation.iter().for_each(|step| step.check(list));
        self.affine.iter().for_each(|step| step.check(list));
        self.perspective.iter().for_each(|step| step.check(list));
        self.policy.iter().for_each(|step| step.check(list));
        self.jitter.iter().for_each(|step| step.check(list));
        self.blur.iter().for_each(|step| step.check(list));
        self.erasing.iter().for_each(|step| step.check(list));
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
        if self.changes_pixels() {
            let picture = preprocess.seen(picture, crop)?;
            let picture = if mirror == Mirror::Yes { hflip(&picture) } else { picture };
            preprocess.normalise_whole(&self.change(picture, random), out);
        } else {
            // The usual way writes the input right after the resize.
            match crop {
                Some(part) => preprocess.stretch(picture, part, mirror, out)?,
                None => preprocess.evaluate(picture, mirror, out)?,
            }
        }
        if let Some(erasing) = &self.erasing {
            erasing.apply(out, preprocess.shape(), random);
        }
        Ok(())
    }

    /// What the network sees of a picture: the evaluation's input first, then as many drawn ones, as pictures again.
    ///
    /// They are those of the sample `index` in the first epochs of a [`Loader`](crate::Loader) of that seed.
    ///
    /// # Errors
    ///
    /// Those of [`Augment::apply`].
    pub fn views(
        &self,
        picture: &Picture,
        preprocess: &Preprocess,
        drawn: u64,
        [seed, index]: [u64; 2],
    ) -> Result<Vec<Picture>, Error> {
        let view = |view: u64| {
            let augment = if view == Views::PLAIN { &Self::NONE } else { self };
            let input = augment.apply(picture, preprocess, &mut Random::new(seed, view, index));
            Ok(preprocess.restore(&input?))
        };
        (0..=drawn).map(view).collect()
    }

    /// Whether there is a step between the flip and the normalised input.
    fn changes_pixels(&self) -> bool {
        let Self { crop, flip, erasing, .. } = self.clone();
        *self != Self { crop, flip, erasing, ..Self::NONE }
    }

    fn change(&self, picture: Picture, random: &mut Random) -> Picture {
        let mut picture = picture;
        if happens(self.vertical_flip, random) {
            picture = vflip(&picture);
        }
        if let Some(rotation) = &self.rotation {
            picture = rotation.apply(&picture, random);
        }
        if let Some(affine) = &self.affine {
            picture = affine.apply(&picture, random);
        }
        if let Some(perspective) = &self.perspective {
            picture = perspective.apply(picture, random);
        }
        if let Some(policy) = &self.policy {
            picture = policy.apply(picture, random);
        }
        if let Some(jitter) = &self.jitter {
            picture = jitter.apply(picture, random);
        }
        if happens(self.grayscale, random) {
            picture = to_grayscale(&picture);
        }
        if let Some(blur) = &self.blur {
            picture = blur.apply(picture, random);
        }
        picture
    }
}

/// Whether something of this probability happens; nothing is drawn for what never does.
fn happens(probability: f64, random: &mut Random) -> bool {
    probability > 0.0 && random.unit() < probability
}

fn check_probability(name: &str, probability: f64, problems: &mut Vec<String>) {
    if !(0.0..=1.0).contains(&probability) {
        problems.push(format!("{name} is {probability}, not a probability in [0, 1]"));
    }
}

/// Checks that a range is in order and within `least` and `most`.
fn check_range(
    name: &str,
    [low, high]: [f64; 2],
    [least, most]: [f64; 2],
    problems: &mut Vec<String>,
) {
    if !(least <= low && low <= high && high <= most) {
        problems.push(format!("{name} is {low} to {high}, not a range in [{least}, {most}]"));
    }
}

#[cfg(test)]
mod tests;
