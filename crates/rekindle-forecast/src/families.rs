//! The families, each a backbone.

pub mod blocks;
pub mod linear;
pub mod scratch;

use burn::{module::Initializer, prelude::*};
use rekindle_layers::{Projection, ProjectionConfig};

/// A linear layer before a ReLU: uniform, such that its outputs vary as much as its inputs (He and others 2015,
/// <https://arxiv.org/abs/1502.01852>). PyTorch's own begin so low that of four in a row little is left of what went in.
fn hidden(channels: [usize; 2], device: &Device) -> Projection {
    drawn(channels, (6.0 / channels[0] as f64).sqrt(), device)
}

/// A linear layer whose outputs begin small, so that a block begins with saying little.
fn saying(channels: [usize; 2], device: &Device) -> Projection {
    drawn(channels, 0.1 / (channels[0] as f64).sqrt(), device)
}

fn drawn([channels_in, channels_out]: [usize; 2], bound: f64, device: &Device) -> Projection {
    let mut layer = ProjectionConfig::new(channels_in, channels_out).init(device);
    let uniform = Initializer::Uniform { min: -bound, max: bound };
    layer.weight = uniform.init([channels_out, channels_in], device);
    layer
}
