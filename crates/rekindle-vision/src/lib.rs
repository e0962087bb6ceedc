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

pub mod dense;
pub mod densenet;
pub mod densenet_cifar;
pub mod efficientnet;
mod flow;
mod inception;
pub mod inception_resnet_v2;
pub mod inception_v3;
pub mod inverted;
mod least;
mod mixed;
pub mod mobile;
pub mod mobilenet;
mod network;
pub mod preactivation;
pub mod regnet;
pub mod residual;
pub mod resnet;
pub mod resnet_cifar;
pub mod resnetv2;
mod squeeze;
mod unit;
mod variant;
pub mod vgg;
mod widths;
pub mod xception;

pub use flow::{Patches, VisionFlow};
pub use network::{Architecture, UnknownArchitecture, VisionBackbone, architectures};
pub use variant::{Init, Regularization, Variant};
