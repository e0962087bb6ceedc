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
pub mod blocks;
pub mod efficientnet;
mod flow;
mod inverted;
pub mod mnasnet;
pub mod mobile;
pub mod mobilenet;
pub mod mobilenetv4;
mod multi_query;
mod network;
pub mod repvgg;
pub mod residual;
pub mod resnet;
pub mod resnet_cifar;
mod squeeze;
mod unit;
mod universal;
mod variant;
pub mod vgg;
mod widths;

pub use flow::{Patches, VisionFlow};
pub use network::{Architecture, UnknownArchitecture, VisionBackbone, architectures};
pub use variant::{Init, Regularization, Variant};
