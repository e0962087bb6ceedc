//! Attention whose heads share their keys and values: Shazeer 2019, <https://arxiv.org/abs/1911.02150>, as MobileNetV4 has it
//! (<https://arxiv.org/abs/2404.10518>, section 3).

use burn::{module::Initializer, prelude::*, tensor::activation::softmax};
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct, DropPath,
    FeatureMap, LayerScale,
};

use crate::blocks::{BlockConfig, MultiQueryConfig, residual};

/// A norm, attention over the places of a map, and a shortcut around both.
#[derive(Module, Debug)]
pub(crate) struct MobileAttention {
    norm: BatchNorm,
    attn: MultiQuery,
    layer_scale: Option<LayerScale>,
    drop_path: Option<DropPath>,
}

#[derive(Module, Debug)]
struct MultiQuery {
    query: Reduced,
    key: Reduced,
    value: Reduced,
    output: Reduced,
    heads: usize,
}

/// A pointwise convolution, behind one that makes the map smaller where it is to be.
#[derive(Module, Debug)]
struct Reduced {
    down_conv: Option<Conv2d>,
    norm: Option<BatchNorm>,
    proj: Conv2d,
}

impl MobileAttention {
    /// The row's kernel is of the convolutions that make the map smaller.
    pub(crate) fn new(config: &BlockConfig, of: MultiQueryConfig, device: &Device) -> Self {
        let BlockConfig { row, channels_in, channels_out, epsilon, padding, .. } = *config;
        let norm = || BatchNormConfig { channels: channels_in, epsilon }.init(device);
        let pointwise = |channels| xavier(Conv2dConfig::new(channels, 1), device);
        let whole = |channels| Reduced { down_conv: None, norm: None, proj: pointwise(channels) };
        let down = Conv2dConfig {
            stride: of.reduction,
            groups: channels_in,
            padding,
            ..Conv2dConfig::new([channels_in; 2], row.kernel)
        };
        let smaller = || Reduced {
            down_conv: (of.reduction > 1).then(|| xavier(down, device)),
            norm: (of.reduction > 1).then(norm),
            proj: pointwise([channels_in, of.width]),
        };
        Self {
            norm: norm(),
            attn: MultiQuery {
                query: whole([channels_in, of.heads * of.width]),
                key: smaller(),
                value: smaller(),
                output: whole([of.heads * of.width, channels_out]),
                heads: of.heads,
            },
            layer_scale: config.layer_scale(device),
            drop_path: config.drop_path(),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height, width]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let inside = |x| self.attn.forward(self.norm.forward(x, Activation::Identity));
        let last = ConvNormAct::new(&self.attn.output.proj, None, Activation::Identity);
        residual(
            self.drop_path.as_ref(),
            x,
            inside,
            &last.scaled(self.layer_scale.as_ref().map(|scale| &scale.gamma)),
        )
    }
}

impl MultiQuery {
    /// What the heads found, `[batch, heads * width, height, width]`: the output's convolution comes behind.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let [batch, _, height, width] = x.dims();
        let vectors = |map: FeatureMap, heads: usize| {
            let [_, channels, height, width] = map.dims();
            let rows = map.into_tensor().permute([0, 2, 3, 1]);
            rows.reshape([batch, height * width * heads, channels / heads])
        };
        // With keys for all heads, a head at a place is a row like any.
        let query = vectors(self.query.forward(x.clone()), self.heads);
        let key = vectors(self.key.forward(x.clone()), 1);
        let value = vectors(self.value.forward(x), 1);
        let [_, _, channels] = query.dims();
        let scale = (channels as f64).sqrt().recip();
        let shares = softmax(query.mul_scalar(scale).matmul(key.swap_dims(1, 2)), 2);
        let found = shares.matmul(value).reshape([batch, height, width, self.heads * channels]);
        FeatureMap::new(found.permute([0, 3, 1, 2]))
    }
}

impl Reduced {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = match &self.down_conv {
            Some(down) => {
                ConvNormAct::new(down, self.norm.as_ref(), Activation::Identity).forward(x)
            }
            None => x,
        };
        ConvNormAct::new(&self.proj, None, Activation::Identity).forward(x)
    }
}

/// A convolution drawn as Glorot and Bengio do, which keeps attention stable (timm).
fn xavier(config: Conv2dConfig, device: &Device) -> Conv2d {
    let Conv2dConfig { channels: [channels_in, channels_out], kernel, groups, .. } = config;
    let [height, width] = kernel;
    let shape = [channels_out, channels_in / groups, height, width];
    let area = height * width;
    let fans = [channels_in / groups * area, channels_out * area].map(Some);
    let mut conv = config.init(device);
    conv.weight =
        Initializer::XavierUniform { gain: 1.0 }.init_with(shape, fans[0], fans[1], device);
    conv
}
