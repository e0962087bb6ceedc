//! Fused operations of vision networks for Burn, with CPU kernels of our own and hand-written gradients.
//!
//! A [`FeatureMap`] is what flows through a network. On Burn's CPU backend (Flex, in `f32` or `f64`) it lies in
//! memory channels last, and [`convolve`] computes a convolution, the batch norm, the addition and the
//! activation that follow it in one pass. On every other backend the same functions compose Burn's own
//! operations, so a network is written once.
#![allow(
    unsafe_code,
    reason = "vector instructions and shared buffers; each block says why it is sound"
)]

mod activation;
mod addition;
mod at_once;
mod convolve;
mod cpu;
mod derived;
mod dropout;
mod embedding;
mod excite;
mod feature_map;
mod group_norm;
mod growing;
mod linear;
mod memory;
mod norm;
mod normalize;
mod ops;
mod optimize;
mod ours;
mod packed_weights;
mod pooling;
pub mod profile;
mod recurrence;
mod recurrent;
mod response;
mod sequence;
#[cfg(test)]
mod tests;

pub use activation::Activation;
pub use addition::{add, add_scaled};
pub use at_once::items_at_once;
pub use convolve::{Convolve, convolve};
pub use cpu::{Divisor, Isa, Window};
pub use derived::{Derived, Sources};
pub use dropout::dropout;
pub use embedding::{embedding, take_rows};
pub use excite::{SqueezeExcite, squeeze_excite};
pub use feature_map::FeatureMap;
pub use group_norm::{GroupNorm, group_norm};
pub use growing::GrowingMap;
pub use linear::linear;
pub use norm::{Norm, Statistics};
pub use normalize::{activate, normalize};
pub use optimize::{Update, update};
pub use packed_weights::PackedWeights;
pub use pooling::{average_pool, global_mean, max_pool};
pub use recurrence::Recurrence;
pub use recurrent::{Recur, RecurrentState, RecurrentWeights, recurrent};
pub use response::response_norm;
pub use sequence::{Attention, attention, layer_norm, max_over_time, pad, self_attention, unpad};
