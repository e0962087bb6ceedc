//! The families, each a backbone.

pub mod blocks;
pub mod linear;
pub mod scratch;

use burn::{module::Initializer, prelude::*};
use rekindle_layers::{Projection, ProjectionConfig};

/// A linear layer, uniform in ±1/√in as PyTorch draws it.
fn dense([channels_in, channels_out]: [usize; 2], device: &Device) -> Projection {
    let mut layer = ProjectionConfig::new(channels_in, channels_out).init(device);
    let bound = 1.0 / (channels_in as f64).sqrt();
    let uniform = Initializer::Uniform { min: -bound, max: bound };
    layer.weight = uniform.init([channels_out, channels_in], device);
    layer.bias = Some(uniform.init([channels_out], device));
    layer
}
