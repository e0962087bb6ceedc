//! The universal inverted bottleneck of MobileNetV4: Qin et al. 2024, <https://arxiv.org/abs/2404.10518>, section 3.
//!
//! | `start` | `kernel` | is |
//! |---|---|---|
//! | 0 | 3, 5 | an inverted residual |
//! | 3, 5 | 0 | ConvNeXt's block |
//! | 3, 5 | 3, 5 | both: ExtraDW |
//! | 0 | 0 | two layers of a transformer: FFN |

use burn::prelude::*;
use rekindle_layers::{Activation, Conv2dConfig, DropPath, FeatureMap, LayerScale};

use crate::{
    antialias::Antialias,
    blocks::{BlockConfig, residual},
    unit::ConvNorm,
    widths::multiple_of_8,
};

/// Depthwise, pointwise, depthwise, pointwise; either depthwise convolution may be missing.
#[derive(Module, Debug)]
pub(crate) struct Universal {
    dw_start: Option<ConvNorm>,
    pw_exp: ConvNorm,
    dw_mid: Option<ConvNorm>,
    pw_proj: ConvNorm,
    layer_scale: Option<LayerScale>,
    drop_path: Option<DropPath>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    antialias: Antialias,
}

impl Universal {
    /// Whose first depthwise convolution is over `start` pixels; the row's kernel is of the second.
    pub(crate) fn new(config: &BlockConfig, start: usize, device: &Device) -> Self {
        let BlockConfig { row, channels_in, channels_out, stride, epsilon, .. } = *config;
        let inside = multiple_of_8(channels_in as f64 * row.expand);
        let conv = |channels, kernel| Conv2dConfig {
            padding: config.padding,
            ..Conv2dConfig::new(channels, kernel)
        };
        let pointwise = |channels| ConvNorm::new(conv(channels, 1), epsilon, device);
        let depthwise = |channels, kernel, stride| {
            let conv = Conv2dConfig { stride, groups: channels, ..conv([channels; 2], kernel) };
            (kernel > 0).then(|| ConvNorm::new(conv, epsilon, device))
        };
        // The last of the depthwise convolutions has the stride.
        let strides = if row.kernel == 0 { [stride, 1] } else { [1, config.strided()] };
        Self {
            dw_start: depthwise(channels_in, start, strides[0]),
            pw_exp: pointwise([channels_in, inside]),
            dw_mid: depthwise(inside, row.kernel, strides[1]),
            pw_proj: pointwise([inside, channels_out]),
            layer_scale: config.layer_scale(device),
            drop_path: config.drop_path(),
            activation: row.activation,
            antialias: config.halving(),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let inside = |x| {
            let x = match &self.dw_start {
                Some(start) => start.unit(Activation::Identity).forward(x),
                None => x,
            };
            let x = self.pw_exp.unit(self.activation).forward(x);
            match &self.dw_mid {
                Some(mid) => self.antialias.forward(mid.unit(self.activation).forward(x)),
                None => x,
            }
        };
        let last = self
            .pw_proj
            .unit(Activation::Identity)
            .scaled(self.layer_scale.as_ref().map(|scale| &scale.gamma));
        residual(self.drop_path.as_ref(), x, inside, &last)
    }
}
