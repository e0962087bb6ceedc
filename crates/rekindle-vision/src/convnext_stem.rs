//! How ConvNeXt reads a picture: patches as in Liu et al. 2022, <https://arxiv.org/abs/2201.03545>, or timm's overlapping windows.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, LayerNorm, LayerNormConfig, Padding,
};

use crate::{convnext_block::convolved, widths::multiple_of_8};

/// How the image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// One convolution over patches of 4x4.
    Patches,
    /// Two 3x3 convolutions.
    Overlapping,
    /// The same, the first of about half the channels.
    Tiered,
}

/// The layers of a stem.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one")]
pub(crate) enum StemLayers {
    Patches((Conv2d, LayerNorm)),
    Overlapping((Conv2d, Conv2d, LayerNorm)),
}

impl Stem {
    /// From channels of the image to those of the first stage.
    pub(crate) fn init(
        self,
        [channels_in, width]: [usize; 2],
        epsilon: f64,
        device: &Device,
    ) -> StemLayers {
        let norm = LayerNormConfig::new(width, epsilon).init(device);
        let inside = match self {
            Self::Patches => {
                return StemLayers::Patches((patches([channels_in, width], 4, device), norm));
            }
            Self::Overlapping => width,
            Self::Tiered => multiple_of_8(width as f64 / 2.0),
        };
        let conv = |channels| {
            let config = Conv2dConfig { stride: 2, ..Conv2dConfig::new(channels, 3) };
            convolved(config, device)
        };
        StemLayers::Overlapping((conv([channels_in, inside]), conv([inside, width]), norm))
    }
}

/// A convolution over patches that do not meet.
pub(crate) fn patches(channels: [usize; 2], side: usize, device: &Device) -> Conv2d {
    let padding = Padding::Valid;
    let config = Conv2dConfig { stride: side, padding, ..Conv2dConfig::new(channels, side) };
    convolved(config, device)
}

impl StemLayers {
    /// `[batch, channels_in, height, width]` to `[batch, width, height / 4, width / 4]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let unit = |conv| ConvNormAct::new(conv, None, Activation::Identity);
        match self {
            Self::Patches((conv, norm)) => norm.forward_map(unit(conv).forward(x)),
            Self::Overlapping((first, second, norm)) => {
                norm.forward_map(unit(second).forward(unit(first).forward(x)))
            }
        }
    }
}
