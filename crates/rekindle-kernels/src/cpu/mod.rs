//! The CPU kernels: slices in, slices out, no Burn.
//!
//! Maps are `[batch, height, width, channels]`, weights `[out, in / groups, height, width]`.
#![allow(clippy::needless_range_loop, reason = "arrays of registers are unrolled by index")]

mod activation;
pub(crate) mod attention;
pub(crate) mod blocks;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod dropout;
pub(crate) mod gate;
mod geometry;
pub(crate) mod layer_norm;
mod layout;
pub(crate) mod mean;
pub(crate) mod norm;
pub(crate) mod over_time;
mod pack;
mod parallel;
pub(crate) mod pool;
mod post;
pub(crate) mod recurrent;
pub(crate) mod scale;
mod simd;
pub(crate) mod slope;
pub(crate) mod sparse;
#[cfg(test)]
mod tests;
mod tile;
pub(crate) mod update;
pub(crate) mod weight_gradient;
mod winograd;

pub use activation::Activation;
pub(crate) use activation::QUICK;
pub use geometry::Window;
pub(crate) use geometry::{Convolution, Direction, Extent, count};
pub(crate) use norm::Pixels;
pub(crate) use pack::Packed;
pub(crate) use parallel::{Shared, Written, parts, tasks};
pub use pool::Divisor;
pub(crate) use post::Post;
pub use simd::Isa;
pub(crate) use simd::Real;
