//! The contract every pretrained network keeps ([`Backbone`]), and the layers that burn-nn lacks.
//!
//! Layers carry the names of timm's checkpoints where they hold parameters, and Burn's struct names
//! (`BatchNorm`, `Conv2d`, `Linear`) where Burn has the same layer.

mod activation;
mod backbone;
mod batch_norm;
mod convolution;
mod drop_path;
mod names;
mod squeeze_excite;

pub use activation::Activation;
pub use backbone::{Backbone, Landmarks, Stage};
pub use batch_norm::{BatchNorm, BatchNormConfig};
pub use convolution::{Padding, convolution};
pub use drop_path::DropPath;
pub use names::{NameStack, ParameterInfo, parameters};
pub use squeeze_excite::squeeze_excite;
