//! What becomes of the sums of a convolution before they are written.

use super::{activation::Activation, simd::Real};
use crate::memory::Buffer;

/// What follows the sum: `y = activation(scale * sum + shift + residual)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a, E> {
    /// A factor for each output channel.
    pub(crate) scale: Option<&'a [E]>,
    /// What is added for each output channel.
    pub(crate) shift: Option<&'a [E]>,
    /// What is added for each number of the output.
    pub(crate) residual: Option<&'a [E]>,
    /// Applied last.
    pub(crate) activation: Activation,
}

impl<E> Default for Post<'_, E> {
    fn default() -> Self {
        Self { scale: None, shift: None, residual: None, activation: Activation::Identity }
    }
}

/// `len` numbers: `values`, and `otherwise` where there are none.
pub(crate) fn extended<E: Real>(values: Option<&[E]>, otherwise: E, len: usize) -> Buffer<E> {
    let mut buffer = Buffer::filled(len, otherwise);
    if let Some(values) = values {
        buffer[..values.len()].copy_from_slice(values);
    }
    buffer
}
