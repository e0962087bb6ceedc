//! The contract every pretrained network keeps ([`Backbone`]), and the layers that networks are made of.
//!
//! Layers hold parameters under the names of timm's checkpoints and under Burn's struct names
//! (`BatchNorm`, `Conv2d`) where Burn has the same layer; what they compute is in `rekindle-kernels`. Inside
//! a network a feature map is a [`FeatureMap`].

mod backbone;
mod batch_norm;
mod conv2d;
mod conv_norm_act;
mod drop_path;
mod flow;
mod fusion;
mod names;
mod pool;
mod rules;
mod squeeze_excite;

pub use backbone::{Backbone, Landmarks, Stage, StageOutput};
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use conv_norm_act::ConvNormAct;
pub use conv2d::{Bias, Conv2d, Conv2dConfig, Padding};
pub use drop_path::DropPath;
pub use flow::{Flow, Input};
pub use fusion::{Fused, Fusion};
pub use names::{
    NameStack, ParameterInfo, ParameterMapper, ParameterVisitor, map_parameters, parameters,
    visit_parameters,
};
pub use pool::{AveragePool, MaxPool, global_mean};
pub use rekindle_kernels::{Activation, FeatureMap, PackedWeights, add, linear};
pub use rules::{Resample, Rule, Rules, Saved};
pub use squeeze_excite::squeeze_excite;
