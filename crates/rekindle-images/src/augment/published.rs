//! How published checkpoints were augmented in their training, by timm's tag.
//!
//! | tag | source |
//! |---|---|
//! | `tv_in1k` | torchvision's references of 2016, which AlexNet's and VGG's papers began |
//! | `tv2_in1k` | Vryniotis, "How to Train State-Of-The-Art Models Using TorchVision's Latest Primitives", 2021 |
//! | `a1_in1k`, `a2_in1k`, `a3_in1k` | Wightman et al., "ResNet strikes back", 2021, table 2, <https://arxiv.org/abs/2110.00476> |
//!
//! RandAugment is torchvision's at the magnitude of the table; timm's varies it by a deviation of 0.5 beside that. Mixup and
//! cutmix, which all but the first add, blend batches and are no part of it.

use super::{Augment, Policy, RandAugment, RandomErasing, TrivialAugmentWide};
use crate::transform::Warp;

const fn rand_augment(magnitude: usize) -> Augment {
    let rand_augment = RandAugment { magnitude, warp: Warp::BILINEAR, ..RandAugment::STANDARD };
    Augment { policy: Some(Policy::RandAugment(rand_augment)), ..Augment::STANDARD }
}

const PUBLISHED: [(&str, Augment); 5] = [
    ("tv_in1k", Augment::STANDARD),
    (
        "tv2_in1k",
        Augment {
            policy: Some(Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD)),
            erasing: Some(RandomErasing { probability: 0.1, ..RandomErasing::STANDARD }),
            ..Augment::STANDARD
        },
    ),
    ("a1_in1k", rand_augment(7)),
    ("a2_in1k", rand_augment(7)),
    ("a3_in1k", rand_augment(6)),
];

impl Augment {
    /// What a checkpoint of this tag was augmented with in its training, where that was published and is known here.
    ///
    /// ```
    /// use rekindle_images::Augment;
    ///
    /// assert_eq!(Augment::of_checkpoint("tv_in1k"), Some(Augment::STANDARD));
    /// ```
    pub fn of_checkpoint(tag: &str) -> Option<Self> {
        PUBLISHED.iter().find(|row| row.0 == tag).map(|row| row.1.clone())
    }

    /// The tags that [`Augment::of_checkpoint`] knows.
    pub fn published() -> impl Iterator<Item = &'static str> {
        PUBLISHED.iter().map(|row| row.0)
    }
}
