//! Pretrained vision architectures: a family is a file, a variant is a row of its table.
//!
//! ```
//! use burn::prelude::*;
//! use rekindle_layers::Backbone;
//! use rekindle_vision::{Init, VisionBackbone};
//!
//! let device = Device::default();
//! let resnet = VisionBackbone::new("resnet18", &Init::default(), &device)?;
//! let images = Tensor::<4>::zeros([2, 3, 64, 96], &device);
//! assert_eq!(resnet.embed(images).dims(), [2, 512]);
//! # Ok::<(), rekindle_vision::UnknownArchitecture>(())
//! ```

mod antialias;
mod attention_pool;
pub mod blocks;
pub mod convnext;
mod convnext_block;
mod convnext_stem;
pub mod deit;
pub mod dense;
pub mod densenet;
pub mod densenet_cifar;
pub mod dinov2;
pub mod dinov3;
pub mod efficientnet;
mod encoder_block;
mod flow;
mod inception;
pub mod inception_resnet_v2;
pub mod inception_v3;
mod inverted;
mod least;
mod mixed;
pub mod mnasnet;
pub mod mobile;
pub mod mobilenet;
pub mod mobilenetv4;
mod multi_query;
mod network;
mod patch_angles;
mod patch_embed;
pub mod preactivation;
pub mod regnet;
mod relative;
pub mod repvgg;
pub mod residual;
pub mod resnet;
pub mod resnet_cifar;
pub mod resnetv2;
mod squeeze;
pub mod swin;
mod swin_block;
mod unit;
mod universal;
mod variant;
pub mod vgg;
pub mod vision_transformer;
pub mod vit;
mod widths;
mod windows;
pub mod xception;

pub use flow::{Patches, VisionFlow};
pub use network::{Architecture, UnknownArchitecture, VisionBackbone, architectures};
pub use variant::{Init, Regularization, Variant};
