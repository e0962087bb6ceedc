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
//! | [`gaussian_blur`] | the same | tensor | 1: sums are rounded in another order |

mod color;
mod filter;
mod flip;
mod tone;

pub use color::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, to_grayscale};
pub use filter::{adjust_sharpness, gaussian_blur};
pub use flip::{hflip, vflip};
pub use tone::{autocontrast, equalize, invert, posterize, solarize};
