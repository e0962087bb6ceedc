//! Changes of a picture with fixed parameters, equal to those of torchvision's `transforms.functional`.
//!
//! | here | torchvision | backend | greatest difference, of 255 |
//! |---|---|---|---|
//! | [`hflip`], [`vflip`] | the same | PIL | 0 |
//! | [`adjust_brightness`], [`adjust_contrast`], [`adjust_saturation`] | the same | PIL | 0 |
//! | [`adjust_hue`] | the same | PIL | 0 |
//! | [`to_grayscale`] | `to_grayscale` with as many channels as before | PIL | 0 |
//! | [`solarize`], [`posterize`], [`equalize`], [`autocontrast`], [`invert`] | the same | PIL | 0 |
//! | [`adjust_sharpness`] | the same | PIL | 0 |
//! | [`rotate`], [`affine`] | the same | PIL | 0 |
//! | [`perspective`] | the same | PIL | 1: its coefficients are solved for in another way |
//! | [`erase`] | the same | tensor | 0 |
//! | [`Operation::apply`] | `autoaugment._apply_op` | PIL | 0 |
//! | [`gaussian_blur`] | the same | tensor | 1: sums are rounded in another order |

mod color;
mod erase;
mod examples;
mod filter;
mod flip;
mod operation;
mod perspective;
mod tone;
mod warp;

pub use color::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, to_grayscale};
pub use erase::erase;
pub use examples::{EXAMPLES, Example};
pub use filter::{adjust_sharpness, gaussian_blur};
pub use flip::{hflip, vflip};
pub use operation::Operation;
pub use perspective::{Corners, perspective};
pub use tone::{autocontrast, equalize, invert, posterize, solarize};
pub use warp::{Affine, Sampling, Warp, affine, rotate};
