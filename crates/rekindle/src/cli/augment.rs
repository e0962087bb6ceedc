//! Augmentations by name.

use anyhow::Context;
use clap::ValueEnum;
use rekindle::data::{
    AugMix, Augment, Policy, RandAugment, RandomCrop, TargetKind, TrivialAugmentWide,
};

/// What is drawn for each picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Augmentation {
    /// The evaluation's crop.
    None,
    /// The evaluation's crop, mirrored half of the time.
    Flip,
    /// A random crop of at least a third of the picture, mirrored half of the time.
    Crop,
    /// A random crop of at least half of the picture, mirrored half of the time, in slightly other colors.
    Light,
    /// A random crop of at least a twelfth, mirrored half of the time, as ImageNet is trained on.
    Standard,
    /// As standard, with RandAugment, and a rectangle of noise in a quarter of the inputs.
    Strong,
    /// As standard, then two operations of a middling strength.
    #[value(name = "randaugment")]
    RandAugment,
    /// As standard, then one operation of any strength.
    #[value(name = "trivialaugment")]
    TrivialAugment,
    /// As standard, then a blend of three chains of weak operations.
    #[value(name = "augmix")]
    AugMix,
    /// What the weights were augmented with in their own training, blending apart.
    Own,
}

impl Augmentation {
    /// What is drawn where this was asked for, or nothing was, to go on from weights of a tag.
    pub(super) fn or_usual(
        asked: Option<Self>,
        kind: TargetKind,
        tag: &str,
    ) -> anyhow::Result<Augment> {
        asked.map_or_else(|| Ok(Augment::usual(kind)), |asked| asked.rows(tag))
    }

    /// What is drawn, to go on from weights of this tag.
    pub(super) fn rows(self, tag: &str) -> anyhow::Result<Augment> {
        let with = |policy| Augment { policy: Some(policy), ..Augment::STANDARD };
        Ok(match self {
            Self::None => Augment::NONE,
            Self::Flip => Augment::FLIP,
            Self::Crop => Augment {
                crop: Some(RandomCrop { area: [0.35, 1.0], ..RandomCrop::STANDARD }),
                ..Augment::FLIP
            },
            Self::Light => Augment::LIGHT,
            Self::Standard => Augment::STANDARD,
            Self::Strong => Augment::STRONG,
            Self::RandAugment => with(Policy::RandAugment(RandAugment::STANDARD)),
            Self::TrivialAugment => with(Policy::TrivialAugmentWide(TrivialAugmentWide::STANDARD)),
            Self::AugMix => with(Policy::AugMix(AugMix::STANDARD)),
            Self::Own => Augment::of_checkpoint(tag).with_context(|| {
                let known = Augment::published().collect::<Vec<_>>().join(", ");
                format!("how weights of the tag `{tag}` were augmented is not known here, only of {known}; name another preset")
            })?,
        })
    }
}
