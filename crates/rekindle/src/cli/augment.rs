//! Augmentations by name.

use clap::ValueEnum;
use rekindle::data::{Augment, RandomCrop};

/// What is drawn for each picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Augmentation {
    /// The evaluation's crop.
    None,
    /// The evaluation's crop, mirrored half of the time.
    Flip,
    /// A random crop of at least a third of the picture, mirrored half of the time.
    Crop,
    /// A random crop of at least a twelfth, as ImageNet is trained on.
    Standard,
}

impl Augmentation {
    pub(super) fn rows(self) -> Augment {
        match self {
            Self::None => Augment::NONE,
            Self::Flip => Augment::FLIP,
            Self::Crop => Augment {
                crop: Some(RandomCrop { area: [0.35, 1.0], ..RandomCrop::STANDARD }),
                flip: 0.5,
            },
            Self::Standard => Augment::STANDARD,
        }
    }
}
