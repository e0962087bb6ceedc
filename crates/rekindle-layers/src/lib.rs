//! The contract every pretrained network keeps ([`Backbone`]), and the layers that networks are made of.
//!
//! Layers hold parameters under the names of timm's checkpoints and under Burn's struct names
//! (`BatchNorm`, `Conv2d`) where Burn has the same layer; what they compute is in `rekindle-kernels`. Inside
//! a network a feature map is a [`FeatureMap`].

mod attention;
mod backbone;
mod batch_norm;
mod branches;
mod conv1d;
mod conv2d;
mod conv_norm_act;
mod drop_path;
mod flow;
mod fusion;
mod group_norm;
mod layer_norm;
mod layer_scale;
mod names;
mod pool;
mod positions;
mod projection;
mod recurrent;
mod rules;
mod sequence;
mod several;
mod squeeze_excite;

pub use attention::{MultiheadAttention, Rotary, local_window, split_heads};
pub use backbone::{Backbone, Landmarks, Stage, StageOutput};
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use branches::{Branches, FusedBranches};
pub use conv_norm_act::{ConvNormAct, Matrix};
pub use conv1d::{Conv1d, Conv1dConfig, Padding1d};
pub use conv2d::{Bias, Conv2d, Conv2dConfig, Padding, Weights};
pub use drop_path::DropPath;
pub use flow::{Flow, Input};
pub use fusion::{Fused, Fusion};
pub use group_norm::{GroupNorm, GroupNormConfig};
pub use layer_norm::{LayerNorm, LayerNormConfig};
pub use layer_scale::LayerScale;
pub use names::{
    NameStack, ParameterInfo, ParameterMapper, ParameterVisitor, map_parameters, parameters,
    visit_parameters,
};
pub use pool::{AveragePool, Divisor, MaxPool, global_mean, half_average, half_blur};
pub use positions::{position_filter, resample_positions};
pub use projection::{Projection, ProjectionConfig, Rows};
pub use recurrent::{Recurrent, RecurrentConfig};
pub use rekindle_kernels::{
    Activation, Attention, FeatureMap, GrowingMap, PackedWeights, Recurrence, RecurrentState,
    activate, add, add_scaled, attention, dropout, embedding, linear, pad, response_norm,
    self_attention, take_rows, unpad,
};
pub use rules::{Resample, Rule, Rules, Saved};
pub use sequence::{Pooling, Sequence, TextFlow, TextPool, Tokens};
pub use several::{JoinConfig, PartConfig, PartFlow, Several, SeveralFlow};
pub use squeeze_excite::squeeze_excite;
